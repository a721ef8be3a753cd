//! Who comes to a simulated site, and each thing that one does there.

use std::net::IpAddr;

use serde::Serialize;

/// Somebody with one day on the site.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub(super) address: IpAddr,
    pub(super) language: &'static str,
    pub(super) width: u16,
    /// Number of the browser's header, or of the robot's.
    pub(super) agent: usize,
    pub(super) kind: PersonKind,
}

/// What the sender of a hit is, or wishes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonKind {
    Usual,
    /// Agreed to the measurement of campaigns.
    Consenting,
    /// Sends `Sec-GPC: 1`.
    Objecting,
    Robot,
}

/// The query string of a page: its number among the campaigns or among the searches.
#[derive(Clone, Copy)]
pub(super) enum QueryText {
    Campaign(usize),
    Search(usize),
}

/// Something that somebody does.
#[derive(Clone, Copy)]
pub(super) struct VisitStep {
    /// Seconds since 1970.
    pub(super) at: i64,
    /// Number of the page.
    pub(super) page: usize,
    pub(super) what: StepKind,
}

#[derive(Clone, Copy)]
pub(super) enum StepKind {
    /// Looks at the page, coming from another page of the site, from another site, or from nowhere.
    View { from: Option<usize>, outside: Option<&'static str>, query: Option<QueryText> },
    /// Leaves it.
    Reading { engaged_ms: u32, depth: u8 },
    /// Uses a feature of it.
    Use { number: usize, value: usize },
    /// The page's load times are known.
    Timing(LoadTimes),
    /// The page says that it is not there.
    NotFound,
    /// A script fails; the kind of the error.
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
