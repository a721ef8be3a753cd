//! A thief at the month's end: takes every file and row of a collector that published in tens.

use std::path::Path;

use serde_json::json;
use sillage::config::Protection;

use super::rest::{folders, parts};
use crate::collector::{Collector, FIREFOX, pageview};
use crate::support::eventually;

const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris", properties = ["plan"] }]"#;
/// Of the only visitor of a page.
const ADDRESS: &str = "198.51.100.237";
const AGENT: &str = "zqcanary";
const PAGE: &str = "zqplanted";
const SEARCH: &str = "zqsearched";

/// Names of all files below that hold one of these texts.
fn files_with(folder: &Path, texts: &[&str], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_with(&path, texts, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let holds = |text: &&&str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        found.extend(texts.iter().find(holds).map(|text| format!("{}: {text}", path.display())));
    }
}

/// Before: exact rows lay on the disk for 25 months. Now: once the month has closed, spool, folder in memory and tables
/// hold nothing of a page's only visitor, and no exact sum; published figures are in tens.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_months_end_no_file_and_no_row_tells_of_a_page_s_only_visitor() {
    let tens = |config: &mut sillage::config::Config| config.privacy.protection = Protection::Tens;
    let collector = Collector::start_with("2026-03-10T09:00:00Z", SITES, tens).await;
    for number in 0..41 {
        collector.event(&format!("90.0.7.{number}"), FIREFOX, &pageview("shop.example", "/", None)).await;
    }
    let agent = format!("{FIREFOX} {AGENT}");
    collector.event(ADDRESS, &agent, &pageview("shop.example", &format!("/{PAGE}"), None)).await;
    let mut search = pageview("shop.example", "/", None);
    search["n"] = json!("Search");
    search["p"] = json!({ "plan": SEARCH });
    collector.event(ADDRESS, &agent, &search).await;
    collector.app.flush().await.unwrap();
    let rows = |table: &str| format!("SELECT toString(tuple(*)) FROM {{db}}.{table}");
    let waiting = collector.texts(&rows("waiting_pages")).await.concat();
    assert!(waiting.contains(PAGE), "the search finds what waits: {waiting}");

    collector.at("2026-04-20T12:00:00Z");
    collector.app.flush().await.unwrap();
    let published = collector.texts(&rows("page_days")).await.concat();
    assert!(published.contains("'/'"), "the busy page is published: {published}");
    let tables = "SELECT name FROM system.tables WHERE database = '{db}' AND engine LIKE '%MergeTree'";
    for table in collector.texts(tables).await {
        let rows = collector.texts(&rows(&table)).await.concat();
        for text in [PAGE, SEARCH, AGENT, ADDRESS, "198.51.100"] {
            assert!(!rows.contains(text), "{table} holds {text}");
        }
        assert!(!table.starts_with("waiting_") || rows.is_empty(), "{table} holds exact sums: {rows}");
    }
    let (_, exact) = super::rows_in_tens(&collector.store).await;
    assert_eq!(exact, []);
    let of_exact = folders(&collector.store).await;
    eventually("no part of an exact table is on the disk", async || parts(&of_exact).is_empty()).await;
    let texts = [PAGE, SEARCH, AGENT, ADDRESS];
    eventually("no file of the collector tells", async || {
        let mut found = Vec::new();
        for folder in [collector.folder.path(), collector.runtime.path()] {
            files_with(folder, &texts, &mut found);
        }
        found.is_empty()
    })
    .await;
    collector.app.stop().await;
}
