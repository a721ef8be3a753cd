//! The release on a real engine: waiting rows are published in tens when their period is over, each sum drawn once;
//! published, waiting and dropped rows together equal the acknowledged hits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use sillage::config::{Protection, SiteConfig};
use sillage::release::{Releaser, ReleaserOptions, StepCheck};
use sillage::rollup::counters::{ActionsRow, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use sillage::sites::Sites;
use sillage::store::{Batch, Store};

use crate::support::fresh_store;

/// Monday, 2 March 2026, in days since 1970.
pub(crate) const MONDAY: u16 = 20_514;

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A releaser of a collector, for a site in Paris.
pub(crate) fn releaser(store: &Store, collector: &str) -> Releaser {
    breaking(store, collector, None)
}

pub(crate) fn breaking(store: &Store, collector: &str, aborts_before: Option<StepCheck>) -> Releaser {
    let site = SiteConfig { name: "shop.example".into(), timezone: "Europe/Paris".into(), ..SiteConfig::default() };
    let options = ReleaserOptions {
        store: Arc::new(store.clone()),
        collector: collector.into(),
        started: at("2026-03-01T00:00:00Z"),
        protection: Protection::Tens,
        aborts_before,
        draws: None,
    };
    Releaser::new(options, &Sites::new(&[site]).unwrap())
}

/// Figures of a page on a day: `visitors` visitors with two pageviews each, half of them bounce.
pub(crate) fn page(day: u16, page: &str, visitors: i64) -> PagesRow {
    PagesRow {
        site: "shop.example".into(),
        day,
        hour: u32::from(day) * 86_400 + 36_000,
        page: page.into(),
        pageviews: 2 * visitors,
        visitors,
        page_visitors: visitors,
        visits: visitors,
        exits: visitors,
        bounces: visitors / 2,
        visit_seconds: 90 * visitors,
        engaged_ms: 20_000 * visitors,
        engaged_views: visitors,
        scroll_percent: 60 * visitors,
        scroll_views: visitors,
        not_found: 0,
    }
}

pub(crate) fn breakdown(
    day: u16,
    dimension: &'static str,
    (page, value): (&str, &str),
    visitors: i64,
) -> BreakdownsRow {
    BreakdownsRow {
        site: "shop.example".into(),
        day,
        dimension,
        page: page.into(),
        value: value.into(),
        pageviews: 2 * visitors,
        visitors,
        page_visitors: visitors,
        visits: visitors,
        bounces: visitors / 2,
        visit_seconds: 90 * visitors,
    }
}

pub(crate) fn action(day: u16, page: &str, value: Option<&str>, visitors: i64) -> ActionsRow {
    let (property, value) = value.map_or(("", ""), |value| ("plan", value));
    let (site, action) = ("shop.example".into(), "Signup".into());
    let (property, value) = (property.into(), value.into());
    ActionsRow { site, day, page: page.into(), action, property, value, count: visitors, visitors }
}

pub(crate) fn timing(day: u16, page: &str, bucket: u8, count: i64) -> TimingsRow {
    let hour = u32::from(day) * 86_400 + 36_000;
    TimingsRow { site: "shop.example".into(), day, hour, page: page.into(), metric: "lcp", bucket, count }
}

fn robots(day: u16, page: &str, kind: &'static str, hits: i64) -> RobotsRow {
    RobotsRow { site: "shop.example".into(), day, page: page.into(), kind, hits }
}

fn outcomes(day: u16, outcome: &'static str, hits: i64) -> OutcomesRow {
    OutcomesRow { site: "shop.example".into(), day, outcome, hits }
}

/// A day of a small shop: a busy page, a quiet one, one with a single visitor.
pub(crate) fn shop_day(token: &str, day: u16) -> Batch {
    Batch {
        token: token.into(),
        origin: "".into(),
        pages: vec![page(day, "/", 143), page(day, "/quiet", 9), page(day, "/alone", 1)],
        breakdowns: vec![
            breakdown(day, "country", ("/", "FR"), 100),
            breakdown(day, "country", ("/", "DE"), 43),
            breakdown(day, "country", ("/quiet", "FR"), 9),
            breakdown(day, "country", ("/alone", "MT"), 1),
        ],
        actions: vec![
            action(day, "/", None, 57),
            action(day, "/", Some("pro"), 50),
            action(day, "/", Some("jeanne"), 7),
            action(day, "/alone", None, 1),
        ],
        timings: vec![timing(day, "/", 40, 90), timing(day, "/", 41, 33), timing(day, "/alone", 42, 1)],
        robots: vec![
            robots(day, "/", "ai_crawler", 310),
            robots(day, "/", "search", 45),
            robots(day, "/alone", "other", 1),
        ],
        outcomes: vec![outcomes(day, "bot", 356), outcomes(day, "counted", 500), outcomes(day, "opted_out", 3)],
    }
}

/// Sums of a column of a table, in all and by `key`.
pub(crate) async fn sums(store: &Store, table: &str, key: &str, figure: &str) -> BTreeMap<String, i64> {
    let sql = format!("SELECT {key}, toInt64(sum({figure})) FROM {}.{table} GROUP BY 1", store.database());
    store.ask_as_owner(&sql).rows::<(String, i64)>().await.unwrap().into_iter().collect()
}

pub(crate) async fn count(store: &Store, table: &str) -> u64 {
    let sql = format!("SELECT count() FROM {}.{table}", store.database());
    store.ask_as_owner(&sql).rows::<u64>().await.unwrap()[0]
}

#[tokio::test]
async fn a_day_that_is_over_is_published_in_tens_and_its_exact_rows_are_gone() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    releaser.insert(&shop_day("node-1", MONDAY), at("2026-03-02T12:00:00Z")).await.unwrap();
    releaser.shipped(at("2026-03-02T23:29:00Z")).await.unwrap();
    assert_eq!(count(&store, "page_days").await, 0, "the day is not over");
    releaser.shipped(at("2026-03-02T23:31:00Z")).await.unwrap();
    let pages = sums(&store, "page_days", "page", "pageviews").await;
    assert!(pages.contains_key("/") && !pages.contains_key("/alone"), "{pages:?}");
    assert!((pages["/"] - 286).abs() <= 18 && pages["/"] % 10 == 0, "{pages:?}");
    for table in ["site_days", "dimension_days", "action_days", "timing_days", "timing_page_days", "site_hours"] {
        assert!(count(&store, table).await > 0, "{table}");
    }
    for table in ["pages", "breakdowns", "actions", "timings", "robots", "outcomes"] {
        assert_eq!(count(&store, &format!("waiting_{table}")).await, 0, "{table}");
    }
    assert_eq!(count(&store, "staged_cells").await, 0);
    let robots = sums(&store, "robot_days", "concat(kind, ' ', page)", "hits").await;
    assert!((robots["ai_crawler /"] - 310).abs() <= 18 && !robots.contains_key("other /alone"), "{robots:?}");
    let outcomes = sums(&store, "outcome_days", "outcome", "hits").await;
    assert!((outcomes["bot"] - 356).abs() <= 18 && !outcomes.contains_key("opted_out"), "{outcomes:?}");
    assert!(robots.values().chain(outcomes.values()).all(|hits| hits % 10 == 0), "{robots:?} {outcomes:?}");
    let seconds = sums(&store, "page_days", "page", "visit_seconds").await;
    assert!((seconds["/"] - 90 * 143).abs() <= 18 * 180 && seconds["/"] % 1_800 == 0, "{seconds:?}");
}

