//! `include.comparisons`: the same query about an earlier range, compared row by row.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::console::query::dates::DayRange;
use crate::console::query::fields::{flag, only};
use crate::console::query::vocabulary::{QueryRefusal, shown};
use crate::sites::Site;
use crate::store::report::{Metric, Report};
use crate::store::reports::{ReportRow, Reports};

/// The range that figures are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comparing {
    /// Days of the earlier range.
    pub(super) range: DayRange,
}

/// Rows of the earlier range, by their keys.
pub(super) struct EarlierRows {
    rows: HashMap<(String, String, String), ReportRow>,
    labels: Vec<String>,
    earlier_labels: Vec<String>,
}

impl Comparing {
    /// Reads `include.comparisons`; `None` where it is null.
    pub(super) fn read(value: &Value, range: DayRange) -> Result<Option<Self>, QueryRefusal> {
        let Value::Object(object) = value else {
            return match value {
                Value::Null => Ok(None),
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                    Err(QueryRefusal("`include.comparisons` must be an object".into()))
                }
            };
        };
        only(object, &["mode", "date_range", "match_day_of_week"], "include.comparisons.")?;
        let weekdays = flag(object, "match_day_of_week")?;
        let range = match object.get("mode").and_then(Value::as_str) {
            Some("previous_period") if weekdays => range.before_by_weeks()?,
            Some("previous_period") => range.before()?,
            Some("year_over_year") => range.year_before(weekdays)?,
            Some("custom") => Self::custom(object)?,
            Some(other) => return Err(unknown_mode(other)),
            None => return Err(unknown_mode("")),
        };
        Ok(Some(Self { range }))
    }

    fn custom(object: &Map<String, Value>) -> Result<DayRange, QueryRefusal> {
        let ends = object.get("date_range").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let day = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        match ends {
            [from, to] => day(from).zip(day(to)).map(|(from, to)| DayRange::between(from, to)),
            _ => None,
        }
        .unwrap_or_else(|| Err(QueryRefusal("`include.comparisons.date_range` takes two days".into())))
    }

    /// Queries the earlier range.
    pub(super) async fn rows(
        self,
        report: &Report,
        range: DayRange,
        site: &Site,
        reports: &Reports,
    ) -> Result<EarlierRows, crate::store::reports::ReportError> {
        let earlier = Report {
            from: self.range.from,
            to: self.range.to,
            hours: self.range.hours,
            limit: crate::store::report::ROWS_MAX,
            offset: 0,
            ..report.clone()
        };
        let rows = reports.rows(&earlier).await?;
        let keyed = rows.into_iter().map(|row| ((row.time.clone(), row.page.clone(), row.value.clone()), row));
        Ok(EarlierRows {
            rows: keyed.collect(),
            labels: range.labels(report.grain, &site.timezone),
            earlier_labels: self.range.labels(report.grain, &site.timezone),
        })
    }
}

impl EarlierRows {
    /// The earlier row for `row`; an empty one where nothing was published.
    pub(super) fn of(&self, row: &ReportRow) -> ReportRow {
        let at = self.labels.iter().position(|label| *label == row.time);
        let time = at.and_then(|at| self.earlier_labels.get(at)).cloned().unwrap_or_default();
        let key = (time.clone(), row.page.clone(), row.value.clone());
        let empty = || ReportRow { time, page: row.page.clone(), value: row.value.clone(), ..ReportRow::default() };
        self.rows.get(&key).cloned().unwrap_or_else(empty)
    }
}

/// The change: percent of the earlier figure, and for rates the difference in points.
pub(super) fn change(metric: Metric, now: &Value, before: &Value, base_min: i64) -> Value {
    let (Some(now), Some(before)) = (now.as_f64(), before.as_f64()) else { return Value::Null };
    let in_points = [Metric::BounceRate, Metric::ScrollDepth, Metric::Percentage, Metric::ConversionRate];
    if in_points.contains(&metric) {
        return json!(((now - before) * 10.0).round() / 10.0);
    }
    #[allow(clippy::cast_precision_loss, reason = "a bound of one or a hundred")]
    let base_min = if metric.is_count() { base_min as f64 } else { 0.0 };
    if before <= 0.0 || before < base_min {
        return Value::Null;
    }
    json!((100.0 * (now - before) / before).round())
}

fn unknown_mode(mode: &str) -> QueryRefusal {
    QueryRefusal(format!(
        "unknown `include.comparisons.mode` {}; expected one of: previous_period, year_over_year, custom",
        shown(mode)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_names_the_days_before_the_range() {
        let range = DayRange::between("2026-03-04".parse().unwrap(), "2026-03-10".parse().unwrap()).unwrap();
        let from = |value: Value| Comparing::read(&value, range).unwrap().unwrap().range.from.to_string();
        assert_eq!(from(json!({ "mode": "previous_period" })), "2026-02-25");
        assert_eq!(from(json!({ "mode": "year_over_year" })), "2025-03-04");
        assert_eq!(from(json!({ "mode": "year_over_year", "match_day_of_week": true })), "2025-03-05");
        assert_eq!(from(json!({ "mode": "custom", "date_range": ["2026-01-01", "2026-01-07"] })), "2026-01-01");
        for wrong in [json!({ "mode": "x" }), json!({}), json!([]), json!({ "mode": "custom" })] {
            assert!(Comparing::read(&wrong, range).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_change_needs_as_much_below_the_line_as_a_rate() {
        assert_eq!(change(Metric::Visits, &json!(150), &json!(100), 100), json!(50.0));
        assert_eq!(change(Metric::Visits, &json!(150), &json!(90), 100), Value::Null);
        assert_eq!(change(Metric::BounceRate, &json!(40), &json!(50), 100), json!(-10.0));
        assert_eq!(change(Metric::BounceRate, &json!(40), &Value::Null, 1), Value::Null);
    }
}
