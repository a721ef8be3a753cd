//! Two worlds that differ in one visitor leave the same traces: every row of every table, every part's bytes, the
//! folders and the metrics. So a thief of all of it cannot tell the worlds apart, whatever is known about a person.

use std::path::Path;

use serde_json::{Value, json};

use crate::collector::{Collector, FIREFOX, pageview};
use crate::support::eventually;

const SHOP: &str = "shop.example";
const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris", properties = ["plan"] }]"#;
/// Published tables with persons of the site and day, and without.
const OF_PERSONS: [&str; 6] =
    ["site_hours", "site_days", "dimension_days", "action_days", "action_page_days", "action_value_days"];
const OF_HITS: [&str; 5] = ["page_hours", "page_days", "dimension_page_days", "timing_days", "timing_page_days"];

/// A person, with an address and an agent that the thief may know.
#[derive(Clone, Copy)]
struct Person(&'static str, &'static str);

/// The person whom the thief looks for, and one with the same coarse values: another address of the same town, another
/// agent of the same browser.
const KNOWN: Person = Person("90.0.0.1", FIREFOX);
const OTHER: Person = Person("90.0.0.77", "Mozilla/5.0 (X11; Linux x86_64; rv:140.1) Gecko/20100101 Firefox/140.1");
const NEIGHBOURS: [Person; 3] =
    [Person("90.0.0.3", FIREFOX), Person("90.0.1.4", FIREFOX), Person("193.99.144.80", FIREFOX)];

/// A visit of a few pages, with an action, reading and load times.
async fn visits(collector: &Collector, Person(address, agent): Person, at: &str, paths: &[&str]) {
    collector.at(at);
    let more = |name: &str, path: &str, fields: Value| {
        let mut event = pageview(SHOP, path, None);
        event["n"] = json!(name);
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        event
    };
    for path in paths {
        for event in [
            pageview(SHOP, path, Some("https://news.example/")),
            more("engagement", path, json!({ "e": 4_000, "sd": 60 })),
            more("timing", path, json!({ "t": { "lcp": 900 } })),
            more("Signup", path, json!({ "p": { "plan": "gold" } })),
        ] {
            let reply = collector.event(address, agent, &event).await;
            assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
        }
    }
    collector.app.flush().await.unwrap();
}

/// Names and sizes of all files under a folder. The number of the journal's snapshot depends on the time of
/// housekeeping, so it is left out.
fn listing(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .flat_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                return listing(&entry.path()).into_iter().map(|file| format!("{name}/{file}")).collect();
            }
            let name = if name.starts_with("visits-") { "visits" } else { &name };
            vec![format!("{name} {}", entry.metadata().unwrap().len())]
        })
        .collect();
    files.sort();
    files
}

/// All that is left when the day and half an hour are over, without times and random names.
async fn left_behind(collector: &Collector) -> Vec<String> {
    let tagged = async || {
        let metrics = collector.metrics().await;
        metrics.lines().any(|line| line.starts_with("sillage_tags ") && line != "sillage_tags 0")
    };
    eventually("the gauge shows the day", tagged).await;
    collector.at("2026-03-10T23:31:00Z");
    eventually("the day is forgotten", async || !tagged().await).await;
    let mut left = listing(collector.folder.path());
    left.extend(listing(collector.runtime.path()));
    let tables = "SELECT name FROM system.tables WHERE database = '{db}' AND engine LIKE '%MergeTree' \
                  AND name NOT IN ('schema_migrations', 'collectors') ORDER BY name";
    for table in collector.texts(tables).await {
        let whole = format!("OPTIMIZE TABLE {}.{table} FINAL", collector.store.database());
        collector.store.statement(&whole).await.unwrap();
        let rows = format!("SELECT toString(tuple(*)) FROM {{db}}.{table} ORDER BY ALL");
        left.extend(collector.texts(&rows).await.into_iter().map(|row| format!("{table} {row}")));
    }
    let parts = "SELECT format('part of {}: {}-{} {} {}', table, toString(min_block_number), toString(max_block_number), \
                 toString(rows), hash_of_all_files) FROM system.parts WHERE database = '{db}' AND active \
                 AND table NOT IN ('schema_migrations', 'collectors') ORDER BY 1";
    left.extend(collector.texts(parts).await);
    // Times and sizes differ between runs, as does the thread of the test's own connections.
    let chance = ["_seconds", "_bytes", "sillage_connections"];
    let measured = |line: &&str| !chance.iter().any(|unit| line.contains(unit)) && !line.starts_with('#');
    left.extend(collector.metrics().await.lines().filter(measured).map(str::to_owned));
    left.sort();
    left
}

fn differing<'l>(one: &'l [String], other: &'l [String]) -> Vec<(&'l String, &'l String)> {
    one.iter().zip(other).filter(|(one, other)| one != other).collect()
}

