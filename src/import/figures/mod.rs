//! Imports figures of other tools: sums by day and one dimension go into the published tables under the chosen
//! protection, with an origin that names the tool and the time, by which they can be removed again. Rows of single
//! visits are summed in memory and never kept. A day that was measured, or counted by another import, is skipped.

mod archive;
mod awstats;
mod cells;
pub mod compare;
mod ga4;
mod goatcounter;
mod matomo;
mod plausible;
mod publish;
mod table;
mod umami;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Protection;
use crate::event::Day;
use crate::import::days::date;
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::{Figure, FigureSet};
use crate::rollup::counters::ImportsRow;
use crate::sites::Site;
use crate::store::{Store, StoreError};

/// Tables whose rows have an origin.
const TABLES: [&str; 5] = ["site_days", "page_days", "dimension_days", "action_days", "action_page_days"];

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

/// Imports the figures of the files. An interrupted import resumes when it is run again with the same files.
///
/// # Errors
/// See [`FigureError`] for the causes.
pub async fn run(job: &FigureJob, store: &Store, now: Timestamp) -> Result<FigureReport, FigureError> {
    let (mut set, tool, hash) = read_files(job)?;
    let origin = origin(job, store, tool, &hash, now).await?;
    let mut report = FigureReport { origin: origin.clone(), ..FigureReport::default() };
    leave_days(job, store, &mut set, &origin, &mut report).await?;
    report.days = set.days().len();
    report.person_rows = set.person_rows;
    report.left = set.left.iter().cloned().collect();
    for ((_, key), sums) in &set.cells {
        let sum = |figure: Figure| sums.get(figure as usize).copied().unwrap_or(0);
        let brought = report.brought.entry(key.table()).or_default();
        brought.0 += 1;
        brought.1 += sum(Figure::Pageviews);
        brought.2 += sum(Figure::Visitors);
        brought.3 += sum(Figure::Visits);
    }
    let days = set.days();
    note(job, store, &format!("figures begun {origin} {hash}"), &days).await?;
    let (site, marked): (Arc<str>, Arc<str>) = (job.site.name.clone(), origin.as_str().into());
    let rows = match job.protection {
        Protection::Exact => publish::exact(&set.cells, &site, &marked),
        Protection::Tens => publish::tens(set.cells, &site, &marked)?,
    };
    store.publish(&format!("figures {origin} {hash} {site}"), &rows).await?;
    note(job, store, &format!("figures done {origin} {hash}"), &days).await?;
    Ok(report)
}

