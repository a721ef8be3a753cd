//! The nodes of the database, and how a cluster of them keeps its replicas equal.

use serde::{Deserialize, Serialize};

use crate::config::ClickHouseConfig;

/// How the replicas of a shard become equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replication {
    /// `Replicated…` tables, with Keeper; statements go to all nodes by `ON CLUSTER`.
    #[default]
    Keeper,
    /// Plain tables; the `Distributed` ones write to every replica (`internal_replication = false`). Statements go to
    /// each of `urls`.
    Distributed,
}

impl ClickHouseConfig {
    /// The HTTP interfaces in the order of preference; never empty.
    pub fn addresses(&self) -> &[String] {
        if self.urls.is_empty() { std::slice::from_ref(&self.url) } else { &self.urls }
    }

    /// Whether statements about tables go to each of `urls`, one after the other.
    pub fn is_by_node(&self) -> bool {
        !self.cluster.is_empty() && self.replication == Replication::Distributed
    }

    /// What sends a statement to all nodes, with a space in front; empty where it is not needed or not to be had.
    pub fn on_cluster(&self) -> String {
        match self.cluster.is_empty() || self.is_by_node() {
            true => String::new(),
            false => format!(" ON CLUSTER '{}'", self.cluster),
        }
    }
}
