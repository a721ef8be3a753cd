//! Settings that may change while the program runs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;
use serde_json::json;
use sillage::config::{Config, SiteConfig};
use sillage::console::tokens;

use crate::collector::{Collector, FIREFOX, Reply, pageview};
use crate::process::Home;
use crate::support::eventually;

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

/// Status and text of the answer to a request with this body.
async fn posted(url: &str, header: (&str, &str), body: String) -> (u16, String) {
    let request = Request::post(url).header(header.0, header.1).body(Full::new(Bytes::from(body))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    (head.status.as_u16(), String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_reload_reads_by_sql_and_no_hit_is_lost_while_the_engine_learns_its_user() {
    let home = Home::new("");
    let file = home.path().join("sillage.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (first, first_hash) = tokens::new_token().unwrap();
    let (second, second_hash) = tokens::new_token().unwrap();
    let configure = |tokens: &[(&str, &str)]| {
        let token =
            |(hash, site): &(&str, &str)| format!("{{ name = \"t\", sha256 = \"{hash}\", sites = [\"{site}\"] }}");
        let tokens: Vec<String> = tokens.iter().map(token).collect();
        let text = text.replace("[console]", &format!("[console]\ntokens = [{}]", tokens.join(", ")));
        std::fs::write(&file, text).unwrap();
    };
    configure(&[(&first_hash, "*")]);
    let program = home.serve(&[]).await;
    let sql = async |token: &str| {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("x:{token}")));
        let query = "SELECT toUInt32(sum(pageviews)) FROM site_days".to_owned();
        posted(&format!("http://{}/clickhouse", program.console), ("authorization", &basic), query).await
    };
    let view = async || {
        let event = pageview("shop.example", "/", None).to_string();
        posted(&format!("http://{}/api/event", program.collect), ("user-agent", FIREFOX), event).await.0
    };
    let engine = || std::fs::read_to_string(home.path().join("runtime/engine.json")).unwrap_or_default();
    assert_eq!((view().await, sql(&second).await.0), (202, 401));

    configure(&[(&first_hash, "*"), (&second_hash, "shop.example")]);
    let before = engine();
    program.signal(Signal::HUP);
    let mut views = 1;
    eventually("the new token reads by SQL", async || {
        assert_eq!(view().await, 202);
        views += 1;
        sql(&second).await.0 == 200
    })
    .await;
    assert_ne!(engine(), before, "its user came with a new engine");
    for token in [&first, &second] {
        eventually("every hit is counted once", async || sql(token).await == (200, format!("{views}\n"))).await;
    }

    // Another token for the same sites, or one fewer, takes no other engine.
    let (third, third_hash) = tokens::new_token().unwrap();
    configure(&[(&third_hash, "shop.example")]);
    let before = engine();
    program.signal(Signal::HUP);
    eventually("the third token reads", async || sql(&third).await.0 == 200).await;
    assert_eq!((engine(), sql(&first).await.0), (before, 401));
    assert!(program.end(Signal::TERM).await.success());
}
