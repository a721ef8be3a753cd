//! Runs a query and writes the answer: `results` in the requested order, `meta` with notes on the figures, `query`
//! as it was understood.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::compare::{EarlierRows, change};
use super::dates::DayRange;
use super::plan::column;
use crate::config::{self, Protection};
use crate::console::query::countries;
use crate::console::query::parsed::{ParsedQuery, QueryDraft};
use crate::console::query::vocabulary::{QueryRefusal, RequestedDimension};
use crate::sites::Site;
use crate::store::report::{Column, Grain, Metric, RATE_BASE_MIN, Report, Role, Subject};
use crate::store::reports::{ReportError, ReportRow, Reports};

/// How the collector's figures are stored.
#[derive(Debug, Clone, Copy)]
pub struct StorageProfile {
    /// Protection of published figures.
    pub protection: Protection,
    /// Whether channels and campaigns are measured.
    pub marketing: bool,
}

/// Why a query has no answer.
#[derive(Debug)]
pub(in crate::console) enum QueryError {
    /// The client has to change the query.
    Bad(QueryRefusal),
    /// The database is away or refuses.
    Unavailable,
}

/// Rows with the whole that they are parts of.
pub(super) struct AnsweredRows {
    pub(super) rows: Vec<ReportRow>,
    whole: ReportRow,
    base_min: i64,
}

/// The first and the last day of a `date_range`.
///
/// # Errors
/// When it is not a valid range.
pub(in crate::console) fn days(range: &Value, site: &Site, now: Timestamp) -> Result<(Date, Date), QueryError> {
    let range = DayRange::read(range, now, &site.timezone).map_err(QueryError::Bad)?;
    Ok((range.from, range.to))
}

impl StorageProfile {
    /// The profile of a configuration.
    pub fn of(privacy: &config::PrivacyConfig) -> Self {
        Self { protection: privacy.protection, marketing: privacy.marketing != config::MarketingPolicy::Never }
    }

    /// Smallest denominator of a rate.
    pub(in crate::console) fn rate_base_min(self) -> i64 {
        match self.protection {
            Protection::Tens => RATE_BASE_MIN,
            Protection::Exact => 1,
        }
    }
}

/// Answers `body` about `site`, whose figures have this profile.
///
/// # Errors
/// See [`QueryError`] for the causes.
pub(in crate::console) async fn answer(
    body: &QueryDraft,
    site: &Site,
    now: Timestamp,
    reports: &Reports,
    kept: StorageProfile,
) -> Result<Value, QueryError> {
    let query = body.parse(site, now, kept.marketing).map_err(QueryError::Bad)?;
    let base_min = kept.rate_base_min();
    let report = query.report(site, base_min).map_err(QueryError::Bad)?;
    let mut answered = query.rows(&report, reports).await?;
    if answered.rows.is_empty() && query.dimensions.is_empty() && query.offset == 0 {
        answered.rows.push(ReportRow::default());
    }
    let mut meta = notes(&query, &report, kept.protection);
    if query.include.total_rows {
        let total = reports.total(&report).await?;
        let total = if query.dimensions.is_empty() { 1 } else { total };
        meta.insert("total_rows".into(), total.into());
    }
    if query.include.time_labels {
        let labels = match query.include.trim {
            true => query.range.labels_until(now, report.grain, &site.timezone),
            false => query.range.labels(report.grain, &site.timezone),
        };
        meta.insert("time_labels".into(), labels.into());
    }
    if query.include.rest
        && let Some(rest) = reports.rest(&report).await?
    {
        let metrics: Vec<Value> =
            query.metrics.iter().map(|metric| rest.number(*metric).map_or(Value::Null, Value::from)).collect();
        meta.insert("rest".into(), json!({ "dimensions": ["(rest)"], "metrics": metrics }));
    }
    let earlier = match query.include.comparisons {
        Some(comparing) => {
            let rows = comparing.rows(&report, query.range, site, reports).await?;
            let days = [comparing.range.from.to_string(), comparing.range.to.to_string()];
            meta.insert("comparison_date_range".into(), json!(days));
            let whole = query.whole(&comparing_report(&report, comparing.range), reports).await?;
            Some((rows, AnsweredRows { rows: Vec::new(), whole, base_min }))
        }
        None => None,
    };
    let result = |row: &ReportRow| query.result(row, &report, &answered, earlier.as_ref());
    let results: Vec<Value> = answered.rows.iter().map(result).collect();
    Ok(json!({ "results": results, "meta": meta, "query": query.echo(body, site) }))
}

fn comparing_report(report: &Report, range: DayRange) -> Report {
    Report { from: range.from, to: range.to, hours: range.hours, ..report.clone() }
}

impl ParsedQuery {
    /// The rows, and their whole if a metric needs it.
    pub(super) async fn rows(&self, report: &Report, reports: &Reports) -> Result<AnsweredRows, ReportError> {
        let rows = reports.rows(report).await?;
        let whole = self.whole(report, reports).await?;
        Ok(AnsweredRows { rows, whole, base_min: report.rate_base_min })
    }

    /// The whole whose visitors are a hundred percent.
    async fn whole(&self, report: &Report, reports: &Reports) -> Result<ReportRow, ReportError> {
        let of_site = report.condition.is_none() || self.metrics.contains(&Metric::ConversionRate);
        match self.metrics.iter().find(|metric| !metric.is_column()) {
            None => Ok(ReportRow::default()),
            Some(_) if of_site => reports.whole(&report.site_whole()).await,
            Some(_) => reports.whole(report).await,
        }
    }

