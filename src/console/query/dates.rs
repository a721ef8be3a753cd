//! Date ranges by name, as days of the site, and the names of their periods. Today is an argument.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};
use serde_json::Value;

use crate::console::query::vocabulary::{QueryRefusal, shown};
use crate::store::report::{Grain, HourSpan};

/// Longest range: ten years, so that a list of labels stays short.
const DAYS_MAX: i32 = 3_660;

/// Longest range by hour, in days: a quarter.
const HOURLY_DAYS_MAX: i32 = 92;

const HOUR_SECONDS: i64 = 3_600;

/// First and last day, and the hours if the range is made of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayRange {
    pub(super) from: Date,
    pub(super) to: Date,
    pub(super) hours: Option<HourSpan>,
}

impl DayRange {
    /// Reads the field `date_range`.
    pub(super) fn read(value: &Value, now: Timestamp, timezone: &TimeZone) -> Result<Self, QueryRefusal> {
        match value {
            Value::String(word) if word == "24h" => Self::last_day(now, timezone),
            Value::String(word) => Self::named(word, now.to_zoned(timezone.clone()).date()),
            Value::Array(ends) => match ends.as_slice() {
                [Value::String(from), Value::String(to)] if from.contains('T') && to.contains('T') => {
                    Self::moments(moment(from, timezone)?, moment(to, timezone)?, timezone)
                }
                [Value::String(from), Value::String(to)] => Self::between(day(from)?, day(to)?),
                _ => Err(unknown()),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(unknown()),
        }
    }

    /// The hour in progress and the 23 before it.
    fn last_day(now: Timestamp, timezone: &TimeZone) -> Result<Self, QueryRefusal> {
        let from = now.saturating_sub(23.hours()).unwrap_or(now);
        Self::moments(from, now.saturating_add(1.second()).unwrap_or(now), timezone)
    }

    /// Whole hours around two times; whole days if they start and end at midnight.
    fn moments(from: Timestamp, to: Timestamp, timezone: &TimeZone) -> Result<Self, QueryRefusal> {
        let hour = |seconds: i64| Timestamp::from_second(seconds.div_euclid(HOUR_SECONDS).saturating_mul(HOUR_SECONDS));
        let outside = |_| QueryRefusal("`date_range` must be within the years 1970 to 2149".into());
        let end = to.as_second().saturating_add(HOUR_SECONDS - 1);
        let hours = HourSpan { from: hour(from.as_second()).map_err(outside)?, to: hour(end).map_err(outside)? };
        if hours.to <= hours.from {
            return Err(QueryRefusal("`date_range` ends before it begins".into()));
        }
        let local = |time: Timestamp| time.to_zoned(timezone.clone());
        let last = local(hours.to.saturating_sub(1.second()).unwrap_or(hours.to)).date();
        let days = Self::between(local(hours.from).date(), last)?;
        let begins = days.from.to_zoned(timezone.clone()).map(|day| day.timestamp());
        let ends = days.to.saturating_add(1.day()).to_zoned(timezone.clone()).map(|day| day.timestamp());
        let is_whole_day = begins.is_ok_and(|begins| begins == hours.from) && ends.is_ok_and(|ends| ends == hours.to);
        Ok(Self { hours: (!is_whole_day).then_some(hours), ..days })
    }

    /// A range in the older API: `period`, relative to `date`.
    pub(super) fn of_period(
        period: &str,
        date: Option<&str>,
        now: Timestamp,
        timezone: &TimeZone,
    ) -> Result<Self, QueryRefusal> {
        if period == "custom" {
            let days = date.and_then(|date| date.split_once(','));
            let (from, to) =
                days.ok_or_else(|| QueryRefusal("`period=custom` takes `date=2026-03-01,2026-03-31`".into()))?;
            return Self::between(day(from)?, day(to)?);
        }
        let today = now.to_zoned(timezone.clone()).date();
        match date {
            None if period == "24h" => Self::last_day(now, timezone),
            None => Self::named(period, today),
            Some(date) => {
                let date = day(date)?;
                let range = Self::named(period, date)?;
                let to = if period == "month" { date.last_of_month().min(today.max(date)) } else { range.to };
                Self::between(range.from, to)
            }
        }
    }

    /// The preceding range of the same length.
    pub(super) fn before(self) -> Result<Self, QueryRefusal> {
        if let Some(hours) = self.hours {
            let length = hours.from.duration_until(hours.to);
            let back = |time: Timestamp| time.saturating_sub(length).unwrap_or(time);
            // All days that the hours may overlap.
            let days = Self::between(self.from.saturating_sub(i64::from(self.days()).days()), self.to)?;
            return Ok(Self { hours: Some(HourSpan { from: back(hours.from), to: back(hours.to) }), ..days });
        }
        self.shifted(i64::from(self.days()))
    }

    /// The same days a year earlier; with `weekdays`, 52 weeks earlier.
    pub(super) fn year_before(self, weekdays: bool) -> Result<Self, QueryRefusal> {
        if self.hours.is_some() {
            return Err(QueryRefusal("a range of hours can only be compared with the previous one".into()));
        }
        if weekdays {
            return self.shifted(364);
        }
        Self::between(self.from.saturating_sub(1.year()), self.to.saturating_sub(1.year()))
    }

    /// The same length, ending before this range on the same weekdays.
    pub(super) fn before_by_weeks(self) -> Result<Self, QueryRefusal> {
        self.shifted(i64::from((self.days() + 6) / 7 * 7))
    }

    fn shifted(self, days: i64) -> Result<Self, QueryRefusal> {
        Self::between(self.from.saturating_sub(days.days()), self.to.saturating_sub(days.days()))
    }

    fn named(word: &str, today: Date) -> Result<Self, QueryRefusal> {
        let back = |span: Span| today.saturating_sub(span);
        let from = match word {
            "day" => today,
            "month" => today.first_of_month(),
            "year" => today.first_of_year(),
            // Figures are kept for at most 25 months.
            "all" => back(26.months()),
            "realtime" | "30m" => {
                return Err(QueryRefusal("for the last half hour use `GET /api/v1/stats/realtime/visitors`".into()));
            }
            _ => today.saturating_sub(counted(word, today).ok_or_else(unknown)?),
        };
        Self::between(from, today)
    }

    pub(super) fn between(from: Date, to: Date) -> Result<Self, QueryRefusal> {
        let range = Self { from, to, hours: None };
        let accepted = Date::constant(1970, 1, 2)..=Date::constant(2149, 6, 5);
        if !accepted.contains(&from) || !accepted.contains(&to) {
            return Err(QueryRefusal("`date_range` must be within the years 1970 to 2149".into()));
        }
        if to < from {
            return Err(QueryRefusal("`date_range` ends before it begins".into()));
        }
        if range.days() > DAYS_MAX {
            return Err(QueryRefusal("`date_range` is longer than ten years".into()));
        }
        Ok(range)
    }

    /// Number of days of the range.
    pub(super) fn days(self) -> i32 {
        self.to.since(self.from).map_or(0, |span| span.get_days()) + 1
    }

    /// The grain of a plain `time`.
    pub(super) fn grain(self, hours_are_kept: bool) -> Grain {
        match self.days() {
            _ if self.hours.is_some() => Grain::Hour,
            1 if hours_are_kept => Grain::Hour,
            ..=92 => Grain::Day,
            _ => Grain::Month,
        }
    }

    /// Rejects a range with too many hours.
    pub(super) fn check(self, grain: Grain) -> Result<(), QueryRefusal> {
        if grain == Grain::Hour && self.days() > HOURLY_DAYS_MAX {
            return Err(QueryRefusal(format!("`time:hour` needs a `date_range` of at most {HOURLY_DAYS_MAX} days")));
        }
        Ok(())
    }

    /// The names of periods that have begun at `now`.
    pub(super) fn labels_until(self, now: Timestamp, grain: Grain, timezone: &TimeZone) -> Vec<String> {
        let last = now.to_zoned(timezone.clone()).strftime("%Y-%m-%d %H:00:00").to_string();
        self.labels(grain, timezone).into_iter().filter(|label| *label <= last).collect()
    }

    /// The names of all periods, as the published tables write them.
    pub(super) fn labels(self, grain: Grain, timezone: &TimeZone) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        let mut date = self.from;
        for _ in 0..self.days() {
            match grain {
                Grain::Whole => {}
                Grain::Hour => {
                    labels.extend(hours(date, timezone).into_iter().filter(|label| self.holds(label, timezone)))
                }
                Grain::Day => labels.push(date.to_string()),
                Grain::Week => labels.push(monday(date).to_string()),
                Grain::Month => labels.push(date.first_of_month().to_string()),
            }
            date = date.saturating_add(1.day());
        }
        labels.dedup();
        labels
    }
}

