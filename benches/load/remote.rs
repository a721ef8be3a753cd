//! Load on a collector of another machine, over HTTP or TLS, so that generator and program share no cores. It starts
//! no program and reads no process: it prints the offered hits and their outcomes. Figures are compared if a console
//! with exact figures and a token are given.
//!
//! Requests are due at a fixed rate and their wait counts from then, as in `open.rs`; the timer adds up to a
//! millisecond. Addresses go in `X-Forwarded-For`: unless the collector trusts this machine, all are one visitor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use hyper::Uri;
use hyper_rustls::ConfigBuilderExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::program::{Home, Setup};
use crate::traffic::{Plan, SITE, Traffic};
use crate::wire::one;

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Longest wait until the console shows all accepted hits.
const COUNTED_MAX: Duration = Duration::from_secs(60);

/// Options of the part `remote`.
#[derive(Args, Clone, Default)]
pub(crate) struct RemoteOptions {
    /// `remote`: address of the collector, such as https://stats.example:443.
    #[arg(long, value_name = "URL")]
    target: Option<Uri>,
    /// `remote`: the site that is measured there.
    #[arg(long, default_value = SITE)]
    site: String,
    /// `remote`: requests a second.
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    /// `remote`: connections; each waits for its answer before it sends again.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// `remote`: PEM file of the authority to believe; else the public ones.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// `remote`: address of the console, to compare its figures.
    #[arg(long, value_name = "URL", requires = "token_file")]
    console: Option<Uri>,
    /// `remote`: file with a token of that console.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Outcome of a load.
#[derive(Default)]
pub(crate) struct RemoteOutcome {
    offered: u64,
    /// Answered 202 and to be counted.
    accepted: u64,
    /// Answered 202 and deliberately not counted.
    dropped: u64,
    /// Other answers by status.
    others: BTreeMap<u16, u64>,
    /// Requests without an answer.
    failed: u64,
    /// Pageviews of the console before and after; `None`: not compared.
    counted: Option<(i64, i64)>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A server by name, and how to trust it.
#[derive(Clone)]
struct Server {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl Server {
    fn of(url: &Uri, ca: Option<&Path>) -> Self {
        let is_tls = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => panic!("{url}: write an address such as https://stats.example:443"),
        };
        let host = url.host().expect("an address has a host").to_owned();
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Self { host, port, tls: is_tls.then(|| connector(ca)) }
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.trim_matches(['[', ']']), self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

fn connector(ca: Option<&Path>) -> TlsConnector {
    let client = ClientConfig::builder();
    let client = match ca {
        None => client.with_webpki_roots(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            CertificateDer::pem_file_iter(file).unwrap().for_each(|one| roots.add(one.unwrap()).unwrap());
            client.with_root_certificates(roots)
        }
    };
    TlsConnector::from(Arc::new(client.with_no_client_auth()))
}

/// State shared by all connections.
struct RemoteLoad {
    server: Server,
    traffic: Traffic,
    site: String,
    rate: f64,
    count: u64,
    next: AtomicU64,
    began: Instant,
    outcome: Mutex<(RemoteOutcome, Histogram<u64>)>,
}

/// Offers the load that the options describe, for `time`, and prints its outcome.
pub(crate) fn run(options: &RemoteOptions, time: Duration, people: u32) -> RemoteOutcome {
    let target = options.target.as_ref().expect("--target: the address of a collector");
    let plan = Plan { people, ..Plan::PAGEVIEWS };
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let before = pageviews(options).await;
        let load = Arc::new(RemoteLoad {
            server: Server::of(target, options.ca.as_deref()),
            traffic: Traffic::new(plan),
            site: options.site.clone(),
            rate: options.rate,
            count: (options.rate * time.as_secs_f64()) as u64,
            next: AtomicU64::new(0),
            began: Instant::now(),
            outcome: Mutex::new((RemoteOutcome::default(), Histogram::new(3).unwrap())),
        });
        let connections: Vec<_> = (0..options.connections).map(|_| tokio::spawn(load.clone().connection())).collect();
        for connection in connections {
            connection.await.unwrap();
        }
        let seconds = load.began.elapsed().as_secs_f64();
        let (mut outcome, waits) = std::mem::replace(
            &mut *load.outcome.lock().unwrap(),
            (RemoteOutcome::default(), Histogram::new(3).unwrap()),
        );
        outcome.offered = load.count;
        if let Some(before) = before {
            outcome.counted = Some((before, counted(options, before + outcome.accepted as i64).await));
        }
        outcome.print(target, seconds, &waits);
        outcome
    })
}

impl RemoteLoad {
    /// Sends due requests until none is left.
    async fn connection(self: Arc<Self>) {
        let (mut open, mut read) = (None, Vec::with_capacity(1_024));
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return;
            }
            let due = self.began + Duration::from_secs_f64(number as f64 / self.rate);
            tokio::time::sleep_until(due.into()).await;
            let request = self.request(number);
            let answered = tokio::time::timeout(ANSWER_MAX, async {
                let mut stream = match open.take() {
                    Some(stream) => stream,
                    None => self.server.connect().await?,
                };
                let answer = one(&mut stream, &mut read, &request).await?;
                std::io::Result::Ok((stream, answer))
            });
            let answered = answered_or_late(answered.await);
            let mut outcome = self.outcome.lock().unwrap();
            let (counts, waits) = &mut *outcome;
            match answered {
                Err(_) => {
                    counts.failed += 1;
                    read.clear();
                }
                Ok((stream, answer)) => {
                    open = Some(stream);
                    waits.record(due.elapsed().as_micros() as u64).unwrap();
                    match (answer.status, answer.dropped) {
                        (202, false) => counts.accepted += 1,
                        (202, true) => counts.dropped += 1,
                        (status, _) => *counts.others.entry(status).or_default() += 1,
                    }
                }
            }
        }
    }

