//! The nodes of a cluster, each reached by itself. Must never send a statement to a node that the configuration does
//! not name.

use crate::store::client::Store;
use crate::store::error::StoreError;

impl Store {
    /// Each node of the cluster with its address; the database itself, without one, where there is no list of nodes.
    pub fn nodes(&self) -> Vec<(String, Store)> {
        match self.addresses() {
            [] | [_] => vec![(String::new(), self.clone())],
            addresses => addresses.iter().map(|address| (shown(address), self.at(address))).collect(),
        }
    }

    /// The nodes on which tables are made one by one: all of them without Keeper, else the one that passes statements
    /// on.
    pub(super) fn formed_nodes(&self) -> Vec<(String, Store)> {
        if self.is_by_node() { self.nodes() } else { vec![(String::new(), self.clone())] }
    }

    /// Runs a statement on every node; with Keeper it carries [`Store::on_cluster`] and runs once.
    ///
    /// # Errors
    /// The first failure, after the other nodes have run it.
    pub async fn everywhere(&self, sql: &str) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for (_, node) in self.formed_nodes() {
            let done = node.statement(sql).await;
            outcome = outcome.and(done);
        }
        outcome
    }

    /// Name of a table that holds rows itself, on this database or on each node of the cluster.
    pub(crate) fn local_table(&self, table: &str) -> String {
        if self.cluster().is_empty() { table.to_owned() } else { format!("{table}_local") }
    }
}

/// An address as it may be printed: without a user.
fn shown(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else { return "unreadable address".into() };
    // Only a URL without a host rejects this, and such a URL has no user.
    url.set_username("").ok();
    url.set_password(None).ok();
    url.as_str().trim_end_matches('/').to_owned()
}
