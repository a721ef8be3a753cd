//! Notes on the days of a site: written from the configuration and by the console's API, read by console and Grafana.
//! Must hold nothing but the text that the site's own people wrote.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::store::client::Store;
use crate::store::error::StoreError;
use crate::store::reports::{ReportError, Reports};

/// Origin of the notes in the configuration.
const CONFIGURATION: &str = "configuration";

/// Origin of the notes that came by the API.
const API: &str = "api";

/// Most notes read for one site: two a day over the longest retention.
const NOTES_MAX: usize = 1_600;

/// A row of the table `annotations`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Row, Serialize, Deserialize)]
pub struct AnnotationRow {
    /// Name of the site.
    pub site: String,
    /// Day of the note, in days since 1970.
    pub day: u16,
    /// Text of the note, as it was written.
    pub text: String,
    /// Origin of the note: `configuration` or `api`.
    pub origin: String,
}

impl AnnotationRow {
    /// A note of the configuration.
    pub fn configured(site: &str, day: u16, text: &str) -> Self {
        Self { site: site.into(), day, text: text.into(), origin: CONFIGURATION.into() }
    }

    /// A note that came by the API.
    pub fn posted(site: &str, day: u16, text: &str) -> Self {
        Self { site: site.into(), day, text: text.into(), origin: API.into() }
    }
}

impl Store {
    /// Stores a note; storing the same note twice leaves one.
    ///
    /// # Errors
    /// The same as those of [`Store::insert`].
    pub async fn annotate(&self, row: AnnotationRow) -> Result<(), StoreError> {
        self.insert_annotations(vec![row]).await
    }

    /// Makes the table hold exactly the configuration's notes, beside those from the API.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn sync_annotations(&self, mut wanted: Vec<AnnotationRow>) -> Result<(), StoreError> {
        let sql = "SELECT DISTINCT toString(site) AS site, toUInt16(day) AS day, text, toString(origin) AS origin \
                   FROM {database:Identifier}.annotations WHERE origin = {origin:String} ORDER BY site, day, text";
        let query = self.ask_as_owner(sql).param("database", self.database()).param("origin", CONFIGURATION);
        let kept = query.rows::<AnnotationRow>().await?;
        wanted.sort();
        wanted.dedup();
        if kept == wanted {
            return Ok(());
        }
        let (table, on, database) = (self.local_table("annotations"), self.on_cluster(), self.database());
        self.everywhere(&format!(
            "ALTER TABLE {database}.{table}{on} DELETE WHERE origin = '{CONFIGURATION}' SETTINGS mutations_sync = 2"
        ))
        .await?;
        self.insert_annotations(wanted).await
    }

    async fn insert_annotations(&self, rows: Vec<AnnotationRow>) -> Result<(), StoreError> {
        // A removed note may be written again: each insert has a token of its own.
        let mut token = [0; 16];
        getrandom::fill(&mut token).map_err(|_| StoreError::timeout())?;
        self.insert_rows("annotations", &format!("{:032x}", u128::from_le_bytes(token)), &rows).await
    }
}

impl Reports {
    /// The notes of these sites, oldest first.
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn annotations(&self, sites: &[&str]) -> Result<Vec<AnnotationRow>, ReportError> {
        let sql = format!(
            "SELECT DISTINCT toString(site) AS site, toUInt16(day) AS day, text, toString(origin) AS origin \
             FROM annotations WHERE site IN {{sites:Array(String)}} ORDER BY site, day, text \
             LIMIT {NOTES_MAX} BY site"
        );
        let key = self.key(&sql, &sites);
        self.kept_or(key, self.store.ask(&sql).param("sites", sites).rows::<AnnotationRow>()).await
    }
}
