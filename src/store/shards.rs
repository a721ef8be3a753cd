//! The shards of a cluster whose nodes are reached one by one: which site each of them holds, and a connection to each.
//! Must cut rows as the `Distributed` tables do, and never send a row to a shard that the tables would not choose.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::config;
use crate::store::client::{Endpoint, Store};
use crate::store::error::{ServerError, StoreError};
use crate::store::failover;

/// Names that are tried for a shard's own rows, for each shard.
const NAMES_TRIED: usize = 64;

/// One shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterShard {
    /// Its number in `system.clusters`, from 1.
    pub number: u32,
    /// Remainders of a site's hash that belong to it.
    remainders: Range<u64>,
    /// Its addresses in `clickhouse.urls`.
    urls: Vec<String>,
    /// A text that the tables place on this shard, in column `site` of rows that are of no site.
    name: Arc<str>,
}

/// All shards of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardMap {
    shards: Vec<ClusterShard>,
    /// Sum of the shards' weights.
    weight: u64,
}

/// A node of `system.clusters`: its shard with the weight, its name and its address.
type NodeRow = (u32, u32, String, String);

impl ShardMap {
    /// The shards, in the order of their numbers.
    pub fn shards(&self) -> &[ClusterShard] {
        &self.shards
    }

    /// Place in [`ShardMap::shards`] of the shard that holds the site with this hash.
    pub fn place_of(&self, hash: u64) -> usize {
        let remainder = hash.checked_rem(self.weight).unwrap_or_default();
        self.shards.iter().position(|shard| shard.remainders.contains(&remainder)).unwrap_or_default()
    }

    /// `None` with one shard, with one that takes no rows, and where a shard has no address among `urls`.
    fn of(nodes: &[NodeRow], urls: &[String]) -> Option<Self> {
        let (mut shards, mut weight) = (Vec::new(), 0);
        for of_shard in nodes.chunk_by(|a, b| a.0 == b.0) {
            let (number, of_all, ..) = of_shard.first()?;
            let urls: Vec<String> =
                urls.iter().filter(|url| of_shard.iter().any(|node| is_of(url, node))).cloned().collect();
            let remainders = weight..weight + u64::from(*of_all);
            weight = remainders.end;
            if urls.is_empty() || remainders.is_empty() {
                return None;
            }
            shards.push(ClusterShard { number: *number, remainders, urls, name: "".into() });
        }
        (shards.len() > 1).then_some(Self { shards, weight })
    }
}

/// Whether an address is that of a node, by its name or its number.
fn is_of(url: &str, (_, _, name, address): &NodeRow) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case(name) || host == address
}

impl Store {
    /// The shards of the cluster, where batches and releases can go to each by itself: with `replication =
    /// "distributed"`, several shards, and addresses that name the nodes as `remote_servers` does.
    ///
    /// # Errors
    /// When no node answers.
    pub async fn shards(&self) -> Result<Option<ShardMap>, StoreError> {
        if !self.is_by_node() {
            return Ok(None);
        }
        let sql = "SELECT shard_num, shard_weight, host_name, host_address FROM system.clusters \
                   WHERE cluster = {cluster:String} ORDER BY shard_num, replica_num";
        let nodes = self.ask_as_owner(sql).param("cluster", self.cluster()).rows::<NodeRow>().await?;
        let Some(mut map) = ShardMap::of(&nodes, self.addresses()) else {
            if nodes.iter().any(|node| node.0 > 1) {
                tracing::warn!(
                    "database: clickhouse.urls does not name the nodes of each shard; all shards wait for one"
                );
            }
            return Ok(None);
        };
        let names: Vec<String> = (0..NAMES_TRIED * map.shards.len()).map(|number| format!("#{number}")).collect();
        let hashes = self.site_hashes(&names).await?;
        for name in names.into_iter().rev() {
            let place = hashes.get(name.as_str()).map(|hash| map.place_of(*hash));
            if let Some(shard) = place.and_then(|place| map.shards.get_mut(place)) {
                shard.name = name.into();
            }
        }
        let unnamed = map.shards.iter().any(|shard| shard.name.is_empty());
        Ok((!unnamed).then_some(map))
    }

    /// The hash of each site by which the tables choose its shard.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn site_hashes<S: AsRef<str>>(&self, sites: &[S]) -> Result<HashMap<Arc<str>, u64>, StoreError> {
        let sites: Vec<&str> = sites.iter().map(AsRef::as_ref).collect();
        let sql = "SELECT cityHash64(arrayJoin({sites:Array(String)}))";
        let hashes = self.ask_as_owner(sql).param("sites", &sites).rows::<u64>().await?;
        if hashes.len() != sites.len() {
            return Err(StoreError::Retryable(ServerError { code: 0, name: "incomplete answer" }));
        }
        Ok(sites.into_iter().map(Arc::from).zip(hashes).collect())
    }

    /// A connection to one shard: rows are read from its own tables, and written to all its replicas. Must be called on
    /// a runtime, as [`failover::follow`].
    pub fn at_shard(&self, config: &config::ClickHouseConfig, shard: &ClusterShard) -> Self {
        let config = config::ClickHouseConfig { urls: shard.urls.clone(), ..config.clone() };
        let url = shard.urls.first().cloned().unwrap_or_default();
        let endpoint = Endpoint { url, ..self.endpoint() };
        failover::follow(&config, &endpoint, &shard.urls).protected(self.protection()).of_shard(&shard.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(shard: u32, weight: u32, host: &str) -> NodeRow {
        (shard, weight, host.into(), format!("10.0.0.{shard}"))
    }

    #[test]
    fn a_site_belongs_to_the_shard_whose_weights_its_hash_meets() {
        let nodes = [node(1, 2, "a"), node(1, 2, "b"), node(2, 1, "c")];
        let urls = ["http://a:8123", "http://B:8123", "http://10.0.0.2:8123"].map(String::from);
        let map = ShardMap::of(&nodes, &urls).unwrap();
        assert_eq!([0, 1, 2, 3, 5].map(|hash| map.place_of(hash)), [0, 0, 1, 0, 1]);
        assert_eq!(map.shards().iter().map(|shard| shard.urls.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn shards_are_not_told_apart_without_an_address_of_each() {
        let urls = ["http://a:8123".to_owned()];
        assert_eq!(ShardMap::of(&[node(1, 1, "a"), node(2, 1, "c")], &urls), None);
        assert_eq!(ShardMap::of(&[node(1, 1, "a")], &urls), None, "one shard needs no cut");
        let idle = [node(1, 1, "a"), node(2, 0, "a")];
        assert_eq!(ShardMap::of(&idle, &urls), None, "a shard without weight takes no rows");
    }
}
