//! The private listener: figures for holders of a token, probes and metrics for the machine. Never sees a hit, and
//! reads only the published tables.

mod access;
mod admission;
pub mod annotations;
mod assets;
mod desk;
mod download;
mod grafana;
mod held;
mod hosts;
mod journal;
mod lists;
mod now;
mod openapi;
mod published;
mod query;
mod reply;
mod route;
mod session;
mod share;
mod share_key;
mod sql_guard;
mod state;
mod stats_api;
pub mod tokens;
mod unsubscribe;
mod view;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::http::HeaderValue;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::journal::QueryJournal;
pub use self::query::{StorageProfile, export};
pub use self::state::{ConsoleOptions, ConsoleState};
use crate::console::admission::QueryPermit;
use crate::console::held::PermitBody;
use crate::http::handshake::Handshake;
use crate::http::idle::{ActiveRequest, Connection, IdleLimits, OpenConnections, WatchedStream};
use crate::http::listener::{BoundSockets, Listeners, SocketFiles};
use crate::http::serve::{self, AcceptedConnection, ConnectionService, ServeLimits};
use crate::http::stream::{AcceptedStream, HttpStream, is_tls};

/// Most open connections: a few people with a few browsers, and a scraper.
pub const CONNECTIONS_MAX: usize = 256;

/// Further connections, for probes only: each is answered once and closed.
pub const PROBE_CONNECTIONS: usize = 16;

/// A probe sends its whole request in one packet.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// Largest request head, in bytes; a proxy's headers and a cookie fit.
const HEAD_BYTES_MAX: usize = 16_384;

/// Most requests in progress over all connections: HTTP/2 has several on one.
const REQUESTS_MAX: usize = 1_024;

/// Most concurrent streams of an HTTP/2 connection.
const STREAMS_MAX: u32 = 32;

/// Longest life of a connection, however slow its client; browsers open another.
const CONNECTION_LIFE: Duration = Duration::from_secs(900);

/// Pause after a failed accept: out of file descriptors, only waiting helps.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Longest wait for open requests at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// A class of connections: their number and their timeouts.
struct Seats {
    permits: Arc<Semaphore>,
    open: Arc<OpenConnections>,
    server: auto::Builder<TokioExecutor>,
    probes_only: bool,
}

impl Seats {
    fn new(connections: usize, waits: IdleLimits, probes_only: bool) -> Self {
        let mut server = auto::Builder::new(TokioExecutor::new());
        // `OpenConnections` enforces the timeouts of waiting connections.
        server.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX).keep_alive(!probes_only);
        server.http2().max_header_list_size(16_384).max_concurrent_streams(STREAMS_MAX);
        let permits = Arc::new(Semaphore::new(connections));
        Self { permits, open: OpenConnections::new(waits, REQUESTS_MAX), server, probes_only }
    }

    async fn free(self: &Arc<Self>) -> (Arc<Self>, OwnedSemaphorePermit) {
        match self.permits.clone().acquire_owned().await {
            Ok(permit) => (self.clone(), permit),
            Err(_) => std::future::pending().await,
        }
    }
}

/// Serves at most `connections` in plain HTTP until `shutdown`, then finishes open requests.
pub async fn serve(
    listeners: impl Into<Listeners>,
    console: Arc<ConsoleState>,
    connections: usize,
    shutdown: CancellationToken,
) {
    serve_behind(Arc::new(Handshake::none()), listeners.into(), console, connections, shutdown).await;
}

/// The same, with TLS and the PROXY header before HTTP.
async fn serve_behind(
    handshake: Arc<Handshake>,
    listeners: Listeners,
    console: Arc<ConsoleState>,
    connections: usize,
    shutdown: CancellationToken,
) {
    let collect = &console.config.collect;
    let (idle, head) = (Duration::from_secs(collect.idle_seconds), Duration::from_secs(collect.request_seconds));
    let seats = Arc::new(Seats::new(connections, IdleLimits { idle, head }, false));
    let waits = IdleLimits { idle: PROBE_WAIT, head: PROBE_WAIT };
    let probes = Arc::new(Seats::new(PROBE_CONNECTIONS, waits, true));
    let mut watches = JoinSet::new();
    for kind in [&seats, &probes] {
        watches.spawn(kind.open.clone().keep(kind.permits.clone(), shutdown.clone()));
    }
    let service = Arc::new(ConsoleService { console, handshake, seats, probes });
    let limits = ServeLimits { accept_pause: ACCEPT_PAUSE, life: Some(CONNECTION_LIFE), backlog_max: 0, drain: DRAIN };
    if !serve::serve(service, listeners, std::future::pending, limits, shutdown).await {
        tracing::warn!("console: requests were still open at the end");
    }
    while watches.join_next().await.is_some() {}
}

