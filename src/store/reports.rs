//! Reading back: a typed question about one site, answered by the views of `schema/views_reports.sql`. Figures arrive
//! rounded; nothing here could undo it. Whatever a person typed travels as a parameter, never as text of a query.

use std::time::Duration;

use bytes::Bytes;
use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::report::{Direction, Filter, Operator, ROWS_MAX, Report, Subject};
use crate::store::client::{SqlQuestion, Store};

/// Longest wait for the database: whoever looks at a page has given up by then.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Largest answer to a reader's own SELECT: what a panel can draw, many times.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// ClickHouse's number for an expression that RE2 refuses.
const CANNOT_COMPILE_REGEXP: u32 = 427;

/// The views that a reading user is granted.
pub const VIEWS: [&str; 4] = ["report_pages", "report_breakdowns", "report_actions", "report_timings"];

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A `matches` filter is no RE2 expression: the asker has to change it.
    #[error("a `matches` filter holds an expression that RE2 does not understand")]
    Pattern,
    /// The database does not understand a query, or what it asks is not granted.
    #[error("the database does not accept the query")]
    Refused,
    /// The database is away, refuses or is too slow: ask again later.
    #[error("the database does not answer")]
    Unavailable,
}

/// One row of a report; what was not asked for, or is not stored that way, is empty.
#[derive(Debug, Clone, Default, PartialEq, Row, Serialize, Deserialize)]
pub struct ReportRow {
    /// Beginning of the period: `2026-03-10`, with an hour `2026-03-10 14:00:00`.
    pub time: String,
    /// Page.
    pub page: String,
    /// Value of the dimension, name of the action.
    pub value: String,
    /// Daily visitors.
    pub visitors: Option<i64>,
    /// Pageviews.
    pub pageviews: Option<i64>,
    /// Visits.
    pub visits: Option<i64>,
    /// Uses of a feature.
    pub events: Option<i64>,
    /// Pageviews of a visit.
    pub views_per_visit: Option<f64>,
    /// Percent.
    pub bounce_rate: Option<i64>,
    /// Seconds.
    pub visit_duration: Option<i64>,
    /// Seconds.
    pub time_on_page: Option<i64>,
    /// Percent.
    pub scroll_depth: Option<i64>,
    /// Milliseconds, or thousandths of a layout shift: upper bound of a bucket.
    pub p50: Option<i64>,
    /// The same.
    pub p75: Option<i64>,
    /// The same.
    pub p95: Option<i64>,
}

/// The reading side of the database.
#[derive(Clone)]
pub struct Reports {
    pub(super) store: Store,
}

impl Reports {
    /// Reads as the reading user of `store`, who is granted [`VIEWS`] and nothing else.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The rows of a report.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn rows(&self, report: &Report) -> Result<Vec<ReportRow>, ReportError> {
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {} LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}",
            report.columns(),
            report.view(),
            report.order_text(),
        );
        let query =
            report.bind(self.store.ask(&sql)).param("limit", report.limit.min(ROWS_MAX)).param("offset", report.offset);
        within(query.rows::<ReportRow>()).await
    }

    /// How many rows the report has without its limit.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn total(&self, report: &Report) -> Result<u64, ReportError> {
        let sql = format!("SELECT count() FROM {}", report.view());
        Ok(within(report.bind(self.store.ask(&sql)).rows::<u64>()).await?.first().copied().unwrap_or(0))
    }

    /// The rows of a SELECT that a reader wrote and somebody has checked, in a format of the engine's.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn select(&self, text: &str, format: &str, revision: Option<u32>) -> Result<Bytes, ReportError> {
        match tokio::time::timeout(WAIT_MAX, self.store.ask(text).bytes(format, revision, ANSWER_BYTES_MAX)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(StoreError::Refused(_))) => Err(ReportError::Refused),
            Ok(Err(_)) | Err(_) => Err(ReportError::Unavailable),
        }
    }

    /// Whether the reading user may read every view.
    pub async fn may_read_all(&self) -> bool {
        for view in VIEWS {
            if self.store.ask(&format!("CHECK GRANT SELECT ON {view}")).rows::<u8>().await != Ok(vec![1]) {
                return false;
            }
        }
        true
    }
}

