//! One attempt to empty the spool: every sealed segment is offered to each lane, and what a lane does not take stays.
//! A lane is shipped to and released by itself. Must never release on a lane that lacks a row, and never forget which
//! lanes have their part of a segment.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::monotonic_now;
use crate::config::Protection;
use crate::rollup::counters::Batch;
use crate::ship::error::ShipError;
use crate::ship::fold::{fold, rows_of};
use crate::ship::lanes::{Lane, Lanes};
use crate::ship::shipper::{RetryState, Shipper};
use crate::spool::{SegmentInfo, SpoolError};
use crate::store::StoreError;

impl Shipper {
    /// Ships and releases on every lane that is due, or with `now` on all. A lane that fails does not hold up others.
    pub(super) async fn attempt(
        &self,
        attempts: &mut RetryState,
        (until, sealed): (Timestamp, bool),
        now: bool,
    ) -> Result<(), ShipError> {
        let at = monotonic_now();
        if !now && !attempts.retry.is_due(at) {
            return Ok(());
        }
        let mut lanes = match attempts.lanes.take() {
            Some(lanes) => lanes,
            None => match Lanes::open(&self.clickhouse, (&self.store, &self.releaser), self.pauses).await {
                Ok(lanes) => lanes,
                Err(error) => {
                    let failed = Err(self.store_failed(error).into());
                    attempts.retry.note(&failed, 0);
                    return failed;
                }
            },
        };
        let mut failed = None;
        for lane in &mut lanes.lanes {
            lane.takes_part = now || lane.retry.is_due(at);
            if lane.takes_part
                && let Err(error) = self.begin(lane, until).await
            {
                lane.fail(self.store_failed(error));
                failed = Some(error);
            }
        }
        let shipped = self.ship(&mut lanes, &mut failed).await;
        for lane in lanes.lanes.iter_mut().filter(|lane| lane.takes_part) {
            // Unreadable segments do not delay the release.
            match if sealed { self.release(lane, until).await } else { Ok(()) } {
                Ok(()) => lane.retry.note(&Ok(()), lane.shard),
                Err(error) => {
                    lane.fail(error);
                    failed = Some(error);
                }
            }
        }
        if sealed && lanes.are_shards() && !lanes.is_one_waiting() {
            let released = self.releaser.shards_released(until).await;
            failed = failed.or(released.err());
        }
        attempts.retry.note(&shipped, 0);
        attempts.lanes = Some(lanes);
        shipped.and(failed.map_or(Ok(()), |error| Err(error.into())))
    }

