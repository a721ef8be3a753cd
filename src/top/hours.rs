//! The hours of today that are over, and the same hours a week before: a part of a day is compared with the same part.

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

/// Smallest earlier figure that a change is shown for, as in the console.
const CHANGE_FROM: f64 = 10.0;

/// Hours from midnight to the hour under way, which is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndedHours {
    today: Date,
    /// The hour under way, 1 to 23.
    hour: u8,
}

impl EndedHours {
    /// Reads them from the hours of today in the answer of a view; `None` in the first hour of a day.
    pub(super) fn of(view: &Value) -> Option<Self> {
        let labels = view.pointer("/answers/series/meta/time_labels")?.as_array()?;
        let (day, time) = labels.last()?.as_str()?.split_once(' ')?;
        let hour = time.get(..2)?.parse().ok().filter(|hour| (1..24).contains(hour))?;
        Some(Self { today: day.parse().ok()?, hour })
    }

    /// The day that today is compared with.
    fn before(&self) -> Date {
        self.today.saturating_sub(7.days())
    }

    /// The queries of both days, by the names that the figures are read by.
    pub(super) fn queries(&self, site: &str) -> Map<String, Value> {
        let hours = |day: Date| {
            let range = [format!("{day}T00:00:00"), format!("{day}T{:02}:00:00", self.hour)];
            json!({ "site_id": site, "date_range": range, "metrics": ["visitors", "visits", "pageviews"] })
        };
        let named = [("today".to_owned(), hours(self.today)), ("before".to_owned(), hours(self.before()))];
        named.into_iter().collect()
    }

    /// Both days for the title: `2026-03-10 to 11:00, against 2026-03-03`.
    pub(super) fn title(&self) -> String {
        format!("{} to {:02}:00, against {}", self.today, self.hour, self.before())
    }

    /// Change of the figure `at` in percent; none where the earlier one is below ten.
    pub(super) fn change(&self, view: &Value, at: usize) -> Option<f64> {
        let figure = |day: &str| view.pointer(&format!("/ended/answers/{day}/results/0/metrics/{at}"))?.as_f64();
        let (now, before) = (figure("today").unwrap_or(0.0), figure("before")?);
        (before >= CHANGE_FROM).then(|| (100.0 * (now - before) / before).round())
    }

    /// First day of the comparison, as the API writes days.
    pub(super) fn first(&self) -> String {
        self.before().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_under_way_ends_the_part_that_is_compared() {
        let view = |label: &str| json!({ "answers": { "series": { "meta": { "time_labels": ["x", label] } } } });
        let hours = EndedHours::of(&view("2026-03-10 11:00:00")).unwrap();
        assert_eq!(hours.title(), "2026-03-10 to 11:00, against 2026-03-03");
        let before = hours.queries("shop.example")["before"]["date_range"].clone();
        assert_eq!(before, json!(["2026-03-03T00:00:00", "2026-03-03T11:00:00"]));
        for label in ["2026-03-10 00:00:00", "2026-03-10", "", "2026-03-10 xx:00:00"] {
            assert_eq!(EndedHours::of(&view(label)), None, "{label}");
        }
    }
}
