//! Imports figures of other tools: sums by day and one dimension, published as they are with `exact`; with `tens` they
//! wait and are released as measured days are. Their rows have an origin that names the tool and the time, by which
//! they can be removed again. Rows of single visits are summed in memory and never kept. A day that was measured, or
//! counted by another import, is skipped.

mod archive;
mod awstats;
mod cells;
pub mod compare;
mod ga4;
mod goatcounter;
mod job;
mod matomo;
pub mod matomo_api;
mod plausible;
mod publish;
mod table;
mod taken;
mod umami;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::config::Protection;
use crate::event::Day;
use crate::import::days::date;
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::{Figure, FigureSet};
pub use crate::import::figures::job::{FigureError, FigureJob, FigureReport};
use crate::import::figures::matomo_api::{MatomoClient, MatomoSource};
use crate::import::figures::taken::leave_days;
use crate::release::releaser::WAITING_FIGURES;
use crate::release::{ReleaseName, Releaser, ReleaserOptions};
use crate::rollup::counters::ImportsRow;
use crate::sites::{Site, Sites};
use crate::store::{Store, StoreError};

/// Tables whose rows have an origin.
const TABLES: [&str; 5] = ["site_days", "page_days", "dimension_days", "action_days", "action_page_days"];

/// Tables that hold what an interrupted import has not released yet.
const WAITING: [&str; 3] = [WAITING_FIGURES, "waiting_cells", "staged_cells"];

/// Imports the figures of the files. An interrupted import resumes when it is run again with the same files.
///
/// # Errors
/// See [`FigureError`] for the causes.
pub async fn run(job: &FigureJob, store: &Store, now: Timestamp) -> Result<FigureReport, FigureError> {
    let (mut set, tool, hash) = read_files(job)?;
    let notes = notes(job, store).await?;
    let mut run = FigureRun::begin(job, store, &notes, (tool, &hash), now)?;
    leave_days(job, store, &mut set, &mut run.report).await?;
    run.tell(&set);
    let days = set.days();
    note(job, store, &run.noted("begun"), days.last()).await?;
    let waits = run.noted("waiting");
    // Behind this note, days are released and dropped with the database's memory of their tokens.
    if !notes.contains(&waits) {
        run.write(&set).await?;
        note(job, store, &waits, days.last()).await?;
    }
    run.end(now, days.last()).await
}

