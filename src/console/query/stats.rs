//! `GET /api/v1/stats/*`: Plausible's older API. Its parameters become a query of the newer one, its answers are
//! rows with names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::console::query::answer::{QueryError, StorageProfile};
use crate::console::query::compare::change;
use crate::console::query::dates::DayRange;
use crate::console::query::parsed::{Inclusions, OrderKey, ParsedQuery};
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension, dimension, shown};
use crate::console::query::{filters, vocabulary};
use crate::event::Dimension;
use crate::sites::Site;
use crate::store::report::{Direction, Grain, Metric, Origins, ROWS_MAX};
use crate::store::reports::{ReportRow, Reports};

/// Parameters that are read; others are ignored, as in Plausible.
pub(in crate::console) type StatsParameters = BTreeMap<String, String>;

/// Rows of a breakdown without a `limit`.
const BREAKDOWN_ROWS: u32 = 100;

/// Inputs of the older API's answers.
#[derive(Clone, Copy)]
pub(in crate::console) struct StatsContext<'c> {
    /// Site of the request.
    pub(in crate::console) site: &'c Site,
    /// Time of the request.
    pub(in crate::console) now: Timestamp,
    /// Reader of the published figures.
    pub(in crate::console) reports: &'c Reports,
    /// Protection and marketing of the figures.
    pub(in crate::console) kept: StorageProfile,
}

/// `GET /api/v1/stats/aggregate`: one figure per metric.
///
/// # Errors
/// See [`QueryError`] for the causes.
pub(in crate::console) async fn aggregate(
    parameters: &StatsParameters,
    context: StatsContext<'_>,
) -> Result<Value, QueryError> {
    let (query, warning) = parsed(parameters, context, Vec::new())?;
    let report = query.report(context.site, context.kept.rate_base_min())?;
    let answered = query.rows(&report, context.reports).await?;
    let row = answered.rows.first().cloned().unwrap_or_default();
    let mut results = Map::new();
    let earlier = match parameters.get("compare").map(String::as_str) {
        None => None,
        Some("previous_period") => {
            let earlier = ParsedQuery { range: query.range.before()?, ..query.clone() };
            let report = earlier.report(context.site, context.kept.rate_base_min())?;
            Some(earlier.rows(&report, context.reports).await?)
        }
        Some(_) => return Err(QueryRefusal("`compare` must be previous_period".into()).into()),
    };
    for metric in &query.metrics {
        let now = answered.figure(&row, *metric);
        let mut figure = json!({ "value": now });
        if let (Some(earlier), Some(object)) = (&earlier, figure.as_object_mut()) {
            let before = earlier.figure(&earlier.rows.first().cloned().unwrap_or_default(), *metric);
            let base_min = context.kept.rate_base_min();
            object.insert("change".into(), change(*metric, &now, &before, base_min));
            object.insert("comparison_value".into(), before);
        }
        results.insert(metric.name().into(), figure);
    }
    Ok(with_warning(json!({ "results": results }), warning))
}

/// `GET /api/v1/stats/timeseries`: every period of the range, also those without figures.
///
/// # Errors
/// See [`QueryError`] for the causes.
pub(in crate::console) async fn timeseries(
    parameters: &StatsParameters,
    context: StatsContext<'_>,
) -> Result<Value, QueryError> {
    let grain = match parameters.get("interval").map(String::as_str) {
        // As in Plausible: a reader of a long period that names no interval expects days.
        None if parameters.get("period").is_some_and(|period| period == "custom") => Some(Grain::Day),
        None => None,
        Some("hour") => Some(Grain::Hour),
        Some("date" | "day") => Some(Grain::Day),
        Some("week") => Some(Grain::Week),
        Some("month") => Some(Grain::Month),
        Some(_) => return Err(QueryRefusal("`interval` must be hour, day, week or month".into()).into()),
    };
    let (query, warning) = parsed(parameters, context, vec![RequestedDimension::Time(grain)])?;
    let report = query.report(context.site, context.kept.rate_base_min())?;
    let answered = query.rows(&report, context.reports).await?;
    let labels = query.range.labels(report.grain, &context.site.timezone);
    let point = |label: &String| {
        let row = answered.rows.iter().find(|row| row.time == *label).cloned().unwrap_or_default();
        let mut point = Map::from_iter([("date".to_owned(), Value::from(label.as_str()))]);
        point.extend(query.metrics.iter().map(|metric| (metric.name().to_owned(), answered.figure(&row, *metric))));
        Value::Object(point)
    };
    Ok(with_warning(json!({ "results": labels.iter().map(point).collect::<Vec<_>>() }), warning))
}

