//! Counting what was logged elsewhere, exactly as live hits would have been counted at those times, with keys of its
//! own that are destroyed when the run ends. It needs the database only, not a running collector.
//!
//! The files are read twice: first to see which days they hold and what they are (a hash), so that a day already
//! imported is refused before anything is counted; then to count. The same files fold to the same batches under the
//! same tokens, so an import that was cut short is simply run again.

pub mod access_log;
mod count;
pub mod events;
pub mod lines;
mod survey;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use count::Counting;
use jiff::Timestamp;
use survey::Survey;

use crate::config::Limits;
use crate::privacy::Anonymiser;
use crate::privacy::event::Day;
use crate::sites::Site;
use crate::store::rows::ImportsRow;
use crate::store::{Store, StoreError};

/// What kind of lines the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Access logs, see [`access_log`].
    AccessLog,
    /// Native events, see [`events`].
    Events,
}

/// One import.
pub struct Import {
    /// What kind of lines.
    pub format: Format,
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
    /// Show progress on the terminal.
    pub progress: bool,
}

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

/// Attempts to write one batch before giving up, a second longer each time.
const ATTEMPTS_MAX: u32 = 6;

/// Runs an import to its end.
///
/// # Errors
/// See [`ImportError`]; nothing was written for those that speak of days or of reading.
pub async fn run(
    import: Import,
    anonymiser: Anonymiser,
    limits: &Limits,
    store: &Store,
    now: Timestamp,
) -> Result<Summary, ImportError> {
    let import = Arc::new(import);
    let surveyed = import.clone();
    let survey =
        tokio::task::spawn_blocking(move || Survey::of(&surveyed)).await.map_err(|_| ImportError::Stopped)??;
    if survey.understood == 0 && survey.lines > 0 {
        let what = match import.format {
            Format::AccessLog => "access logs (combined, common or JSON)",
            Format::Events => "events (one JSON object a line)",
        };
        return Err(ImportError::NothingUnderstood(survey.lines, what));
    }
    let source = allowed(&import, &survey, store, now).await?;
    note(&import, &survey, store, &format!("begun {source}")).await?;
    let (to_store, mut batches) = tokio::sync::mpsc::channel(1);
    let counting = Counting::new(import.clone(), survey.files.clone(), anonymiser, limits, source.clone(), to_store);
    let counting = tokio::task::spawn_blocking(move || counting.run());
    while let Some(batch) = batches.recv().await {
        let mut attempt = 1;
        while let Err(error) = store.insert(&batch).await {
            if attempt == ATTEMPTS_MAX || matches!(error, StoreError::Refused(_)) {
                return Err(error.into());
            }
            tokio::time::sleep(Duration::from_secs(attempt.into())).await;
            attempt += 1;
        }
    }
    let summary = counting.await.map_err(|_| ImportError::Stopped)??;
    note(&import, &survey, store, &format!("done {source}")).await?;
    Ok(summary)
}

/// The name of this import, if its days may be imported: for the same files the same name, but for `--again`.
async fn allowed(import: &Import, survey: &Survey, store: &Store, now: Timestamp) -> Result<String, ImportError> {
    if import.again {
        return Ok(format!("{}-{}", survey.hash, now.as_millisecond()));
    }
    let known = store.imported_days(&import.site.name).await?;
    let before: Vec<&Day> = survey.days.iter().filter(|day| known.contains_key(&day.0)).collect();
    let sources = |day: &&&Day| known.get(&day.0).map(Vec::as_slice).unwrap_or_default();
    let done: Vec<&&Day> = before.iter().filter(|day| sources(day).iter().any(|by| by.starts_with("done"))).collect();
    if let Some(first) = done.first() {
        return Err(ImportError::Again(done.len(), date(***first)));
    }
    let begun = format!("begun {}", survey.hash);
    match before.iter().find(|day| sources(day).iter().any(|by| *by != begun)) {
        Some(day) => Err(ImportError::CutShort(date(**day))),
        None => Ok(survey.hash.clone()),
    }
}

async fn note(import: &Import, survey: &Survey, store: &Store, source: &str) -> Result<(), StoreError> {
    let row = |day: &Day| ImportsRow { site: import.site.name.clone(), day: day.0, source: source.into() };
    let rows: Vec<ImportsRow> = survey.days.iter().map(row).collect();
    store.record_import(&format!("import-{source}-{}", import.site.name), &rows).await
}

fn date(day: Day) -> jiff::civil::Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(i64::from(day.0))).unwrap_or(epoch)
}
