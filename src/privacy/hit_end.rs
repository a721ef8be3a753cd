//! The end of a hit that is not counted, as its sender and the metrics are told. Must hold nothing of the hit but a
//! robot's page, cleaned.

use std::sync::Arc;

use crate::event::RobotKind;
use crate::outcome::{Dropped, Outcome, Rejection};
use crate::sites::Site;

/// A hit that is dropped or rejected.
#[derive(Debug)]
pub struct HitEnd {
    /// Site of the hit, if known: for the metric.
    pub site: Option<Arc<Site>>,
    /// Outcome of the hit.
    pub why: EndReason,
    /// Page and kind of a robot's hit.
    pub robot: Option<RobotHit>,
}

/// Reason why a hit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Deliberately not counted, answered `202`.
    Dropped(Dropped),
    /// Rejected, for its sender to correct or retry; the text states the fault and holds nothing of the input.
    Refused(Rejection, &'static str),
}

/// A robot's hit, without the robot.
#[derive(Debug, PartialEq, Eq)]
pub struct RobotHit {
    /// The site's page, cleaned.
    pub page: Box<str>,
    /// Purpose of the robot.
    pub kind: RobotKind,
    /// Of its network, in this process alone: it decides which pages have a row, and is kept with none.
    pub(crate) network: u32,
}

impl HitEnd {
    /// A hit that is not counted on purpose.
    pub fn dropped(site: Option<Arc<Site>>, reason: Dropped) -> Self {
        Self { site, why: EndReason::Dropped(reason), robot: None }
    }

    /// A hit that cannot be taken; `why` holds nothing of the input.
    pub fn refused(site: Option<Arc<Site>>, refused: Rejection, why: &'static str) -> Self {
        Self { site, why: EndReason::Refused(refused, why), robot: None }
    }

    /// Outcome of the hit.
    pub fn outcome(&self) -> Outcome {
        match self.why {
            EndReason::Dropped(reason) => Outcome::Dropped(reason),
            EndReason::Refused(refused, _) => Outcome::Refused(refused),
        }
    }
}
