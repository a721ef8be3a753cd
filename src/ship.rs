//! Shipping: a sealed segment is folded into one batch, inserted under the segment's own token, then deleted. After a
//! crash at any point the same batch is sent again under the same token, and the database drops the duplicate. Nothing
//! here ever sees a hit.
//!
//! While the database is unreachable, segments older than a minute are folded on disk: waiting hours cost counters, and
//! no event stays on disk for more than a few minutes. Segments ship oldest first, and the next only after the previous
//! one is surely removed from the spool: the database remembers only the last ten thousand tokens. The one exception is
//! an unreadable segment: it stays, and later ones pass it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::clock::DAY_SECONDS;
use crate::clock::monotonic_now;
use crate::config::Protection;
use crate::ledger::Ledger;
use crate::observe::Meters;
use crate::priority;
use crate::release::Releaser;
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::spool::{ReadReport, SET_ASIDE_SECONDS, SegmentInfo, Spool, SpoolError};
use crate::store::{Store, StoreError};

/// First and longest pause after a failed insert. A rejected insert waits for the operator and is retried at the
/// longest pause.
pub const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));
/// While the database is unreachable: seconds after which events are folded, and the length of a segment.
const FOLD_SECONDS: u64 = 60;
const FOLD_EVERY: Duration = Duration::from_secs(FOLD_SECONDS);
/// Priority steps that folding runs below hits: a tenth of their time where both want a core.
const FOLD_BELOW: i32 = 10;
/// Longest wait on shutdown for a database that does not answer: half of a supervisor's usual grace period.
const STOP_MAX: Duration = Duration::from_secs(15);

/// Reason why a flush stopped before the spool was empty. The segments stay in the spool.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// A segment cannot be read or sealed.
    #[error("the spool: {0}")]
    Spool(#[from] SpoolError),
    /// The database rejected or interrupted an insert.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
}

/// The task that empties the spool.
pub struct Shipper {
    /// Ledger that owns the spool.
    pub ledger: Arc<Ledger>,
    /// Database that receives the rows.
    pub store: Arc<Store>,
    /// Releases due periods once everything is shipped.
    pub releaser: Arc<Releaser>,
    /// Counters and gauges of shipping.
    pub meters: Arc<Meters>,
    /// Time source for the age of events.
    pub clock: Arc<dyn Clock>,
    /// Interval between two flushes.
    pub every: Duration,
    /// First and longest pause after a failed insert: [`PAUSES`], except in tests.
    pub pauses: (Duration, Duration),
}

/// A request to flush now; answered when the spool is empty or shipping failed.
pub type FlushRequest = oneshot::Sender<Result<(), ShipError>>;

/// State kept between attempts.
struct RetryState {
    seal_at: Instant,
    /// Time of the next attempt after a failure; `None` while inserts succeed.
    again_at: Option<Instant>,
    /// First and longest pause after a failed insert, from [`Shipper::pauses`].
    pauses: (Duration, Duration),
    pause: Duration,
    /// Number of a segment that was inserted but not yet removed.
    inserted: Option<u64>,
}

impl Shipper {
    /// Flushes at every interval and on request until `shutdown`, then once more. Remaining segments of any age are
    /// then folded, since the time of the next start is unknown.
    pub async fn run(self, requests: mpsc::Receiver<FlushRequest>, shutdown: CancellationToken) {
        let give_up = async {
            shutdown.cancelled().await;
            tokio::time::sleep(STOP_MAX).await;
        };
        tokio::select! {
            () = self.serve(requests, &shutdown) => {}
            () = give_up => tracing::warn!("ship: stopping while the database is unavailable"),
        }
        self.fold_older_than(0).await;
    }

    /// Folds and expires segments while `reached` waits for the database. Segments that a crash left are folded at
    /// once.
    pub async fn wait_for<T>(&self, reached: impl Future<Output = T>) -> T {
        let mut reached = std::pin::pin!(reached);
        loop {
            self.fold_older_than(FOLD_SECONDS).await;
            self.forget_set_aside().await;
            tokio::select! {
                reached = &mut reached => return reached,
                () = tokio::time::sleep(FOLD_EVERY) => self.ledger.seal().await.unwrap_or_default(),
            }
        }
    }