#[tokio::test]
async fn a_page_that_fills_an_hour_shows_within_it_once_and_one_of_a_single_visitor_never() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    releaser.insert(&shop_day("node-1", MONDAY), at("2026-03-02T10:59:00Z")).await.unwrap();
    releaser.shipped(at("2026-03-02T11:29:00Z")).await.unwrap();
    assert_eq!(count(&store, "page_hours").await, 0, "the hour is not over");
    releaser.shipped(at("2026-03-02T11:31:00Z")).await.unwrap();
    let hour = "concat(page, ' ', formatDateTime(hour, '%H'))";
    let views = sums(&store, "page_hours", hour, "pageviews").await;
    // Nine visitors of the quiet page are drawn to twenty at times.
    assert!((views["/ 10"] - 286).abs() <= 38 && !views.contains_key("/alone 10"), "{views:?}");
    assert!(views.values().all(|sum| sum % 20 == 0), "hours come in twenties: {views:?}");
    // Late counters of a released hour are part of its day only.
    releaser.insert(&shop_day("node-2", MONDAY), at("2026-03-02T12:00:00Z")).await.unwrap();
    releaser.shipped(close_of(MONDAY)).await.unwrap();
    assert_eq!(sums(&store, "page_hours", hour, "pageviews").await, views);
    let days = sums(&store, "page_days", "page", "pageviews").await;
    assert!((days["/"] - 2 * 286).abs() <= 18, "the day is drawn for itself: {days:?}");
    assert_eq!(accounted(&store).await, acknowledged(2), "hours are taken from no cell");
}

