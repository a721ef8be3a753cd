//! Figures as they leave: rows by the store, questions through the real listener, a real engine between them.

use serde_json::{Value, json};
use sillage::event::Day;
use sillage::rollup::counters::{ActionsRow, Batch, BreakdownsRow, PagesRow, TimingsRow};
use sillage::store::Store;
use sillage::store::migrate;
use sillage::store::migrate::MigrationSettings;

use crate::console::{Served, serve};
use crate::support;

/// 10 March 2026, and 10 o'clock of it in Paris.
pub(crate) const DAY: Day = Day(20_522);
pub(crate) const TEN: u32 = 20_522 * 86_400 + 9 * 3_600;

/// A database of one's own that holds `batch`.
pub(crate) async fn store(rounding: u32, batch: &Batch) -> Store {
    let store = Store::connect(&support::database(&support::fresh_name()), support::endpoint());
    migrate::apply(&store, &MigrationSettings { rounding, ..support::EXACT }).await.unwrap();
    store.insert(batch).await.unwrap();
    store
}

impl Served {
    /// The rows of an answer, `[dimensions…, metrics…]` each.
    async fn rows(&self, question: Value) -> Vec<Value> {
        let mut asked = json!({ "site_id": "shop.example", "date_range": "day" });
        asked.as_object_mut().unwrap().extend(question.as_object().unwrap().clone());
        let reply = self.ask_as(&self.everything, &asked.to_string()).await;
        assert_eq!(reply.status, 200, "{asked}: {}", reply.body);
        let row = |row: &Value| {
            let values = row["dimensions"].as_array().unwrap().iter().chain(row["metrics"].as_array().unwrap());
            Value::from(values.cloned().collect::<Vec<_>>())
        };
        reply.body["results"].as_array().unwrap().iter().map(row).collect()
    }
}

pub(crate) fn page(site: &str, hour: u32, page: &str, sums: [i64; 12]) -> PagesRow {
    let [pageviews, visitors, page_visitors, visits, exits, bounces, visit_seconds, engaged_ms, engaged_views, ..] =
        sums;
    let [.., scroll_percent, scroll_views, not_found] = sums;
    PagesRow {
        site: site.into(),
        day: DAY.0,
        hour,
        page: page.into(),
        pageviews,
        visitors,
        page_visitors,
        visits,
        exits,
        bounces,
        visit_seconds,
        engaged_ms,
        engaged_views,
        scroll_percent,
        scroll_views,
        not_found,
    }
}

pub(crate) fn breakdown(dimension: &'static str, page: &str, value: &str, sums: [i64; 6]) -> BreakdownsRow {
    let [pageviews, visitors, page_visitors, visits, bounces, visit_seconds] = sums;
    BreakdownsRow {
        site: "shop.example".into(),
        day: DAY.0,
        dimension,
        page: page.into(),
        value: value.into(),
        pageviews,
        visitors,
        page_visitors,
        visits,
        bounces,
        visit_seconds,
    }
}

pub(crate) fn action(property: &str, value: &str, count: i64, visitors: i64) -> ActionsRow {
    ActionsRow {
        site: "shop.example".into(),
        day: DAY.0,
        page: "/pricing".into(),
        action: "Signup".into(),
        property: property.into(),
        value: value.into(),
        count,
        visitors,
    }
}

