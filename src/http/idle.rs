//! Open connections of one thread, with idle limits. A connection without a request in progress waits: for the first
//! byte, the rest of a head, its client to read, or the next request. After the configured time it is closed, and
//! sooner if a head has begun and does not end. At the connection limit, those that have waited longest are closed.
//! Must never close a connection with a request in progress: that has its own timeout.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::monotonic_now;
use crate::http::stream::HttpStream;
use crate::lock::lock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Interval of checks at the connection limit; four times as long below it.
const EVERY: Duration = Duration::from_millis(250);

/// Interval of checks whether a request has begun on every connection.
const FIRST_REQUEST_POLL: Duration = Duration::from_millis(5);

/// Wait after which a connection may be closed at the connection limit.
const YIELDING_AFTER: Duration = Duration::from_secs(1);

/// Inverse of the part of waiting connections that is closed at once: many more arrive at the limit.
const PART_CLOSED: usize = 16;

/// Open connections of one thread.
pub(crate) struct OpenConnections {
    began: Instant,
    /// Milliseconds since `began`, at the last check.
    now: AtomicU64,
    requests: AtomicUsize,
    requests_max: usize,
    waits: IdleLimits,
    open: Mutex<Vec<(Weak<Connection>, AbortHandle)>>,
    full: AtomicBool,
}

/// Longest waits of a connection.
#[derive(Clone, Copy)]
pub(crate) struct IdleLimits {
    /// Longest time without a request.
    pub(crate) idle: Duration,
    /// Longest time from the first byte of a head to its last.
    pub(crate) head: Duration,
}

/// State of one open connection.
pub(crate) struct Connection {
    thread: Arc<OpenConnections>,
    requests: AtomicU32,
    waiting_since: AtomicU64,
    /// Start of an unfinished head in milliseconds, or [`NO_HEAD`].
    head_since: AtomicU64,
    /// Whether any request has begun on it.
    begun: AtomicBool,
}

const NO_HEAD: u64 = u64::MAX;

/// Start of an HTTP/2 connection, which may then be silent: its frames outside requests are not heads.
const PREFACE: &[u8] = b"PRI";

/// A request in progress, whose response is not written yet.
pub(crate) struct ActiveRequest {
    serving: ServingGuard,
    answer: UnsentAnswer,
}

/// A connection while it is being served.
struct ServingGuard(Arc<Connection>);

/// A request that counts as in progress until its response is sent, since a client that does not read keeps it in
/// memory. Its connection waits meanwhile, as one without a request.
pub(crate) struct UnsentAnswer(Arc<OpenConnections>);

/// A request whose response comes in parts: in progress while the next part is awaited. Its connection waits while the
/// client does not take a part.
pub(crate) struct StreamedAnswer {
    connection: Arc<Connection>,
    awaiting_part: Option<ServingGuard>,
    _answer: UnsentAnswer,
}

impl OpenConnections {
    /// Empty, with at most `requests_max` requests in progress at once.
    pub(crate) fn new(waits: IdleLimits, requests_max: usize) -> Arc<Self> {
        Arc::new(Self {
            began: monotonic_now(),
            now: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            requests_max,
            waits,
            open: Mutex::default(),
            full: AtomicBool::new(false),
        })
    }

    /// Adds a connection that waits for its first request.
    pub(crate) fn connection(self: &Arc<Self>) -> Arc<Connection> {
        let waiting_since = AtomicU64::new(self.now.load(Ordering::Relaxed));
        let head_since = AtomicU64::new(NO_HEAD);
        let begun = AtomicBool::new(false);
        Arc::new(Connection { thread: self.clone(), requests: AtomicU32::new(0), waiting_since, head_since, begun })
    }

    /// Registers the `task` that serves `connection`: aborting it closes the connection.
    pub(crate) fn watch(&self, connection: Weak<Connection>, task: AbortHandle) {
        lock(&self.open).push((connection, task));
    }

    /// Waits at most `wait` until a request has begun on every connection, so that connections accepted last are read.
    pub(crate) async fn first_requests(&self, wait: Duration) {
        let unread = |open: &(Weak<Connection>, AbortHandle)| {
            open.0.upgrade().is_some_and(|connection| !connection.begun.load(Ordering::Relaxed))
        };
        let all_begun = async {
            while lock(&self.open).iter().any(unread) {
                tokio::time::sleep(FIRST_REQUEST_POLL).await;
            }
        };
        tokio::time::timeout(wait, all_begun).await.ok();
    }

