//! Releases by shard: each shard of a cluster publishes the measured periods of its own rows, and goes on while another
//! is away. Must never release a period on a shard that another collector still ships to: that is recorded by shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use crate::release::releaser::{CHECK_SECONDS, Releaser, ReleaserOptions};
use crate::store::{Store, StoreError};

impl Releaser {
    /// The releaser of one shard, for the same sites: it releases measured periods of the rows there.
    pub fn of_shard(&self, store: Arc<Store>) -> Self {
        let ReleaserOptions { collector, started, protection, .. } = &self.options;
        let (collector, started, protection) = (collector.clone(), *started, *protection);
        let options = ReleaserOptions { store, collector, started, protection, aborts_before: None, draws: None };
        Self { options, zones: self.zones.clone(), checked_quarter: AtomicI64::new(-1) }
    }

    /// Takes over, before its first row, the periods that other shards have closed: a site may come from there. Records
    /// of earlier versions are of all shards; a newer one is done as far as this shard is concerned.
    ///
    /// # Errors
    /// The database's: before a shard's first use all shards must answer once.
    pub async fn join_shard(&self) -> Result<(), StoreError> {
        let sql = "SELECT count() FROM {database:Identifier}.{collectors:Identifier} WHERE site = {site:String}";
        if self.ask(sql).rows::<u64>().await?.first().is_some_and(|known| *known > 0) {
            return Ok(());
        }
        let sql = "INSERT INTO {database:Identifier}.releases (site, kind, first, day, hour, origin, state, at) \
                   SELECT {site:String}, kind, first, day, hour, origin, if(site = '', state, 'done'), at \
                   FROM {database:Identifier}.releases WHERE origin = '' AND site != {site:String}";
        // The copied rows belong to this shard: without the setting each shard would insert those that it reads.
        self.ask(sql).with_setting("parallel_distributed_insert_select", "0").execute().await
    }

    /// Every shard is shipped to and released by itself: releases what is of all shards, the rows of imports.
    ///
    /// # Errors
    /// The database's error; the next call resumes.
    pub async fn shards_released(&self, until: Timestamp) -> Result<(), StoreError> {
        let quarter = until.as_second().div_euclid(CHECK_SECONDS);
        if self.checked_quarter.load(Ordering::Relaxed) != quarter && self.leads(until).await? {
            self.release_continued(until).await?;
            self.checked_quarter.store(quarter, Ordering::Relaxed);
        }
        Ok(())
    }
}
