//! Ends of days, weeks and months, and the week and month of each day. A week belongs to the month of its Sunday, so
//! that each day is in one week and each week in one month.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use crate::event::Day;
use crate::release::rules::CLOSES_AFTER;

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Calendar date of a day.
pub(crate) fn date_of(day: Day) -> Date {
    EPOCH.saturating_add(Span::new().days(i64::from(day.0)))
}

/// Day number of a date; dates before 1970 and after 2149 are clamped.
pub(crate) fn day_of(date: Date) -> Day {
    let days = date.since(EPOCH).map_or(0, |span| span.get_days());
    Day(u16::try_from(days.max(0)).unwrap_or(u16::MAX))
}

/// The Sunday that ends the week of a date.
pub(crate) fn sunday_of(date: Date) -> Date {
    let past_monday = i64::from(date.weekday().since(Weekday::Monday));
    date.saturating_add((6 - past_monday).days())
}

/// The last day of the month that the week of a date belongs to.
pub(crate) fn month_end_of(date: Date) -> Date {
    sunday_of(date).last_of_month()
}

/// Time at which a day has ended in all these zones and late corrections have arrived.
pub(crate) fn closes_at(date: Date, zones: &[TimeZone]) -> Timestamp {
    let next = date.saturating_add(1.day());
    let end = |zone: &TimeZone| zone.to_zoned(next.at(0, 0, 0, 0)).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
    let utc = [TimeZone::UTC];
    let zones = if zones.is_empty() { utc.as_slice() } else { zones };
    let last = zones.iter().map(end).max().unwrap_or(Timestamp::MAX);
    last.saturating_add(CLOSES_AFTER).unwrap_or(Timestamp::MAX)
}

/// Time at which an hour has ended and late corrections have arrived.
pub(crate) fn hour_closes_at(hour: u32) -> Timestamp {
    let end = Timestamp::from_second(i64::from(hour) + 3_600).unwrap_or(Timestamp::MAX);
    end.saturating_add(CLOSES_AFTER).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_belongs_to_the_week_of_its_sunday_and_the_month_of_that() {
        for (day, sunday, month_end) in [
            ("2026-03-09", "2026-03-15", "2026-03-31"),
            ("2026-03-15", "2026-03-15", "2026-03-31"),
            ("2026-03-30", "2026-04-05", "2026-04-30"),
            ("2026-12-31", "2027-01-03", "2027-01-31"),
        ] {
            let date: Date = day.parse().unwrap();
            assert_eq!(sunday_of(date).to_string(), sunday, "{day}");
            assert_eq!(month_end_of(date).to_string(), month_end, "{day}");
            assert_eq!(date_of(day_of(date)), date);
        }
    }

    #[test]
    fn every_day_s_month_ends_within_the_days_that_the_notices_tell() {
        for day in 18_000..30_000_u16 {
            let date = date_of(Day(day));
            let waits = i64::from(day_of(month_end_of(date)).0) - i64::from(day);
            assert!((0..crate::release::rules::EXACT_DAYS_MAX).contains(&waits), "{date}: {waits}");
        }
    }

    #[test]
    fn a_day_closes_half_an_hour_after_its_end_in_the_last_zone() {
        let zone = |name: &str| TimeZone::get(name).unwrap();
        let date: Date = "2026-03-10".parse().unwrap();
        assert_eq!(closes_at(date, &[]).to_string(), "2026-03-11T00:30:00Z");
        assert_eq!(closes_at(date, &[zone("Europe/Paris")]).to_string(), "2026-03-10T23:30:00Z");
        let both = [zone("Europe/Paris"), zone("America/New_York")];
        assert_eq!(closes_at(date, &both).to_string(), "2026-03-11T04:30:00Z");
    }
}
