//! Hits that are not a visitor's: robots by page and kind, and every hit by its outcome, from the listener and from
//! logs to the published tables.

use serde_json::{Value, json};
use sillage::config::Protection;

use crate::collector::{Collector, FIREFOX, pageview};

const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;
const NOON: &str = "2026-03-10T12:00:00Z";
const GPTBOT: &str =
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

const ROBOT_DAYS: &str = "SELECT format('{} {} {} {}', toString(day), page, kind, toString(sum(hits))) FROM {db}.robot_days \
     GROUP BY day, page, kind ORDER BY 1";
const OUTCOME_DAYS: &str = "SELECT format('{} {} {}', toString(day), outcome, toString(sum(hits))) FROM {db}.outcome_days \
     GROUP BY day, outcome ORDER BY 1";

async fn send(collector: &Collector, agent: &str, path: &str, times: usize) {
    for number in 0..times {
        collector.event(&format!("90.0.{number}.1"), agent, &pageview("shop.example", path, None)).await;
    }
}

/// The rows of a panel's query, as name and hits.
async fn panel(collector: &Collector, table: &str) -> Vec<(String, i64)> {
    let query = json!({ "site_id": "shop.example", "table": table, "date_range": ["2026-03-01", "2026-03-31"] });
    let answer = collector.ask("/api/view", &json!({ "queries": { "asked": query } })).await.json();
    let rows = answer["answers"]["asked"]["rows"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let row = |row: &Value| (row["name"].as_str().unwrap().to_owned(), row["hits"].as_i64().unwrap());
    rows.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_and_outcomes_are_counted_by_local_day_and_survive_a_restart() {
    let collector = Collector::start(NOON, SITES).await;
    send(&collector, GPTBOT, "/?secret=x", 3).await;
    send(&collector, GOOGLEBOT, "/pricing", 2).await;
    send(&collector, "", "/", 1).await;
    send(&collector, FIREFOX, "/", 2).await;
    let objects = collector.event("90.0.0.9", FIREFOX, &pageview("unknown.example", "/", None)).await;
    assert_eq!(objects.dropped(), Some("unknown_site"));
    collector.app.flush().await.unwrap();
    let robots = ["2026-03-10 / ai_crawler 3", "2026-03-10 / other 1", "2026-03-10 /pricing search 2"];
    assert_eq!(collector.texts(ROBOT_DAYS).await, robots);
    assert_eq!(collector.texts(OUTCOME_DAYS).await, ["2026-03-10 bot 6", "2026-03-10 counted 2"]);
    assert_eq!(
        panel(&collector, "robot_kinds").await,
        [("ai_crawler".into(), 3), ("search".into(), 2), ("other".into(), 1)]
    );
    assert_eq!(panel(&collector, "outcomes").await, [("bot".into(), 6), ("counted".into(), 2)]);
    // Half an hour past midnight in Paris; counts that are not flushed are written at the stop.
    collector.at("2026-03-10T23:30:00Z");
    send(&collector, GPTBOT, "/", 4).await;
    let collector = collector.restart(true).await;
    collector.app.flush().await.unwrap();
    collector.app.flush().await.unwrap();
    assert_eq!(collector.texts(ROBOT_DAYS).await, [&robots[..], &["2026-03-11 / ai_crawler 4"]].concat());
    let outcomes = ["2026-03-10 bot 6", "2026-03-10 counted 2", "2026-03-11 bot 4"];
    assert_eq!(collector.texts(OUTCOME_DAYS).await, outcomes);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_tens_robots_and_outcomes_are_drawn_when_their_day_is_over() {
    let collector = Collector::start_with(NOON, SITES, |config| config.privacy.protection = Protection::Tens).await;
    send(&collector, GPTBOT, "/", 60).await;
    send(&collector, GOOGLEBOT, "/", 1).await;
    collector.app.flush().await.unwrap();
    assert_eq!((collector.texts(ROBOT_DAYS).await.len(), collector.sum("waiting_robots", "hits").await), (0, 61));
    collector.at("2026-03-10T23:31:00Z");
    collector.app.flush().await.unwrap();
    let (crawlers, bots) = (collector.sum("robot_days", "hits").await, collector.sum("outcome_days", "hits").await);
    assert!(crawlers % 10 == 0 && (crawlers - 60).abs() <= 18, "{crawlers}");
    assert!(bots % 10 == 0 && (bots - 61).abs() <= 18, "{bots}");
    assert_eq!(collector.sum("robot_days", "kind = 'search'").await, 0, "one hit opens no row");
    assert_eq!(collector.sum("waiting_robots", "hits").await + collector.sum("waiting_outcomes", "hits").await, 0);
    assert_eq!(panel(&collector, "robot_kinds").await, [("ai_crawler".into(), crawlers)]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_one_robot_invents_share_half_of_the_rows() {
    let collector = Collector::start(NOON, SITES).await;
    let events: Vec<Value> = (0..30).map(|number| pageview("shop.example", &format!("/x/{number}"), None)).collect();
    for turn in 0..80 {
        let event = |event: &Value| {
            let url = event["u"].as_str().unwrap().replace("/x/", &format!("/x/{turn}-"));
            pageview("shop.example", url.split("shop.example").nth(1).unwrap(), None)
        };
        let list: Vec<Value> = events.iter().map(event).collect();
        collector.event("90.0.0.1", GPTBOT, &Value::Array(list)).await;
    }
    collector.app.flush().await.unwrap();
    let pages = collector.texts("SELECT toString(uniqExact(page)) FROM {db}.robot_days").await;
    assert_eq!(pages, [(sillage::hit_tally::ROBOT_PAGES_MAX / 2 + 1).to_string()]);
    assert_eq!(collector.sum("robot_days", "hits").await, 2_400);
    collector.app.stop().await;
}
