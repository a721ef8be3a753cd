//! Settings that statements carry on a cluster, whatever the profiles of our users say there. Must never let a query
//! read a shard that is away as zero, nor an insert return before its rows are safe.

/// A setting's name and value.
pub(super) type Setting = (&'static str, &'static str);

/// A query about one site asks its shard alone.
pub(super) const SKIP_UNUSED_SHARDS: Setting = ("optimize_skip_unused_shards", "1");
/// A query fails when a shard that it needs is away. A read-only user may send the value of its profile; another one is
/// refused.
pub(super) const ALL_SHARDS: Setting = ("skip_unavailable_shards", "0");
/// An insert returns when the shards have the rows.
const FOREGROUND_INSERT: Setting = ("distributed_foreground_insert", "1");
/// With Keeper, an insert returns when most replicas of its shard have the rows, so that they survive a lost disk.
/// Plain tables ignore it.
const QUORUM: [Setting; 2] = [("insert_quorum", "auto"), ("insert_quorum_timeout", "60000")];

/// Settings of a statement that writes, or that reads for a release.
pub(super) fn of_writes(cluster: &str, by_node: bool) -> Vec<Setting> {
    if cluster.is_empty() {
        return Vec::new();
    }
    let quorum = QUORUM.into_iter().filter(|_| !by_node);
    [FOREGROUND_INSERT, ALL_SHARDS].into_iter().chain(quorum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_keeper_an_insert_waits_for_most_replicas_of_its_shard() {
        assert!(of_writes("north", false).contains(&("insert_quorum", "auto")));
        assert!(!of_writes("north", true).contains(&("insert_quorum", "auto")));
        assert_eq!(of_writes("", false), []);
    }

    #[test]
    fn every_statement_on_a_cluster_needs_all_its_shards() {
        for by_node in [false, true] {
            assert!(of_writes("north", by_node).contains(&("skip_unavailable_shards", "0")));
        }
    }
}
