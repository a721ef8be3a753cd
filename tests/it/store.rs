//! The store on a real engine: rows written twice count once, the schema is migrated, and errors tell whether a retry
//! may succeed.

use std::sync::Arc;

use sillage::config::Protection;
use sillage::rollup::counters::{ActionsRow, BreakdownsRow, ImportsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use sillage::store::readers;
use sillage::store::{Batch, Endpoint, Login, Store, StoreError, migrate};

use crate::support::{self, EXACT, eventually, fresh_store};

/// 2026-03-10 and 2026-04-02, as days since 1970.
const MARCH: u16 = 20_522;
const APRIL: u16 = 20_545;
const TABLES: [(&str, &str); 4] = [
    ("page_days", "pageviews"),
    ("dimension_days", "pageviews"),
    ("action_value_days", "count"),
    ("timing_days", "count"),
];

fn page(day: u16, page: &str, pageviews: i64) -> PagesRow {
    PagesRow {
        site: "shop.example".into(),
        day,
        hour: u32::from(day) * 86_400,
        page: page.into(),
        pageviews,
        visitors: 1,
        page_visitors: 1,
        visits: 1,
        exits: -1,
        bounces: 0,
        visit_seconds: 40,
        engaged_ms: 45_000,
        engaged_views: 1,
        scroll_percent: 80,
        scroll_views: 1,
        not_found: 0,
    }
}

fn breakdown(day: u16, value: &str, pageviews: i64) -> BreakdownsRow {
    BreakdownsRow {
        site: "shop.example".into(),
        day,
        dimension: "country",
        page: "/".into(),
        value: value.into(),
        pageviews,
        visitors: 1,
        page_visitors: 1,
        visits: 1,
        bounces: 0,
        visit_seconds: 0,
    }
}

fn action(day: u16, value: impl Into<Arc<str>>, count: i64) -> ActionsRow {
    let (site, page, action, property) = ("shop.example".into(), "/".into(), "Signup".into(), "plan".into());
    ActionsRow { site, day, page, action, property, value: value.into(), count, visitors: 0 }
}

fn timing(day: u16, bucket: u8, count: i64) -> TimingsRow {
    let (site, page) = ("shop.example".into(), "/".into());
    TimingsRow { site, day, hour: u32::from(day) * 86_400, page, metric: "lcp", bucket, count }
}

fn robots(day: u16, hits: i64) -> RobotsRow {
    RobotsRow { site: "shop.example".into(), day, page: "/".into(), kind: "search", hits }
}

fn outcomes(day: u16, hits: i64) -> OutcomesRow {
    OutcomesRow { site: "shop.example".into(), day, outcome: "bot", hits }
}

/// A batch with two months in every table, seven in each.
pub(crate) fn batch(token: &str) -> Batch {
    Batch {
        token: token.into(),
        origin: "".into(),
        pages: vec![page(MARCH, "/", 3), page(APRIL, "/", 4)],
        breakdowns: vec![breakdown(MARCH, "FR", 3), breakdown(APRIL, "DE", 4)],
        actions: vec![action(MARCH, "free", 3), action(APRIL, "paid", 4)],
        timings: vec![timing(MARCH, 40, 3), timing(APRIL, 44, 4)],
        robots: [(MARCH, 3), (APRIL, 4)].map(|(day, hits)| robots(day, hits)).to_vec(),
        outcomes: [(MARCH, 3), (APRIL, 4)].map(|(day, hits)| outcomes(day, hits)).to_vec(),
    }
}

pub(crate) async fn number(store: &Store, sql: &str) -> i64 {
    store.ask_as_owner(sql).rows::<i64>().await.unwrap()[0]
}

async fn sum(store: &Store, table: &str, column: &str) -> i64 {
    number(store, &format!("SELECT sum({column}) FROM {}.{table}", store.database())).await
}

pub(crate) async fn assert_sums(store: &Store, expected: i64) {
    for (table, column) in TABLES {
        assert_eq!(sum(store, table, column).await, expected, "{table}");
    }
}

fn is_refused(result: Result<(), StoreError>, code: u32) -> bool {
    matches!(result, Err(StoreError::Refused(failure)) if failure.code == code)
}

#[tokio::test]
async fn a_batch_offered_twice_counts_once_in_every_table_and_month() {
    let store = fresh_store().await;
    store.insert(&batch("node-1")).await.unwrap();
    assert_sums(&store, 7).await;
    store.insert(&batch("node-1")).await.unwrap();
    assert_sums(&store, 7).await;
    let parts = format!("SELECT toInt64(count()) FROM system.parts WHERE active AND database = '{}'", store.database());
    let of_rows =
        "table IN ('site_days', 'page_days', 'dimension_days', 'action_value_days', 'timing_days', 'robot_days')";
    assert_eq!(number(&store, &format!("{parts} AND {of_rows}")).await, 12, "two months in each of six tables");
}

#[tokio::test]
async fn the_same_rows_under_another_token_count_again() {
    let store = fresh_store().await;
    store.insert(&batch("node-1")).await.unwrap();
    store.insert(&batch("node-2")).await.unwrap();
    assert_sums(&store, 14).await;
}

#[tokio::test]
async fn a_batch_that_was_cut_after_its_first_table_is_completed() {
    let store = fresh_store().await;
    let whole = batch("node-1");
    store.insert(&Batch { token: "node-1".into(), pages: whole.pages.clone(), ..Batch::default() }).await.unwrap();
    store.insert(&whole).await.unwrap();
    assert_sums(&store, 7).await;
}

#[tokio::test]
async fn a_batch_larger_than_a_block_of_the_server_stays_one_block() {
    let store = fresh_store().await;
    let actions: Vec<_> = (0..1_100_000u32).map(|n| action(MARCH, n.to_string(), 1)).collect();
    let large = Batch { token: "node-1".into(), actions, ..Batch::default() };
    store.insert(&large).await.unwrap();
    let sql = format!(
        "SELECT toInt64(max(rows)) FROM system.parts WHERE min_block_number = max_block_number AND table = 'action_value_days' AND database = '{}'",
        store.database()
    );
    assert_eq!(number(&store, &sql).await, 1_100_000);
}

#[tokio::test]
async fn figures_add_up_and_corrections_cancel_out() {
    let store = fresh_store().await;
    store.insert(&batch("node-1")).await.unwrap();
    let back = vec![page(MARCH, "/", -3)];
    store.insert(&Batch { token: "node-2".into(), pages: back, ..Batch::default() }).await.unwrap();
    store.statement(&format!("OPTIMIZE TABLE {}.page_days FINAL", store.database())).await.unwrap();
    assert_eq!(sum(&store, "page_days", "pageviews").await, 4);
    assert_eq!(sum(&store, "page_days", "exits").await, -3);
}

#[tokio::test]
async fn rows_come_back_as_they_went_in_by_parameters() {
    let store = fresh_store().await;
    let tricky = "/it's a \"page\"\\n\t? {x:String}";
    let rows = vec![page(MARCH, tricky, 3), page(MARCH, "/other", 5)];
    store.insert(&Batch { token: "node-1".into(), pages: rows, ..Batch::default() }).await.unwrap();
    let sql = format!(
        "SELECT page, toString(day) AS of_day, sum(pageviews) AS views FROM {}.page_days \
         WHERE page IN {{pages:Array(String)}} AND day >= {{from:Date}} GROUP BY ALL",
        store.database()
    );
    let query = store.ask_as_owner(&sql).param("pages", vec![tricky]).param("from", "2026-03-10");
    let rows = query.json().await.unwrap();
    assert_eq!(serde_json::json!(rows), serde_json::json!([{"page": tricky, "of_day": "2026-03-10", "views": 3}]));
}

#[tokio::test]
async fn a_day_that_was_imported_is_known() {
    let store = fresh_store().await;
    let days =
        [MARCH, APRIL].map(|day| ImportsRow { site: "shop.example".into(), day, source: "5e".repeat(32).into() });
    store.record_import("import-1", &days).await.unwrap();
    store.record_import("import-1", &days).await.unwrap();
    let known = store.imported_days("shop.example").await.unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [MARCH, APRIL].map(|day| (day, vec!["5e".repeat(32)])));
    assert!(store.imported_days("other.example").await.unwrap().is_empty());
}