impl Report {
    /// The columns of [`ReportRow`], as the view has them. Load times have a view of their own shape.
    pub(super) fn columns(&self) -> &'static str {
        match self.subject {
            Subject::Pages(_) | Subject::Breakdown(_) | Subject::Actions { .. } => {
                "time, page, value, visitors, pageviews, visits, events, views_per_visit, bounce_rate, visit_duration, \
                 time_on_page, scroll_depth, CAST(NULL, 'Nullable(Int64)') AS p50, \
                 CAST(NULL, 'Nullable(Int64)') AS p75, CAST(NULL, 'Nullable(Int64)') AS p95"
            }
            Subject::Timings => {
                "time, page, toString(metric) AS value, CAST(NULL, 'Nullable(Int64)') AS visitors, \
                 CAST(NULL, 'Nullable(Int64)') AS pageviews, CAST(NULL, 'Nullable(Int64)') AS visits, \
                 CAST(count, 'Nullable(Int64)') AS events, CAST(NULL, 'Nullable(Float64)') AS views_per_visit, \
                 CAST(NULL, 'Nullable(Int64)') AS bounce_rate, CAST(NULL, 'Nullable(Int64)') AS visit_duration, \
                 CAST(NULL, 'Nullable(Int64)') AS time_on_page, CAST(NULL, 'Nullable(Int64)') AS scroll_depth, \
                 CAST(p50, 'Nullable(Int64)') AS p50, CAST(p75, 'Nullable(Int64)') AS p75, \
                 CAST(p95, 'Nullable(Int64)') AS p95"
            }
        }
    }

    /// The view with its parameters, all from this fixed text.
    pub(super) fn view(&self) -> &'static str {
        match self.subject {
            Subject::Pages(_) => {
                "report_pages(site={site:String}, from={from:Date}, to={to:Date}, timezone={timezone:String}, \
                 grain={grain:String}, role={role:String}, by_page={by_page:UInt8}, page_op={page_op:String}, \
                 pages={pages:Array(String)})"
            }
            Subject::Breakdown(_) => {
                "report_breakdowns(site={site:String}, from={from:Date}, to={to:Date}, grain={grain:String}, \
                 dimension={dimension:String}, by_page={by_page:UInt8}, by_value={by_value:UInt8}, \
                 page_op={page_op:String}, pages={pages:Array(String)}, value_op={value_op:String}, \
                 values={values:Array(String)})"
            }
            Subject::Actions { .. } => {
                "report_actions(site={site:String}, from={from:Date}, to={to:Date}, grain={grain:String}, \
                 property={property:String}, by_page={by_page:UInt8}, by_value={by_value:UInt8}, \
                 page_op={page_op:String}, pages={pages:Array(String)}, action_op={action_op:String}, \
                 actions={actions:Array(String)}, value_op={value_op:String}, values={values:Array(String)})"
            }
            Subject::Timings => {
                "report_timings(site={site:String}, from={from:Date}, to={to:Date}, timezone={timezone:String}, \
                 grain={grain:String}, by_page={by_page:UInt8}, page_op={page_op:String}, pages={pages:Array(String)})"
            }
        }
    }

    /// Gives the view its parameters.
    pub(super) fn bind(&self, query: SqlQuestion) -> SqlQuestion {
        let query = query
            .param("site", &self.site)
            .param("from", self.from.to_string())
            .param("to", self.to.to_string())
            .param("grain", self.grain.word())
            .param("by_page", u8::from(self.by_page));
        let query = with_filter(query, ("page_op", "pages"), self.page.as_ref());
        match &self.subject {
            Subject::Pages(role) => query.param("timezone", &self.timezone).param("role", role.word()),
            Subject::Timings => query.param("timezone", &self.timezone),
            Subject::Breakdown(dimension) => {
                let query = query.param("dimension", dimension.name()).param("by_value", u8::from(self.by_value));
                with_filter(query, ("value_op", "values"), self.value.as_ref())
            }
            Subject::Actions { property, action } => {
                let query = query
                    .param("property", property.as_deref().unwrap_or_default())
                    .param("by_value", u8::from(self.by_value));
                let query = with_filter(query, ("action_op", "actions"), action.as_ref());
                with_filter(query, ("value_op", "values"), self.value.as_ref())
            }
        }
    }

    fn order_text(&self) -> String {
        let mut text = String::new();
        for (column, direction) in &self.order {
            text.push_str(column.name());
            text.push_str(match direction {
                Direction::Ascending => " ASC, ",
                Direction::Descending => " DESC, ",
            });
        }
        text.push_str("time, page, value");
        text
    }
}

fn with_filter(query: SqlQuestion, (operator, values): (&str, &str), filter: Option<&Filter>) -> SqlQuestion {
    let word = match filter.map(|filter| filter.operator) {
        None => "",
        Some(Operator::Is) => "is",
        Some(Operator::IsNot) => "is_not",
        Some(Operator::Contains) => "contains",
        Some(Operator::Matches) => "matches",
    };
    let list = filter.map(|filter| filter.values.as_slice()).unwrap_or_default();
    query.param(operator, word).param(values, list)
}

/// The answer within the time that somebody waits.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, ReportError> {
    match tokio::time::timeout(WAIT_MAX, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.failure().code == CANNOT_COMPILE_REGEXP => Err(ReportError::Pattern),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a report could not be read");
            Err(match error {
                StoreError::Refused(_) => ReportError::Refused,
                StoreError::Retryable(_) => ReportError::Unavailable,
            })
        }
        Err(_) => {
            tracing::warn!("a report took too long");
            Err(ReportError::Unavailable)
        }
    }
}
