//! Answers typed queries about one site from the published tables. Text that a person typed travels as a parameter,
//! never as part of a query.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer_cache::{AnswerCache, AnswerKey, TableState};
use super::error::{ServerError, StoreError};
use super::published::TABLES;
use super::report::{Metric, ROWS_MAX, Report, Role, Subject};
use super::scope::ReaderScope;
use super::statement::Statement;
use crate::event::Dimension;
use crate::store::client::Store;

/// Longest wait for the database: a person at the console has given up by then.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Statements of readers that run at once; the others wait. The engine refuses a user's seventeenth, and probes ask
/// beside readers.
const STATEMENTS_MAX: usize = 12;

/// Largest answer to a reader's own SELECT, in bytes: many times what a panel can draw.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// ClickHouse's code for an expression that RE2 rejects.
const CANNOT_COMPILE_REGEXP: u32 = 427;

/// Error for a report that no table answers; the console's plan rejects such a report earlier, in a sentence.
pub(super) const NOT_PUBLISHED: ReportError =
    ReportError::Refused(ServerError { code: 0, name: "these are not published together" });

/// Why a report has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A `matches` filter is not a valid RE2 expression: the client has to change it.
    #[error("a `matches` filter has an expression that RE2 does not accept")]
    Pattern,
    /// The query does not parse or is not granted: the client has to change it.
    #[error("database rejected the query: {0}")]
    Refused(ServerError),
    /// The database is away, refuses or is too slow: retry later.
    #[error("database unavailable")]
    Unavailable,
}

/// One row of a report; a figure that was not asked for, or is not published that way, is empty.
#[derive(Debug, Clone, Default, PartialEq, Row, Serialize, Deserialize)]
pub struct ReportRow {
    /// Start of the period: `2026-03-10`, with an hour `2026-03-10 14:00:00`.
    pub time: String,
    /// Path of the page; empty where pages are not told apart.
    pub page: String,
    /// Value of the dimension, or name of the action.
    pub value: String,
    /// Visitors, counted per day and added up.
    pub visitors: Option<i64>,
    /// Views of pages in the period.
    pub pageviews: Option<i64>,
    /// Visits that began in the period.
    pub visits: Option<i64>,
    /// Uses of a feature, or load times measured.
    pub events: Option<i64>,
    /// Pageviews per visit, on average.
    pub views_per_visit: Option<f64>,
    /// Visits of one pageview, in percent.
    pub bounce_rate: Option<i64>,
    /// Seconds per visit, on average.
    pub visit_duration: Option<i64>,
    /// Seconds that a view was read, on average.
    pub time_on_page: Option<i64>,
    /// Share of the page that was scrolled to, in percent.
    pub scroll_depth: Option<i64>,
    /// 50th percentile, as the upper bound of a bucket: milliseconds, or thousandths of a layout shift.
    pub p50: Option<i64>,
    /// 75th percentile, in the same units.
    pub p75: Option<i64>,
    /// 95th percentile, in the same units.
    pub p95: Option<i64>,
    /// Pageviews of a page that does not exist.
    pub not_found: Option<i64>,
    /// Requests of robots, or hits by outcome.
    pub hits: Option<i64>,
}

/// The reading side of the database. All clones share the bound on statements and the kept answers.
#[derive(Clone)]
pub struct Reports {
    pub(super) store: Store,
    statements: Arc<Semaphore>,
    answers: Arc<AnswerCache>,
    /// Answers of this state of the tables may be given again; without one every statement is asked.
    state: Option<TableState>,
}

impl Reports {
    /// Reads as the reading user of `store`, which is granted the published tables and nothing else.
    pub fn new(store: Store) -> Self {
        let statements = Arc::new(Semaphore::new(STATEMENTS_MAX));
        Self { store, statements, answers: Arc::default(), state: None }
    }

    /// Current version of the published tables, if known.
    pub async fn table_state(&self) -> Option<TableState> {
        tokio::time::timeout(WAIT_MAX, self.store.table_state()).await.ok()?
    }

    /// Returns the cached answer for this version of the tables, if there is one.
    pub fn at(&self, state: Option<TableState>) -> Self {
        Self { state, ..self.clone() }
    }

    /// Reads reports as the user of these sites alone; where there is none yet, a report still filters by its own site.
    pub fn scoped(&self, scope: &ReaderScope) -> Self {
        self.bound(scope).unwrap_or_else(|| self.clone())
    }

    /// Runs a query as the user of these sites; `None` without such a user.
    pub fn bound(&self, scope: &ReaderScope) -> Option<Self> {
        self.store.knows_reader(scope).then(|| Self { store: self.store.reading_as(scope), ..self.clone() })
    }

