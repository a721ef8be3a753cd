//! Reading users of tokens on a remote database: made at the start, and when a reload brings another list of sites.
//! Must never hold up the reload: a database that is away is waited for beside it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ClickHouseConfig;
use crate::store::client::Store;
use crate::store::readers;
use crate::store::scope::ReaderScope;

/// Pause between two attempts to reach the database.
const PAUSE: Duration = Duration::from_secs(5);

/// Makes reading users while the program runs.
pub(super) struct ReadingUsers {
    store: Arc<Store>,
    clickhouse: ClickHouseConfig,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl ReadingUsers {
    /// Ends with `stop`.
    pub(super) fn new(store: &Arc<Store>, clickhouse: &ClickHouseConfig, stop: &CancellationToken) -> Self {
        let (store, clickhouse, stop) = (store.clone(), clickhouse.clone(), stop.clone());
        Self { store, clickhouse, tasks: TaskTracker::new(), stop }
    }

    /// Makes the users of these scopes as soon as the database answers.
    pub(super) fn admit(&self, scopes: BTreeSet<ReaderScope>) {
        let (store, clickhouse) = (self.store.clone(), self.clickhouse.clone());
        let made = async move {
            while let Err(error) = store.ping().await {
                tracing::warn!(%error, "reload: reading users of tokens wait for the database");
                tokio::time::sleep(PAUSE).await;
            }
            make(&store, &clickhouse, &scopes).await;
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(made).await });
    }

    /// Returns once no attempt is running.
    pub(super) async fn end(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Makes them, and logs the statements that are for an administrator.
pub(super) async fn make(store: &Store, clickhouse: &ClickHouseConfig, scopes: &BTreeSet<ReaderScope>) {
    let refused = readers::grant_readers(store, clickhouse, scopes).await;
    // One line: the statements of one list of sites are some eighty.
    if let Some(first) = refused.first() {
        tracing::warn!(
            statements = refused.len(),
            first = first.sql,
            "database: reading users not made, the writing user may not make users; let an administrator run the \
             statements that `sillage migrate` prints"
        );
    }
    if refused.is_empty() && store.reader_user().is_some() {
        tracing::info!(lists_of_sites = scopes.len(), "database: reading users of tokens ready");
    }
}
