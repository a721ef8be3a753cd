//! Which week or month a report is about, and from when it is due. Time is an argument.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::config::ReportSchedule;

/// A week or month of a site that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReportPeriod {
    pub(super) schedule: ReportSchedule,
    /// First of the site's days.
    pub(super) from: Date,
    /// Last of the site's days.
    pub(super) to: Date,
}

impl ReportPeriod {
    /// The last period whose report is due at `now`, from `hour` of the day after it.
    pub(super) fn last_due(schedule: ReportSchedule, now: Timestamp, zone: &TimeZone, hour: i8) -> Self {
        // The day that began `hour` hours ago.
        let shifted = now.to_zoned(zone.clone()).datetime().saturating_sub(i64::from(hour).hours());
        let today = shifted.date();
        match schedule {
            ReportSchedule::Weekly => {
                let monday = today.saturating_sub(i64::from(today.weekday().since(Weekday::Monday)).days());
                Self { schedule, from: monday.saturating_sub(7.days()), to: monday.saturating_sub(1.day()) }
            }
            ReportSchedule::Monthly => {
                let to = today.first_of_month().saturating_sub(1.day());
                Self { schedule, from: to.first_of_month(), to }
            }
        }
    }

    /// The one before it.
    pub(super) fn before(self) -> Self {
        let to = self.from.saturating_sub(1.day());
        let from = match self.schedule {
            ReportSchedule::Weekly => self.from.saturating_sub(7.days()),
            ReportSchedule::Monthly => to.first_of_month(),
        };
        Self { from, to, ..self }
    }

    /// Its name in the file of deliveries.
    pub(super) fn name(self) -> String {
        format!("{} {}", self.word(), self.to)
    }

    /// The word of its schedule.
    pub(super) fn word(self) -> &'static str {
        word(self.schedule)
    }
}

/// The word of a schedule.
pub(super) fn word(schedule: ReportSchedule) -> &'static str {
    match schedule {
        ReportSchedule::Weekly => "weekly",
        ReportSchedule::Monthly => "monthly",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(schedule: ReportSchedule, now: &str) -> (String, String) {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let period = ReportPeriod::last_due(schedule, now.parse().unwrap(), &zone, 7);
        (period.from.to_string(), period.to.to_string())
    }

    #[test]
    fn a_week_is_due_on_monday_morning_of_the_site_and_stays_so_until_the_next() {
        let week = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let before = week("2026-03-02", "2026-03-08");
        let last = week("2026-03-09", "2026-03-15");
        assert_eq!(due(ReportSchedule::Weekly, "2026-03-16T05:59:59Z"), before);
        assert_eq!(due(ReportSchedule::Weekly, "2026-03-16T06:00:00Z"), last);
        assert_eq!(due(ReportSchedule::Weekly, "2026-03-22T23:00:00Z"), last);
        assert_ne!(due(ReportSchedule::Weekly, "2026-03-23T06:00:00Z"), last);
    }

    #[test]
    fn a_month_is_due_on_the_first_of_the_next() {
        let month = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(due(ReportSchedule::Monthly, "2026-03-01T05:00:00Z"), month("2026-01-01", "2026-01-31"));
        assert_eq!(due(ReportSchedule::Monthly, "2026-03-01T06:00:00Z"), month("2026-02-01", "2026-02-28"));
        let period =
            ReportPeriod::last_due(ReportSchedule::Monthly, "2026-03-20T06:00:00Z".parse().unwrap(), &TimeZone::UTC, 7);
        assert_eq!(
            (period.before().from.to_string(), period.before().to.to_string()),
            month("2026-01-01", "2026-01-31")
        );
    }
}
