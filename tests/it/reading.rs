//! Reading time and depth over several reports of one showing of a page: however late they arrive, and however many
//! tabs are between them, they add up to one showing.

use serde_json::json;

use crate::collector::{Collector, FIREFOX, pageview};

const SHOP: &str = "shop.example";
const ADDRESS: &str = "90.0.0.1";
const SITE: &str = r#"site = [{ name = "shop.example" }]"#;

/// One report as the tracker sends it; `before` is the depth in an earlier report of the same showing.
async fn report(collector: &Collector, page: &str, engaged_ms: u32, percent: u8, before: Option<u8>) {
    let url = format!("https://shop.example{page}");
    let mut event = json!({ "n": "engagement", "d": SHOP, "u": url, "e": engaged_ms, "sd": percent });
    if let Some(before) = before {
        event["sb"] = json!(before);
    }
    assert_eq!(collector.event(ADDRESS, FIREFOX, &event).await.status, 202);
}

/// Milliseconds, showings with time, percent, showings with depth.
async fn figures(collector: &Collector) -> [i64; 4] {
    collector.app.flush().await.unwrap();
    let mut figures = [0; 4];
    for (figure, column) in figures.iter_mut().zip(["engaged_ms", "engaged_views", "scroll_percent", "scroll_views"]) {
        *figure = collector.sum("page_days", column).await;
    }
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn a_showing_reported_after_its_visit_ended_adds_up_to_one() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    collector.event(ADDRESS, FIREFOX, &pageview(SHOP, "/guide", None)).await;
    collector.at("2026-03-10T09:01:00Z");
    report(&collector, "/guide", 60_000, 50, None).await;
    collector.at("2026-03-10T09:45:30Z");
    report(&collector, "/guide", 30_000, 60, Some(50)).await;
    assert_eq!(figures(&collector).await, [90_000, 1, 60, 1]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_read_beside_two_other_tabs_is_one_showing() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    for page in ["/guide", "/b", "/c"] {
        collector.event(ADDRESS, FIREFOX, &pageview(SHOP, page, None)).await;
    }
    for (percent, before) in [(20, None), (40, Some(20)), (60, Some(40)), (80, Some(60)), (100, Some(80))] {
        report(&collector, "/guide", 10_000, percent, before).await;
    }
    assert_eq!(figures(&collector).await, [50_000, 1, 100, 1]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_report_survives_a_restart_of_the_collector() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    collector.event(ADDRESS, FIREFOX, &pageview(SHOP, "/guide", None)).await;
    report(&collector, "/guide", 10_000, 20, None).await;
    report(&collector, "/guide", 10_000, 40, Some(20)).await;
    let collector = collector.restart(true).await;
    report(&collector, "/guide", 10_000, 70, Some(40)).await;
    assert_eq!(figures(&collector).await, [30_000, 1, 70, 1]);
    collector.app.stop().await;
}
