//! One import of figures: its options, its errors and its report.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Protection;
use crate::event::Day;
use crate::sites::Site;
use crate::store::StoreError;

/// Options of one import of figures.
pub struct FigureJob {
    /// Files of the export, of one tool.
    pub files: Vec<PathBuf>,
    /// Site that the figures belong to.
    pub site: Arc<Site>,
    /// Day of an export without dates.
    pub day: Option<jiff::civil::Date>,
    /// Protection of the published figures.
    pub protection: Protection,
    /// Days before this one are past their retention.
    pub keep_from: Day,
    /// Whether progress is shown on the terminal.
    pub progress: bool,
}

/// Why figures could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// A file cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// A file is not one of the known exports.
    #[error("{0}: unknown export; docs/import.md lists the supported ones")]
    Unknown(String),
    /// The files come from several tools.
    #[error("the files come from {0} and from {1}; import the files of one tool at a time")]
    Mixed(&'static str, &'static str),
    /// The export has no dates, and no day was given.
    #[error("{0}: an export without dates; set its day with --day")]
    NoDay(String),
    /// The same files were imported before.
    #[error("these files were imported as {0}; remove them first: --remove {0}")]
    Known(String),
    /// No row has this origin.
    #[error("no figures of the origin {0} for this site")]
    NoOrigin(String),
    /// Another tool's server cannot be read.
    #[error("Matomo's Reporting API: {0}")]
    Api(String),
    /// The database refused the rows or does not answer.
    #[error("database: {0}; run the same import again to resume it")]
    Store(#[from] StoreError),
}

/// Totals of an import of figures.
#[derive(Debug, Default)]
pub struct FigureReport {
    /// Origin of the new rows.
    pub origin: String,
    /// Cells by table, with the sums of their pageviews (of actions, uses), visitors and visits as in the export.
    pub brought: BTreeMap<&'static str, (u64, i64, i64, i64)>,
    /// Number of days imported.
    pub days: usize,
    /// Days skipped because they were measured or imported before.
    pub days_left: usize,
    /// Number of days past the retention.
    pub days_too_old: usize,
    /// Number of rows of single visits; they were summed and dropped.
    pub person_rows: u64,
    /// Parts of the export that could not be imported, with the reason.
    pub left: Vec<String>,
}

impl fmt::Display for FigureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "origin {} ({} days; remove with --remove {0})", self.origin, self.days)?;
        for (table, (cells, pageviews, visitors, visits)) in &self.brought {
            writeln!(
                f,
                "{cells:>10} cells of {table}: {pageviews} pageviews or uses, {visitors} visitors, {visits} visits"
            )?;
        }
        for (number, column) in [
            (self.days_left as u64, "days skipped: already measured or imported"),
            (self.days_too_old as u64, "days older than the retention, skipped"),
            (self.person_rows, "rows of single visits or visitors, summed or skipped, not stored"),
        ] {
            if number > 0 {
                writeln!(f, "{number:>10} {column}")?;
            }
        }
        self.left.iter().try_for_each(|column| writeln!(f, "left out: {column}"))
    }
}
