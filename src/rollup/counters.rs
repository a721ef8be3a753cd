//! Rows of a batch, field by field as in the waiting tables of `schema/0003_waiting.sql` and
//! `schema/0005_uncounted.sql`. Figures are sums; a correction is a row with a negative figure.

use std::collections::BTreeSet;
use std::sync::Arc;

use clickhouse::Row;
use serde::Serialize;

/// All rows of one segment: the same segment always folds to the same batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Deduplication token: the node's name and the segment's number.
    pub token: String,
    /// Import that the rows come from, such as `plausible:2026-03-04T10:11:12Z`; empty: measured.
    pub origin: Arc<str>,
    /// Rows of `pages`.
    pub pages: Vec<PagesRow>,
    /// Rows of `breakdowns`.
    pub breakdowns: Vec<BreakdownsRow>,
    /// Rows of `actions`.
    pub actions: Vec<ActionsRow>,
    /// Rows of `timings`.
    pub timings: Vec<TimingsRow>,
    /// Rows of `robots`.
    pub robots: Vec<RobotsRow>,
    /// Rows of `outcomes`.
    pub outcomes: Vec<OutcomesRow>,
}

impl Batch {
    /// Number of all rows.
    pub fn rows(&self) -> usize {
        let visits = self.pages.len() + self.breakdowns.len() + self.actions.len() + self.timings.len();
        visits + self.robots.len() + self.outcomes.len()
    }

    /// All days of its rows, since 1970-01-01.
    pub(crate) fn days(&self) -> BTreeSet<u16> {
        let mut days: BTreeSet<u16> = self.pages.iter().map(|row| row.day).collect();
        days.extend(self.breakdowns.iter().map(|row| row.day));
        days.extend(self.actions.iter().map(|row| row.day));
        days.extend(self.timings.iter().map(|row| row.day));
        days.extend(self.robots.iter().map(|row| row.day));
        days.extend(self.outcomes.iter().map(|row| row.day));
        days
    }

    /// The rows whose site and day are `wanted`, in their order, under the same token.
    pub(crate) fn part(&self, wanted: impl Fn(&str, u16) -> bool) -> Self {
        /// Clones of these rows.
        macro_rules! rows {
            ($table:ident) => {
                self.$table.iter().filter(|row| wanted(&row.site, row.day)).cloned().collect()
            };
        }
        Self {
            token: self.token.clone(),
            origin: self.origin.clone(),
            pages: rows!(pages),
            breakdowns: rows!(breakdowns),
            actions: rows!(actions),
            timings: rows!(timings),
            robots: rows!(robots),
            outcomes: rows!(outcomes),
        }
    }

    /// Sites of the rows.
    pub(crate) fn sites(&self) -> BTreeSet<&str> {
        let visits = self.pages.iter().map(|row| &*row.site).chain(self.breakdowns.iter().map(|row| &*row.site));
        let uses = self.actions.iter().map(|row| &*row.site).chain(self.timings.iter().map(|row| &*row.site));
        let others = self.robots.iter().map(|row| &*row.site).chain(self.outcomes.iter().map(|row| &*row.site));
        visits.chain(uses).chain(others).collect()
    }
}

/// `pages`: a page's figures within an hour.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct PagesRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Start of the UTC hour, seconds since 1970.
    pub hour: u32,
    /// Page of the site.
    pub page: Arc<str>,
    /// Number of pageviews, summed over hits.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
    /// First pageviews of a visitor's day on this page.
    pub page_visitors: i64,
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

/// `breakdowns`: a page's figures of a day by one dimension.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct BreakdownsRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Name of the dimension.
    pub dimension: &'static str,
    /// Page of the site.
    pub page: Arc<str>,
    /// Value of the dimension.
    pub value: Arc<str>,
    /// Number of pageviews, summed over hits.
    pub pageviews: i64,
    /// First pageviews of a visitor's day.
    pub visitors: i64,
    /// First pageviews of a visitor's day on this page.
    pub page_visitors: i64,
    /// Visits that began here.
    pub visits: i64,
    /// Visits that began here, without another pageview or interactive action.
    pub bounces: i64,
    /// Seconds of the visits that began here.
    pub visit_seconds: i64,
}

impl PagesRow {
    /// A row of site, day, hour and page; the sums in the order of the fields.
    pub fn of((site, day, hour, page): (Arc<str>, u16, u32, Arc<str>), sums: [i64; 12]) -> Self {
        let [pageviews, visitors, page_visitors, visits, exits, bounces, visit_seconds, read @ ..] = sums;
        let [engaged_ms, engaged_views, scroll_percent, scroll_views, not_found] = read;
        Self {
            site,
            day,
            hour,
            page,
            pageviews,
            visitors,
            page_visitors,
            visits,
            exits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
        }
    }

    /// The sums in the order of the fields.
    pub fn sums(&self) -> [i64; 12] {
        let [a, b, c, d, e, f] =
            [self.pageviews, self.visitors, self.page_visitors, self.visits, self.exits, self.bounces];
        let [g, h, i] = [self.visit_seconds, self.engaged_ms, self.engaged_views];
        [a, b, c, d, e, f, g, h, i, self.scroll_percent, self.scroll_views, self.not_found]
    }
}

/// Site, day, dimension, page and value of a [`BreakdownsRow`].
type BreakdownColumns = (Arc<str>, u16, &'static str, Arc<str>, Arc<str>);

impl BreakdownsRow {
    /// A row of this key; the sums in the order of the fields.
    pub fn of((site, day, dimension, page, value): BreakdownColumns, sums: [i64; 6]) -> Self {
        let [pageviews, visitors, page_visitors, visits, bounces, visit_seconds] = sums;
        Self { site, day, dimension, page, value, pageviews, visitors, page_visitors, visits, bounces, visit_seconds }
    }

    /// The sums in the order of the fields.
    pub fn sums(&self) -> [i64; 6] {
        [self.pageviews, self.visitors, self.page_visitors, self.visits, self.bounces, self.visit_seconds]
    }
}

/// `actions`: uses of a feature on a page within a day; property and value are empty in the row of the action itself.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct ActionsRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Page of the site.
    pub page: Arc<str>,
    /// Name of the action.
    pub action: Arc<str>,
    /// Declared property, or empty.
    pub property: Arc<str>,
    /// Value of the property, or empty.
    pub value: Arc<str>,
    /// Number of uses.
    pub count: i64,
    /// First uses of a visitor's day.
    pub visitors: i64,
}

/// `timings`: one bucket of a histogram of load times.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct TimingsRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Start of the UTC hour, seconds since 1970.
    pub hour: u32,
    /// Page of the site.
    pub page: Arc<str>,
    /// Name of the load time.
    pub metric: &'static str,
    /// Bucket; its upper bound is 2^(bucket/4) ms.
    pub bucket: u8,
    /// Number of times in this bucket.
    pub count: i64,
}

/// `robots`: hits of one kind of robots on a page within a day.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct RobotsRow {
    /// Name of the site, as configured.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Cleaned path, or `(other)`.
    pub page: Arc<str>,
    /// Purpose of the robots.
    pub kind: &'static str,
    /// Number of hits, summed.
    pub hits: i64,
}

/// `outcomes`: hits of a site within a day by outcome.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct OutcomesRow {
    /// Name of the site, as configured.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// Outcome of the hits.
    pub outcome: &'static str,
    /// Number of hits, summed.
    pub hits: i64,
}

/// `imports`: a day with imported figures.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct ImportsRow {
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Site-local day, days since 1970-01-01.
    pub day: u16,
    /// SHA-256 of the imported data, hexadecimal.
    pub source: Arc<str>,
}
