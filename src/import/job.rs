//! One import: its request, and why it may stop.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::DAY_SECONDS;
use crate::event::Day;
use crate::import::formats::custom::CustomFormat;
use crate::sites::Site;
use crate::store::StoreError;

/// What kind of lines the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// Access logs, see [`formats`](crate::import::formats).
    AccessLog,
    /// Native events, see [`events`](crate::import::events).
    Events,
}

impl ImportFormat {
    /// The word in the origin of what it brings.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::AccessLog => "access_log",
            Self::Events => "events",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AccessLog => "access logs (docs/import.md lists the formats; --format names another)",
            Self::Events => "events (one JSON object a line)",
        }
    }
}

/// One import.
#[derive(Clone)]
pub struct ImportJob {
    /// What kind of lines.
    pub format: ImportFormat,
    /// The format of an access log that none of the known ones is.
    pub log_format: Option<Arc<CustomFormat>>,
    /// The files, in any order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The site that they are counted for.
    pub site: Arc<Site>,
    /// Whole days that every time is moved by.
    pub shift_days: i64,
    /// Import days that were imported before.
    pub again: bool,
    /// Count the lines that no import before has counted, also of days that were imported.
    pub continued: bool,
    /// Go on reading files that grow and rotate; lines that have no end yet are left for later.
    pub follow: bool,
    /// Days before this one are past their retention.
    pub keep_from: Day,
    /// Rows after which a part is written, as [`PART_ROWS`].
    pub part_rows: usize,
    /// Bytes that hits may take in memory, as [`MEMORY_BYTES`].
    pub memory_bytes: usize,
    /// Show progress on the terminal.
    pub progress: bool,
}

/// Rows of a part: some 100 MB in memory.
pub const PART_ROWS: usize = 250_000;

/// Bytes of hits in memory: some six million pageviews.
pub const MEMORY_BYTES: usize = 512 << 20;

impl ImportJob {
    /// Of these files, with nothing special about it.
    pub fn new(format: ImportFormat, files: Vec<PathBuf>, site: Arc<Site>, keep_from: Day) -> Self {
        Self {
            format,
            log_format: None,
            files,
            site,
            shift_days: 0,
            again: false,
            continued: false,
            follow: false,
            keep_from,
            part_rows: PART_ROWS,
            memory_bytes: MEMORY_BYTES,
            progress: false,
        }
    }
}

/// Why an import did not happen, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// Days of these files are in the database already.
    #[error(
        "{0} of these days were imported before, the first of them {1}; `--continue` counts the lines that were not \
         counted, `--again` counts all once more"
    )]
    Again(usize, jiff::civil::Date),
    /// Another import of one of these days was cut short.
    #[error("an import of {0} was cut short; run it again with the same files, or use `--again` to count on top of it")]
    CutShort(jiff::civil::Date),
    /// The database did not take it.
    #[error("the database: {0}; run the same import again to go on where it stopped")]
    Store(#[from] StoreError),
    /// No line was understood.
    #[error("none of the {lines} lines is understood{first}; are these {expected}?")]
    NothingUnderstood {
        /// Lines read.
        lines: u64,
        /// Where the first is, and why.
        first: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The counting thread ended early.
    #[error("counting stopped unexpectedly")]
    Stopped,
}

impl ImportJob {
    /// A line's time as it is counted.
    pub(super) fn shifted(&self, time: Timestamp) -> Timestamp {
        let seconds = time.as_second().saturating_add(self.shift_days.saturating_mul(DAY_SECONDS));
        Timestamp::from_second(seconds).unwrap_or(time)
    }

    pub(super) fn day(&self, time: Timestamp) -> Day {
        self.site.day(self.shifted(time))
    }
}
