//! Answers of reports, cached until the tables change: a query that a console repeats is read from the database
//! once. Must never give an answer that is older than the tables, nor one reader's answer to another.

use std::any::Any;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Serialize;

use crate::store::client::Store;
use crate::store::published::TABLES;

/// Rows of all kept answers together: some 10 MB.
const ROWS_MAX: u64 = 25_000;

/// Answers for which the cache sets up its tables: some views of a few readers.
const ANSWERS_EXPECTED: usize = 500;

/// Version of the published tables: another number after every insert, merge and removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableState(u64);

/// A statement of a reader at a state of the tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AnswerKey {
    state: TableState,
    statement: [u8; 32],
}

/// The answers of all readers.
pub(super) struct AnswerCache(Cache<AnswerKey, CachedAnswer, RowWeight>);

/// The rows of an answer, a `Vec` of the type that was asked for, and how many they are.
#[derive(Clone)]
struct CachedAnswer {
    rows: Arc<dyn Any + Send + Sync>,
    count: u64,
}

/// An answer weighs its rows, and one for itself.
#[derive(Clone)]
struct RowWeight;

impl Weighter<AnswerKey, CachedAnswer> for RowWeight {
    fn weight(&self, _: &AnswerKey, answer: &CachedAnswer) -> u64 {
        answer.count + 1
    }
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self(Cache::with_weighter(ANSWERS_EXPECTED, ROWS_MAX, RowWeight))
    }
}

impl AnswerCache {
    /// The rows that were kept under `key`.
    pub(super) fn get<T: Clone + Send + Sync + 'static>(&self, key: &AnswerKey) -> Option<Vec<T>> {
        self.0.get(key)?.rows.downcast_ref::<Vec<T>>().cloned()
    }

    /// Keeps `rows` as the answer of `key`.
    pub(super) fn keep<T: Clone + Send + Sync + 'static>(&self, key: AnswerKey, rows: &[T]) {
        let answer = CachedAnswer { rows: Arc::new(rows.to_vec()), count: rows.len() as u64 };
        self.0.insert(key, answer);
    }
}

impl AnswerKey {
    /// Of the statement `text` with `parameters`, asked as the database user `reader`.
    pub(super) fn new(state: TableState, reader: &str, text: &str, parameters: &impl Serialize) -> Option<Self> {
        let statement = serde_json::to_vec(&(reader, text, parameters)).ok()?;
        Some(Self { state, statement: *blake3::hash(&statement).as_bytes() })
    }
}

impl Store {
    /// Current version of the published tables; `None` if their parts are not on one server, or cannot be listed: then
    /// no answer is kept.
    pub(super) async fn table_state(&self) -> Option<TableState> {
        if !self.cluster().is_empty() {
            return None;
        }
        let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        // The name of a part is never given to another content.
        let sql = "SELECT groupBitXor(cityHash64(table, name)) FROM system.parts \
                   WHERE database = {database:String} AND table IN {tables:Array(String)} AND active";
        let asked = self.ask_as_owner(sql).param("database", self.database()).param("tables", names);
        asked.rows::<u64>().await.ok()?.first().copied().map(TableState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_for_its_reader_its_statement_and_its_state_alone() {
        let cache = AnswerCache::default();
        let key = |state, reader, text, site| AnswerKey::new(TableState(state), reader, text, &[site]).unwrap();
        cache.keep(key(1, "all", "SELECT 1", "a"), &[7_u64]);
        assert_eq!(cache.get::<u64>(&key(1, "all", "SELECT 1", "a")), Some(vec![7]));
        for other in [
            key(2, "all", "SELECT 1", "a"),
            key(1, "shop", "SELECT 1", "a"),
            key(1, "all", "SELECT 2", "a"),
            key(1, "all", "SELECT 1", "b"),
        ] {
            assert_eq!(cache.get::<u64>(&other), None);
        }
    }

    #[test]
    fn kept_rows_are_bounded() {
        let cache = AnswerCache::default();
        for number in 0..200_u64 {
            let key = AnswerKey::new(TableState(number), "all", "SELECT 1", &()).unwrap();
            cache.keep(key, &[0_u64; 1_000]);
        }
        assert!(cache.0.weight() <= ROWS_MAX);
    }
}
