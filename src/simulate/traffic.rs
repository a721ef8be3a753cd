//! A plan of traffic: its site, its days, its visitors.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::simulate::extras::TrafficExtras;

/// An action that people use on a site.
#[derive(Debug, Clone)]
pub struct SiteUse {
    /// Prefix of the pages that offer it.
    pub on: String,
    /// Name of the action.
    pub action: String,
    /// Name of its one property.
    pub property: String,
    /// Values of the property.
    pub values: Vec<String>,
}

/// The plan of the traffic.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Scheme and host of the site's pages.
    pub origin: String,
    /// The site's pages, the most read first; the first is where half of the visits begin.
    pub pages: Vec<String>,
    /// Actions that people use there.
    pub uses: Vec<SiteUse>,
    /// First day of the traffic.
    pub first: Date,
    /// Number of days of traffic.
    pub days: u32,
    /// Time zone that decides the days.
    pub timezone: TimeZone,
    /// People per day, on average; at most [`VISITORS_A_DAY_MAX`](crate::simulate::VISITORS_A_DAY_MAX).
    pub visitors_per_day: u32,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Additions beside pages, reading and actions.
    pub extras: TrafficExtras,
}
