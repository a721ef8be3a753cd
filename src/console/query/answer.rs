//! Asking the database and writing the answer: `results` in the order asked for, `meta` with what a reader must know to
//! understand the figures, `query` as it was understood.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::plan::column;
use crate::console::query::vocabulary::RequestedDimension;
use crate::console::query::{ParsedQuery, QueryDraft, QuestionError};
use crate::sites::Site;
use crate::store::report::{Column, Grain, Metric, Report, Role, Subject};
use crate::store::reports::{ReportError, ReportRow, Reports};

/// How the collector keeps figures.
#[derive(Debug, Clone, Copy)]
pub(in crate::console) struct StorageProfile {
    /// Of which they are multiples.
    pub(in crate::console) rounding: u32,
    /// Channels and campaigns are among them.
    pub(in crate::console) marketing: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::console) enum QueryError {
    /// The asker has to change the question.
    Bad(QuestionError),
    /// The database is away.
    Unavailable,
}

/// Answers `body` about `site`, whose figures are kept like this.
///
/// # Errors
/// See [`QueryError`].
pub(in crate::console) async fn answer(
    body: &QueryDraft,
    site: &Site,
    now: Timestamp,
    reports: &Reports,
    kept: StorageProfile,
) -> Result<Value, QueryError> {
    let question = body.question(site, now, kept.marketing).map_err(|refusal| QueryError::Bad(refusal.into()))?;
    let report = question.report(site).map_err(|refusal| QueryError::Bad(refusal.into()))?;
    let mut rows = reports.rows(&report).await?;
    if rows.is_empty() && question.dimensions.is_empty() && question.offset == 0 {
        rows.push(ReportRow::default());
    }
    let mut meta = notes(&question, &report, kept.rounding);
    if question.total_rows {
        let total = reports.total(&report).await?;
        let total = if question.dimensions.is_empty() { 1 } else { total };
        meta.insert("total_rows".into(), total.into());
    }
    if question.time_labels {
        meta.insert("time_labels".into(), question.range.labels(report.grain, &site.timezone).into());
    }
    let results: Vec<Value> = rows.iter().map(|row| question.result(row, &report)).collect();
    Ok(json!({ "results": results, "meta": meta, "query": question.echo(body, site) }))
}

impl ParsedQuery {
    fn result(&self, row: &ReportRow, report: &Report) -> Value {
        let metrics: Vec<Value> = self.metrics.iter().map(|metric| figure(row, *metric)).collect();
        let dimension = |asked: &RequestedDimension| match column(asked, &report.subject) {
            Column::Time => row.time.clone(),
            Column::Page => row.page.clone(),
            Column::Value | Column::Metric(_) => row.value.clone(),
        };
        let dimensions: Vec<String> = self.dimensions.iter().map(dimension).collect();
        json!({ "metrics": metrics, "dimensions": dimensions })
    }

    fn echo(&self, body: &QueryDraft, site: &Site) -> Value {
        let names: Vec<_> = self.metrics.iter().map(|metric| metric.name()).collect();
        let dimensions: Vec<_> = self.dimensions.iter().map(RequestedDimension::name).collect();
        json!({
            "site_id": &*site.name,
            "metrics": names,
            "date_range": [self.range.from.to_string(), self.range.to.to_string()],
            "dimensions": dimensions,
            "filters": body.0.get("filters").cloned().unwrap_or_else(|| json!([])),
            "order_by": body.0.get("order_by").cloned().unwrap_or_else(|| json!([])),
            "include": { "time_labels": self.time_labels, "total_rows": self.total_rows },
            "pagination": { "limit": self.limit, "offset": self.offset },
        })
    }
}

/// What a reader must know.
fn notes(question: &ParsedQuery, report: &Report, rounding: u32) -> Map<String, Value> {
    let mut meta = Map::new();
    meta.insert("rounding".into(), rounding.into());
    let by_page = report.by_page || report.page.is_some();
    if question.metrics.contains(&Metric::Visitors) {
        let visitors = match report.subject {
            Subject::Timings => "not kept with load times",
            Subject::Actions { .. } => "a person counts once a day for each action and value; days are added up",
            Subject::Pages(_) | Subject::Breakdown(_) if by_page => {
                "a person counts once a day for each page; days and pages are added up"
            }
            Subject::Pages(_) | Subject::Breakdown(_) => {
                "daily visitors: a person counts once a day; days are added up"
            }
        };
        let hourly = "; by the hour, in the hour of the day's first pageview";
        let visitors = if report.grain == Grain::Hour { format!("{visitors}{hourly}") } else { visitors.into() };
        meta.insert("visitors".into(), visitors.into());
    }
    if question.metrics.iter().any(|metric| metric.is_load_time()) {
        let note = "the load time that 50, 75 or 95 of a hundred kept to, rounded up to a fifth at the most: milliseconds; \
                    cls: thousandths";
        meta.insert("load_times".into(), note.into());
    }
    let of_visits = [Metric::Visits, Metric::BounceRate, Metric::VisitDuration];
    if by_page
        && report.subject != Subject::Pages(Role::Exit)
        && question.metrics.iter().any(|metric| of_visits.contains(metric))
    {
        meta.insert("visits".into(), "visits that began on the page".into());
    }
    meta
}

fn figure(row: &ReportRow, metric: Metric) -> Value {
    let whole = match metric {
        Metric::ViewsPerVisit => return row.views_per_visit.into(),
        Metric::Visitors => row.visitors,
        Metric::Visits => row.visits,
        Metric::Pageviews => row.pageviews,
        Metric::BounceRate => row.bounce_rate,
        Metric::VisitDuration => row.visit_duration,
        Metric::TimeOnPage => row.time_on_page,
        Metric::ScrollDepth => row.scroll_depth,
        Metric::Events => row.events,
        Metric::P50 => row.p50,
        Metric::P75 => row.p75,
        Metric::P95 => row.p95,
    };
    if metric.is_count() { whole.unwrap_or(0).into() } else { whole.into() }
}

impl From<ReportError> for QueryError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Pattern => Self::Bad(QuestionError(error.to_string())),
            ReportError::Unavailable | ReportError::Refused => Self::Unavailable,
        }
    }
}
