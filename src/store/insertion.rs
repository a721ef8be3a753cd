//! Batches into the tables, each insert once: a second one with the same token changes nothing.

use clickhouse::insert::Insert;
use clickhouse::{Row, RowWrite};

use crate::config;
use crate::rollup::counters::Batch;
use crate::rollup::levels::LevelRows;
use crate::rollup::waiting::{
    WaitingActionsRow, WaitingBreakdownsRow, WaitingOutcomesRow, WaitingPagesRow, WaitingRobotsRow, WaitingTimingsRow,
};
use crate::store::client::Store;
use crate::store::error::StoreError;
use crate::store::question::{ANSWER_TIMEOUT, BLOCK_ROWS_MAX, END_TIMEOUT, SEND_TIMEOUT};

impl Store {
    /// Writes a batch, one insert a table. Doing it again, whole or in part, changes nothing: every table remembers
    /// the token.
    ///
    /// # Errors
    /// [`StoreError::Retryable`]: offer the same batch again. [`StoreError::Refused`]: it will never be taken as it is.
    pub async fn insert(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.protection() == config::Protection::Tens {
            return self.insert_waiting(batch).await;
        }
        self.insert_rows("pages", &batch.token, &batch.pages).await?;
        self.insert_rows("breakdowns", &batch.token, &batch.breakdowns).await?;
        self.insert_rows("actions", &batch.token, &batch.actions).await?;
        self.insert_rows("timings", &batch.token, &batch.timings).await?;
        self.publish(&batch.token, &LevelRows::of(batch)).await
    }

    /// Writes rows of the published tables as they are, one insert a table. Doing it again changes nothing, as for
    /// [`Store::insert`].
    ///
    /// # Errors
    /// As [`Store::insert`].
    pub async fn publish(&self, token: &str, rows: &LevelRows) -> Result<(), StoreError> {
        self.insert_rows("site_hours", token, &rows.site_hours).await?;
        self.insert_rows("site_days", token, &rows.site_days).await?;
        self.insert_rows("page_hours", token, &rows.page_hours).await?;
        self.insert_rows("page_days", token, &rows.page_days).await?;
        self.insert_rows("dimension_days", token, &rows.dimension_days).await?;
        self.insert_rows("dimension_page_days", token, &rows.dimension_page_days).await?;
        self.insert_rows("action_days", token, &rows.action_days).await?;
        self.insert_rows("action_page_days", token, &rows.action_page_days).await?;
        self.insert_rows("action_value_days", token, &rows.action_value_days).await?;
        self.insert_rows("timing_days", token, &rows.timing_days).await?;
        self.insert_rows("timing_page_days", token, &rows.timing_page_days).await?;
        self.insert_rows("robot_days", token, &rows.robot_days).await?;
        self.insert_rows("outcome_days", token, &rows.outcome_days).await
    }

    /// Writes a batch to the waiting tables, as [`Store::insert`] does.
    ///
    /// # Errors
    /// As [`Store::insert`].
    pub(crate) async fn insert_waiting(&self, batch: &Batch) -> Result<(), StoreError> {
        let (token, origin) = (&batch.token, &batch.origin);
        self.insert_rows("waiting_pages", token, &WaitingPagesRow::all(&batch.pages, origin)).await?;
        self.insert_rows("waiting_breakdowns", token, &WaitingBreakdownsRow::all(&batch.breakdowns, origin)).await?;
        self.insert_rows("waiting_actions", token, &WaitingActionsRow::all(&batch.actions, origin)).await?;
        self.insert_rows("waiting_timings", token, &WaitingTimingsRow::all(&batch.timings, origin)).await?;
        self.insert_rows("waiting_robots", token, &WaitingRobotsRow::all(&batch.robots, origin)).await?;
        self.insert_rows("waiting_outcomes", token, &WaitingOutcomesRow::all(&batch.outcomes, origin)).await
    }

    /// Writes rows in one insert that a second one with the same token does not repeat.
    pub(crate) async fn insert_rows<T>(&self, table: &str, token: &str, rows: &[T]) -> Result<(), StoreError>
    where
        T: for<'a> Row<Value<'a> = T> + RowWrite,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert: Insert<T> = tokio::time::timeout(ANSWER_TIMEOUT, self.clients().writer.insert::<T>(table))
            .await
            .map_err(|_| StoreError::timeout())??
            .with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT))
            .with_setting("insert_deduplication_token", token)
            .with_setting("insert_deduplicate", "1")
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("async_insert", "0")
            .with_setting("max_partitions_per_insert_block", "0")
            .with_setting("max_insert_block_size", BLOCK_ROWS_MAX)
            .with_setting("min_insert_block_size_rows", BLOCK_ROWS_MAX)
            .with_setting("min_insert_block_size_bytes", "0");
        if !self.cluster().is_empty() {
            insert = insert.with_setting("distributed_foreground_insert", "1");
        }
        for row in rows {
            insert.write(row).await?;
        }
        Ok(insert.end().await?)
    }
}
