//! Queries without a name in the query API: robots, outcomes, pages not found, histograms of load times, the first
//! day. Each is one fixed text over a published table; values travel as parameters.

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::store::reports::{ReportError, Reports};

/// A query over a published table; each variant lists its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedQuery {
    /// `name`, `hits`: requests by kind of robot.
    RobotKinds,
    /// `time`, `name`, `hits`: kinds of robots by day.
    RobotDays,
    /// `name`, `hits`, `ai`: pages by the hits of robots.
    RobotPages,
    /// `name`, `hits`: hits by outcome.
    Outcomes,
    /// `time`, `name`, `hits`: hits by outcome and day.
    OutcomeDays,
    /// `name`, `hits`: requests of pages that do not exist.
    NotFound,
    /// `metric`, `bucket`, `count`: histograms of load times.
    Histogram,
    /// The same of one page.
    HistogramOfPage,
    /// `pageviews`, `visitors`: sums over the days.
    Total,
    /// `day`: the first day with a figure, or no row.
    FirstDay,
}

impl PublishedQuery {
    /// The query with this name in `POST /api/view`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "robot_kinds" => Self::RobotKinds,
            "robot_days" => Self::RobotDays,
            "robot_pages" => Self::RobotPages,
            "outcomes" => Self::Outcomes,
            "outcome_days" => Self::OutcomeDays,
            "not_found" => Self::NotFound,
            "histogram" => Self::Histogram,
            "first_day" => Self::FirstDay,
            _ => return None,
        })
    }

    fn sql(self) -> &'static str {
        match self {
            Self::RobotKinds => {
                "SELECT toString(kind) AS name, sum(hits) AS hits FROM robot_days WHERE site = {site:String} \
                 AND day BETWEEN {from:Date} AND {to:Date} AND (page = {page:String} OR {page:String} = '') \
                 GROUP BY name HAVING hits > 0 ORDER BY hits DESC, name"
            }
            Self::RobotDays => {
                "SELECT toString(day) AS time, toString(kind) AS name, sum(hits) AS hits FROM robot_days \
                 WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} \
                 AND (page = {page:String} OR {page:String} = '') GROUP BY day, kind ORDER BY day, name"
            }
            Self::RobotPages => {
                "SELECT page AS name, sum(of_day.hits) AS hits, \
                 sumIf(of_day.hits, kind IN ('ai_assistant', 'ai_crawler')) AS ai \
                 FROM robot_days AS of_day WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} \
                 AND (page = {page:String} OR {page:String} = '') \
                 GROUP BY page HAVING hits > 0 ORDER BY hits DESC, name LIMIT 100"
            }
            Self::Outcomes => {
                "SELECT toString(outcome) AS name, sum(hits) AS hits FROM outcome_days WHERE site = {site:String} \
                 AND day BETWEEN {from:Date} AND {to:Date} AND {page:String} = '' \
                 GROUP BY name HAVING hits > 0 ORDER BY hits DESC, name"
            }
            Self::OutcomeDays => {
                "SELECT toString(day) AS time, toString(outcome) AS name, sum(hits) AS hits FROM outcome_days \
                 WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} AND {page:String} = '' \
                 GROUP BY day, outcome ORDER BY day, name"
            }
            Self::NotFound => {
                "SELECT page AS name, sum(not_found) AS hits FROM page_days WHERE site = {site:String} \
                 AND day BETWEEN {from:Date} AND {to:Date} AND (page = {page:String} OR {page:String} = '') \
                 GROUP BY page HAVING hits > 0 ORDER BY hits DESC, name LIMIT 100"
            }
            Self::Histogram => {
                "SELECT toString(metric) AS metric, toUInt8(bucket) AS bucket, sum(of_day.count) AS count \
                 FROM timing_days AS of_day WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} \
                 AND {page:String} = '' GROUP BY metric, bucket HAVING count > 0 ORDER BY metric, bucket"
            }
            Self::HistogramOfPage => {
                "SELECT toString(metric) AS metric, toUInt8(bucket) AS bucket, sum(of_day.count) AS count \
                 FROM timing_page_days AS of_day WHERE site = {site:String} \
                 AND day BETWEEN {from:Date} AND {to:Date} AND page = {page:String} \
                 GROUP BY metric, bucket HAVING count > 0 ORDER BY metric, bucket"
            }
            Self::Total => {
                "SELECT sum(pageviews) AS pageviews, sum(visitors) AS visitors FROM site_days \
                 WHERE site = {site:String} AND day BETWEEN {from:Date} AND {to:Date} AND {page:String} = ''"
            }
            Self::FirstDay => {
                "SELECT toString(min(day)) AS day FROM site_days WHERE site = {site:String} \
                 AND {page:String} = '' AND {from:Date} <= {to:Date} HAVING count() > 0"
            }
        }
    }
}

impl Reports {
    /// The rows of `query` for one site and a range of days; `page` filters where the table has pages.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn published(
        &self,
        query: PublishedQuery,
        site: &str,
        (from, to): (Date, Date),
        page: &str,
    ) -> Result<Vec<Map<String, Value>>, ReportError> {
        let (text, from, to) = (query.sql(), from.to_string(), to.to_string());
        let key = self.key(text, &(site, page, &from, &to));
        let asked = self.store.ask(text).param("site", site).param("page", page);
        self.kept_or(key, asked.param("from", from).param("to", to).json()).await
    }
}
