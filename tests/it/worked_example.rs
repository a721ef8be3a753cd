//! The worked example: two people, one day, through the real listener into a real engine and back through the API.
//! Every figure is known in advance.

use serde_json::{Value, json};

use crate::collector::{Collector, pageview};

const SHOP: &str = "shop.example";
const FRANCE: &str = "90.0.0.1";
const GERMANY: &str = "91.0.0.1";
const FIREFOX_ANDROID: &str = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
const CHROME_WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// The day's hits, Paris time (UTC + 1).
async fn the_day() -> Collector {
    let shop = Collector::start(
        "2026-03-10T09:00:00Z",
        r#"site = [{ name = "shop.example", timezone = "Europe/Paris", hosts = ["shop.example", "www.shop.example"] }]"#,
    )
    .await;
    let a = |event: Value| shop.event_owned(FRANCE, FIREFOX_ANDROID, event);
    let counted = |reply: crate::collector::Reply| assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
    shop.at("2026-03-10T09:00:00Z");
    counted(a(pageview(SHOP, "/", Some("https://www.news.example/today?id=7"))).await);
    shop.at("2026-03-10T09:00:40Z");
    counted(a(pageview(SHOP, "/pricing", Some("https://shop.example/"))).await);
    shop.at("2026-03-10T09:01:30Z");
    let reading = json!({ "n": "engagement", "d": SHOP, "u": "https://shop.example/pricing", "e": 45_000, "sd": 80 });
    counted(a(reading).await);
    shop.at("2026-03-10T09:05:00Z");
    counted(shop.event(GERMANY, CHROME_WINDOWS, &pageview(SHOP, "/pricing", None)).await);
    shop.at("2026-03-10T09:20:00Z");
    counted(a(pageview(SHOP, "/", Some("https://shop.example/pricing"))).await);
    shop.at("2026-03-10T10:00:00Z");
    counted(a(pageview(SHOP, "/pricing", None)).await);
    shop.app.flush().await.unwrap();
    shop
}

impl Collector {
    async fn event_owned(&self, address: &str, agent: &str, event: Value) -> crate::collector::Reply {
        self.event(address, agent, &event).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_comes_out_exactly() {
    let shop = the_day().await;
    let sql = format!(
        "SELECT page, sum(pageviews) AS a, sum(visitors) AS b, sum(visits) AS c, sum(exits) AS d, \
         sum(bounces) AS e, sum(visit_seconds) AS f, sum(engaged_ms) AS g, sum(scroll_percent) AS h, \
         sum(scroll_views) AS i FROM {}.page_days WHERE day = '2026-03-10' GROUP BY page ORDER BY page",
        shop.store.database()
    );
    let rows = shop.store.ask_as_owner(&sql).json().await.unwrap();
    let of = |row: &serde_json::Map<String, Value>| {
        ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|name| row[name].as_i64().unwrap())
    };
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0]["page"].as_str(), of(&rows[0])), (Some("/"), [2, 1, 1, 1, 0, 1200, 0, 0, 0]));
    assert_eq!((rows[1]["page"].as_str(), of(&rows[1])), (Some("/pricing"), [3, 2, 2, 2, 2, 0, 45_000, 80, 1]));
    assert_eq!(shop.sum("site_days WHERE day = '2026-03-10'", "visitors").await, 2);

    let sql = format!(
        "SELECT dimension || ' ' || value AS what, sum(pageviews) AS a, sum(visitors) AS b, sum(visits) AS c, \
         sum(bounces) AS d, sum(visit_seconds) AS e FROM {}.dimension_days \
         WHERE dimension IN ('country', 'referrer', 'previous_page') GROUP BY what ORDER BY what",
        shop.store.database()
    );
    let rows = shop.store.ask_as_owner(&sql).json().await.unwrap();
    let breakdowns: Vec<(String, [i64; 5])> = rows
        .iter()
        .map(|row| {
            let what = row["what"].as_str().unwrap().to_owned();
            (what, ["a", "b", "c", "d", "e"].map(|name| row[name].as_i64().unwrap()))
        })
        .collect();
    let expected = [
        ("country DE", [1, 1, 1, 1, 0]),
        ("country FR", [4, 1, 2, 1, 1200]),
        ("previous_page /", [1, 0, 0, 0, 0]),
        ("previous_page /pricing", [1, 0, 0, 0, 0]),
        ("referrer (direct)", [2, 1, 2, 2, 0]),
        ("referrer news.example", [1, 1, 1, 0, 1200]),
    ]
    .map(|(what, figures)| (what.to_owned(), figures));
    assert_eq!(breakdowns, expected);
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_example_reads_back_through_the_api() {
    let shop = the_day().await;
    let day = json!(["2026-03-10", "2026-03-10"]);
    let metrics = json!(["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"]);
    let site = json!({ "site_id": SHOP, "metrics": metrics, "date_range": day });
    assert_eq!(shop.query(site).await, json!([{ "metrics": [2, 3, 5, 1.67, 67, 400], "dimensions": [] }]));
    let countries = json!({
        "site_id": SHOP, "metrics": ["pageviews", "visitors", "visits"], "date_range": day,
        "dimensions": ["visit:country"]
    });
    assert_eq!(
        shop.query(countries).await,
        json!([
            { "metrics": [4, 1, 2], "dimensions": ["FR"] },
            { "metrics": [1, 1, 1], "dimensions": ["DE"] }
        ])
    );
    let pages = json!({
        "site_id": SHOP, "metrics": ["pageviews", "visitors", "time_on_page"], "date_range": day,
        "dimensions": ["event:page"]
    });
    assert_eq!(
        shop.query(pages).await,
        json!([
            { "metrics": [3, 2, 45], "dimensions": ["/pricing"] },
            { "metrics": [2, 1, null], "dimensions": ["/"] }
        ])
    );
    shop.app.stop().await;
}

