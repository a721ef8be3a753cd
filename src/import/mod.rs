//! Imports: counts logs exactly as live hits would have been counted at those times, with keys of its own. Needs only
//! the database, not a running collector.
//!
//! The files are read once, into memory, and counted in the order of their times, whatever the order of the lines;
//! files with more hits than fit in memory are read again for each further window of time. No line of a log ever goes
//! to a disk. Before anything is counted, the days are checked: a day already imported is refused. The same files fold
//! to the same parts under the same tokens, so an interrupted import is simply run again.

mod client_list;
mod count;
mod days;
mod drawn;
mod escapes;
pub mod events;
pub mod figures;
mod followed;
pub mod formats;
mod held;
mod job;
mod judge;
mod lines;
pub mod log_line;
mod log_time;
mod marks;
mod measured;
pub mod open_days;
mod page_path;
mod read_ahead;
mod ready_part;
mod session;
mod survey;
mod tally;
mod trial;
mod window;

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
pub use crate::import::job::{ImportError, ImportFormat, ImportJob, MEMORY_BYTES, PART_ROWS};
use crate::import::session::ImportSession;
pub use crate::import::tally::Summary;
pub use crate::import::trial::trial;
use crate::privacy::Anonymiser;
use crate::store::Store;

/// Runs an import until it completes.
///
/// # Errors
/// See [`ImportError`]; nothing was written for errors of days or of reading.
pub async fn run(
    import: ImportJob,
    anonymiser: Anonymiser,
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<Summary, ImportError> {
    ImportSession::begin(import, anonymiser, config, store, now)?.run().await
}

/// Follows files that grow and rotate until `stop`: every `pause`, new lines are counted.
///
/// # Errors
/// The same as those of [`run`]; also ends when the database is away longer than a part is retried.
pub async fn follow(
    import: ImportJob,
    anonymiser: Anonymiser,
    config: &Config,
    store: &Store,
    clock: &dyn Clock,
    pause: Duration,
    stop: CancellationToken,
) -> Result<Summary, ImportError> {
    ImportSession::begin(import, anonymiser, config, store, clock.now())?.follow(clock, pause, stop).await
}
