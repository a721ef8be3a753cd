//! One door against another: API, SQL and export, overlapping ranges, filters. Each adds up the same published rows, so
//! that no query draws again and a difference of answers is a published row.

use serde_json::json;
use sillage::store::Store;

use crate::console::{Served, serve};
use crate::export::file;
use crate::release::{MONDAY, close_of, releaser, shop_day};
use crate::support::fresh_store;

const FIRST: &str = "2026-03-02";

/// Eight days of the shop, released.
async fn released() -> (Store, Served) {
    let store = fresh_store().await;
    let releaser = releaser(&store, "one");
    for number in 0..8_u16 {
        let day = MONDAY + number;
        releaser.insert(&shop_day(&format!("node-{number}"), day), close_of(day)).await.unwrap();
        releaser.shipped(close_of(day)).await.unwrap();
    }
    let served = serve(store.clone(), 10).await;
    (store, served)
}

fn day(number: i64) -> String {
    let first: jiff::civil::Date = FIRST.parse().unwrap();
    first.saturating_add(jiff::Span::new().days(number)).to_string()
}

/// Pageviews and visitors of the site in a range, by the API.
async fn by_api(served: &Served, from: i64, to: i64) -> Vec<i64> {
    let query = json!({ "date_range": [day(from), day(to)], "metrics": ["pageviews", "visitors"] });
    let rows = served.rows(query).await;
    rows[0].as_array().unwrap().iter().map(|figure| figure.as_i64().unwrap()).collect()
}

/// Before: two ranges that overlap gave two roundings of sums that differ by one day, and 150 such queries averaged
/// the rounding away. Now: the difference of any two ranges is the sum of published rows, the same by every way.
#[tokio::test]
async fn ranges_that_overlap_differ_by_published_rows_and_by_nothing_else() {
    let (store, served) = released().await;
    let sql = format!("SELECT pageviews, visitors FROM {}.site_days WHERE period = 'week'", store.database());
    let of_week = store.ask_as_owner(&sql).rows::<(i64, i64)>().await.unwrap()[0];
    let mut days = Vec::new();
    for number in 0..8 {
        days.push(by_api(&served, number, number).await);
    }
    for from in 0..8_i64 {
        for to in from..8 {
            let whole = by_api(&served, from, to).await;
            let parts = days.iter().take(usize::try_from(to).unwrap() + 1).skip(usize::try_from(from).unwrap());
            let sum = parts.fold(vec![0, 0], |sum, day| vec![sum[0] + day[0], sum[1] + day[1]]);
            // The week's rest is a row of its own, dated on its Sunday.
            let with_week = vec![sum[0] + of_week.0, sum[1] + of_week.1];
            assert!(whole == sum || from <= 6 && to >= 6 && whole == with_week, "{from}..{to}: {whole:?}");
            assert!(whole.iter().all(|figure| figure % 10 == 0), "{whole:?}");
        }
    }
    served.stop().await;
}

/// Before: SQL, export and API rounded each for itself, so that one query had three answers. Now: all three give the
/// rows that are published.
#[tokio::test]
async fn sql_export_and_api_give_the_same_figure_of_the_same_row() {
    let (store, served) = released().await;
    let target = "?default_format=JSONEachRow";
    let sql = "SELECT toInt64(sum(pageviews)) AS pageviews, toInt64(sum(visitors)) AS visitors FROM page_days \
               WHERE site = 'shop.example' AND page = '/' AND day BETWEEN '2026-03-02' AND '2026-03-07'";
    let by_sql = served.select(&served.shop, sql, &format!("{target}&database={}", store.database())).await;
    assert_eq!(by_sql.status, 200, "{}", by_sql.body);
    let by_api = served
        .rows(json!({
            "date_range": [FIRST, "2026-03-07"], "dimensions": ["event:page"], "metrics": ["pageviews", "visitors"],
            "filters": [["is", "event:page", ["/"]]],
        }))
        .await;
    let lines = file(&served, "report=pages&format=jsonl").await;
    let of_page = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let of_page = of_page.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
    let of_page = of_page.filter(|row| row["page"] == "/" && row["time"].as_str().unwrap() <= "2026-03-07");
    let by_export: i64 = of_page.map(|row| row["pageviews"].as_i64().unwrap()).sum();
    assert_eq!(by_api[0], json!(["/", by_sql.body["pageviews"], by_sql.body["visitors"]]));
    assert_eq!(by_sql.body["pageviews"], by_export);
    assert!(by_export % 10 == 0 && (by_export - 6 * 286).abs() < 109, "{by_export}");
    served.stop().await;
}

/// Before: `matches` beside an own page's pad read names of withheld pages and searches letter by letter. Now: a filter
/// chooses among published rows; one that fits only withheld rows is answered like one that fits nothing.
#[tokio::test]
async fn a_filter_that_fits_only_what_is_not_shown_is_answered_like_one_that_fits_nothing() {
    let (_store, served) = released().await;
    let until = async |last: &str, filter: serde_json::Value| {
        let query = json!({ "date_range": [FIRST, last], "metrics": ["pageviews", "visitors"], "filters": [filter] });
        served.rows(query).await
    };
    let asked = async |filter| until("2026-03-09", filter).await;
    let nothing = asked(json!(["matches", "event:page", ["^/no-such-page$"]])).await;
    for pattern in ["^/alone$", "^/al", "one$", "^/alon.$"] {
        assert_eq!(asked(json!(["matches", "event:page", [pattern]])).await, nothing, "{pattern}");
    }
    let own = asked(json!(["is", "event:page", ["/"]])).await;
    assert_eq!(asked(json!(["is", "event:page", ["/", "/alone"]])).await, own, "beside a pad likewise");
    // Days alone: the seven visits of a week may be drawn to twenty (in 6 % of weeks), and are then shown.
    let nowhere = until("2026-03-07", json!(["is", "visit:country", ["ZZ"]])).await;
    assert_eq!(until("2026-03-07", json!(["is", "visit:country", ["MT"]])).await, nowhere);
    served.stop().await;
}
