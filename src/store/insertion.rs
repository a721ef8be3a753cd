//! Batches into the tables, each insert once: a second one with the same token changes nothing.

use bytes::Bytes;
use clickhouse::insert_formatted::InsertFormatted;
use serde::Serialize;

use crate::config;
use crate::rollup::counters::Batch;
use crate::rollup::levels::LevelRows;
use crate::store::block::NativeBlock;
use crate::store::client::Store;
use crate::store::error::StoreError;
use crate::store::query::BLOCK_ROWS_MAX;

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
        self.publish(&batch.token, &LevelRows::of(batch)).await
    }

    /// Writes rows of the published tables as they are, one insert a table. Doing it again changes nothing, as for
    /// [`Store::insert`].
    ///
    /// # Errors
    /// As [`Store::insert`].
    pub async fn publish(&self, token: &str, rows: &LevelRows) -> Result<(), StoreError> {
        // At once: the engine waits for the disk after each insert.
        tokio::try_join!(
            self.insert_rows("site_hours", token, &rows.site_hours),
            self.insert_rows("site_days", token, &rows.site_days),
            self.insert_rows("page_hours", token, &rows.page_hours),
            self.insert_rows("page_days", token, &rows.page_days),
            self.insert_rows("dimension_days", token, &rows.dimension_days),
            self.insert_rows("dimension_page_days", token, &rows.dimension_page_days),
            self.insert_rows("action_days", token, &rows.action_days),
            self.insert_rows("action_page_days", token, &rows.action_page_days),
            self.insert_rows("action_value_days", token, &rows.action_value_days),
            self.insert_rows("timing_days", token, &rows.timing_days),
            self.insert_rows("timing_page_days", token, &rows.timing_page_days),
            self.insert_rows("robot_days", token, &rows.robot_days),
            self.insert_rows("outcome_days", token, &rows.outcome_days),
        )?;
        Ok(())
    }

    /// Writes a batch to the waiting tables, as [`Store::insert`] does.
    ///
    /// # Errors
    /// As [`Store::insert`].
    pub(crate) async fn insert_waiting(&self, batch: &Batch) -> Result<(), StoreError> {
        let (token, origin) = (&batch.token, &batch.origin);
        tokio::try_join!(
            self.insert_with_origin("waiting_pages", token, &batch.pages, origin),
            self.insert_with_origin("waiting_breakdowns", token, &batch.breakdowns, origin),
            self.insert_with_origin("waiting_actions", token, &batch.actions, origin),
            self.insert_with_origin("waiting_timings", token, &batch.timings, origin),
            self.insert_with_origin("waiting_robots", token, &batch.robots, origin),
            self.insert_with_origin("waiting_outcomes", token, &batch.outcomes, origin),
        )?;
        Ok(())
    }

    /// Writes rows in one insert that a second one with the same token does not repeat. No two rows have the same key.
    pub(crate) async fn insert_rows<T: Serialize>(
        &self,
        table: &str,
        token: &str,
        rows: &[T],
    ) -> Result<(), StoreError> {
        if rows.is_empty() { Ok(()) } else { self.insert_block(table, token, NativeBlock::of(rows)?).await }
    }

    /// The same with the import that brought the rows in a column of its own.
    async fn insert_with_origin<T: Serialize>(
        &self,
        table: &str,
        token: &str,
        rows: &[T],
        origin: &str,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.insert_block(table, token, NativeBlock::of(rows)?.with_text("origin", origin)).await
    }

    /// The same into columns of which `values` makes each from those of the rows.
    pub(crate) async fn insert_selected<T: Serialize>(
        &self,
        (table, columns, values): (&str, &str, &str),
        token: &str,
        rows: &[T],
    ) -> Result<(), StoreError> {
        let block = NativeBlock::of(rows)?;
        let target = format!("{table} ({columns}) SELECT {values} FROM input('{}')", block.structure());
        self.insert_into(&target, token, block).await
    }

    async fn insert_block(&self, table: &str, token: &str, block: NativeBlock) -> Result<(), StoreError> {
        self.insert_into(&format!("{table} ({})", block.names()), token, block).await
    }

    async fn insert_into(&self, target: &str, token: &str, block: NativeBlock) -> Result<(), StoreError> {
        let settings = [
            ("insert_deduplication_token", token),
            ("insert_deduplicate", "1"),
            ("deduplicate_blocks_in_dependent_materialized_views", "1"),
            ("async_insert", "0"),
            // A rollup's rows are sums already: adding them up again takes half of an insert's time.
            ("optimize_on_insert", "0"),
            ("input_format_skip_unknown_fields", "0"),
            ("max_partitions_per_insert_block", "0"),
            ("max_insert_block_size", BLOCK_ROWS_MAX),
            ("min_insert_block_size_rows", BLOCK_ROWS_MAX),
            ("min_insert_block_size_bytes", "0"),
        ];
        let mut insert = self.insert_native(target);
        for (name, value) in settings.into_iter().chain(self.writing_settings()) {
            insert = insert.with_setting(name, value);
        }
        for piece in block.into_bytes() {
            send_pieces(&mut insert, piece).await?;
        }
        Ok(insert.end().await?)
    }
}

/// Bytes of a piece: a slow connection times out by the piece.
const PIECE_BYTES: usize = 256 * 1024;

async fn send_pieces(insert: &mut InsertFormatted, mut bytes: Bytes) -> Result<(), StoreError> {
    while !bytes.is_empty() {
        let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
        insert.send(piece).await?;
    }
    Ok(())
}
