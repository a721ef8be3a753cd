//! Reports as files: the same rounded figures as the API's, read back by common readers; and access to them.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;
use serde_json::{Value, json};
use sillage::rollup::counters::{Batch, TimingsRow};

use crate::collector::{FIREFOX, pageview};
use crate::console::Served;
use crate::process::Home;
use crate::query::{TEN, action, breakdown, page, store};
use crate::support::{self, eventually};

/// Figures that rounding changes, in every table, for two sites.
fn batch() -> Batch {
    let timing = |bucket, count| TimingsRow {
        site: "shop.example".into(),
        day: crate::query::DAY.0,
        hour: TEN,
        page: "/".into(),
        metric: "lcp",
        bucket,
        count,
    };
    Batch {
        token: "export-1".into(),
        origin: "".into(),
        pages: vec![
            page("shop.example", TEN, "/", [1_234, 87, 91, 66, 50, 31, 9_000, 700_000, 70, 5_000, 60, 0]),
            page("shop.example", TEN + 3_600, "/a \"quoted\", page", [17, 0, 12, 3, 2, 1, 60, 0, 0, 0, 0, 0]),
            page("shop.example", TEN, "/hardly", [3, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
            page("other.example", TEN, "/others", [500, 500, 500, 500, 500, 0, 0, 0, 0, 0, 0, 0]),
        ],
        breakdowns: vec![
            breakdown("country", "/", "FR", [1_204, 83, 83, 71, 29, 8_900]),
            breakdown("country", "/", "DE", [47, 16, 16, 8, 3, 160]),
        ],
        actions: vec![action("", "", 33, 21), action("plan", "pro", 18, 14)],
        timings: vec![timing(20, 63), timing(30, 31)],
        ..Batch::default()
    }
}

/// A file from the console: status, headers, bytes.
async fn fetched(served: &Served, token: &str, asked: &str) -> (u16, HeaderMap, Bytes) {
    let request = Request::get(format!("http://{}/api/export?{asked}", served.address))
        .header("authorization", format!("Bearer {token}"))
        .body(Full::<Bytes>::default())
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
}

pub(crate) async fn file(served: &Served, asked: &str) -> Bytes {
    let asked = format!("site=shop.example&from=2026-03-01&to=2026-03-31&{asked}");
    let (status, headers, bytes) = fetched(served, &served.shop, &asked).await;
    assert_eq!(status, 200, "{asked}: {bytes:?}");
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"shop.example-"));
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    bytes
}

