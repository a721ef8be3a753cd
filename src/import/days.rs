//! Which days may be imported, and what was. The database keeps a note of an import's days when it begins and when it
//! is done, and of every part that it has: so a day is not counted twice by mistake, and an import that was cut short
//! goes on where it stopped, with the same name, the same first day and the same parts.
//!
//! A note is `begun`, `part 3` or `done`, and the import's name: a hash of what decides its figures, the first day that
//! was within the retention then, and when it began.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::event::Day;
use crate::import::job::{ImportError, ImportJob};
use crate::import::survey::ImportSurvey;
use crate::rollup::counters::ImportsRow;
use crate::store::{Store, StoreError};

/// An import that may go on.
pub(super) struct DayPermit {
    /// The import's name.
    pub(super) name: String,
    /// Days before this one are past their retention.
    pub(super) keep_from: Day,
    parts: HashSet<u64>,
    days: Vec<Day>,
}

impl DayPermit {
    /// Notes that the import begins, or finds the one of the same name that was cut short.
    pub(super) async fn ask(
        import: &ImportJob,
        survey: &ImportSurvey,
        store: &Store,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        let known = store.imported_days(&import.site.name).await?;
        let notes: HashSet<&str> = known.values().flatten().map(String::as_str).collect();
        let cut_short = notes.iter().find_map(|note| {
            let name = note.strip_prefix("begun ").filter(|name| name.starts_with(&survey.hash))?;
            (!notes.contains(&*format!("done {name}"))).then_some((name, first_day(name)?))
        });
        if let Some((name, keep_from)) = cut_short {
            let part = |note: &&str| note.strip_prefix("part ")?.strip_suffix(name)?.trim_end().parse().ok();
            let parts = notes.iter().filter_map(part).collect();
            return Ok(Self { name: name.to_owned(), keep_from, parts, days: days_from(survey, keep_from) });
        }
        let days = days_from(survey, import.keep_from);
        if !import.again {
            let of = |day: &Day| known.get(&day.0).map(Vec::as_slice).unwrap_or_default();
            let before = |day: &&Day| of(day).iter().any(|note| note.starts_with("done "));
            if let Some(first) = days.iter().find(before) {
                return Err(ImportError::Again(days.iter().filter(before).count(), date(*first)));
            }
            if let Some(first) = days.iter().find(|day| !of(day).is_empty()) {
                return Err(ImportError::CutShort(date(*first)));
            }
        }
        let name = format!("{}.{}.{}", survey.hash, import.keep_from.0, now.as_millisecond());
        let permit = Self { name, keep_from: import.keep_from, parts: HashSet::new(), days };
        permit.note(import, store, "begun", &permit.days).await?;
        Ok(permit)
    }

    /// Whether the database has this part already.
    pub(super) fn has(&self, part: u64) -> bool {
        self.parts.contains(&part)
    }

    /// Notes that the database has this part.
    pub(super) async fn has_now(&self, part: u64, import: &ImportJob, store: &Store) -> Result<(), StoreError> {
        let last = self.days.last().copied().into_iter().collect::<Vec<_>>();
        self.note(import, store, &format!("part {part}"), &last).await
    }

    /// Notes that all of it is in the database.
    pub(super) async fn done(&self, import: &ImportJob, store: &Store) -> Result<(), StoreError> {
        self.note(import, store, "done", &self.days).await
    }

    async fn note(&self, import: &ImportJob, store: &Store, what: &str, days: &[Day]) -> Result<(), StoreError> {
        let source: std::sync::Arc<str> = format!("{what} {}", self.name).into();
        let row = |day: &Day| ImportsRow { site: import.site.name.clone(), day: day.0, source: source.clone() };
        let rows: Vec<ImportsRow> = days.iter().map(row).collect();
        store.record_import(&format!("import {source} {}", import.site.name), &rows).await
    }
}

fn days_from(survey: &ImportSurvey, first: Day) -> Vec<Day> {
    survey.days.iter().copied().filter(|day| *day >= first).collect()
}

/// The first day within the retention, from an import's name.
fn first_day(name: &str) -> Option<Day> {
    name.split('.').nth(1)?.parse().ok().map(Day)
}

fn date(day: Day) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(i64::from(day.0))).unwrap_or(epoch)
}
