//! One visit weighs at most one step of a row while figures are published in tens: ten pageviews, ten uses, half an
//! hour. With exact figures all of it counts.

use serde_json::{Value, json};
use sillage::config::Protection;

use crate::collector::{Collector, FIREFOX, pageview};

const SHOP: &str = "shop.example";
const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris", properties = ["plan"] }]"#;
const ADDRESS: &str = "90.0.0.1";

async fn start(now: &str, protection: Protection) -> Collector {
    Collector::start_with(now, SITES, |config| config.privacy.protection = protection).await
}

async fn send(collector: &Collector, name: &str, path: &str, fields: Value) {
    let mut event = pageview(SHOP, path, None);
    event["n"] = json!(name);
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let reply = collector.event(ADDRESS, FIREFOX, &event).await;
    assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None), "{event}");
}

/// A visit of 25 pageviews on five pages, five minutes apart, each read for two minutes to its end and loaded with its
/// times; then fifteen uses of one feature, and one of another.
async fn long_visit(collector: &Collector) {
    for number in 0..25_i64 {
        let at = jiff::Timestamp::from_second(1_773_133_200 + 300 * number).unwrap();
        collector.at(&at.to_string());
        let path = format!("/{}", number % 5);
        send(collector, "pageview", &path, json!({})).await;
        send(collector, "timing", &path, json!({ "t": { "lcp": 900 } })).await;
        send(collector, "engagement", &path, json!({ "e": 120_000, "sd": 100 })).await;
    }
    for _ in 0..15 {
        send(collector, "Play", "/4", json!({ "p": { "plan": "gold" } })).await;
    }
    send(collector, "Signup", "/4", json!({})).await;
    collector.app.flush().await.unwrap();
}

/// Sums of these columns over a table's rows that `of` selects.
async fn sums<const COLUMNS: usize>(
    collector: &Collector,
    table: &str,
    of: &str,
    columns: [&str; COLUMNS],
) -> Vec<i64> {
    let sums: Vec<String> = columns.iter().map(|column| format!("toString(sum({column}))")).collect();
    let sql = format!("SELECT arrayJoin([{}]) FROM {{db}}.{table} WHERE {of}", sums.join(", "));
    collector.texts(&sql).await.iter().map(|sum| sum.parse().unwrap()).collect()
}

const OF_VISITS: [&str; 6] = ["pageviews", "visitors", "visits", "bounces", "exits", "visit_seconds"];
const OF_READING: [&str; 4] = ["engaged_ms", "engaged_views", "scroll_percent", "scroll_views"];

