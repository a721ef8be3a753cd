//! The rows of the published tables, field by field as in `schema/0002_published.sql`. Figures are sums; a correction
//! is a row with a negative figure.

use std::sync::Arc;

use clickhouse::Row;
use serde::{Serialize, Serializer};

/// Period whose remainder a published row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i8)]
pub enum Period {
    /// A day; with `exact`, all of it.
    Day = 1,
    /// A week, dated on its Sunday.
    Week = 2,
    /// A month, dated on its last day.
    Month = 3,
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i8(*self as i8)
    }
}

/// `site_hours`: the site by hour.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct SiteHoursRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Start of the UTC hour, seconds since 1970.
    pub hour: u32,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Number of pageviews.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
    /// Visits that began here.
    pub visits: i64,
}

/// `site_days`: the site by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct SiteDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Number of pageviews.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
    /// Visits that began here.
    pub visits: i64,
    /// Visits that began here, without another pageview or interactive action.
    pub bounces: i64,
    /// Seconds of the visits that began here.
    pub visit_seconds: i64,
    /// Visible and active time, milliseconds.
    pub engaged_ms: i64,
    /// Page views with a reading time.
    pub engaged_views: i64,
    /// Sum of scroll depths, percent.
    pub scroll_percent: i64,
    /// Page views with a scroll depth.
    pub scroll_views: i64,
    /// Views of pages that do not exist.
    pub not_found: i64,
}

/// `page_hours`: a page by hour.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct PageHoursRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Start of the UTC hour, seconds since 1970.
    pub hour: u32,
    /// Page of the site.
    pub page: Arc<str>,
    /// Number of pageviews.
    pub pageviews: i64,
    /// Visits that began here.
    pub visits: i64,
}

/// `page_days`: a page by day; a visitor counts once for each page.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct PageDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Page of the site.
    pub page: Arc<str>,
    /// Number of pageviews.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
    /// Visits that began here.
    pub visits: i64,
    /// Visits whose last page is this one.
    pub exits: i64,
    /// Visits that began here, without another pageview or interactive action.
    pub bounces: i64,
    /// Seconds of the visits that began here.
    pub visit_seconds: i64,
    /// Visible and active time, milliseconds.
    pub engaged_ms: i64,
    /// Page views with a reading time.
    pub engaged_views: i64,
    /// Sum of scroll depths, percent.
    pub scroll_percent: i64,
    /// Page views with a scroll depth.
    pub scroll_views: i64,
    /// Views of pages that do not exist.
    pub not_found: i64,
}

/// `dimension_days`: a value of a dimension by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct DimensionDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Name of the dimension.
    pub dimension: &'static str,
    /// Value of the dimension.
    pub value: Arc<str>,
    /// Number of pageviews.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
    /// Visits that began here.
    pub visits: i64,
    /// Visits that began here, without another pageview or interactive action.
    pub bounces: i64,
    /// Seconds of the visits that began here.
    pub visit_seconds: i64,
}

/// `dimension_page_days`: a value of a dimension on a page by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct DimensionPageDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Name of the dimension.
    pub dimension: &'static str,
    /// Page of the site.
    pub page: Arc<str>,
    /// Value of the dimension.
    pub value: Arc<str>,
    /// Number of pageviews.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
}

/// `action_days`: an action by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct ActionDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// Number of uses.
    pub count: i64,
    /// First uses of a visitor's day.
    pub visitors: i64,
}

/// `action_page_days`: an action on a page by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct ActionPageDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Page of the site.
    pub page: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// Number of uses.
    pub count: i64,
    /// First uses of a visitor's day.
    pub visitors: i64,
}

/// `action_value_days`: a value of an action's property by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct ActionValueDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// Declared property of the action.
    pub property: Arc<str>,
    /// Value of the property.
    pub value: Arc<str>,
    /// Number of uses.
    pub count: i64,
    /// First uses of a visitor's day.
    pub visitors: i64,
}

/// `timing_days`: one bucket of the site's histogram by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct TimingDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Name of the load time.
    pub metric: &'static str,
    /// Bucket; its upper bound is 2^(bucket/4) ms.
    pub bucket: u8,
    /// Number of times in this bucket.
    pub count: i64,
}

/// `timing_page_days`: one bucket of a page's histogram by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct TimingPageDaysRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period whose remainder the row holds.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Page of the site.
    pub page: Arc<str>,
    /// Name of the load time.
    pub metric: &'static str,
    /// Bucket; its upper bound is 2^(bucket/4) ms.
    pub bucket: u8,
    /// Number of times in this bucket.
    pub count: i64,
}

/// `robot_days`: hits of one kind of robots on a page by day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct RobotDaysRow {
    /// Name of the site, as configured.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period of which the row is the rest.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Cleaned path, or `(other)`.
    pub page: Arc<str>,
    /// Purpose of the robots.
    pub kind: &'static str,
    /// Number of hits, summed.
    pub hits: i64,
}

/// `outcome_days`: hits by outcome and day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct OutcomeDaysRow {
    /// Name of the site, as configured.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Period of which the row is the rest.
    pub period: Period,
    /// Import that brought the row; empty: measured.
    pub origin: Arc<str>,
    /// Outcome of the hits.
    pub outcome: &'static str,
    /// Number of hits, summed.
    pub hits: i64,
}
