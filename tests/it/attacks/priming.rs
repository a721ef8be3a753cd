//! Own hits as pads: to lift a page over the gate, on one day or over many.

use sillage::store::{Batch, Store};

use super::Worlds;
use crate::release::{MONDAY, at, page, releaser};
use crate::support::fresh_store;

/// Pages of each world.
const PAGES: u32 = 600;
const DAYS: u16 = 21;

/// Three weeks and their month over pages of two worlds, with this number of visitors on each numbered day: in world
/// `a` the attacker's pads alone, in `b` one visitor beside them.
async fn months(visitors: &dyn Fn(char, u16) -> i64) -> Store {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    for number in 0..DAYS {
        let rows = ['a', 'b'].into_iter().flat_map(|world| {
            let many = visitors(world, number);
            let row = move |of: u32| page(MONDAY + number, &format!("/{world}{of}"), many);
            (0..PAGES).filter(move |_| many > 0).map(row)
        });
        let batch = Batch { token: format!("day-{number}"), pages: rows.collect(), ..Batch::default() };
        releaser.insert(&batch, at("2026-03-02T12:00:00Z")).await.unwrap();
    }
    releaser.shipped(at("2026-05-01T12:00:00Z")).await.unwrap();
    store
}

/// Visitors of each page that `of` selects, less the attacker's own.
async fn beyond_own(store: &Store, of: &str, own: i64) -> Worlds {
    let sql = format!(
        "SELECT substring(page, 2), toFloat64(sum(visitors) - {own}) FROM {}.page_days WHERE {of} GROUP BY page",
        store.database()
    );
    Worlds::of(&store.ask_as_owner(&sql).rows::<(String, f64)>().await.unwrap())
}

/// Before: four hits of one's own and one query told whether a page was read. Now: an attacker who pads a page on
/// every day of the month is right about a single visit in at most 60 of 100 by its day, and by its week and month
/// together.
#[tokio::test]
async fn a_page_padded_for_a_month_tells_of_a_single_visit_hardly() {
    let store = months(&|world, number| 25 + i64::from(world == 'b' && number == 9)).await;
    for (of, own) in [
        ("period = 'day' AND day = '2026-03-11'", 25),
        ("day BETWEEN '2026-03-09' AND '2026-03-15'", 7 * 25),
        ("1", 21 * 25),
    ] {
        let right = beyond_own(&store, of, own).await.right(0.5);
        assert!(right <= 0.61, "{of}: {right}");
    }
}

/// Before: a page's only visitor was told whole by 622 queries. Now: no row shows a page without other visitors. With
/// pads that open the page on one day, its month reveals a daily visitor, as docs/anonymity.md says, and hardly
/// anything of a single visit.
#[tokio::test]
async fn a_page_padded_open_once_shows_a_daily_visitor_and_never_a_single_visit() {
    let opened = |number: u16| if number == 0 { 40 } else { 0 };
    let once = months(&|world, number| opened(number) + i64::from(world == 'b' && number == 9)).await;
    let right = beyond_own(&once, "1", 40).await.right(0.5);
    assert!(right <= 0.61, "came once: {right}");
    let daily = months(&|world, number| opened(number) + i64::from(world == 'b' && number > 0)).await;
    let right = beyond_own(&daily, "1", 40).await.right(10.0);
    assert!(right > 0.9, "the documents say that a daily visitor is told: {right}");
    let unpadded = months(&|world, _| i64::from(world == 'b')).await;
    let sql = format!("SELECT count() FROM {}.page_days", unpadded.database());
    assert_eq!(unpadded.ask_as_owner(&sql).rows::<u64>().await.unwrap(), [0], "unpadded, nothing is shown");
}
