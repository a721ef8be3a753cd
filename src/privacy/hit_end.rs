//! The end of a hit that is not counted, as its sender and the metrics are told. Must hold nothing of the hit.

use std::sync::Arc;

use crate::outcome::{Dropped, Rejection};
use crate::sites::Site;

/// A hit that goes no further.
#[derive(Debug)]
pub struct HitEnd {
    /// Its site, where that is known: for the metric.
    pub site: Option<Arc<Site>>,
    /// What became of it.
    pub why: EndReason,
}

/// Why a hit goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// On purpose.
    Dropped(Dropped),
    /// For its sender to mend or repeat; the text says what is wrong and holds nothing of the input.
    Refused(Rejection, &'static str),
}

impl HitEnd {
    /// A hit that cannot be taken.
    pub fn refused(site: Option<Arc<Site>>, refused: Rejection) -> Self {
        Self { site, why: EndReason::Refused(refused, "") }
    }
}