/// The console's part of the accept loop.
struct ConsoleService {
    console: Arc<ConsoleState>,
    handshake: Arc<Handshake>,
    seats: Arc<Seats>,
    probes: Arc<Seats>,
}

impl ConnectionService for ConsoleService {
    type Permit = (Arc<Seats>, OwnedSemaphorePermit);
    type Seat = (Arc<Seats>, OwnedSemaphorePermit);

    async fn permit(&self) -> Self::Permit {
        tokio::select! {
            biased;
            // A permit for any request.
            permit = self.seats.free() => permit,
            // All taken: a permit for a probe.
            permit = self.probes.free() => permit,
        }
    }

    fn seated(
        &self,
        (stream, peer): (AcceptedStream, SocketAddr),
        permit: Self::Permit,
        _ends: bool,
    ) -> Option<AcceptedConnection<Self::Seat>> {
        Some(AcceptedConnection { stream, peer, seat: permit })
    }

    fn among<'s>(&'s self, (seats, _): &'s Self::Seat) -> &'s Arc<OpenConnections> {
        &seats.open
    }

    async fn first_requests(&self, wait: Duration) {
        self.seats.open.first_requests(wait).await;
    }

    fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    fn requests(
        self: &Arc<Self>,
        stream: HttpStream,
        peer: SocketAddr,
        open: Arc<Connection>,
        (seats, _): &Self::Seat,
    ) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static {
        seats.serve(stream, peer, &self.console, open)
    }
}

impl Seats {
    /// Serves one connection until it closes.
    fn serve(
        &self,
        stream: HttpStream,
        peer: SocketAddr,
        console: &Arc<ConsoleState>,
        connection: Arc<Connection>,
    ) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static {
        let (console, open, probes_only) = (console.clone(), connection.clone(), self.probes_only);
        let is_tls = is_tls(&stream);
        let service = service_fn(move |mut request: Request<Incoming>| {
            if is_tls {
                // As a proxy with TLS in front of the console says it: cookies are then bound to TLS.
                request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
            }
            let (console, open) = (console.clone(), open.clone());
            async move {
                let active = open.begin();
                let has_seat = active.is_some() && (!probes_only || route::is_probe(request.uri().path()));
                let mut reply = match has_seat {
                    true => route::answer(&console, peer, request).await,
                    false => reply::guarded(reply::no_seat()),
                };
                // The request and its query's permit are held until the last byte is sent.
                let permit = reply.extensions_mut().remove::<QueryPermit>();
                let answer = active.map(ActiveRequest::streamed);
                Ok::<_, Infallible>(reply.map(|body| PermitBody { body, answer, _permit: permit }))
            }
        });
        let stream = TokioIo::new(WatchedStream::new(stream, connection));
        self.server.serve_connection(stream, service).into_owned()
    }
}

/// A running console. It stops on drop; [`ConsoleServer::stop`] also waits for its end.
pub struct ConsoleServer {
    /// Address that it listens on.
    pub address: SocketAddr,
    /// State shared with its requests.
    pub state: Arc<ConsoleState>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    _files: SocketFiles,
}

impl ConsoleServer {
    /// Answers on `sockets`, on at most `connections` at once.
    ///
    /// # Errors
    /// When the system refuses a socket.
    pub(crate) fn start(
        mut sockets: BoundSockets,
        handshake: Handshake,
        state: Arc<ConsoleState>,
        connections: usize,
    ) -> std::io::Result<Self> {
        let (listeners, address, stop) = (sockets.listeners()?, sockets.address()?, CancellationToken::new());
        let handshake = Arc::new(handshake);
        let serving = tokio::spawn(serve_behind(handshake, listeners, state.clone(), connections, stop.clone()));
        Ok(Self { address, state, stop, serving, _files: sockets.take_files() })
    }

    /// Lets open requests finish; returns when the last connection is closed.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if (&mut self.serving).await.is_err() {
            tracing::error!("console: task panicked");
        }
    }
}

impl Drop for ConsoleServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
