//! Tables of exact rows that releases before the published tables wrote. `sillage migrate` moves their rows to the
//! waiting tables and releases them; an empty one is dropped. Must never drop a row.

use crate::store::client::Store;
use crate::store::error::{ServerError, StoreError};

/// Names of the tables, in the order in which an upgrade moves them.
pub const FORMER_TABLES: [&str; 4] = ["pages", "breakdowns", "actions", "timings"];

const UNKNOWN_TABLE: u32 = 60;

/// Whether the database has this table.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn exists(store: &Store, table: &str) -> Result<bool, StoreError> {
    let sql = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}";
    let found = store.ask_as_owner(sql).param("database", store.database()).param("table", table);
    Ok(found.rows::<u64>().await?.first().is_some_and(|found| *found > 0))
}

/// Drops the former tables that are empty, on every node.
///
/// # Errors
/// When the database refuses or does not answer; those that are left are dropped by the next migration.
pub async fn drop_empty(store: &Store) -> Result<(), StoreError> {
    for (_, node) in store.formed_nodes() {
        for table in empty(&node).await? {
            node.statement(&drop_of(&node, &table)).await?;
        }
    }
    Ok(())
}

/// The former tables without rows that this node has. One that cannot be read now is not among them.
pub(super) async fn empty(node: &Store) -> Result<Vec<String>, StoreError> {
    let mut tables = Vec::new();
    for table in FORMER_TABLES {
        let mut names = vec![table.to_owned(), node.local_table(table)];
        names.dedup();
        // On a cluster the distributed table comes first, which counts the rows of all nodes.
        for name in names {
            if !exists(node, &name).await? {
                continue;
            }
            if !is_empty(node, &name).await {
                break;
            }
            tables.push(name);
        }
    }
    Ok(tables)
}

/// Statement that drops one of them.
pub(super) fn drop_of(node: &Store, table: &str) -> String {
    format!("DROP TABLE IF EXISTS {}.{table}{} SYNC", node.database(), node.on_cluster())
}

async fn is_empty(node: &Store, table: &str) -> bool {
    let sql = "SELECT count() FROM {database:Identifier}.{table:Identifier}";
    match node.ask_as_owner(sql).param("database", node.database()).param("table", table).rows::<u64>().await {
        Ok(rows) => rows.first() == Some(&0),
        // Another node has dropped its own, which it does once all are empty.
        Err(StoreError::Refused(ServerError { code: UNKNOWN_TABLE, .. })) => true,
        Err(_) => false,
    }
}
