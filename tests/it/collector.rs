//! A whole collector in this process: real listeners on their own ports, the shared engine, a clock set by the test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sillage::app::{App, AppOptions};
use sillage::clock::ManualClock;
use sillage::config::Config;
use sillage::console::tokens;
use sillage::ship;
use sillage::store::client::{Endpoint, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support;

/// User agent of a browser that is not taken for a robot.
pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A running collector with its console's token.
pub(crate) struct Collector {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
    pub(crate) runtime: TempDir,
    way: Endpoint,
    token: String,
    pub(crate) config: Config,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An HTTP answer: status, headers, body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Value of `x-sillage-dropped`.
    pub(crate) fn dropped(&self) -> Option<&str> {
        self.headers.get("x-sillage-dropped").map(|reason| reason.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }
}

impl Collector {
    /// Starts with `more` added to a configuration for tests: loopback proxies are trusted, figures exact.
    pub(crate) async fn start(now: &str, more: &str) -> Self {
        Self::start_with(now, more, |_| ()).await
    }

    /// The same with the configuration changed further by `change`.
    pub(crate) async fn start_with(now: &str, more: &str, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_over(now, more, change, support::endpoint().clone()).await
    }

    /// The same with another endpoint of the shared engine.
    pub(crate) async fn start_over(now: &str, more: &str, change: impl FnOnce(&mut Config), way: Endpoint) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tempfile::Builder::new().prefix("sillage-test-").tempdir_in("/dev/shm").unwrap();
        let (token, sha256) = tokens::new_token().unwrap();
        let text = format!(
            r#"
            {more}
            [collect]
            listen = "127.0.0.1:0"
            trusted_proxies = ["127.0.0.0/8"]
            threads = 2
            request_seconds = 2
            [console]
            listen = "127.0.0.1:0"
            tokens = [{{ name = "test", sha256 = "{sha256}", sites = ["*"] }}]
            [clickhouse]
            database = "{database}"
            [spool]
            dir = {spool:?}
            flush_seconds = 3600
            [privacy]
            protection = "exact"
            [runtime]
            dir = {runtime:?}
            [geo]
            databases = ["node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"]
            "#,
            database = support::fresh_name(),
            spool = folder.path().join("spool"),
            runtime = runtime.path(),
        );
        let mut config = Config::from_toml(&text).unwrap();
        change(&mut config);
        let store = Store::connect(&config.clickhouse, support::endpoint());
        let clock = Arc::new(ManualClock::new(now.parse().unwrap()));
        let database = Some(way.clone());
        let app = App::start(AppOptions {
            config: config.clone(),
            clock: clock.clone(),
            demo: false,
            database,
            pauses: pauses(&config),
        })
        .await
        .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { app, clock, store, folder, runtime, way, token, config, client }
    }

    /// Stops, and starts again over the same folders; without `memory` as after a power cut, which empties the folder
    /// in memory.
    pub(crate) async fn restart(self, memory: bool) -> Self {
        let runtime = self.runtime.path().to_owned();
        let between = || {
            if !memory {
                std::fs::read_dir(runtime)
                    .unwrap()
                    .flatten()
                    .for_each(|file| std::fs::remove_file(file.path()).unwrap());
            }
        };
        self.restart_after(between).await
    }

    /// Stops, runs `between`, and starts again over the same folders.
    pub(crate) async fn restart_after(self, between: impl FnOnce()) -> Self {
        let Self { app, clock, store, folder, runtime, way, token, config, client } = self;
        app.stop().await;
        between();
        let database = Some(way.clone());
        let options =
            AppOptions { config: config.clone(), clock: clock.clone(), demo: false, database, pauses: pauses(&config) };
        let app = App::start(options).await.unwrap();
        Self { app, clock, store, folder, runtime, way, token, config, client }
    }

    /// Sets the clock to `now`.
    pub(crate) fn at(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }

    /// Sends a request to the public listener.
    pub(crate) async fn collect(&self, request: Request<Full<Bytes>>) -> Reply {
        self.send(self.app.collect_address, request).await
    }

    /// Sends raw bytes to the public listener; returns the answer.
    pub(crate) async fn raw(&self, request: &[u8]) -> Vec<u8> {
        raw(self.app.collect_address, request).await
    }

    /// Sends one native event from `address` with `agent`.
    pub(crate) async fn event(&self, address: &str, agent: &str, event: &Value) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/event")
            .header("x-forwarded-for", address)
            .header("user-agent", agent)
            .body(Full::new(Bytes::from(event.to_string())))
            .unwrap();
        self.collect(request).await
    }

    /// Asks the console; returns the rows of its answer.
    pub(crate) async fn query(&self, query: Value) -> Value {
        let reply = self.ask("/api/v2/query", &query).await;
        assert_eq!(reply.status, StatusCode::OK, "{query}: {:?}", reply.body);
        reply.json()["results"].clone()
    }

    /// Asks the console; returns its whole answer.
    pub(crate) async fn ask(&self, path: &str, query: &Value) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(query.to_string())))
            .unwrap();
        self.send(self.app.console_address, request).await
    }

    /// The metrics as Prometheus text.
    pub(crate) async fn metrics(&self) -> String {
        let request = Request::builder().uri("/metrics").body(Full::default()).unwrap();
        String::from_utf8(self.send(self.app.console_address, request).await.body.to_vec()).unwrap()
    }

    /// Sum of a counter over all its labels, of the lines that contain `part`.
    pub(crate) async fn counter(&self, name: &str, part: &str) -> u64 {
        let metrics = self.metrics().await;
        let lines = metrics.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(part)
        });
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Number of hits by outcome, without zeros; and the number of received hits.
    pub(crate) async fn outcomes(&self) -> (BTreeMap<String, u64>, u64) {
        let metrics = self.metrics().await;
        let mut outcomes = BTreeMap::new();
        for line in metrics.lines().filter_map(|line| line.strip_prefix("sillage_hits_total{")) {
            let (labels, number) = line.rsplit_once(' ').unwrap();
            let outcome = labels.split("outcome=\"").nth(1).unwrap().split('"').next().unwrap();
            *outcomes.entry(outcome.to_owned()).or_default() += number.parse::<u64>().unwrap();
        }
        outcomes.retain(|_, number| *number > 0);
        (outcomes, self.counter("sillage_received_total", "").await)
    }

    /// The texts that `sql` selects, one per row; `{db}` stands for the database.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        self.store.ask_as_owner(&sql.replace("{db}", self.store.database())).rows().await.unwrap()
    }

    /// Number of rows in all tables of figures.
    pub(crate) async fn rows(&self) -> i64 {
        let mut rows = 0;
        for table in ["page_days", "dimension_days", "action_days", "timing_days", "imports"] {
            rows += self.sum(table, "1").await;
        }
        rows
    }

    /// Sum of a column over all rows of a table.
    pub(crate) async fn sum(&self, table: &str, column: &str) -> i64 {
        let sql = format!("SELECT sum({column}) AS sum FROM {}.{table}", self.store.database());
        let rows = self.store.ask_as_owner(&sql).json().await.unwrap();
        rows[0]["sum"].as_i64().unwrap()
    }

    async fn send(&self, to: SocketAddr, mut request: Request<Full<Bytes>>) -> Reply {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{to}{path}").parse().unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }
}

/// Sends raw bytes on a new connection; returns everything until it closes.
pub(crate) async fn raw(to: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // A listener that has already refused may have closed.
    stream.write_all(request).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    answer
}

/// Pauses of shipping: a test that flushes by itself must see no retry in the background.
fn pauses(config: &Config) -> (Duration, Duration) {
    let by_itself = config.spool.flush_seconds < 3_600;
    if by_itself { ship::PAUSES } else { (Duration::from_secs(3_600), Duration::from_secs(3_600)) }
}

/// A pageview of `path` on `site`.
pub(crate) fn pageview(site: &str, path: &str, referrer: Option<&str>) -> Value {
    let mut event = json!({ "n": "pageview", "d": site, "u": format!("https://{site}{path}") });
    if let Some(referrer) = referrer {
        event["r"] = json!(referrer);
    }
    event
}