    async fn serve(&self, mut requests: mpsc::Receiver<FlushRequest>, shutdown: &CancellationToken) {
        let mut attempts = RetryState {
            seal_at: monotonic_now() + self.every,
            again_at: None,
            pauses: self.pauses,
            pause: self.pauses.0,
            inserted: None,
        };
        loop {
            let next = attempts.again_at.map_or(attempts.seal_at, |again| again.min(attempts.seal_at));
            let request = tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep_until(next) => None,
                Some(request) = requests.recv() => Some(request),
            };
            let flushed = self.flush(&mut attempts, request.is_some()).await;
            if let Some(request) = request {
                // The requester may have stopped waiting.
                request.send(flushed).ok();
            }
            self.forget_set_aside().await;
        }
        if self.flush(&mut attempts, true).await.is_err() {
            tracing::warn!("ship: stopping; segments wait in the spool for the next start");
        }
    }

    /// Seals and ships if due, and folds segments that could not be shipped.
    async fn flush(&self, attempts: &mut RetryState, now: bool) -> Result<(), ShipError> {
        let started = monotonic_now();
        let (mut sealed, until) = (false, self.clock.now());
        if now || attempts.seal_at <= started {
            // A spool that cannot seal now may still hold sealed segments.
            sealed = self.ledger.seal().await.is_ok();
            attempts.seal_at = started + self.every;
        }
        let mut shipped = Ok(());
        if now || attempts.again_at.is_none_or(|again| again <= started) {
            shipped = match self.begin(until).await {
                Ok(()) => self.ship(&mut attempts.inserted).await,
                Err(error) => Err(error),
            };
            if sealed && !matches!(shipped, Err(ShipError::Store(_))) {
                // Unreadable segments do not delay the release.
                shipped = self.release(until).await.map_err(ShipError::from).and(shipped);
            }
            attempts.note(&shipped);
        }
        if attempts.again_at.is_some() {
            attempts.seal_at = attempts.seal_at.max(started + FOLD_EVERY.max(self.every));
            self.fold_older_than(FOLD_SECONDS).await;
        } else {
            // The database is back: new events do not wait for the end of a long segment.
            attempts.seal_at = attempts.seal_at.min(started + self.every);
        }
        shipped
    }

    /// Ships every sealed segment, oldest first. With a long backlog, new segments are folded meanwhile after their
    /// minute.
    ///
    /// The same happens during a slow insert, while it is unknown whether the database is unreachable.
    async fn ship(&self, inserted: &mut Option<u64>) -> Result<(), ShipError> {
        let mut all_read = Ok(());
        if let Some(number) = *inserted {
            self.remove(number).await?;
            *inserted = None;
        }
        let (mut behind, mut folded_at) = (0, monotonic_now());
        while let Some(segment) = self.next_behind(behind) {
            behind = segment.number;
            let started = monotonic_now();
            let (batch, report) = match self.folding(move |spool| rows_of(spool, &segment)).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::error!(%error, number = segment.number, "ship: segment not shipped");
                    self.meters.ship.quarantined.increment(u64::from(matches!(error, SpoolError::Damaged(_))));
                    all_read = Err(error.into());
                    continue;
                }
            };
            self.while_folding(self.insert(&batch), &mut folded_at).await?;
            *inserted = Some(segment.number);
            if !self.is_folded(segment.number) {
                self.meters.ship.quarantined.increment(report.damaged.saturating_sub(segment.damaged));
            }
            self.remove(segment.number).await?;
            *inserted = None;
            self.meters.ship.flush_seconds.record(started.elapsed());
            self.while_folding(std::future::ready(()), &mut folded_at).await;
        }
        all_read
    }

    /// Runs `work`; whenever a minute has passed since `folded_at`, folds due segments.
    async fn while_folding<T>(&self, work: impl Future<Output = T>, folded_at: &mut Instant) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(*folded_at + FOLD_EVERY) => {}
                done = &mut work => return done,
            }
            self.ledger.seal().await.ok();
            self.fold_older_than(FOLD_SECONDS).await;
            *folded_at = monotonic_now();
        }
    }

    /// Whether the segment has been folded; its damaged parts were then counted by the fold.
    fn is_folded(&self, number: u64) -> bool {
        self.ledger.spool().sealed().iter().any(|segment| segment.number == number && segment.folded)
    }

    fn next_behind(&self, number: u64) -> Option<SegmentInfo> {
        self.ledger.sealed().into_iter().find(|segment| segment.number > number)
    }

    /// Removes a segment that the database holds.
    async fn remove(&self, number: u64) -> Result<(), SpoolError> {
        self.blocking(move |ledger| {
            // A segment that is not listed is already removed.
            let listed = ledger.spool().sealed().iter().any(|segment| segment.number == number);
            if listed { ledger.remove(number) } else { Ok(()) }
        })
        .await
    }

    /// Folds segments older than `seconds`, one at a time. A clock that was set back does not make a segment younger.
    async fn fold_older_than(&self, seconds: u64) {
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        let due = |segment: &SegmentInfo| !segment.folded && now.abs_diff(segment.since) >= seconds;
        for segment in self.ledger.sealed().into_iter().filter(due) {
            match self.folding(move |spool| fold(spool, &segment)).await {
                Ok(report) => {
                    self.meters.ship.folded.increment(1);
                    self.meters.ship.quarantined.increment(report.damaged.saturating_sub(segment.damaged));
                }
                Err(error) => {
                    tracing::error!(%error, number = segment.number, "ship: segment not folded; events kept");
                }
            }
        }
    }

    async fn forget_set_aside(&self) {
        let now = self.clock.now();
        let found = self.blocking(move |ledger| Ok(ledger.spool().forget_set_aside(now)?)).await;
        match found {
            Ok(found) if found.forgotten > 0 => {
                self.meters.ship.set_aside_forgotten.increment(found.forgotten);
                tracing::warn!(
                    files = found.forgotten,
                    days = SET_ASIDE_SECONDS / DAY_SECONDS.unsigned_abs(),
                    "spool: expired quarantined files removed"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "spool: listing quarantine failed"),
        }
    }

    /// Batches are on their way: other collectors wait for them.
    async fn begin(&self, until: Timestamp) -> Result<(), ShipError> {
        if self.store.protection() == Protection::Exact || self.ledger.sealed().is_empty() {
            return Ok(());
        }
        self.releaser.begin(until).await.map_err(|error| self.store_failed(error))
    }

    /// Everything up to `until` is in the database: releases due periods.
    async fn release(&self, until: Timestamp) -> Result<(), StoreError> {
        self.releaser.shipped(until).await.inspect_err(|error| tracing::error!(%error, "release: failed; retrying"))
    }

    async fn insert(&self, batch: &Batch) -> Result<(), ShipError> {
        let ship = &self.meters.ship;
        let inserted = match self.store.protection() {
            Protection::Exact => self.store.insert(batch).await,
            Protection::Tens => self.releaser.insert(batch, self.clock.now()).await,
        };
        inserted.map_err(|error| self.store_failed(error))?;
        ship.engine_up.set(1.0);
        let of_visits = [batch.pages.len(), batch.breakdowns.len(), batch.actions.len(), batch.timings.len()];
        let rows = of_visits.into_iter().chain([batch.robots.len(), batch.outcomes.len()]);
        for (counter, rows) in ship.flush_rows.iter().zip(rows) {
            counter.increment(rows as u64);
        }
        Ok(())
    }

    fn store_failed(&self, error: StoreError) -> ShipError {
        let ship = &self.meters.ship;
        match &error {
            StoreError::Retryable(_) => ship.store_retryable.increment(1),
            StoreError::Refused(_) => ship.store_refused.increment(1),
        }
        ship.engine_up.set(0.0);
        error.into()
    }

    /// Runs `work` on a thread with lower priority than the collecting threads, since folding takes a core for tens of
    /// milliseconds. Not on a pool's thread: a thread cannot raise its priority again.
    async fn folding<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Spool) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let ledger = self.ledger.clone();
        let (answer, done) = oneshot::channel();
        std::thread::Builder::new().name("fold".into()).spawn(move || {
            if let Err(error) = priority::lower(None, FOLD_BELOW) {
                tracing::debug!(kind = ?error.kind(), "ship: fold thread priority not lowered");
            }
            // The requester may have stopped waiting.
            answer.send(work(ledger.spool())).ok();
        })?;
        done.await.unwrap_or_else(|_| Err(std::io::Error::other("a panic while folding").into()))
    }

    /// Runs blocking spool work on the blocking pool.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let ledger = self.ledger.clone();
        let done = tokio::task::spawn_blocking(move || work(&ledger)).await;
        done.unwrap_or_else(|_| Err(std::io::Error::other("a panic while reading it").into()))
    }
}

