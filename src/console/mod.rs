//! The private listener: figures for whoever holds a token, probes and metrics for the machine. Never sees a hit, and
//! reads nothing but the rounded views.

mod assets;
mod download;
mod grafana;
mod query;
mod reply;
mod route;
mod session;
mod sql_guard;
pub mod tokens;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::query::export;
use self::session::Sessions;
use crate::clock::Clock;
use crate::config;
use crate::console::tokens::TokenSet;
use crate::observe::Meters;
use crate::sites::Sites;
use crate::store::reports::Reports;

/// Open connections: a few people with a few browsers, and a scraper.
const CONNECTIONS_MAX: usize = 256;

/// Longest request head; a proxy's headers and a cookie fit.
const HEAD_BYTES_MAX: usize = 16_384;

/// A request's head must arrive, and an idle connection's next one begin, within this time.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// No connection lives longer, however slowly it is fed; browsers open another.
const CONNECTION_LIFE: Duration = Duration::from_secs(900);

/// How long open requests are waited for at the end.
const DRAIN: Duration = Duration::from_secs(10);

/// What the console works with.
pub struct ConsoleOptions {
    /// Known sites.
    pub sites: Arc<Sites>,
    /// Who may read which.
    pub tokens: Vec<config::TokenConfig>,
    /// What the database rounds to, for saying so.
    pub rounding: u32,
    /// Channels and campaigns are measured.
    pub marketing: bool,
    /// Where figures come from.
    pub reports: Reports,
    /// Decides what today is, and when sessions end.
    pub clock: Arc<dyn Clock>,
    /// What `/metrics` tells.
    pub meters: Arc<Meters>,
    /// Whether the spool takes hits now.
    pub spool_accepts: Box<dyn Fn() -> bool + Send + Sync>,
}

/// The console's state.
pub struct ConsoleState {
    access: ArcSwap<AccessRules>,
    sessions: Sessions,
    rounding: u32,
    marketing: bool,
    reports: Reports,
    clock: Arc<dyn Clock>,
    meters: Arc<Meters>,
    spool_accepts: Box<dyn Fn() -> bool + Send + Sync>,
}

/// What a new configuration replaces.
struct AccessRules {
    sites: Arc<Sites>,
    tokens: TokenSet,
}

impl ConsoleState {
    /// A console without sessions.
    pub fn new(parts: ConsoleOptions) -> Self {
        let access = AccessRules { sites: parts.sites, tokens: TokenSet::new(&parts.tokens) };
        Self {
            access: ArcSwap::from_pointee(access),
            sessions: Sessions::default(),
            rounding: parts.rounding,
            marketing: parts.marketing,
            reports: parts.reports,
            clock: parts.clock,
            meters: parts.meters,
            spool_accepts: parts.spool_accepts,
        }
    }

    /// Takes a new configuration; sessions of tokens that are gone end at once.
    pub fn reload(&self, sites: Arc<Sites>, tokens: &[config::TokenConfig]) {
        self.access.store(Arc::new(AccessRules { sites, tokens: TokenSet::new(tokens) }));
    }
}

/// Serves until `shutdown`, then finishes what is open.
pub async fn serve(listener: TcpListener, console: Arc<ConsoleState>, shutdown: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let builder = builder();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = permits.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (permit, accepted) = next => match accepted {
                Ok((stream, peer)) => {
                    let console = console.clone();
                    let service = service_fn(move |request| {
                        let console = console.clone();
                        async move { Ok::<_, Infallible>(route::answer(&console, peer, request).await) }
                    });
                    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        let ended = tokio::time::timeout(CONNECTION_LIFE, connection).await;
                        drop((permit, ended));
                    });
                }
                // Out of descriptors: waiting is all that helps.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("console requests were still open at the end");
    }
    connections.shutdown().await;
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(16_384)
        .max_concurrent_streams(32)
        .keep_alive_interval(HEAD_WAIT);
    builder
}
