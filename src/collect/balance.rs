//! Balancing of connections over threads. All threads accept from one socket, and when many connections arrive at once,
//! as from a proxy, the running thread accepts nearly all; they last, and one core would serve them for hours while the
//! others idle. So a thread with more connections than another hands new ones to the thread with the fewest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http::serve::AcceptedConnection;
use crate::http::stream::{AcceptedStream, UnboundStream};
use metrics::Gauge;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Connections that a thread may have above another before it hands new ones over: a handoff costs some system calls,
/// for connections that may be short.
const ABOVE_MAX: usize = 4;

/// A thread's end of the balancing.
pub struct Acceptor {
    pub(super) balance: ThreadBalance,
    pub(super) handoffs: Handoffs,
}

/// A thread's view of all threads.
pub(super) struct ThreadBalance {
    threads: Arc<[ThreadShare]>,
    number: usize,
}

/// Connections that other threads hand to this one.
pub(super) struct Handoffs(UnboundedReceiver<Handoff>);

/// Balancing state of one thread, visible to all.
struct ThreadShare {
    open: AtomicUsize,
    shown: Gauge,
    /// Unbounded, but limited by connection permits: each handoff holds one.
    hand: UnboundedSender<Handoff>,
}

/// A connection in transit to another thread.
struct Handoff {
    stream: UnboundStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
}

/// A permit for one connection, counted for the thread that serves it; released on drop.
pub(super) struct ConnectionPermit {
    threads: Arc<[ThreadShare]>,
    number: usize,
    _permit: OwnedSemaphorePermit,
}

/// An acceptor for each thread; `shown` gives the gauge of its connections.
pub fn acceptors(threads: usize, shown: impl Fn(usize) -> Gauge) -> Vec<Acceptor> {
    let (threads, handed): (Vec<ThreadShare>, Vec<_>) = (0..threads)
        .map(|number| {
            let (hand, handed) = unbounded_channel();
            (ThreadShare { open: AtomicUsize::new(0), shown: shown(number), hand }, handed)
        })
        .unzip();
    let threads: Arc<[ThreadShare]> = threads.into();
    let acceptor = |(number, handed)| Acceptor {
        balance: ThreadBalance { threads: threads.clone(), number },
        handoffs: Handoffs(handed),
    };
    handed.into_iter().enumerate().map(acceptor).collect()
}

impl ThreadBalance {
    /// Keeps an accepted connection if this thread serves it; otherwise hands it over and returns `None`.
    pub(super) fn keep(
        &self,
        stream: AcceptedStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> Option<AcceptedConnection<ConnectionPermit>> {
        let number = self.serving_thread();
        let permit = ConnectionPermit::new(&self.threads, number, permit);
        if number == self.number {
            return Some(AcceptedConnection { stream, peer, seat: permit });
        }
        // A connection that cannot be handed over is closed, as one that cannot be accepted.
        let handed = Handoff { stream: UnboundStream::of(stream).ok()?, peer, permit };
        self.threads.get(number)?.hand.send(handed).ok()?;
        None
    }

    /// Keeps an accepted connection on this thread, since the other threads may have ended.
    pub(super) fn keep_here(
        &self,
        stream: AcceptedStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> AcceptedConnection<ConnectionPermit> {
        AcceptedConnection { stream, peer, seat: ConnectionPermit::new(&self.threads, self.number, permit) }
    }

    fn serving_thread(&self) -> usize {
        let open = self.threads.iter().map(|thread| thread.open.load(Ordering::Relaxed));
        let mine = open.clone().nth(self.number).unwrap_or_default();
        let fewest = open.enumerate().min_by_key(|(_, open)| *open);
        fewest.filter(|(_, open)| mine > open + ABOVE_MAX).map_or(self.number, |(number, _)| number)
    }
}

impl Handoffs {
    /// The next connection handed to this thread.
    pub(super) async fn next(&mut self) -> Option<AcceptedConnection<ConnectionPermit>> {
        let Handoff { stream, peer, permit } = self.0.recv().await?;
        Some(AcceptedConnection { stream: stream.bound().ok()?, peer, seat: permit })
    }
}

impl ConnectionPermit {
    fn new(threads: &Arc<[ThreadShare]>, number: usize, permit: OwnedSemaphorePermit) -> Self {
        if let Some(thread) = threads.get(number) {
            thread.open.fetch_add(1, Ordering::Relaxed);
            thread.shown.increment(1.0);
        }
        Self { threads: threads.clone(), number, _permit: permit }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        if let Some(thread) = self.threads.get(self.number) {
            thread.open.fetch_sub(1, Ordering::Relaxed);
            thread.shown.decrement(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;

    use super::*;
    use tokio_util::either::Either;

    /// All connections waiting for this thread.
    async fn all_handed(acceptor: &mut Acceptor) -> Vec<AcceptedConnection<ConnectionPermit>> {
        let mut taken = Vec::new();
        while let Ok(Some(one)) = tokio::time::timeout(Duration::ZERO, acceptor.handoffs.next()).await {
            taken.push(one);
        }
        taken
    }

    #[tokio::test]
    async fn connections_that_one_thread_accepts_are_shared_among_all_and_continue_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (room, mut acceptors) = (Arc::new(Semaphore::new(90)), acceptors(3, |_| Gauge::noop()));
        let (mut clients, mut mine) = (Vec::new(), Vec::new());
        for _ in 0..90 {
            clients.push(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
            let (stream, peer) = listener.accept().await.unwrap();
            mine.extend(acceptors[1].balance.keep(
                Either::Left(stream),
                peer,
                room.clone().try_acquire_owned().unwrap(),
            ));
        }
        let (first, third) = (all_handed(&mut acceptors[0]).await, all_handed(&mut acceptors[2]).await);
        assert_eq!(mine.len() + first.len() + third.len(), 90);
        assert!(mine.len().abs_diff(first.len()) <= ABOVE_MAX + 1, "{} and {}", mine.len(), first.len());
        assert!(first.len().abs_diff(third.len()) <= 1, "{} and {}", first.len(), third.len());

        let mut handed = first.into_iter().next().unwrap();
        let of_it = |client: &&mut TcpStream| client.local_addr().unwrap() == handed.peer;
        clients.iter_mut().find(of_it).unwrap().write_all(b"hit").await.unwrap();
        let mut read = [0; 3];
        handed.stream.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hit");
    }

    #[tokio::test]
    async fn closed_connections_free_their_permits_and_a_thread_with_few_keeps_new_ones() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (room, acceptors) = (Arc::new(Semaphore::new(1)), acceptors(2, |_| Gauge::noop()));
        for _ in 0..3 * ABOVE_MAX {
            let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, peer) = listener.accept().await.unwrap();
            let taken =
                acceptors[0].balance.keep(Either::Left(stream), peer, room.clone().try_acquire_owned().unwrap());
            assert!(taken.is_some(), "it has none beside this one");
        }
        assert_eq!(room.available_permits(), 1);
    }
}
