//! One import: its options, and its errors.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::DAY_SECONDS;
use crate::event::Day;
use crate::import::formats::LogReader;
use crate::sites::Site;
use crate::store::StoreError;

/// Kind of lines in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// Access logs, see [`formats`](crate::import::formats).
    AccessLog,
    /// Native events, see [`events`](crate::import::events).
    Events,
}

impl ImportFormat {
    /// The word for this kind in the origin of imported rows.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::AccessLog => "access_log",
            Self::Events => "events",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AccessLog => "access logs (docs/import.md lists the formats; --format sets another)",
            Self::Events => "events (one JSON object a line)",
        }
    }
}

/// Options of one import.
#[derive(Clone)]
pub struct ImportJob {
    /// Kind of lines in the files.
    pub format: ImportFormat,
    /// Reader of each file of an access log: its format where it is not a known one, and its proxies.
    pub reader: LogReader,
    /// The files, in any order; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Site that the hits are counted for.
    pub site: Arc<Site>,
    /// Whole days added to every time.
    pub shift_days: i64,
    /// Whether days that were imported before are counted again.
    pub again: bool,
    /// Whether only lines that no earlier import counted are counted, also on imported days.
    pub continued: bool,
    /// Whether files that grow and rotate are followed; a line without its end is left for later.
    pub follow: bool,
    /// Days before this one are past their retention.
    pub keep_from: Day,
    /// Rows after which a part is written, see [`PART_ROWS`].
    pub part_rows: usize,
    /// Memory for held hits in bytes, see [`MEMORY_BYTES`].
    pub memory_bytes: usize,
    /// Whether progress is shown on the terminal.
    pub progress: bool,
}

/// Rows of a part: about 100 MB in memory.
pub const PART_ROWS: usize = 250_000;

/// Bytes of held hits: about six million pageviews.
pub const MEMORY_BYTES: usize = 512 << 20;

impl ImportJob {
    /// An import of these files with default options.
    pub fn new(format: ImportFormat, files: Vec<PathBuf>, site: Arc<Site>, keep_from: Day) -> Self {
        Self {
            format,
            reader: LogReader::new(None),
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

/// Why an import did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// Days of these files are already in the database.
    #[error(
        "{0} of these days were imported before, first {1}; use `--continue` to count only new lines, or `--again` to \
         count all lines again"
    )]
    Again(usize, jiff::civil::Date),
    /// Another import of one of these days was interrupted.
    #[error(
        "an import of {0} was interrupted; run it again with the same files, or use `--again` to count on top of \
             it"
    )]
    Interrupted(jiff::civil::Date),
    /// The database refused a part or does not answer.
    #[error("database: {0}; run the same import again to resume it")]
    Store(#[from] StoreError),
    /// No line could be parsed.
    #[error("none of the {lines} lines could be parsed{first}; expected {expected}")]
    NothingUnderstood {
        /// Number of lines read.
        lines: u64,
        /// Position of the first, and its fault.
        first: String,
        /// Name of the expected format.
        expected: &'static str,
    },
    /// The counting thread ended early.
    #[error("import stopped unexpectedly")]
    Stopped,
}

impl ImportJob {
    /// The time of a line, shifted as configured.
    pub(super) fn shifted(&self, time: Timestamp) -> Timestamp {
        let seconds = time.as_second().saturating_add(self.shift_days.saturating_mul(DAY_SECONDS));
        Timestamp::from_second(seconds).unwrap_or(time)
    }

    pub(super) fn day(&self, time: Timestamp) -> Day {
        self.site.day(self.shifted(time))
    }
}
