//! `POST /api/v2/query`: a question in the shape of Plausible's Stats API v2, read strictly. What is misspelt, not
//! measured or never stored together is refused with a sentence that says so; nothing is quietly left out.

mod answer;
mod dates;
pub mod export;
mod filters;
mod plan;
mod vocabulary;

use jiff::Timestamp;
use serde_json::{Map, Value};

use self::dates::Range;
use self::filters::Filters;
use crate::console::query::vocabulary::{Asked, Refusal, shown};
pub(super) use answer::{Kept, NoAnswer, answer};

use crate::sites::Site;
use crate::store::report::{Direction, Metric, ROWS_MAX};

/// Rows that can be skipped: what the bounds on pages and values let exist, with room to spare.
const OFFSET_MAX: u64 = 10_000_000;

const KEYS: [&str; 8] =
    ["site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination"];

/// What is wrong with a question: a sentence for the person who asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadQuestion(pub(super) String);

/// A body whose site is known and whose rest is still to be read.
pub(super) struct Body(Map<String, Value>);

/// A question, read.
#[derive(Debug)]
struct Question {
    range: Range,
    metrics: Vec<Metric>,
    dimensions: Vec<Asked>,
    filters: Filters,
    order: Vec<(Ordered, Direction)>,
    time_labels: bool,
    total_rows: bool,
    limit: u32,
    offset: u32,
}

/// What `order_by` names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ordered {
    Metric(Metric),
    Dimension(Asked),
}

impl Body {
    /// Reads as far as the site, so that nobody learns anything about a site that they may not read.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, String), BadQuestion> {
        let Ok(Value::Object(body)) = serde_json::from_slice(bytes) else {
            return Err(BadQuestion("the body must be one JSON object".into()));
        };
        let Some(Value::String(site)) = body.get("site_id") else {
            return Err(BadQuestion("`site_id` is missing: write the name of a site".into()));
        };
        let site = site.clone();
        Ok((Self(body), site))
    }

    fn question(&self, site: &Site, now: Timestamp, marketing: bool) -> Result<Question, Refusal> {
        only(&self.0, &KEYS, "")?;
        let today = now.to_zoned(site.timezone.clone()).date();
        let range = self.0.get("date_range").ok_or_else(|| Refusal("`date_range` is missing".into()))?;
        let range = Range::read(range, today)?;
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
        Ok(Question {
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

    fn order(&self, metrics: &[Metric], dimensions: &[Asked]) -> Result<Vec<(Ordered, Direction)>, Refusal> {
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
                    other => return Err(Refusal(format!("{} is no direction; write asc or desc", shown(other)))),
                };
                let metric = metrics.iter().find(|metric| metric.name() == name).map(|metric| Ordered::Metric(*metric));
                let dimension = || dimensions.iter().find(|asked| asked.name() == *name).cloned();
                let ordered = metric.or_else(|| dimension().map(Ordered::Dimension)).ok_or_else(|| {
                    Refusal(format!("`order_by` names {}, which is no metric or dimension of this query", shown(name)))
                })?;
                Ok((ordered, direction))
            })
            .collect()
    }
}

/// Refuses keys that are not ours.
fn only(object: &Map<String, Value>, known: &[&str], prefix: &str) -> Result<(), Refusal> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Refusal(format!(
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
    read: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let list = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= 20 => list,
        Some(_) => return Err(Refusal(format!("`{key}` must be a short list of names"))),
    };
    let mut found = Vec::new();
    for name in list {
        let name = name.as_str().ok_or_else(|| Refusal(format!("`{key}` must be a list of names")))?;
        let item = read(name)?;
        if found.contains(&item) {
            return Err(Refusal(format!("`{key}` names {} twice", shown(name))));
        }
        found.push(item);
    }
    Ok(found)
}

fn object<'a>(key: &str, value: Option<&'a Value>) -> Result<&'a Map<String, Value>, Refusal> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        None => Ok(&EMPTY),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(Refusal(format!("`{key}` must be an object"))),
    }
}

fn flag(object: &Map<String, Value>, key: &str) -> Result<bool, Refusal> {
    match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal(format!("`include.{key}` must be true or false"))),
    }
}

fn number(object: &Map<String, Value>, key: &str, least: u64, most: u64) -> Result<Option<u32>, Refusal> {
    let Some(value) = object.get(key) else { return Ok(None) };
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| u32::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| Refusal(format!("`pagination.{key}` must be a whole number from {least} to {most}")))
}

fn refuse<T>(sentence: &str) -> Result<T, Refusal> {
    Err(Refusal(sentence.into()))
}

impl From<Refusal> for BadQuestion {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.0)
    }
}
