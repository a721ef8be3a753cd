//! The data dictionary of an export: every column with its type, unit and meaning, and how its figures are protected.

use serde_json::{Value, json};

use crate::config::Protection;
use crate::console::query::export::ExportPlan;
use crate::store::report::{Grain, Metric, Report, Subject};

impl ExportPlan {
    /// The dictionary that accompanies the file.
    pub fn dictionary(&self) -> Value {
        let report = &self.report;
        let apart = [
            (report.grain != Grain::Whole, time(report)),
            (report.by_page, column("page", "text", "", "page: cleaned path, or `(other)`")),
            (report.by_value, column("value", "text", "", value(&report.subject))),
        ];
        let apart = apart.into_iter().filter(|(shown, _)| *shown).map(|(_, column)| column);
        let figures = Metric::ALL.into_iter().filter(|metric| metric.is_column() && report.stores(*metric));
        let columns: Vec<Value> =
            apart.chain(figures.map(|metric| figure(metric, report.rate_base_of(metric)))).collect();
        json!({
            "site": report.site,
            "from": report.from.to_string(),
            "to": report.to.to_string(),
            "timezone": report.timezone,
            "table": report.table().map(|table| table.name),
            "protection": protection(self.protection()),
            "columns": columns,
        })
    }
}

fn protection(protection: Protection) -> Value {
    match protection {
        Protection::Exact => json!({ "kind": "exact", "step": 1, "meaning": "exact figures" }),
        Protection::Tens => json!({
            "kind": "tens",
            "step": 10,
            "meaning": "each figure was drawn to a multiple of ten once, before it was published (standard deviation \
                        5.7); rows of fewer than twenty visitors are part of their week, their month or the level \
                        above, so that rows do not add up to the site",
        }),
    }
}

fn column(name: &str, kind: &str, unit: &str, meaning: &str) -> Value {
    json!({ "name": name, "type": kind, "unit": unit, "meaning": meaning })
}

fn time(report: &Report) -> Value {
    let meaning = match report.grain {
        Grain::Whole => "",
        Grain::Hour => "start of the hour, in the site's time zone",
        Grain::Day => "day, in the site's time zone",
        Grain::Week => "Monday of the week",
        Grain::Month => "first day of the month",
    };
    column("time", "text", "", meaning)
}

fn value(subject: &Subject) -> &'static str {
    match subject {
        Subject::Pages(_) => "",
        Subject::Breakdown(_) => "value of the dimension",
        Subject::Actions { property: None } => "name of the action",
        Subject::Actions { property: Some(_) } => "value of the property",
        Subject::Timings => "metric of the load time",
        Subject::Robots => "kind of robot",
        Subject::Outcomes => "outcome of the hits",
    }
}

fn figure(metric: Metric, base_min: i64) -> Value {
    let (kind, unit, meaning) = match metric {
        Metric::Visitors => {
            ("integer", "daily visitors", "a person counts once a day (of a page: once a day for each page)")
        }
        Metric::Visits => ("integer", "visits", "visits (of a page: visits that began there)"),
        Metric::Pageviews => ("integer", "pageviews", "pageviews"),
        Metric::Events => ("integer", "uses", "uses of a feature, or measurements of a load time"),
        Metric::NotFound => ("integer", "pageviews", "pageviews of a page that does not exist"),
        Metric::Hits => ("integer", "requests", "requests"),
        Metric::ViewsPerVisit => ("number", "pageviews per visit", "pageviews divided by visits"),
        Metric::BounceRate => ("integer", "percent", "visits of one pageview, of all visits"),
        Metric::VisitDuration => ("integer", "seconds", "average length of a visit"),
        Metric::TimeOnPage => ("integer", "seconds", "average reading time of a view"),
        Metric::ScrollDepth => ("integer", "percent", "average scroll depth of a view"),
        Metric::P50 => ("integer", "milliseconds; cls: thousandths", "50th percentile of the measurements"),
        Metric::P75 => ("integer", "milliseconds; cls: thousandths", "75th percentile of the measurements"),
        Metric::P95 => ("integer", "milliseconds; cls: thousandths", "95th percentile of the measurements"),
        Metric::Percentage | Metric::ConversionRate => ("number", "percent", ""),
    };
    let mut column = column(metric.name(), kind, unit, meaning);
    if !metric.is_count()
        && let Some(object) = column.as_object_mut()
    {
        let sentence = format!("empty if the denominator is below {base_min}");
        object.insert("empty".into(), sentence.into());
    }
    column
}
