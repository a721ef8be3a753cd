//! A warning about days that were also measured live: an import adds to them.

use std::collections::BTreeSet;

use crate::event::Day;
use crate::import::days::date;
use crate::import::job::ImportJob;
use crate::store::{Store, StoreError};

/// A sentence about those of `days` that have figures from no import.
pub(super) async fn note(
    import: &ImportJob,
    store: &Store,
    days: &BTreeSet<Day>,
    imported: &BTreeSet<Day>,
) -> Result<Option<String>, StoreError> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(None) };
    let sql = "SELECT DISTINCT toUInt16(day) AS number FROM (\
               SELECT day FROM {database:Identifier}.site_days WHERE site = {site:String} AND origin = '' AND pageviews > 0 \
               UNION ALL SELECT day FROM {database:Identifier}.waiting_pages WHERE site = {site:String} AND origin = '') \
               WHERE number BETWEEN {first:UInt16} AND {last:UInt16} ORDER BY number";
    let query = store.ask_as_owner(sql).param("database", store.database()).param("site", &*import.site.name);
    let measured = query.param("first", first.0).param("last", last.0).rows::<u16>().await?;
    let measured: Vec<Day> =
        measured.into_iter().map(Day).filter(|day| days.contains(day) && !imported.contains(day)).collect();
    Ok(measured.first().map(|first| {
        format!(
            "{} of these days were also measured live, first {}: the import adds to them, and visitors count twice",
            measured.len(),
            date(*first)
        )
    }))
}
