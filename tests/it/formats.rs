//! Requests of other tools' trackers, field by field: each row of `docs/formats.md` has its case, and a dropped value
//! reaches neither the answer nor any table.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use crate::bad_input::CANARY;
use crate::collector::{Collector, FIREFOX, Reply};

const NOON: &str = "2026-03-10T12:00:00Z";
const UUID: &str = "94db1cb1-74f4-4a40-ad6c-962362670409";
const SITES: &str = r#"
    [[site]]
    name = "shop.example"
    ids = ["94db1cb1-74f4-4a40-ad6c-962362670409", "7", "shop"]
    properties = ["plan", "category", "name", "value", "file", "target", "query"]
    query_names_kept = ["page"]
    "#;

async fn send(collector: &Collector, method: &str, path: &str, body: String) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("user-agent", FIREFOX)
        .header("host", "shop.stats.example")
        .header("referer", "https://shop.example/from")
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-umami-cache", CANARY)
        .header("cookie", format!("id={CANARY}"));
    collector.collect(request.body(Full::new(Bytes::from(body))).unwrap()).await
}

/// Page, kind or action, referrer, screen and language of all counted hits.
async fn counted(collector: &Collector) -> BTreeSet<String> {
    collector.app.flush().await.unwrap();
    let mut rows = BTreeSet::new();
    for sql in [
        "SELECT DISTINCT format('page {}', page) FROM {db}.page_days WHERE pageviews > 0",
        "SELECT DISTINCT format('{} {}', dimension, value) FROM {db}.dimension_days WHERE dimension IN ('referrer', 'previous_page', 'screen', 'language')",
        "SELECT DISTINCT format('action {} on {}', action, page) FROM {db}.action_page_days",
        "SELECT DISTINCT format('{} = {}', property, value) FROM {db}.action_value_days",
        "SELECT DISTINCT format('time {}', metric) FROM {db}.timing_days",
    ] {
        rows.extend(collector.texts(sql).await);
    }
    rows
}

async fn check(requests: &[(&str, &str, String)], status: u16, expected: &[&str]) {
    let collector = Collector::start(NOON, SITES).await;
    for (method, path, body) in requests {
        let reply = send(&collector, method, path, body.clone()).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}: {:?}", reply.body);
        assert_eq!(reply.dropped(), None, "{method} {path}");
        assert!(!String::from_utf8_lossy(&reply.body).contains(CANARY), "{path}: echoed");
    }
    let rows = counted(&collector).await;
    let expected: BTreeSet<String> = expected.iter().map(|row| (*row).to_owned()).collect();
    assert_eq!(rows, expected);
    collector.app.stop().await;
}

fn umami(kind: &str, more: Value) -> Value {
    let mut payload = json!({
        "website": UUID, "hostname": "shop.example", "url": format!("/a?page=2&x={CANARY}"), "referrer": "https://news.example/x",
        "screen": "1920x1080", "language": "fr-FR", "title": CANARY, "tag": CANARY, "id": CANARY, "timestamp": 1,
        "ip": "203.0.113.9", "userAgent": CANARY, "browser": CANARY, "os": CANARY, "device": CANARY,
    });
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "type": kind, "payload": payload })
}

const SEEN: [&str; 4] = ["language fr", "page /a?page=2", "referrer news.example", "screen 1920 and more"];

