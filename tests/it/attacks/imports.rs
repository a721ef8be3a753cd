//! Figures that a reader sees while an import runs, and after it.

use jiff::tz::TimeZone;
use sillage::config::{Config, Protection};
use sillage::demo;
use sillage::simulate::{Traffic, TrafficExtras, pages, uses};
use sillage::store::{Engine, Store, migrate};

use super::rows_in_tens;
use crate::release::{MONDAY, at, count, shop_day};
use crate::support::{self, EXACT};

/// A configuration of one site over the shared engine.
fn configured(folder: &std::path::Path, protection: &str) -> Config {
    let text = format!(
        r#"
        site = [{{ name = "shop.example" }}]
        [clickhouse]
        database = "{}"
        [spool]
        dir = {:?}
        [runtime]
        dir = {:?}
        [privacy]
        protection = "{protection}"
        "#,
        support::fresh_name(),
        folder.join("spool"),
        support::shared().runtime,
    );
    Config::from_toml(&text).unwrap()
}

fn traffic() -> Traffic {
    Traffic {
        origin: "https://shop.example".into(),
        pages: pages(6),
        uses: uses(),
        first: "2026-03-02".parse().unwrap(),
        days: 9,
        timezone: TimeZone::UTC,
        visitors_per_day: 60,
        seed: 3,
        extras: TrafficExtras::lively(),
    }
}

/// Before: the demonstration's import wrote exact figures into published tables, under any protection. Now: its rows
/// wait, and their published figures are in tens.
#[tokio::test]
async fn a_demonstration_in_tens_publishes_its_simulated_past_in_tens_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), "tens");
    let endpoint = Engine::running(&config.runtime.dir).await.unwrap();
    let store = Engine::store_of_running(&config, &endpoint);
    migrate::apply(&store, &EXACT).await.unwrap();
    // Its parts are imports of one moment, and so of one origin.
    for first in ["2026-03-02", "2026-03-11"] {
        let part = Traffic { first: first.parse().unwrap(), ..traffic() };
        demo::bring(&config, "shop.example", part, folder.path(), at("2026-04-01T12:00:00Z")).await.unwrap();
    }
    let days = "SELECT toUInt64(uniqExact(day)) FROM {database:Identifier}.site_days WHERE period = 'day'";
    let days = store.ask_as_owner(days).param("database", store.database()).rows::<u64>().await.unwrap();
    assert_eq!(days, [18]);
    let (rows, exact) = rows_in_tens(&store).await;
    assert!(rows > 100, "something is published: {rows}");
    assert_eq!(exact, []);
    for table in ["waiting_pages", "waiting_cells", "staged_cells"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
}

/// Before: a store without a protection published exact figures. Now: its rows wait until it has one.
#[tokio::test]
async fn a_store_that_was_told_no_protection_publishes_nothing() {
    let store = Store::connect(&support::database(&support::fresh_name()), support::endpoint());
    migrate::apply(&store, &EXACT).await.unwrap();
    assert_eq!(store.protection(), Protection::Tens);
    store.insert(&shop_day("node-1", MONDAY)).await.unwrap();
    assert_eq!(rows_in_tens(&store).await.0, 0);
    assert_eq!(count(&store, "waiting_pages").await, 3);
}
