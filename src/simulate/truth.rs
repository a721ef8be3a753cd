//! Figures that counting simulated traffic must give, counted person by person from the written rules.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::simulate::steps::{QueryText, StepKind, VisitStep};

/// Totals over all days.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Number of lines written.
    pub events: u64,
    /// Views of pages, also of pages that do not exist.
    pub pageviews: u64,
    /// People with a pageview, once a day each.
    pub visitors: u64,
    /// Visits that began in the traffic.
    pub visits: u64,
    /// Visits with one pageview and no action.
    pub bounces: u64,
    /// Seconds from the first to the last event, over all visits.
    pub visit_seconds: i64,
    /// Reading time, in milliseconds.
    pub engaged_ms: u64,
    /// Uses of features, without searches and errors.
    pub actions: u64,
    /// Views of pages that do not exist.
    pub not_found: u64,
    /// Script errors, not among the actions.
    pub problems: u64,
    /// Pageviews that answer a search; not among the actions.
    pub searches: u64,
    /// Pageviews with load times.
    pub timings: u64,
    /// Lines of people who object: counted in `events` and nowhere else.
    pub objections: u64,
    /// Lines of robots: counted in `events` and nowhere else.
    pub robots: u64,
}

impl Truth {
    /// Adds all steps of a person who objects.
    pub(super) fn note_objection(&mut self, steps: &[VisitStep]) {
        self.events += steps.len() as u64;
        self.objections += steps.len() as u64;
    }

    /// Adds all steps of one person, in order.
    pub(super) fn note(&mut self, steps: &[VisitStep], timezone: &TimeZone) {
        let mut days: BTreeSet<Date> = BTreeSet::new();
        let mut last: Option<i64> = None;
        let (mut views, mut used) = (0, false);
        for step in steps {
            self.events += 1;
            let gap = last.map(|last| step.at - last);
            if let StepKind::View { query, .. } = step.what {
                self.pageviews += 1;
                self.searches += u64::from(matches!(query, Some(QueryText::Search(_))));
                days.extend(Timestamp::from_second(step.at).ok().map(|at| timezone.to_datetime(at).date()));
                if gap.is_none_or(|gap| gap > 1_800) {
                    self.visits += 1;
                    self.bounces += u64::from(views == 1 && !used);
                    (views, used) = (0, false);
                }
                views += 1;
            }
            self.visit_seconds += gap.filter(|gap| *gap <= 1_800).unwrap_or(0);
            match step.what {
                StepKind::View { .. } => {}
                StepKind::Reading { engaged_ms, .. } => self.engaged_ms += u64::from(engaged_ms),
                StepKind::Use { .. } => {
                    self.actions += 1;
                    used = true;
                }
                StepKind::Timing(_) => self.timings += 1,
                StepKind::NotFound => self.not_found += 1,
                StepKind::Problem(_) => self.problems += 1,
            }
            last = Some(step.at);
        }
        self.bounces += u64::from(views == 1 && !used);
        self.visitors += days.len() as u64;
    }
}
