//! Dumps whole tables and loads them, in the engine's own binary format. Handles published tables only: waiting tables
//! are exact and must not leave the database.

use bytes::Bytes;
use clickhouse::insert_formatted::InsertFormatted;
use clickhouse::query::BytesCursor;

use crate::store::client::Store;
use crate::store::error::StoreError;
use crate::store::migrate::PUBLISHED_TABLES;

/// A table being read, chunk by chunk.
pub struct TableDump(BytesCursor);

/// A table being filled, chunk by chunk.
pub struct TableLoad(InsertFormatted);

impl Store {
    /// Number of rows of a published table.
    ///
    /// # Errors
    /// When the database refuses or does not answer.
    pub async fn count_rows(&self, table: &str) -> Result<u64, StoreError> {
        let sql = "SELECT count() FROM {database:Identifier}.{table:Identifier}";
        let query = self.ask_as_owner(sql).param("database", self.database()).param("table", table);
        Ok(query.rows::<u64>().await?.first().copied().unwrap_or(0))
    }

    /// Starts to read a whole published table.
    ///
    /// # Errors
    /// When the query cannot be sent.
    pub fn dump(&self, table: &str) -> Result<TableDump, StoreError> {
        let sql = "SELECT * FROM {database:Identifier}.{table:Identifier}";
        let query = self.ask_as_owner(sql).param("database", self.database()).param("table", table);
        Ok(TableDump(query.stream("Native")?))
    }

    /// Starts to fill a published table with the bytes of [`Store::dump`]; `None` for a table that is not published.
    pub fn load(&self, table: &str) -> Option<TableLoad> {
        PUBLISHED_TABLES.contains(&table).then(|| TableLoad(self.insert_native(table)))
    }
}

impl TableDump {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the database ends the answer early.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.next().await?)
    }
}

impl TableLoad {
    /// Sends the next bytes of the table.
    ///
    /// # Errors
    /// When the database refuses them or closes the connection.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        Ok(self.0.send(bytes).await?)
    }

    /// Completes the insert of the table.
    ///
    /// # Errors
    /// When the database refuses the rows.
    pub async fn end(self) -> Result<(), StoreError> {
        Ok(self.0.end().await?)
    }
}