    /// Closes connections that wait too long, until `shutdown`; `room` holds the unused connection permits.
    pub(crate) async fn keep(self: Arc<Self>, room: Arc<Semaphore>, shutdown: CancellationToken) {
        let mut looks = 0_u32;
        while shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.now.store(now, Ordering::Relaxed);
            // Unread responses use up requests, as silent connections use up connections.
            let full = room.available_permits() == 0 || self.requests.load(Ordering::Relaxed) >= self.requests_max;
            if full && !self.full.swap(true, Ordering::Relaxed) {
                tracing::warn!("listener: limit of connections or requests reached; closing the longest idle ones");
            }
            looks = looks.wrapping_add(1);
            if full || looks.is_multiple_of(4) {
                self.look(now, full);
            }
        }
    }

    fn look(&self, now: u64, full: bool) {
        let mut open = lock(&self.open);
        let mut waiting = Vec::new();
        open.retain(|(connection, task)| {
            let Some(connection) = connection.upgrade() else { return false };
            let Some(waited) = connection.waited(now) else { return true };
            if waited >= self.waits.idle || connection.head_age(now) >= self.waits.head {
                task.abort();
                return false;
            }
            if full && waited >= YIELDING_AFTER {
                waiting.push((waited, task.clone()));
            }
            true
        });
        drop(open);
        waiting.sort_unstable_by_key(|(waited, _)| std::cmp::Reverse(*waited));
        for (_, task) in waiting.iter().take(waiting.len().div_ceil(PART_CLOSED)) {
            task.abort();
        }
        if !full {
            self.full.store(false, Ordering::Relaxed);
        }
    }
}