#[tokio::test(flavor = "multi_thread")]
async fn in_tens_a_long_visit_adds_one_step_to_a_row_and_no_more() {
    let collector = start("2026-03-10T09:00:00Z", Protection::Tens).await;
    long_visit(&collector).await;
    assert_eq!(sums(&collector, "waiting_pages", "1", OF_VISITS).await, [10, 1, 1, 0, 1, 1_800]);
    assert_eq!(sums(&collector, "waiting_pages", "1", OF_READING).await, [1_200_000, 10, 1_000, 10]);
    let country = "dimension = 'country'";
    let of_country = ["pageviews", "visitors", "visits", "bounces", "visit_seconds"];
    assert_eq!(sums(&collector, "waiting_breakdowns", country, of_country).await, [10, 1, 1, 0, 1_800]);
    assert_eq!(sums(&collector, "waiting_timings", "1", ["count"]).await, [10]);
    let played = "action = 'Play' AND property = ''";
    assert_eq!(sums(&collector, "waiting_actions", played, ["count", "visitors"]).await, [10, 1]);
    let gold = "action = 'Play' AND value = 'gold'";
    assert_eq!(sums(&collector, "waiting_actions", gold, ["count", "visitors"]).await, [10, 1]);
    // The first use of another feature is a row of its own.
    assert_eq!(sums(&collector, "waiting_actions", "action = 'Signup'", ["count", "visitors"]).await, [1, 1]);
    // Each page has its visitor, and the visit ended on the last one that it saw.
    for (page, exits) in [("/0", 0), ("/1", 0), ("/2", 0), ("/3", 0), ("/4", 1)] {
        let of = format!("page = '{page}'");
        let columns = ["pageviews", "page_visitors", "exits"];
        assert_eq!(sums(&collector, "waiting_pages", &of, columns).await, [2, 1, exits], "{page}");
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_figures_hold_all_of_a_long_visit() {
    let collector = start("2026-03-10T09:00:00Z", Protection::Exact).await;
    long_visit(&collector).await;
    assert_eq!(sums(&collector, "page_days", "1", OF_VISITS).await, [25, 5, 1, 0, 1, 7_200]);
    assert_eq!(sums(&collector, "site_days", "1", ["pageviews", "visitors"]).await, [25, 1]);
    assert_eq!(sums(&collector, "page_days", "1", OF_READING).await, [3_000_000, 25, 2_500, 25]);
    assert_eq!(sums(&collector, "timing_days", "1", ["count"]).await, [25]);
    assert_eq!(sums(&collector, "action_days", "action = 'Play'", ["count", "visitors"]).await, [15, 1]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_first_seen_beyond_the_weight_has_its_visitor_and_the_exit() {
    let collector = start("2026-03-10T09:00:00Z", Protection::Tens).await;
    for number in 0..12 {
        send(&collector, "pageview", &format!("/{number}"), json!({})).await;
        send(&collector, "engagement", &format!("/{number}"), json!({ "e": 1_000, "sd": 50 })).await;
    }
    collector.app.flush().await.unwrap();
    let columns = ["pageviews", "visitors", "page_visitors", "exits", "engaged_ms", "scroll_views"];
    assert_eq!(sums(&collector, "waiting_pages", "page = '/9'", columns).await, [1, 0, 1, 0, 1_000, 1]);
    assert_eq!(sums(&collector, "waiting_pages", "page = '/11'", columns).await, [0, 0, 1, 1, 0, 0]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weight_of_a_visit_outlives_a_restart_and_begins_anew_with_the_day() {
    let collector = start("2026-03-10T22:50:00Z", Protection::Tens).await;
    for _ in 0..8 {
        send(&collector, "pageview", "/", json!({})).await;
    }
    collector.app.flush().await.unwrap();
    let collector = collector.restart(true).await;
    for _ in 0..8 {
        send(&collector, "pageview", "/", json!({})).await;
    }
    collector.app.flush().await.unwrap();
    let of_day = async |day: &str| sums(&collector, "waiting_pages", &format!("day = '{day}'"), ["pageviews"]).await;
    assert_eq!(of_day("2026-03-10").await, [10]);
    collector.at("2026-03-10T23:05:00Z");
    for _ in 0..12 {
        send(&collector, "pageview", "/", json!({})).await;
    }
    collector.app.flush().await.unwrap();
    assert_eq!((of_day("2026-03-10").await, of_day("2026-03-11").await), (vec![10], vec![10]));
    assert_eq!(sums(&collector, "waiting_pages", "1", ["visits", "visit_seconds"]).await, [1, 900]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_visit_in_progress_a_feature_counts_once_a_day_and_reading_three_minutes() {
    let collector = start("2026-03-10T09:00:00Z", Protection::Tens).await;
    for _ in 0..5 {
        send(&collector, "Play", "/", json!({})).await;
        send(&collector, "engagement", "/", json!({ "e": 600_000, "sd": 0 })).await;
    }
    collector.app.flush().await.unwrap();
    assert_eq!(sums(&collector, "waiting_actions", "1", ["count", "visitors"]).await, [1, 1]);
    assert_eq!(sums(&collector, "waiting_pages", "1", ["engaged_ms"]).await, [5 * 180_000]);
    collector.app.stop().await;
}
