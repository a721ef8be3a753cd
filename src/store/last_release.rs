//! The last release of each kind of period, for the console's page on health. Must contain no released figure.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::store::client::Store;
use crate::store::error::StoreError;

/// The last release of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct LastReleaseRow {
    /// `hour`, `day`, `week` or `month`.
    pub kind: String,
    /// Its period: `2026-03-10`, of an hour `2026-03-10 14:00:00` in UTC.
    pub period: String,
    /// When it was published, seconds since 1970.
    pub at: u32,
}

impl Store {
    /// The last release of each kind that was measured here, the finest first; imports have releases of their own.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn last_releases(&self) -> Result<Vec<LastReleaseRow>, StoreError> {
        let sql = "SELECT toString(of.kind) AS kind, if(of.kind = 'hour', toString(max(of.hour)), toString(max(of.day))) \
                   AS period, toUnixTimestamp(max(of.at)) AS at FROM {database:Identifier}.releases AS of \
                   WHERE of.origin = '' AND of.state != 'staged' GROUP BY of.kind ORDER BY of.kind";
        self.ask_as_owner(sql).param("database", self.database()).rows::<LastReleaseRow>().await
    }
}