/// The rows of a JSON lines export.
async fn lines(served: &Served, asked: &str) -> Vec<Value> {
    let bytes = file(served, &format!("{asked}&format=jsonl")).await;
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The API's answer to the same query, as rows of a file; sorted by time, then by the value or the page.
async fn api(served: &Served, dimensions: &[&str], columns: &[&str], metrics: &[&str]) -> Vec<Value> {
    let order: Vec<_> = dimensions.iter().map(|dimension| json!([dimension, "asc"])).collect();
    let query = json!({
        "site_id": "shop.example", "date_range": ["2026-03-01", "2026-03-31"],
        "dimensions": dimensions, "metrics": metrics, "order_by": order,
    });
    let reply = served.ask_as(&served.shop, &query.to_string()).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    let row = |row: &Value| {
        let values = row["dimensions"].as_array().unwrap().iter().chain(row["metrics"].as_array().unwrap());
        columns.iter().chain(metrics).map(|name| (*name).to_owned()).zip(values.cloned()).collect::<Value>()
    };
    reply.body["results"].as_array().unwrap().iter().map(row).collect()
}

const OF_PAGES: [&str; 8] =
    ["visitors", "visits", "pageviews", "bounce_rate", "visit_duration", "time_on_page", "scroll_depth", "not_found"];

#[tokio::test]
async fn a_file_holds_what_the_api_answers() {
    let served = crate::console::serve(store(1, &batch()).await, 1).await;
    let pages = lines(&served, "report=pages").await;
    assert_eq!(pages, api(&served, &["time:day", "event:page"], &["time", "page"], &OF_PAGES).await);
    assert_eq!(pages.len(), 3, "{pages:?}");
    assert_eq!((&pages[0]["pageviews"], &pages[0]["visitors"]), (&json!(1_234), &json!(91)), "{pages:?}");
    assert_eq!(lines(&served, "report=pages&grain=hour").await[2]["time"], "2026-03-10 11:00:00");
    assert_eq!(lines(&served, "report=site").await[0]["pageviews"], 1_254);

    let countries = lines(&served, "report=breakdowns&dimension=visit:country").await;
    let metrics = ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];
    assert_eq!(countries, api(&served, &["time:day", "visit:country"], &["time", "value"], &metrics).await);
    assert_eq!(
        countries[0],
        json!({
            "time": "2026-03-10", "value": "DE", "visitors": 16, "visits": 8, "pageviews": 47,
            "views_per_visit": 5.88, "bounce_rate": 38, "visit_duration": 20,
        })
    );
    let actions = lines(&served, "report=actions").await;
    assert_eq!(actions, api(&served, &["time:day", "event:name"], &["time", "value"], &["visitors", "events"]).await);
    assert_eq!(actions, [json!({ "time": "2026-03-10", "value": "Signup", "visitors": 21, "events": 33 })]);
    let plans = lines(&served, "report=actions&dimension=event:props:plan&grain=month").await;
    assert_eq!(plans, [json!({ "time": "2026-03-01", "value": "pro", "visitors": 14, "events": 18 })]);
    let timings = lines(&served, "report=timings").await;
    let metrics = ["events", "p50", "p75", "p95"];
    assert_eq!(timings, api(&served, &["time:day", "event:timing"], &["time", "value"], &metrics).await);
    assert_eq!(timings[0]["events"], 94);
    served.stop().await;
}

#[tokio::test]
async fn each_format_is_read_back_by_what_reads_it() {
    let store = store(1, &batch()).await;
    let served = crate::console::serve(store.clone(), 1).await;
    let rows = lines(&served, "report=pages").await;
    for (format, reader) in [("csv", "CSVWithNames"), ("jsonl", "JSONEachRow"), ("parquet", "Parquet")] {
        let bytes = file(&served, &format!("report=pages&format={format}")).await;
        let table = format!("format('{reader}', base64Decode('{}'))", BASE64_STANDARD.encode(&bytes));
        let figures = OF_PAGES.map(|name| format!("toInt64OrNull(ifNull(toString({name}), '')) AS {name}")).join(", ");
        let sql = format!("SELECT toString(time) AS time, page, {figures} FROM (SELECT * FROM {table}) ORDER BY page");
        let read = store.ask_as_owner(&sql).json().await.unwrap();
        assert_eq!(read.into_iter().map(Value::Object).collect::<Vec<_>>(), rows, "{format}");
        if format == "parquet" {
            assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
        }
    }
    let text = String::from_utf8(file(&served, "report=pages&format=csv").await.to_vec()).unwrap();
    assert_eq!(text.lines().next().unwrap().replace('"', ""), format!("time,page,{}", OF_PAGES.join(",")));
    assert_eq!(
        text.lines().last().unwrap(),
        r#""2026-03-10","/hardly","1","1","3","100","0","","","0""#,
        "no figure is an empty field"
    );
    let asked = "site=shop.example&report=pages&date_range=7d&format=";
    for (format, kind) in
        [("csv", "text/csv"), ("jsonl", "application/jsonl"), ("parquet", "application/vnd.apache.parquet")]
    {
        let (_, headers, _) = fetched(&served, &served.shop, &format!("{asked}{format}")).await;
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind), "{headers:?}");
        let name = format!("attachment; filename=\"shop.example-pages-2026-03-04-2026-03-10.{format}\"");
        assert_eq!(headers["content-disposition"], name);
    }
    served.stop().await;
}