    /// The request with this number, about the target's site.
    fn request(&self, number: u64) -> Vec<u8> {
        let (address, agent, language, body) = self.traffic.parts(number);
        let body = std::str::from_utf8(body).unwrap().replace(SITE, &self.site);
        format!(
            "POST /api/event HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: {address}\r\nUser-Agent: {agent}\r\n\
             Accept-Language: {language}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
            self.server.host,
            body.len(),
        )
        .into_bytes()
    }
}

fn answered_or_late<T>(answered: Result<std::io::Result<T>, tokio::time::error::Elapsed>) -> std::io::Result<T> {
    answered.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

impl RemoteOutcome {
    /// Whether every offered request was accepted, and counted where that was compared.
    pub(crate) fn is_whole(&self) -> bool {
        let counted = self.counted.is_none_or(|(before, after)| after - before == self.accepted as i64);
        self.accepted == self.offered && counted
    }

    fn print(&self, target: &Uri, seconds: f64, waits: &Histogram<u64>) {
        let ms = |quantile: f64| waits.value_at_quantile(quantile) as f64 / 1e3;
        println!("target     {target}");
        println!("offered    {} in {seconds:.1} s ({:.0} a second)", self.offered, self.offered as f64 / seconds);
        println!("accepted   {}", self.accepted);
        println!("dropped    {}", self.dropped);
        for (status, count) in &self.others {
            println!("status {status} {count}");
        }
        println!("no answer  {}", self.failed);
        println!("wait, ms   p50 {:.2}  p95 {:.2}  p99 {:.2}  max {:.2}", ms(0.5), ms(0.95), ms(0.99), ms(1.0));
        match self.counted {
            None => println!("figures    not compared (--console and --token-file compare them)"),
            Some((before, after)) => println!("figures    {} pageviews more in the console", after - before),
        }
    }
}

/// Waits until the console shows `wanted` pageviews; returns what it shows at last.
async fn counted(options: &RemoteOptions, wanted: i64) -> i64 {
    let began = Instant::now();
    loop {
        let found = pageviews(options).await.unwrap_or_default();
        if found >= wanted || began.elapsed() > COUNTED_MAX {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Pageviews of the last seven days by the console's API; `None` without a console, or where figures are not exact.
async fn pageviews(options: &RemoteOptions) -> Option<i64> {
    let url = options.console.as_ref()?;
    let token = std::fs::read_to_string(options.token_file.as_ref()?).expect("--token-file: readable");
    let query = json!({ "site_id": options.site, "metrics": ["pageviews"], "date_range": "7d" }).to_string();
    let server = Server::of(url, options.ca.as_deref());
    let request = format!(
        "POST /api/v2/query HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{query}",
        server.host,
        server.port,
        token.trim(),
        query.len(),
    );
    let mut stream = server.connect().await.expect("the console answers");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // TLS may end without its own good-bye.
    stream.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("the console answers in HTTP");
    assert!(head.starts_with("HTTP/1.1 200"), "console: {}", head.lines().next().unwrap_or_default());
    let answer: Value = serde_json::from_str(body).unwrap();
    if answer["meta"]["protection"] == "tens" {
        println!("console    publishes in tens, after the hour: figures are not compared");
        return None;
    }
    answer.pointer("/results/0/metrics/0").and_then(Value::as_i64)
}

/// Tries it on a program of this machine, over TLS: every request is accepted and counted; an authority that did not
/// sign the certificate is believed nothing.
pub(crate) fn check() {
    let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
    let (token, hash) = sillage::console::tokens::new_token().unwrap();
    let program = Home::new(&Setup {
        sites: "site = [{ name = \"remote.example\" }]".into(),
        collect: format!("tls = {{ certificate = {:?}, key = {:?} }}", fixture("first.pem"), fixture("first.key.pem")),
        console: format!("tokens = [{{ name = \"t\", sha256 = \"{hash}\", sites = [\"*\"] }}]"),
        spool: "flush_seconds = 1".into(),
        ..Setup::default()
    })
    .start();
    let token_file = program.home().path("token");
    std::fs::write(&token_file, token).unwrap();
    let options = RemoteOptions {
        target: Some(format!("https://127.0.0.1:{}", program.collect.port()).parse().unwrap()),
        site: "remote.example".into(),
        rate: 400.0,
        connections: 8,
        ca: Some(fixture("authority.pem")),
        console: Some(format!("http://{}", program.home().console).parse().unwrap()),
        token_file: Some(token_file),
    };
    let outcome = run(&options, Duration::from_millis(500), 50);
    assert!(outcome.is_whole() && outcome.accepted == 200, "{} accepted, {:?}", outcome.accepted, outcome.counted);
    let stranger = RemoteOptions { ca: None, console: None, token_file: None, ..options };
    let outcome = run(&stranger, Duration::from_millis(50), 50);
    assert_eq!((outcome.failed, outcome.accepted), (20, 0));
    program.end();
}
