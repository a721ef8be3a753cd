//! Access to the console: tokens, sessions, methods, types, sizes, probes. No engine runs here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use serde_json::{Value, json};
use sillage::clock::{Clock as _, ManualClock};
use sillage::config;
use sillage::console;
use sillage::console::{ConsoleState, StorageProfile, tokens};
use sillage::observe::Meters;
use sillage::sites::Sites;
use sillage::store::reports::Reports;
use sillage::store::{Endpoint, Login, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running console with a token for all sites and one for `shop.example` alone.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) everything: String,
    pub(crate) shop: String,
    pub(crate) clock: Arc<ManualClock>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) async fn serve(store: Store, rounding: u32) -> Served {
    let site = |name: &str| config::SiteConfig {
        name: name.into(),
        timezone: "Europe/Paris".into(),
        embed_on: vec![format!("https://www.{name}")],
        ..Default::default()
    };
    let clock = Arc::new(ManualClock::new("2026-03-10T12:00:00Z".parse().unwrap()));
    let (everything, all_hash) = tokens::new_token().unwrap();
    let (shop, shop_hash) = tokens::new_token().unwrap();
    let token = |sha256: String, site: &str| config::TokenConfig {
        name: "t".into(),
        sha256,
        sites: vec![site.into()],
        expires: None,
    };
    let sites = Arc::new(Sites::new(&[site("shop.example"), site("other.example")]).unwrap());
    let protection = if rounding == 1 { config::Protection::Exact } else { config::Protection::Tens };
    let console = ConsoleState::new(console::ConsoleOptions {
        meters: Arc::new(Meters::new(&sites)),
        sites,
        tokens: vec![token(all_hash, "*"), token(shop_hash, "shop.example")],
        kept: StorageProfile { protection, marketing: false },
        reports: Reports::new(store.clone()),
        store,
        config: Arc::default(),
        clock: clock.clone(),
        spool_accepts: Box::new(|| true),
        journal: None,
        mail: None,
        health: Arc::default(),
        open_visits: Box::new(|site| if site == "shop.example" { 43 } else { 0 }),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(console::serve(listener, Arc::new(console), console::CONNECTIONS_MAX, shutdown.clone()));
    Served { address, everything, shop, clock, shutdown, serving }
}

/// A store whose database does not run.
pub(crate) fn absent_database() -> Store {
    let writer = Login { user: "sillage".into(), password: String::new() };
    let endpoint =
        Endpoint { url: "http://127.0.0.1:9".into(), writer, reader: None, process: None, scoped_readers: Vec::new() };
    Store::connect(&config::ClickHouseConfig::default(), &endpoint)
}

impl Served {
    pub(crate) async fn send(&self, request: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut text = format!("{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut reply = String::new();
        // A body that is rejected unread may end in a reset after the answer.
        drop(stream.read_to_string(&mut reply).await);
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(body).unwrap_or(body.into()) }
    }

    pub(crate) async fn ask_as(&self, token: &str, query: &str) -> Reply {
        let token = format!("Bearer {token}");
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        self.send("POST /api/v2/query", &headers, query).await
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap();
    }
}

const QUERY: &str = r#"{"site_id":"shop.example","date_range":"7d","metrics":["visitors"]}"#;

#[tokio::test]
async fn a_site_that_a_token_may_not_read_looks_like_one_that_does_not_exist() {
    let served = serve(absent_database(), 10).await;
    let other = QUERY.replace("shop", "other");
    let unknown = QUERY.replace("shop", "unknown");

    // A client without a token learns nothing, not even that the query is malformed.
    for query in [QUERY, &other, &unknown, "{"] {
        let reply = served.ask_as("sillage_wrong", query).await;
        assert_eq!((reply.status, reply.head.contains("www-authenticate: bearer")), (401, true), "{query}");
    }
    let hidden = served.ask_as(&served.shop, &other).await;
    let missing = served.ask_as(&served.shop, &unknown).await;
    assert_eq!((hidden.status, missing.status), (403, 403));
    assert_eq!(hidden.body, missing.body);
    // The database is away: only a token for the site gets this far, and sees no text of the error.
    for reply in [served.ask_as(&served.shop, QUERY).await, served.ask_as(&served.everything, &other).await] {
        assert_eq!(reply.status, 503);
        assert!(reply.body["error"].as_str().unwrap().starts_with("database unavailable"));
    }
    let bearer = format!("Bearer {}", served.shop);
    let sites = served.send("GET /api/sites", &[("Authorization", &bearer)], "").await;
    let listed = sites.body["sites"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{}", sites.body);
    assert_eq!((&listed[0]["name"], &listed[0]["timezone"]), (&json!("shop.example"), &json!("Europe/Paris")));
    assert_eq!(served.send("GET /api/sites", &[], "").await.status, 401);
    served.stop().await;
}

#[tokio::test]
async fn each_bad_request_has_its_own_answer() {
    let served = serve(absent_database(), 10).await;
    let bearer = format!("Bearer {}", served.everything);
    let signed = ("Authorization", bearer.as_str());
    let json = ("Content-Type", "application/json");
    for (request, headers, body, status) in [
        ("GET /api/v2/query", vec![signed], "", 405),
        ("DELETE /", vec![signed], "", 405),
        ("POST /metrics", vec![signed], "", 405),
        ("GET /sign-out", vec![signed], "", 405),
        ("GET /api/v2/query/", vec![signed], "", 404),
        ("GET /assets/../Cargo.toml", vec![signed], "", 404),
        ("GET /wp-login.php", vec![], "", 404),
        ("POST /api/v2/query", vec![signed], QUERY, 415),
        ("POST /api/v2/query", vec![signed, ("Content-Type", "text/plain")], QUERY, 415),
        ("POST /api/v2/query", vec![signed, json], &"x".repeat(65_537), 413),
        ("POST /api/v2/query", vec![signed, json], "", 400),
        ("POST /api/v2/query", vec![signed, json], "[]", 400),
        ("POST /api/v2/query", vec![signed, json], "{\"site_id\":1}", 400),
        ("POST /api/v2/query", vec![signed, json], &format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000)), 400),
        ("POST /api/v2/query", vec![("Authorization", "Basic eDp5"), json], QUERY, 401),
        ("POST /sign-in", vec![json], "{}", 415),
        ("POST /sign-in", vec![("Content-Type", "application/x-www-form-urlencoded")], "token=wrong", 401),
    ] {
        let reply = served.send(request, &headers, body).await;
        assert_eq!(reply.status, status, "{request} {headers:?}");
        assert!(reply.head.contains("x-content-type-options: nosniff"));
        assert!(reply.head.contains("content-security-policy: default-src 'none';"));
        assert!(!reply.head.contains("access-control-allow-origin"));
    }
    served.stop().await;
}

/// A store whose database counts connections, and answers none.
fn counted() -> (Store, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let writer = Login { user: "sillage".into(), password: String::new() };
    let endpoint = Endpoint {
        url: format!("http://{}", listener.local_addr().unwrap()),
        writer,
        reader: None,
        process: None,
        scoped_readers: Vec::new(),
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            drop(connection);
        }
    });
    (Store::connect(&config::ClickHouseConfig::default(), &endpoint), asked)
}