/// Key and figures of every row of a published table.
async fn published(shop: &Collector, key: &str, figures: &str, table: &str) -> Vec<(String, Vec<i64>)> {
    let database = shop.store.database();
    let sql = format!("SELECT {key}, toString([{figures}]) FROM {database}.{table} GROUP BY 1 ORDER BY 1");
    let rows = shop.store.ask_as_owner(&sql).rows::<(String, String)>().await.unwrap();
    rows.into_iter().map(|(key, figures)| (key, serde_json::from_str(&figures).unwrap())).collect()
}

fn rows<const N: usize>(expected: [(&str, &[i64]); N]) -> Vec<(String, Vec<i64>)> {
    expected.map(|(key, figures)| (key.to_owned(), figures.to_vec())).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_exact_the_worked_example_is_in_every_published_table() {
    let shop = the_day().await;
    let visit = "sum(pageviews), sum(visitors), sum(visits)";
    let whole = format!("{visit}, sum(bounces), sum(visit_seconds), sum(engaged_ms), sum(scroll_percent)");
    let site = published(&shop, "concat(toString(day), ' ', toString(period))", &whole, "site_days").await;
    assert_eq!(site, rows([("2026-03-10 day", &[5, 2, 3, 2, 1200, 45_000, 80])]));
    let hours = published(&shop, "formatDateTime(hour, '%H')", visit, "site_hours").await;
    assert_eq!(hours, rows([("09", &[4, 2, 2]), ("10", &[1, 0, 1])]));
    let pages = published(&shop, "page", &format!("{whole}, sum(exits)"), "page_days").await;
    let expected = [("/", &[2, 1, 1, 0, 1200, 0, 0, 1][..]), ("/pricing", &[3, 2, 2, 2, 0, 45_000, 80, 2])];
    assert_eq!(pages, rows(expected));
    let values = published(&shop, "concat(dimension, ' ', value)", visit, "dimension_days").await;
    let shown = values.into_iter().filter(|(key, _)| ["country", "referrer"].iter().any(|name| key.starts_with(name)));
    let expected = [
        ("country DE", &[1, 1, 1][..]),
        ("country FR", &[4, 1, 2]),
        ("referrer (direct)", &[2, 1, 2]),
        ("referrer news.example", &[1, 1, 1]),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), rows(expected));
    let both = "sum(pageviews), sum(visitors)";
    let crossed = published(&shop, "concat(dimension, ' ', page, ' ', value)", both, "dimension_page_days").await;
    let country = crossed.into_iter().filter(|(key, _)| key.starts_with("country"));
    let expected = [("country / FR", &[2, 1][..]), ("country /pricing DE", &[1, 1]), ("country /pricing FR", &[2, 1])];
    assert_eq!(country.collect::<Vec<_>>(), rows(expected));
    shop.app.stop().await;
}
