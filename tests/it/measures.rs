//! Optional measurements beside pages: searches, script errors, load times. From the listener to the console.

use serde_json::{Value, json};

use crate::collector::{Collector, FIREFOX, pageview};

const NOON: &str = "2026-03-10T12:00:00Z";
const SITES: &str = r#"site = [
    { name = "shop.example", search_parameter = "q", problems = true },
    { name = "plain.example" },
]"#;

async fn rows(collector: &Collector, site: &str, query: Value) -> Vec<Value> {
    let mut asked = json!({ "site_id": site, "date_range": "day" });
    asked.as_object_mut().unwrap().extend(query.as_object().unwrap().clone());
    let answer = collector.query(asked).await;
    let row = |row: &Value| {
        let values = row["dimensions"].as_array().unwrap().iter().chain(row["metrics"].as_array().unwrap());
        Value::from(values.cloned().collect::<Vec<_>>())
    };
    answer.as_array().unwrap().iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_counted_where_its_parameter_is_declared_and_nowhere_else() {
    let collector = Collector::start(NOON, SITES).await;
    let view = async |site: &str, address: &str, path: &str| {
        let reply = collector.event(address, FIREFOX, &pageview(site, path, None)).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None), "{path}");
    };
    for (address, query) in [
        ("192.0.2.1", "q=Blue++Boat"),
        ("192.0.2.1", "page=2&q=blue%20boat"),
        ("192.0.2.2", "q=blue+boat&q=other"),
        ("192.0.2.3", "q=jane%40zqcanary.example+invoice"),
        ("192.0.2.3", "q=call+06+12+34+56+78"),
        ("192.0.2.3", "q="),
        ("192.0.2.3", "sort=price"),
    ] {
        view("shop.example", address, &format!("/find?{query}")).await;
    }
    view("plain.example", "192.0.2.1", "/find?q=blue+boat").await;
    collector.app.flush().await.unwrap();
    let by_query = json!({
        "metrics": ["events", "visitors"],
        "dimensions": ["event:props:query"],
        "filters": [["is", "event:name", ["Search"]]],
    });
    assert_eq!(
        rows(&collector, "shop.example", by_query.clone()).await,
        [json!(["blue boat", 3, 2]), json!([":email", 1, 1]), json!(["call :phone", 1, 1])]
    );
    assert_eq!(rows(&collector, "plain.example", by_query).await, [] as [Value; 0]);
    let whole = json!({ "metrics": ["pageviews", "visits", "bounce_rate"] });
    assert_eq!(rows(&collector, "shop.example", whole).await, [json!([7, 3, 33])], "a search ends no bounce");
    let pages = json!({ "metrics": ["pageviews"], "dimensions": ["event:page"] });
    assert_eq!(rows(&collector, "shop.example", pages).await, [json!(["/find", 7])], "and names no page");
    assert_eq!(collector.outcomes().await.0, [("counted".to_owned(), 8)].into(), "one hit, one outcome");
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_error_is_counted_by_its_kind_alone() {
    let collector = Collector::start(NOON, SITES).await;
    let problem = async |site: &str, properties: Value| {
        let event = json!({ "n": "problem", "u": format!("https://{site}/"), "p": properties, "i": true });
        collector.event("192.0.2.1", FIREFOX, &event).await.dropped().map(str::to_owned)
    };
    collector.event("192.0.2.1", FIREFOX, &pageview("shop.example", "/", None)).await;
    let properties = json!({ "kind": "TypeError", "message": "zqcanary", "url": "https://shop.example/zqcanary" });
    assert_eq!(problem("shop.example", properties).await, None);
    assert_eq!(problem("shop.example", json!({ "kind": "zqcanary" })).await, None);
    assert_eq!(problem("shop.example", json!({})).await, None);
    assert_eq!(problem("plain.example", json!({ "kind": "TypeError" })).await.as_deref(), Some("not_measured"));
    collector.app.flush().await.unwrap();
    let by_kind = json!({
        "metrics": ["events"],
        "dimensions": ["event:props:kind"],
        "filters": [["is", "event:name", ["problem"]]],
    });
    assert_eq!(rows(&collector, "shop.example", by_kind).await, [json!(["other", 2]), json!(["TypeError", 1])]);
    let whole = json!({ "metrics": ["bounce_rate"] });
    assert_eq!(rows(&collector, "shop.example", whole).await, [json!([100])], "an error is no interaction");
    let kept =
        "SELECT DISTINCT concat(action, ' ', property, ' ', value) AS text FROM {db}.action_value_days ORDER BY text";
    assert_eq!(collector.texts(kept).await, ["problem kind TypeError", "problem kind other"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_times_are_read_back_by_page_and_day() {
    let collector = Collector::start(NOON, SITES).await;
    for (address, path, lcp) in [("192.0.2.1", "/", 900), ("192.0.2.2", "/", 1_000), ("192.0.2.3", "/slow", 4_000)] {
        let url = format!("https://shop.example{path}");
        let event = json!({ "n": "timing", "u": url, "t": { "lcp": lcp, "cls": 90 } });
        assert_eq!(collector.event(address, FIREFOX, &event).await.dropped(), None);
    }
    collector.app.flush().await.unwrap();
    let times = json!({ "metrics": ["events", "p50", "p75", "p95"], "dimensions": ["event:timing"] });
    assert_eq!(
        rows(&collector, "shop.example", times).await,
        [json!(["cls", 3, 91, 91, 91]), json!(["lcp", 3, 1024, 4096, 4096])]
    );
    let by_page = json!({
        "metrics": ["p75"],
        "dimensions": ["time:day", "event:timing"],
        "filters": [["is", "event:page", ["/"]]],
    });
    let day = "2026-03-10";
    assert_eq!(rows(&collector, "shop.example", by_page).await, [json!([day, "lcp", 1024]), json!([day, "cls", 91])]);
    for (query, sentence) in [
        (
            json!({ "metrics": ["visitors"], "dimensions": ["event:timing"] }),
            "`visitors` is not stored with `event:timing`",
        ),
        (json!({ "metrics": ["p75"] }), "use it with `event:timing`"),
        (json!({ "metrics": ["events"], "dimensions": ["event:timing", "visit:country"] }), "never stored together"),
    ] {
        let mut asked = json!({ "site_id": "shop.example", "date_range": "day" });
        asked.as_object_mut().unwrap().extend(query.as_object().unwrap().clone());
        let reply = collector.ask("/api/v2/query", &asked).await;
        let message = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status == 400 && message.contains(sentence), "{asked}: {message}");
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_half_an_emoji_is_counted_with_a_replacement_character() {
    let site = "[[site]]\nname = \"shop.example\"\nproperties = [\"plan\"]";
    let collector = Collector::start("2026-03-10T12:00:00Z", site).await;
    let body = r#"{"n":"Buy","u":"https://shop.example/","d":"shop.example","p":{"plan":"gold \ud83d"}}"#;
    let request =
        hyper::Request::post("/api/event").header("user-agent", FIREFOX).header("x-forwarded-for", "192.0.2.7");
    let body = http_body_util::Full::new(bytes::Bytes::from(body));
    let reply = collector.collect(request.body(body).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
    collector.app.flush().await.unwrap();
    assert_eq!(collector.texts("SELECT value FROM {db}.action_value_days").await, ["gold \u{fffd}"]);
    collector.app.stop().await;
}
