//! Two worlds that differ by one person: published figures differ as far as the draw allows, and no more.

use std::collections::BTreeMap;

use sillage::store::{Batch, Store};

use crate::release::{at, page, releaser};
use crate::support::fresh_store;

/// 2 March 2026, in days since 1970.
const DAY: u16 = 20_514;
/// Number of pages with each number of visitors.
const PAGES: u32 = 1_500;
/// Visitors of a page beside the person: the padding hits that an attacker can send.
const PADS: u32 = 32;

/// Probability of each published figure of a cell with `held`: three digits, minus 9, cut to tens; 0 below the gate.
fn chances(held: i64) -> BTreeMap<i64, f64> {
    let mut chances = BTreeMap::new();
    for digits in 0..1_000 {
        let raised = held + digits % 10 + digits / 10 % 10 + digits / 100 - 9;
        let drawn = raised.div_euclid(10) * 10;
        *chances.entry(if drawn >= 20 { drawn } else { 0 }).or_default() += 0.001;
    }
    chances
}

/// One day with every number of visitors on many pages, released: frequency of each published figure, by visitors.
async fn published() -> BTreeMap<u32, BTreeMap<i64, f64>> {
    let store = fresh_store().await;
    let pages = (1..=PADS).flat_map(|visitors| (0..PAGES).map(move |number| (visitors, number)));
    let pages = pages.map(|(visitors, number)| page(DAY, &format!("/{visitors}/{number}"), i64::from(visitors)));
    let batch = Batch { token: "pads".into(), pages: pages.collect(), ..Batch::default() };
    let releaser = releaser(&store, "one");
    releaser.insert(&batch, at("2026-03-02T12:00:00Z")).await.unwrap();
    releaser.shipped(at("2026-03-03T00:00:00Z")).await.unwrap();
    let sql = format!(
        "SELECT toUInt32(splitByChar('/', page)[2]) AS held, visitors, toUInt64(count()) FROM {}.page_days \
         GROUP BY held, visitors",
        store.database()
    );
    let mut figures: BTreeMap<u32, BTreeMap<i64, f64>> = BTreeMap::new();
    for (held, figure, pages) in store.ask_as_owner(&sql).rows::<(u32, i64, u64)>().await.unwrap() {
        figures.entry(held).or_default().insert(figure, f64::from(u32::try_from(pages).unwrap()) / f64::from(PAGES));
    }
    for visitors in 1..=PADS {
        let of = figures.entry(visitors).or_default();
        let shown: f64 = of.values().sum();
        of.insert(0, 1.0 - shown);
    }
    figures
}

/// Before: one query told whether a page was seen, and 4.4 queries the exact count of any cell, with the
/// attacker's own hits as padding: right in all cases. Now: a figure is one of two or three tens whose probabilities
/// move by at most a tenth with one visitor: an attacker who knows all others and chooses the padding is right in at
/// most 55 of 100 cases, and certain in one of a thousand.
#[tokio::test]
async fn one_visitor_more_moves_what_is_published_by_what_the_draw_allows() {
    let published = published().await;
    for (held, figures) in &published {
        let expected = chances(i64::from(*held));
        for figure in figures.keys().chain(expected.keys()) {
            let (seen, chance) = (figures.get(figure).unwrap_or(&0.0), expected.get(figure).unwrap_or(&0.0));
            let spread = (chance * (1.0 - chance).max(0.0) / f64::from(PAGES)).sqrt();
            assert!((seen - chance).abs() <= 5.0 * spread + 0.001, "{held} visitors, figure {figure}: {seen} {chance}");
        }
    }
    assert_eq!(published[&1][&0], 1.0, "a page of one visitor is never published");
    for pad in 0..40 {
        let (without, with) = (chances(pad), chances(pad + 1));
        let both: std::collections::BTreeSet<_> = without.keys().chain(with.keys()).collect();
        let chance = |world: &BTreeMap<i64, f64>, figure: &i64| world.get(figure).copied().unwrap_or_default();
        let apart: f64 = both.iter().map(|figure| (chance(&without, figure) - chance(&with, figure)).abs()).sum();
        let right = 0.5 + apart / 4.0;
        assert!(right <= 0.55, "pad {pad}: right in {right}");
        let certain = |world: &BTreeMap<i64, f64>, other: &BTreeMap<i64, f64>| -> f64 {
            world.iter().filter(|(figure, _)| !other.contains_key(figure)).map(|(_, chance)| chance).sum()
        };
        assert!(certain(&without, &with).max(certain(&with, &without)) <= 0.001_5, "pad {pad}");
    }
}

/// Sum, mean and spread of a column of the published pages.
async fn moments(store: &Store, figure: &str) -> (f64, f64) {
    let sql = format!("SELECT avg({figure}), stddevPop({figure}) FROM {}.page_days", store.database());
    store.ask_as_owner(&sql).rows::<(f64, f64)>().await.unwrap()[0]
}

/// Before: rates beside the attacker's own visits told a visitor's bounce and minutes. Now: each measure of a row has
/// its own draw, so that one does not reveal another, and each is right on average with a spread of 5.7 of its units.
#[tokio::test]
async fn each_measure_of_a_row_is_drawn_for_itself_and_right_on_average() {
    let store = fresh_store().await;
    let pages = (0..6_000).map(|number| page(DAY, &format!("/{number}"), 200)).collect();
    let batch = Batch { token: "measures".into(), pages, ..Batch::default() };
    let releaser = releaser(&store, "one");
    releaser.insert(&batch, at("2026-03-02T12:00:00Z")).await.unwrap();
    releaser.shipped(at("2026-03-03T00:00:00Z")).await.unwrap();
    let expected = [
        ("visitors", 200.0, 1.0),
        ("pageviews", 400.0, 1.0),
        ("bounces", 100.0, 1.0),
        ("visit_seconds", 18_000.0, 180.0),
        ("engaged_ms", 4_000_000.0, 180_000.0),
        ("scroll_percent", 12_000.0, 100.0),
        ("not_found", 0.0, 1.0),
    ];
    for (figure, held, unit) in expected {
        let (mean, spread) = moments(&store, figure).await;
        assert!((mean - held).abs() <= 0.4 * unit, "{figure}: {mean}");
        assert!((4.5 * unit..6.5 * unit).contains(&spread), "{figure}: {spread}");
    }
    let sql = format!("SELECT corr(visitors, visits), corr(pageviews, bounces) FROM {}.page_days", store.database());
    let (one, two) = store.ask_as_owner(&sql).rows::<(f64, f64)>().await.unwrap()[0];
    assert!(one.abs() < 0.07 && two.abs() < 0.07, "measures share a draw: {one} {two}");
}
