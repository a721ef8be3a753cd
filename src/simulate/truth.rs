//! What must come out when simulated traffic is counted, found out person by person from the rules' own words.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::simulate::steps::{QueryText, StepKind, VisitStep};

/// The figures of all days together.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Lines written.
    pub events: u64,
    /// Pages shown.
    pub pageviews: u64,
    /// People with a pageview, once a day each.
    pub visitors: u64,
    /// Visits.
    pub visits: u64,
    /// Visits that saw one page and did nothing there.
    pub bounces: u64,
    /// From the first to the last event of every visit.
    pub visit_seconds: i64,
    /// Reading time.
    pub engaged_ms: u64,
    /// Uses of a feature.
    pub actions: u64,
    /// Pages shown that are not there.
    pub not_found: u64,
    /// Script errors, not among the actions.
    pub problems: u64,
    /// Pages shown that answer a search; none of them among the actions.
    pub searches: u64,
    /// Pageviews whose load times came.
    pub timings: u64,
    /// Lines of people who object: none of them is in the other figures, but in `events`.
    pub objections: u64,
    /// Lines of robots, likewise.
    pub robots: u64,
}

impl Truth {
    /// Adds all that one person did who objects to being counted.
    pub(super) fn note_objection(&mut self, steps: &[VisitStep]) {
        self.events += steps.len() as u64;
        self.objections += steps.len() as u64;
    }

    /// Adds all that one person did, in order.
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
