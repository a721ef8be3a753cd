//! A plan of traffic: which site, which days, how many visitors.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::simulate::extras::TrafficExtras;

/// What people do on a site beside reading.
#[derive(Debug, Clone)]
pub struct SiteUse {
    /// The pages where it can be done begin with this.
    pub on: String,
    /// Name of the action.
    pub action: String,
    /// Name of its property.
    pub property: String,
    /// Values that the property has.
    pub values: Vec<String>,
}

/// The traffic to make.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Scheme and host of the site's pages.
    pub origin: String,
    /// The site's pages, the most read first; the first is where half of the visits begin.
    pub pages: Vec<String>,
    /// What people do there.
    pub uses: Vec<SiteUse>,
    /// First day.
    pub first: Date,
    /// Number of days.
    pub days: u32,
    /// Decides when a day is.
    pub timezone: TimeZone,
    /// People of a day, on average; at most [`VISITORS_A_DAY_MAX`](crate::simulate::VISITORS_A_DAY_MAX).
    pub visitors_per_day: u32,
    /// Other seeds give other people.
    pub seed: u64,
    /// What there is beside pages, reading and actions.
    pub extras: TrafficExtras,
}
