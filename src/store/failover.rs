//! A remote database. Of several addresses the first that answers is used until it stops answering, then the next; all
//! of them must show the same tables, as the nodes of a cluster do, and a batch that is retried at another node is
//! recognised by its token. A changed password is read again from its file.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::AbortHandle;

use crate::config;
use crate::store::client::{Endpoint, Login, Store};

/// Interval between two checks of the password file and of the address in use.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// Longest wait for the answer to `SELECT 1`.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A store over `urls`, the addresses of `endpoint`: it follows the one that answers, and the password in
/// `clickhouse.password_file`. Must be called on a runtime: a task checks both until the last clone of the store is
/// dropped.
pub fn follow(config: &config::ClickHouseConfig, endpoint: &Endpoint, urls: &[String]) -> Store {
    let endpoints: Vec<Endpoint> = urls.iter().map(|url| Endpoint { url: url.clone(), ..endpoint.clone() }).collect();
    let current = Arc::new(ArcSwap::from_pointee(endpoint.clone()));
    let probe = tokio::spawn(watch(config.clone(), endpoints, current.clone()));
    let probe = ProbeTask(probe.abort_handle());
    let source = move || {
        // The task lives as long as this closure.
        let ProbeTask(_) = &probe;
        Some(Endpoint::clone(&current.load()))
    };
    Store::follow(config, endpoint, Arc::new(source))
}

/// Aborts the probe task on drop.
struct ProbeTask(AbortHandle);

impl Drop for ProbeTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(config: config::ClickHouseConfig, mut endpoints: Vec<Endpoint>, current: Arc<ArcSwap<Endpoint>>) {
    loop {
        if let Some(writer) = changed_writer(&config, &current.load()) {
            tracing::info!("database: password file changed; using the new password");
            endpoints.iter_mut().for_each(|endpoint| endpoint.writer = writer.clone());
            current.store(Arc::new(Endpoint { writer, ..Endpoint::clone(&current.load()) }));
        }
        if endpoints.len() > 1 && !answers(&config, &current.load()).await {
            for (number, endpoint) in endpoints.iter().enumerate().filter(|(_, other)| other.url != current.load().url)
            {
                if answers(&config, endpoint).await {
                    tracing::warn!(number, "database: current address unreachable; using another of clickhouse.urls");
                    current.store(Arc::new(endpoint.clone()));
                    break;
                }
            }
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

/// The writing user with the current password of its file; `None` where it has not changed. The reading user's stays
/// until the next start: users of tokens have passwords derived from it.
fn changed_writer(config: &config::ClickHouseConfig, used: &Endpoint) -> Option<Login> {
    let read = Endpoint::remote(config).ok()?.writer;
    (!read.password.is_empty() && read.password != used.writer.password).then_some(read)
}

async fn answers(config: &config::ClickHouseConfig, endpoint: &Endpoint) -> bool {
    let store = Store::connect(config, endpoint);
    tokio::time::timeout(PROBE_TIMEOUT, store.ping()).await.is_ok_and(|answer| answer.is_ok())
}