/// `GET /api/v1/stats/breakdown`: one row per value.
///
/// # Errors
/// See [`QueryError`] for the causes.
pub(in crate::console) async fn breakdown(
    parameters: &StatsParameters,
    context: StatsContext<'_>,
) -> Result<Value, QueryError> {
    let property = parameters
        .get("property")
        .ok_or_else(|| QueryRefusal("`property` is missing: write one such as event:page".into()))?;
    let (dimension, replaced) = property_dimension(property, context.kept.marketing)?;
    let of_visits = matches!(dimension, RequestedDimension::EntryPage | RequestedDimension::ExitPage);
    let (mut query, warning) = parsed(parameters, context, vec![dimension])?;
    // The older API's own default is `visitors`; a reader that names no metric must get figures.
    let replaced = match of_visits && query.metrics == [Metric::Visitors] {
        true => {
            query.order = vec![(OrderKey::Metric(Metric::Visits), Direction::Descending)];
            query.metrics = vec![Metric::Visits];
            Some("visitors of entry and exit pages are not stored; these are visits")
        }
        false => replaced,
    };
    let report = query.report(context.site, context.kept.rate_base_min())?;
    let answered = query.rows(&report, context.reports).await?;
    let key = property.rsplit(':').next().unwrap_or(property);
    let result = |row: &ReportRow| {
        let name = query.names(row, &report).into_iter().next().unwrap_or_default();
        let mut result = Map::from_iter([(key.to_owned(), Value::from(name))]);
        result.extend(query.metrics.iter().map(|metric| (metric.name().to_owned(), answered.figure(row, *metric))));
        Value::Object(result)
    };
    let results: Vec<Value> = answered.rows.iter().map(result).collect();
    Ok(with_warning(json!({ "results": results }), replaced.or(warning)))
}

/// A property of the older API. Sources are hosts of referrers where campaigns are not measured.
fn property_dimension(
    property: &str,
    marketing: bool,
) -> Result<(RequestedDimension, Option<&'static str>), QueryRefusal> {
    let requested = dimension(property)?;
    if requested == RequestedDimension::Stored(Dimension::Source) && !marketing {
        let warning = "sources are not measured here; these are the hosts of referrers";
        return Ok((RequestedDimension::Stored(Dimension::Referrer), Some(warning)));
    }
    if requested.is_marketing() && !marketing {
        return Err(vocabulary::not_marketed(&requested));
    }
    if let RequestedDimension::Time(_) = requested {
        return Err(QueryRefusal("for time use `GET /api/v1/stats/timeseries`".into()));
    }
    Ok((requested, None))
}

