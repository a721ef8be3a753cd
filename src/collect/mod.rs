//! The public listener: limits, routing, drain. It passes every hit to [`privacy`](crate::privacy) and then to the
//! spool, and answers once the hit is durable. It has no access to figures.

pub(crate) mod address_probe;
pub(crate) mod address_report;
pub mod answer;
mod balance;
mod body;
pub mod client_address;
pub mod demo;
mod foreign_requests;
pub mod formats;
mod headers;
mod hit_body;
pub mod hits;
mod opt_out;
pub mod pages;
mod server_tokens;
mod shed;
pub(crate) mod threads;
pub mod tracker;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::collect::address_probe::AddressProbe;
use crate::collect::answer::{AnswerFormat, CollectResponse};
pub use crate::collect::balance::{Acceptor, acceptors};
use crate::collect::balance::{ConnectionPermit, ThreadBalance};
use crate::collect::body::CollectBody;
use crate::collect::formats::{BodyFormat, ImageFormat};
use crate::collect::hits::HitPipeline;
use crate::collect::pages::{PublicPage, PublicPages};
use crate::collect::shed::LoadShed;
use crate::http::idle::{Connection, IdleLimits, OpenConnections, WatchedStream};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::health::Health;
use crate::http::handshake::Handshake;
use crate::http::listener::{BUFFER_BYTES, Listeners};
use crate::http::serve::{self, AcceptedConnection, ConnectionService, ServeLimits};
use crate::http::stream::{AcceptedStream, HttpStream};
use crate::spool::LocalWaker;

/// On shutdown: most connections still accepted, twice the backlog.
const BACKLOG_MAX: usize = 8_192;
/// Longest pause after a failed accept, for example without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Most requests in progress on one HTTP/2 connection, for example a proxy's.
const STREAMS_MAX: u32 = 128;

/// Fewest requests that a thread may have in progress, for any connection limit.
const REQUESTS_MIN: usize = 128;

/// Unread bytes that one HTTP/2 stream may send; the default body fits, longer ones arrive in parts.
const BODY_WINDOW: u32 = 32_768;

/// Number of collecting threads, as configured or one per core.
pub(crate) fn threads(config: &config::CollectConfig) -> usize {
    match config.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// A path that accepts hits.
#[derive(Clone, Copy)]
struct HitEndpoint {
    /// Accepted methods, for `Allow`.
    allow: &'static str,
    /// Format of hits in the query, if accepted.
    image: Option<ImageFormat>,
    /// Format of hits in the body: another tool's, or the native one.
    body: Option<Option<BodyFormat>>,
    /// The query is read for every method.
    posts_query: bool,
}

impl HitEndpoint {
    /// The endpoint at this path, if any.
    fn at(path: &str) -> Option<Self> {
        const POST: &str = "POST, OPTIONS";
        const READ: &str = "GET, HEAD, OPTIONS";
        const BOTH: &str = "GET, HEAD, POST, OPTIONS";
        let (allow, image, body) = match path {
            "/api/event" => (POST, None, Some(None)),
            "/pixel.gif" => (READ, Some(ImageFormat::Pixel), None),
            "/api/send" => (POST, None, Some(Some(BodyFormat::Umami))),
            "/api/batch" => (POST, None, Some(Some(BodyFormat::UmamiBatch))),
            "/api/v0/count" => (POST, None, Some(Some(BodyFormat::GoatCounterApi))),
            "/count" => (BOTH, Some(ImageFormat::GoatCounter), None),
            "/matomo.php" | "/piwik.php" => (BOTH, Some(ImageFormat::Matomo), Some(Some(BodyFormat::Matomo))),
            "/collect" => (READ, Some(ImageFormat::Fathom), None),
            _ => return None,
        };
        Some(Self { allow, image, body, posts_query: path == "/count" })
    }

    /// Request headers that browsers may send besides the safelisted ones.
    fn accepted_headers(&self) -> &'static str {
        match self.body {
            Some(Some(BodyFormat::Umami | BodyFormat::UmamiBatch)) => "content-type, x-umami-cache",
            Some(Some(BodyFormat::Matomo | BodyFormat::GoatCounterApi) | None) | None => "content-type",
        }
    }
}

/// The public listener's state, shared by its threads.
pub struct CollectState {
    hits: HitPipeline,
    pages: PublicPages,
    config: config::CollectConfig,
    demo: bool,
    connections: Arc<Semaphore>,
    health: Arc<Health>,
    handshake: Handshake,
    probe: Option<AddressProbe>,
}

