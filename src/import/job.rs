//! One import: its request, its summary, and why it may stop.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::DAY_SECONDS;
use crate::event::Day;
use crate::sites::Site;
use crate::store::StoreError;

/// What kind of lines the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// Access logs, see [`access_log`](crate::import::access_log).
    AccessLog,
    /// Native events, see [`events`](crate::import::events).
    Events,
}

impl ImportFormat {
    pub(super) fn name(self) -> &'static str {
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
    /// Rows after which a part is written, as [`PART_ROWS`](crate::import::PART_ROWS).
    pub part_rows: usize,
    /// Show progress on the terminal.
    pub progress: bool,
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