/// Removes all figures of an origin; returns the number of rows.
///
/// # Errors
/// See [`FigureError`] for the causes.
pub async fn remove(site: &Site, origin: &str, store: &Store) -> Result<u64, FigureError> {
    let database = store.database();
    let mut rows = 0;
    for table in TABLES {
        let sql = format!(
            "SELECT toInt64(count()) FROM {database}.{table} WHERE site = {{site:String}} AND origin = {{origin:String}}"
        );
        let found = store.ask_as_owner(&sql).param("site", &*site.name).param("origin", origin).rows::<i64>().await?;
        rows += found.first().copied().unwrap_or(0).unsigned_abs();
    }
    if rows == 0 || origin.is_empty() {
        return Err(FigureError::NoOrigin(origin.to_owned()));
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let on = store.on_cluster();
    let of_origin = format!("site = {} AND origin = {}", quoted(&site.name), quoted(origin));
    for table in TABLES {
        let table = store.local_table(table);
        let sql = format!("ALTER TABLE {database}.{table}{on} DELETE WHERE {of_origin} SETTINGS mutations_sync = 2");
        store.everywhere(&sql).await?;
    }
    let notes = format!("site = {} AND startsWith(source, {})", quoted(&site.name), quoted("figures "));
    let notes = format!("{notes} AND position(source, {}) > 0", quoted(&format!(" {origin} ")));
    let table = store.local_table("imports");
    store
        .everywhere(&format!("ALTER TABLE {database}.{table}{on} DELETE WHERE {notes} SETTINGS mutations_sync = 2"))
        .await?;
    Ok(rows)
}

/// Reads all files of a job; gives their figures, the tool that they are from, and their hash.
fn read_files(job: &FigureJob) -> Result<(FigureSet, &'static str, String), FigureError> {
    let mut set = FigureSet::new(job.site.clone());
    let mut hasher = blake3::Hasher::new();
    let mut tool: Option<&'static str> = None;
    for file in &job.files {
        let parts = archive::parts(file)?;
        parts.iter().for_each(|part| {
            hasher.update(&part.bytes);
        });
        let name = file.display().to_string();
        let found = read(job, &name, &parts, &mut set)?;
        match tool {
            Some(known) if known != found => return Err(FigureError::Mixed(known, found)),
            Some(_) | None => tool = Some(found),
        }
    }
    Ok((set, tool.unwrap_or("figures"), hasher.finalize().to_hex().to_string()))
}

/// Reads the parts of one file; returns the name of the tool.
fn read(job: &FigureJob, name: &str, parts: &[ExportPart], set: &mut FigureSet) -> Result<&'static str, FigureError> {
    if goatcounter::is_json_export(parts) {
        goatcounter::read_json(parts, set);
        return Ok("goatcounter");
    }
    let mut tool = None;
    for part in parts {
        if plausible::table(&part.name).is_some() {
            plausible::read(part, set)?;
            tool = Some("plausible");
        } else if goatcounter::is_csv_export(part) {
            goatcounter::read_csv(part, set)?;
            tool = Some("goatcounter");
        } else if umami::is_raw(part) {
            umami::read_raw(part, set)?;
            tool = Some("umami");
        } else if let Some(table) = umami::table(part) {
            let day = job.day.and_then(cells::day_of).ok_or_else(|| FigureError::NoDay(name.to_owned()))?;
            umami::read_table(part, table, day, set)?;
            tool = Some("umami");
        } else if awstats::is_data(part) {
            awstats::read(part, set);
            tool = Some("awstats");
        } else if let Some(method) = matomo::method(part).filter(|_| matomo::is_days(part)) {
            matomo::read(part, method, set)?;
            tool = Some("matomo");
        } else if ga4::is_report(part) {
            ga4::read(part, set)?;
            tool = Some("ga4");
        } else if parts.len() > 1 {
            set.leave("unknown files of the archive");
        }
    }
    tool.ok_or_else(|| FigureError::Unknown(name.to_owned()))
}

/// The origin of these files' figures: a new one, or that of the interrupted run.
async fn origin(job: &FigureJob, store: &Store, tool: &str, hash: &str, now: Timestamp) -> Result<String, FigureError> {
    let notes = store.imported_days(&job.site.name).await?;
    let notes: BTreeSet<String> = notes.into_values().flatten().collect();
    let with_state = |state: &str| {
        notes.iter().find_map(|note| {
            let (origin, known) = note.strip_prefix(state)?.split_once(' ')?;
            (known == hash).then(|| origin.to_owned())
        })
    };
    if let Some(done) = with_state("figures done ") {
        return Err(FigureError::Known(done));
    }
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Ok(with_state("figures begun ").unwrap_or_else(|| format!("{tool}:{second}")))
}

/// Drops the days that are past the retention, measured, or counted by another import.
async fn leave_days(
    job: &FigureJob,
    store: &Store,
    set: &mut FigureSet,
    origin: &str,
    report: &mut FigureReport,
) -> Result<(), FigureError> {
    let sql = "SELECT DISTINCT toUInt16(day) AS number FROM (\
               SELECT day FROM {database:Identifier}.site_days WHERE site = {site:String} AND origin != {origin:String} \
               UNION ALL SELECT day FROM {database:Identifier}.waiting_pages WHERE site = {site:String})";
    let question = store.ask_as_owner(sql).param("database", store.database()).param("site", &*job.site.name);
    let taken: BTreeSet<Day> = question.param("origin", origin).rows::<u16>().await?.into_iter().map(Day).collect();
    for day in set.days() {
        let is_old = day < job.keep_from;
        report.days_too_old += usize::from(is_old);
        report.days_left += usize::from(!is_old && taken.contains(&day));
        if is_old || taken.contains(&day) {
            set.cells.retain(|(of, _), _| *of != day);
        }
    }
    if let Some(first) = taken.iter().find(|_| report.days_left > 0) {
        set.leave(&format!("days that have figures already, such as {}", date(*first)));
    }
    Ok(())
}

async fn note(job: &FigureJob, store: &Store, what: &str, days: &BTreeSet<Day>) -> Result<(), StoreError> {
    let Some(day) = days.last() else { return Ok(()) };
    let row = ImportsRow { site: job.site.name.clone(), day: day.0, source: what.into() };
    store.record_import(&format!("import {what} {}", job.site.name), &[row]).await
}
