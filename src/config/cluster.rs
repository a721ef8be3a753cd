//! How a cluster of ClickHouse keeps its replicas equal.

use serde::{Deserialize, Serialize};

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
