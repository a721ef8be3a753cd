//! The SELECT that answers a [`Report`]: fixed text, names of our own columns, and parameters for all values from
//! people. Must never put a value into the text.

use jiff::Timestamp;
use serde::Serialize;

use super::published::Table;
use super::report::{
    Column, Condition, Direction, Filter, FilterColumn, Grain, Metric, Operator, Origins, ROWS_MAX, Report, Role,
    Subject,
};
use crate::store::query::SqlQuery;

/// A SELECT with its parameters.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) parameters: Vec<(String, Parameter)>,
}

/// Value that a person, or the configuration, wrote.
#[derive(Serialize)]
pub(super) enum Parameter {
    Text(String),
    List(Vec<String>),
    Number(i64),
}

impl Statement {
    /// The rows of `report`, in its order.
    pub(super) fn rows(report: &Report) -> Option<Self> {
        let read: Vec<Metric> = Metric::ALL.into_iter().filter(|metric| report.reads(*metric)).collect();
        let mut statement = Self::all(report, &read)?;
        let order: String = report.order.iter().map(|(column, direction)| ordered(*column, *direction)).collect();
        statement
            .text
            .push_str(&format!(" ORDER BY {order}time, page, value LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}"));
        statement.parameters.push(("limit".into(), Parameter::Number(report.limit.min(ROWS_MAX).into())));
        statement.parameters.push(("offset".into(), Parameter::Number(report.offset.into())));
        Some(statement)
    }

    /// The number of rows of `report`.
    pub(super) fn count(report: &Report) -> Option<Self> {
        let all = Self::all(report, &[])?;
        Some(Self { text: format!("SELECT count() FROM ({})", all.text), ..all })
    }

    /// All rows in the order of time, page and value, with `columns` of them.
    pub(super) fn file(report: &Report, columns: &str, rows_max: u32) -> Option<Self> {
        let all = Self::all(report, &Metric::ALL)?;
        let ordered = format!("SELECT * FROM ({}) ORDER BY time, page, value LIMIT {rows_max}", all.text);
        let text = format!("SELECT {columns} FROM ({ordered})");
        Some(Self { text, ..all })
    }

    /// Its text and its parameters, as a query.
    pub(super) fn ask(self, ask: impl FnOnce(&str) -> SqlQuery) -> SqlQuery {
        let query = ask(&self.text);
        self.parameters.into_iter().fold(query, |query, (name, value)| match value {
            Parameter::Text(text) => query.param(&name, text),
            Parameter::List(list) => query.param(&name, list),
            Parameter::Number(number) => query.param(&name, number),
        })
    }

    fn all(report: &Report, metrics: &[Metric]) -> Option<Self> {
        let table = report.table()?;
        let mut statement = Self { text: String::new(), parameters: Vec::new() };
        let sums = statement.sums(report, table);
        let is_read = |metric: &Metric| metrics.contains(metric);
        let figures = Metric::ALL.iter().filter(|metric| metric.is_column() && !metrics.is_empty());
        let figures: Vec<String> = figures.map(|metric| figure(report, *metric, is_read(metric))).collect();
        let columns = ["of_time AS time", "of_page AS page", "of_value AS value"].map(str::to_owned);
        let columns = columns.into_iter().chain(figures).collect::<Vec<_>>().join(", ");
        let shown: Vec<String> = counted(report, table).iter().map(|figure| format!("of_{figure} > 0")).collect();
        statement.text = format!("SELECT {columns} FROM ({sums}) WHERE {}", shown.join(" OR "));
        Some(statement)
    }

    /// The innermost SELECT: sums by period, page and value.
    fn sums(&mut self, report: &Report, table: &Table) -> String {
        let mut columns = vec![
            format!("{} AS of_time", self.time(report)),
            format!("{} AS of_page", if report.by_page { "page" } else { "''" }),
            format!("{} AS of_value", value_column(&report.subject).filter(|_| report.by_value).unwrap_or("''")),
        ];
        for figure in table.figures {
            let summed = if report.subject == Subject::Pages(Role::Exit) && figure.name == "visits" {
                "exits"
            } else {
                figure.name
            };
            columns.push(format!("sum({summed}) AS of_{}", figure.name));
        }
        if report.subject == Subject::Timings {
            columns.push("sumMap([bucket], [count]) AS histogram".into());
        }
        let rows = self.rows_counted(report, table);
        format!("SELECT {} FROM {} WHERE {rows} GROUP BY of_time, of_page, of_value", columns.join(", "), table.name)
    }

