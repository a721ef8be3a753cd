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
mod json_log;
pub mod lines;
mod order;
mod survey;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::import::count::ImportCounter;
use crate::import::days::DayPermit;
use crate::import::survey::ImportSurvey;
use jiff::Timestamp;

use crate::config::Config;
use crate::event::Day;
use crate::privacy::Anonymiser;
use crate::rollup::counters::Batch;
use crate::sites::Site;
use crate::store::{Store, StoreError};

/// What kind of lines the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// Access logs, see [`access_log`].
    AccessLog,
    /// Native events, see [`events`].
    Events,
}

impl ImportFormat {
    fn name(self) -> &'static str {
        match self {
            Self::AccessLog => "access logs (combined, common or JSON)",
            Self::Events => "events (one JSON object a line)",
        }
    }
}

/// One import.
pub struct ImportJob {
    /// What kind of lines.
    pub format: ImportFormat,
    /// The files, in any order.
    pub files: Vec<PathBuf>,
    /// The site that they are counted for.
    pub site: Arc<Site>,
    /// Whole days that every time is moved by.
    pub shift_days: i64,
    /// Import days that were imported before.
    pub again: bool,
    /// Days before this one are past their retention.
    pub keep_from: Day,
    /// Rows after which a part is written, as [`PART_ROWS`].
    pub part_rows: usize,
    /// Show progress on the terminal.
    pub progress: bool,
}

/// Rows of a part: some 100 MB in memory.
pub const PART_ROWS: usize = 250_000;

/// Why an import did not happen, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// Days of these files are in the database already.
    #[error("{0} of these days were imported before, the first of them {1}; `--again` counts them once more")]
    Again(usize, jiff::civil::Date),
    /// Another import of one of these days was cut short.
    #[error("an import of {0} was cut short; run it again with the same files, or use `--again` to count on top of it")]
    CutShort(jiff::civil::Date),
    /// The database did not take it.
    #[error("the database: {0}; run the same import again to go on where it stopped")]
    Store(#[from] StoreError),
    /// No line was understood.
    #[error("none of the {0} lines is understood; are these {1}?")]
    NothingUnderstood(u64, &'static str),
    /// The counting thread ended early.
    #[error("counting stopped unexpectedly")]
    Stopped,
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines read.
    pub lines: u64,
    /// Lines that are no line of such a file.
    pub not_understood: u64,
    /// Requests that show no page: assets, other methods, other statuses.
    pub not_pages: u64,
    /// Lines before the retention.
    pub too_old: u64,
    /// Hits of robots.
    pub bots: u64,
    /// Hits left out for another reason: objection, exclusion, a malformed address of a page.
    pub left_out: u64,
    /// Pageviews counted.
    pub pageviews: u64,
    /// Among them, pages that were not found.
    pub not_found: u64,
    /// Actions, engagements and timings counted.
    pub others: u64,
    /// Daily visitors.
    pub visitors: u64,
    /// Visits.
    pub visits: u64,
    /// Visits that saw one page and did nothing there.
    pub bounces: i64,
    /// Counter rows written.
    pub rows: u64,
    /// Site-local days with anything counted.
    pub days: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>10} lines read", self.lines)?;
        for (number, what) in [
            (self.pageviews, "pageviews counted"),
            (self.not_found, "of them on pages that were not found"),
            (self.others, "actions and engagements counted"),
            (self.visitors, "daily visitors"),
            (self.visits, "visits"),
            (self.bounces.unsigned_abs(), "of them bounces"),
            (self.days, "days"),
            (self.bots, "hits of robots, not counted"),
            (self.not_pages, "requests for no page (images, styles, redirects, errors …)"),
            (self.left_out, "hits left out (excluded, objected to, or on no page of a site)"),
            (self.too_old, "lines older than the retention, not kept"),
            (self.not_understood, "lines not understood"),
        ] {
            if number > 0 {
                writeln!(f, "{number:>10} {what}")?;
            }
        }
        write!(f, "{:>10} counter rows written", self.rows)
    }
}

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
