//! A collector that restarts within a day knows its visitors; one that has lost its memory counts them again.

use serde_json::json;

use crate::collector::{Collector, FIREFOX, pageview};

const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;

async fn view(shop: &Collector, path: &str) {
    let reply = shop.event("90.0.0.1", FIREFOX, &pageview("shop.example", path, None)).await;
    assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
}

/// Visitors, visits, pageviews of the day.
async fn figures(shop: &Collector) -> serde_json::Value {
    let query = json!({
        "site_id": "shop.example", "metrics": ["visitors", "visits", "pageviews", "visit_duration"],
        "date_range": ["2026-03-10", "2026-03-10"]
    });
    shop.query(query).await[0]["metrics"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_counts_no_visitor_again_and_continues_the_visit() {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    view(&shop, "/").await;
    let shop = shop.restart(true).await;
    shop.at("2026-03-10T09:10:00Z");
    view(&shop, "/pricing").await;
    shop.app.flush().await.unwrap();
    assert_eq!(figures(&shop).await, json!([1, 1, 2, 600]));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_and_only_that_counts_people_again() {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    view(&shop, "/").await;
    let shop = shop.restart(false).await;
    shop.at("2026-03-10T09:10:00Z");
    view(&shop, "/pricing").await;
    shop.app.flush().await.unwrap();
    assert_eq!(figures(&shop).await, json!([2, 2, 2, 0]));
    shop.app.stop().await;
}