#[tokio::test]
async fn migrating_twice_changes_nothing_and_says_so() {
    let store = Store::connect(&support::database(&support::fresh_name()), support::endpoint());
    let planned = migrate::dry_run(&store, &EXACT).await.unwrap();
    assert_eq!(migrate::apply(&store, &EXACT).await.unwrap(), planned);
    assert!(planned.iter().any(|step| step.sql.contains("CREATE TABLE")), "{planned:?}");
    assert_eq!(migrate::dry_run(&store, &EXACT).await.unwrap(), []);
    assert_eq!(migrate::apply(&store, &EXACT).await.unwrap(), []);
}

#[tokio::test]
async fn another_retention_alters_the_tables_and_drops_what_is_older() {
    let store = fresh_store().await;
    let today = number(&store, "SELECT toInt64(toUInt16(today()))").await;
    let days = [400, 1].map(|age| page(u16::try_from(today - age).unwrap(), "/", 1));
    store.insert(&Batch { token: "node-1".into(), pages: days.to_vec(), ..Batch::default() }).await.unwrap();
    assert_eq!(sum(&store, "page_days", "pageviews").await, 2);

    let shorter = migrate::MigrationSettings { retention_months: 12, ..EXACT };
    let steps = migrate::apply(&store, &shorter).await.unwrap();
    assert_eq!(steps.len(), 26, "{steps:?}");
    assert!(steps.iter().all(|step| step.sql.contains("MODIFY TTL day + INTERVAL 12 MONTH")), "{steps:?}");
    assert_eq!(migrate::apply(&store, &shorter).await.unwrap(), []);
    eventually("the old day is gone", async || sum(&store, "page_days", "pageviews").await == 1).await;
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_applied_is_refused() {
    let store = fresh_store().await;
    let file = |text| [migrate::SchemaFile { name: "0009_test", text }];
    migrate::apply_files(&store, &EXACT, &file("CREATE VIEW {{database}}.v AS SELECT 1;\n")).await.unwrap();
    let same = "-- a comment is no change\nCREATE VIEW {{database}}.v AS SELECT 1;\n";
    assert_eq!(migrate::apply_files(&store, &EXACT, &file(same)).await.unwrap(), []);
    let changed = migrate::apply_files(&store, &EXACT, &file("CREATE VIEW {{database}}.v AS SELECT 2;\n")).await;
    assert!(matches!(changed, Err(migrate::MigrateError::Changed("0009_test"))), "{changed:?}");
}

#[tokio::test]
async fn the_reading_user_reads_the_published_tables_and_nothing_else() {
    let store = fresh_store().await;
    store.insert(&Batch { pages: vec![page(MARCH, "/", 26)], ..batch("node-1") }).await.unwrap();
    let read = store.ask("SELECT sum(pageviews) FROM page_days WHERE site = 'shop.example'").rows::<i64>().await;
    assert_eq!(read.unwrap(), [26]);
    for sql in [
        "SELECT sum(pageviews) FROM waiting_pages",
        "SELECT * FROM schema_migrations",
        "SELECT * FROM system.parts",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ] {
        let result = store.ask(sql).json().await.map(drop);
        assert!(is_refused(result, 497), "{sql}: {result:?}");
    }
    let result = store.ask("INSERT INTO page_days (site) VALUES ('x')").json().await.map(drop);
    assert!(matches!(result, Err(error) if [164, 497].contains(&error.failure().code)), "{result:?}");
}

#[tokio::test]
async fn the_owner_has_the_database_but_no_file_and_no_other_host() {
    let store = fresh_store().await;
    for sql in [
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1:1', system.one)",
    ] {
        let result = store.ask_as_owner(sql).json().await.map(drop);
        assert!(is_refused(result, 497), "{sql}: {result:?}");
    }
}

#[tokio::test]
async fn a_configured_reading_user_reads_in_remote_mode_and_its_grants_are_told_where_they_cannot_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, login: &Login| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{}\n", login.password)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ours, name) = (support::endpoint(), support::fresh_name());
    let reader = ours.reader.as_ref().unwrap();
    let mut config = sillage::config::ClickHouseConfig {
        mode: sillage::config::EngineMode::Remote,
        url: ours.url.clone(),
        password_file: file("owner", &ours.writer),
        reader: reader.user.clone(),
        reader_password_file: file("reader", reader),
        ..support::database(&name)
    };
    let store = Store::connect(&config, &Endpoint::remote(&config).unwrap_or_else(|_| panic!("both files are there")));
    migrate::apply(&store, &EXACT).await.unwrap();
    let user = async |query: sillage::store::SqlQuery| query.rows::<String>().await.unwrap();
    assert_eq!(user(store.ask("SELECT currentUser()")).await, ["sillage_reader"]);
    assert_eq!(user(store.ask_as_owner("SELECT currentUser()")).await, ["sillage"]);
    // Our own engine accepts no GRANT, and needs none: its users' file contains the grants.
    let none = std::collections::BTreeSet::new();
    assert_eq!(readers::grant_readers(&store, &config, &none).await, []);
    config.database = "elsewhere".into();
    let elsewhere = Store::connect(&config, &Endpoint::remote(&config).unwrap_or_else(|_| panic!("as before")));
    let granted = readers::grant_readers(&elsewhere, &config, &none).await;
    assert_eq!(granted[0].sql, "GRANT SELECT ON elsewhere.site_hours TO sillage_reader");
    assert_eq!(granted.len(), 14);
    config.reader_password_file = "/nowhere".into();
    assert!(matches!(Endpoint::remote(&config), Err(("clickhouse.reader_password_file", _, _))));
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let writer = Login { user: "sillage".into(), password: "guess".into() };
    let store = Store::connect(&support::database("t"), &Endpoint { writer, ..support::endpoint().clone() });
    assert!(is_refused(store.ping().await, 516));
}

