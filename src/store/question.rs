//! A question to ClickHouse: its parameters, its settings, its answer. Values travel as server-side parameters alone.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clickhouse::query::{BytesCursor, Query};
use clickhouse::{RowOwned, RowRead};
use serde::Serialize;

use crate::store::error::{ANSWER_TOO_LONG, ServerError, StoreError};

/// Sending one chunk of 256 KiB; slower than this is a dead connection.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(15);
/// From the last byte of an insert to the answer: a million rows take two seconds on a small machine.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(120);
/// A question or a statement; the reading user's own limit (30 s) comes first.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A statement of a release: a day of millions of rows takes seconds, on a busy disk a minute.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(900);
/// Rows of an insert that still make one block. A larger insert makes several, each with the token and its own number,
/// cut at the same rows every time: it is not counted twice either, but it may be seen half written.
pub(super) const BLOCK_ROWS_MAX: &str = "10000000";

/// A question with its parameters.
#[must_use = "a question asks nothing before its rows are fetched"]
pub struct SqlQuestion(pub(super) Query);

impl SqlQuestion {
    /// Gives `{name:Type}` its value: a text, a number, a list…
    pub fn param(self, name: &str, value: impl Serialize) -> Self {
        Self(self.0.param(name, value))
    }

    /// Sets a setting of the server for this question.
    pub fn with_setting(self, name: &str, value: &str) -> Self {
        Self(self.0.with_setting(name, value))
    }

    /// Of an `INSERT … SELECT` whose rows come in one order: a second one with the same token changes nothing.
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
        settings.into_iter().fold(self, |question, (name, value)| question.with_setting(name, value))
    }

    /// Runs a statement that answers nothing, such as an `INSERT … SELECT`.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) async fn execute(self) -> Result<(), StoreError> {
        let done = tokio::time::timeout(RELEASE_TIMEOUT, self.0.execute()).await;
        Ok(done.map_err(|_| StoreError::timeout())??)
    }

    /// All rows, as a type of ours.
    ///
    /// # Errors
    /// When the question fails, or the answer is of another shape.
    pub async fn rows<T: RowOwned + RowRead>(self) -> Result<Vec<T>, StoreError> {
        within(self.0.fetch_all::<T>()).await
    }

    /// All rows, each a JSON object of its columns; whole numbers are numbers.
    ///
    /// # Errors
    /// When the question fails.
    pub async fn json(self) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, StoreError> {
        let bytes = within(async { self.0.fetch_bytes("JSONEachRow")?.collect().await }).await?;
        let rows = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice);
        rows.collect::<Result<_, _>>().map_err(|_| clickhouse::error::Error::NotEnoughData.into())
    }

    /// The rows in a format of the server's, as they come.
    ///
    /// # Errors
    /// When the question cannot be sent.
    pub(super) fn stream(self, format: &str) -> Result<BytesCursor, StoreError> {
        Ok(self.0.fetch_bytes(format)?)
    }

    /// All rows in a format of the server's, with the protocol's revision that decides how it is written.
    ///
    /// # Errors
    /// When the question fails, or the answer is longer than `bytes_max`.
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

pub(super) async fn within<T>(answer: impl Future<Output = clickhouse::error::Result<T>>) -> Result<T, StoreError> {
    Ok(tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| StoreError::timeout())??)
}
