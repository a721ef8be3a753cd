//! Periods and the states of their releases, as recorded in table `releases`.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::DAY_SECONDS;
use crate::event::Day;
use crate::release::calendar::{date_of, day_of, month_end_of, sunday_of};
use crate::store::{Store, StoreError};

/// Period of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReleaseKind {
    /// A UTC hour, at site level only.
    Hour,
    /// A site-local day, at every level.
    Day,
    /// Remainders of days, dated on the week's Sunday.
    Week,
    /// Remainders of weeks, dated on the month's last day.
    Month,
}

impl ReleaseKind {
    /// Name of the kind in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Hour, Self::Day, Self::Week, Self::Month].into_iter().find(|kind| kind.word() == word)
    }
}

/// State of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReleaseState {
    /// All cells are drawn into the staging table.
    Staged,
    /// Rows are published and the remainder is handed on.
    Published,
    /// Exact figures of the period are deleted.
    Done,
}

impl ReleaseState {
    /// Name of the state in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Published => "published",
            Self::Done => "done",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Staged, Self::Published, Self::Done].into_iter().find(|state| state.word() == word)
    }
}

/// Identity of one release.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReleaseName {
    /// Kind of its period.
    pub kind: ReleaseKind,
    /// First day, Sunday or month's last day of the release; for an hour, the UTC day.
    pub first: Day,
    /// Last day of the release, which covers several periods if they are already over.
    pub day: Day,
    /// For an hour, its start in seconds since 1970; otherwise the number of earlier releases of this period.
    pub hour: u32,
    /// Import that brought its rows; empty: measured live.
    pub origin: String,
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, first, last) = (self.kind.word(), date_of(self.first), date_of(self.day));
        write!(f, "{kind}/{first}/{last}/{}/{}", self.hour, self.origin)
    }
}

impl ReleaseName {
    /// Name under which all periods of a kind of an import are staged.
    pub(super) fn of_import(kind: ReleaseKind, import: &str) -> Self {
        Self { kind, first: Day(0), day: Day(u16::MAX), hour: 0, origin: import.to_owned() }
    }

    /// Kind of the bucket for the remainder: a day's week, a week's month.
    pub(super) fn rest_to(&self) -> Option<ReleaseKind> {
        match self.kind {
            ReleaseKind::Day => Some(ReleaseKind::Week),
            ReleaseKind::Week => Some(ReleaseKind::Month),
            ReleaseKind::Hour | ReleaseKind::Month => None,
        }
    }

    /// All dates that the release covers.
    pub(super) fn dates(&self) -> impl Iterator<Item = Date> {
        (self.first.0..=self.day.0).map(|day| date_of(Day(day)))
    }
}

/// Every release that was begun, with its state; of a shard's store, those of this shard.
pub(super) async fn begun(store: &Store) -> Result<Vec<(ReleaseName, ReleaseState)>, StoreError> {
    let sql = "SELECT toString(kind), toUInt16(first), toUInt16(day), toUInt32(hour), origin, toString(max(state)) \
               FROM {database:Identifier}.{releases:Identifier} GROUP BY kind, first, day, hour, origin ORDER BY day, kind, hour";
    let releases = format!("releases{}", store.read_suffix());
    let rows = store.ask_as_owner(sql).param("database", store.database()).param("releases", releases);
    let rows = rows.rows::<(String, u16, u16, u32, String, String)>().await?;
    let parsed = rows.into_iter().filter_map(|(kind, first, day, hour, origin, state)| {
        let name = ReleaseName { kind: ReleaseKind::of_word(&kind)?, first: Day(first), day: Day(day), hour, origin };
        Some((name, ReleaseState::of_word(&state)?))
    });
    Ok(parsed.collect())
}

/// Releases of one origin that were begun.
pub(super) struct OriginReleases<'o> {
    origin: &'o str,
    releases: Vec<(ReleaseName, ReleaseState)>,
}

impl<'o> OriginReleases<'o> {
    /// Reads the releases of this origin.
    pub(super) async fn read(store: &Store, origin: &'o str) -> Result<Self, StoreError> {
        let releases = begun(store).await?.into_iter().filter(|(name, _)| name.origin == origin).collect();
        Ok(Self { origin, releases })
    }