#[tokio::test]
async fn an_unknown_table_or_database_is_refused() {
    let store = Store::connect(&support::database("never_made"), support::endpoint()).protected(Protection::Exact);
    assert!(is_refused(store.insert(&batch("node-1")).await, 81));
    let store = fresh_store().await;
    store.statement(&format!("DROP TABLE {}.timing_days SYNC", store.database())).await.unwrap();
    assert!(is_refused(store.insert(&batch("node-1")).await, 60));
}

#[tokio::test]
async fn a_column_more_with_a_default_is_taken_and_a_column_less_is_refused() {
    let store = fresh_store().await;
    let more = format!("ALTER TABLE {}.page_days ADD COLUMN more Int64 DEFAULT 0", store.database());
    store.statement(&more).await.unwrap();
    store.insert(&batch("node-1")).await.unwrap();
    let store = fresh_store().await;
    store.statement(&format!("ALTER TABLE {}.page_days DROP COLUMN not_found", store.database())).await.unwrap();
    let result = store.insert(&batch("node-1")).await;
    assert!(matches!(result, Err(StoreError::Refused(_))), "{result:?}");
}

#[tokio::test]
async fn an_engine_that_is_away_is_worth_another_try() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = Endpoint { url: format!("http://127.0.0.1:{port}"), process: None, ..support::endpoint().clone() };
    let store = Store::connect(&support::database("t"), &away).protected(Protection::Exact);
    for result in [store.ping().await, store.insert(&batch("node-1")).await] {
        assert!(matches!(result, Err(StoreError::Retryable(failure)) if failure.code == 0), "{result:?}");
    }
}
