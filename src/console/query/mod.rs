//! `POST /api/v2/query`: a question in the shape of Plausible's Stats API v2, read strictly. What is misspelt, not
//! measured or never stored together is refused with a sentence that says so; nothing is quietly left out.

mod answer;
mod dates;
pub mod export;
mod filters;
mod plan;
mod vocabulary;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

pub(super) use crate::console::query::answer::{QueryError, StorageProfile, answer};
use crate::console::query::dates::DayRange;
use crate::console::query::filters::FilterSet;
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension, shown};

use crate::sites::Site;
use crate::store::report::{Direction, Metric, ROWS_MAX};

/// Rows that can be skipped: what the bounds on pages and values let exist, with room to spare.
const OFFSET_MAX: u64 = 10_000_000;

const KEYS: [&str; 8] =
    ["site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination"];

/// The first and the last day of a `date_range`.
///
/// # Errors
/// When it is not a range.
pub(super) fn days(range: &Value, site: &Site, now: Timestamp) -> Result<(Date, Date), QueryError> {
    let today = now.to_zoned(site.timezone.clone()).date();
    let range = DayRange::read(range, today).map_err(|refusal| QueryError::Bad(refusal.into()))?;
    Ok((range.from, range.to))
}

/// What is wrong with a question: a sentence for the person who asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QuestionError(pub(super) String);

/// A body whose site is known and whose rest is still to be read.
pub(super) struct QueryDraft(Map<String, Value>);

/// A question, read.
#[derive(Debug)]
struct ParsedQuery {
    range: DayRange,
    metrics: Vec<Metric>,
    dimensions: Vec<RequestedDimension>,
    filters: FilterSet,
    order: Vec<(OrderKey, Direction)>,
    time_labels: bool,
    total_rows: bool,
    limit: u32,
    offset: u32,
}

/// What `order_by` names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OrderKey {
    Metric(Metric),
    Dimension(RequestedDimension),
}

impl QueryDraft {
    /// Reads as far as the site, so that nobody learns anything about a site that they may not read.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, String), QuestionError> {
        let Ok(Value::Object(body)) = serde_json::from_slice(bytes) else {
            return Err(QuestionError("the body must be one JSON object".into()));
        };
        let Some(Value::String(site)) = body.get("site_id") else {
            return Err(QuestionError("`site_id` is missing: write the name of a site".into()));
        };
        let site = site.clone();
        Ok((Self(body), site))
    }

    /// A question about a site that is known already.
    pub(super) fn of(body: Map<String, Value>) -> Self {
        Self(body)
    }

    fn question(&self, site: &Site, now: Timestamp, marketing: bool) -> Result<ParsedQuery, QueryRefusal> {
        only(&self.0, &KEYS, "")?;
        let today = now.to_zoned(site.timezone.clone()).date();
        let range = self.0.get("date_range").ok_or_else(|| QueryRefusal("`date_range` is missing".into()))?;
        let range = DayRange::read(range, today)?;
        let metrics = distinct("metrics", self.0.get("metrics"), vocabulary::metric)?;
        if metrics.is_empty() {
            return refuse("`metrics` must name at least one metric");
        }
        let dimensions = distinct("dimensions", self.0.get("dimensions"), vocabulary::dimension)?;
        let filters = self.0.get("filters").map(filters::read).transpose()?.unwrap_or_default();
        if !marketing {
            let mut asked = dimensions.iter().chain(filters.iter().map(|(asked, _)| asked));
            asked.find(|asked| asked.is_marketing()).map_or(Ok(()), |asked| Err(vocabulary::not_marketed(asked)))?;
        }
        let order = self.order(&metrics, &dimensions)?;
        let include = object("include", self.0.get("include"))?;
        only(include, &["time_labels", "total_rows"], "include.")?;
        let pagination = object("pagination", self.0.get("pagination"))?;
        only(pagination, &["limit", "offset"], "pagination.")?;
        Ok(ParsedQuery {
            range,
            metrics,
            dimensions,
            filters,
            order,
            time_labels: flag(include, "time_labels")?,
            total_rows: flag(include, "total_rows")?,
            limit: number(pagination, "limit", 1, u64::from(ROWS_MAX))?.unwrap_or(ROWS_MAX),
            offset: number(pagination, "offset", 0, OFFSET_MAX)?.unwrap_or(0),
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
                    other => return Err(QueryRefusal(format!("{} is no direction; write asc or desc", shown(other)))),
                };
                let metric =
                    metrics.iter().find(|metric| metric.name() == name).map(|metric| OrderKey::Metric(*metric));
                let dimension = || dimensions.iter().find(|asked| asked.name() == *name).cloned();
                let ordered = metric.or_else(|| dimension().map(OrderKey::Dimension)).ok_or_else(|| {
                    QueryRefusal(format!(
                        "`order_by` names {}, which is no metric or dimension of this query",
                        shown(name)
                    ))
                })?;
                Ok((ordered, direction))
            })
            .collect()
    }
}

/// Refuses keys that are not ours.
fn only(object: &Map<String, Value>, known: &[&str], prefix: &str) -> Result<(), QueryRefusal> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(QueryRefusal(format!(
            "{} is no key here; there are: {}",
            shown(&format!("{prefix}{key}")),
            known.iter().map(|key| format!("{prefix}{key}")).collect::<Vec<_>>().join(", ")
        ))),
        None => Ok(()),
    }
}

/// A list of names, each once.
fn distinct<T: PartialEq>(
    key: &str,
    value: Option<&Value>,
    read: impl Fn(&str) -> Result<T, QueryRefusal>,
) -> Result<Vec<T>, QueryRefusal> {
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= 20 => list,
        Some(_) => return Err(QueryRefusal(format!("`{key}` must be a short list of names"))),
    };
    let mut found = Vec::new();
    for name in list {
        let name = name.as_str().ok_or_else(|| QueryRefusal(format!("`{key}` must be a list of names")))?;
        let item = read(name)?;
        if found.contains(&item) {
            return Err(QueryRefusal(format!("`{key}` names {} twice", shown(name))));
        }
        found.push(item);
    }
    Ok(found)
}

fn object<'a>(key: &str, value: Option<&'a Value>) -> Result<&'a Map<String, Value>, QueryRefusal> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        None => Ok(&EMPTY),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(QueryRefusal(format!("`{key}` must be an object"))),
    }
}

fn flag(object: &Map<String, Value>, key: &str) -> Result<bool, QueryRefusal> {
    match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(QueryRefusal(format!("`include.{key}` must be true or false"))),
    }
}

fn number(object: &Map<String, Value>, key: &str, least: u64, most: u64) -> Result<Option<u32>, QueryRefusal> {
    let Some(value) = object.get(key) else { return Ok(None) };
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| u32::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| QueryRefusal(format!("`pagination.{key}` must be a whole number from {least} to {most}")))
}

fn refuse<T>(sentence: &str) -> Result<T, QueryRefusal> {
    Err(QueryRefusal(sentence.into()))
}

impl From<QueryRefusal> for QuestionError {
    fn from(refusal: QueryRefusal) -> Self {
        Self(refusal.0)
    }
}