/// Levels with the key of a cell, in the published and the waiting table, and the figures of both.
const LEVELS: [(&str, &str, &str, &str, &[(&str, &str)]); 9] = [
    ("site", "site_days", "''", "''", &[("pageviews", "pageviews"), ("visit_seconds", "visit_seconds")]),
    (
        "page",
        "page_days",
        "page",
        "page",
        &[("pageviews", "pageviews"), ("exits", "exits"), ("engaged_ms", "engaged_ms")],
    ),
    ("dimension", "dimension_days", "value", "value", &[("visitors", "visitors"), ("bounces", "bounces")]),
    ("action", "action_days", "action", "name", &[("count", "pageviews")]),
    ("action_page", "action_page_days", "page", "page", &[("count", "pageviews")]),
    ("action_value", "action_value_days", "value", "value", &[("count", "pageviews")]),
    (
        "timing_page",
        "timing_page_days",
        "concat(page, toString(bucket))",
        "concat(page, value)",
        &[("count", "visitors")],
    ),
    ("robot", "robot_days", "concat(kind, page)", "concat(name, page)", &[("hits", "visitors")]),
    ("outcome", "outcome_days", "outcome", "name", &[("hits", "visitors")]),
];

/// Published plus waiting figures of every cell, for some figures of each level.
pub(crate) async fn accounted(store: &Store) -> BTreeMap<(&'static str, &'static str), BTreeMap<String, i64>> {
    let mut all = BTreeMap::new();
    for (level, table, key, waiting_key, figures) in LEVELS {
        for (figure, waiting_figure) in figures {
            let mut cells = sums(store, table, key, figure).await;
            let sql = format!(
                "SELECT {waiting_key}, toInt64(sum({waiting_figure})) FROM {}.waiting_cells WHERE level = '{level}' \
                 GROUP BY 1",
                store.database()
            );
            for (cell, waits) in store.ask_as_owner(&sql).rows::<(String, i64)>().await.unwrap() {
                *cells.entry(cell).or_default() += waits;
            }
            cells.retain(|_, sum| *sum != 0);
            all.insert((level, *figure), cells);
        }
    }
    all
}

/// Figures of `days` days of the shop.
pub(crate) fn acknowledged(days: i64) -> BTreeMap<(&'static str, &'static str), BTreeMap<String, i64>> {
    let cells = |cells: &[(&str, i64)]| cells.iter().map(|(cell, sum)| ((*cell).to_owned(), sum * days)).collect();
    BTreeMap::from([
        (("site", "pageviews"), cells(&[("", 306)])),
        (("site", "visit_seconds"), cells(&[("", 153 * 90)])),
        (("page", "pageviews"), cells(&[("/", 286), ("/quiet", 18), ("/alone", 2)])),
        (("page", "exits"), cells(&[("/", 143), ("/quiet", 9), ("/alone", 1)])),
        (("page", "engaged_ms"), cells(&[("/", 2_860_000), ("/quiet", 180_000), ("/alone", 20_000)])),
        (("dimension", "visitors"), cells(&[("FR", 109), ("DE", 43), ("MT", 1)])),
        (("dimension", "bounces"), cells(&[("FR", 54), ("DE", 21)])),
        (("action", "count"), cells(&[("Signup", 58)])),
        (("action_page", "count"), cells(&[("/", 57), ("/alone", 1)])),
        (("action_value", "count"), cells(&[("pro", 50), ("jeanne", 7)])),
        (("timing_page", "count"), cells(&[("/40", 90), ("/41", 33), ("/alone42", 1)])),
        (("robot", "hits"), cells(&[("ai_crawler/", 310), ("search/", 45), ("other/alone", 1)])),
        (("outcome", "hits"), cells(&[("bot", 356), ("counted", 500), ("opted_out", 3)])),
    ])
}

