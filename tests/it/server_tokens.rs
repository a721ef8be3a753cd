//! Servers that speak for their clients: what each format's overrides of address and agent do with a token, and that
//! they do nothing without one.

use std::collections::BTreeSet;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sillage::config::TokenConfig;

use crate::bad_input::CANARY;
use crate::collector::{Collector, FIREFOX, Reply};

const NOON: &str = "2026-03-10T12:00:00Z";
const TOKEN: &str = "sillage_of_the_shop";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1";
const SITES: &str = r#"
    [[site]]
    name = "shop.example"
    ids = ["94db1cb1-74f4-4a40-ad6c-962362670409", "7", "shop"]
    query_names_kept = ["page"]
    exclude_addresses = ["192.0.2.200"]
    [[site]]
    name = "other.example"
    "#;

async fn start() -> Collector {
    Collector::start_with(NOON, SITES, |config| {
        let sha256 = Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
        let sites = vec!["shop.example".into()];
        config.collect.server_tokens = vec![TokenConfig { name: "shop".into(), sha256, sites, expires: None }];
        // The requests of these tests come from the server itself.
        config.collect.trusted_proxies.clear();
    })
    .await
}

async fn send(collector: &Collector, path: &str, token: Option<&str>, forwarded: &str, body: String) -> Reply {
    let mut request = Request::post(path).header("user-agent", FIREFOX).header("host", "shop.stats.example");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if !forwarded.is_empty() {
        request = request.header("x-forwarded-for", forwarded);
    }
    collector.collect(request.body(Full::new(Bytes::from(body))).unwrap()).await
}

/// Visitors of the day, and the browsers that were seen.
async fn seen(collector: &Collector) -> (u64, BTreeSet<String>) {
    collector.app.flush().await.unwrap();
    let visitors = collector.texts("SELECT toString(sum(visitors)) FROM {db}.site_days").await;
    let browsers = "SELECT DISTINCT value FROM {db}.dimension_days WHERE dimension = 'browser'";
    (visitors[0].parse().unwrap(), collector.texts(browsers).await.into_iter().collect())
}

fn native(site: &str) -> String {
    json!({ "n": "pageview", "u": format!("https://{site}/"), "d": site }).to_string()
}

fn umami(ip: &str) -> String {
    let website = "94db1cb1-74f4-4a40-ad6c-962362670409";
    json!({ "type": "event", "payload": { "website": website, "url": "/", "ip": ip, "userAgent": SAFARI } }).to_string()
}