#[tokio::test(flavor = "multi_thread")]
async fn umami_requests_are_kept_or_dropped_field_by_field() {
    let action = umami("event", json!({ "name": "Signup", "data": { "plan": "gold", "email": CANARY } }));
    let times = json!({ "lcp": 900, "inp": 80, "fcp": 400, "ttfb": 100, "cls": 0.1 });
    let events = [umami("event", json!({})), action, umami("performance", times)];
    let mut expected = SEEN.to_vec();
    expected.extend(["action Signup on /a?page=2", "plan = gold"]);
    expected.extend(["time lcp", "time inp", "time fcp", "time ttfb", "time cls"]);
    let singly: Vec<_> = events.iter().map(|event| ("POST", "/api/send", event.to_string())).collect();
    check(&singly, 200, &expected).await;
    check(&[("POST", "/api/batch", json!(events).to_string())], 200, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn umami_s_clients_get_the_answers_that_they_expect() {
    let collector = Collector::start(NOON, SITES).await;
    let reply = send(&collector, "POST", "/api/send", umami("event", json!({})).to_string()).await;
    assert!(["cache", "sessionId", "visitId"].iter().all(|key| reply.json()[key].is_string()));
    let batch = json!([umami("event", json!({})), umami("event", json!({}))]).to_string();
    let reply = send(&collector, "POST", "/api/batch", batch).await.json();
    assert_eq!((&reply["size"], &reply["processed"], &reply["errors"]), (&json!(2), &json!(2), &json!(0)));
    let reply = send(&collector, "POST", "/api/send", umami("identify", json!({})).to_string()).await;
    assert_eq!((reply.status.as_u16(), reply.dropped()), (200, Some("not_measured")));
    for body in
        [umami("event", json!({ "website": "other" })).to_string(), json!({ "type": "event" }).to_string(), "no".into()]
    {
        assert_eq!(send(&collector, "POST", "/api/send", body).await.status, 400);
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goatcounter_requests_are_kept_or_dropped_field_by_field() {
    let with =
        |more: &str| format!("/count?r=https%3A%2F%2Fnews.example%2Fx&s=1920,1080,2&t={CANARY}&rnd=x&ns=1&b=0&{more}");
    let view = with(&format!("p=%2Fa&q=page%3D2%26x%3D{CANARY}"));
    let action = with("p=Signup&e=true");
    let expected = ["page /a?page=2", "referrer news.example", "screen 1920 and more", "action Signup on /from"];
    check(&[("GET", &view, String::new()), ("POST", &action, String::new())], 200, &expected).await;
    let collector = Collector::start(NOON, SITES).await;
    let robot = send(&collector, "GET", "/count?p=/&b=150", String::new()).await;
    assert_eq!((robot.status.as_u16(), robot.dropped()), (200, Some("bot")));
    for query in ["", "p=", "p=/&b=3"] {
        assert_eq!(send(&collector, "GET", &format!("/count?{query}"), String::new()).await.status, 400, "{query}");
    }
    collector.app.stop().await;
}

/// Parameters about a person, about shops, and without use.
fn matomo(more: &str) -> String {
    let dropped = [
        "action_name",
        "_id",
        "uid",
        "cid",
        "pv_id",
        "ua",
        "cdo",
        "token_auth",
        "ec_id",
        "ec_items",
        "c_n",
        "c_p",
        "c_t",
        "c_i",
        "rand",
        "cs",
        "search_count",
    ];
    let dropped: String = dropped.map(|name| format!("&{name}={CANARY}")).concat();
    format!(
        "idsite=7&rec=1&cip=203.0.113.9&cdt=1&revenue=9&ec_st=1&ec_tx=1&ec_sh=1&ec_dt=1&new_visit=1&h=1&m=1&s=1&ca=1&bots=1{dropped}\
             &url=https%3A%2F%2Fshop.example%2Fa%3Fpage%3D2%26x%3D{CANARY}&urlref=https%3A%2F%2Fnews.example%2Fx&res=1920x1080&lang=fr{more}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn matomo_requests_are_kept_or_dropped_field_by_field() {
    let view = matomo("&pf_net=1&pf_srv=2&pf_tfr=3&pf_dm1=4&pf_dm2=5&pf_onl=6");
    let actions = [
        matomo("&e_c=shop&e_a=Add&e_n=boots&e_v=3"),
        matomo("&download=https%3A%2F%2Fshop.example%2Ff%2F12345678.pdf"),
        matomo("&link=https%3A%2F%2Fother.example%2Fx%3Fy%3D1"),
        matomo("&search=boots&search_cat=shoes"),
        matomo("&idgoal=4"),
    ];
    let mut expected = SEEN.to_vec();
    expected.extend(["time ttfb", "time load"]);
    expected.extend(
        ["Add", "Download", "Outbound", "Search", "Goal 4"]
            .map(|name| format!("action {name} on /a?page=2").leak() as &str),
    );
    expected.extend(["category = shop", "name = boots", "value = 3", "file = https://shop.example/f/:id.pdf"]);
    expected.extend(["target = https://other.example/x", "query = boots", "category = shoes"]);
    let all: Vec<String> = std::iter::once(view).chain(actions).collect();
    let got: Vec<String> = all.iter().map(|query| format!("/matomo.php?{query}")).collect();
    let got: Vec<_> = got.iter().map(|path| ("GET", path.as_str(), String::new())).collect();
    check(&got, 200, &expected).await;
    let posted: Vec<_> = all.iter().map(|form| ("POST", "/piwik.php", form.clone())).collect();
    check(&posted, 200, &expected).await;
    let bulk: Vec<String> = all.iter().map(|query| format!("?{query}")).collect();
    let body = json!({ "requests": bulk, "token_auth": CANARY }).to_string();
    check(&[("POST", "/matomo.php", body)], 200, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matomo_s_clients_get_the_answers_that_they_expect() {
    let collector = Collector::start(NOON, SITES).await;
    let silent = send(&collector, "GET", &format!("/matomo.php?{}", matomo("&send_image=0")), String::new()).await;
    assert_eq!((silent.status.as_u16(), silent.body.len()), (204, 0));
    let image = send(&collector, "GET", &format!("/matomo.php?{}", matomo("")), String::new()).await;
    assert_eq!((image.status.as_u16(), image.body.starts_with(b"GIF89a")), (200, true));
    let body = json!({ "requests": [format!("?{}", matomo("")), format!("?{}", matomo(""))] }).to_string();
    let bulk = send(&collector, "POST", "/matomo.php", body).await.json();
    assert_eq!(bulk, json!({ "status": "success", "tracked": 2, "invalid": 0 }));
    for query in ["idsite=7&rec=0&url=https://shop.example/", "idsite=7&rec=1&ping=1&url=https://shop.example/"] {
        let reply = send(&collector, "GET", &format!("/matomo.php?{query}"), String::new()).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (200, Some("not_measured")), "{query}");
    }
    assert_eq!(send(&collector, "GET", "/matomo.php?rec=1", String::new()).await.status, 400);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fathom_requests_are_kept_or_dropped_field_by_field() {
    let query = format!(
        "/collect?h=https%3A%2F%2Fshop.example&p=%2Fa%3Fpage%3D2%26x%3D{CANARY}&r=https%3A%2F%2Fnews.example%2Fx&sid=shop\
         &pid={CANARY}&u=1&nv=1&ns=1"
    );
    check(&[("GET", &query, String::new())], 200, &["page /a?page=2", "referrer news.example"]).await;
    let collector = Collector::start(NOON, SITES).await;
    let nothing = send(&collector, "GET", "/collect?h=https://shop.example", String::new()).await;
    assert_eq!((nothing.status.as_u16(), nothing.dropped()), (200, Some("not_measured")));
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_native_events_is_taken_whole_or_not_at_all() {
    let event =
        |path: &str| json!({ "n": "pageview", "u": format!("https://shop.example{path}"), "d": "shop.example" });
    let collector = Collector::start(NOON, SITES).await;
    let reply = send(&collector, "POST", "/api/event", json!([event("/one"), event("/two")]).to_string()).await;
    assert_eq!((reply.status.as_u16(), &reply.body[..]), (202, &b"ok"[..]));
    for wrong in [json!([event("/three"), { "n": "pageview" }]), json!([event("/three"), 7]), json!([])] {
        assert_eq!(send(&collector, "POST", "/api/event", wrong.to_string()).await.status, 400);
    }
    collector.app.flush().await.unwrap();
    let pages = collector.texts("SELECT page FROM {db}.page_days GROUP BY page ORDER BY page").await;
    assert_eq!(pages, ["/one", "/two"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_of_a_path_that_takes_hits_changes_nothing() {
    let collector = Collector::start(NOON, SITES).await;
    let event = json!({ "n": "pageview", "u": "https://shop.example/" }).to_string();
    assert_eq!(send(&collector, "POST", "/api/event/", event).await.status, 202);
    assert_eq!(send(&collector, "GET", "/count/?p=/", String::new()).await.status, 200);
    assert_eq!(send(&collector, "GET", "/api/event/", String::new()).await.status, 405);
    assert_eq!(collector.outcomes().await.1, 2);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_by_cookie_reaches_every_format() {
    let collector = Collector::start(NOON, SITES).await;
    let native = json!({ "n": "pageview", "u": "https://shop.example/" }).to_string();
    let umami = umami("event", json!({})).to_string();
    let matomo = format!("/matomo.php?{}", matomo(""));
    for (method, path, body) in [
        ("POST", "/api/event", native.as_str()),
        ("POST", "/api/send", &umami),
        ("GET", "/count?p=/", ""),
        ("GET", &matomo, ""),
        ("GET", "/collect?h=https://shop.example&p=/&sid=shop", ""),
        ("GET", "/pixel.gif?u=https://shop.example/", ""),
    ] {
        let request = Request::builder().method(method).uri(path).header("user-agent", FIREFOX);
        let request = request.header("referer", "https://shop.example/").header("cookie", "a=b; sillage_opt_out=1");
        let reply = collector.collect(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await;
        assert_eq!(reply.dropped(), Some("opted_out"), "{path}");
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opting_out_sets_a_cookie_of_thirteen_months_once_and_takes_it_back() {
    let collector = Collector::start(NOON, SITES).await;
    let ask = async |method: &str, path: &str, host: &str, cookie: &str| {
        let request = Request::builder().method(method).uri(path).header("host", host).header("cookie", cookie);
        let reply = collector.collect(request.body(Full::default()).unwrap()).await;
        assert_eq!(reply.status, 200);
        reply.headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned())
    };
    let set = Some("sillage_opt_out=1; Max-Age=33955200; Path=/; SameSite=Lax".to_owned());
    assert_eq!(ask("GET", "/opt-out", "shop.example", "a=b").await, None, "reading the page is no objection");
    assert_eq!(ask("POST", "/opt-out", "shop.example", "a=b").await, set);
    assert_eq!(ask("GET", "/opt-out?object=1", "shop.example", "a=b").await, set);
    assert_eq!(ask("POST", "/opt-out", "shop.example", "sillage_opt_out=1").await, None, "it is not renewed");
    let removed = ask("GET", "/opt-out?object=0", "shop.example", "sillage_opt_out=1").await;
    assert_eq!(removed.as_deref(), Some("sillage_opt_out=; Max-Age=0; Path=/; SameSite=Lax"));
    // On a host that sites share, the objection applies to one of them.
    let own = ask("POST", "/opt-out?site=shop.example", "collector.example", "a=b").await.unwrap();
    assert!(own.starts_with("sillage_opt_out_") && own.contains("=1; Max-Age=33955200;"), "{own}");
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pixel_counts_no_mail() {
    let collector = Collector::start(NOON, SITES).await;
    for (agent, dropped) in [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0", Some("not_measured")),
        (FIREFOX, None),
    ] {
        let request = Request::get("/pixel.gif?u=https://shop.example/").header("user-agent", agent);
        assert_eq!(collector.collect(request.body(Full::default()).unwrap()).await.dropped(), dropped, "{agent}");
    }
    let foreign = Request::get("/pixel.gif?u=https://shop.example/").header("user-agent", FIREFOX);
    let foreign = foreign.header("referer", "https://mail.example/inbox").body(Full::default()).unwrap();
    assert_eq!(collector.collect(foreign).await.dropped(), Some("foreign_host"));
    collector.app.stop().await;
}

#[test]
fn every_field_of_the_tables_has_its_case_here() {
    let tables = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats.md"));
    let tests = concat!(include_str!("formats.rs"), include_str!("server_tokens.rs"));
    let of_native = tables.split("## Umami").next().unwrap().split("## Plausible").nth(1).unwrap();
    let rows = tables.lines().filter(|line| line.starts_with("| `") && !of_native.contains(line));
    for field in rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split(',').map(|name| name.trim().trim_matches('`').to_owned()))
    {
        let name = field.strip_prefix("payload.").unwrap_or(&field);
        let spelt = [format!("\"{name}\""), format!("{name}="), format!("&{name}=")];
        assert!(spelt.iter().any(|spelling| tests.contains(spelling)), "{field} of docs/formats.md has no case");
    }
}