    /// The first release that was begun and did not end.
    pub(super) fn interrupted(&self) -> Option<ReleaseName> {
        self.releases.iter().find(|(_, state)| *state != ReleaseState::Done).map(|(name, _)| name.clone())
    }

    /// A new release of the periods from `first` to `last`. Rows that arrived while another collector released their
    /// period form a release of their own.
    pub(super) fn next_of(&self, kind: ReleaseKind, first: Day, last: Day) -> ReleaseName {
        let overlapping = self.releases.iter().filter(|(of, _)| of.kind == kind && of.first <= last && of.day >= first);
        let number = overlapping.map(|(of, _)| of.hour + 1).max().unwrap_or_default();
        self.named(kind, (first, last), number)
    }

    /// The first of these hours that `is_over` and was not released.
    pub(super) fn next_hour(
        &self,
        hours: impl IntoIterator<Item = u32>,
        is_over: impl Fn(u32) -> bool,
    ) -> Option<ReleaseName> {
        let is_released = |hour| self.releases.iter().any(|(of, _)| of.kind == ReleaseKind::Hour && of.hour == hour);
        let hour = hours.into_iter().find(|hour| !is_released(*hour) && is_over(*hour))?;
        let day = Day(u16::try_from(i64::from(hour) / DAY_SECONDS).unwrap_or(u16::MAX));
        Some(self.named(ReleaseKind::Hour, (day, day), hour))
    }

    fn named(&self, kind: ReleaseKind, (first, day): (Day, Day), hour: u32) -> ReleaseName {
        ReleaseName { kind, first, day, hour, origin: self.origin.to_owned() }
    }
}

/// Periods of one origin whose exact sums are closed: later counters go to an open bucket.
#[derive(Debug, Clone, Default)]
pub struct ClosedPeriods(Vec<ReleaseName>);

impl ClosedPeriods {
    /// Reads which periods of this origin were begun to be released; measured figures have none.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn read(store: &Store, origin: &str) -> Result<Self, StoreError> {
        let closed = begun(store).await?.into_iter().map(|(name, _)| name);
        Ok(Self(closed.filter(|name| name.origin == origin && name.kind != ReleaseKind::Hour).collect()))
    }

    fn has(&self, kind: ReleaseKind, day: Day) -> bool {
        self.0.iter().any(|name| name.kind == kind && (name.first..=name.day).contains(&day))
    }

    /// Whether a day accepts no more counters.
    pub fn has_day(&self, day: Day) -> bool {
        self.has(ReleaseKind::Day, day)
    }

    /// The open bucket for a closed day's counters: that of its week, else of its month, else of the current week.
    pub fn bucket_of(&self, day: Day, now: Timestamp) -> (ReleaseKind, Day) {
        let date = date_of(day);
        let (week, month) = (day_of(sunday_of(date)), day_of(month_end_of(date)));
        if !self.has(ReleaseKind::Week, week) {
            (ReleaseKind::Week, week)
        } else if !self.has(ReleaseKind::Month, month) {
            (ReleaseKind::Month, month)
        } else {
            (ReleaseKind::Week, day_of(sunday_of(now.to_zoned(jiff::tz::TimeZone::UTC).date())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_a_closed_day_never_go_to_a_bucket_that_is_closed() {
        let day_number = |date: &str| day_of(date.parse().unwrap());
        let named = |kind, date: &str| {
            let day = day_number(date);
            ReleaseName { kind, first: day, day, hour: 0, origin: String::new() }
        };
        let now = "2026-04-08T12:00:00Z".parse().unwrap();
        let mut closed = ClosedPeriods(vec![named(ReleaseKind::Day, "2026-03-10")]);
        let day = day_number("2026-03-10");
        assert!(closed.has_day(day) && !closed.has_day(day_number("2026-03-11")));
        assert_eq!(closed.bucket_of(day, now), (ReleaseKind::Week, day_number("2026-03-15")));
        closed.0.push(named(ReleaseKind::Week, "2026-03-15"));
        assert_eq!(closed.bucket_of(day, now), (ReleaseKind::Month, day_number("2026-03-31")));
        closed.0.push(named(ReleaseKind::Month, "2026-03-31"));
        assert_eq!(closed.bucket_of(day, now), (ReleaseKind::Week, day_number("2026-04-12")));
    }
}
