//! An import that is drawn in memory, on a real engine: it publishes what the statements of a release publish, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sillage::config::Protection;
use sillage::event::Day;
use sillage::release::{DrawKey, ImportRelease, Releaser, ReleaserOptions};
use sillage::sites::Sites;
use sillage::store::published::TABLES;
use sillage::store::{Batch, Store};

use crate::release::{MONDAY, at, breakdown, breaking, count, page, shop_day, sums, timing};
use crate::support::fresh_store;

const ORIGIN: &str = "access_log:2026-06-01T00:00:00Z";
const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

/// A releaser whose draws have a known key.
fn keyed(store: &Store) -> Releaser {
    let options = ReleaserOptions {
        store: Arc::new(store.clone()),
        collector: "import".into(),
        started: at("2026-03-01T00:00:00Z"),
        protection: Protection::Tens,
        aborts_before: None,
        draws: Some(KEY),
    };
    Releaser::new(options, &Sites::default())
}

/// A day with many cells around the gate, at every level.
fn crowded_day() -> Batch {
    let mut batch = Batch { origin: ORIGIN.into(), ..shop_day("crowded", MONDAY) };
    for number in 1..120_i64 {
        let path = format!("/page-{number}");
        batch.pages.push(page(MONDAY, &path, number / 2 + 1));
        batch.timings.push(timing(MONDAY, &path, 40, number));
        for (dimension, value) in [("browser", "Firefox"), ("referrer", "news.example"), ("previous_page", "/from")] {
            let value = format!("{value}-{}", number % 40);
            batch.breakdowns.push(breakdown(MONDAY, dimension, (&path, &value), number / 3 + 1));
        }
    }
    batch
}

/// All rows of the published tables, as texts.
async fn published(store: &Store) -> BTreeMap<&'static str, Vec<String>> {
    let mut tables = BTreeMap::new();
    for table in TABLES.iter().filter(|table| !table.figures.is_empty()) {
        let sql = format!("SELECT toString(tuple(*)) AS line FROM {}.{} ORDER BY line", store.database(), table.name);
        tables.insert(table.name, store.ask_as_owner(&sql).rows::<String>().await.unwrap());
    }
    tables
}

#[tokio::test]
async fn a_draw_in_memory_publishes_the_rows_that_the_statements_publish_with_its_key() {
    let (statements, memory) = (fresh_store().await, fresh_store().await);
    let now = at("2026-06-01T00:00:00Z");
    let batch = crowded_day();
    keyed(&statements).insert(&batch, now).await.unwrap();
    keyed(&statements).release_import(ORIGIN, now, &mut |_| ()).await.unwrap();
    let mut release = ImportRelease::new(&"shop.example".into(), (&batch.origin, &batch.origin), DrawKey::of(KEY));
    release.add(&batch, &[]);
    release.finish();
    let releaser = keyed(&memory);
    releaser.stage_import(&mut release, true, "run").await.unwrap();
    releaser.publish_import(ORIGIN).await.unwrap();
    let (expected, seen) = (published(&statements).await, published(&memory).await);
    for (table, rows) in &expected {
        assert_eq!(&seen[table], rows, "{table}");
    }
    let shown: usize = expected.values().map(Vec::len).sum();
    assert!(shown > 300 && expected.values().all(|rows| !rows.is_empty()), "every level is shown: {shown}");
}

#[tokio::test]
async fn an_import_broken_off_while_it_is_published_comes_out_once() {
    let store = fresh_store().await;
    for number in 0..17_usize {
        let origin: Arc<str> = format!("access_log:{number}").into();
        let mut release = ImportRelease::new(&"shop.example".into(), (&origin, &origin), DrawKey::random().unwrap());
        for day in 0..21 {
            release.add(&Batch { origin: origin.clone(), ..shop_day("token", MONDAY + day) }, &[]);
        }
        release.finish();
        let left = AtomicUsize::new(number);
        let aborts_before =
            move |_: &str| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err();
        let broken = breaking(&store, "import", Some(Box::new(aborts_before)));
        let staged = broken.stage_import(&mut release, true, "run").await;
        if staged.is_ok() && broken.publish_import(&origin).await.is_ok() {
            broken.forget_import(&origin).await.ok();
        }
        let whole = breaking(&store, "import", None);
        whole.stage_import(&mut release, true, "run").await.unwrap();
        whole.publish_import(&origin).await.unwrap();
        whole.forget_import(&origin).await.unwrap();
        let of_origin = format!("page_days WHERE origin = '{origin}' AND page = '/'");
        let pages = sums(&store, &of_origin, "page", "pageviews").await;
        assert!((pages["/"] - 21 * 286).abs() <= 18, "broken off at step {number}: {pages:?}");
    }
    for table in ["waiting_cells", "staged_cells", "waiting_pages"] {
        assert_eq!(count(&store, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_day_in_two_batches_is_drawn_once_and_late_counters_go_to_its_week() {
    let store = fresh_store().await;
    let origin: Arc<str> = "access_log:cut".into();
    let part = |day: u16, visitors: i64| Batch {
        origin: origin.clone(),
        pages: vec![page(day, "/", visitors)],
        breakdowns: vec![breakdown(day, "country", ("/", "FR"), visitors)],
        ..Batch::default()
    };
    let mut release = ImportRelease::new(&"shop.example".into(), (&origin, &origin), DrawKey::random().unwrap());
    // Each visitor of the pair comes in a batch of its own: only the whole day is large enough to be shown.
    for _ in 0..200 {
        release.add(&part(MONDAY, 1), &[Day(MONDAY)]);
    }
    release.add(&part(MONDAY + 6, 100), &[]);
    // Its Monday is drawn; its week is not.
    release.add(&part(MONDAY, 300), &[]);
    release.finish();
    let whole = breaking(&store, "import", None);
    whole.stage_import(&mut release, true, "run").await.unwrap();
    whole.publish_import(&origin).await.unwrap();
    let by_day = sums(&store, "page_days", "concat(toString(period), ' ', toString(day))", "visitors").await;
    assert!((by_day["day 2026-03-02"] - 200).abs() <= 18, "{by_day:?}");
    assert!((by_day["week 2026-03-08"] - 300).abs() <= 54, "{by_day:?}");
    assert!((by_day.values().sum::<i64>() - 600).abs() <= 18, "all of it is right to one draw: {by_day:?}");
    let pairs = sums(&store, "dimension_page_days", "toString(day)", "visitors").await;
    assert!((pairs["2026-03-02"] - 200).abs() <= 36 && pairs["2026-03-02"] % 20 == 0, "{pairs:?}");
}
