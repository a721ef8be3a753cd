//! Channels and campaigns through the real listener into a real engine: stored with consent alone, never beside an
//! objection, and never with an identity in them; and no other figure depends on them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use sillage::app;
use sillage::config::{Config, MarketingPolicy};
use sillage::import;
use sillage::import::{ImportFormat, ImportJob};
use sillage::sites::Sites;

use crate::collector::{Collector, FIREFOX, Reply, pageview};
use crate::support;

const SHOP: &str = "shop.example";
const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;
const CAMPAIGN: &str = "/?utm_source=google&utm_medium=cpc&utm_campaign=Spring+Sale&utm_term=red+shoes&utm_content=hero&gclid=zqclick&page=2";
/// The dimensions under test.
const MARKETING: &str = "('source', 'channel', 'utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content')";

async fn collector(marketing: MarketingPolicy) -> Collector {
    Collector::start_with("2026-03-10T09:00:00Z", SITE, |config| config.privacy.marketing = marketing).await
}

fn counted(reply: &Reply) {
    assert_eq!((reply.status, reply.dropped()), (StatusCode::ACCEPTED, None));
}

/// A pageview with the page's field for consent.
fn view(path: &str, referrer: Option<&str>, consent: Value) -> Value {
    let mut event = pageview(SHOP, path, referrer);
    if !consent.is_null() {
        event["c"] = consent;
    }
    event
}

/// A day of four people: A comes by an advertisement, reads on and comes back to the first page; B comes directly; C by
/// a newsletter, without consent; D by a link, and uses a feature.
async fn the_day(marketing: MarketingPolicy) -> Collector {
    let shop = collector(marketing).await;
    let inside = Some("https://shop.example/");
    for (at, address, event) in [
        ("2026-03-10T09:00:00Z", "90.0.0.1", view(CAMPAIGN, Some("https://www.google.fr/"), json!(1))),
        ("2026-03-10T09:00:40Z", "90.0.0.1", view("/pricing", inside, json!(1))),
        ("2026-03-10T09:05:00Z", "91.0.0.1", view("/", None, json!(true))),
        ("2026-03-10T09:06:00Z", "92.0.0.1", view("/?utm_source=news&utm_medium=email", None, Value::Null)),
        ("2026-03-10T09:07:00Z", "93.0.0.1", view("/about", Some("https://www.news.example/x"), json!("1"))),
        ("2026-03-10T09:07:30Z", "93.0.0.1", json!({ "n": "Signup", "d": SHOP, "u": "https://shop.example/about" })),
        ("2026-03-10T09:20:00Z", "90.0.0.1", view("/", inside, json!(1))),
    ] {
        shop.at(at);
        counted(&shop.event(address, FIREFOX, &event).await);
    }
    shop.app.flush().await.unwrap();
    shop
}

/// Sums by dimension and value, of the dimensions of marketing or of all others.
async fn breakdowns(shop: &Collector, which: &str) -> Vec<String> {
    let sql = format!(
        "SELECT concat(dimension, ' ', value, ': ', toString(sum(pageviews)), ' ', toString(sum(visitors)), ' ', \
         toString(sum(visits)), ' ', toString(sum(bounces)), ' ', toString(sum(visit_seconds))) AS line \
         FROM {{db}}.dimension_days WHERE dimension {which} {MARKETING} GROUP BY dimension, value ORDER BY line"
    );
    shop.texts(&sql).await
}

