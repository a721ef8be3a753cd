//! Housekeeping: once a second it drops expired visits, tags and keys and sets the gauges; once an hour it removes
//! expired files of imports from the runtime folder. Must neither count nor ship.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, HOUR_SECONDS};
use crate::import::open_days::forget_old_days;
use crate::ledger::Ledger;
use crate::observe::Meters;
use crate::privacy::Anonymiser;

const EVERY: Duration = Duration::from_secs(1);

/// The housekeeping task with references to the state that it tends.
pub struct Maintenance {
    /// Owner of visits, journal and spool.
    pub ledger: Arc<Ledger>,
    /// Owner of day keys and location files.
    pub anonymiser: Arc<Anonymiser>,
    /// Gauges that are set every second.
    pub meters: Arc<Meters>,
    /// Source of the time of day.
    pub clock: Arc<dyn Clock>,
    /// Whether the embedded engine answers; `None` for a remote database, where inserts show it.
    pub engine_up: Option<watch::Receiver<bool>>,
    /// Folder in memory, where imports with `--continue` keep their open days for two days.
    pub runtime_dir: PathBuf,
}

impl Maintenance {
    /// Runs once a second until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hour_looked = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => self.tidy(),
            }
            let now = self.clock.now();
            let hour = now.as_second().div_euclid(HOUR_SECONDS);
            if hour_looked.replace(hour) != Some(hour) {
                let folder = self.runtime_dir.clone();
                tokio::task::spawn_blocking(move || forget_old_days(&folder, now)).await.ok();
            }
        }
    }

    fn tidy(&self) {
        let now = self.clock.now();
        let (tags, visits, rows) = self.ledger.forget_past(now);
        self.anonymiser.destroy_past_keys(now);
        self.meters.tidy();
        self.meters.hits.arrivals.advance(now.as_second());
        let (gauges, spool) = (&self.meters.ship, self.ledger.spool());
        gauges.tags.set(float(tags as u64));
        gauges.visits_active.set(float(visits as u64));
        gauges.rows.set(float(rows as u64));
        gauges.spool_bytes.set(float(spool.bytes()));
        gauges.spool_segments.set(float(spool.segments() as u64));
        gauges.spool_oldest_seconds.set(float(spool.oldest_seconds(now)));
        if let Some(age) = self.anonymiser.places().age_seconds(now) {
            gauges.geo_age_seconds.set(float(age));
        }
        if let Some(up) = &self.engine_up {
            gauges.engine_up.set(if *up.borrow() { 1.0 } else { 0.0 });
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floats; 2^53 of anything here is out of reach")]
fn float(number: u64) -> f64 {
    number as f64
}
