//! Simulated visitors against the public listener, at a bounded rate, and the ledger of their answers. Every hit can be
//! told apart in the figures: by its own page, or by its own referrer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::control::Control;
use sillage::clock::monotonic_now;

/// Names of the two sites.
pub(crate) const SITES: [&str; 2] = ["one.example", "two.example"];
/// Two agents with the names of their browsers.
pub(crate) const BROWSERS: [(&str, &str); 2] = [
    ("Firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
];
/// Number of concurrent visitors.
const WORKERS: u32 = 24;
/// Number of pages that many visitors see.
const SHARED_PAGES: u64 = 40;
/// Longest wait for an answer; beyond it there is none.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Kind of a hit.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum HitKind {
    /// On a page of its own without a referrer, or on a shared page from a referrer of its own.
    Pageview {
        shared: bool,
    },
    Action {
        interactive: bool,
    },
    /// A pageview on a page of its own that answers a search: two events of one hit.
    Search,
    /// On the page of an earlier pageview, once.
    Engagement {
        ms: i64,
    },
}

/// Answer to a hit.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum HitAnswer {
    /// 202: the hit is durable.
    Accepted,
    /// 503: the hit is rejected.
    Refused,
    /// No answer: the connection ended.
    None,
    /// A status that no fault explains.
    Wrong(u16),
}

/// One hit of the ledger.
pub(crate) struct Hit {
    pub(crate) id: u32,
    pub(crate) visitor: u32,
    pub(crate) page: String,
    pub(crate) kind: HitKind,
    /// Milliseconds of the collector's clock between which it was received.
    pub(crate) sent: i64,
    pub(crate) answered: i64,
    pub(crate) answer: HitAnswer,
}

impl Hit {
    /// Site of its visitor.
    pub(crate) fn site(&self) -> &'static str {
        SITES[(self.visitor % 2) as usize]
    }

    /// Browser of its visitor.
    pub(crate) fn browser(&self) -> &'static str {
        BROWSERS[(self.visitor / 2 % 2) as usize].0
    }

    /// Its unique referrer.
    pub(crate) fn referrer(&self) -> String {
        format!("h{}.elsewhere.example", self.id)
    }

    fn body(&self) -> String {
        let (site, page) = (self.site(), &self.page);
        let mut event = json!({ "d": site, "u": format!("https://{site}{page}"), "n": "pageview" });
        match self.kind {
            HitKind::Pageview { shared: true } => event["r"] = json!(format!("https://{}/x", self.referrer())),
            HitKind::Pageview { shared: false } => {}
            HitKind::Search => event["u"] = json!(format!("https://{site}{page}?q=boots")),
            HitKind::Action { interactive } => {
                event["n"] = json!("Signup");
                event["i"] = json!(interactive);
            }
            HitKind::Engagement { ms } => {
                event["n"] = json!("engagement");
                event["e"] = json!(ms);
            }
        }
        event.to_string()
    }
}

/// State that all rounds share.
pub(crate) struct Load {
    to: SocketAddr,
    control: Arc<Control>,
    /// Held for reading while a hit is on its way; held for writing to move the clock.
    pub(crate) gate: RwLock<()>,
    client: Client<HttpConnector, Full<Bytes>>,
    pause: Duration,
    next: Mutex<Instant>,
    hits: AtomicU32,
    visitors: AtomicU32,
}

impl Load {
    /// A load of at most `rate` hits a second.
    pub(crate) fn new(to: SocketAddr, rate: u32, control: Arc<Control>) -> Self {
        let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
        let pause = Duration::from_secs(1) / rate.max(1);
        let (hits, visitors) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { to, control, gate: RwLock::new(()), client, pause, next: Mutex::new(monotonic_now()), hits, visitors }
    }

