//! A statement for ClickHouse with its parameters and settings, and the ways to read its answer. Must send values as
//! server-side parameters only, never as part of the SQL.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clickhouse::query::{BytesCursor, Query};
use clickhouse::{RowOwned, RowRead};
use serde::Serialize;

use crate::store::error::{ANSWER_TOO_LONG, ServerError, StoreError};

/// Longest time to send one chunk of 256 KiB; a slower connection is dead.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time from the last byte of an insert to its answer: a million rows take two seconds on a small machine.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time for a query; the reading user's own limit (30 s) ends it earlier.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for a statement without an answer, such as those of a release: a day of millions of rows takes seconds,
/// on a busy disk a minute.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(900);
/// Most rows of an insert in one block. A larger insert makes several blocks, each with the token and its own number,
/// cut at the same rows every time: it still counts once, but readers may see it half written.
pub(super) const BLOCK_ROWS_MAX: &str = "10000000";

/// A statement with its parameters; one of the methods that consume it sends it.
#[must_use = "a statement is sent when its rows are fetched"]
pub struct SqlQuery(pub(super) Query);

impl SqlQuery {
    /// Gives `{name:Type}` its value: a text, a number, a list…
    pub fn param(self, name: &str, value: impl Serialize) -> Self {
        Self(self.0.param(name, value))
    }

    /// Sets a server setting for this statement.
    pub fn with_setting(self, name: &str, value: &str) -> Self {
        Self(self.0.with_setting(name, value))
    }

    /// Makes an `INSERT … SELECT` idempotent: a second one with the same token changes nothing. Its rows must come in a
    /// fixed order.
    pub(crate) fn once(self, token: &str) -> Self {
        let settings = [
            ("insert_deduplication_token", token),
            ("insert_deduplicate", "1"),
            ("max_threads", "1"),
            ("max_insert_threads", "1"),
            ("max_insert_block_size", BLOCK_ROWS_MAX),
            ("min_insert_block_size_rows", BLOCK_ROWS_MAX),
            ("min_insert_block_size_bytes", "0"),
        ];
        settings.into_iter().fold(self, |query, (name, value)| query.with_setting(name, value))
    }

    /// Runs a statement without an answer, such as an `INSERT … SELECT`.
    ///
    /// # Errors
    /// When it fails, or takes longer than 15 minutes.
    pub(crate) async fn execute(self) -> Result<(), StoreError> {
        let done = tokio::time::timeout(RELEASE_TIMEOUT, self.0.execute()).await;
        Ok(done.map_err(|_| StoreError::timeout())??)
    }

    /// All rows, each as a `T`.
    ///
    /// # Errors
    /// When the query fails, takes longer than a minute, or its columns differ from those of `T`.
    pub async fn rows<T: RowOwned + RowRead>(self) -> Result<Vec<T>, StoreError> {
        within(self.0.fetch_all::<T>()).await
    }

    /// All rows, each a JSON object of its columns; whole numbers are numbers.
    ///
    /// # Errors
    /// When the query fails, or takes longer than a minute.
    pub async fn json(self) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, StoreError> {
        let bytes = within(async { self.0.fetch_bytes("JSONEachRow")?.collect().await }).await?;
        let rows = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice);
        rows.collect::<Result<_, _>>().map_err(|_| clickhouse::error::Error::NotEnoughData.into())
    }

    /// The rows in one of the server's formats, as a stream.
    ///
    /// # Errors
    /// When the query cannot be sent.
    pub(super) fn stream(self, format: &str) -> Result<BytesCursor, StoreError> {
        Ok(self.0.fetch_bytes(format)?)
    }

    /// All rows in one of the server's formats; the client's protocol revision affects how `Native` is written.
    ///
    /// # Errors
    /// When the query fails, or the answer is longer than `bytes_max`.
    pub async fn bytes(self, format: &str, revision: Option<u32>, bytes_max: usize) -> Result<Bytes, StoreError> {
        let query = match revision {
            Some(revision) => self.0.with_setting("client_protocol_version", revision.to_string()),
            None => self.0,
        };
        let mut cursor = query.fetch_bytes(format)?;
        let mut rows = BytesMut::new();
        while let Some(chunk) = cursor.next().await? {
            if rows.len() + chunk.len() > bytes_max {
                return Err(StoreError::Refused(ServerError { code: 0, name: ANSWER_TOO_LONG }));
            }
            rows.extend_from_slice(&chunk);
        }
        Ok(rows.freeze())
    }
}

/// Waits for an answer, at most [`ANSWER_TIMEOUT`].
pub(super) async fn within<T>(answer: impl Future<Output = clickhouse::error::Result<T>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| StoreError::timeout())??)
}