/// Imports the figures of a Matomo server, month by month. An interrupted import goes on when it is run again with the
/// same address and days: months that it has are not asked for again.
///
/// # Errors
/// See [`FigureError`] for the causes.
pub async fn run_from_matomo(
    job: &FigureJob,
    source: &MatomoSource,
    store: &Store,
    now: Timestamp,
) -> Result<FigureReport, FigureError> {
    let (notes, hash) = (notes(job, store).await?, source.hash());
    let mut run = FigureRun::begin(job, store, &notes, ("matomo", &hash), now)?;
    let day = cells::day_of(source.last());
    note(job, store, &run.noted("begun"), day.as_ref()).await?;
    let (client, months) = (MatomoClient::new(source), source.months());
    let progress = figure_progress("asking", months.len() as u64, job.progress);
    for month in months {
        let has = format!("{} {}", run.noted("month"), month.0);
        if !notes.contains(&has) {
            let mut set = FigureSet::new(job.site.clone());
            client.read_month(month, &mut set).await?;
            leave_days(job, store, &mut set, &mut run.report).await?;
            run.tell(&set);
            run.write(&set).await?;
            note(job, store, &has, day.as_ref()).await?;
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    run.end(now, day.as_ref()).await
}

/// One import of figures, in progress.
struct FigureRun<'r> {
    job: &'r FigureJob,
    store: &'r Store,
    hash: String,
    report: FigureReport,
}

impl<'r> FigureRun<'r> {
    fn begin(
        job: &'r FigureJob,
        store: &'r Store,
        notes: &BTreeSet<String>,
        (tool, hash): (&str, &str),
        now: Timestamp,
    ) -> Result<Self, FigureError> {
        let report = FigureReport { origin: origin(notes, tool, hash, now)?, ..FigureReport::default() };
        Ok(Self { job, store, hash: hash.to_owned(), report })
    }

    /// A note about this import.
    fn noted(&self, what: &str) -> String {
        format!("figures {what} {} {}", self.report.origin, self.hash)
    }

    /// Adds what a set brings to the report.
    fn tell(&mut self, set: &FigureSet) {
        let report = &mut self.report;
        report.days += set.days().len();
        report.person_rows += set.person_rows;
        let left = report.left.drain(..).chain(set.left.iter().cloned()).collect::<BTreeSet<_>>();
        report.left = left.into_iter().collect();
        for ((_, key), sums) in &set.cells {
            let sum = |figure: Figure| sums.get(figure as usize).copied().unwrap_or(0);
            let brought = report.brought.entry(key.table()).or_default();
            brought.0 += 1;
            brought.1 += sum(Figure::Pageviews);
            brought.2 += sum(Figure::Visitors);
            brought.3 += sum(Figure::Visits);
        }
    }

    /// Writes the cells month by month, each month once.
    async fn write(&self, set: &FigureSet) -> Result<(), FigureError> {
        let (site, origin): (Arc<str>, Arc<str>) = (self.job.site.name.clone(), self.report.origin.as_str().into());
        let month_of = |day: Day| date(day).first_of_month();
        let mut months: BTreeMap<_, publish::Cells> = BTreeMap::new();
        for ((day, key), sums) in &set.cells {
            months.entry(month_of(*day)).or_default().insert((*day, key.clone()), *sums);
        }
        let counted = publish::counted_figures(&set.cells);
        let progress = figure_progress("writing", months.len() as u64, self.job.progress);
        for (month, cells) in &months {
            let token = format!("figures {origin} {} {site} {month}", self.hash);
            match self.job.protection {
                Protection::Exact => {
                    self.store.publish(&token, &publish::exact(cells, &site, &origin)).await?;
                }
                Protection::Tens => {
                    let rows = publish::waiting(cells, &counted, &site, &origin);
                    self.store.insert_rows(WAITING_FIGURES, &token, &rows).await?;
                }
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        Ok(())
    }

    /// Releases what waits: its days, then its weeks and months; notes the end.
    async fn end(self, now: Timestamp, day: Option<&Day>) -> Result<FigureReport, FigureError> {
        if self.job.protection == Protection::Tens {
            let options = ReleaserOptions {
                store: Arc::new(self.store.clone()),
                collector: format!("import {} {}", self.job.site.name, now.as_millisecond()),
                started: now,
                protection: self.job.protection,
                aborts_before: None,
                draws: None,
            };
            let releaser = Releaser::new(options, &Sites::default());
            let progress = figure_progress("releasing", 0, self.job.progress);
            let mut tell = |name: &ReleaseName| {
                progress.set_message(format!("{} up to {}", name.kind.word(), date(name.day)));
                progress.inc(1);
            };
            releaser.release_import(&self.report.origin, now, &mut tell).await?;
            progress.finish_and_clear();
        }
        note(self.job, self.store, &self.noted("done"), day).await?;
        Ok(self.report)
    }
}

fn figure_progress(what: &'static str, rows: u64, shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let (bar, style) = match rows {
        0 => (ProgressBar::new_spinner(), ProgressStyle::with_template("{prefix:>9} {spinner} {msg}")),
        rows => {
            let style = ProgressStyle::with_template("{prefix:>9} [{wide_bar}] {percent:>3} %  {eta} left");
            (ProgressBar::new(rows), style)
        }
    };
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar
}

/// Removes all figures of an origin; returns the number of rows.
///
/// # Errors
/// See [`FigureError`] for the causes.
pub async fn remove(site: &Site, origin: &str, store: &Store) -> Result<u64, FigureError> {
    let database = store.database();
    let mut rows = 0;
    for table in TABLES.into_iter().chain(WAITING) {
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
    for table in TABLES.into_iter().chain(WAITING) {
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

/// Notes about the site's imports.
async fn notes(job: &FigureJob, store: &Store) -> Result<BTreeSet<String>, StoreError> {
    Ok(store.imported_days(&job.site.name).await?.into_values().flatten().collect())
}

/// The origin of these files' figures: a new one, or that of the interrupted run.
fn origin(notes: &BTreeSet<String>, tool: &str, hash: &str, now: Timestamp) -> Result<String, FigureError> {
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

async fn note(job: &FigureJob, store: &Store, what: &str, day: Option<&Day>) -> Result<(), StoreError> {
    let Some(day) = day else { return Ok(()) };
    let row = ImportsRow { site: job.site.name.clone(), day: day.0, source: what.into() };
    store.record_import(&format!("import {what} {}", job.site.name), &[row]).await
}
