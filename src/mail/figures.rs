//! Published figures for a report or an alert, read as the reading user. Must ask for nothing that a token of the site
//! could not ask for.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::event::Dimension;
use crate::mail::periods::ReportPeriod;
use crate::sites::Site;
use crate::store::report::{Column, Direction, Grain, HourSpan, Metric, Origins, Report, Role, Subject};
use crate::store::reports::{ReportError, ReportRow, Reports};

/// Rows of one list of a report.
const ROWS: u32 = 10;

/// Number of previous weeks in the usual figure.
const WEEKS: i64 = 4;

/// Figures of a report.
pub(super) struct PeriodFigures {
    /// Totals of the period.
    pub(super) now: ReportRow,
    /// Totals of the previous period.
    pub(super) before: ReportRow,
    /// First rows of each list, in the order of [`LISTS`].
    pub(super) lists: Vec<Vec<ReportRow>>,
}

/// Subject of a report's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportList {
    Pages,
    Referrers,
    Countries,
    Devices,
    Actions,
}

/// The lists of a report, in its order.
pub(super) const LISTS: [ReportList; 5] =
    [ReportList::Pages, ReportList::Referrers, ReportList::Countries, ReportList::Devices, ReportList::Actions];

impl ReportList {
    /// Metric that the rows show and are ordered by.
    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Pages => Metric::Pageviews,
            Self::Referrers | Self::Countries | Self::Devices => Metric::Visitors,
            Self::Actions => Metric::Events,
        }
    }

    fn subject(self) -> Subject {
        match self {
            Self::Pages => Subject::Pages(Role::Viewed),
            Self::Referrers => Subject::Breakdown(Dimension::Referrer),
            Self::Countries => Subject::Breakdown(Dimension::Country),
            Self::Devices => Subject::Breakdown(Dimension::Device),
            Self::Actions => Subject::Actions { property: None },
        }
    }
}

/// Figures of one site.
pub(super) struct SiteFigures<'f> {
    pub(super) reports: &'f Reports,
    pub(super) site: &'f Site,
    /// Smallest number below the line of a rate.
    pub(super) rate_base_min: i64,
}

impl SiteFigures<'_> {
    /// All that a report shows.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn period(&self, period: ReportPeriod) -> Result<PeriodFigures, ReportError> {
        let whole = self.report(period.from, period.to);
        let before = period.before();
        let mut lists = Vec::new();
        for list in LISTS {
            let by_page = list == ReportList::Pages;
            lists.push(
                self.reports
                    .rows(&Report {
                        subject: list.subject(),
                        by_page,
                        by_value: !by_page,
                        order: vec![(Column::Metric(list.metric()), Direction::Descending)],
                        limit: ROWS,
                        ..whole.clone()
                    })
                    .await?,
            );
        }
        Ok(PeriodFigures {
            now: self.reports.whole(&whole).await?,
            before: self.reports.whole(&self.report(before.from, before.to)).await?,
            lists,
        })
    }

    /// A sum over a day.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn day(&self, day: Date, metric: Metric) -> Result<i64, ReportError> {
        self.count(&self.report(day, day), metric).await
    }

    /// A sum over the hours that end at `end`.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn hours(&self, end: Timestamp, hours: u32, metric: Metric) -> Result<i64, ReportError> {
        let from = end.saturating_sub(i64::from(hours).hours()).unwrap_or(end);
        let day = |time: Timestamp| time.to_zoned(self.site.timezone.clone()).date();
        let last = end.saturating_sub(1.second()).unwrap_or(end);
        let report = Report { hours: Some(HourSpan { from, to: end }), ..self.report(day(from), day(last)) };
        self.count(&report, metric).await
    }

    /// The usual figure: the median of the same day of four weeks before.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn usual_day(&self, day: Date, metric: Metric) -> Result<i64, ReportError> {
        let mut figures = Vec::new();
        for week in 1..=WEEKS {
            figures.push(self.day(day.saturating_sub(week.weeks()), metric).await?);
        }
        Ok(median(figures))
    }

    /// The same for hours.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn usual_hours(&self, end: Timestamp, hours: u32, metric: Metric) -> Result<i64, ReportError> {
        let mut figures = Vec::new();
        for week in 1..=WEEKS {
            let then = end.saturating_sub((week * 7 * 24).hours()).unwrap_or(end);
            figures.push(self.hours(then, hours, metric).await?);
        }
        Ok(median(figures))
    }

    /// Whether the site had a pageview in the three weeks that end a week before `day`: else nothing is usual yet.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn has_history(&self, day: Date) -> Result<bool, ReportError> {
        let report = self.report(day.saturating_sub(28.days()), day.saturating_sub(7.days()));
        Ok(self.count(&report, Metric::Pageviews).await? > 0)
    }

    async fn count(&self, report: &Report, metric: Metric) -> Result<i64, ReportError> {
        Ok(self.reports.whole(report).await?.number(metric).unwrap_or(0))
    }

    fn report(&self, from: Date, to: Date) -> Report {
        Report {
            site: self.site.name.to_string(),
            timezone: self.site.timezone.iana_name().unwrap_or("UTC").to_owned(),
            from,
            to,
            hours: None,
            grain: Grain::Whole,
            subject: Subject::Pages(Role::Viewed),
            by_page: false,
            by_value: false,
            metrics: Metric::ALL.to_vec(),
            condition: None,
            origins: Origins::Measured,
            rate_base_min: self.rate_base_min,
            order: Vec::new(),
            limit: 1,
            offset: 0,
        }
    }
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut figures: Vec<i64>) -> i64 {
    figures.sort_unstable();
    let middle = figures.len() / 2;
    let (Some(upper), lower) = (figures.get(middle), figures.get(middle.saturating_sub(1))) else { return 0 };
    if figures.len() % 2 == 1 { *upper } else { (upper + lower.unwrap_or(upper)) / 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_week_does_not_move_what_is_usual() {
        assert_eq!(median(vec![100, 110, 90, 9_000]), 105);
        assert_eq!(median(vec![3, 1, 2]), 2);
        assert_eq!(median(Vec::new()), 0);
    }
}
