//! When a site has an alert: a spike by the hour, a drop by the day, hours without traffic. Judges published figures
//! alone, each hour and day once.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::clock::HOUR_SECONDS;
use crate::config::MailAlertConfig;
use crate::mail::figures::SiteFigures;
use crate::release::calendar::closes_at;
use crate::release::rules::CLOSES_AFTER;
use crate::store::report::Metric;
use crate::store::reports::ReportError;

/// Kind of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlertKind {
    /// Far more visitors in an hour than usual.
    Spike,
    /// Far fewer visitors in a day than usual.
    Drop,
    /// Hours without a pageview.
    NoTraffic,
}

/// The hour or day that an alert looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlertWindow {
    /// This number of hours, up to this moment.
    Hours(Timestamp, u32),
    /// A day of the site.
    Day(Date),
}

/// Result of a check: whether the alert holds, its figure and the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AlertFinding {
    pub(super) holds: bool,
    pub(super) figure: i64,
    pub(super) usual: i64,
}

impl AlertKind {
    /// All kinds, in the order of the configuration.
    pub(super) const ALL: [Self; 3] = [Self::Spike, Self::Drop, Self::NoTraffic];

    /// Its word in files and webhooks.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Drop => "drop",
            Self::NoTraffic => "no_traffic",
        }
    }

    /// Its name in the file of deliveries: the site and the bounds, so that other bounds are another alert.
    pub(super) fn name(self, rules: &MailAlertConfig, site: &str) -> String {
        let bound = match self {
            Self::Spike => rules.spike_percent,
            Self::Drop => rules.drop_percent,
            Self::NoTraffic => rules.no_traffic_hours,
        };
        format!("{} {bound} {} {site}", self.word(), rules.least)
    }

    /// Metric of the alert's figure.
    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Spike | Self::Drop => Metric::Visitors,
            Self::NoTraffic => Metric::Pageviews,
        }
    }

    /// The last hour or day that is over at `now` with its late corrections; none where the alert is off.
    pub(super) fn window(
        self,
        rules: &MailAlertConfig,
        now: Timestamp,
        figures: &SiteFigures<'_>,
    ) -> Option<AlertWindow> {
        let settled = now.saturating_sub(CLOSES_AFTER).unwrap_or(now);
        let seconds = settled.as_second().div_euclid(HOUR_SECONDS).saturating_mul(HOUR_SECONDS);
        let hour_end = Timestamp::from_second(seconds).ok()?;
        let yesterday = settled.to_zoned(figures.site.timezone.clone()).date().saturating_sub(1.day());
        match self {
            Self::Spike => (rules.spike_percent > 0).then_some(AlertWindow::Hours(hour_end, 1)),
            Self::Drop => (rules.drop_percent > 0).then_some(AlertWindow::Day(yesterday)),
            Self::NoTraffic => {
                (rules.no_traffic_hours > 0).then_some(AlertWindow::Hours(hour_end, rules.no_traffic_hours))
            }
        }
    }

    /// Checks the published figures of `window`.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub(super) async fn judge(
        self,
        rules: &MailAlertConfig,
        window: AlertWindow,
        figures: &SiteFigures<'_>,
    ) -> Result<AlertFinding, ReportError> {
        let metric = self.metric();
        let (figure, usual, day) = match window {
            AlertWindow::Hours(end, hours) => (
                figures.hours(end, hours, metric).await?,
                figures.usual_hours(end, hours, metric).await?,
                end.to_zoned(figures.site.timezone.clone()).date(),
            ),
            AlertWindow::Day(day) => (figures.day(day, metric).await?, figures.usual_day(day, metric).await?, day),
        };
        let holds = self.holds(rules, figure, usual) && figures.has_history(day).await?;
        Ok(AlertFinding { holds, figure, usual })
    }

    fn holds(self, rules: &MailAlertConfig, figure: i64, usual: i64) -> bool {
        let least = i64::from(rules.least);
        let percent = |percent: u32| usual.saturating_mul(i64::from(percent));
        match self {
            Self::Spike => figure >= least && figure.saturating_mul(100) >= percent(rules.spike_percent),
            Self::Drop => usual >= least && figure.saturating_mul(100) <= percent(rules.drop_percent),
            Self::NoTraffic => usual >= least && figure == 0,
        }
    }
}

impl AlertWindow {
    /// Its name in the site's time zone: `2026-03-10`, `2026-03-10 14:00`; hours are named by their last.
    pub(super) fn name(self, figures: &SiteFigures<'_>) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Hours(end, _) => {
                let last = end.saturating_sub(1.hours()).unwrap_or(end).to_zoned(figures.site.timezone.clone());
                format!("{} {:02}:00", last.date(), last.hour())
            }
        }
    }

    /// When its figures are published.
    pub(super) fn published_at(self, figures: &SiteFigures<'_>) -> Timestamp {
        match self {
            Self::Hours(end, _) => end.saturating_add(CLOSES_AFTER).unwrap_or(end),
            Self::Day(day) => closes_at(day, std::slice::from_ref(&figures.site.timezone)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_hold_at_their_bounds_and_not_for_figures_that_chance_moves() {
        let rules = MailAlertConfig::default();
        for (kind, figure, usual, holds) in [
            (AlertKind::Spike, 300, 100, true),
            (AlertKind::Spike, 299, 100, false),
            (AlertKind::Spike, 90, 0, false),
            (AlertKind::Spike, 100, 0, true),
            (AlertKind::Drop, 50, 100, true),
            (AlertKind::Drop, 51, 100, false),
            (AlertKind::Drop, 0, 99, false),
            (AlertKind::NoTraffic, 0, 100, true),
            (AlertKind::NoTraffic, 0, 90, false),
            (AlertKind::NoTraffic, 10, 1_000, false),
        ] {
            assert_eq!(kind.holds(&rules, figure, usual), holds, "{kind:?} {figure} {usual}");
        }
    }
}