fn parsed(
    requested: &StatsParameters,
    context: StatsContext<'_>,
    dimensions: Vec<RequestedDimension>,
) -> Result<(ParsedQuery, Option<&'static str>), QueryRefusal> {
    let written = |name: &str| requested.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let (period, date) = (written("period").unwrap_or("30d"), written("date"));
    let range = DayRange::of_period(period, date, context.now, &context.site.timezone)?;
    let mut metrics: Vec<Metric> = Vec::new();
    for name in written("metrics").unwrap_or("visitors").split(',') {
        let metric = vocabulary::metric(name.trim())?;
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    let filters = match written("filters") {
        None => None,
        Some(json) if json.starts_with('[') => {
            let list = serde_json::from_str(json).map_err(|_| QueryRefusal("`filters` is not JSON".into()))?;
            filters::read(&list)?
        }
        Some(text) => filters::read(&Value::from(filter_list(text)?))?,
    };
    if !context.kept.marketing {
        let comparisons = filters.iter().flat_map(filters::FilterTree::comparisons);
        let marketing = comparisons.map(|comparison| &comparison.dimension).find(|requested| requested.is_marketing());
        marketing.map_or(Ok(()), |requested| Err(vocabulary::not_marketed(requested)))?;
    }
    let is_list = !dimensions.is_empty() && !matches!(dimensions.as_slice(), [RequestedDimension::Time(_)]);
    let limit = number(written("limit"), "limit", 1, 1_000)?.unwrap_or(BREAKDOWN_ROWS);
    let page = number(written("page"), "page", 1, 100_000)?.unwrap_or(1);
    let imports = matches!(written("with_imported"), Some("true"));
    let order = metrics.first().map(|metric| (OrderKey::Metric(*metric), Direction::Descending));
    let query = ParsedQuery {
        range,
        metrics,
        dimensions,
        filters,
        order: order.into_iter().filter(|_| is_list).collect(),
        include: Inclusions { imports, ..Inclusions::default() },
        limit: if is_list { limit } else { ROWS_MAX },
        offset: if is_list { (page - 1).saturating_mul(limit) } else { 0 },
    };
    let warning = (imports && query.origins() == Origins::Measured).then_some("imports are not included");
    Ok((query, warning))
}

/// `visit:browser==Firefox|Safari;event:page!=/a*`, as filters of the newer API.
fn filter_list(text: &str) -> Result<Vec<Value>, QueryRefusal> {
    let split = |text: &str, at: char| -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => parts.last_mut().into_iter().for_each(|part| part.extend(letters.next())),
                letter if letter == at => parts.push(String::new()),
                letter => parts.last_mut().into_iter().for_each(|part| part.push(letter)),
            }
        }
        parts
    };
    let mut list = Vec::new();
    for filter in text.split(';').map(str::trim).filter(|filter| !filter.is_empty()) {
        let operators = [
            ("==", "is", "matches"),
            ("!=", "is_not", "matches_not"),
            ("!~", "contains_not", ""),
            ("~", "contains", ""),
        ];
        let found = operators
            .iter()
            .filter_map(|(sign, plain, wild)| {
                filter.split_once(sign).map(|(name, values)| (name, values, *plain, *wild))
            })
            .min_by_key(|(name, ..)| name.len());
        let Some((name, values, plain, wild)) = found else {
            return Err(QueryRefusal(format!("{} is not a filter; write one such as event:page==/", shown(filter))));
        };
        let values = split(values, '|');
        if !wild.is_empty() && values.iter().any(|value| value.contains('*')) {
            let patterns: Vec<String> = values.iter().map(|value| wildcard(value)).collect();
            list.push(json!([wild, name.trim(), patterns]));
        } else {
            list.push(json!([plain, name.trim(), values]));
        }
    }
    Ok(list)
}

/// `*` matches anything within a part of the path, `**` anything at all.
fn wildcard(value: &str) -> String {
    let parts: Vec<String> =
        value.split("**").map(|part| part.split('*').map(regex_escape).collect::<Vec<_>>().join("[^/]*")).collect();
    format!("^{}$", parts.join(".*"))
}

fn regex_escape(text: &str) -> String {
    regex_syntax::escape(text)
}

fn number(text: Option<&str>, key: &str, least: u32, most: u32) -> Result<Option<u32>, QueryRefusal> {
    let Some(text) = text else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.map(Some).ok_or_else(|| QueryRefusal(format!("`{key}` must be a whole number from {least} to {most}")))
}

fn with_warning(mut answer: Value, warning: Option<&str>) -> Value {
    if let (Some(warning), Some(object)) = (warning, answer.as_object_mut()) {
        object.insert("warning".into(), warning.into());
    }
    answer
}

impl From<QueryRefusal> for QueryError {
    fn from(refusal: QueryRefusal) -> Self {
        Self::Bad(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_filters_become_lists() {
        let read = |text: &str| Value::from(filter_list(text).unwrap());
        assert_eq!(
            read("visit:browser==Firefox|Safari;visit:country!=FR"),
            json!([["is", "visit:browser", ["Firefox", "Safari"]], ["is_not", "visit:country", ["FR"]]])
        );
        assert_eq!(read("event:page==/blog/**"), json!([["matches", "event:page", ["^/blog/.*$"]]]));
        assert_eq!(read("event:page!=/a.b*"), json!([["matches_not", "event:page", ["^/a\\.b[^/]*$"]]]));
        assert_eq!(read("event:page~blog"), json!([["contains", "event:page", ["blog"]]]));
        assert_eq!(read("event:props:plan==a\\|b"), json!([["is", "event:props:plan", ["a|b"]]]));
        assert!(filter_list("event:page").is_err());
    }
}
