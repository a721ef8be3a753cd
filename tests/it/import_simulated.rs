//! Simulated traffic, imported into a real engine, comes out as its truth says.

use sillage::import::ImportFormat;
use sillage::simulate::{self, Traffic};

use crate::import::{Into, SITE};

#[tokio::test(flavor = "multi_thread")]
async fn simulated_traffic_comes_out_as_the_truth_says() {
    let traffic = Traffic {
        origin: format!("https://{SITE}"),
        pages: simulate::pages(60),
        uses: simulate::uses(),
        // The clocks go forward in Paris on the second night.
        first: "2026-03-28".parse().unwrap(),
        days: 3,
        timezone: jiff::tz::TimeZone::get("Europe/Paris").unwrap(),
        visitors_per_day: 400,
        seed: 11,
        extras: simulate::TrafficExtras::default(),
    };
    let mut text = Vec::new();
    let truth = traffic.write(&mut text).unwrap();
    let into = Into::fresh().await;
    let summary = into.import_text(ImportFormat::Events, std::str::from_utf8(&text).unwrap()).await.unwrap();
    assert_eq!((summary.bots, summary.left_out, summary.not_understood, summary.days), (0, 0, 0, 3));
    let sum = |sql: &str| into.store.ask_as_owner(&format!("SELECT {sql}")).rows::<i64>();
    let database = into.store.database();
    let pages = |column: &str| format!("sum({column}) FROM {database}.site_days");
    for (figure, expected) in [
        (pages("pageviews"), truth.pageviews),
        (pages("visitors"), truth.visitors),
        (pages("visits"), truth.visits),
        (format!("sum(exits) FROM {database}.page_days"), truth.visits),
        (pages("bounces"), truth.bounces),
        (pages("visit_seconds"), truth.visit_seconds.unsigned_abs()),
        (pages("engaged_ms"), truth.engaged_ms),
        (format!("sum(count) FROM {database}.action_days"), truth.actions),
        (format!("sum(visits) FROM {database}.dimension_days WHERE dimension = 'country'"), truth.visits),
        (format!("sum(visitors) FROM {database}.dimension_days WHERE dimension = 'language'"), truth.visitors),
    ] {
        assert_eq!(sum(&figure).await.unwrap()[0].unsigned_abs(), expected, "{figure}");
    }
    assert!(truth.bounces > 100 && truth.actions > 50 && truth.visits > truth.visitors);
}

#[tokio::test(flavor = "multi_thread")]
async fn lively_traffic_comes_out_as_the_truth_says_without_robots_and_objectors() {
    let mut into = Into::fresh().await;
    into.config.privacy.marketing = sillage::config::MarketingPolicy::WithConsent;
    for site in &mut into.config.site {
        (site.timezone, site.search_parameter, site.problems) = ("UTC".into(), "q".into(), true);
    }
    let traffic = Traffic {
        origin: format!("https://{SITE}"),
        pages: simulate::pages(60),
        uses: simulate::uses(),
        first: "2026-03-01".parse().unwrap(),
        days: 5,
        timezone: jiff::tz::TimeZone::UTC,
        visitors_per_day: 300,
        seed: 11,
        extras: simulate::TrafficExtras {
            searches: vec!["q=lamp".into(), "q=blue+hour".into()],
            search_page: 3,
            lost_pages: vec!["/old-price-list".into()],
            ..simulate::TrafficExtras::lively()
        },
    };
    let mut text = Vec::new();
    let truth = traffic.write(&mut text).unwrap();
    let summary = into.import_text(ImportFormat::Events, std::str::from_utf8(&text).unwrap()).await.unwrap();
    assert_eq!((summary.bots, summary.objections, summary.not_understood), (truth.robots, truth.objections, 0));
    assert_eq!((summary.lines, summary.pageviews), (truth.events, truth.pageviews));
    assert_eq!((summary.visitors, summary.visits), (truth.visitors, truth.visits));
    let sum = |sql: &str| into.store.ask_as_owner(&format!("SELECT {sql}")).rows::<i64>();
    let database = into.store.database();
    let actions = |name: &str| format!("sum(count) FROM {database}.action_days WHERE action = '{name}'");
    for (figure, expected) in [
        (actions("problem"), truth.problems),
        (actions("Search"), truth.searches),
        (format!("sum(not_found) FROM {database}.site_days"), truth.not_found),
        (format!("sum(bounces) FROM {database}.site_days"), truth.bounces),
        (format!("sum(count) FROM {database}.timing_days WHERE metric = 'lcp'"), truth.timings),
    ] {
        assert_eq!(sum(&figure).await.unwrap()[0].unsigned_abs(), expected, "{figure}");
        assert!(expected > 3, "{figure}");
    }
    let campaigns = format!("toInt64(count()) FROM {database}.dimension_days WHERE dimension = 'utm_campaign'");
    assert!(sum(&campaigns).await.unwrap()[0] > 0);
}
