//! From a sealed segment to the database: folded into one batch, inserted with the segment's own token, deleted. A
//! crash anywhere in between replays the same batch under the same token, which the database drops the second time.
//! Nothing here ever sees a hit.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::observe::Meters;
use crate::rollup::Rollup;
use crate::spool::{SegmentInfo, Spool, SpoolError};
use crate::store::rows::Batch;
use crate::store::{Store, StoreError};

/// First and longest pause after a failed insert.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

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
pub struct Ship {
    /// Holds the spool.
    pub ledger: Arc<Ledger>,
    /// Where rows go.
    pub store: Arc<Store>,
    /// Where figures about this go.
    pub meters: Arc<Meters>,
    /// Between flushes.
    pub every: Duration,
}

/// A wish to flush now; answered when the spool was emptied or could not be.
pub type FlushRequest = oneshot::Sender<Result<(), ShipError>>;

impl Ship {
    /// Flushes at every interval and on request, until `shutdown`; then once more.
    pub async fn run(self, mut requests: mpsc::Receiver<FlushRequest>, shutdown: CancellationToken) {
        let mut next = Instant::now() + self.every;
        let mut pause = PAUSES.0;
        loop {
            let request = tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep_until(next) => None,
                request = requests.recv() => request,
            };
            let flushed = self.flush().await;
            match &flushed {
                Ok(()) => {
                    pause = PAUSES.0;
                    next = Instant::now() + self.every;
                }
                Err(error) => {
                    tracing::error!(%error, pause_seconds = pause.as_secs_f64(), "segments wait");
                    next = Instant::now() + pause;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
            if let Some(request) = request {
                // Whoever asked may have stopped waiting.
                request.send(flushed).ok();
            }
        }
        if let Err(error) = self.flush().await {
            tracing::warn!(%error, "stopping; segments wait in the spool for the next start");
        }
    }

    /// Seals what has gathered and ships every sealed segment, oldest first.
    async fn flush(&self) -> Result<(), ShipError> {
        let spool = self.ledger.spool();
        // A spool that cannot seal now may still hold sealed segments.
        spool.seal().await.ok();
        for segment in self.ledger.sealed() {
            let started = Instant::now();
            let batch = fold(spool, &segment, &self.meters)?;
            self.insert(&batch).await?;
            self.ledger.remove(segment.number)?;
            self.meters.ship.flush_seconds.record(started.elapsed());
        }
        Ok(())
    }

    async fn insert(&self, batch: &Batch) -> Result<(), ShipError> {
        let ship = &self.meters.ship;
        if let Err(error) = self.store.insert(batch).await {
            match &error {
                StoreError::Retryable(_) => ship.store_retryable.increment(1),
                StoreError::Refused(_) => ship.store_refused.increment(1),
            }
            ship.engine_up.set(0.0);
            return Err(error.into());
        }
        ship.engine_up.set(1.0);
        let rows = [batch.pages.len(), batch.breakdowns.len(), batch.actions.len(), batch.timings.len()];
        for (counter, rows) in ship.flush_rows.iter().zip(rows) {
            counter.increment(rows as u64);
        }
        Ok(())
    }
}

/// A segment's one and only batch.
fn fold(spool: &Spool, segment: &SegmentInfo, meters: &Meters) -> Result<Batch, ShipError> {
    let mut rollup = Rollup::default();
    let report = spool.read(segment)?.for_each(|event| rollup.add(event)).map_err(SpoolError::from)?;
    meters.ship.quarantined.increment(report.damaged);
    Ok(rollup.finish(spool.token(segment.number)))
}