/// All figures outside marketing.
async fn others(shop: &Collector) -> Vec<String> {
    let mut lines = breakdowns(shop, "NOT IN").await;
    for table in ["site_days", "page_days", "action_page_days"] {
        lines.extend(shop.texts(&format!("SELECT toString(tuple(*)) AS line FROM {{db}}.{table} ORDER BY line")).await);
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_with_consent_have_source_channel_and_campaign_and_those_without_have_none() {
    let shop = the_day(MarketingPolicy::WithConsent).await;
    assert_eq!(
        breakdowns(&shop, "IN").await,
        [
            "channel Direct: 1 1 1 1 0",
            "channel Paid Search: 1 1 1 0 1200",
            "channel Referral: 1 1 1 0 30",
            "source (direct): 1 1 1 1 0",
            "source Google: 1 1 1 0 1200",
            "source news.example: 1 1 1 0 30",
            "utm_campaign Spring Sale: 1 1 1 0 1200",
            "utm_content hero: 1 1 1 0 1200",
            "utm_medium cpc: 1 1 1 0 1200",
            "utm_source google: 1 1 1 0 1200",
            "utm_term red shoes: 1 1 1 0 1200",
        ]
    );
    let day = json!(["2026-03-10", "2026-03-10"]);
    let channels = json!({
        "site_id": SHOP, "metrics": ["visits", "bounce_rate", "visit_duration"], "date_range": day,
        "dimensions": ["visit:channel"], "order_by": [["visit:channel", "asc"]]
    });
    assert_eq!(
        shop.query(channels).await,
        json!([
            { "metrics": [1, 100, 0], "dimensions": ["Direct"] },
            { "metrics": [1, 0, 1200], "dimensions": ["Paid Search"] },
            { "metrics": [1, 0, 30], "dimensions": ["Referral"] }
        ])
    );
    let sale = json!({
        "site_id": SHOP, "metrics": ["pageviews"], "date_range": day, "dimensions": ["event:page"],
        "filters": [["is", "visit:utm_campaign", ["Spring Sale"]]]
    });
    assert_eq!(shop.query(sale).await, json!([{ "metrics": [1], "dimensions": ["/"] }]));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_figure_depends_on_marketing() {
    let mut known = None;
    for marketing in [MarketingPolicy::Never, MarketingPolicy::WithConsent, MarketingPolicy::Always] {
        let shop = the_day(marketing).await;
        let figures = others(&shop).await;
        assert!(figures.iter().any(|line| line.starts_with("referrer google.fr: 1 1 1 0 1200")), "{figures:#?}");
        assert_eq!(*known.get_or_insert(figures.clone()), figures, "{marketing:?}");
        shop.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_set_to_never_keeps_nothing_and_says_so_when_asked() {
    let shop = the_day(MarketingPolicy::Never).await;
    assert_eq!(breakdowns(&shop, "IN").await, Vec::<String>::new());
    let query = json!({
        "site_id": SHOP, "metrics": ["visits"], "date_range": "7d", "dimensions": ["visit:utm_source"]
    });
    let reply = shop.ask("/api/v2/query", &query).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        reply.json()["error"],
        "`visit:utm_source` is not measured: `privacy.marketing` of the collector is \"never\"; use `visit:referrer`"
    );
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_set_to_always_asks_for_no_consent() {
    let shop = the_day(MarketingPolicy::Always).await;
    let kept = breakdowns(&shop, "IN").await;
    assert!(kept.contains(&"channel Email: 1 1 1 1 0".to_owned()), "{kept:#?}");
    assert!(kept.contains(&"utm_source news: 1 1 1 1 0".to_owned()), "{kept:#?}");
    shop.app.stop().await;
}

/// The same pageview with these headers.
async fn objecting(shop: &Collector, address: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::post("/api/event").header("x-forwarded-for", address).header("user-agent", FIREFOX);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let event = view(CAMPAIGN, None, json!(1)).to_string();
    shop.collect(request.body(Full::new(Bytes::from(event))).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_goes_before_consent() {
    for marketing in [MarketingPolicy::WithConsent, MarketingPolicy::Always] {
        let shop = collector(marketing).await;
        for header in ["sec-gpc", "dnt"] {
            assert_eq!(objecting(&shop, "90.0.0.1", &[(header, "1")]).await.dropped(), Some("opted_out"));
        }
        shop.app.flush().await.unwrap();
        assert_eq!(shop.rows().await, 0);
        shop.app.stop().await;

        let deaf = Collector::start_with("2026-03-10T09:00:00Z", SITE, |config| {
            config.privacy.marketing = marketing;
            (config.privacy.honour_gpc, config.privacy.honour_dnt) = (false, false);
        })
        .await;
        counted(&objecting(&deaf, "90.0.0.1", &[("sec-gpc", "1")]).await);
        counted(&objecting(&deaf, "91.0.0.1", &[("dnt", "1")]).await);
        deaf.app.flush().await.unwrap();
        assert_eq!(deaf.sum("page_days", "pageviews").await, 2);
        assert_eq!(breakdowns(&deaf, "IN").await, Vec::<String>::new(), "{marketing:?}");
        deaf.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_one_is_consent_and_the_pixel_carries_none() {
    let shop = collector(MarketingPolicy::WithConsent).await;
    for consent in [json!(0), json!(false), json!("0"), json!(2), json!(-1), json!("yes"), json!([1]), Value::Null] {
        let mut event = pageview(SHOP, CAMPAIGN, None);
        event["c"] = consent;
        counted(&shop.event("90.0.0.1", FIREFOX, &event).await);
    }
    let pixel = "/pixel.gif?d=shop.example&u=https%3A%2F%2Fshop.example%2F%3Futm_source%3Dx&c=1";
    let request = Request::get(pixel).header("x-forwarded-for", "91.0.0.1").header("user-agent", FIREFOX);
    let reply = shop.collect(request.body(Full::default()).unwrap()).await;
    counted(&reply);
    shop.app.flush().await.unwrap();
    assert_eq!(shop.sum("page_days", "pageviews").await, 9);
    assert_eq!(breakdowns(&shop, "IN").await, Vec::<String>::new());
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_mid_visit_corrects_the_same_campaign() {
    let shop = collector(MarketingPolicy::WithConsent).await;
    counted(&shop.event("90.0.0.1", FIREFOX, &view(CAMPAIGN, None, json!(1))).await);
    shop.app.flush().await.unwrap();
    let shop = shop.restart(true).await;
    shop.at("2026-03-10T09:10:00Z");
    counted(&shop.event("90.0.0.1", FIREFOX, &view("/pricing", None, json!(1))).await);
    // Now the visit is in a snapshot, no longer in a note.
    let shop = shop.restart(true).await;
    shop.at("2026-03-10T09:15:00Z");
    counted(&shop.event("90.0.0.1", FIREFOX, &view("/about", None, Value::Null)).await);
    shop.app.flush().await.unwrap();
    assert_eq!(
        breakdowns(&shop, "IN").await,
        [
            "channel Paid Search: 1 1 1 0 900",
            "source Google: 1 1 1 0 900",
            "utm_campaign Spring Sale: 1 1 1 0 900",
            "utm_content hero: 1 1 1 0 900",
            "utm_medium cpc: 1 1 1 0 900",
            "utm_source google: 1 1 1 0 900",
            "utm_term red shoes: 1 1 1 0 900",
        ]
    );
    shop.app.stop().await;
}

/// Every byte under a folder as the character with its number.
fn bytes_under(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&bytes_under(&path));
        } else {
            text.extend(std::fs::read(path).unwrap().into_iter().map(char::from));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_click_ids_nor_people_stand_anywhere() {
    let clicks =
        ["gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "yclid", "mc_eid"];
    let shop = collector(MarketingPolicy::WithConsent).await;
    for (at, name) in clicks.iter().enumerate() {
        let path = format!("/{name}?{name}=zqclick{at}&x=zqclick&utm_campaign=kept{at}&ref=zqclick&utm_id=zqclick");
        counted(&shop.event("90.0.0.1", FIREFOX, &view(&path, None, json!(1))).await);
    }
    for (at, value) in [
        "zqjane@shop.example",
        "zqjane%40shop.example+zqjane",
        "zqjane%252540shop.example",
        "%2B33612345678",
        "c/4815162342",
        "id:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
    ]
    .iter()
    .enumerate()
    {
        for tag in ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"] {
            let event = view(&format!("/p{at}?{tag}={value}"), None, json!(1));
            counted(&shop.event("90.0.0.1", FIREFOX, &event).await);
        }
    }
    let waiting = bytes_under(shop.folder.path()) + &bytes_under(shop.runtime.path());
    shop.app.flush().await.unwrap();
    let mut tables = String::new();
    for table in ["page_days", "dimension_days", "dimension_page_days", "action_value_days", "timing_days", "imports"] {
        tables.extend(shop.texts(&format!("SELECT toString(tuple(*)) FROM {{db}}.{table}")).await);
    }
    let metrics = shop.metrics().await;
    for (place, text) in [("the folders", &waiting), ("the tables", &tables), ("the metrics", &metrics)] {
        let small = text.to_ascii_lowercase();
        for word in ["zqclick", "zqjane", "612345678", "4815162342", "9b1deb4d"] {
            assert!(!small.contains(word), "{word} stands in {place}");
        }
    }
    for kept in ["kept0", "Paid Search", "Paid Social", "Display", ":email", ":phone", ":id", ":uuid"] {
        assert!(tables.contains(kept), "{kept} is kept");
        assert!(waiting.contains(kept), "the search finds {kept} in the folders");
    }
    shop.app.stop().await;
}

/// Rows from an import of one line of each format, by source and channel.
async fn imported(marketing: MarketingPolicy) -> Vec<String> {
    let mut config = Config::from_toml(SITE).unwrap();
    config.privacy.marketing = marketing;
    let (store, folder) = (support::fresh_store().await, tempfile::tempdir().unwrap());
    config.spool.dir = folder.path().join("spool");
    let site = Sites::new(&config.site).unwrap().find(SHOP).unwrap().clone();
    let now = "2026-04-01T12:00:00Z".parse().unwrap();
    let logged = format!(
        "90.0.0.1 - - [10/Mar/2026:09:00:00 +0000] \"GET {CAMPAIGN} HTTP/1.1\" 200 99 \"https://www.google.fr/\" \"{FIREFOX}\"\n"
    );
    let mut event = view("/?utm_source=news&utm_medium=email", None, json!(1));
    for (name, value) in [("time", "2026-03-11T09:00:00Z"), ("address", "91.0.0.1"), ("user_agent", FIREFOX)] {
        event[name] = json!(value);
    }
    for (format, text) in [(ImportFormat::AccessLog, logged), (ImportFormat::Events, format!("{event}\n"))] {
        let file = folder.path().join(format!("{format:?}"));
        std::fs::write(&file, text).unwrap();
        let keep_from = site.retained_from(now, 25);
        let import = ImportJob::new(format, vec![file], site.clone(), keep_from);
        let anonymiser = app::anonymiser(&config).unwrap();
        assert_eq!(import::run(import, anonymiser, &config, &store, now).await.unwrap().pageviews, 1);
    }
    let sql = format!(
        "SELECT concat(dimension, ' ', value) AS line FROM {}.dimension_days WHERE dimension IN ('source', 'channel') ORDER BY line",
        store.database()
    );
    store.ask_as_owner(&sql).rows().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_carries_no_consent_and_an_event_of_a_server_its_own() {
    assert_eq!(imported(MarketingPolicy::Never).await, Vec::<String>::new());
    assert_eq!(imported(MarketingPolicy::WithConsent).await, ["channel Email", "source news"]);
    assert_eq!(
        imported(MarketingPolicy::Always).await,
        ["channel Email", "channel Paid Search", "source Google", "source news"]
    );
}
