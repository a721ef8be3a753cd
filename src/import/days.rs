//! Days that may be imported, and days that were. The database keeps notes of an import: its start, every part that it
//! has, how far each log was counted, and its end. So a day is not counted twice by mistake, an interrupted import
//! resumes where it stopped, with the same name, the same first day and the same parts, and `--continue` knows which
//! lines were counted.
//!
//! A note is `begun NAME`, `part 3 NAME`, `drawn NAME`, `mark NAME LINES …`, `done NAME` on the days that were
//! counted, or `ended NAME` where none was. A name is a hash of the inputs that decide the figures, the first day
//! within the retention at that time, and the start of the import.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::event::Day;
use crate::import::job::{ImportError, ImportJob};
use crate::import::marks::LogMark;
use crate::rollup::counters::ImportsRow;
use crate::store::{Store, StoreError};

/// Notes about a site's imports, by day.
pub(super) struct ImportNotes(BTreeMap<u16, Vec<String>>);

impl ImportNotes {
    /// Reads the notes from the database.
    pub(super) async fn of(store: &Store, site: &str) -> Result<Self, StoreError> {
        Ok(Self(store.imported_days(site).await?))
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }

    fn on(&self, day: Day) -> &[String] {
        self.0.get(&day.0).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names of the imports that completed.
    fn finished(&self) -> HashSet<&str> {
        self.all().filter_map(|note| note.strip_prefix("done ").or_else(|| note.strip_prefix("ended "))).collect()
    }

    /// Marks of counted logs, with the name of the import that wrote them.
    fn marks(&self) -> impl Iterator<Item = (&str, LogMark)> {
        self.all().filter_map(|note| {
            let (name, mark) = note.strip_prefix("mark ")?.split_once(' ')?;
            Some((name, mark.parse().ok()?))
        })
    }

    /// Marks of the imports that completed.
    pub(super) fn counted_marks(&self) -> Vec<LogMark> {
        let finished = self.finished();
        self.marks().filter(|(name, _)| finished.contains(name)).map(|(_, mark)| mark).collect()
    }

    /// An interrupted import with `--continue`: its name, and the marks that it was to reach.
    pub(super) fn interrupted(&self) -> Option<(String, Vec<LogMark>)> {
        let finished = self.finished();
        let mut open: BTreeMap<&str, Vec<LogMark>> = BTreeMap::new();
        for (name, mark) in self.marks().filter(|(name, _)| !finished.contains(name)) {
            open.entry(name).or_default().push(mark);
        }
        open.into_iter().next().map(|(name, marks)| (name.to_owned(), marks))
    }

    /// Days that any import has counted.
    pub(super) fn imported(&self) -> BTreeSet<Day> {
        let done = |notes: &Vec<String>| notes.iter().any(|note| note.starts_with("done "));
        self.0.iter().filter(|(_, notes)| done(notes)).map(|(day, _)| Day(*day)).collect()
    }
}

/// An import whose start is noted: its days may be counted.
pub(super) struct StartedImport {
    /// Name of the import in its notes.
    pub(super) name: String,
    /// Days before this one are past their retention.
    pub(super) keep_from: Day,
    /// Whether all of its figures are drawn and staged.
    pub(super) is_drawn: bool,
    parts: HashSet<u64>,
    days: Vec<Day>,
}

impl StartedImport {
    /// Origin of its rows: the kind of files and the import's start.
    pub(super) fn origin(&self, kind: &str) -> String {
        let began = self.name.rsplit('.').next().and_then(|ms| Timestamp::from_millisecond(ms.parse().ok()?).ok());
        format!("{kind}:{}", began.unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Notes that the import begins, or finds the interrupted one with the same name.
    pub(super) async fn begin(
        import: &ImportJob,
        notes: &ImportNotes,
        hash: &str,
        days: &BTreeSet<Day>,
        marks: &[LogMark],
        (store, now): (&Store, Timestamp),
    ) -> Result<Self, ImportError> {
        let finished = notes.finished();
        let started = notes.all().filter_map(|note| note.strip_prefix("begun "));
        if let Some(name) = started.into_iter().find(|name| name.starts_with(hash) && !finished.contains(name)) {
            return Ok(Self::resumed(name, notes, days));
        }
        let days = days_from(days, import.keep_from);
        if !import.again && !import.continued {
            let imported = notes.imported();
            let mut before = days.iter().filter(|day| imported.contains(day));
            if let Some(first) = before.next() {
                return Err(ImportError::Again(1 + before.count(), date(*first)));
            }
            let is_open = |note: &String| {
                let name = note.strip_prefix("begun ").or_else(|| note.split(' ').nth(2));
                name.is_some_and(|name| !finished.contains(name)) && !note.starts_with("mark ")
            };
            if let Some(first) = days.iter().find(|day| notes.on(**day).iter().any(is_open)) {
                return Err(ImportError::Interrupted(date(*first)));
            }
        }
        let name = format!("{hash}.{}.{}", import.keep_from.0, now.as_millisecond());
        let started = Self { name, keep_from: import.keep_from, is_drawn: false, parts: HashSet::new(), days };
        started.mark(import, store, marks).await?;
        started.note(import, store, "begun", &started.days).await?;
        Ok(started)
    }

    /// The interrupted import with this name.
    pub(super) fn resumed(name: &str, notes: &ImportNotes, days: &BTreeSet<Day>) -> Self {
        let part = |note: &str| note.strip_prefix("part ")?.strip_suffix(name)?.trim_end().parse().ok();
        let keep_from = first_day(name).unwrap_or(Day(0));
        Self {
            name: name.to_owned(),
            keep_from,
            is_drawn: notes.all().any(|note| note.strip_prefix("drawn ") == Some(name)),
            parts: notes.all().filter_map(part).collect(),
            days: days_from(days, keep_from),
        }
    }

    /// Whether the database already has this part.
    pub(super) fn has_part(&self, part: u64) -> bool {
        self.parts.contains(&part)
    }

    /// Notes that the database has this part.
    pub(super) async fn note_part(&self, part: u64, import: &ImportJob, store: &Store) -> Result<(), StoreError> {
        self.note(import, store, &format!("part {part}"), self.last_day()).await
    }

    /// Notes that all figures of the import are drawn and staged.
    pub(super) async fn note_drawn(&self, import: &ImportJob, store: &Store) -> Result<(), StoreError> {
        self.note(import, store, "drawn", self.last_day()).await
    }

    /// Notes that the import is complete, on the days that were counted.
    pub(super) async fn note_end(
        &self,
        import: &ImportJob,
        store: &Store,
        counted: &BTreeSet<Day>,
    ) -> Result<(), StoreError> {
        let counted: Vec<Day> = counted.iter().copied().collect();
        match counted.is_empty() {
            true => self.note(import, store, "ended", self.last_day()).await,
            false => self.note(import, store, "done", &counted).await,
        }
    }

    /// Notes how far the logs are counted once this import completes.
    async fn mark(&self, import: &ImportJob, store: &Store, marks: &[LogMark]) -> Result<(), StoreError> {
        let Some(day) = self.days.last() else { return Ok(()) };
        let row = |mark: &LogMark| ImportsRow {
            site: import.site.name.clone(),
            day: day.0,
            source: format!("mark {} {mark}", self.name).into(),
        };
        let rows: Vec<ImportsRow> = marks.iter().filter(|mark| mark.lines > 0).map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        store.record_import(&format!("import marks {} {}", self.name, import.site.name), &rows).await
    }

    fn last_day(&self) -> &[Day] {
        self.days.last().map(std::slice::from_ref).unwrap_or_default()
    }

    async fn note(&self, import: &ImportJob, store: &Store, what: &str, days: &[Day]) -> Result<(), StoreError> {
        if days.is_empty() {
            return Ok(());
        }
        let source: std::sync::Arc<str> = format!("{what} {}", self.name).into();
        let row = |day: &Day| ImportsRow { site: import.site.name.clone(), day: day.0, source: source.clone() };
        let rows: Vec<ImportsRow> = days.iter().map(row).collect();
        store.record_import(&format!("import {source} {}", import.site.name), &rows).await
    }
}

fn days_from(days: &BTreeSet<Day>, first: Day) -> Vec<Day> {
    days.iter().copied().filter(|day| *day >= first).collect()
}

/// The first day within the retention, parsed from an import's name.
fn first_day(name: &str) -> Option<Day> {
    name.split('.').nth(1)?.parse().ok().map(Day)
}

/// A day as a calendar date.
pub(super) fn date(day: Day) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(i64::from(day.0))).unwrap_or(epoch)
}
