//! The private listener: figures for whoever holds a token, probes and metrics for the machine. Never sees a hit, and
//! reads nothing but the rounded views.

pub mod annotations;
mod assets;
mod desk;
mod download;
mod grafana;
mod published;
mod query;
mod reply;
mod route;
mod session;
mod share;
mod sql_guard;
mod state;
pub mod tokens;
mod view;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::query::export;
pub use self::state::{ConsoleOptions, ConsoleState};

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
