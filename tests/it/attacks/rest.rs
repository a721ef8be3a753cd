//! Attacks by waiting, polling, reading other tables, and taking the disk.

use std::path::{Path, PathBuf};

use sillage::store::{Batch, StoreError};

use crate::release::{action, at, count, page, releaser, shop_day};
use crate::support::{self, fresh_store};

const MONDAY: u16 = 20_514;
/// Tables that hold exact sums for a while.
const EXACT: [&str; 6] =
    ["waiting_pages", "waiting_breakdowns", "waiting_actions", "waiting_timings", "waiting_cells", "staged_cells"];

/// Before: every query rounded the same cell again, over any set that the client chose, and 150 random lists of
/// pages averaged it out. Now: a figure is drawn once; another query, another release or late counters show the same
/// bytes.
#[tokio::test]
async fn asking_and_releasing_again_shows_the_same_figures() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    releaser.insert(&shop_day("node-1", MONDAY), at("2026-03-02T12:00:00Z")).await.unwrap();
    releaser.shipped(at("2026-03-02T23:30:00Z")).await.unwrap();
    let sql = format!(
        "SELECT toString(groupArray(tuple(*))) FROM (SELECT * FROM {}.page_days ORDER BY ALL)",
        store.database()
    );
    let first = store.ask_as_owner(&sql).rows::<String>().await.unwrap();
    for quarter in 1..40 {
        let now = at("2026-03-02T23:30:00Z") + jiff::SignedDuration::from_mins(15 * quarter);
        let late = Batch { token: format!("late-{quarter}"), pages: vec![page(MONDAY, "/", 1)], ..Batch::default() };
        releaser.insert(&late, now).await.unwrap();
        releaser.shipped(now).await.unwrap();
        assert_eq!(store.ask_as_owner(&sql).rows::<String>().await.unwrap(), first);
    }
}

/// Before: a search typed once was read letter by letter in 137 queries, a page's only visitor in 622. Now: a cell
/// below the gate in its day, week and month is in no readable table, whatever the query.
#[tokio::test]
async fn a_search_typed_once_and_a_page_of_one_visitor_are_in_no_published_table() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    for number in 0..30_u16 {
        let day = MONDAY + number;
        let mut batch = shop_day(&format!("node-{number}"), day);
        batch.pages.push(page(day, "/planted-page", 1));
        batch.actions.push(action(day, "/", Some("planted-search"), 1));
        releaser.insert(&batch, at("2026-03-02T12:00:00Z")).await.unwrap();
    }
    releaser.shipped(at("2026-05-10T12:00:00Z")).await.unwrap();
    for table in sillage::store::migrate::PUBLISHED_TABLES {
        let sql = format!("SELECT count() FROM {}.{table} WHERE toString(tuple(*)) LIKE '%planted%'", store.database());
        assert_eq!(store.ask_as_owner(&sql).rows::<u64>().await.unwrap(), [0], "{table}");
    }
}

/// Before: exact rows lay in the database for 25 months, and merged parts for eight minutes more. Now: when the month
/// has closed, no part of a table of exact sums is on the disk, active, outdated or detached.
#[tokio::test]
async fn after_the_months_end_no_part_of_an_exact_table_is_left_on_the_disk() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    for number in 0..20_u16 {
        let batch = shop_day(&format!("node-{number}"), MONDAY + number);
        releaser.insert(&batch, at("2026-03-02T12:00:00Z")).await.unwrap();
    }
    let folders = folders(&store).await;
    assert!(parts(&folders).len() >= 20, "exact parts lie there before");
    releaser.shipped(at("2026-05-10T12:00:00Z")).await.unwrap();
    for table in EXACT {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
    support::eventually("the parts are gone", async || parts(&folders).is_empty()).await;
}

pub(super) async fn folders(store: &sillage::store::Store) -> Vec<PathBuf> {
    let sql = "SELECT arrayJoin(data_paths) FROM system.tables WHERE database = {database:String} \
               AND name IN {tables:Array(String)}";
    let query = store.ask_as_owner(sql).param("database", store.database()).param("tables", EXACT.to_vec());
    query.rows::<String>().await.unwrap().into_iter().map(PathBuf::from).collect()
}

/// Folders of parts with rows below these, detached ones too. (A dropped partition leaves a part without rows for a
/// while.)
pub(super) fn parts(folders: &[PathBuf]) -> Vec<PathBuf> {
    let below =
        |folder: &Path| std::fs::read_dir(folder).map(|entries| entries.flatten().collect()).unwrap_or_default();
    let entries = folders.iter().flat_map(|folder| {
        let own: Vec<std::fs::DirEntry> = below(folder);
        let detached: Vec<std::fs::DirEntry> = below(&folder.join("detached"));
        own.into_iter().chain(detached)
    });
    let has_rows =
        |path: &PathBuf| std::fs::read_to_string(path.join("count.txt")).is_ok_and(|rows| rows.trim() != "0");
    entries.map(|entry| entry.path()).filter(has_rows).collect()
}

/// Before: the reading user was granted views over exact rows. Now: no table of exact sums answers it.
#[tokio::test]
async fn the_reading_user_is_refused_every_table_of_exact_sums() {
    let store = fresh_store().await;
    for table in EXACT.into_iter().chain(["releases", "collectors"]) {
        let sql = format!("SELECT count() FROM {}.{table}", store.database());
        let answer = store.ask(&sql).rows::<u64>().await;
        assert!(matches!(answer, Err(StoreError::Refused(failure)) if failure.code == 497), "{table}: {answer:?}");
    }
}
