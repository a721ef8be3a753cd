//! An open loop: requests are due at a fixed rate, whether or not earlier ones are answered, and their wait starts when
//! they are due. A request without a free connection waits for one, and that time counts too: a stall of the server for
//! a second delays all requests due in it.

use std::collections::VecDeque;
use std::io::ErrorKind::WouldBlock;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::wire::{Answer, on_a_runtime, parse};

/// Precision of sending: the sender's shortest sleep.
const PACE: Duration = Duration::from_micros(50);
/// Longest wait for the last answers.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// Rate and duration of an open loop.
pub(crate) struct Open {
    pub(crate) to: SocketAddr,
    pub(crate) connections: usize,
    /// Requests per second.
    pub(crate) rate: f64,
    pub(crate) time: Duration,
}

/// State shared by sender and readers.
struct Shared {
    /// Connections without an unanswered request, in the order in which they became free: each is used before the
    /// server closes it as idle.
    free: Mutex<VecDeque<usize>>,
    /// For each connection: number of the unanswered request, and when it was due.
    asked: Vec<Mutex<(u64, Instant)>>,
    over: AtomicBool,
}

impl Open {
    /// Sends the requests that `ask` writes and numbers, and passes every answer to `note` with its number and the time
    /// since it was due.
    pub(crate) fn run<A, N>(self, ask: A, note: N)
    where
        A: FnMut(&mut Vec<u8>) -> u64 + Send + 'static,
        N: FnMut(u64, Duration, &Answer) + 'static,
    {
        let streams: Vec<TcpStream> = (0..self.connections).map(|_| connected(self.to)).collect();
        let readers: Vec<TcpStream> = streams.iter().map(|stream| stream.try_clone().unwrap()).collect();
        let shared = Arc::new(Shared {
            free: Mutex::new((0..self.connections).collect()),
            asked: streams.iter().map(|_| Mutex::new((0, Instant::now()))).collect(),
            over: AtomicBool::new(false),
        });
        let sending = shared.clone();
        let sender = std::thread::spawn(move || self.send(&sending, streams, ask));
        on_a_runtime(read(&shared, readers, note));
        sender.join().unwrap();
    }

    fn send(&self, shared: &Shared, mut streams: Vec<TcpStream>, mut ask: impl FnMut(&mut Vec<u8>) -> u64) {
        let began = Instant::now();
        let (mut due, mut waiting, mut request) = (0_u64, VecDeque::new(), Vec::new());
        let count = (self.time.as_secs_f64() * self.rate) as u64;
        let at = |number: u64| began + Duration::from_secs_f64(number as f64 / self.rate);
        while due < count || !waiting.is_empty() {
            while due < count && at(due) <= Instant::now() {
                waiting.push_back(at(due));
                due += 1;
            }
            while let Some(was_due) = waiting.front().copied() {
                let Some(free) = shared.free.lock().unwrap().pop_front() else { break };
                waiting.pop_front();
                request.clear();
                *shared.asked[free].lock().unwrap() = (ask(&mut request), was_due);
                let written = streams[free].write(&request).unwrap();
                assert_eq!(written, request.len(), "a request goes out whole");
            }
            let next = if waiting.is_empty() { at(due).saturating_duration_since(Instant::now()) } else { PACE };
            std::thread::sleep(next.max(PACE));
        }
        shared.over.store(true, Ordering::Release);
    }
}

async fn read<N: FnMut(u64, Duration, &Answer) + 'static>(shared: &Arc<Shared>, streams: Vec<TcpStream>, note: N) {
    let (set, note, count) = (LocalSet::new(), Rc::new(std::cell::RefCell::new(note)), streams.len());
    for (number, stream) in streams.into_iter().enumerate() {
        let (shared, note) = (shared.clone(), note.clone());
        set.spawn_local(async move {
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let mut bytes = Vec::with_capacity(1024);
            while stream.readable().await.is_ok() {
                match stream.try_read_buf(&mut bytes) {
                    Err(error) if error.kind() == WouldBlock => continue,
                    Ok(0) | Err(_) => panic!("the server closes a connection"),
                    Ok(_) => {}
                }
                if let Some(answer) = parse(&mut bytes) {
                    let (asked, due) = *shared.asked[number].lock().unwrap();
                    note.borrow_mut()(asked, due.elapsed(), &answer);
                    shared.free.lock().unwrap().push_back(number);
                }
            }
        });
    }
    let drained = async {
        let mut over = None;
        while !shared.over.load(Ordering::Acquire) || shared.free.lock().unwrap().len() < count {
            if shared.over.load(Ordering::Acquire) {
                let since = *over.get_or_insert_with(Instant::now);
                assert!(since.elapsed() < DRAIN_MAX, "every request is answered");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    set.run_until(drained).await;
}

fn connected(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}