    /// The rows of a report.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn rows(&self, report: &Report) -> Result<Vec<ReportRow>, ReportError> {
        let statement = Statement::rows(report).ok_or(NOT_PUBLISHED)?;
        let key = self.key(&statement.text, &statement.parameters);
        self.kept_or(key, statement.ask(|text| self.store.ask(text)).rows::<ReportRow>()).await
    }

    /// Number of rows of the report, without its limit.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn total(&self, report: &Report) -> Result<u64, ReportError> {
        let statement = Statement::count(report).ok_or(NOT_PUBLISHED)?;
        let rows = self.within(statement.ask(|text| self.store.ask(text)).rows::<u64>()).await?;
        Ok(rows.first().copied().unwrap_or(0))
    }

    /// The figures of a report, all in one row.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn whole(&self, report: &Report) -> Result<ReportRow, ReportError> {
        Ok(self.rows(&report.whole()).await?.into_iter().next().unwrap_or_default())
    }

    /// Figures that no row shows: the level above minus the rows, for figures that add up. `None` where all is shown.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn rest(&self, report: &Report) -> Result<Option<ReportRow>, ReportError> {
        if report.condition.is_some() || report.by_page == report.by_value {
            return Ok(None);
        }
        let (of_site, metrics): (Report, &[Metric]) = match &report.subject {
            Subject::Pages(Role::Viewed) => (report.site_whole(), &[Metric::Pageviews, Metric::Visits]),
            Subject::Pages(Role::Entry | Role::Exit) => (report.site_whole(), &[Metric::Visits]),
            Subject::Breakdown(dimension) if report.by_value && dimension.is_of_visitor() => {
                (report.site_whole(), &[Metric::Visitors, Metric::Visits, Metric::Pageviews])
            }
            Subject::Breakdown(Dimension::Referrer) if report.by_value => (report.site_whole(), &[Metric::Visits]),
            Subject::Actions { property: None } | Subject::Timings if report.by_page => {
                (report.whole(), &[Metric::Events])
            }
            Subject::Breakdown(_)
            | Subject::Actions { .. }
            | Subject::Timings
            | Subject::Robots
            | Subject::Outcomes => {
                return Ok(None);
            }
        };
        let total = self.whole(&of_site.of_metrics(metrics)).await?;
        let shown = Report { by_page: report.by_page, ..report.whole().of_metrics(metrics) };
        let rows = self.rows(&Report { limit: ROWS_MAX, ..shown }).await?;
        let mut rest = ReportRow::default();
        for metric in metrics {
            let shown: i64 = rows.iter().filter_map(|row| row.number(*metric)).sum();
            rest.set_count(*metric, (total.number(*metric).unwrap_or(0) - shown).max(0));
        }
        Ok(metrics.iter().any(|metric| rest.number(*metric) > Some(0)).then_some(rest))
    }

    /// The rows of a reader's SELECT, which must have passed the SQL guard, in one of the engine's formats.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn select(&self, text: &str, format: &str, revision: Option<u32>) -> Result<Bytes, ReportError> {
        let answer = async {
            let _permit = self.permit().await;
            self.store.ask(text).bytes(format, revision, ANSWER_BYTES_MAX).await
        };
        match tokio::time::timeout(WAIT_MAX, answer).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(error.of_asker().map_or(ReportError::Unavailable, ReportError::Refused)),
            Err(_) => Err(ReportError::Refused(ServerError { code: 0, name: "it took longer than 15 seconds" })),
        }
    }

    /// Whether the reading user may read every published table.
    pub async fn may_read_all(&self) -> bool {
        for table in TABLES {
            if self.store.ask(&format!("CHECK GRANT SELECT ON {}", table.name)).rows::<u8>().await != Ok(vec![1]) {
                return false;
            }
        }
        true
    }
}

impl ReportRow {
    fn set_count(&mut self, metric: Metric, count: i64) {
        if metric == Metric::Visitors {
            self.visitors = Some(count);
        } else if metric == Metric::Visits {
            self.visits = Some(count);
        } else if metric == Metric::Pageviews {
            self.pageviews = Some(count);
        } else if metric == Metric::Events {
            self.events = Some(count);
        }
    }

    /// The value of one integer figure.
    pub fn number(&self, metric: Metric) -> Option<i64> {
        match metric {
            Metric::Visitors => self.visitors,
            Metric::Visits => self.visits,
            Metric::Pageviews => self.pageviews,
            Metric::BounceRate => self.bounce_rate,
            Metric::VisitDuration => self.visit_duration,
            Metric::TimeOnPage => self.time_on_page,
            Metric::ScrollDepth => self.scroll_depth,
            Metric::Events => self.events,
            Metric::P50 => self.p50,
            Metric::P75 => self.p75,
            Metric::P95 => self.p95,
            Metric::NotFound => self.not_found,
            Metric::Hits => self.hits,
            Metric::ViewsPerVisit | Metric::Percentage | Metric::ConversionRate => None,
        }
    }
}

/// The answer within the time that a reader waits.
pub(super) async fn in_time<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, ReportError> {
    match tokio::time::timeout(WAIT_MAX, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.failure().code == CANNOT_COMPILE_REGEXP => Err(ReportError::Pattern),
        Ok(Err(error)) => {
            tracing::warn!(%error, "reports: statement failed");
            Err(match error {
                StoreError::Refused(failure) => ReportError::Refused(failure),
                StoreError::Retryable(_) => ReportError::Unavailable,
            })
        }
        Err(_) => {
            tracing::warn!(seconds = WAIT_MAX.as_secs(), "reports: statement timed out");
            Err(ReportError::Unavailable)
        }
    }
}

impl Reports {
    /// Leave to run a statement, until it is dropped.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.statements.clone().acquire_owned().await.ok()
    }

    /// The answer within the time that a reader waits, room for its statement included.
    pub(super) async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, ReportError> {
        let admitted = async {
            let _permit = self.permit().await;
            answer.await
        };
        in_time(admitted).await
    }

    /// The rows kept under `key`, else those of `answer`, which are kept.
    pub(super) async fn kept_or<T: Clone + Send + Sync + 'static>(
        &self,
        key: Option<AnswerKey>,
        answer: impl Future<Output = Result<Vec<T>, StoreError>>,
    ) -> Result<Vec<T>, ReportError> {
        if let Some(rows) = key.as_ref().and_then(|key| self.answers.get(key)) {
            return Ok(rows);
        }
        let rows = self.within(answer).await?;
        if let Some(key) = key {
            self.answers.keep(key, &rows);
        }
        Ok(rows)
    }

    /// The key of an answer to `text` with these parameters, where answers are kept.
    pub(super) fn key(&self, text: &str, parameters: &impl Serialize) -> Option<AnswerKey> {
        AnswerKey::new(self.state?, &self.store.reading_user(), text, parameters)
    }
}
