//! Date ranges by name, as the site's own days, and the names of the periods within them. Today is an argument.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan};
use serde_json::Value;

use crate::console::query::vocabulary::{QueryRefusal, shown};
use crate::store::report::Grain;

/// Longest range: ten years, so that a list of labels stays short.
const DAYS_MAX: i32 = 3_660;

/// Longest range by the hour: a quarter.
const HOURLY_DAYS_MAX: i32 = 92;

/// Both days included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayRange {
    pub(super) from: Date,
    pub(super) to: Date,
}

impl DayRange {
    /// Reads `date_range`.
    pub(super) fn read(value: &Value, today: Date) -> Result<Self, QueryRefusal> {
        match value {
            Value::String(word) => Self::named(word, today),
            Value::Array(ends) => match ends.as_slice() {
                [Value::String(from), Value::String(to)] => Self::between(day(from)?, day(to)?),
                _ => Err(unknown()),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(unknown()),
        }
    }

    fn named(word: &str, today: Date) -> Result<Self, QueryRefusal> {
        let back = |span: Span| today.saturating_sub(span);
        let from = match word {
            "day" => today,
            "7d" => back(6.days()),
            "28d" => back(27.days()),
            "30d" => back(29.days()),
            "91d" => back(90.days()),
            "month" => today.first_of_month(),
            "6mo" => today.first_of_month().saturating_sub(5.months()),
            "12mo" => today.first_of_month().saturating_sub(11.months()),
            "year" => today.first_of_year(),
            // Nothing is kept for longer than 25 months.
            "all" => back(26.months()),
            _ => return Err(unknown()),
        };
        Self::between(from, today)
    }

    fn between(from: Date, to: Date) -> Result<Self, QueryRefusal> {
        let range = Self { from, to };
        let kept = Date::constant(1970, 1, 2)..=Date::constant(2149, 6, 5);
        if !kept.contains(&from) || !kept.contains(&to) {
            return Err(QueryRefusal("`date_range` leaves the years 1970 to 2149".into()));
        }
        if to < from {
            return Err(QueryRefusal("`date_range` ends before it begins".into()));
        }
        if range.days() > DAYS_MAX {
            return Err(QueryRefusal("`date_range` is longer than ten years".into()));
        }
        Ok(range)
    }

    fn days(self) -> i32 {
        self.to.since(self.from).map_or(0, |span| span.get_days()) + 1
    }

    /// What plain `time` means.
    pub(super) fn grain(self, hours_are_kept: bool) -> Grain {
        match self.days() {
            1 if hours_are_kept => Grain::Hour,
            ..=92 => Grain::Day,
            _ => Grain::Month,
        }
    }

    /// Refuses more hours than anybody reads.
    pub(super) fn check(self, grain: Grain) -> Result<(), QueryRefusal> {
        if grain == Grain::Hour && self.days() > HOURLY_DAYS_MAX {
            return Err(QueryRefusal(format!(
                "`time:hour` goes with a `date_range` of at most {HOURLY_DAYS_MAX} days"
            )));
        }
        Ok(())
    }

    /// The names of all periods, as the views write them.
    pub(super) fn labels(self, grain: Grain, timezone: &TimeZone) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        let mut date = self.from;
        for _ in 0..self.days() {
            match grain {
                Grain::Whole => {}
                Grain::Hour => labels.extend(hours(date, timezone)),
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

/// The hours that a day has: 23 where the clock goes forward; where it goes back two share a name.
fn hours(date: Date, timezone: &TimeZone) -> Vec<String> {
    let mut labels = Vec::new();
    for hour in 0..24 {
        let wall = date.at(hour, 0, 0, 0);
        let there = timezone.to_ambiguous_timestamp(wall);
        if hour == 0 || !matches!(there.offset(), AmbiguousOffset::Gap { .. }) {
            labels.push(format!("{date} {hour:02}:00:00"));
        }
    }
    labels
}

fn monday(date: Date) -> Date {
    date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
}

fn day(text: &str) -> Result<Date, QueryRefusal> {
    if text.len() > 10 && text.contains('T') {
        return Err(QueryRefusal(
            "`date_range` takes days, not moments: figures are kept by the site's own day; write [\"2026-03-01\", \
             \"2026-03-31\"] and ask for `time:hour` to see the hours of a day"
                .into(),
        ));
    }
    let plain = text.len() == 10;
    text.parse()
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| QueryRefusal(format!("{} is no day; write YYYY-MM-DD", shown(text))))
}

fn unknown() -> QueryRefusal {
    QueryRefusal(
        "`date_range` must be one of day, 7d, 28d, 30d, 91d, month, 6mo, 12mo, year, all, or two days such as \
         [\"2026-03-01\", \"2026-03-31\"]"
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn range(value: Value) -> (String, String) {
        let range = DayRange::read(&value, "2026-03-10".parse().unwrap()).unwrap();
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
    fn what_is_no_range_is_refused() {
        for wrong in [
            json!("yesterday"),
            json!(7),
            json!(null),
            json!(["2026-03-10"]),
            json!(["2026-03-10", "2026-03-09"]),
            json!(["2026-02-30", "2026-03-09"]),
            json!(["1900-01-01", "2026-03-09"]),
            json!(["2000-01-01", "2026-03-09"]),
            json!(["2026-03-09T10:00:00Z", "2026-03-09T11:00:00Z"]),
            json!(["2026-03-09", 1]),
        ] {
            assert!(DayRange::read(&wrong, "2026-03-10".parse().unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_day_on_which_clocks_go_forward_has_23_hours() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let day: Date = "2026-03-29".parse().unwrap();
        let labels = DayRange { from: day, to: day }.labels(Grain::Hour, &paris);
        assert_eq!(labels.len(), 23);
        assert!(!labels.contains(&"2026-03-29 02:00:00".to_owned()));
    }

    #[test]
    fn weeks_begin_on_monday_and_each_is_named_once() {
        let range = DayRange { from: "2026-03-08".parse().unwrap(), to: "2026-03-10".parse().unwrap() };
        assert_eq!(range.labels(Grain::Week, &TimeZone::UTC), ["2026-03-02", "2026-03-09"]);
    }

    #[test]
    fn plain_time_follows_the_length_of_the_range() {
        let range = |from: &str| DayRange { from: from.parse().unwrap(), to: "2026-03-10".parse().unwrap() };
        assert_eq!(range("2026-03-10").grain(true), Grain::Hour);
        assert_eq!(range("2026-03-10").grain(false), Grain::Day);
        assert_eq!(range("2026-03-01").grain(true), Grain::Day);
        assert_eq!(range("2025-03-01").grain(true), Grain::Month);
    }
}