/// State shared by one thread's connections. Its reference counts are per thread: a count shared by all threads would
/// be contended twice per request.
struct ThreadState {
    collect: Arc<CollectState>,
    load: Arc<LoadShed>,
    server: Builder<TokioExecutor>,
    balance: ThreadBalance,
    connections: Arc<OpenConnections>,
}

impl ConnectionService for ThreadState {
    type Permit = OwnedSemaphorePermit;
    type Seat = ConnectionPermit;

    async fn permit(&self) -> OwnedSemaphorePermit {
        match self.collect.connections.clone().acquire_owned().await {
            Ok(permit) => permit,
            Err(_) => std::future::pending().await,
        }
    }

    fn seated(
        &self,
        (stream, peer): (AcceptedStream, SocketAddr),
        permit: OwnedSemaphorePermit,
        ends: bool,
    ) -> Option<AcceptedConnection<ConnectionPermit>> {
        match ends {
            true => Some(self.balance.keep_here(stream, peer, permit)),
            false => self.balance.keep(stream, peer, permit),
        }
    }

    fn among<'s>(&'s self, _seat: &'s ConnectionPermit) -> &'s Arc<OpenConnections> {
        &self.connections
    }

    async fn first_requests(&self, wait: Duration) {
        self.connections.first_requests(wait).await;
    }

    fn handshake(&self) -> &Handshake {
        &self.collect.handshake
    }

    fn requests(
        self: &Arc<Self>,
        stream: HttpStream,
        peer: SocketAddr,
        open: Arc<Connection>,
        _seat: &ConnectionPermit,
    ) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static {
        let stream = WatchedStream::new(stream, open.clone());
        let here = self.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (here, open) = (here.clone(), open.clone());
            // Owned here, and lent from here on: whatever owns it further in has room for it of its own.
            let (head, body) = request.into_parts();
            async move { Ok::<_, Infallible>(here.collect.serve_one(&head, body, peer, &here.load, &open).await) }
        });
        self.server.serve_connection(TokioIo::new(stream), service).into_owned()
    }
}

impl CollectState {
    /// Built from the pipeline for `hits` and the visitors' `pages`; `demo` adds the demonstration site.
    pub fn new(
        hits: HitPipeline,
        pages: PublicPages,
        config: config::CollectConfig,
        demo: bool,
        health: Arc<Health>,
    ) -> Self {
        let connections = Arc::new(Semaphore::new(config.max_connections));
        Self { hits, pages, config, demo, connections, health, handshake: Handshake::none(), probe: None }
    }

    /// Takes over the tokens of servers, from the next request on.
    pub fn reload(&self, config: &config::CollectConfig) {
        self.hits.servers.reload(&config.server_tokens);
    }

    /// The same, with TLS and the PROXY header before HTTP.
    pub(crate) fn behind(mut self, handshake: Handshake) -> Self {
        self.handshake = handshake;
        self
    }

    /// The same, answering the probes of `sillage doctor`.
    pub(crate) fn probed(mut self, probe: AddressProbe) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Response to a request that a hit endpoint does not accept: to `sillage doctor` its own address's state.
    fn unaccepted(&self, allow: &'static str, head: &Parts, peer: IpAddr) -> CollectResponse {
        let probe = self.probe.as_ref().filter(|_| head.method == Method::GET);
        let answer = probe.and_then(|probe| probe.answer(peer, &head.headers, &self.hits.peers));
        answer.unwrap_or_else(|| answer::method_not_allowed(allow))
    }

    /// Serves `listeners` on one thread until `shutdown`, then lets open requests end within the configured time.
    pub async fn serve(
        self: Arc<Self>,
        listeners: impl Into<Listeners>,
        acceptor: Acceptor,
        shutdown: CancellationToken,
    ) {
        let load = Arc::new(LoadShed::default());
        let waits = IdleLimits {
            idle: Duration::from_secs(self.config.idle_seconds),
            head: Duration::from_secs(self.config.request_seconds),
        };
        // Over all threads at most as many as connections: HTTP/2 would otherwise allow a hundred times as many.
        let requests_max = (self.config.max_connections / threads(&self.config)).max(REQUESTS_MIN);
        let connections = OpenConnections::new(waits, requests_max);
        let watching = tokio::spawn(load.clone().watch(self.health.heartbeat(), shutdown.clone()));
        let keeping = tokio::spawn(connections.clone().keep(self.connections.clone(), shutdown.clone()));
        let waker = tokio::spawn(LocalWaker::register());
        let limits = ServeLimits {
            accept_pause: ACCEPT_PAUSE,
            life: None,
            backlog_max: BACKLOG_MAX,
            drain: Duration::from_secs(self.config.drain_seconds),
        };
        let Acceptor { balance, mut handoffs } = acceptor;
        let server = self.server();
        let state = Arc::new(ThreadState { collect: self, load, server, balance, connections });
        serve::serve(state, listeners.into(), async || handoffs.next().await, limits, shutdown).await;
        // These tasks end with `shutdown` and cannot fail.
        watching.await.ok();
        keeping.await.ok();
        waker.abort();
        waker.await.ok();
    }