/// Time at which a day of the shop is released.
pub(crate) fn close_of(day: u16) -> Timestamp {
    Timestamp::from_second(i64::from(day + 1) * 86_400 - 1_800).unwrap()
}

#[tokio::test]
async fn a_release_broken_off_at_any_step_repeats_the_same_numbers_once() {
    let store = fresh_store().await;
    let steps = Arc::new(AtomicUsize::new(0));
    for number in 0..28_u16 {
        let day = MONDAY + number;
        let whole = releaser(&store, "one");
        whole.insert(&shop_day(&format!("node-{number}"), day), close_of(day)).await.unwrap();
        let left = AtomicUsize::new(number.into());
        let count_steps = steps.clone();
        let aborts_before = move |_: &str| {
            count_steps.fetch_add(1, Ordering::Relaxed);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        };
        let broken = breaking(&store, "one", Some(Box::new(aborts_before)));
        let ended = broken.shipped(close_of(day)).await.is_ok();
        assert!(!ended, "a release has more than {number} steps");
        // The resumed release may be interrupted as well.
        let left = AtomicUsize::new(6);
        let aborts_before =
            move |_: &str| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err();
        breaking(&store, "one", Some(Box::new(aborts_before))).shipped(close_of(day)).await.ok();
        whole.shipped(close_of(day)).await.unwrap();
        assert_eq!(accounted(&store).await, acknowledged(i64::from(number) + 1), "broken off at step {number}");
        assert_eq!(count(&store, "staged_cells").await + count(&store, "waiting_pages").await, 0);
    }
    // A page with a single visitor every day is not named by the month, and is dropped at its end.
    releaser(&store, "one").shipped(at("2026-04-01T00:00:00Z")).await.unwrap();
    assert_eq!(count(&store, "waiting_cells").await, 0);
    let pages = sums(&store, "page_days", "page", "pageviews").await;
    assert!((pages["/"] - 28 * 286).abs() <= 18, "the month is right to one draw: {pages:?}");
    assert!(!pages.contains_key("/alone"), "{pages:?}");
}