    fn time(&mut self, report: &Report) -> String {
        match report.grain {
            Grain::Whole => "''".into(),
            Grain::Hour => {
                self.parameters.push(("timezone".into(), Parameter::Text(report.timezone.clone())));
                "formatDateTime(greatest(toStartOfHour(toTimeZone(hour, {timezone:String})), \
                 toDateTime(day, {timezone:String})), '%Y-%m-%d %H:00:00', {timezone:String})"
                    .into()
            }
            Grain::Day => "toString(day)".into(),
            Grain::Week => "toString(toMonday(day))".into(),
            Grain::Month => "toString(toStartOfMonth(day))".into(),
        }
    }

    fn rows_counted(&mut self, report: &Report, table: &Table) -> String {
        let mut rows = vec!["site = {site:String} AND day BETWEEN {from:Date} AND {to:Date}".to_owned()];
        self.parameters.push(("site".into(), Parameter::Text(report.site.clone())));
        self.parameters.push(("from".into(), Parameter::Text(report.from.to_string())));
        self.parameters.push(("to".into(), Parameter::Text(report.to.to_string())));
        if let Some(hours) = report.hours {
            rows.push(
                "hour >= toDateTime({hour_from:UInt32}, 'UTC') AND hour < toDateTime({hour_to:UInt32}, 'UTC')".into(),
            );
            let seconds = |time: Timestamp| Parameter::Number(time.as_second().clamp(0, i64::from(u32::MAX)));
            self.parameters.push(("hour_from".into(), seconds(hours.from)));
            self.parameters.push(("hour_to".into(), seconds(hours.to)));
        }
        if !table.is_hourly() {
            let periods: Vec<String> = report.periods().iter().map(|period| format!("'{period}'")).collect();
            rows.push(format!("period IN ({})", periods.join(", ")));
        }
        if report.origins == Origins::Measured {
            // Logs and server events were counted here as live hits are; another tool's figures were not.
            rows.push("(origin = '' OR startsWith(origin, 'access_log:') OR startsWith(origin, 'events:'))".into());
        }
        match &report.subject {
            Subject::Breakdown(dimension) => {
                rows.push("dimension = {dimension:String}".into());
                self.parameters.push(("dimension".into(), Parameter::Text(dimension.name().into())));
            }
            Subject::Actions { property: Some(property) } => {
                rows.push("property = {property:String}".into());
                self.parameters.push(("property".into(), Parameter::Text(property.clone())));
            }
            Subject::Pages(_)
            | Subject::Actions { property: None }
            | Subject::Timings
            | Subject::Robots
            | Subject::Outcomes => {}
        }
        if let Some(condition) = &report.condition {
            rows.push(self.condition(condition, &report.subject));
        }
        rows.join(" AND ")
    }

    fn condition(&mut self, condition: &Condition, subject: &Subject) -> String {
        let joined = |statement: &mut Self, parts: &[Condition], word: &str, none: &str| {
            let parts: Vec<String> = parts.iter().map(|part| statement.condition(part, subject)).collect();
            if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(word)) }
        };
        match condition {
            Condition::Compare(filter) => self.comparison(filter, subject),
            Condition::And(parts) => joined(self, parts, " AND ", "true"),
            Condition::Or(parts) => joined(self, parts, " OR ", "false"),
            Condition::Not(part) => format!("NOT ({})", self.condition(part, subject)),
        }
    }

    fn comparison(&mut self, filter: &Filter, subject: &Subject) -> String {
        let column = match filter.column {
            FilterColumn::Page => "page",
            FilterColumn::Action => "action",
            FilterColumn::Value => value_column(subject).unwrap_or("''"),
        };
        let name = format!("filter_{}", self.parameters.len());
        let lower = |text: &String| if filter.case_sensitive { text.clone() } else { text.to_lowercase() };
        let values: Vec<String> = filter.values.iter().map(lower).collect();
        let column = if filter.case_sensitive { column.to_owned() } else { format!("lowerUTF8({column})") };
        let (positive, value) = match filter.operator {
            Operator::Is | Operator::IsNot => {
                (format!("({column} IN {{{name}:Array(String)}})"), Parameter::List(values))
            }
            // A single text is searched for with a table that a list is not.
            Operator::Contains | Operator::ContainsNot if values.len() == 1 => {
                (format!("(position({column}, {{{name}:String}}) > 0)"), Parameter::Text(values.concat()))
            }
            Operator::Contains | Operator::ContainsNot => (
                format!("arrayExists(part -> position({column}, part) > 0, {{{name}:Array(String)}})"),
                Parameter::List(values),
            ),
            Operator::Matches | Operator::MatchesNot => {
                let any: Vec<String> = filter.values.iter().map(|pattern| format!("(?:{pattern})")).collect();
                let case = if filter.case_sensitive { "" } else { "(?i)" };
                (format!("match({column}, {{{name}:String}})"), Parameter::Text(format!("{case}{}", any.join("|"))))
            }
        };
        self.parameters.push((name, value));
        match filter.operator {
            Operator::Is | Operator::Contains | Operator::Matches => positive,
            Operator::IsNot | Operator::ContainsNot | Operator::MatchesNot => format!("NOT {positive}"),
        }
    }
}

