//! From a sealed segment to the database: folded into one batch, inserted with the segment's own token, deleted. A
//! crash anywhere in between replays the same batch under the same token, which the database drops the second time.
//! Nothing here ever sees a hit.
//!
//! While the database is away, what is older than a minute is folded on disk: hours of waiting cost counters, and no
//! event lies there for longer than a few minutes. Everything is shipped oldest first, and nothing before what was
//! offered last is surely gone from the spool: the database remembers the last ten thousand tokens only. The one
//! exception is what the disk cannot read; it stays where it is, the rest goes by.

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

/// First and longest pause after a failed insert. One that was refused waits for somebody to mend something: it is
/// tried again at the longest.
pub const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));
/// Events that are older than this when the database is away are folded. While it is, segments are this long.
const FOLD_SECONDS: u64 = 60;
const FOLD_EVERY: Duration = Duration::from_secs(FOLD_SECONDS);
/// So far folding is below hits: a tenth of their time, where both want a core.
const FOLD_BELOW: i32 = 10;
/// How long stopping waits for a database that does not answer: half of what a supervisor commonly grants.
const STOP_MAX: Duration = Duration::from_secs(15);

/// Why a flush stopped before the spool was empty. The segments wait.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The spool cannot be read or sealed.
    #[error("the spool: {0}")]
    Spool(#[from] SpoolError),
    /// The database does not take the rows.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
}

/// What empties the spool.
pub struct Shipper {
    /// Holds the spool.
    pub ledger: Arc<Ledger>,
    /// Where rows go.
    pub store: Arc<Store>,
    /// Releases what is due once everything is shipped.
    pub releaser: Arc<Releaser>,
    /// Where figures about this go.
    pub meters: Arc<Meters>,
    /// How old an event is.
    pub clock: Arc<dyn Clock>,
    /// Between flushes.
    pub every: Duration,
    /// First and longest pause after a failed insert; [`PAUSES`] but for tests that count attempts.
    pub pauses: (Duration, Duration),
}

/// A wish to flush now; answered when the spool was emptied or could not be.
pub type FlushRequest = oneshot::Sender<Result<(), ShipError>>;

/// What is remembered from one attempt to the next.
struct RetryState {
    seal_at: Instant,
    /// When the database is tried again; nothing while it takes what it is given.
    again_at: Option<Instant>,
    /// Of [`Shipper::pauses`].
    pauses: (Duration, Duration),
    pause: Duration,
    /// Number of a segment that the database has and that could not be removed.
    inserted: Option<u64>,
}

impl Shipper {
    /// Flushes at every interval and on request, until `shutdown`; then once more. What cannot be shipped then is
    /// folded, however young: nobody knows when the next start will be.
    pub async fn run(self, requests: mpsc::Receiver<FlushRequest>, shutdown: CancellationToken) {
        let give_up = async {
            shutdown.cancelled().await;
            tokio::time::sleep(STOP_MAX).await;
        };
        tokio::select! {
            () = self.serve(requests, &shutdown) => {}
            () = give_up => tracing::warn!("ship: stopping while the database does not answer"),
        }
        self.fold_older_than(0).await;
    }

    /// Does what does not take a database, while `reached` waits for one. What a crash left behind is folded at once.
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
                // Whoever asked may have stopped waiting.
                request.send(flushed).ok();
            }
            self.forget_set_aside().await;
        }
        if self.flush(&mut attempts, true).await.is_err() {
            tracing::warn!("ship: stopping; segments wait in the spool for the next start");
        }
    }

    /// Does what is due: seals, ships, and folds what could not be shipped.
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
                // What cannot be read is not waited for.
                shipped = self.release(until).await.map_err(ShipError::from).and(shipped);
            }
            attempts.note(&shipped);
        }
        if attempts.again_at.is_some() {
            attempts.seal_at = attempts.seal_at.max(started + FOLD_EVERY.max(self.every));
            self.fold_older_than(FOLD_SECONDS).await;
        } else {
            // The database is back: what came in meanwhile does not wait for the end of a long segment.
            attempts.seal_at = attempts.seal_at.min(started + self.every);
        }
        shipped
    }

    /// Ships every sealed segment, oldest first. Where there are many of them, from hours of waiting, what comes in
    /// meanwhile is folded as it would have been.
    ///
    /// While an insert takes long, so that nobody knows yet whether the database is away, the same is done.
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

    /// Does `work`, and whenever a minute has passed since `folded_at` folds what is due.
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

    /// Whether it waits as counters now: whoever folded it has counted what was damaged.
    fn is_folded(&self, number: u64) -> bool {
        self.ledger.spool().sealed().iter().any(|segment| segment.number == number && segment.folded)
    }

    fn next_behind(&self, number: u64) -> Option<SegmentInfo> {
        self.ledger.sealed().into_iter().find(|segment| segment.number > number)
    }

    /// Removes a segment that the database has.
    async fn remove(&self, number: u64) -> Result<(), SpoolError> {
        self.blocking(move |ledger| {
            // One that is not listed any more is gone, as far as can be told before a crash.
            let listed = ledger.spool().sealed().iter().any(|segment| segment.number == number);
            if listed { ledger.remove(number) } else { Ok(()) }
        })
        .await
    }

    /// Folds what is older than `seconds`, one segment at a time. A clock that was set back makes a segment no younger.
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
                    "spool: quarantined files removed after their time"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "spool: quarantine not listed"),
        }
    }

    /// Batches are on their way: other collectors wait for them.
    async fn begin(&self, until: Timestamp) -> Result<(), ShipError> {
        if self.store.protection() == Protection::Exact || self.ledger.sealed().is_empty() {
            return Ok(());
        }
        self.releaser.begin(until).await.map_err(|error| self.store_failed(error))
    }

    /// Everything until `until` is in the database: what is due is released.
    async fn release(&self, until: Timestamp) -> Result<(), StoreError> {
        self.releaser.shipped(until).await.inspect_err(|error| tracing::error!(%error, "release failed; retrying"))
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

    /// Folds on a thread that gives way to those that take hits: one of two cores is soon needed for tens of
    /// milliseconds. It cannot be one of a pool, since a thread may not take its priority back.
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
            // Whoever asked may have stopped waiting.
            answer.send(work(ledger.spool())).ok();
        })?;
        done.await.unwrap_or_else(|_| Err(std::io::Error::other("a panic while folding").into()))
    }

    /// Works on the spool where it holds up no one.
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

/// The pause, a quarter more or less: many collectors of one database do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [128];
    if getrandom::fill(&mut byte).is_err() {
        return pause;
    }
    pause * (384 + u32::from(byte[0])) / 512
}

/// A segment's one and only batch, from its events or as it was folded before.
pub(crate) fn rows_of(spool: &Spool, segment: &SegmentInfo) -> Result<(Batch, ReadReport), SpoolError> {
    if segment.folded {
        return Ok((spool.batch(segment)?, ReadReport::default()));
    }
    let mut rollup = Rollup::default();
    // Damage that cannot be copied to quarantine is nowhere else: the segment is not to be removed.
    let report = spool.read(segment)?.for_each(|event| rollup.add(event))?;
    Ok((rollup.finish(spool.token(segment.number)), report))
}

/// Puts its counters in a segment's place.
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