impl Connection {
    /// Begins a request; `None` if too many are in progress.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<ActiveRequest> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.begun.store(true, Ordering::Relaxed);
        self.head_since.store(NO_HEAD, Ordering::Relaxed);
        let others = self.thread.requests.fetch_add(1, Ordering::Relaxed);
        let serving = ActiveRequest { serving: ServingGuard(self.clone()), answer: UnsentAnswer(self.thread.clone()) };
        (others < self.thread.requests_max).then_some(serving)
    }

    /// Records that bytes were read.
    fn read(&self) {
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == NO_HEAD {
            self.head_since.store(self.thread.now.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Age of an unfinished head.
    fn head_age(&self, now: u64) -> Duration {
        Duration::from_millis(now.saturating_sub(self.head_since.load(Ordering::Relaxed)))
    }

    /// Time that the connection has waited; `None` with a request in progress.
    fn waited(&self, now: u64) -> Option<Duration> {
        let since = self.waiting_since.load(Ordering::Relaxed);
        (self.requests.load(Ordering::Relaxed) == 0).then(|| Duration::from_millis(now.saturating_sub(since)))
    }
}

impl ActiveRequest {
    /// The response is ready; the returned value keeps the request counted until it is sent.
    pub(crate) fn answered(self) -> UnsentAnswer {
        let Self { serving, answer } = self;
        drop(serving);
        answer
    }

    /// The response has begun; its parts follow.
    pub(crate) fn streamed(self) -> StreamedAnswer {
        let Self { serving, answer } = self;
        let connection = serving.0.clone();
        drop(serving);
        StreamedAnswer { connection, awaiting_part: None, _answer: answer }
    }
}

impl StreamedAnswer {
    /// The client takes parts, and the next one is not ready.
    pub(crate) fn awaits_part(&mut self) {
        let connection = &self.connection;
        self.awaiting_part.get_or_insert_with(|| {
            connection.requests.fetch_add(1, Ordering::Relaxed);
            ServingGuard(connection.clone())
        });
    }

    /// A part is ready for the client, which has taken those before it.
    pub(crate) fn has_part(&mut self) {
        // Records the moment, also if no part was awaited.
        self.awaits_part();
        self.awaiting_part = None;
    }
}

impl Drop for ServingGuard {
    fn drop(&mut self) {
        let Connection { thread, requests, waiting_since, head_since: _, begun: _ } = &*self.0;
        waiting_since.store(thread.now.load(Ordering::Relaxed), Ordering::Relaxed);
        requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for UnsentAnswer {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's stream; records when a head begins.
pub(crate) struct WatchedStream {
    stream: HttpStream,
    connection: Arc<Connection>,
    begun: bool,
    has_heads: bool,
}

impl WatchedStream {
    pub(crate) fn new(stream: HttpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection, begun: false, has_heads: true }
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        let fresh = into.filled().get(before..).unwrap_or_default();
        if !self.begun && !fresh.is_empty() {
            (self.begun, self.has_heads) = (true, !fresh.starts_with(PREFACE));
        }
        if self.has_heads && !fresh.is_empty() {
            self.connection.read();
        }
        read
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: IdleLimits = IdleLimits { idle: Duration::from_secs(75), head: Duration::from_secs(10) };

    fn open(connections: &Arc<OpenConnections>) -> (Arc<Connection>, tokio::task::JoinHandle<()>) {
        let connection = connections.connection();
        let task = tokio::spawn(std::future::pending());
        connections.watch(Arc::downgrade(&connection), task.abort_handle());
        (connection, task)
    }

    #[tokio::test]
    async fn a_connection_that_waits_too_long_is_closed_and_a_served_one_is_not() {
        let connections = OpenConnections::new(WAITS, 10);
        let (_silent, silent) = open(&connections);
        let (served, in_service) = open(&connections);
        let serving = served.begin();
        connections.look(74_999, false);
        tokio::task::yield_now().await;
        assert!(!silent.is_finished());
        connections.look(75_000, false);
        assert!(silent.await.unwrap_err().is_cancelled());
        assert!(!in_service.is_finished());
        connections.now.store(75_000, Ordering::Relaxed);
        drop(serving);
        connections.look(149_999, false);
        tokio::task::yield_now().await;
        assert!(!in_service.is_finished());
        connections.look(150_000, false);
        assert!(in_service.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn a_connection_with_a_part_that_its_client_does_not_take_is_closed() {
        let connections = OpenConnections::new(WAITS, 10);
        let ((unread, unread_task), (read, read_task)) = (open(&connections), open(&connections));
        let (awaiting, awaiting_task) = open(&connections);
        let [mut unread, mut read, mut awaiting] = [unread, read, awaiting].map(|one| one.begin().unwrap().streamed());
        for answer in [&mut unread, &mut read, &mut awaiting] {
            answer.awaits_part();
            answer.has_part();
        }
        awaiting.awaits_part();
        connections.now.store(70_000, Ordering::Relaxed);
        read.has_part();
        connections.look(75_000, false);
        tokio::task::yield_now().await;
        assert!(unread_task.is_finished() && !read_task.is_finished() && !awaiting_task.is_finished());
        drop(unread);
        assert_eq!(connections.requests.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_closed_long_before_a_connection_that_is_silent() {
        let connections = OpenConnections::new(WAITS, 10);
        let ((slow, slow_task), (_silent, silent_task)) = (open(&connections), open(&connections));
        let (served, served_task) = open(&connections);
        slow.read();
        served.read();
        let serving = served.begin();
        connections.now.store(5_000, Ordering::Relaxed);
        // Every byte is a separate read; the first one counts.
        slow.read();
        served.read();
        drop(serving);
        connections.look(9_999, false);
        tokio::task::yield_now().await;
        assert!(!slow_task.is_finished());
        connections.look(10_000, false);
        assert!(slow_task.await.unwrap_err().is_cancelled());
        connections.look(74_999, false);
        tokio::task::yield_now().await;
        assert!(!silent_task.is_finished() && !served_task.is_finished());
    }

    #[tokio::test]
    async fn without_room_those_that_have_waited_longest_go() {
        let connections = OpenConnections::new(WAITS, 10);
        let (_oldest, oldest) = open(&connections);
        connections.now.store(2_000, Ordering::Relaxed);
        let (_newer, newer) = open(&connections);
        connections.look(2_500, true);
        assert!(oldest.await.unwrap_err().is_cancelled());
        connections.look(2_500, true);
        tokio::task::yield_now().await;
        assert!(!newer.is_finished(), "it has not waited a second");
    }

    #[tokio::test]
    async fn an_answer_that_has_not_left_keeps_its_request_s_place_while_its_connection_waits() {
        let connections = OpenConnections::new(WAITS, 1);
        let (one, task) = open(&connections);
        let unsent = one.begin().unwrap().answered();
        assert!(one.begin().is_none(), "the place is taken");
        connections.look(2_000, true);
        assert!(task.await.unwrap_err().is_cancelled(), "its client does not read");
        drop(unsent);
        assert!(one.begin().is_some());
    }

    #[tokio::test]
    async fn requests_in_progress_are_bounded_over_all_connections() {
        let connections = OpenConnections::new(WAITS, 2);
        let (one, other) = (connections.connection(), connections.connection());
        let (first, second) = (one.begin(), other.begin());
        assert!(first.is_some() && second.is_some() && one.begin().is_none());
        drop(first);
        assert!(other.begin().is_some());
    }
}
