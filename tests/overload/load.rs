//! Load and its results: normal hits, floods, and abusive connections.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::wire::{Answer, Closed, connected, on_a_runtime, one, parse};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// Answers by status, in all and per second.
#[derive(Default, Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) refused_without_retry_after: u64,
    pub(crate) other: u64,
    /// Hits due in a flood and not sent, since every connection had its share unanswered.
    pub(crate) held: u64,
    /// Number of `202`s in each second.
    pub(crate) seconds: Vec<u64>,
    /// Microseconds to each answer.
    pub(crate) waits: Vec<u32>,
}

impl Answers {
    fn note(&mut self, began: Instant, answer: &Answer) {
        match answer.status {
            202 if !answer.dropped => {
                self.accepted += 1;
                let second = began.elapsed().as_secs() as usize;
                self.seconds.resize(self.seconds.len().max(second + 1), 0);
                self.seconds[second] += 1;
            }
            503 => {
                self.refused += 1;
                self.refused_without_retry_after += u64::from(!answer.retry_after);
            }
            _ => self.other += 1,
        }
    }

    /// A percentile of the waits, in milliseconds.
    pub(crate) fn wait_ms(&self, percent: usize) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
        waits.get(at).map_or(0.0, |micros| f64::from(*micros) / 1e3)
    }

    pub(crate) fn sum(&mut self, other: &Answers) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.refused_without_retry_after += other.refused_without_retry_after;
        self.other += other.other;
    }
}

/// One pageview of one of many visitors.
pub(crate) fn pageview(number: u64) -> Vec<u8> {
    hit(number, number % 500, "news.example", FIREFOX)
}

/// One pageview of an invented page, from an invented host, by an invented browser; every second one is a new
/// combination of known pages, hosts and browsers.
pub(crate) fn invention(number: u64) -> Vec<u8> {
    let chance =
        number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let known = |bits: u32, all: u64| (chance >> bits) % all;
    let (page, host) = if number.is_multiple_of(2) { (known(8, 9_000), known(24, 4_000)) } else { (number, number) };
    let agent = FIREFOX.replace("140", &format!("{}", 100 + known(40, 5_000)));
    hit(number, page, &format!("n{host}.example"), &agent)
}

