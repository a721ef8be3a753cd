//! Settings that may change while the program runs.

use serde_json::json;
use sillage::config::{Config, SiteConfig};

use crate::collector::{Collector, FIREFOX, Reply, pageview};

const OLD: &str = r#"site = [{ name = "old.example" }]"#;

async fn view(collector: &Collector, site: &str) -> Reply {
    collector.event("90.0.0.1", FIREFOX, &pageview(site, "/", None)).await
}

fn with_site(config: &Config, name: &str) -> Config {
    let mut config = config.clone();
    config.site.push(SiteConfig { name: name.into(), ..SiteConfig::default() });
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_site_is_measured_shown_and_has_its_metric_without_a_restart() {
    let collector = Collector::start("2026-03-10T09:00:00Z", OLD).await;
    assert_eq!(view(&collector, "new.example").await.dropped(), Some("unknown_site"));
    collector.app.reload(&with_site(&collector.config, "new.example")).unwrap();
    assert_eq!(view(&collector, "new.example").await.dropped(), None);
    assert_eq!(view(&collector, "old.example").await.dropped(), None);
    collector.app.flush().await.unwrap();
    let pageviews = json!({ "site_id": "new.example", "metrics": ["pageviews"], "date_range": "day" });
    assert_eq!(collector.query(pageviews).await[0]["metrics"], json!([1]));
    let metrics = collector.metrics().await;
    assert!(metrics.contains(r#"sillage_hits_total{site="new.example",outcome="counted"} 1"#), "{metrics}");
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_used_changes_nothing() {
    let collector = Collector::start("2026-03-10T09:00:00Z", OLD).await;
    let mut wrong = with_site(&collector.config, "new.example");
    wrong.site[0].timezone = "Europe/Atlantis".into();
    assert!(collector.app.reload(&wrong).is_err());
    assert_eq!(view(&collector, "new.example").await.dropped(), Some("unknown_site"));
    assert_eq!(view(&collector, "old.example").await.dropped(), None);
    collector.app.stop().await;
}
