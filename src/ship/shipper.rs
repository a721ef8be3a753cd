//! The task that empties the spool: flushes at intervals and on request, folds segments while the database is
//! unreachable, and removes those that it holds. Must never remove a segment before its inserts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::clock::DAY_SECONDS;
use crate::clock::monotonic_now;
use crate::config::ClickHouseConfig;
use crate::ledger::Ledger;
use crate::observe::Meters;
use crate::priority;
use crate::release::Releaser;
use crate::ship::error::ShipError;
use crate::ship::fold::fold;
use crate::ship::lanes::{Lanes, RetryPause};
use crate::spool::{SET_ASIDE_SECONDS, SegmentInfo, Spool, SpoolError};
use crate::store::Store;

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
    /// How to reach each shard of a cluster.
    pub clickhouse: ClickHouseConfig,
}

/// A request to flush now; answered when the spool is empty or shipping failed.
pub type FlushRequest = oneshot::Sender<Result<(), ShipError>>;

/// State kept between attempts.
pub(super) struct RetryState {
    seal_at: Instant,
    /// After a failure of the spool, or while the shards are unknown.
    pub(super) retry: RetryPause,
    /// Opened once the database answers.
    pub(super) lanes: Option<Lanes>,
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
        let mut attempts = RetryState::new(monotonic_now() + self.every, self.pauses);
        loop {
            let next = attempts.again_at().map_or(attempts.seal_at, |again| again.min(attempts.seal_at));
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
        if now || attempts.again_at().is_none_or(|again| again <= started) || attempts.lanes.is_some() {
            shipped = self.attempt(attempts, (until, sealed), now).await;
        }
        if attempts.again_at().is_some() {
            attempts.seal_at = attempts.seal_at.max(started + FOLD_EVERY.max(self.every));
            self.fold_older_than(FOLD_SECONDS).await;
        } else {
            // The database is back: new events do not wait for the end of a long segment.
            attempts.seal_at = attempts.seal_at.min(started + self.every);
        }
        shipped
    }

    /// Runs `work`; whenever a minute has passed since `folded_at`, folds due segments.
    pub(super) async fn while_folding<T>(&self, work: impl Future<Output = T>, folded_at: &mut Instant) -> T {
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
    pub(super) fn is_folded(&self, number: u64) -> bool {
        self.ledger.spool().sealed().iter().any(|segment| segment.number == number && segment.folded)
    }

    pub(super) fn next_behind(&self, number: u64) -> Option<SegmentInfo> {
        self.ledger.sealed().into_iter().find(|segment| segment.number > number)
    }

    /// Removes a segment that the database holds.
    pub(super) async fn remove(&self, number: u64) -> Result<(), SpoolError> {
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

    /// Runs `work` on a thread with lower priority than the collecting threads, since folding takes a core for tens of
    /// milliseconds. Not on a pool's thread: a thread cannot raise its priority again.
    pub(super) async fn folding<T: Send + 'static>(
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
    fn new(seal_at: Instant, pauses: (Duration, Duration)) -> Self {
        Self { seal_at, retry: RetryPause::new(pauses), lanes: None }
    }

    /// Time of the next attempt after a failure; `None` while all inserts succeed.
    pub(super) fn again_at(&self) -> Option<Instant> {
        let lanes = self.lanes.iter().flat_map(|lanes| &lanes.lanes);
        lanes.filter_map(|lane| lane.retry.again_at).chain(self.retry.again_at).min()
    }
}

#[cfg(test)]
#[path = "shipper_tests.rs"]
mod tests;