#[tokio::test]
async fn the_dictionary_beside_a_file_names_its_columns_units_and_protection() {
    for (rounding, kind) in [(1, "exact"), (10, "tens")] {
        let served = crate::console::serve(store(rounding, &batch()).await, rounding).await;
        for report in [
            "report=pages",
            "report=site&grain=week",
            "report=breakdowns&dimension=visit:country",
            "report=actions",
            "report=actions&dimension=event:props:plan",
            "report=timings",
            "report=robots",
            "report=outcomes",
        ] {
            let asked = format!("site=shop.example&date_range=7d&{report}");
            let (_, headers, bytes) = fetched(&served, &served.shop, &format!("{asked}&format=csv")).await;
            let link = headers["link"].to_str().unwrap();
            let path = link.strip_prefix('<').unwrap().split_once(">; rel=\"describedby\"").unwrap().0;
            let bearer = format!("Bearer {}", served.shop);
            let dictionary = served.send(&format!("GET {path}"), &[("Authorization", &bearer)], "").await.body;
            let columns = dictionary["columns"].as_array().unwrap();
            let names: Vec<_> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let first = text.lines().next().unwrap_or_default().replace('"', "");
            assert_eq!(names.join(","), first, "{report}");
            for column in columns {
                assert!(!column["meaning"].as_str().unwrap().is_empty(), "{report}: {column}");
                let is_figure = column["type"] != "text";
                assert_eq!(is_figure, !column["unit"].as_str().unwrap().is_empty(), "{report}: {column}");
            }
            assert_eq!(dictionary["protection"]["kind"], kind);
            assert_eq!(dictionary["protection"]["step"], rounding);
        }
        served.stop().await;
    }
}

#[tokio::test]
async fn a_token_without_the_site_gets_no_file_and_learns_nothing() {
    let served = crate::console::serve(store(1, &batch()).await, 1).await;
    let asked = "report=pages&format=csv&date_range=7d";
    let hidden = fetched(&served, &served.shop, &format!("site=other.example&{asked}")).await;
    let unknown = fetched(&served, &served.shop, &format!("site=unknown.example&{asked}")).await;
    assert_eq!((hidden.0, unknown.0), (403, 403));
    assert_eq!(hidden.2, unknown.2);
    // Other errors are told only to a token that may read the site.
    assert_eq!(fetched(&served, &served.shop, "site=other.example&report=x").await.2, hidden.2);
    assert_eq!(fetched(&served, &served.shop, "site=shop.example&report=x").await.0, 400);
    assert_eq!(fetched(&served, &served.everything, &format!("site=other.example&{asked}")).await.0, 200);
    assert_eq!(fetched(&served, "sillage_wrong", &format!("site=shop.example&{asked}")).await.0, 401);
    let bearer = format!("Bearer {}", served.everything);
    let request = format!("POST /api/export?site=shop.example&{asked}");
    assert_eq!(served.send(&request, &[("Authorization", &bearer)], "").await.status, 405);
    let foreign = [("Sec-Fetch-Site", "cross-site"), ("Cookie", "sillage=x")];
    let request = format!("GET /api/export?site=shop.example&{asked}");
    assert_eq!(served.send(&request, &foreign, "").await.status, 403, "another site's page starts no export");
    served.stop().await;
}