impl RetryState {
    fn note(&mut self, shipped: &Result<(), ShipError>) {
        let pause = match shipped {
            Ok(()) => {
                (self.again_at, self.pause) = (None, self.pauses.0);
                return;
            }
            Err(error @ ShipError::Store(StoreError::Refused(_))) => {
                tracing::error!(%error, "ship: database rejected a batch; segments wait until the cause is removed");
                self.pauses.1
            }
            Err(error) => {
                let pause = jittered(self.pause);
                tracing::warn!(%error, pause_seconds = pause.as_secs_f64(), "ship: insert failed; segments wait");
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

/// A segment's only batch, made of its events or of its folded counters.
pub(crate) fn rows_of(spool: &Spool, segment: &SegmentInfo) -> Result<(Batch, ReadReport), SpoolError> {
    if segment.folded {
        return Ok((spool.batch(segment)?, ReadReport::default()));
    }
    let mut rollup = Rollup::default();
    // Damage that cannot be copied to quarantine exists nowhere else: the segment must not be removed.
    let report = spool.read(segment)?.for_each(|event| rollup.add(event))?;
    Ok((rollup.finish(spool.token(segment.number)), report))
}

/// Replaces a segment's events by its counters.
pub(crate) fn fold(spool: &Spool, segment: &SegmentInfo) -> Result<ReadReport, SpoolError> {
    let reader = spool.read(segment)?;
    let mut rollup = Rollup::default();
    let report = reader.for_each(|event| rollup.add(event))?;
    spool.fold(&reader, report.events, &rollup.finish(String::new()))?;
    Ok(report)
}

#[cfg(test)]
#[path = "ship_tests.rs"]
mod tests;
