//! Threads of the public listener, from start to stop. Must never outlive their `CollectThreads` value.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use crate::collect::{Acceptor, CollectState};
use crate::http::listener::{BoundSockets, SocketFiles};

/// The collecting threads: one per core, each with its own runtime; they share one socket and its connections. On drop,
/// at shutdown or after a failed start, open requests are finished and the threads joined.
pub(crate) struct CollectThreads {
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    // They go after the last thread.
    _files: SocketFiles,
}

impl CollectThreads {
    /// Serves `sockets` on a thread for each of `acceptors`.
    ///
    /// # Errors
    /// When the system refuses a thread or a copy of a socket.
    pub(crate) fn start(
        collect: &Arc<CollectState>,
        mut sockets: BoundSockets,
        acceptors: Vec<Acceptor>,
    ) -> std::io::Result<Self> {
        let (stop, threads) = (CancellationToken::new(), Vec::with_capacity(acceptors.len()));
        let mut collecting = Self { stop, threads, _files: sockets.take_files() };
        let sockets = Arc::new(sockets);
        for (number, acceptor) in acceptors.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (sockets, collect, stop) = (sockets.clone(), collect.clone(), collecting.stop.clone());
            let thread = std::thread::Builder::new().name(format!("collect-{number}"));
            collecting.threads.push(thread.spawn(move || {
                runtime.block_on(async {
                    let listeners = sockets.listeners();
                    drop(sockets);
                    match listeners {
                        Ok(listeners) => collect.serve(listeners, acceptor, stop).await,
                        Err(error) => tracing::error!(%error, "collect: thread without a socket"),
                    }
                });
            })?);
        }
        Ok(collecting)
    }
}

impl Drop for CollectThreads {
    fn drop(&mut self) {
        self.stop.cancel();
        if self.threads.drain(..).map(JoinHandle::join).filter(Result::is_err).count() > 0 {
            tracing::error!("collect: thread panicked");
        }
    }
}