#[tokio::test]
async fn no_byte_and_no_query_to_the_database_tells_a_hidden_site_from_one_that_never_was() {
    let (store, asked) = counted();
    let served = serve(store, 10).await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let signed = served.send("POST /sign-in", &form, &format!("token={}", served.shop)).await;
    let cookie = signed.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let bearer = format!("Bearer {}", served.shop);
    let without_date = |reply: Reply| {
        let head: Vec<String> =
            reply.head.lines().filter(|line| !line.starts_with("date: ")).map(str::to_owned).collect();
        (head, reply.body)
    };
    for who in [("Authorization", bearer.as_str()), ("Cookie", cookie)] {
        let mut answers = Vec::new();
        // Hidden, in another case, nonexistent, empty; well asked and badly.
        for name in ["other.example", "OTHER.example", "never.example", "", "shop.example.", "*"] {
            for rest in [r#""date_range":"7d","metrics":["visitors"]"#, r#""metrics":["nothing"],"filters":7"#] {
                let query = format!(r#"{{"site_id":"{name}",{rest}}}"#);
                let headers = [who, ("Content-Type", "application/json")];
                answers.push(without_date(served.send("POST /api/v2/query", &headers, &query).await));
            }
        }
        assert!(answers[0].0[0].starts_with("http/1.1 403"), "{:?}", answers[0]);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "the database was asked nothing");
    // The counter works: a readable site reaches the database.
    assert_eq!(served.ask_as(&served.shop, QUERY).await.status, 503);
    assert!(asked.load(Ordering::SeqCst) > 0);
    served.stop().await;
}

#[tokio::test]
async fn a_browser_signs_in_and_out_and_no_other_site_can_ask_with_its_cookie() {
    let served = serve(absent_database(), 10).await;
    let home = served.send("GET /", &[], "").await;
    assert!(home.status == 303 && home.head.contains("location: /sign-in"));
    assert_eq!(served.send("GET /sign-in", &[], "").await.status, 200);

    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let signed = served.send("POST /sign-in", &form, &format!("token={}", served.shop)).await;
    assert!(signed.status == 303 && signed.head.contains("location: /\r\n"));
    let cookie = signed.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=strict") && !cookie.contains(&served.shop));
    let cookie = ("Cookie", cookie.split(';').next().unwrap());

    let home = served.send("GET /", &[cookie], "").await;
    assert_eq!(home.status, 200);
    let etag = home.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    assert_eq!(served.send("GET /", &[cookie, ("If-None-Match", etag)], "").await.status, 304);
    let sites = served.send("GET /api/sites", &[cookie], "").await;
    assert_eq!(sites.body["sites"][0]["name"], "shop.example");

    let json = ("Content-Type", "application/json");
    let origin = format!("http://{}", served.address);
    for (headers, status) in [
        (vec![cookie, json, ("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")], 503),
        (vec![cookie, json, ("Origin", "https://evil.example")], 403),
        (vec![cookie, json, ("Sec-Fetch-Site", "cross-site")], 403),
    ] {
        assert_eq!(served.send("POST /api/v2/query", &headers, QUERY).await.status, status, "{headers:?}");
    }
    let other = QUERY.replace("shop", "other");
    assert_eq!(served.send("POST /api/v2/query", &[cookie, json], &other).await.status, 403);

    assert_eq!(served.send("POST /sign-out", &[cookie], "").await.status, 303);
    assert_eq!(served.send("GET /api/sites", &[cookie], "").await.status, 401);
    let linked = served.send(&format!("GET /sign-in?token={}", served.shop), &[], "").await;
    assert!(linked.status == 303 && linked.head.contains("set-cookie: sillage_session="));
    served.stop().await;
}

#[tokio::test]
async fn probes_are_open_to_the_machine_and_closed_to_what_a_proxy_brings() {
    let served = serve(absent_database(), 10).await;
    assert_eq!(served.send("GET /health/live", &[], "").await.status, 200);
    assert_eq!(served.send("GET /metrics", &[], "").await.status, 200);
    let ready = served.send("GET /health/ready", &[], "").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body, json!({ "ready": false, "engine": false, "spool": true }));
    for path in ["/metrics", "/health/live", "/health/ready"] {
        let proxied = served.send(&format!("GET {path}"), &[("X-Forwarded-For", "192.0.2.1")], "").await;
        assert_eq!(proxied.status, 401, "{path}");
    }
    // The metrics name every site: a token for one of them is not enough.
    for (token, status) in [(&served.shop, 403), (&served.everything, 200)] {
        let bearer = format!("Bearer {token}");
        let headers = [("X-Forwarded-For", "192.0.2.1"), ("Authorization", bearer.as_str())];
        assert_eq!(served.send("GET /metrics", &headers, "").await.status, status);
    }
    served.stop().await;
}

