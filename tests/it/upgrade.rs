//! Databases of earlier releases, whose tables of exact rows every reader could see: `sillage migrate` releases each of
//! their days under its own date and drops the tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sillage::config::Protection;
use sillage::release::upgrade::upgrade;
use sillage::release::{Releaser, ReleaserOptions};
use sillage::sites::Sites;
use sillage::store::Store;
use sillage::store::former::{self, FORMER_TABLES};
use sillage::store::migrate::{self, SchemaFile};

use crate::release::{MONDAY, at, breaking, count, releaser, shop_day, sums};
use crate::support::{EXACT, fresh_store};

/// Tables of earlier releases with the exact rows of these days.
async fn former_tables(store: &Store, days: impl Iterator<Item = u16>) {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema/0001_tables.sql"));
    migrate::apply_files(store, &EXACT, &[SchemaFile { name: "0001_tables", text }]).await.unwrap();
    let releaser = releaser(store, "former");
    for day in days {
        releaser.insert(&shop_day(&format!("former-{day}"), day), at("2026-03-02T12:00:00Z")).await.unwrap();
    }
    let database = store.database();
    for table in FORMER_TABLES {
        let rows = format!("SELECT * EXCEPT origin FROM {database}.waiting_{table}");
        store.statement(&format!("INSERT INTO {database}.{table} {rows}")).await.unwrap();
        assert!(count(store, table).await > 0, "{table}");
    }
    for table in ["pages", "breakdowns", "actions", "timings", "robots", "outcomes"] {
        store.statement(&format!("TRUNCATE TABLE {database}.waiting_{table}")).await.unwrap();
    }
}

async fn assert_no_former_tables(store: &Store) {
    for table in FORMER_TABLES {
        assert!(!former::exists(store, table).await.unwrap(), "{table}");
    }
}

#[tokio::test]
async fn a_table_of_exact_rows_of_an_earlier_release_is_dropped_once_it_is_empty() {
    let store = fresh_store().await;
    assert_no_former_tables(&store).await;
    former_tables(&store, MONDAY..MONDAY + 1).await;
    assert_eq!(migrate::apply(&store, &EXACT).await.unwrap(), [], "a table with rows stays");
    store.statement(&format!("TRUNCATE TABLE {}.timings", store.database())).await.unwrap();
    let steps = migrate::apply(&store, &EXACT).await.unwrap();
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert!(!former::exists(&store, "timings").await.unwrap() && former::exists(&store, "pages").await.unwrap());
}

#[tokio::test]
async fn values_of_an_earlier_release_become_numbers_of_a_dictionary_and_keep_their_figures() {
    let store = fresh_store().await;
    let (database, table) = (store.database(), "dimension_page_days");
    let kind = async || {
        let sql = "SELECT type FROM system.columns WHERE database = {database:String} AND table = {table:String} \
                   AND name = 'value'";
        let asked = store.ask_as_owner(sql).param("database", database).param("table", table);
        asked.rows::<String>().await.unwrap().concat()
    };
    for sql in [
        format!("ALTER TABLE {database}.{table} MODIFY COLUMN value String"),
        format!("DELETE FROM {database}.schema_migrations WHERE file = '0010_page_values'"),
        format!(
            "INSERT INTO {database}.{table} (site, day, period, dimension, page, value, pageviews) VALUES \
             ('a', '2026-03-02', 'day', 'browser', '/', 'Firefox', 7), ('a', '2026-03-02', 'day', 'browser', '/', '', 2)"
        ),
    ] {
        store.statement(&sql).await.unwrap();
    }
    assert_eq!(kind().await, "String");
    let before = sums(&store, table, "value", "pageviews").await;
    assert_eq!(before, [("Firefox".to_owned(), 7), (String::new(), 2)].into());
    assert!(!migrate::apply(&store, &EXACT).await.unwrap().is_empty());
    assert_eq!(kind().await, "LowCardinality(String)");
    assert_eq!(sums(&store, table, "value", "pageviews").await, before);
    assert_eq!(migrate::apply(&store, &EXACT).await.unwrap(), []);
}

#[tokio::test]
async fn a_database_of_exact_rows_is_released_under_its_own_days_and_goes_on_where_it_stopped() {
    let store = fresh_store().await;
    former_tables(&store, MONDAY..MONDAY + 40).await;
    let now = at("2026-06-01T00:00:00Z");
    let mut ended = false;
    for steps in [3, 40, 90, 200, 1_000] {
        let left = AtomicUsize::new(steps);
        let aborts_before =
            move |_: &str| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err();
        let broken = breaking(&store, "upgrade", Some(Box::new(aborts_before)));
        ended = upgrade(&store, &broken, now, &mut |_| ()).await.is_ok();
    }
    assert!(ended);
    assert_no_former_tables(&store).await;
    for table in ["waiting_pages", "waiting_cells", "staged_cells"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
    let days = sums(&store, "page_days WHERE page = '/' AND period = 'day'", "toString(day)", "pageviews").await;
    assert_eq!(days.len(), 40, "{days:?}");
    assert!(days.values().all(|views| (views - 286).abs() <= 18 && views % 10 == 0), "{days:?}");
    let whole = sums(&store, "page_days WHERE page = '/'", "''", "pageviews").await[""];
    assert!((whole - 40 * 286).abs() <= 2 * 18, "two months, each right to one draw: {whole}");
}

#[tokio::test]
async fn an_exact_database_that_is_upgraded_again_keeps_its_figures() {
    let store = fresh_store().await;
    for number in 0..3_u16 {
        store.insert(&shop_day(&format!("node-{number}"), MONDAY + number)).await.unwrap();
    }
    former_tables(&store, MONDAY..MONDAY + 3).await;
    let options = ReleaserOptions {
        store: Arc::new(store.clone()),
        collector: "upgrade".into(),
        started: at("2026-03-01T00:00:00Z"),
        protection: Protection::Exact,
        aborts_before: None,
        draws: None,
    };
    let releaser = Releaser::new(options, &Sites::default());
    for _ in 0..2 {
        upgrade(&store, &releaser, at("2026-03-10T00:00:00Z"), &mut |_| ()).await.unwrap();
        store.insert(&shop_day("node-3", MONDAY + 3)).await.unwrap();
    }
    upgrade(&store, &releaser, at("2026-03-10T00:00:00Z"), &mut |_| ()).await.unwrap();
    for (table, figure, whole) in [("site_days", "pageviews", 306), ("dimension_page_days", "pageviews", 306)] {
        assert_eq!(sums(&store, table, "''", figure).await[""], 4 * whole, "{table}");
    }
    assert_eq!(sums(&store, "timing_days", "''", "count").await[""], 4 * 124);
    assert_no_former_tables(&store).await;
    assert_eq!(count(&store, "waiting_pages").await, 0);
}
