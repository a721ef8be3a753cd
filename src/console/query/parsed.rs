//! A parsed query: site, range, metrics, dimensions, filters, order, and the additions to the answer's rows.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::console::query::compare::Comparing;
use crate::console::query::dates::DayRange;
use crate::console::query::fields::{distinct, flag, number, object, only};
use crate::console::query::filters;
use crate::console::query::filters::FilterTree;
use crate::console::query::vocabulary;
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension, shown};
use crate::sites::Site;
use crate::store::report::{Direction, Metric, Origins, ROWS_MAX};

/// Most rows that can be skipped: above the number that the bounds on pages and values allow.
const OFFSET_MAX: u64 = 10_000_000;

const KEYS: [&str; 8] =
    ["site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination"];

/// A body with a known site, before its other fields are read.
pub(in crate::console) struct QueryDraft(pub(super) Map<String, Value>);

/// A query after all checks.
#[derive(Debug, Clone)]
pub(super) struct ParsedQuery {
    pub(super) range: DayRange,
    pub(super) metrics: Vec<Metric>,
    pub(super) dimensions: Vec<RequestedDimension>,
    pub(super) filters: Option<FilterTree>,
    pub(super) order: Vec<(OrderKey, Direction)>,
    pub(super) include: Inclusions,
    pub(super) limit: u32,
    pub(super) offset: u32,
}

/// Additions to the answer's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inclusions {
    /// Include figures imported from another tool.
    pub(super) imports: bool,
    /// Include the names of all periods.
    pub(super) time_labels: bool,
    /// No names of periods that have not begun.
    pub(super) trim: bool,
    /// Include the number of rows without a limit.
    pub(super) total_rows: bool,
    /// Include figures that no row shows: the level above minus the rows.
    pub(super) rest: bool,
    /// Earlier range for comparisons.
    pub(super) comparisons: Option<Comparing>,
}

/// Column that `order_by` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrderKey {
    Metric(Metric),
    Dimension(RequestedDimension),
}

impl QueryDraft {
    /// Reads only the site, so that a client learns nothing about a site that it may not read.
    pub(in crate::console) fn read(bytes: &[u8]) -> Result<(Self, String), QueryRefusal> {
        let Ok(Value::Object(body)) = serde_json::from_slice(bytes) else {
            return Err(QueryRefusal("the body must be one JSON object".into()));
        };
        let Some(Value::String(site)) = body.get("site_id") else {
            return Err(QueryRefusal("`site_id` is missing: write the name of a site".into()));
        };
        let site = site.clone();
        Ok((Self(body), site))
    }

    /// A query about a site that is already known.
    pub(in crate::console) fn of(body: Map<String, Value>) -> Self {
        Self(body)
    }

    pub(super) fn parse(&self, site: &Site, now: Timestamp, marketing: bool) -> Result<ParsedQuery, QueryRefusal> {
        only(&self.0, &KEYS, "")?;
        let range = self.0.get("date_range").ok_or_else(|| QueryRefusal("`date_range` is missing".into()))?;
        let range = DayRange::read(range, now, &site.timezone)?;
        let metrics = distinct("metrics", self.0.get("metrics"), vocabulary::metric)?;
        if metrics.is_empty() {
            return refuse("`metrics` must name at least one metric");
        }
        let dimensions = distinct("dimensions", self.0.get("dimensions"), vocabulary::dimension)?;
        let filters = self.0.get("filters").map(filters::read).transpose()?.flatten();
        if !marketing {
            let filtered = filters.iter().flat_map(FilterTree::comparisons).map(|comparison| &comparison.dimension);
            let mut requested = dimensions.iter().chain(filtered);
            requested
                .find(|requested| requested.is_marketing())
                .map_or(Ok(()), |requested| Err(vocabulary::not_marketed(requested)))?;
        }
        let order = self.order(&metrics, &dimensions)?;
        let include = self.inclusions(range)?;
        let pagination = object("pagination", self.0.get("pagination"))?;
        only(pagination, &["limit", "offset"], "pagination.")?;
        Ok(ParsedQuery {
            range,
            metrics,
            dimensions,
            filters,
            order,
            include,
            limit: number(pagination, "limit", 1, u64::from(ROWS_MAX))?.unwrap_or(ROWS_MAX),
            offset: number(pagination, "offset", 0, OFFSET_MAX)?.unwrap_or(0),
        })
    }

    fn inclusions(&self, range: DayRange) -> Result<Inclusions, QueryRefusal> {
        let include = object("include", self.0.get("include"))?;
        const NAMES: [&str; 6] =
            ["imports", "time_labels", "trim_relative_date_range", "total_rows", "rest", "comparisons"];
        only(include, &NAMES, "include.")?;
        Ok(Inclusions {
            imports: flag(include, "imports")?,
            time_labels: flag(include, "time_labels")?,
            trim: flag(include, "trim_relative_date_range")?,
            total_rows: flag(include, "total_rows")?,
            rest: flag(include, "rest")?,
            comparisons: include.get("comparisons").map(|value| Comparing::read(value, range)).transpose()?.flatten(),
        })
    }

    fn order(
        &self,
        metrics: &[Metric],
        dimensions: &[RequestedDimension],
    ) -> Result<Vec<(OrderKey, Direction)>, QueryRefusal> {
        let list = match self.0.get("order_by") {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= 4 => list,
            Some(_) => return refuse("`order_by` must be a list of at most four, such as [[\"visitors\", \"desc\"]]"),
        };
        list.iter()
            .map(|pair| {
                let pair = pair.as_array().map(Vec::as_slice).unwrap_or_default();
                let [Value::String(name), Value::String(direction)] = pair else {
                    return refuse("`order_by` takes pairs such as [\"visitors\", \"desc\"]");
                };
                let direction = match direction.as_str() {
                    "asc" => Direction::Ascending,
                    "desc" => Direction::Descending,
                    other => {
                        return Err(QueryRefusal(format!("{} is not a direction; write asc or desc", shown(other))));
                    }
                };
                let metric =
                    metrics.iter().find(|metric| metric.name() == name).map(|metric| OrderKey::Metric(*metric));
                let wanted = || vocabulary::dimension(name).ok();
                let dimension = || wanted().filter(|wanted| dimensions.contains(wanted));
                let ordered = metric.or_else(|| dimension().map(OrderKey::Dimension)).ok_or_else(|| {
                    QueryRefusal(format!(
                        "`order_by` names {}, which is not a metric or dimension of this query",
                        shown(name)
                    ))
                })?;
                Ok((ordered, direction))
            })
            .collect()
    }
}

impl ParsedQuery {
    pub(super) fn origins(&self) -> Origins {
        if self.include.imports { Origins::Imported } else { Origins::Measured }
    }
}

fn refuse<T>(sentence: &str) -> Result<T, QueryRefusal> {
    Err(QueryRefusal(sentence.into()))
}