#[tokio::test]
async fn a_cell_that_a_spreadsheet_would_calculate_is_a_text_in_every_report() {
    let starts = [
        "=",
        "+",
        "-",
        "@",
        "\t=",
        "\r=",
        "\n",
        " =",
        "\u{a0}+",
        "\u{3000}=",
        "\u{ff1d}",
        "\u{ff0b}",
        "\u{ff0d}",
        "\u{ff20}",
    ];
    let mut rows = batch();
    for (number, start) in starts.iter().enumerate() {
        let text = format!("{start}1+{number}");
        rows.breakdowns.push(breakdown("country", "/", &text, [100, 50, 50, 50, 0, 0]));
        rows.actions.push(action("plan", &text, 30, 20));
        rows.pages.push(page("shop.example", TEN, &text, [100, 50, 50, 50, 0, 0, 0, 0, 0, 0, 0, 0]));
    }
    let served = crate::console::serve(store(1, &rows).await, 1).await;
    for asked in
        ["report=pages", "report=breakdowns&dimension=visit:country", "report=actions&dimension=event:props:plan"]
    {
        let written = file(&served, &format!("{asked}&format=csv")).await;
        let mut reader = csv::Reader::from_reader(&*written);
        let cells: Vec<String> =
            reader.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect();
        for (number, start) in starts.iter().enumerate() {
            let text = format!("{start}1+{number}");
            assert!(cells.contains(&format!("'{text}")) && !cells.contains(&text), "{asked}: {text:?} in {cells:?}");
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_said_before_a_file_begins() {
    let served = crate::console::serve(crate::console::absent_database(), 10).await;
    let asked = "site=shop.example&report=pages&format=csv&date_range=7d";
    let (status, headers, _) = fetched(&served, &served.shop, asked).await;
    assert_eq!((status, headers.contains_key("content-disposition")), (503, false));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_exports_beside_a_running_collector_and_without_one() {
    let home = Home::new("");
    let export = async |more: &[&str]| {
        let base = ["export", "--site", "shop.example", "--report", "pages", "--date-range", "7d"];
        let mut command = home.command(&[&base, more].concat());
        tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("it ends").unwrap()
    };
    let nothing = export(&[]).await;
    assert_eq!((nothing.status.code(), nothing.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("sillage migrate"), "{nothing:?}");

    let program = home.serve(&[]).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let hit = Request::post(format!("http://{}/api/event", program.collect))
        .header("user-agent", FIREFOX)
        .body(Full::new(Bytes::from(pageview("shop.example", "/pricing", None).to_string())));
    assert_eq!(client.request(hit.unwrap()).await.unwrap().status(), 202);
    eventually("the page is in the database", async || {
        let sql = "SELECT count() FROM sillage.page_days";
        program.store.ask_as_owner(sql).rows::<u64>().await.is_ok_and(|rows| rows == [1])
    })
    .await;
    let beside = export(&[]).await;
    assert!(String::from_utf8_lossy(&beside.stdout).contains(",\"/pricing\",\"1\","), "{beside:?}");
    assert!(program.end(Signal::TERM).await.success());

    let path = home.path().join("pages.jsonl");
    let alone = export(&["--format", "jsonl", "--output", path.to_str().unwrap()]).await;
    assert!(alone.status.success() && alone.stdout.is_empty(), "{alone:?}");
    let row: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&row["page"], &row["pageviews"]), (&json!("/pricing"), &json!(1)));
    let beside: Value =
        serde_json::from_slice(&std::fs::read(home.path().join("pages.jsonl.dictionary.json")).unwrap()).unwrap();
    let names: Vec<_> =
        beside["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| row.get(*name).is_some()) && names.len() == row.as_object().unwrap().len());
    for wrong in [["--format", "xlsx"], ["--grain", "minute"], ["--dimension", "visit:os"]] {
        assert_eq!(export(&wrong).await.status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_export_never_reads_as_the_owner_of_the_tables() {
    let home = Home::new("");
    let mut command = home.command(&["export", "--site", "shop.example", "--report", "pages", "--date-range", "7d"]);
    let owner = &support::endpoint().writer;
    let password = home.path().join("password");
    std::fs::write(&password, &owner.password).unwrap();
    command.env("SILLAGE_CLICKHOUSE__MODE", "remote").env("SILLAGE_CLICKHOUSE__URL", &support::endpoint().url);
    command.env("SILLAGE_CLICKHOUSE__USER", &owner.user).env("SILLAGE_CLICKHOUSE__PASSWORD_FILE", &password);
    let refused = tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("clickhouse.reader"), "{refused:?}");
}
