//! Which thread serves a connection. All threads accept from one socket, and of connections that come at once, as a
//! proxy opens them, the thread that is awake takes nearly all; they last, and one core would serve them for hours
//! while the others rest. So a thread that has more than another hands what it accepts to the one that has fewest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http::stream::{AcceptedStream, UnboundStream};
use metrics::Gauge;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A thread keeps what it accepts while it has no more than so many connections above another: to hand one over costs
/// some system calls, for connections that may not last.
const ABOVE_MAX: usize = 4;

/// A thread's part of the connections.
pub struct Acceptor {
    threads: Arc<[ThreadShare]>,
    number: usize,
    handed: UnboundedReceiver<Handoff>,
}

/// What the threads know of each other.
struct ThreadShare {
    open: AtomicUsize,
    shown: Gauge,
    /// No more is on its way than connections are allowed: each has its permit.
    hand: UnboundedSender<Handoff>,
}

/// A connection on its way to another thread.
struct Handoff {
    stream: UnboundStream,
    peer: SocketAddr,
    place: ConnectionPermit,
}

/// A connection that this thread serves.
pub(super) struct AcceptedConnection {
    pub(super) stream: AcceptedStream,
    pub(super) peer: SocketAddr,
    pub(super) place: ConnectionPermit,
}

/// One of the connections that are allowed, counted for the thread that serves it; free again when this goes.
pub(super) struct ConnectionPermit {
    threads: Arc<[ThreadShare]>,
    number: usize,
    _permit: OwnedSemaphorePermit,
}

/// A seat for each of so many threads; `shown` tells how many connections it has.
pub fn seats(threads: usize, shown: impl Fn(usize) -> Gauge) -> Vec<Acceptor> {
    let (threads, handed): (Vec<ThreadShare>, Vec<_>) = (0..threads)
        .map(|number| {
            let (hand, handed) = unbounded_channel();
            (ThreadShare { open: AtomicUsize::new(0), shown: shown(number), hand }, handed)
        })
        .unzip();
    let threads: Arc<[ThreadShare]> = threads.into();
    let seat = |(number, handed)| Acceptor { threads: threads.clone(), number, handed };
    handed.into_iter().enumerate().map(seat).collect()
}

impl Acceptor {
    /// What this thread has accepted, if it is to serve it; else that is on its way to another.
    pub(super) fn keep(
        &self,
        stream: AcceptedStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> Option<AcceptedConnection> {
        let number = self.who_serves();
        let place = ConnectionPermit::new(&self.threads, number, permit);
        if number == self.number {
            return Some(AcceptedConnection { stream, peer, place });
        }
        // One that cannot be handed over is closed, as one that cannot be accepted.
        let handed = Handoff { stream: stream.unbound().ok()?, peer, place };
        self.threads.get(number)?.hand.send(handed).ok()?;
        None
    }

    /// What this thread has accepted and serves itself, since the other threads may have ended.
    pub(super) fn keep_here(
        &self,
        stream: AcceptedStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> AcceptedConnection {
        AcceptedConnection { stream, peer, place: ConnectionPermit::new(&self.threads, self.number, permit) }
    }

    /// The next connection that another thread hands to this one.
    pub(super) async fn handed(&mut self) -> Option<AcceptedConnection> {
        let Handoff { stream, peer, place } = self.handed.recv().await?;
        Some(AcceptedConnection { stream: stream.bound().ok()?, peer, place })
    }

    fn who_serves(&self) -> usize {
        let open = self.threads.iter().map(|thread| thread.open.load(Ordering::Relaxed));
        let mine = open.clone().nth(self.number).unwrap_or_default();
        let fewest = open.enumerate().min_by_key(|(_, open)| *open);
        fewest.filter(|(_, open)| mine > open + ABOVE_MAX).map_or(self.number, |(number, _)| number)
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

    /// All that waits for this thread.
    async fn all_handed(seat: &mut Acceptor) -> Vec<AcceptedConnection> {
        let mut taken = Vec::new();
        while let Ok(Some(one)) = tokio::time::timeout(Duration::ZERO, seat.handed()).await {
            taken.push(one);
        }
        taken
    }

    #[tokio::test]
    async fn what_one_thread_accepts_is_shared_among_all_and_goes_on_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (room, mut seats) = (Arc::new(Semaphore::new(90)), seats(3, |_| Gauge::noop()));
        let (mut clients, mut mine) = (Vec::new(), Vec::new());
        for _ in 0..90 {
            clients.push(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
            let (stream, peer) = listener.accept().await.unwrap();
            mine.extend(seats[1].keep(stream.into(), peer, room.clone().try_acquire_owned().unwrap()));
        }
        let (first, third) = (all_handed(&mut seats[0]).await, all_handed(&mut seats[2]).await);
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
    async fn who_is_gone_leaves_room_and_who_has_few_keeps_what_comes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (room, seats) = (Arc::new(Semaphore::new(1)), seats(2, |_| Gauge::noop()));
        for _ in 0..3 * ABOVE_MAX {
            let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, peer) = listener.accept().await.unwrap();
            let taken = seats[0].keep(stream.into(), peer, room.clone().try_acquire_owned().unwrap());
            assert!(taken.is_some(), "it has none beside this one");
        }
        assert_eq!(room.available_permits(), 1);
    }
}
