//! Counting what was logged elsewhere, exactly as live hits would have been counted at those times, with keys of its
//! own that are destroyed when the run ends. It needs the database only, not a running collector.
//!
//! The files are read twice: first to see which days they hold and what they are (a hash), so that a day already
//! imported is refused before anything is counted; then to count, in the order of time. The same files fold to the same
//! parts under the same tokens, so an import that was cut short is simply run again.

pub mod access_log;
mod count;
mod days;
pub mod events;
mod job;
mod json_log;
pub mod lines;
pub mod log_line;
mod order;
mod survey;

use std::sync::Arc;
use std::time::Duration;

use crate::import::count::ImportCounter;
use crate::import::days::DayPermit;
pub use crate::import::job::{ImportError, ImportFormat, ImportJob, Summary};
use crate::import::survey::ImportSurvey;
use jiff::Timestamp;

use crate::config::Config;
use crate::privacy::Anonymiser;
use crate::rollup::counters::Batch;
use crate::sites::Site;
use crate::store::{Store, StoreError};

/// Rows of a part: some 100 MB in memory.
pub const PART_ROWS: usize = 250_000;

/// Attempts to write one part before giving up, a second longer each time.
const ATTEMPTS_MAX: u32 = 6;

/// Runs an import to its end.
///
/// # Errors
/// See [`ImportError`]; nothing was written for those that speak of days or of reading.
pub async fn run(
    import: ImportJob,
    anonymiser: Anonymiser,
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<Summary, ImportError> {
    let import = Arc::new(import);
    let (surveyed, settings) = (import.clone(), settings(&import.site, config));
    let survey = tokio::task::spawn_blocking(move || ImportSurvey::of(&surveyed, &settings))
        .await
        .map_err(|_| ImportError::Stopped)??;
    if survey.files.is_empty() && survey.lines > 0 {
        return Err(ImportError::NothingUnderstood(survey.lines, import.format.name()));
    }
    let permit = DayPermit::ask(&import, &survey, store, now).await?;
    let (to_store, mut parts) = tokio::sync::mpsc::channel(1);
    let token = format!("import {} {}", permit.name, import.site.name);
    let counting = ImportCounter::new(import.clone(), permit.keep_from, anonymiser, &config.limits, token, to_store);
    let files = survey.files;
    let counting = tokio::task::spawn_blocking(move || counting.run(files));
    while let Some((part, batch)) = parts.recv().await {
        if !permit.has(part) {
            insert(store, &batch).await?;
            permit.has_now(part, &import, store).await?;
        }
    }
    let mut summary = counting.await.map_err(|_| ImportError::Stopped)??;
    summary.lines += survey.lines_left_out;
    summary.not_understood += survey.lines_left_out;
    permit.done(&import, store).await?;
    Ok(summary)
}

/// Writes one part; a database that is away for some seconds is waited for.
async fn insert(store: &Store, batch: &Batch) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        match store.insert(batch).await {
            Err(StoreError::Retryable(_)) if attempt < ATTEMPTS_MAX => {
                tokio::time::sleep(Duration::from_secs(attempt.into())).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// All of the configuration that decides what is counted: an import that was cut short goes on under the same only.
fn settings(site: &Site, config: &Config) -> String {
    let written = config.site.iter().find(|written| *written.name == *site.name);
    let settings = (env!("CARGO_PKG_VERSION"), written, &config.limits, &config.geo, &config.privacy);
    serde_json::to_string(&settings).unwrap_or_default()
}