impl DayRange {
    /// Whether the hour with this name is part of the range.
    fn holds(self, label: &str, timezone: &TimeZone) -> bool {
        let Some(span) = self.hours else { return true };
        let wall: Result<jiff::civil::DateTime, _> = label.parse();
        let starts = wall.and_then(|wall| timezone.to_timestamp(wall));
        starts.is_ok_and(|start| start >= span.from && start < span.to)
    }
}

/// The hours of a day: 23 where the clock goes forward; where it goes back, two share a name.
fn hours(date: Date, timezone: &TimeZone) -> Vec<String> {
    let mut labels = Vec::new();
    for hour in 0..24 {
        let wall = date.at(hour, 0, 0, 0);
        let local = timezone.to_ambiguous_timestamp(wall);
        if hour == 0 || !matches!(local.offset(), AmbiguousOffset::Gap { .. }) {
            labels.push(format!("{date} {hour:02}:00:00"));
        }
    }
    labels
}

fn monday(date: Date) -> Date {
    date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
}

fn day(text: &str) -> Result<Date, QueryRefusal> {
    let plain = text.len() == 10;
    text.parse()
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| QueryRefusal(format!("{} is not a day; write YYYY-MM-DD", shown(text))))
}

fn moment(text: &str, timezone: &TimeZone) -> Result<Timestamp, QueryRefusal> {
    let wall = || text.parse::<jiff::civil::DateTime>().and_then(|wall| timezone.to_timestamp(wall));
    text.parse::<Timestamp>()
        .or_else(|_| wall())
        .map_err(|_| QueryRefusal(format!("{} is not a time; write 2026-03-01T12:00:00+01:00", shown(text))))
}

