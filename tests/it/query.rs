//! Published figures: rows inserted by the store, queries through the real listener, a real engine between them.

use serde_json::{Value, json};
use sillage::config::Protection;
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

/// A new database that holds `batch`.
pub(crate) async fn store(rounding: u32, batch: &Batch) -> Store {
    let store = Store::connect(&support::database(&support::fresh_name()), support::endpoint());
    let store = store.protected(Protection::Exact);
    migrate::apply(&store, &MigrationSettings { rounding, ..support::EXACT }).await.unwrap();
    store.insert(batch).await.unwrap();
    store
}

impl Served {
    /// The rows of an answer, `[dimensions…, metrics…]` each.
    pub(crate) async fn rows(&self, query: Value) -> Vec<Value> {
        let mut asked = json!({ "site_id": "shop.example", "date_range": "day" });
        asked.as_object_mut().unwrap().extend(query.as_object().unwrap().clone());
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
    PagesRow::of((site.into(), DAY.0, hour, page.into()), sums)
}

pub(crate) fn breakdown(dimension: &'static str, page: &str, value: &str, sums: [i64; 6]) -> BreakdownsRow {
    BreakdownsRow::of(("shop.example".into(), DAY.0, dimension, page.into(), value.into()), sums)
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

/// The worked example of counting.md, as rows of two inserts, with a few actions and load times beside it.
pub(crate) fn worked_example() -> Batch {
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
        ..Batch::default()
    }
}

#[tokio::test]
async fn the_worked_example_is_read_back_to_the_last_figure() {
    let store = store(1, &worked_example()).await;
    let served = serve(store.clone(), 1).await;

    let all = ["visitors", "pageviews", "visits", "bounce_rate", "visit_duration", "views_per_visit"];
    assert_eq!(served.rows(json!({ "metrics": all })).await, [json!([2, 5, 3, 67, 400, 1.67])]);
    assert_eq!(
        served.rows(json!({ "metrics": ["visits", "visitors", "pageviews"], "dimensions": ["time:hour"] })).await,
        [json!(["2026-03-10 10:00:00", 2, 2, 4]), json!(["2026-03-10 11:00:00", 1, 0, 1])]
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
        (json!(["contains_not", "event:page", ["ric"]]), 2),
        (json!(["matches_not", "event:page", ["^/$"]]), 3),
        (json!(["is", "event:page", ["/PRICING"]]), 0),
        (json!(["is", "event:page", ["/PRICING"], { "case_sensitive": false }]), 3),
        (json!(["contains", "event:page", ["RIC"], { "case_sensitive": false }]), 3),
        (json!(["matches", "event:page", ["^/PR"], { "case_sensitive": false }]), 3),
        (json!(["or", [["is", "event:page", ["/"]], ["contains", "event:page", ["ric"]]]]), 5),
        (json!(["not", ["is", "event:page", ["/"]]]), 3),
        (json!(["or", [["is", "visit:country", ["DE"]], ["is", "event:page", ["/"]]]]), 3),
        (json!(["is", "visit:country_name", ["France"]]), 4),
        (json!(["contains", "visit:country_name", ["erman"]]), 1),
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
    // A visitor who views two pages of a filter counts on both.
    let both = json!({ "metrics": ["visitors"], "filters": [["is", "event:page", ["/", "/pricing"]]] });
    assert_eq!(served.rows(both).await, [json!([3])]);
    let plan = json!({
        "metrics": ["events"], "dimensions": ["event:props:plan"], "filters": [["is", "event:name", ["Other"]]]
    });
    assert_eq!(served.rows(plan).await, [] as [Value; 0]);

    let query = json!({
        "site_id": "shop.example", "date_range": "7d", "metrics": ["pageviews"], "dimensions": ["event:page"],
        "order_by": [["pageviews", "asc"]], "pagination": { "limit": 1, "offset": 1 },
        "include": { "total_rows": true, "time_labels": true },
    });
    let reply = served.ask_as(&served.everything, &query.to_string()).await;
    assert_eq!(reply.body["results"], json!([{ "metrics": [3], "dimensions": ["/pricing"] }]));
    assert_eq!(reply.body["meta"]["total_rows"], json!(2));
    assert_eq!(reply.body["query"]["date_range"], json!(["2026-03-04", "2026-03-10"]));

    let query = json!({
        "site_id": "shop.example", "date_range": "7d", "metrics": ["visitors"], "dimensions": ["time"],
        "include": { "time_labels": true },
    });
    let reply = served.ask_as(&served.everything, &query.to_string()).await;
    assert_eq!(reply.body["results"], json!([{ "metrics": [2], "dimensions": ["2026-03-10"] }]));
    assert_eq!(reply.body["meta"]["time_labels"].as_array().unwrap().len(), 7);
    assert!(reply.body["meta"]["visitors"].as_str().unwrap().starts_with("daily visitors"));

    let pattern = json!({
        "site_id": "shop.example", "date_range": "7d", "metrics": ["visitors"],
        "filters": [["not", ["matches", "event:page", ["secret("]]]],
    });
    let reply = served.ask_as(&served.everything, &pattern.to_string()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body, json!({ "error": "a `matches` filter has an expression that RE2 does not accept" }));
}

/// Published rows as a release draws them: days, and cells too small for a day with their week or month.
const DRAWN: &[&str] = &[
    "INSERT INTO {db}.site_days (site, day, period, pageviews, visitors, visits, bounces, visit_seconds) VALUES \
     ('shop.example', '2026-03-08', 'day', 60, 40, 50, 20, 18000), ('shop.example', '2026-03-09', 'day', 90, 70, 60, 30, 19800), \
     ('shop.example', '2026-03-08', 'week', 20, 20, 20, 0, 0), ('shop.example', '2026-02-28', 'month', 30, 20, 20, 0, 0)",
    "INSERT INTO {db}.page_days (site, day, period, page, pageviews, visitors, visits) VALUES \
     ('shop.example', '2026-03-09', 'day', '/', 50, 40, 40), ('shop.example', '2026-03-08', 'week', '/quiet', 20, 20, 10), \
     ('shop.example', '2026-02-28', 'month', '/rare', 30, 20, 0)",
    "INSERT INTO {db}.dimension_days (site, day, period, dimension, value, pageviews, visitors, visits, bounces) VALUES \
     ('shop.example', '2026-03-09', 'day', 'country', 'FR', 60, 40, 220, 240), \
     ('shop.example', '2026-03-09', 'day', 'country', 'DE', 60, 40, 180, 100)",
    "INSERT INTO {db}.site_days (site, day, period, origin, pageviews, visitors, visits) VALUES \
     ('shop.example', '2026-03-09', 'day', 'plausible:2026-03-10', 1000, 1000, 1000)",
    "INSERT INTO {db}.robot_days (site, day, period, page, kind, hits) VALUES \
     ('shop.example', '2026-03-09', 'day', '/', 'ai_crawler', 30)",
];

async fn drawn() -> (Served, Store) {
    let store = store(10, &Batch { token: "none".into(), ..Batch::default() }).await;
    for statement in DRAWN {
        store.statement(&statement.replace("{db}", store.database())).await.unwrap();
    }
    (serve(store.clone(), 10).await, store)
}

#[tokio::test]
async fn rests_of_weeks_and_months_count_in_ranges_that_hold_a_week_or_a_month() {
    let (served, _store) = drawn().await;
    let pageviews = async |range: Value| {
        let rows = served.rows(json!({ "metrics": ["pageviews"], "date_range": range })).await;
        rows[0][0].as_i64().unwrap()
    };
    assert_eq!(pageviews(json!(["2026-03-08", "2026-03-09"])).await, 150, "two days");
    assert_eq!(pageviews(json!(["2026-03-03", "2026-03-09"])).await, 170, "seven days, with the rest of a week");
    assert_eq!(pageviews(json!(["2026-02-10", "2026-03-09"])).await, 200, "28 days, with the rest of a month too");
    let by = async |dimension: &str| {
        let query = json!({
            "metrics": ["pageviews"], "dimensions": [dimension], "date_range": ["2026-02-01", "2026-03-09"],
        });
        served.rows(query).await
    };
    assert_eq!(by("time:day").await, [json!(["2026-03-08", 60]), json!(["2026-03-09", 90])]);
    assert_eq!(by("time:week").await, [json!(["2026-03-02", 80]), json!(["2026-03-09", 90])]);
    assert_eq!(by("time:month").await, [json!(["2026-02-01", 30]), json!(["2026-03-01", 170])]);
    assert_eq!(by("event:page").await, [json!(["/", 50]), json!(["/rare", 30]), json!(["/quiet", 20])]);
    served.stop().await;
}

#[tokio::test]
async fn the_rest_of_a_report_is_the_level_above_minus_its_rows() {
    let (served, _store) = drawn().await;
    let query = json!({
        "site_id": "shop.example", "metrics": ["pageviews", "visits", "visitors"], "dimensions": ["event:page"],
        "date_range": ["2026-02-01", "2026-03-09"], "include": { "rest": true }, "pagination": { "limit": 1 },
    });
    let reply = served.ask_as(&served.everything, &query.to_string()).await;
    assert_eq!(reply.body["meta"]["rest"], json!({ "dimensions": ["(rest)"], "metrics": [100, 100, null] }));
    assert_eq!(reply.body["meta"]["protection"], json!("tens"));
    served.stop().await;
}

#[tokio::test]
async fn a_rate_of_drawn_figures_needs_a_hundred_below_the_line_and_one_of_a_value_two_hundred() {
    let (served, _store) = drawn().await;
    let rates = async |range: Value| {
        let metrics = ["bounce_rate", "visit_duration", "views_per_visit"];
        served.rows(json!({ "metrics": metrics, "date_range": range })).await
    };
    assert_eq!(rates(json!(["2026-03-09", "2026-03-09"])).await, [json!([null, null, null])]);
    assert_eq!(rates(json!(["2026-03-08", "2026-03-09"])).await, [json!([45, 344, 1.4])]);
    // Two draws may put a part above its whole.
    let country = json!({ "metrics": ["bounce_rate"], "dimensions": ["visit:country"], "date_range": "7d" });
    assert_eq!(served.rows(country).await, [json!(["FR", 100]), json!(["DE", null])]);
    served.stop().await;
}

#[tokio::test]
async fn imported_figures_count_where_they_are_asked_for() {
    let (served, _store) = drawn().await;
    let visits = async |imports: bool| {
        let query = json!({
            "metrics": ["visits"], "date_range": ["2026-03-09", "2026-03-09"], "include": { "imports": imports },
        });
        served.rows(query).await
    };
    assert_eq!(visits(false).await, [json!([60])]);
    assert_eq!(visits(true).await, [json!([1060])]);
    let robots = json!({ "metrics": ["hits"], "dimensions": ["event:robot"], "date_range": "7d" });
    assert_eq!(served.rows(robots).await, [json!(["ai_crawler", 30])]);
    served.stop().await;
}

#[tokio::test]
async fn shares_names_hours_and_comparisons_stand_beside_the_figures() {
    let store = store(1, &worked_example()).await;
    let served = serve(store, 1).await;
    let rows = served
        .rows(json!({ "metrics": ["visitors", "percentage"], "dimensions": ["visit:country", "visit:country_name"] }))
        .await;
    assert_eq!(rows, [json!(["DE", "Germany", 1, 50.0]), json!(["FR", "France", 1, 50.0])]);
    let rates = json!({ "metrics": ["events", "conversion_rate"], "dimensions": ["event:goal"] });
    assert_eq!(served.rows(rates).await, [json!(["Signup", 3, 100.0])]);
    let hours = json!({ "metrics": ["pageviews"], "dimensions": ["time"], "date_range": "24h" });
    assert_eq!(served.rows(hours).await, [json!(["2026-03-10 10:00:00", 4]), json!(["2026-03-10 11:00:00", 1])]);

    let query = json!({
        "site_id": "shop.example", "metrics": ["pageviews", "bounce_rate"], "date_range": ["2026-03-11", "2026-03-11"],
        "include": { "comparisons": { "mode": "previous_period" } },
    });
    let reply = served.ask_as(&served.everything, &query.to_string()).await;
    assert_eq!(
        reply.body["results"],
        json!([{ "metrics": [0, null], "dimensions": [], "comparison": {
            "metrics": [5, 67], "dimensions": [], "change": [-100.0, null],
        } }])
    );
    assert_eq!(reply.body["meta"]["comparison_date_range"], json!(["2026-03-10", "2026-03-10"]));
    served.stop().await;
}