    /// Ships every sealed segment, oldest first. With a long backlog, new segments are folded meanwhile after their
    /// minute.
    ///
    /// The same happens during a slow insert, while it is unknown whether the database is unreachable. A lane that
    /// fails takes no further part, and is told in `failed`.
    async fn ship(&self, lanes: &mut Lanes, failed: &mut Option<StoreError>) -> Result<(), ShipError> {
        let mut all_read = Ok(());
        let (mut behind, mut folded_at) = (0, monotonic_now());
        while let Some(segment) = self.next_behind(behind) {
            behind = segment.number;
            let unsaved = lanes.unsaved == Some(segment.number);
            if !unsaved && !lanes.wants(segment.number) {
                continue;
            }
            let started = monotonic_now();
            let (batch, report) = match self.folding(move |spool| rows_of(spool, &segment)).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::error!(%error, number = segment.number, "ship: segment not shipped");
                    self.meters.ship.quarantined.increment(u64::from(matches!(error, SpoolError::Damaged(_))));
                    all_read = Err(error.into());
                    if unsaved {
                        break;
                    }
                    continue;
                }
            };
            let waiting = match self.offer(lanes, (segment.number, &batch), failed, &mut folded_at).await {
                Ok(waiting) => waiting,
                Err(error) => {
                    *failed = Some(self.store_failed(error));
                    lanes.lanes.iter_mut().filter(|lane| lane.takes_part).for_each(|lane| lane.fail(error));
                    break;
                }
            };
            if waiting.is_empty() && !self.is_folded(segment.number) {
                self.meters.ship.quarantined.increment(report.damaged.saturating_sub(segment.damaged));
            }
            if let Err(error) = self.settle(lanes, segment, &batch).await {
                // Later segments are not shipped, and nothing is released.
                lanes.lanes.iter_mut().for_each(|lane| lane.takes_part = false);
                return Err(error.into());
            }
            self.meters.ship.flush_seconds.record(started.elapsed());
            self.while_folding(std::future::ready(()), &mut folded_at).await;
        }
        all_read
    }

    /// Offers each lane its part of a batch; returns the lanes that still wait for theirs.
    async fn offer(
        &self,
        lanes: &mut Lanes,
        (number, batch): (u64, &Batch),
        failed: &mut Option<StoreError>,
        folded_at: &mut Instant,
    ) -> Result<BTreeSet<usize>, StoreError> {
        let parts = lanes.cut(&self.store, batch).await?;
        let all = parts.iter().map(|(place, _)| *place).collect();
        let mut waiting = lanes.waiting.remove(&number).unwrap_or(all);
        for (place, part) in &parts {
            let is_waiting = waiting.contains(place);
            let Some(lane) = lanes.lanes.get_mut(*place).filter(|lane| is_waiting && lane.takes_part) else { continue };
            match self.while_folding(self.insert(lane, part), folded_at).await {
                Ok(()) => {
                    waiting.remove(place);
                    lanes.unsaved = Some(number);
                }
                Err(error) => {
                    lane.fail(self.store_failed(error));
                    *failed = Some(error);
                }
            }
        }
        if !lanes.is_one_waiting() {
            self.meters.ship.engine_up.set(1.0);
        }
        lanes.waiting.insert(number, waiting.clone());
        Ok(waiting)
    }

    /// Removes a segment that all lanes have, or leaves the rows in the spool that lanes still wait for.
    async fn settle(&self, lanes: &mut Lanes, segment: SegmentInfo, batch: &Batch) -> Result<(), SpoolError> {
        let number = segment.number;
        let waiting = lanes.waiting.get(&number).cloned().unwrap_or_default();
        if waiting.is_empty() {
            self.remove(number).await?;
            lanes.waiting.remove(&number);
        } else if lanes.unsaved == Some(number) {
            if !self.is_folded(number) {
                let report = self.folding(move |spool| fold(spool, &segment)).await?;
                self.meters.ship.folded.increment(1);
                self.meters.ship.quarantined.increment(report.damaged.saturating_sub(segment.damaged));
            }
            let rest = lanes.rest(batch, &waiting);
            self.folding(move |spool| spool.keep_rest(number, &rest)).await?;
        }
        lanes.unsaved = None;
        Ok(())
    }

    /// Batches are on their way: other collectors wait for them.
    async fn begin(&self, lane: &mut Lane, until: Timestamp) -> Result<(), StoreError> {
        lane.make_ready().await?;
        if self.store.protection() == Protection::Exact || self.ledger.sealed().is_empty() {
            return Ok(());
        }
        lane.releaser.announce(until).await
    }

    /// Everything up to `until` is in the database: releases due periods.
    async fn release(&self, lane: &Lane, until: Timestamp) -> Result<(), StoreError> {
        lane.releaser.shipped(until).await.inspect_err(|error| tracing::error!(%error, "release: failed; retrying"))
    }

    async fn insert(&self, lane: &Lane, batch: &Batch) -> Result<(), StoreError> {
        match self.store.protection() {
            Protection::Exact => lane.store.insert(batch).await?,
            Protection::Tens => lane.releaser.insert(batch, self.clock.now()).await?,
        }
        let of_visits = [batch.pages.len(), batch.breakdowns.len(), batch.actions.len(), batch.timings.len()];
        let rows = of_visits.into_iter().chain([batch.robots.len(), batch.outcomes.len()]);
        for (counter, rows) in self.meters.ship.flush_rows.iter().zip(rows) {
            counter.increment(rows as u64);
        }
        Ok(())
    }

    fn store_failed(&self, error: StoreError) -> StoreError {
        let ship = &self.meters.ship;
        match &error {
            StoreError::Retryable(_) => ship.store_retryable.increment(1),
            StoreError::Refused(_) => ship.store_refused.increment(1),
        }
        ship.engine_up.set(0.0);
        error
    }
}