impl Report {
    /// Whether its rows have this figure; a share needs visitors.
    fn reads(&self, metric: Metric) -> bool {
        let is_share = |metric: &Metric| !metric.is_column();
        self.metrics.contains(&metric) || metric == Metric::Visitors && self.metrics.iter().any(is_share)
    }

    /// The same report with these figures.
    pub(super) fn of_metrics(&self, metrics: &[Metric]) -> Self {
        Self { metrics: metrics.to_vec(), ..self.clone() }
    }
}

/// The column of the table that holds the report's values.
fn value_column(subject: &Subject) -> Option<&'static str> {
    match subject {
        Subject::Pages(_) => None,
        Subject::Breakdown(_) | Subject::Actions { property: Some(_) } => Some("value"),
        Subject::Actions { property: None } => Some("action"),
        Subject::Timings => Some("toString(metric)"),
        Subject::Robots => Some("toString(kind)"),
        Subject::Outcomes => Some("toString(outcome)"),
    }
}

/// Figures of which at least one must be set for a row to be shown.
fn counted<'t>(report: &Report, table: &'t Table) -> Vec<&'t str> {
    match report.subject {
        Subject::Pages(Role::Entry | Role::Exit) => vec!["visits"],
        Subject::Pages(Role::Viewed)
        | Subject::Breakdown(_)
        | Subject::Actions { .. }
        | Subject::Timings
        | Subject::Robots
        | Subject::Outcomes => table
            .figures
            .iter()
            .map(|column| column.name)
            .filter(|name| ["pageviews", "visitors", "visits", "count", "hits"].contains(name))
            .collect(),
    }
}

fn ordered(column: Column, direction: Direction) -> String {
    let direction = match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    format!("{} {direction}, ", column.name())
}

/// One figure of a row, from the sums; NULL where it is not read, not published, or its denominator is too small.
fn figure(report: &Report, metric: Metric, is_read: bool) -> String {
    let name = metric.name();
    let kind = if metric == Metric::ViewsPerVisit { "Float64" } else { "Int64" };
    if !is_read || !report.stores(metric) {
        return format!("CAST(NULL, 'Nullable({kind})') AS {name}");
    }
    let base_min = report.rate_base_of(metric);
    let rate = |above: &str, below: &str| {
        format!("if({below} >= {base_min}, toInt64(floor({above} / {below} + 0.5)), NULL) AS {name}")
    };
    let quantile = |share: &str| {
        format!(
            "if(of_count >= {base_min}, toInt64(floor(exp2(arrayFirst((bucket, up_to) -> up_to >= {share} * of_count, \
             histogram.1, arrayCumSum(histogram.2)) / 4) + 0.5)), NULL) AS {name}"
        )
    };
    let decimals = if base_min == 1 { 100 } else { 10 };
    match metric {
        Metric::Visitors | Metric::Visits | Metric::Pageviews | Metric::NotFound | Metric::Hits => {
            format!("CAST(of_{name}, 'Nullable(Int64)') AS {name}")
        }
        Metric::Events => format!("CAST(of_count, 'Nullable(Int64)') AS {name}"),
        Metric::ViewsPerVisit => format!(
            "if(of_visits >= {base_min}, floor(of_pageviews / of_visits * {decimals} + 0.5) / {decimals}, NULL) AS {name}"
        ),
        // Two independent draws may put a part above its whole.
        Metric::BounceRate => rate("100 * least(of_bounces, of_visits)", "of_visits"),
        Metric::VisitDuration => rate("of_visit_seconds", "of_visits"),
        Metric::TimeOnPage => rate("of_engaged_ms / 1000", "of_engaged_views"),
        Metric::ScrollDepth => rate("least(of_scroll_percent, 100 * of_scroll_views)", "of_scroll_views"),
        Metric::P50 => quantile("0.5"),
        Metric::P75 => quantile("0.75"),
        Metric::P95 => quantile("0.95"),
        Metric::Percentage | Metric::ConversionRate => String::new(),
    }
}
