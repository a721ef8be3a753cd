//! Lanes of shipping: one for the whole database, or one for each shard of a cluster whose nodes are reached one by
//! one. A lane that fails waits by itself; the others go on. Must never offer a row to two shards.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::monotonic_now;
use crate::config::ClickHouseConfig;
use crate::release::Releaser;
use crate::rollup::counters::Batch;
use crate::ship::error::ShipError;
use crate::store::shards::{ClusterShard, ShardMap};
use crate::store::{Store, StoreError};

/// Longest wait for the first answer of a lane that failed, so that it does not hold up the others.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Pauses between attempts after a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPause {
    /// Time of the next attempt after a failure; `None` after a success.
    pub(super) again_at: Option<Instant>,
    /// First and longest pause.
    pauses: (Duration, Duration),
    pause: Duration,
}

impl RetryPause {
    pub(super) fn new(pauses: (Duration, Duration)) -> Self {
        Self { again_at: None, pauses, pause: pauses.0 }
    }

    pub(super) fn is_due(&self, at: Instant) -> bool {
        self.again_at.is_none_or(|again| again <= at)
    }

    /// `shard` is 0 where there are none.
    pub(super) fn note(&mut self, shipped: &Result<(), ShipError>, shard: u32) {
        let pause = match shipped {
            Ok(()) => {
                (self.again_at, self.pause) = (None, self.pauses.0);
                return;
            }
            Err(error @ ShipError::Store(StoreError::Refused(_))) => {
                tracing::error!(%error, shard, "ship: database rejected a batch; segments wait until the cause is removed");
                self.pauses.1
            }
            Err(error) => {
                let pause = jittered(self.pause);
                tracing::warn!(%error, shard, pause_seconds = pause.as_secs_f64(), "ship: insert failed; segments wait");
                self.pause = (self.pause * 2).min(self.pauses.1);
                pause
            }
        };
        self.again_at = Some(monotonic_now() + pause);
    }
}

/// The pause plus or minus a quarter: collectors of one database do not all retry at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [128];
    if getrandom::fill(&mut byte).is_err() {
        return pause;
    }
    pause * (384 + u32::from(byte[0])) / 512
}

/// The way to one shard, or to the whole database.
pub(super) struct Lane {
    pub(super) store: Arc<Store>,
    pub(super) releaser: Arc<Releaser>,
    /// Number of its shard; 0 for the whole database.
    pub(super) shard: u32,
    /// It takes part in the present flush.
    pub(super) takes_part: bool,
    /// The shard knows the periods that others have closed.
    joined: bool,
    pub(super) retry: RetryPause,
}

impl Lane {
    fn new(store: Arc<Store>, releaser: Arc<Releaser>, shard: u32, pauses: (Duration, Duration)) -> Self {
        Self { store, releaser, shard, takes_part: false, joined: shard == 0, retry: RetryPause::new(pauses) }
    }

    /// Before a flush: whether the database answers, asked where it did not before.
    ///
    /// # Errors
    /// The database's, or that it did not answer in time.
    pub(super) async fn make_ready(&mut self) -> Result<(), StoreError> {
        if self.shard != 0 && self.retry.again_at.is_some() {
            let answered = tokio::time::timeout(ANSWER_WITHIN, self.store.ping()).await;
            answered.unwrap_or_else(|_| Err(StoreError::timeout()))?;
        }
        if !self.joined {
            self.releaser.join_shard().await?;
            self.joined = true;
        }
        Ok(())
    }

    /// It failed, and waits.
    pub(super) fn fail(&mut self, error: StoreError) {
        self.takes_part = false;
        self.retry.note(&Err(error.into()), self.shard);
    }
}

/// All lanes, and what waits for which.
pub(super) struct Lanes {
    map: Option<ShardMap>,
    pub(super) lanes: Vec<Lane>,
    /// Hash of each site met so far.
    hashes: HashMap<Arc<str>, u64>,
    /// Of segments that were offered: places of the lanes that still wait for their part.
    pub(super) waiting: BTreeMap<u64, BTreeSet<usize>>,
    /// A segment of which some lanes have their part, but the spool still holds all rows.
    pub(super) unsaved: Option<u64>,
}

impl Lanes {
    /// One lane, or one for each shard.
    ///
    /// # Errors
    /// When the database does not tell its shards.
    pub(super) async fn open(
        config: &ClickHouseConfig,
        (store, releaser): (&Arc<Store>, &Arc<Releaser>),
        pauses: (Duration, Duration),
    ) -> Result<Self, StoreError> {
        let map = store.shards().await?;
        let lanes = match &map {
            None => vec![Lane::new(store.clone(), releaser.clone(), 0, pauses)],
            Some(map) => {
                let lane = |shard: &ClusterShard| {
                    let store = Arc::new(store.at_shard(config, shard));
                    let releaser = Arc::new(releaser.of_shard(store.clone()));
                    Lane::new(store, releaser, shard.number, pauses)
                };
                map.shards().iter().map(lane).collect()
            }
        };
        Ok(Self { map, lanes, hashes: HashMap::new(), waiting: BTreeMap::new(), unsaved: None })
    }

    /// Whether there is one for each shard.
    pub(super) fn are_shards(&self) -> bool {
        self.map.is_some()
    }

    /// Whether one of them waits after a failure.
    pub(super) fn is_one_waiting(&self) -> bool {
        self.lanes.iter().any(|lane| lane.retry.again_at.is_some())
    }

    /// Whether a segment has something for a lane of the present flush, or is shipped and to be removed.
    pub(super) fn wants(&self, segment: u64) -> bool {
        let takes = |place: &usize| self.lanes.get(*place).is_some_and(|lane| lane.takes_part);
        match self.waiting.get(&segment) {
            None => self.lanes.iter().any(|lane| lane.takes_part),
            Some(waiting) => waiting.is_empty() || waiting.iter().any(takes),
        }
    }

    /// The batch in parts, each with the place of its lane; lanes without rows have none.
    ///
    /// # Errors
    /// When the database does not tell a new site's hash.
    pub(super) async fn cut<'b>(
        &mut self,
        store: &Store,
        batch: &'b Batch,
    ) -> Result<Vec<(usize, Cow<'b, Batch>)>, StoreError> {
        if self.map.is_none() {
            return Ok(vec![(0, Cow::Borrowed(batch))]);
        }
        let unknown: Vec<&str> = batch.sites().into_iter().filter(|site| !self.hashes.contains_key(*site)).collect();
        if !unknown.is_empty() {
            self.hashes.extend(store.site_hashes(&unknown).await?);
        }
        let part = |place: usize| (place, batch.part(|site, _| self.place_of(site) == place));
        let parts = (0..self.lanes.len()).map(part).filter(|(_, part)| part.rows() > 0);
        Ok(parts.map(|(place, part)| (place, Cow::Owned(part))).collect())
    }

    /// The rows of a batch that lanes still wait for, after [`Lanes::cut`].
    pub(super) fn rest(&self, batch: &Batch, waiting: &BTreeSet<usize>) -> Batch {
        batch.part(|site, _| waiting.contains(&self.place_of(site)))
    }

    fn place_of(&self, site: &str) -> usize {
        let hash = self.hashes.get(site).copied().unwrap_or_default();
        self.map.as_ref().map_or(0, |map| map.place_of(hash))
    }
}