    fn server(&self) -> Builder<TokioExecutor> {
        let mut server = Builder::new(TokioExecutor::new());
        server
            .http1()
            // A client may close its side after a complete request.
            .half_close(true)
            // `OpenConnections` closes connections that wait too long, for any reason.
            .header_read_timeout(None)
            .max_buf_size(self.config.max_header_bytes.max(8_192));
        server
            .http2()
            .max_concurrent_streams(STREAMS_MAX)
            // Unread bytes that a client may send: one body per stream.
            .initial_stream_window_size(BODY_WINDOW)
            .initial_connection_window_size(BODY_WINDOW * 8)
            .max_send_buf_size(BUFFER_BYTES)
            .max_header_list_size(u32::try_from(self.config.max_header_bytes).unwrap_or(16_384));
        server
    }

    /// Serves one request, counted as in progress.
    async fn serve_one(
        &self,
        head: &Parts,
        body: Incoming,
        peer: SocketAddr,
        load: &LoadShed,
        open: &Arc<Connection>,
    ) -> Response<CollectBody> {
        match open.begin() {
            Some(serving) => {
                let mut answer = self.route(head, body, peer.ip(), load).await;
                // A balancer that reuses a connection at the moment of its end cannot know whether a hit was counted.
                if self.health.is_draining() && head.version < Version::HTTP_2 {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                let unsent = serving.answered();
                answer.map(|body| CollectBody::new(body, Some(unsent)))
            }
            None => self.hits.refuse().map(|body| CollectBody::new(body, None)),
        }
    }

    /// Serves a request to a hit endpoint.
    async fn hit(
        &self,
        endpoint: HitEndpoint,
        head: &Parts,
        body: Incoming,
        peer: IpAddr,
        load: &LoadShed,
    ) -> CollectResponse {
        let method = &head.method;
        let takes_body = method == Method::POST && endpoint.body.is_some();
        let is_image = endpoint.image.is_some() && (method == Method::GET || method == Method::POST);
        match endpoint {
            _ if method == Method::OPTIONS => answer::preflight(endpoint.allow, endpoint.accepted_headers()),
            // A HEAD request for an image shows no page: link checkers and previews send it.
            HitEndpoint { image: Some(_), .. } if method == Method::HEAD => self.hits.unmeasured(AnswerFormat::Pixel),
            _ if (takes_body || is_image) && load.refuses() => self.hits.refuse(),
            HitEndpoint { body: Some(None), .. } if takes_body => self.hits.event(head, body, peer).await,
            HitEndpoint { body: Some(Some(format)), .. } if takes_body => {
                self.hits.posted(format, head, body, peer).await
            }
            HitEndpoint { image: Some(format), posts_query, .. }
                if is_image && (method == Method::GET || posts_query) =>
            {
                self.hits.image(format, head, peer).await
            }
            _ => self.unaccepted(endpoint.allow, head, peer),
        }
    }

    async fn route(&self, head: &Parts, body: Incoming, peer: IpAddr, load: &LoadShed) -> CollectResponse {
        const FILE: &str = "GET, HEAD";
        let method = &head.method;
        let reads = method == Method::GET || method == Method::HEAD;
        // `/api/event/` equals `/api/event`: some frameworks append a slash to every path.
        let path = head.uri.path();
        let is_folder = path == "/" || path.starts_with("/demo");
        match path.strip_suffix('/').filter(|_| !is_folder).unwrap_or(path) {
            path if let Some(endpoint) = HitEndpoint::at(path) => {
                let mut answer = self.hit(endpoint, head, body, peer, load).await;
                self.hits.allow_page(&head.headers, &mut answer);
                answer
            }
            "/health/live" if reads => answer::health(true),
            "/health/ready" if reads => answer::health(self.hits.can_accept() && !self.health.is_draining()),
            "/health/live" | "/health/ready" => answer::method_not_allowed(FILE),
            path if let Some(page) = PublicPage::at(path) => match reads || page.takes(method) {
                true => self.pages.serve(page, head),
                false => answer::method_not_allowed(page.allow()),
            },
            path => match tracker::find(path, &self.config.tracker_path) {
                Some(script) if reads => script.serve(&head.headers),
                Some(_) => answer::method_not_allowed(FILE),
                None if self.demo && reads => demo::serve(path, &head.headers).unwrap_or_else(answer::not_found),
                None => answer::not_found(),
            },
        }
    }
}
