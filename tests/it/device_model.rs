//! The model of the device through the real listener into a real engine: with consent alone, from agent, client hint
//! and tracker, and never as a text of the visitor.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use sillage::config::MarketingPolicy;

use crate::collector::{Collector, FIREFOX, pageview};

const SHOP: &str = "shop.example";
const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;
const GALAXY: &str = "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";
const REDUCED: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1";

/// A hit: agent, client hint, the tracker's field, consent.
type ModelHit = (&'static str, Option<&'static str>, Option<&'static str>, bool);

/// Hits with consent, and the family that each gives.
const CONSENTED: [(ModelHit, Option<&str>); 8] = [
    ((GALAXY, None, None, true), Some("Samsung Galaxy S23")),
    ((IPHONE, None, None, true), Some("Apple iPhone")),
    ((REDUCED, Some("\"Pixel 8 Pro\""), None, true), Some("Google Pixel 8")),
    ((REDUCED, None, Some("SM-S921B"), true), Some("Samsung Galaxy S24")),
    ((REDUCED, Some("\"jane@shop.example\""), None, true), Some("(other)")),
    ((REDUCED, None, Some("zqmodel 8"), true), Some("(other)")),
    ((REDUCED, None, None, true), None),
    ((FIREFOX, Some("\"\""), None, true), None),
];

async fn collector(marketing: MarketingPolicy) -> Collector {
    Collector::start_with("2026-03-10T09:00:00Z", SITE, |config| {
        config.privacy.marketing = marketing;
        (config.privacy.honour_gpc, config.privacy.honour_dnt) = (false, false);
    })
    .await
}

async fn send(shop: &Collector, visitor: usize, hit: ModelHit, objection: Option<&str>) {
    let (agent, hint, told, consent) = hit;
    let mut event = pageview(SHOP, "/", None);
    if consent {
        event["c"] = json!(1);
    }
    if let Some(model) = told {
        event["dm"] = json!(model);
    }
    let address = format!("90.0.1.{visitor}");
    let mut request = Request::post("/api/event").header("x-forwarded-for", address).header("user-agent", agent);
    for (name, value) in [("sec-ch-ua-model", hint), ("sec-gpc", objection)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let reply = shop.collect(request.body(Full::new(Bytes::from(event.to_string()))).unwrap()).await;
    assert_eq!((reply.status, reply.dropped()), (StatusCode::ACCEPTED, None));
}

/// Sends the hits with consent; then the same without consent, and with an objection.
async fn the_day(marketing: MarketingPolicy) -> Collector {
    let shop = collector(marketing).await;
    for (visitor, (hit, _)) in CONSENTED.into_iter().enumerate() {
        send(&shop, visitor, hit, None).await;
        let (agent, hint, told, _) = hit;
        send(&shop, 100 + visitor, (agent, hint, told, false), None).await;
        send(&shop, 200 + visitor, hit, Some("1")).await;
    }
    shop.app.flush().await.unwrap();
    shop
}

async fn models(shop: &Collector) -> Vec<String> {
    let sql = "SELECT concat(value, ': ', toString(sum(pageviews)), ' ', toString(sum(visitors)), ' ', \
               toString(sum(visits))) AS line FROM {db}.dimension_days WHERE dimension = 'device_model' \
               GROUP BY value ORDER BY line";
    shop.texts(sql).await
}

fn query(metrics: &[&str]) -> Value {
    json!({
        "site_id": SHOP, "metrics": metrics, "date_range": ["2026-03-10", "2026-03-10"],
        "dimensions": ["visit:device_model"], "order_by": [["visit:device_model", "asc"]]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn device_models_count_with_consent_as_families_of_the_list() {
    for marketing in [MarketingPolicy::WithConsent, MarketingPolicy::Always] {
        let shop = the_day(marketing).await;
        assert_eq!(
            models(&shop).await,
            [
                "(other): 2 2 2",
                "Apple iPhone: 1 1 1",
                "Google Pixel 8: 1 1 1",
                "Samsung Galaxy S23: 1 1 1",
                "Samsung Galaxy S24: 1 1 1",
            ],
            "{marketing:?}"
        );
        assert_eq!(
            shop.query(query(&["visitors", "bounce_rate"])).await,
            json!([
                { "metrics": [2, 100], "dimensions": ["(other)"] },
                { "metrics": [1, 100], "dimensions": ["Apple iPhone"] },
                { "metrics": [1, 100], "dimensions": ["Google Pixel 8"] },
                { "metrics": [1, 100], "dimensions": ["Samsung Galaxy S23"] },
                { "metrics": [1, 100], "dimensions": ["Samsung Galaxy S24"] },
            ])
        );
        assert_eq!(shop.sum("page_days", "pageviews").await, 24, "no other figure depends on it");
        shop.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_without_marketing_keeps_no_model_and_says_so_when_asked() {
    let shop = the_day(MarketingPolicy::Never).await;
    assert_eq!(models(&shop).await, Vec::<String>::new());
    let reply = shop.ask("/api/v2/query", &query(&["visitors"])).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        reply.json()["error"],
        "`visit:device_model` is not measured: `privacy.marketing` of the collector is \"never\"; use `visit:device`"
    );
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_mid_visit_corrects_the_same_model() {
    let shop = collector(MarketingPolicy::WithConsent).await;
    send(&shop, 1, (GALAXY, None, None, true), None).await;
    shop.app.flush().await.unwrap();
    let shop = shop.restart(true).await;
    shop.at("2026-03-10T09:10:00Z");
    // Without consent: the correction goes to the entry hit, which carried it.
    send(&shop, 1, (GALAXY, None, None, false), None).await;
    let shop = shop.restart(true).await;
    shop.app.flush().await.unwrap();
    let sql = "SELECT concat(value, ' ', toString(sum(bounces)), ' ', toString(sum(visit_seconds))) AS line \
               FROM {db}.dimension_days WHERE dimension = 'device_model' GROUP BY value";
    assert_eq!(shop.texts(sql).await, ["Samsung Galaxy S23 0 600"]);
    assert_eq!(models(&shop).await, ["Samsung Galaxy S23: 1 1 1"]);
    shop.app.stop().await;
}