fn hit(number: u64, page: u64, referrer: &str, agent: &str) -> Vec<u8> {
    let visitor = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    let body = format!(
        r#"{{"n":"pageview","d":"shop.example","u":"https://shop.example/products/{page}?utm_source=x","r":"https://{referrer}/","w":1280}}"#
    );
    let (a, b) = (visitor >> 8, visitor & 255);
    let head = format!(
        "POST /api/event HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {agent}\r\nX-Forwarded-For: 90.1.{a}.{b}\r\n\
         Accept-Language: fr-FR,fr;q=0.8\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// Requests written before the load begins, so that the sender costs little.
fn written() -> Vec<Vec<u8>> {
    (0..4_096).map(|number| pageview(number * 7)).collect()
}

/// `count` connections that send for `time`, each its next hit `pause` after the last one's answer.
pub(crate) fn closed(to: SocketAddr, count: usize, pause: Duration, time: Duration) -> Answers {
    let (requests, mut next) = (written(), 0);
    closed_with(to, count, pause, time, move |request| {
        request.extend(&requests[next % requests.len()]);
        next += 1;
    })
}

/// The same with other hits.
pub(crate) fn closed_with(
    to: SocketAddr,
    count: usize,
    pause: Duration,
    time: Duration,
    mut write: impl FnMut(&mut Vec<u8>) + 'static,
) -> Answers {
    let answers = Rc::new(RefCell::new(Answers::default()));
    let (noted, began) = (answers.clone(), Instant::now());
    let ask = move |request: &mut Vec<u8>| {
        write(request);
        0
    };
    let note = move |_, waited: Duration, answer: &Answer| {
        noted.borrow_mut().waits.push(waited.as_micros().try_into().unwrap_or(u32::MAX));
        noted.borrow_mut().note(began, answer);
    };
    Closed { to, connections: count, pause, time, fresh: false }.run(ask, note);
    answers.take()
}

/// Connections of a flood. Browsers and proxies wait for an answer before they send again on a connection.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) connections: usize,
    /// Most unanswered requests on one connection.
    pub(crate) unanswered: u32,
}

/// Hits that become due at a rate, and wait at their sender while every connection has its share unanswered.
struct Flood {
    crowd: Crowd,
    rate: f64,
    time: Duration,
    began: Instant,
    requests: Vec<Vec<u8>>,
    sent: Cell<u64>,
    answers: RefCell<Answers>,
}

struct Sender {
    stream: TcpStream,
    unanswered: Cell<u32>,
}

/// `rate` hits a second for `time` over the connections of `crowd`, whether or not they are answered; then waits for
/// all answers. Hits that were due and could not be sent are held.
pub(crate) fn flood(to: SocketAddr, crowd: Crowd, rate: f64, time: Duration) -> Answers {
    on_a_runtime(async {
        let (set, mut senders) = (LocalSet::new(), Vec::new());
        for _ in 0..crowd.connections {
            senders.push(Rc::new(Sender { stream: connected(to).await, unanswered: Cell::new(0) }));
        }
        let (began, requests) = (Instant::now(), written());
        let (sent, answers) = (Cell::new(0), RefCell::default());
        let flood = Rc::new(Flood { crowd, rate, time, began, requests, sent, answers });
        for sender in senders.iter().cloned() {
            set.spawn_local(flood.clone().hear(sender));
        }
        set.run_until(flood.send(&senders)).await;
        let mut answers = flood.answers.take();
        answers.held = (time.as_secs_f64() * rate) as u64 - flood.sent.get();
        answers
    })
}

impl Flood {
    async fn send(&self, senders: &[Rc<Sender>]) {
        let mut next = senders.iter().cycle();
        while self.began.elapsed() < self.time {
            next.by_ref().take(senders.len()).take_while(|sender| self.feed(sender)).for_each(drop);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ended = Instant::now();
        let all = || senders.iter().all(|sender| sender.unanswered.get() == 0);
        while !all() && ended.elapsed() < DRAIN_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(all(), "every request of the flood is answered");
    }

    /// Reads answers, and sends due hits on the freed connection.
    async fn hear(self: Rc<Self>, sender: Rc<Sender>) {
        let mut read = Vec::with_capacity(1024);
        while sender.stream.readable().await.is_ok() {
            match sender.stream.try_read_buf(&mut read) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(_) => break,
            }
            while let Some(answer) = parse(&mut read) {
                sender.unanswered.set(sender.unanswered.get() - 1);
                self.answers.borrow_mut().note(self.began, &answer);
            }
            self.feed(&sender);
        }
    }

    /// Sends due hits, as far as this connection takes them; returns whether more are due.
    fn feed(&self, sender: &Sender) -> bool {
        let elapsed = self.began.elapsed();
        let due = (elapsed.as_secs_f64() * self.rate) as u64;
        while elapsed < self.time && self.sent.get() < due && sender.unanswered.get() < self.crowd.unanswered {
            let request = &self.requests[self.sent.get() as usize % self.requests.len()];
            let Ok(written) = sender.stream.try_write(request) else { break };
            assert_eq!(written, request.len(), "a request goes out whole");
            sender.unanswered.set(sender.unanswered.get() + 1);
            self.sent.set(self.sent.get() + 1);
        }
        self.sent.get() < due
    }
}

/// Abuse of a connection.
#[derive(Clone, Copy)]
pub(crate) enum Idler {
    /// Connects and sends nothing.
    Silent,
    /// Sends one hit and then nothing.
    KeptAlive,
    /// Sends a head byte by byte, one a second.
    SlowHead,
    /// Sends a body byte by byte, one a second.
    SlowBody,
    /// Requests the tracker again and again and never reads.
    NeverReads,
}

/// Abusive connections, held until dropped.
pub(crate) struct Idlers {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Idlers {
    /// Opens `count` of them; returns once all are open and in their state.
    pub(crate) fn open(to: SocketAddr, count: usize, what: Idler) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, opened) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            on_a_runtime(async {
                let set = LocalSet::new();
                let idling = async {
                    for number in 0..count {
                        let mut stream = TcpStream::connect(to).await.unwrap();
                        if matches!(what, Idler::KeptAlive) {
                            one(&mut stream, &mut Vec::new(), &tracker()).await.unwrap();
                        }
                        tokio::task::spawn_local(idle(stream, what, number));
                    }
                    ready.send(()).unwrap();
                    stopped.await.ok();
                };
                set.run_until(idling).await;
            });
        });
        opened.recv().unwrap();
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Idlers {
    fn drop(&mut self) {
        self.stop.take().unwrap().send(()).ok();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn tracker() -> Vec<u8> {
    b"GET /js/sillage.js HTTP/1.1\r\nHost: shop.example\r\n\r\n".to_vec()
}

async fn idle(mut stream: TcpStream, what: Idler, number: usize) {
    let hit = pageview(number as u64);
    let body = hit.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let slowly = async |stream: &mut TcpStream, bytes: &[u8]| {
        for byte in bytes {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
    };
    match what {
        Idler::Silent | Idler::KeptAlive => {}
        Idler::SlowHead => slowly(&mut stream, &hit[..body - 2]).await,
        Idler::SlowBody => {
            stream.write_all(&hit[..body]).await.ok();
            slowly(&mut stream, &hit[body..hit.len() - 1]).await;
        }
        Idler::NeverReads => while stream.write_all(&tracker()).await.is_ok() {},
    }
    std::future::pending().await
}

/// Time until `to` closes a silent connection; at most `within`.
pub(crate) fn closed_after(to: SocketAddr, within: Duration) -> Option<Duration> {
    on_a_runtime(async {
        let began = Instant::now();
        let mut stream = TcpStream::connect(to).await.unwrap();
        let end = tokio::time::timeout(within, stream.read(&mut [0; 1])).await;
        end.is_ok().then(|| began.elapsed())
    })
}
