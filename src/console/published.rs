//! Questions of a view that the query API has no name for, by the name of what they ask: robots, outcomes, pages not
//! found, histograms, the first day.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::console::query::{self, QueryError, QuestionError};
use crate::sites::Site;
use crate::store::reports::Reports;
use crate::store::uncounted::PublishedQuestion;

/// Answers `question`, which asks for `table`.
///
/// # Errors
/// See [`QueryError`].
pub(super) async fn answer(
    table: &str,
    question: &Map<String, Value>,
    site: &Site,
    now: Timestamp,
    reports: &Reports,
) -> Result<Value, QueryError> {
    let unknown = || QueryError::Bad(QuestionError("`table` names nothing that a view can ask for".into()));
    let asked = PublishedQuestion::named(table).ok_or_else(unknown)?;
    let days = query::days(question.get("date_range").unwrap_or(&Value::Null), site, now)?;
    let page = question.get("page").and_then(Value::as_str).unwrap_or_default();
    let asked = match asked {
        PublishedQuestion::Histogram if !page.is_empty() => PublishedQuestion::HistogramOfPage,
        asked => asked,
    };
    let rows = reports.published(asked, &site.name, days, page).await?;
    Ok(json!({ "rows": rows }))
}
