//! Plain HTTP/1.1 over sockets, so that the sender costs little beside the server: answers as they come, and a closed
//! loop of connections that each wait for their answer before they send again.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// A parsed HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    /// Whether the hit was accepted, and deliberately not counted.
    pub(crate) dropped: bool,
}

/// Takes the first complete answer from `bytes`.
pub(crate) fn parse(bytes: &mut Vec<u8>) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_ascii_lowercase();
    let length = head
        .split_once("content-length: ")
        .map_or(0, |(_, rest)| rest.split_once("\r\n").unwrap().0.parse::<usize>().unwrap());
    if bytes.len() < end + length {
        return None;
    }
    bytes.drain(..end + length);
    let status = head[9..12].parse().unwrap();
    Some(Answer {
        status,
        retry_after: head.contains("\r\nretry-after: "),
        dropped: head.contains("x-sillage-dropped: "),
    })
}

/// Sends one request and reads its answer.
pub(crate) async fn one(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    read: &mut Vec<u8>,
    request: &[u8],
) -> std::io::Result<Answer> {
    stream.write_all(request).await?;
    loop {
        if let Some(answer) = parse(read) {
            return Ok(answer);
        }
        if stream.read_buf(read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Connections that each send their next request `pause` after the last one's answer.
pub(crate) struct Closed {
    pub(crate) to: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) pause: Duration,
    pub(crate) time: Duration,
    /// Whether every request uses a new connection.
    pub(crate) fresh: bool,
}

impl Closed {
    /// Sends the requests that `ask` writes and numbers, and passes every answer to `note` with its number and wait.
    pub(crate) fn run<A, N>(self, ask: A, note: N)
    where
        A: FnMut(&mut Vec<u8>) -> u64 + 'static,
        N: FnMut(u64, Duration, &Answer) + 'static,
    {
        let loops = Rc::new(Loops { closed: self, began: Instant::now(), ask: ask.into(), note: note.into() });
        on_a_runtime(async {
            let set = LocalSet::new();
            for _ in 0..loops.closed.connections {
                set.spawn_local(loops.clone().one());
            }
            set.await;
        });
    }
}

struct Loops<A, N> {
    closed: Closed,
    began: Instant,
    ask: RefCell<A>,
    note: RefCell<N>,
}

impl<A: FnMut(&mut Vec<u8>) -> u64, N: FnMut(u64, Duration, &Answer)> Loops<A, N> {
    async fn one(self: Rc<Self>) {
        let Closed { to, pause, time, fresh, .. } = self.closed;
        let (mut open, mut read, mut request) = (None, Vec::with_capacity(1024), Vec::new());
        while self.began.elapsed() < time {
            request.clear();
            let number = self.ask.borrow_mut()(&mut request);
            let sent = Instant::now();
            let mut stream = match open.take() {
                Some(stream) => stream,
                None => connected(to).await,
            };
            let answer = one(&mut stream, &mut read, &request).await.unwrap();
            self.note.borrow_mut()(number, sent.elapsed(), &answer);
            if fresh {
                // Closed by a reset: lingering ports would soon be exhausted.
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            } else {
                open = Some(stream);
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// A connection without Nagle's delay.
pub(crate) async fn connected(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Runs a future on this thread until it completes.
pub(crate) fn on_a_runtime<R>(what: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}
