//! How many days that are over are released together.

use crate::event::Day;
use crate::release::calendar::{date_of, day_of, sunday_of};
use crate::release::rules::ROUND_ROWS;

/// First and last day of the next release: whole weeks in a row, up to [`ROUND_ROWS`]. It ends before a week without
/// rows, for every day between its first and its last is closed with it.
pub(super) fn round_of(days: impl Iterator<Item = (Day, u64)>) -> Option<(Day, Day)> {
    let days: Vec<_> = days.map(|(day, rows)| (day, day_of(sunday_of(date_of(day))), rows)).collect();
    let mut weeks = days.chunk_by(|(_, week, _), (_, other, _)| week == other);
    let rows_of = |week: &[(Day, Day, u64)]| week.iter().map(|(_, _, rows)| rows).sum::<u64>();
    let of_first = weeks.next()?;
    let ((first, _, _), (mut last, mut sunday, _)) = (*of_first.first()?, *of_first.last()?);
    let mut rows = rows_of(of_first);
    for week in weeks {
        let (day, next_sunday, _) = *week.last()?;
        rows += rows_of(week);
        if rows > ROUND_ROWS || next_sunday.0 - sunday.0 > 7 {
            break;
        }
        (last, sunday) = (day, next_sunday);
    }
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(days: &[(&str, u64)]) -> Option<(String, String)> {
        let days = days.iter().map(|(day, rows)| (day_of(day.parse().unwrap()), *rows));
        round_of(days).map(|(first, last)| (date_of(first).to_string(), date_of(last).to_string()))
    }

    #[test]
    fn a_round_is_of_whole_weeks_up_to_its_rows_and_of_no_week_without_any() {
        let some = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        assert_eq!(round(&[]), None);
        // A week is never divided, whatever its rows.
        let busy = [("2026-03-02", ROUND_ROWS), ("2026-03-08", ROUND_ROWS), ("2026-03-09", 1)];
        assert_eq!(round(&busy), some("2026-03-02", "2026-03-08"));
        let quiet = [("2026-03-04", 5), ("2026-03-09", 5), ("2026-03-20", 5), ("2026-03-21", ROUND_ROWS)];
        assert_eq!(round(&quiet), some("2026-03-04", "2026-03-09"));
        assert_eq!(round(&quiet[..3]), some("2026-03-04", "2026-03-20"));
        let gap = [("2026-03-04", 5), ("2026-03-16", 5)];
        assert_eq!(round(&gap), some("2026-03-04", "2026-03-04"));
    }
}