fn matomo(ip: &str, more: &str) -> String {
    let agent: String = url::form_urlencoded::byte_serialize(SAFARI.as_bytes()).collect();
    format!("idsite=7&rec=1&url=https://shop.example/&cip={ip}&ua={agent}{more}")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_s_overrides_count_with_a_token_and_are_passed_over_without() {
    const CLIENTS: [&str; 3] = ["198.51.100.1", "198.51.100.2", "203.0.113.3"];
    let cases: [(&str, fn(&str) -> (String, String), &str); 4] = [
        ("/api/event", |ip| (ip.to_owned(), native("shop.example")), "Firefox"),
        ("/api/send", |ip| (String::new(), umami(ip)), "Mobile Safari"),
        ("/matomo.php", |ip| (String::new(), matomo(ip, "")), "Mobile Safari"),
        ("/piwik.php", |ip| (String::new(), json!({ "requests": [matomo(ip, "")] }).to_string()), "Mobile Safari"),
    ];
    for (path, request, browser) in cases {
        for (token, visitors, browser) in
            [(Some(TOKEN), 3, browser), (Some("another"), 1, "Firefox"), (None, 1, "Firefox")]
        {
            let collector = start().await;
            for client in CLIENTS {
                let (forwarded, body) = request(client);
                let reply = send(&collector, path, token, &forwarded, body).await;
                assert!(reply.status.is_success() && reply.dropped().is_none(), "{path}: {reply:?}");
            }
            assert_eq!(seen(&collector).await, (visitors, BTreeSet::from([browser.to_owned()])), "{path} {token:?}");
            collector.app.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn matomo_s_token_auth_proves_a_server_in_a_query_a_form_and_a_bulk() {
    let collector = start().await;
    let auth = format!("&token_auth={TOKEN}");
    let bulk = json!({ "requests": [format!("?{}", matomo("198.51.100.3", ""))], "token_auth": TOKEN }).to_string();
    let single = json!({ "requests": [format!("?{}", matomo("198.51.100.4", &auth))] }).to_string();
    let query = format!("/matomo.php?{}", matomo("198.51.100.1", &auth));
    for (path, body) in [
        (query.as_str(), String::new()),
        ("/matomo.php", matomo("198.51.100.2", &auth)),
        ("/matomo.php", bulk),
        ("/matomo.php", single),
    ] {
        assert_eq!(send(&collector, path, None, "", body).await.status, 200, "{path}");
    }
    assert_eq!(seen(&collector).await, (4, BTreeSet::from(["Mobile Safari".to_owned()])));
    for (wrong, why) in [
        (matomo("nowhere", &auth), "the address is not one"),
        (matomo("198.51.100.1", &format!("{auth}&cdt=1741600000")), "more than an hour"),
        (matomo("198.51.100.1", &format!("{auth}&cdt=yesterday")), "cannot be read"),
    ] {
        let reply = send(&collector, "/matomo.php", None, "", wrong).await;
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains(why), "{why}: {:?}", reply.body);
    }
    let now = matomo("198.51.100.1", &format!("{auth}&cdt=2026-03-10%2011:30:00"));
    assert_eq!(send(&collector, "/matomo.php", None, "", now).await.status, 200);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_speaks_for_the_clients_of_its_own_sites_alone() {
    let collector = start().await;
    for client in ["198.51.100.1", "198.51.100.2"] {
        for site in ["other.example", "shop.example,other.example"] {
            let body = json!({ "n": "pageview", "u": "https://other.example/", "d": site }).to_string();
            send(&collector, "/api/event", Some(TOKEN), client, body).await;
        }
    }
    collector.app.flush().await.unwrap();
    let visitors =
        collector.texts("SELECT toString(sum(visitors)) FROM {db}.site_days WHERE site = 'other.example'").await;
    assert_eq!(visitors, ["1"], "both came from the server's address");
    // Without `d` the page's host tells the site.
    let unnamed = |site: &str| json!({ "n": "pageview", "u": format!("https://{site}/unnamed") }).to_string();
    for client in ["198.51.100.3", "198.51.100.4"] {
        send(&collector, "/api/event", Some(TOKEN), client, unnamed("shop.example")).await;
        send(&collector, "/api/event", Some(TOKEN), client, unnamed("other.example")).await;
    }
    collector.app.flush().await.unwrap();
    let sql = "SELECT format('{} {}', site, sum(visitors)) FROM {db}.page_days WHERE page = '/unnamed' GROUP BY site ORDER BY site";
    assert_eq!(collector.texts(sql).await, ["other.example 1", "shop.example 2"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_of_a_proven_server_s_own_library_is_not_a_robot_s() {
    let collector = start().await;
    let agents = ["", "node", "python-requests/2.32.5", "Mozilla/5.0 Umami/v22.1.0"];
    for (token, dropped) in [(Some(TOKEN), None), (None, Some("bot"))] {
        // Umami's own agent is never a robot's.
        for agent in agents.iter().take(if token.is_some() { 4 } else { 3 }) {
            let mut request = Request::post("/matomo.php").header("user-agent", *agent);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let body = Full::new(Bytes::from_static(
                b"idsite=7&rec=1&url=https://shop.example/&cip=198.51.100.1,198.51.100.2",
            ));
            assert_eq!(collector.collect(request.body(body).unwrap()).await.dropped(), dropped, "{agent} {token:?}");
        }
    }
    assert_eq!(seen(&collector).await.0, 1);
    collector.app.stop().await;
}

async fn count(collector: &Collector, body: &Value) -> Reply {
    send(collector, "/api/v0/count", Some(TOKEN), "", body.to_string()).await
}

/// A hit with all fields that are read, and those that must not be.
fn hit(ip: &str, path: &str) -> Value {
    json!({
        "path": path, "ref": "https://news.example/x", "size": [1920, 1080, 1], "query": format!("page=2&x={CANARY}"), "bot": 0,
        "user_agent": SAFARI, "ip": ip, "language": "fr", "created_at": "2026-03-10T11:59:00Z", "event": false,
        "title": CANARY, "location": "DE", "session": CANARY,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_goatcounter_s_api_is_kept_or_dropped() {
    let collector = start().await;
    let mut action = hit("198.51.100.1", "Signup");
    action["event"] = json!("true");
    let hits = json!({ "filter": ["ip"], "hits": [hit("198.51.100.1", "/a"), hit("198.51.100.2", "/a"), action] });
    let reply = count(&collector, &hits).await;
    assert_eq!((reply.status.as_u16(), reply.json()), (202, json!({ "status": "ok" })));
    assert_eq!(seen(&collector).await, (2, BTreeSet::from(["Mobile Safari".to_owned()])));
    let mut rows = collector
        .texts("SELECT format('{} {}', page, sum(pageviews)) FROM {db}.page_days WHERE pageviews > 0 GROUP BY page")
        .await;
    rows.extend(collector.texts("SELECT DISTINCT format('{} {}', dimension, value) FROM {db}.dimension_days WHERE dimension IN ('referrer', 'screen', 'language', 'device') ORDER BY 1").await);
    rows.extend(collector.texts("SELECT DISTINCT format('{} on {}', action, page) FROM {db}.action_page_days").await);
    assert_eq!(
        rows,
        ["/a?page=2 2", "device mobile", "language fr", "referrer news.example", "screen 1920 and more", "Signup on /"]
    );
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_hits_of_goatcounter_s_api_are_named_by_their_place_and_the_others_count() {
    let collector = start().await;
    let with = |field: &str, value: Value| {
        let mut wrong = hit("198.51.100.9", "/wrong");
        wrong[field] = value;
        wrong
    };
    let cases = [
        (with("path", json!("")), "path"),
        (with("path", json!("x".repeat(2_049))), "path"),
        (with("path", json!("https://[/")), "path"),
        (with("bot", json!(3)), "bot"),
        (with("ip", json!(CANARY)), "ip"),
        (with("ip", json!("")), "ip and user_agent"),
        (with("user_agent", Value::Null), "ip and user_agent"),
        (with("created_at", json!("2026-03-10T10:59:59Z")), "created_at"),
        (with("created_at", json!("2026-03-10T13:00:01Z")), "created_at"),
        (with("created_at", json!(CANARY)), "created_at"),
        (with("event", json!([])), "wrong type"),
        (json!(CANARY), "wrong type"),
    ];
    let mut hits = vec![hit("198.51.100.1", "/right")];
    hits.extend(cases.iter().map(|(wrong, _)| wrong.clone()));
    hits.push(with("bot", json!(150)));
    hits.push(hit("192.0.2.200", "/excluded"));
    let reply = count(&collector, &json!({ "hits": hits })).await;
    assert_eq!(reply.status, 400);
    assert!(!String::from_utf8_lossy(&reply.body).contains(CANARY), "echoed");
    let errors = reply.json()["errors"].as_object().unwrap().clone();
    assert_eq!(errors.len(), cases.len());
    for (index, (_, why)) in cases.iter().enumerate() {
        let message = errors[&(index + 1).to_string()].as_str().unwrap();
        assert!(message.contains(why), "{index}: {message}");
    }
    collector.app.flush().await.unwrap();
    assert_eq!(collector.texts("SELECT DISTINCT page FROM {db}.page_days").await, ["/right?page=2"]);
    let (outcomes, received) = collector.outcomes().await;
    assert_eq!(received, 15);
    for (outcome, hits) in [("counted", 1), ("malformed", 12), ("bot", 1), ("excluded", 1)] {
        assert_eq!(outcomes[outcome], hits, "{outcome}");
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goatcounter_s_api_refuses_strangers_and_requests_that_are_wrong_as_a_whole() {
    let collector = start().await;
    let one = json!({ "hits": [hit("198.51.100.1", "/a")] });
    for token in [None, Some("another")] {
        let reply = send(&collector, "/api/v0/count", token, "", one.to_string()).await;
        assert_eq!(reply.status, 401, "{token:?}");
    }
    let many = |hits: usize| json!({ "no_sessions": true, "hits": vec![json!({ "path": "/" }); hits] });
    for (body, status) in [
        (json!({ "hits": [] }), 400),
        (json!({}), 400),
        (json!([]), 400),
        (json!({ "filter": [CANARY], "hits": [hit("198.51.100.1", "/a")] }), 400),
        (many(501), 400),
        // As GoatCounter's own documents show it; without a client all of it is the server's.
        (many(500), 202),
    ] {
        assert_eq!(count(&collector, &body).await.status.as_u16(), status);
    }
    assert_eq!(seen(&collector).await.0, 1);
    assert_eq!(collector.texts("SELECT toString(sum(pageviews)) FROM {db}.site_days").await, ["500"]);
    // A whole batch of a server passes the bound on bodies, and a stranger's does not.
    let agent = "x".repeat(1_500);
    let large = json!({ "hits": vec![json!({ "path": "/", "user_agent": agent, "ip": "198.51.100.1" }); 500] });
    assert_eq!(count(&collector, &large).await.status, 202);
    assert_eq!(send(&collector, "/api/v0/count", None, "", large.to_string()).await.status, 413);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_tokens_follow_a_reload_of_the_configuration() {
    let collector = start().await;
    let speak = async |last: u8| {
        let forwarded = format!("198.51.100.{last}");
        let reply = send(&collector, "/api/event", Some(TOKEN), &forwarded, native("shop.example")).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
        seen(&collector).await.0
    };
    assert_eq!((speak(1).await, speak(2).await), (1, 2), "each client is a visitor");
    let mut without = collector.config.clone();
    without.collect.server_tokens.clear();
    collector.app.reload(&without).unwrap();
    assert_eq!((speak(3).await, speak(4).await), (3, 3), "a revoked token speaks for no client");
    collector.app.reload(&collector.config).unwrap();
    assert_eq!(speak(5).await, 4, "a token that is configured again does");
    collector.app.stop().await;
}