    fn result(
        &self,
        row: &ReportRow,
        report: &Report,
        answered: &AnsweredRows,
        earlier: Option<&(EarlierRows, AnsweredRows)>,
    ) -> Value {
        let metrics: Vec<Value> = self.metrics.iter().map(|metric| answered.figure(row, *metric)).collect();
        let dimensions = self.names(row, report);
        let Some((rows, whole)) = earlier else {
            return json!({ "metrics": metrics, "dimensions": dimensions });
        };
        let before = rows.of(row);
        let figures: Vec<Value> = self.metrics.iter().map(|metric| whole.figure(&before, *metric)).collect();
        let changes = self.metrics.iter().zip(metrics.iter().zip(&figures));
        let changes: Vec<Value> =
            changes.map(|(metric, (now, then))| change(*metric, now, then, answered.base_min)).collect();
        let dimensions_before = self.names(&before, report);
        json!({
            "metrics": metrics,
            "dimensions": dimensions,
            "comparison": { "metrics": figures, "dimensions": dimensions_before, "change": changes },
        })
    }

    /// Values of the dimensions of a row, in the requested order.
    pub(super) fn names(&self, row: &ReportRow, report: &Report) -> Vec<String> {
        let name = |asked: &RequestedDimension| match column(asked, &report.subject) {
            Column::Time => row.time.clone(),
            Column::Page => row.page.clone(),
            Column::Value | Column::Metric(_) if *asked == RequestedDimension::CountryName => {
                countries::name_of(&row.value)
            }
            Column::Value | Column::Metric(_) => row.value.clone(),
        };
        self.dimensions.iter().map(name).collect()
    }

    fn echo(&self, body: &QueryDraft, site: &Site) -> Value {
        let names: Vec<_> = self.metrics.iter().map(|metric| metric.name()).collect();
        let written = |key: &str| body.0.get(key).cloned().unwrap_or_else(|| json!([]));
        let date_range = match self.range.hours {
            Some(hours) => [hours.from.to_string(), hours.to.to_string()],
            None => [self.range.from.to_string(), self.range.to.to_string()],
        };
        json!({
            "site_id": &*site.name,
            "metrics": names,
            "date_range": date_range,
            "dimensions": written("dimensions"),
            "filters": written("filters"),
            "order_by": written("order_by"),
            "include": {
                "imports": self.include.imports,
                "time_labels": self.include.time_labels,
                "total_rows": self.include.total_rows,
            },
            "pagination": { "limit": self.limit, "offset": self.offset },
        })
    }
}

impl AnsweredRows {
    /// One figure of a row, as JSON.
    pub(super) fn figure(&self, row: &ReportRow, metric: Metric) -> Value {
        if metric == Metric::ViewsPerVisit {
            return row.views_per_visit.into();
        }
        if !metric.is_column() {
            return self.share(row.visitors.unwrap_or(0));
        }
        let nothing = if metric.is_count() { Value::from(0) } else { Value::Null };
        row.number(metric).map_or(nothing, Value::from)
    }

    /// Percentage of the whole's visitors, with one decimal.
    fn share(&self, part: i64) -> Value {
        let total = self.whole.visitors.unwrap_or(0);
        if total < self.base_min {
            return Value::Null;
        }
        #[allow(clippy::cast_precision_loss, reason = "visitors fit into 52 bits")]
        let percent = (1_000.0 * part as f64 / total as f64).round() / 10.0;
        json!(percent)
    }
}

/// Notes that a reader needs for the figures.
fn notes(query: &ParsedQuery, report: &Report, protection: Protection) -> Map<String, Value> {
    let mut meta = Map::new();
    meta.insert("protection".into(), if protection == Protection::Tens { "tens" } else { "exact" }.into());
    meta.insert("rounding".into(), protection.step().into());
    meta.insert("imports_included".into(), query.include.imports.into());
    let by_page = report.names_pages() || matches!(report.subject, Subject::Pages(Role::Entry | Role::Exit));
    if query.metrics.contains(&Metric::Visitors) {
        let visitors = match report.subject {
            Subject::Timings | Subject::Robots | Subject::Outcomes => "not stored with these dimensions",
            Subject::Actions { .. } => {
                "a person counts once a day for each action and value; a range is the sum of \
                                        its days"
            }
            Subject::Pages(_) | Subject::Breakdown(_) if by_page => {
                "a person counts once a day for each page; a range is the sum of its days and pages"
            }
            Subject::Pages(_) | Subject::Breakdown(_) => {
                "daily visitors: a person counts once a day; a range is the sum of its days"
            }
        };
        let hourly = "; in hours: in the hour of the day's first pageview";
        let visitors = if report.grain == Grain::Hour { format!("{visitors}{hourly}") } else { visitors.into() };
        meta.insert("visitors".into(), visitors.into());
    }
    if query.metrics.iter().any(|metric| metric.is_load_time()) {
        let note = "load time of the 50th, 75th or 95th percentile, rounded up by at most a fifth: milliseconds; cls: \
                    thousandths";
        meta.insert("load_times".into(), note.into());
    }
    let of_visits = [Metric::Visits, Metric::BounceRate, Metric::VisitDuration];
    if by_page
        && report.subject != Subject::Pages(Role::Exit)
        && query.metrics.iter().any(|metric| of_visits.contains(metric))
    {
        meta.insert("visits".into(), "visits that began on the page".into());
    }
    if protection == Protection::Tens && matches!(report.grain, Grain::Hour | Grain::Day) {
        meta.insert(
            "rests".into(),
            "figures too small for a day are published with their week or month, so that a longer range exceeds the \
             sum of its days"
                .into(),
        );
    }
    meta
}

impl From<ReportError> for QueryError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Pattern => Self::Bad(QueryRefusal(error.to_string())),
            ReportError::Unavailable | ReportError::Refused(_) => Self::Unavailable,
        }
    }
}
