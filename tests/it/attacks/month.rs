//! Buckets of weeks and months, releases that run again, counters that come late: every sum is drawn once.

use jiff::SignedDuration;
use sillage::store::{Batch, Store};

use super::rows_in_tens;
use crate::release::{MONDAY, accounted, acknowledged, at, close_of, page, releaser, shop_day};
use crate::support::fresh_store;

/// Rows of every published table that share all of their names with another row: a cell that was drawn twice for one
/// period.
async fn drawn_twice(store: &Store) -> u64 {
    let mut twice = 0;
    for (table, keys) in [
        ("site_hours", "hour"),
        ("site_days", "period"),
        ("page_days", "period, page"),
        ("dimension_days", "period, dimension, value"),
        ("dimension_page_days", "period, dimension, page, value"),
        ("action_days", "period, action"),
        ("action_value_days", "period, action, property, value"),
        ("timing_days", "period, metric, bucket"),
        ("timing_page_days", "period, page, metric, bucket"),
    ] {
        let sql = format!(
            "SELECT countIf(rows > 1) FROM (SELECT count() AS rows FROM {}.{table} GROUP BY site, day, origin, {keys})",
            store.database()
        );
        twice += store.ask_as_owner(&sql).rows::<u64>().await.unwrap()[0];
    }
    twice
}

/// Before: every query drew again. Now: polled every six hours for a month, with a late visitor before each look, a
/// cell has one figure for its day, one for its week, one for its month, and late visitors are in the latter alone.
#[tokio::test]
async fn polled_for_a_month_each_cell_is_drawn_once_for_its_day_its_week_and_its_month() {
    let store = fresh_store().await;
    // Merges would add up rows that were drawn twice.
    for table in ["page_days", "site_days", "dimension_days", "action_days", "timing_days"] {
        let later = "merge_selecting_sleep_ms = 600000, max_merge_selecting_sleep_ms = 600000";
        store.statement(&format!("ALTER TABLE {}.{table} MODIFY SETTING {later}", store.database())).await.unwrap();
    }
    let releaser = releaser(&store, "one");
    for number in 0..8_u16 {
        let day = MONDAY + number;
        releaser.insert(&shop_day(&format!("node-{number}"), day), close_of(day)).await.unwrap();
        for look in 0..4 {
            let now = close_of(day) + SignedDuration::from_hours(6 * look);
            let late = vec![page(day, "/", 1)];
            let late = Batch { token: format!("late-{number}-{look}"), pages: late, ..Batch::default() };
            // The first comes while the day is still open, the others when it is closed.
            releaser.insert(&late, now).await.unwrap();
            releaser.shipped(now).await.unwrap();
        }
    }
    let of_page = accounted(&store).await[&("page", "exits")]["/"];
    assert_eq!(of_page, 8 * (143 + 4), "published and waiting are what was acknowledged");
    assert_eq!(drawn_twice(&store).await, 0);
    releaser.shipped(at("2026-05-01T12:00:00Z")).await.unwrap();
    assert_eq!(drawn_twice(&store).await, 0);
    assert_eq!(rows_in_tens(&store).await.1, []);
}

/// Before: a week's sum less its days was exact. Now: the rest of a week is drawn once and stays within one
/// draw; the sum of all parts has the month to one draw and not better.
#[tokio::test]
async fn a_week_and_a_month_give_back_what_their_days_took_to_one_draw_and_no_better() {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    let pages = 600;
    for number in 0..7_u16 {
        let rows = (0..pages).map(|of| page(MONDAY + number, &format!("/{of}"), 45)).collect();
        let batch = Batch { token: format!("day-{number}"), pages: rows, ..Batch::default() };
        releaser.insert(&batch, at("2026-03-02T12:00:00Z")).await.unwrap();
    }
    releaser.shipped(close_of(MONDAY + 6)).await.unwrap();
    let spread = async |of: &str| {
        let sql = format!(
            "SELECT stddevPop(visitors), avg(visitors), toInt64(max(abs(visitors - 315))) FROM (SELECT page, sum(visitors) AS visitors \
             FROM {}.page_days WHERE {of} GROUP BY page)",
            store.database()
        );
        store.ask_as_owner(&sql).rows::<(f64, f64, i64)>().await.unwrap()[0]
    };
    let (of_days, _, _) = spread("period = 'day'").await;
    let (of_week, mean, most) = spread("1").await;
    assert!((13.0..17.5).contains(&of_days), "seven draws: {of_days}");
    assert!((5.0..6.5).contains(&of_week) && most <= 18 && (mean - 315.0).abs() < 1.0, "{of_week} {mean} {most}");
    releaser.shipped(at("2026-05-01T12:00:00Z")).await.unwrap();
    let (of_month, mean, most) = spread("1").await;
    assert!((5.0..6.5).contains(&of_month) && most <= 18 && (mean - 315.0).abs() < 1.0, "{of_month} {mean} {most}");
}

/// Two collectors, one of which dies between its inserts and its release: published and waiting are what both had
/// acknowledged, for every cell.
#[tokio::test]
async fn the_collector_that_is_left_releases_what_both_acknowledged() {
    let store = fresh_store().await;
    for number in 0..4_u16 {
        let day = MONDAY + number;
        let (one, two) = (releaser(&store, "one"), releaser(&store, "two"));
        one.insert(&shop_day(&format!("one-{number}"), day), close_of(day)).await.unwrap();
        two.insert(&shop_day(&format!("two-{number}"), day), close_of(day)).await.unwrap();
        // The same batch, sent again by a collector without an answer.
        two.insert(&shop_day(&format!("two-{number}"), day), close_of(day)).await.unwrap();
        one.shipped(close_of(day)).await.unwrap();
        drop(one);
        let later = close_of(day) + SignedDuration::from_hours(2);
        two.shipped(later).await.unwrap();
        assert_eq!(accounted(&store).await, acknowledged(2 * (i64::from(number) + 1)), "day {number}");
    }
}