    /// Visitors come and go until `stop`; returns the ledger of their hits.
    pub(crate) async fn run(self: Arc<Self>, round: usize, mut chance: Chance, stop: Arc<AtomicBool>) -> Vec<Hit> {
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let (load, chance, stop) = (self.clone(), chance.fork(), stop.clone());
            workers.spawn(async move { load.worker(round, chance, &stop).await });
        }
        let mut hits: Vec<Hit> = workers.join_all().await.into_iter().flatten().collect();
        hits.sort_by_key(|hit| hit.id);
        hits
    }

    async fn worker(&self, round: usize, mut chance: Chance, stop: &AtomicBool) -> Vec<Hit> {
        let mut hits = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let visitor = self.visitors.fetch_add(1, Ordering::SeqCst);
            let many = if chance.percent(40) { 1 } else { 2 + chance.below(18) };
            let mut own_pages = Vec::new();
            for number in 0..many {
                let mut hit = self.hit(round, visitor, &mut own_pages, number == 0, &mut chance);
                if !self.send(&mut hit, stop).await {
                    break;
                }
                let lost = hit.answered - hit.sent > 25_000;
                hits.push(hit);
                // A hit that may still be on its way would leave the order of the visitor's hits open.
                if lost || stop.load(Ordering::SeqCst) {
                    break;
                }
            }
        }
        hits
    }

    /// The next hit of a visitor.
    fn hit(&self, round: usize, visitor: u32, own: &mut Vec<String>, first: bool, chance: &mut Chance) -> Hit {
        let id = self.hits.fetch_add(1, Ordering::SeqCst);
        let fresh = format!("/r{round}/h{id}");
        let dice = if first { chance.below(75) } else { chance.below(100) };
        let (kind, page) = match dice {
            0..35 => {
                own.push(fresh.clone());
                (if dice < 12 { HitKind::Search } else { HitKind::Pageview { shared: false } }, fresh)
            }
            35..70 => (HitKind::Pageview { shared: true }, format!("/r{round}/p{}", chance.below(SHARED_PAGES))),
            70..85 => (HitKind::Action { interactive: chance.percent(70) }, fresh),
            _ => match own.pop() {
                Some(page) => (HitKind::Engagement { ms: 1_000 + i64::from(id % 7_000) }, page),
                None => (HitKind::Action { interactive: false }, fresh),
            },
        };
        Hit { id, visitor, page, kind, sent: 0, answered: 0, answer: HitAnswer::None }
    }

    /// Sends a hit and records the answer; false if it could not even be sent before `stop`.
    async fn send(&self, hit: &mut Hit, stop: &AtomicBool) -> bool {
        loop {
            tokio::time::sleep_until(self.slot()).await;
            let open = self.gate.read().await;
            hit.sent = self.control.now();
            let answer = tokio::time::timeout(PATIENCE, self.client.request(self.request(hit))).await;
            let hit_answer = match answer {
                Ok(Ok(response)) => {
                    let (head, body) = response.into_parts();
                    let dropped = head.headers.contains_key("x-sillage-dropped");
                    match (head.status, body.collect().await) {
                        (StatusCode::ACCEPTED, _) if !dropped => HitAnswer::Accepted,
                        (StatusCode::SERVICE_UNAVAILABLE, _) => HitAnswer::Refused,
                        (status, _) => HitAnswer::Wrong(status.as_u16()),
                    }
                }
                Ok(Err(error)) if error.is_connect() => {
                    drop(open);
                    if stop.load(Ordering::SeqCst) {
                        return false;
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Ok(Err(_)) | Err(_) => HitAnswer::None,
            };
            hit.answered = self.control.now();
            hit.answer = hit_answer;
            return true;
        }
    }

    fn request(&self, hit: &Hit) -> Request<Full<Bytes>> {
        let [_, b, c, d] = hit.visitor.to_be_bytes();
        Request::post(format!("http://{}/api/event", self.to))
            .header("x-forwarded-for", format!("10.{b}.{c}.{d}"))
            .header("user-agent", BROWSERS[(hit.visitor / 2 % 2) as usize].1)
            .body(Full::new(Bytes::from(hit.body())))
            .unwrap()
    }

    fn slot(&self) -> Instant {
        let mut next = self.next.lock().unwrap();
        *next = (*next + self.pause).max(monotonic_now());
        *next
    }
}