/// The worked example of counting.md, in two inserts' worth of rows, with a few actions and load times beside it.
fn worked_example() -> Batch {
    let timing = |bucket, count| TimingsRow {
        site: "shop.example".into(),
        day: DAY.0,
        hour: TEN,
        page: "/".into(),
        metric: "lcp",
        bucket,
        count,
    };
    Batch {
        token: "query-1".into(),
        origin: "".into(),
        pages: vec![
            page("shop.example", TEN, "/", [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
            page("shop.example", TEN, "/", [1, 0, 0, 0, 0, -1, 1200, 0, 0, 0, 0, 0]),
            page("shop.example", TEN, "/pricing", [2, 1, 2, 1, 1, 1, 0, 45_000, 1, 80, 1, 0]),
            page("shop.example", TEN + 3_600, "/pricing", [1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
        ],
        breakdowns: vec![
            breakdown("country", "/", "FR", [2, 1, 1, 1, 0, 1200]),
            breakdown("country", "/pricing", "FR", [2, 0, 1, 1, 1, 0]),
            breakdown("country", "/pricing", "DE", [1, 1, 1, 1, 1, 0]),
            breakdown("referrer", "/", "news.example", [1, 1, 1, 1, 0, 1200]),
            breakdown("referrer", "/pricing", "(direct)", [2, 1, 1, 2, 2, 0]),
            breakdown("previous_page", "/pricing", "/", [1, 0, 0, 0, 0, 0]),
            breakdown("previous_page", "/", "/pricing", [1, 0, 0, 0, 0, 0]),
        ],
        actions: vec![action("", "", 3, 2), action("plan", "pro", 2, 1), action("plan", "free", 1, 1)],
        timings: vec![timing(20, 60), timing(30, 30), timing(40, 10)],
    }
}

#[tokio::test]
async fn the_worked_example_is_read_back_to_the_last_figure() {
    let store = store(1, &worked_example()).await;
    let served = serve(store.clone(), 1).await;

    let all = ["visitors", "pageviews", "visits", "bounce_rate", "visit_duration", "views_per_visit"];
    assert_eq!(served.rows(json!({ "metrics": all })).await, [json!([2, 5, 3, 67, 400, 1.67])]);
    assert_eq!(
        served.rows(json!({ "metrics": ["visits", "visitors", "time_on_page"], "dimensions": ["time:hour"] })).await,
        [json!(["2026-03-10 10:00:00", 2, 2, 45]), json!(["2026-03-10 11:00:00", 1, 0, null])]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["visits"], "date_range": ["2026-03-09", "2026-03-09"] })).await,
        [json!([0])]
    );

    let of_page = ["pageviews", "visitors", "visits", "bounce_rate", "visit_duration", "time_on_page", "scroll_depth"];
    assert_eq!(
        served.rows(json!({ "metrics": of_page, "dimensions": ["event:page"] })).await,
        [json!(["/pricing", 3, 2, 2, 100, 0, 45, 80]), json!(["/", 2, 1, 1, 0, 1200, null, null]),]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["visits", "bounce_rate"], "dimensions": ["visit:entry_page"] })).await,
        [json!(["/pricing", 2, 100]), json!(["/", 1, 0]),]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["visits"], "dimensions": ["visit:exit_page"] })).await,
        [json!(["/pricing", 2]), json!(["/", 1])]
    );

    let of_value = ["pageviews", "visitors", "visits", "bounce_rate", "visit_duration"];
    assert_eq!(
        served.rows(json!({ "metrics": of_value, "dimensions": ["visit:country"] })).await,
        [json!(["FR", 4, 1, 2, 50, 600]), json!(["DE", 1, 1, 1, 100, 0]),]
    );
    assert_eq!(
        served.rows(json!({ "metrics": of_value, "dimensions": ["visit:referrer"] })).await,
        [json!(["(direct)", 2, 1, 2, 100, 0]), json!(["news.example", 1, 1, 1, 0, 1200]),]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["pageviews"], "dimensions": ["event:previous_page", "event:page"] })).await,
        [json!(["/pricing", "/", 1]), json!(["/", "/pricing", 1])]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["events", "visitors"], "dimensions": ["event:name"] })).await,
        [json!(["Signup", 3, 2])]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["events"], "dimensions": ["event:props:plan"] })).await,
        [json!(["pro", 2]), json!(["free", 1])]
    );
    assert_eq!(served.rows(json!({ "metrics": ["events"] })).await, [json!([3])]);

    filters_order_and_pages(&served).await;
    served.stop().await;
}

