//! People of a simulated site, and their steps on it.

use std::net::IpAddr;

use serde::Serialize;

/// A person with one day on the site.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub(super) address: IpAddr,
    pub(super) language: &'static str,
    pub(super) width: u16,
    /// Number of the browser's header, or of the robot's.
    pub(super) agent: usize,
    pub(super) kind: PersonKind,
}

/// Consent or objection of a person, or a robot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonKind {
    Usual,
    /// Consents to the measurement of campaigns.
    Consenting,
    /// A visitor whose browser sends `Sec-GPC: 1`: never counted.
    Objecting,
    Robot,
}

/// Query string of a page: its number among the campaigns or the searches.
#[derive(Clone, Copy)]
pub(super) enum QueryText {
    Campaign(usize),
    Search(usize),
}

/// One thing that a person does.
#[derive(Clone, Copy)]
pub(super) struct VisitStep {
    /// Time in seconds since 1970.
    pub(super) at: i64,
    /// Number of the page.
    pub(super) page: usize,
    pub(super) what: StepKind,
}

#[derive(Clone, Copy)]
pub(super) enum StepKind {
    /// Views the page, coming from another page of the site, from another site, or directly.
    View { from: Option<usize>, outside: Option<&'static str>, query: Option<QueryText> },
    /// Leaves the page after reading.
    Reading { engaged_ms: u32, depth: u8 },
    /// Uses a feature of the page.
    Use { number: usize, value: usize },
    /// The page reports its load times.
    Timing(LoadTimes),
    /// The page reports that it does not exist.
    NotFound,
    /// A script fails with this kind of error.
    Problem(&'static str),
}

/// Load times of one pageview, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct LoadTimes {
    pub(super) ttfb: u32,
    pub(super) fcp: u32,
    pub(super) lcp: u32,
    pub(super) inp: u32,
    pub(super) dom: u32,
    pub(super) load: u32,
}
