//! The accept loop of both listeners: a permit first, then a connection, which is served in a task of its own until it
//! ends or the drain does. Must never accept without a permit, and never reset a connection that it could still serve.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use crate::http::handshake::Handshake;
use crate::http::idle::{Connection, OpenConnections};
use crate::http::listener::Listeners;
use crate::http::stream::{AcceptedStream, HttpStream};

/// On shutdown: longest wait for one more connection that the kernel has already established, or that is handed over.
const BACKLOG_WAIT: Duration = Duration::from_millis(5);
/// On shutdown: longest wait for the first request of the connections accepted last.
const READ_GRACE: Duration = Duration::from_secs(1);

/// Bounds of one accept loop.
pub(crate) struct ServeLimits {
    /// Pause after a failed accept, for example without free file descriptors.
    pub(crate) accept_pause: Duration,
    /// Longest life of a connection; `None`: no bound.
    pub(crate) life: Option<Duration>,
    /// Most connections that are still accepted on shutdown: the kernel has established them, and would reset them.
    pub(crate) backlog_max: usize,
    /// Longest wait for open requests at the end.
    pub(crate) drain: Duration,
}

/// A connection for this loop to serve; its seat is held until it ends.
pub(crate) struct AcceptedConnection<S> {
    pub(crate) stream: AcceptedStream,
    pub(crate) peer: SocketAddr,
    pub(crate) seat: S,
}

/// The part of a listener that differs: its seats and its requests.
pub(crate) trait ConnectionService: Send + Sync + 'static {
    /// Permission to accept one connection.
    type Permit;
    /// Place of a connection that is served here.
    type Seat: Send + 'static;

    /// Waits for a permit.
    fn permit(&self) -> impl Future<Output = Self::Permit>;
    /// The connection with its seat; `None` if it was handed to another loop, which `ends` rules out.
    fn seated(
        &self,
        accepted: (AcceptedStream, SocketAddr),
        permit: Self::Permit,
        ends: bool,
    ) -> Option<AcceptedConnection<Self::Seat>>;
    /// The open connections among which one with this seat counts.
    fn among<'s>(&'s self, seat: &'s Self::Seat) -> &'s Arc<OpenConnections>;
    /// Waits until a request has begun on every open connection, at most `wait`.
    fn first_requests(&self, wait: Duration) -> impl Future<Output = ()>;
    /// TLS and PROXY header before HTTP.
    fn handshake(&self) -> &Handshake;
    /// Serves the requests of one connection.
    fn requests(
        self: &Arc<Self>,
        stream: HttpStream,
        peer: SocketAddr,
        open: Arc<Connection>,
        seat: &Self::Seat,
    ) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static;
}

/// Connections that are being served.
struct ServedConnections<S> {
    service: Arc<S>,
    life: Option<Duration>,
    graceful: GracefulShutdown,
    running: JoinSet<()>,
}

/// Accepts and serves until `shutdown`, then lets open requests end; returns whether they did. `handed` gives the
/// connections that other loops accepted for this one.
pub(crate) async fn serve<S: ConnectionService>(
    service: Arc<S>,
    listeners: Listeners,
    mut handed: impl AsyncFnMut() -> Option<AcceptedConnection<S::Seat>>,
    limits: ServeLimits,
    shutdown: CancellationToken,
) -> bool {
    let (graceful, running) = (GracefulShutdown::new(), JoinSet::new());
    let mut served = ServedConnections { service: service.clone(), life: limits.life, graceful, running };
    let accept = async |ends: bool| {
        let permit = service.permit().await;
        match listeners.accept().await {
            Ok(accepted) => service.seated(accepted, permit, ends),
            Err(_) => {
                tokio::time::sleep(limits.accept_pause).await;
                None
            }
        }
    };
    loop {
        let taken = tokio::select! {
            // The program stops.
            () = shutdown.cancelled() => break,
            // A connection has ended.
            Some(_) = served.running.join_next() => None,
            // A connection was accepted.
            accepted = accept(false) => accepted,
            // Another loop accepted a connection for this one.
            handed = handed() => handed,
        };
        taken.into_iter().for_each(|connection| served.begin(connection));
    }
    for _ in 0..limits.backlog_max {
        let Ok(accepted) = tokio::time::timeout(BACKLOG_WAIT, accept(true)).await else { break };
        accepted.into_iter().for_each(|connection| served.begin(connection));
    }
    // At once: a connection that is established during any further wait would be reset.
    drop(listeners);
    while let Ok(handed) = tokio::time::timeout(BACKLOG_WAIT, handed()).await {
        handed.into_iter().for_each(|connection| served.begin(connection));
    }
    if limits.backlog_max > 0 {
        service.first_requests(READ_GRACE).await;
    }
    served.end(limits.drain).await
}

impl<S: ConnectionService> ServedConnections<S> {
    /// Serves a connection in a task of its own. One that breaks is its client's affair.
    fn begin(&mut self, connection: AcceptedConnection<S::Seat>) {
        let AcceptedConnection { stream, peer, seat } = connection;
        let among = self.service.among(&seat).clone();
        let open = among.connection();
        let waiting = Arc::downgrade(&open);
        let task = if self.service.handshake().is_needed() {
            let (service, watcher) = (self.service.clone(), self.graceful.watcher());
            self.spawn(async move {
                if let Some((stream, client)) = service.handshake().complete(stream, peer).await {
                    watcher.watch(service.requests(stream, client, open, &seat)).await.ok();
                }
                drop(seat);
            })
        } else {
            let requests = self.graceful.watch(self.service.requests(Either::Left(stream), peer, open, &seat));
            self.spawn(async move {
                requests.await.ok();
                drop(seat);
            })
        };
        among.watch(waiting, task);
    }

    fn spawn(&mut self, served: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        match self.life {
            Some(life) => self.running.spawn(async move {
                tokio::time::timeout(life, served).await.ok();
            }),
            None => self.running.spawn(served),
        }
    }

    /// Lets open requests end within `drain`; returns whether all did.
    async fn end(mut self, drain: Duration) -> bool {
        let ended = tokio::time::timeout(drain, self.graceful.shutdown()).await.is_ok();
        self.running.shutdown().await;
        ended
    }
}