#[tokio::test]
async fn an_open_request_is_finished_before_the_end() {
    let served = serve(absent_database(), 10).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let body = "token=wrong";
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100", "the request is being answered");
    served.shutdown.cancel();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.contains("HTTP/1.1 401"), "{reply}");
    served.serving.await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn every_get_path_of_the_described_interface_is_served_and_needs_a_token() {
    let served = serve(absent_database(), 10).await;
    let document = served.send("GET /openapi.json", &[], "").await;
    assert_eq!((document.status, &document.body["openapi"]), (200, &json!("3.1.0")));
    for (path, operations) in document.body["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let request = format!("{} {path}", method.to_uppercase());
            assert_eq!(served.send(&request, &[], "").await.status, 401, "{request}");
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn visitors_of_the_last_half_hour_leave_in_tens() {
    let served = serve(absent_database(), 10).await;
    let bearer = format!("Bearer {}", served.shop);
    let visitors_of = async |site: &str| {
        let path = format!("GET /api/v1/stats/realtime/visitors?site_id={site}");
        served.send(&path, &[("Authorization", &bearer)], "").await
    };
    let reply = visitors_of("shop.example").await;
    let visitors = reply.body.as_i64().unwrap();
    assert!((30..=60).contains(&visitors) && visitors % 10 == 0, "{visitors}");
    assert_eq!(visitors_of("shop.example").await.body, reply.body, "asking again draws nothing anew");
    assert_eq!(visitors_of("other.example").await.status, 403);
    served.stop().await;
}

/// The path of a link for a day that the token of `shop.example` makes.
async fn shared_for_a_day(served: &Served) -> String {
    let bearer = format!("Bearer {}", served.shop);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let made = served.send("POST /api/share", &headers, r#"{"site_id":"shop.example","days":1}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["path"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_shared_link_opens_its_site_for_its_days_and_no_longer() {
    let served = serve(absent_database(), 10).await;
    let path = shared_for_a_day(&served).await;
    let key = path.split_once("key=").unwrap().1;
    let shared = format!("shop.example {key}");
    let asked = async |path: &str| served.send(path, &[("X-Sillage-Share", &shared)], "").await.status;
    assert_eq!(served.send(&format!("GET {path}"), &[], "").await.status, 200);
    assert_eq!(asked("GET /api/sites").await, 200);
    for of_the_operator in ["GET /api/arrivals", "GET /api/releases"] {
        assert_eq!(asked(of_the_operator).await, 401, "{of_the_operator}");
    }
    let longer = path.replace("key=", "key=9");
    assert_eq!(served.send(&format!("GET {longer}"), &[], "").await.status, 404, "a key with a later end");
    served.clock.set(served.clock.now() + SignedDuration::from_hours(24));
    assert_eq!(served.send(&format!("GET {path}"), &[], "").await.status, 404);
    assert_eq!(asked("GET /api/sites").await, 401);
    served.stop().await;
}

#[tokio::test]
async fn a_shared_page_may_be_embedded_where_its_site_allows_and_no_other_page_anywhere() {
    let served = serve(absent_database(), 10).await;
    let path = shared_for_a_day(&served).await;
    let page = served.send(&format!("GET {path}"), &[], "").await;
    assert!(page.head.contains("frame-ancestors https://www.shop.example\r\n"), "{}", page.head);
    assert!(!page.head.contains("x-frame-options"));
    let form = served.send("GET /sign-in", &[], "").await;
    assert!(form.head.contains("frame-ancestors 'none'") && form.head.contains("x-frame-options: deny"));
    served.stop().await;
}