/// A day with the neighbours' traffic and the hits of `who` among them; returns the traces.
async fn world(who: impl AsyncFnOnce(&Collector)) -> Vec<String> {
    let collector = Collector::start("2026-03-10T07:00:00Z", SITES).await;
    for neighbour in NEIGHBOURS {
        visits(&collector, neighbour, "2026-03-10T08:00:00Z", &["/", "/pricing"]).await;
    }
    who(&collector).await;
    visits(&collector, NEIGHBOURS[1], "2026-03-10T18:00:00Z", &["/", "/about"]).await;
    let left = left_behind(&collector).await;
    collector.app.stop().await;
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_tell_of_one_flush_are_merged_into_their_month() {
    let collector = Collector::start("2026-03-10T07:00:00Z", SITES).await;
    let set = "SELECT toString(countIf(engine_full LIKE '%min_age_to_force_merge_seconds = 21600%')) FROM system.tables \
               WHERE database = '{db}' AND engine LIKE '%SummingMergeTree'";
    let tables = "SELECT toString(count()) FROM system.tables WHERE database = '{db}' AND engine = 'SummingMergeTree'";
    assert_eq!(collector.texts(set).await, collector.texts(tables).await);
    // Two parts are too few for the database to merge them by itself. With the age at a second, it does.
    let sooner = "ALTER TABLE {db}.page_days MODIFY SETTING min_age_to_force_merge_seconds = 1, \
                  merge_selecting_sleep_ms = 100, max_merge_selecting_sleep_ms = 100";
    collector.store.statement(&sooner.replace("{db}", collector.store.database())).await.unwrap();
    for (person, at) in [(KNOWN, "2026-03-10T08:00:00Z"), (OTHER, "2026-03-10T09:00:00Z")] {
        visits(&collector, person, at, &["/"]).await;
    }
    let parts = "SELECT toString(count()) FROM system.parts WHERE database = '{db}' AND table = 'page_days' AND active";
    eventually("one part is left", async || collector.texts(parts).await == ["1"]).await;
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_known_person_came_or_another_like_them_leaves_nothing_to_tell() {
    let came = async |person: Person| {
        world(async |collector: &Collector| {
            visits(collector, person, "2026-03-10T10:00:00Z", &["/", "/secret", "/pricing"]).await;
            visits(collector, person, "2026-03-10T10:20:00Z", &["/pricing"]).await;
            visits(collector, person, "2026-03-10T15:00:00Z", &["/secret"]).await;
        })
        .await
    };
    let (known, other) = (came(KNOWN).await, came(OTHER).await);
    assert!(known.iter().any(|line| line.contains("/secret")), "what they did is counted");
    assert!(known.iter().any(|line| line.starts_with("part of page_days: 1-7 ")), "parts are listed");
    assert!(known == other, "{:#?}", differing(&known, &other));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rows_do_not_say_whether_they_are_one_person_s() {
    let afternoon = async |second: Person| {
        world(async |collector: &Collector| {
            for person in [KNOWN, OTHER] {
                visits(collector, person, "2026-03-10T09:00:00Z", &["/"]).await;
            }
            visits(collector, KNOWN, "2026-03-10T15:00:00Z", &["/illness"]).await;
            visits(collector, second, "2026-03-10T16:00:00Z", &["/cure"]).await;
        })
        .await
    };
    let (one, two) = (afternoon(KNOWN).await, afternoon(OTHER).await);
    assert!(one == two, "{:#?}", differing(&one, &two));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_s_two_visits_and_two_persons_one_each_differ_in_the_number_of_persons_alone() {
    let pages = async |second: Person| {
        let collector = Collector::start("2026-03-10T07:00:00Z", SITES).await;
        visits(&collector, KNOWN, "2026-03-10T15:00:00Z", &["/illness"]).await;
        visits(&collector, second, "2026-03-10T16:00:00Z", &["/cure"]).await;
        let mut rows = Vec::new();
        // A visitor who comes for the first time today is new to each action too.
        let of_persons = OF_PERSONS.map(|table| ("* EXCEPT visitors", table));
        for (columns, table) in of_persons.into_iter().chain(OF_HITS.map(|table| ("*", table))) {
            let sql = format!("SELECT toString(tuple({columns})) FROM {{db}}.{table} ORDER BY ALL");
            rows.extend(collector.texts(&sql).await);
        }
        let visitors = collector.sum("site_days", "visitors").await;
        collector.app.stop().await;
        (rows, visitors)
    };
    let ((one, of_one), (two, of_two)) = (pages(KNOWN).await, pages(OTHER).await);
    assert_eq!((of_one, of_two), (1, 2));
    assert_eq!(one, two);
}