/// `14d`: 14 days that end today. `3mo`: three calendar months, this one included.
fn counted(word: &str, today: Date) -> Option<Span> {
    let number = |unit: &str| word.strip_suffix(unit)?.parse::<u16>().ok().filter(|number| *number > 0);
    if let Some(months) = number("mo") {
        let first = today.first_of_month().checked_sub((i64::from(months) - 1).months()).ok()?;
        return today.since(first).ok();
    }
    number("d").map(|days| (i64::from(days) - 1).days())
}

fn unknown() -> QueryRefusal {
    QueryRefusal(
        "`date_range` must be one of day, 24h, month, year, all, a number of days such as 7d, 28d, 30d, 91d, a number of \
         months such as 6mo, 12mo, or two days such as [\"2026-03-01\", \"2026-03-31\"], or two times of whole hours"
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn range(value: Value) -> (String, String) {
        let range = DayRange::read(&value, "2026-03-10T12:00:00Z".parse().unwrap(), &TimeZone::UTC).unwrap();
        (range.from.to_string(), range.to.to_string())
    }

    #[test]
    fn named_ranges_end_today() {
        for (name, from) in [
            ("day", "2026-03-10"),
            ("7d", "2026-03-04"),
            ("28d", "2026-02-11"),
            ("30d", "2026-02-09"),
            ("91d", "2025-12-10"),
            ("1d", "2026-03-10"),
            ("14d", "2026-02-25"),
            ("3mo", "2026-01-01"),
            ("1mo", "2026-03-01"),
            ("month", "2026-03-01"),
            ("6mo", "2025-10-01"),
            ("12mo", "2025-04-01"),
            ("year", "2026-01-01"),
            ("all", "2024-01-10"),
        ] {
            assert_eq!(range(json!(name)), (from.into(), "2026-03-10".into()), "{name}");
        }
    }

    #[test]
    fn a_value_that_is_not_a_range_is_refused() {
        for wrong in [
            json!("yesterday"),
            json!("0d"),
            json!("-7d"),
            json!("9999d"),
            json!("70000d"),
            json!("mo"),
            json!(7),
            json!(null),
            json!(["2026-03-10"]),
            json!(["2026-03-10", "2026-03-09"]),
            json!(["2026-02-30", "2026-03-09"]),
            json!(["1900-01-01", "2026-03-09"]),
            json!(["2000-01-01", "2026-03-09"]),
            json!(["2026-03-09T10:00:00Z", "2026-03-09T09:00:00Z"]),
            json!(["2026-03-09T10", "2026-03-09T2x"]),
            json!(["2026-03-09", 1]),
            json!("realtime"),
        ] {
            let read = DayRange::read(&wrong, "2026-03-10T12:00:00Z".parse().unwrap(), &TimeZone::UTC);
            assert!(read.is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_day_on_which_clocks_go_forward_has_23_hours() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let day: Date = "2026-03-29".parse().unwrap();
        let labels = DayRange { from: day, to: day, hours: None }.labels(Grain::Hour, &paris);
        assert_eq!(labels.len(), 23);
        assert!(!labels.contains(&"2026-03-29 02:00:00".to_owned()));
    }

    #[test]
    fn weeks_begin_on_monday_and_each_is_named_once() {
        let range = DayRange::between("2026-03-08".parse().unwrap(), "2026-03-10".parse().unwrap()).unwrap();
        assert_eq!(range.labels(Grain::Week, &TimeZone::UTC), ["2026-03-02", "2026-03-09"]);
    }

    #[test]
    fn plain_time_follows_the_length_of_the_range() {
        let range = |from: &str| DayRange::between(from.parse().unwrap(), "2026-03-10".parse().unwrap()).unwrap();
        assert_eq!(range("2026-03-10").grain(true), Grain::Hour);
        assert_eq!(range("2026-03-10").grain(false), Grain::Day);
        assert_eq!(range("2026-03-01").grain(true), Grain::Day);
        assert_eq!(range("2025-03-01").grain(true), Grain::Month);
    }

    #[test]
    fn the_last_24_hours_are_24_hours_with_the_one_in_progress() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let range = DayRange::read(&json!("24h"), "2026-03-10T12:34:56Z".parse().unwrap(), &paris).unwrap();
        let labels = range.labels(Grain::Hour, &paris);
        assert_eq!((labels.len(), labels[0].as_str()), (24, "2026-03-09 14:00:00"));
        assert_eq!(labels[23], "2026-03-10 13:00:00");
        assert_eq!(range.before().unwrap().labels(Grain::Hour, &paris).len(), 24);
    }

    #[test]
    fn trimmed_labels_end_with_the_period_in_progress() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let now = "2026-03-10T12:34:56Z".parse().unwrap();
        let day = DayRange::read(&json!("day"), now, &paris).unwrap();
        let hours = day.labels_until(now, Grain::Hour, &paris);
        assert_eq!((hours.len(), hours.last().unwrap().as_str()), (14, "2026-03-10 13:00:00"));
        let month = DayRange::read(&json!(["2026-03-01", "2026-03-31"]), now, &paris).unwrap();
        assert_eq!(month.labels_until(now, Grain::Day, &paris).last().unwrap(), "2026-03-10");
        assert_eq!(month.labels_until(now, Grain::Month, &paris), ["2026-03-01"]);
    }

    #[test]
    fn moments_that_make_whole_days_are_days() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let read = |from: &str, to: &str| {
            DayRange::read(&json!([from, to]), "2026-03-10T12:00:00Z".parse().unwrap(), &paris).unwrap()
        };
        let days = read("2026-03-01T00:00:00+01:00", "2026-03-02T23:59:59+01:00");
        assert_eq!((days.hours, days.days()), (None, 2));
        assert!(read("2026-03-01T00:00:00", "2026-03-01T11:59:59").hours.is_some());
    }

    #[test]
    fn the_older_apis_periods_end_at_their_date() {
        let of = |period, date| {
            let now = "2026-03-10T12:00:00Z".parse().unwrap();
            let range = DayRange::of_period(period, date, now, &TimeZone::UTC).unwrap();
            (range.from.to_string(), range.to.to_string())
        };
        assert_eq!(of("month", Some("2026-02-07")), ("2026-02-01".into(), "2026-02-28".into()));
        assert_eq!(of("7d", Some("2026-02-07")), ("2026-02-01".into(), "2026-02-07".into()));
        assert_eq!(of("custom", Some("2026-02-01,2026-02-03")), ("2026-02-01".into(), "2026-02-03".into()));
        assert_eq!(of("day", None), ("2026-03-10".into(), "2026-03-10".into()));
    }
}