async fn filters_order_and_pages(served: &Served) {
    for (filter, pageviews) in [
        (json!(["is", "event:page", ["/"]]), 2),
        (json!(["is", "event:page", ["/", "/pricing"]]), 5),
        (json!(["is_not", "event:page", ["/"]]), 3),
        (json!(["contains", "event:page", ["ric", "nothing"]]), 3),
        (json!(["matches", "event:page", ["^/$", "^/nothing"]]), 2),
        (json!(["is", "event:page", ["' OR 1=1 --"]]), 0),
        (json!(["is", "visit:country", ["FR"]]), 4),
        (json!(["and", [["is", "visit:country", ["FR"]], ["is", "event:page", ["/pricing"]]]]), 2),
        (json!(["is_not", "visit:country", ["FR"]]), 1),
        (json!(["matches", "visit:country", ["^D"]]), 1),
    ] {
        let rows = served.rows(json!({ "metrics": ["pageviews"], "filters": [filter] })).await;
        assert_eq!(rows, [json!([pageviews])], "{filter}");
    }
    // Whoever views two pages of a filter counts on both.
    let both = json!({ "metrics": ["visitors"], "filters": [["is", "event:page", ["/", "/pricing"]]] });
    assert_eq!(served.rows(both).await, [json!([3])]);
    let plan = json!({
        "metrics": ["events"], "dimensions": ["event:props:plan"], "filters": [["is", "event:name", ["Other"]]]
    });
    assert_eq!(served.rows(plan).await, [] as [Value; 0]);

    let question = json!({
        "site_id": "shop.example", "date_range": "7d", "metrics": ["pageviews"], "dimensions": ["event:page"],
        "order_by": [["pageviews", "asc"]], "pagination": { "limit": 1, "offset": 1 },
        "include": { "total_rows": true, "time_labels": true },
    });
    let reply = served.ask_as(&served.everything, &question.to_string()).await;
    assert_eq!(reply.body["results"], json!([{ "metrics": [3], "dimensions": ["/pricing"] }]));
    assert_eq!(reply.body["meta"]["total_rows"], json!(2));
    assert_eq!(reply.body["query"]["date_range"], json!(["2026-03-04", "2026-03-10"]));

    let question = json!({
        "site_id": "shop.example", "date_range": "7d", "metrics": ["visitors"], "dimensions": ["time"],
        "include": { "time_labels": true },
    });
    let reply = served.ask_as(&served.everything, &question.to_string()).await;
    assert_eq!(reply.body["results"], json!([{ "metrics": [2], "dimensions": ["2026-03-10"] }]));
    assert_eq!(reply.body["meta"]["time_labels"].as_array().unwrap().len(), 7);
    assert!(reply.body["meta"]["visitors"].as_str().unwrap().starts_with("daily visitors"));

    let pattern = json!({
        "site_id": "shop.example", "date_range": "7d", "metrics": ["visitors"],
        "filters": [["matches", "event:page", ["secret("]]],
    });
    let reply = served.ask_as(&served.everything, &pattern.to_string()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body, json!({ "error": "a `matches` filter holds an expression that RE2 does not understand" }));
}

#[tokio::test]
async fn figures_leave_rounded_and_the_reading_user_sees_no_table() {
    let batch = Batch {
        token: "query-10".into(),
        origin: "".into(),
        pages: vec![
            page("shop.example", TEN, "/five", [5, 5, 5, 5, 5, 2, 500, 36_000, 4, 800, 10, 0]),
            page("shop.example", TEN, "/four", [4, 4, 4, 4, 4, 1, 100, 0, 0, 0, 0, 0]),
            page("shop.example", TEN, "/fifteen", [15, 0, 14, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
            page("other.example", TEN, "/", [4, 4, 4, 4, 4, 1, 100, 4_000, 4, 0, 0, 0]),
        ],
        breakdowns: vec![
            breakdown("country", "/", "FR", [26, 14, 14, 5, 1, 77]),
            breakdown("country", "/", "DE", [4, 4, 4, 4, 4, 4]),
        ],
        actions: vec![action("", "", 24, 4)],
        timings: worked_example().timings,
    };
    let store = store(10, &batch).await;
    let served = serve(store.clone(), 10).await;

    let of_page = ["pageviews", "visitors", "visits", "bounce_rate", "visit_duration", "time_on_page", "scroll_depth"];
    assert_eq!(
        served.rows(json!({ "metrics": of_page, "dimensions": ["event:page"] })).await,
        [json!(["/fifteen", 20, 10, 0, null, null, null, null]), json!(["/five", 10, 10, 10, null, null, null, null]),]
    );
    let all = ["visitors", "pageviews", "visits", "bounce_rate", "visit_duration", "views_per_visit"];
    assert_eq!(served.rows(json!({ "metrics": all })).await, [json!([10, 20, 10, null, null, null])]);
    assert_eq!(
        served.rows(json!({ "metrics": all, "site_id": "other.example" })).await,
        [json!([0, 0, 0, null, null, null])]
    );
    assert_eq!(
        served.rows(json!({ "metrics": all, "dimensions": ["visit:country"] })).await,
        [json!(["FR", 10, 30, 10, null, null, null])]
    );
    assert_eq!(
        served.rows(json!({ "metrics": ["events", "visitors"], "dimensions": ["event:name"] })).await,
        [json!(["Signup", 20, 0])]
    );

    for table in ["pages", "breakdowns", "actions", "timings"] {
        let refused = store.ask(&format!("SELECT count() FROM {table}")).rows::<u64>().await;
        assert_eq!(refused.unwrap_err().failure().code, 497, "{table}");
    }
    let timings = "SELECT metric, count, p50, p75, p95 FROM report_timings(site='shop.example', from='2026-03-10', \
                   to='2026-03-10', timezone='UTC', grain='', by_page=0, page_op='', pages=[])";
    let rows = store.ask(timings).rows::<(String, i64, i64, i64, i64)>().await.unwrap();
    assert_eq!(rows, [("lcp".into(), 100, 32, 181, 1024)]);

    served.stop().await;
}