#[tokio::test]
async fn an_import_broken_off_in_its_weeks_or_months_is_published_once() {
    let store = fresh_store().await;
    for number in (20..70_usize).step_by(3) {
        let origin = format!("plausible:{number}");
        let batch = Batch { origin: origin.as_str().into(), ..shop_day(&origin, MONDAY) };
        releaser(&store, "import").insert(&batch, at("2026-06-01T00:00:00Z")).await.unwrap();
        let left = AtomicUsize::new(number);
        let aborts_before =
            move |_: &str| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err();
        let broken = breaking(&store, "import", Some(Box::new(aborts_before)));
        broken.release_import(&origin, at("2026-06-01T00:00:00Z"), &mut |_| ()).await.ok();
        releaser(&store, "import").release_import(&origin, at("2026-06-01T00:00:00Z"), &mut |_| ()).await.unwrap();
        let of_origin = format!("page_days WHERE origin = '{origin}' AND page = '/'");
        let published = sums(&store, &of_origin, "page", "pageviews").await;
        assert!((published["/"] - 286).abs() <= 18, "broken off at step {number}: {published:?}");
    }
    for table in ["waiting_cells", "staged_cells", "waiting_pages"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn counters_of_a_closed_day_go_to_the_bucket_that_is_open() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    releaser.insert(&shop_day("node-1", MONDAY), close_of(MONDAY)).await.unwrap();
    releaser.shipped(close_of(MONDAY)).await.unwrap();
    let published = sums(&store, "page_days", "page", "pageviews").await;
    releaser.insert(&shop_day("node-2", MONDAY), close_of(MONDAY + 1)).await.unwrap();
    releaser.insert(&shop_day("node-2", MONDAY), close_of(MONDAY + 1)).await.unwrap();
    assert_eq!(count(&store, "waiting_pages").await, 0, "the day is closed");
    assert_eq!(accounted(&store).await, acknowledged(2));
    releaser.shipped(close_of(MONDAY + 2)).await.unwrap();
    assert_eq!(sums(&store, "page_days", "page", "pageviews").await, published, "no closed day changes");
    let sunday = MONDAY + 6;
    releaser.shipped(close_of(sunday)).await.unwrap();
    let by_period = sums(&store, "page_days WHERE page = '/'", "toString(period)", "pageviews").await;
    assert!((by_period["week"] + by_period["day"] - 572).abs() <= 18, "{by_period:?}");
}

#[tokio::test]
async fn the_collector_that_started_first_releases_and_waits_for_the_others() {
    let store = fresh_store().await;
    let (one, two) = (releaser(&store, "one"), releaser(&store, "two"));
    one.insert(&shop_day("one-1", MONDAY), at("2026-03-02T12:00:00Z")).await.unwrap();
    two.shipped(at("2026-03-02T23:00:00Z")).await.unwrap();
    one.shipped(close_of(MONDAY)).await.unwrap();
    assert_eq!(count(&store, "page_days").await, 0, "the other has not shipped the day yet");
    two.insert(&shop_day("two-1", MONDAY), close_of(MONDAY)).await.unwrap();
    two.shipped(close_of(MONDAY)).await.unwrap();
    assert_eq!(count(&store, "page_days").await, 0, "the other does not lead");
    one.shipped(close_of(MONDAY)).await.unwrap();
    assert_eq!(accounted(&store).await, acknowledged(2));
    // A missing collector is waited for an hour.
    one.insert(&shop_day("one-2", MONDAY + 1), close_of(MONDAY + 1)).await.unwrap();
    one.shipped(close_of(MONDAY + 1)).await.unwrap();
    assert_eq!(accounted(&store).await, acknowledged(3));
}

#[tokio::test]
async fn a_collector_that_is_cut_off_within_a_batch_is_waited_for_a_day_and_counts_once() {
    let store = fresh_store().await;
    let (one, two) = (releaser(&store, "one"), releaser(&store, "two"));
    one.shipped(at("2026-03-02T20:00:00Z")).await.unwrap();
    two.shipped(at("2026-03-02T20:00:00Z")).await.unwrap();
    // Its database is gone behind the first of the batch's tables.
    two.announce(at("2026-03-02T20:10:00Z")).await.unwrap();
    let whole = shop_day("two-1", MONDAY);
    let half = Batch { token: whole.token.clone(), pages: whole.pages.clone(), ..Batch::default() };
    two.insert(&half, at("2026-03-02T20:10:00Z")).await.unwrap();
    one.shipped(at("2026-03-03T03:00:00Z")).await.unwrap();
    assert_eq!(count(&store, "page_days").await, 0, "a batch is under way");
    two.insert(&whole, at("2026-03-03T10:00:00Z")).await.unwrap();
    two.shipped(at("2026-03-03T10:00:00Z")).await.unwrap();
    one.shipped(at("2026-03-03T10:15:00Z")).await.unwrap();
    assert_eq!(accounted(&store).await, acknowledged(1));
    // One that does not come back within a day holds nothing up for longer.
    one.insert(&shop_day("one-1", MONDAY + 1), at("2026-03-03T11:00:00Z")).await.unwrap();
    two.announce(at("2026-03-03T12:00:00Z")).await.unwrap();
    one.shipped(at("2026-03-04T11:45:00Z")).await.unwrap();
    assert_eq!(accounted(&store).await, acknowledged(1));
    one.shipped(at("2026-03-04T12:15:00Z")).await.unwrap();
    assert_eq!(accounted(&store).await, acknowledged(2));
}
