//! Queries of a view without a name in the query API: robots, outcomes, pages not found, histograms, the first day.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::console::query::{self, QueryError, QueryRefusal};
use crate::sites::Site;
use crate::store::reports::Reports;
use crate::store::uncounted::PublishedQuery;

/// Answers `query`, which names its `table`.
///
/// # Errors
/// See [`QueryError`] for the causes.
pub(super) async fn answer(
    table: &str,
    query: &Map<String, Value>,
    site: &Site,
    now: Timestamp,
    reports: &Reports,
) -> Result<Value, QueryError> {
    let unknown = || QueryError::Bad(QueryRefusal("unknown `table`".into()));
    let named = PublishedQuery::named(table).ok_or_else(unknown)?;
    let days = query::days(query.get("date_range").unwrap_or(&Value::Null), site, now)?;
    let page = query.get("page").and_then(Value::as_str).unwrap_or_default();
    let of_page = named == PublishedQuery::Histogram && !page.is_empty();
    let published = if of_page { PublishedQuery::HistogramOfPage } else { named };
    let rows = reports.published(published, &site.name, days, page).await?;
    Ok(json!({ "rows": rows }))
}
