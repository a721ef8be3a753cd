//! Visitors' objections, client addresses, bounds of memory and expiry: through the real listener into the real
//! database.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use sillage::config::MarketingPolicy;

use crate::collector::{Collector, FIREFOX, pageview};
use crate::support::eventually;

const SITES: &str = r#"
    [[site]]
    name = "shop.example"
    timezone = "Europe/Paris"
    properties = ["plan"]
    [[site]]
    name = "blog.example"
    "#;
const SHOP: &str = "shop.example";
const NOON: &str = "2026-03-10T12:00:00Z";
const AFTERNOON: &str = "2026-03-10T15:00:00Z";

impl Collector {
    /// Sends a pageview that is counted.
    async fn view(&self, address: &str, path: &str) {
        let reply = self.event(address, FIREFOX, &pageview(SHOP, path, None)).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None), "{address} {path}");
    }

    /// Sends a pageview from `address` with one more header; returns the reason if it is dropped.
    async fn view_with(&self, address: &str, (name, value): (&str, &str)) -> Option<String> {
        let request = Request::post("/api/event")
            .header("user-agent", FIREFOX)
            .header("x-forwarded-for", address)
            .header(name, value)
            .body(Full::new(Bytes::from(pageview(SHOP, "/", None).to_string())))
            .unwrap();
        self.collect(request).await.dropped().map(str::to_owned)
    }

    /// Sums of a site and its pages after a flush: pageviews, visitors, page visitors, visits, exits, bounces, seconds.
    async fn sums(&self) -> [i64; 7] {
        self.app.flush().await.unwrap();
        let mut sums = [0; 7];
        let figures = [
            ("page_days", "pageviews"),
            ("site_days", "visitors"),
            ("page_days", "visitors"),
            ("page_days", "visits"),
            ("page_days", "exits"),
            ("page_days", "bounces"),
            ("page_days", "visit_seconds"),
        ];
        for (sum, (table, column)) in sums.iter_mut().zip(figures) {
            *sum = self.sum(table, column).await;
        }
        sums
    }

    /// Number of tags in memory, after all visits have ended and before the day ends.
    async fn tags_at_end_of_visits(&self) -> f64 {
        eventually("visits are open", async || self.gauge("sillage_visits_active").await > 0.0).await;
        self.at(AFTERNOON);
        eventually("visits end", async || self.gauge("sillage_visits_active").await == 0.0).await;
        self.gauge("sillage_tags").await
    }

    async fn gauge(&self, name: &str) -> f64 {
        let metrics = self.metrics().await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or("-1");
        line.parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objecting_visitor_is_never_tagged_unless_the_configuration_allows_it() {
    let objections = [("sec-gpc", "1"), ("dnt", "1")];
    let strict = Collector::start(NOON, SITES).await;
    for (name, value) in objections {
        for address in ["90.0.0.1", "90.0.0.2", "90.0.0.3"] {
            assert_eq!(strict.view_with(address, (name, value)).await.as_deref(), Some("opted_out"));
        }
        assert_eq!(strict.view_with("90.0.0.1", (name, "0")).await, None);
    }
    assert_eq!(strict.sums().await, [2, 1, 1, 1, 1, 0, 0]);
    // One visitor and one page: an objecting visitor has left no tag.
    assert_eq!(strict.tags_at_end_of_visits().await, 2.0);
    strict.app.stop().await;

    let lax = Collector::start_with(NOON, SITES, |config| {
        config.privacy.honour_gpc = false;
        config.privacy.honour_dnt = false;
    })
    .await;
    for objection in objections {
        assert_eq!(lax.view_with("90.0.0.1", objection).await, None);
    }
    lax.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_s_own_word_about_its_address_is_not_believed() {
    let open = Collector::start_with(NOON, SITES, |config| config.collect.trusted_proxies.clear()).await;
    for address in ["198.51.100.1", "198.51.100.2", "2001:db8::1"] {
        open.view(address, "/").await;
    }
    assert_eq!(open.sums().await, [3, 1, 1, 1, 1, 0, 0]);
    open.app.stop().await;

    let behind_a_proxy = Collector::start(NOON, SITES).await;
    for spoofed in
        ["198.51.100.1, 203.0.113.9", "198.51.100.2, 203.0.113.9", "203.0.113.9", "junk, 203.0.113.9, 127.0.0.2"]
    {
        behind_a_proxy.view(spoofed, "/").await;
    }
    assert_eq!(behind_a_proxy.sums().await, [4, 1, 1, 1, 1, 0, 0]);
    behind_a_proxy.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ipv6_visitor_is_one_within_its_64_bits_and_has_a_country() {
    let collector = Collector::start(NOON, SITES).await;
    collector.view("2a01:e0a:12:3450::1", "/").await;
    collector.view("2a01:e0a:12:3450:ffff:ffff:ffff:ffff", "/").await;
    collector.view("2a01:e0a:12:3451::1", "/").await;
    collector.view("::ffff:90.0.0.1", "/").await;
    collector.view("90.0.0.1", "/").await;
    assert_eq!(collector.sums().await[..4], [5, 3, 3, 3]);
    let sql = "SELECT format('{} {}', value, toString(sum(visitors))) FROM {db}.dimension_days \
               WHERE dimension = 'country' GROUP BY value";
    assert_eq!(collector.texts(sql).await, ["FR 3"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sites_know_nothing_of_each_other_s_visitors() {
    let collector = Collector::start(NOON, SITES).await;
    for site in [SHOP, "blog.example"] {
        for path in ["/", "/x"] {
            collector.event("90.0.0.1", FIREFOX, &pageview(site, path, None)).await;
        }
    }
    collector.app.flush().await.unwrap();
    let sql = "SELECT format('{} {} {}', site, toString(sum(visitors)), toString(sum(visits))) FROM {db}.site_days \
               GROUP BY site ORDER BY site";
    assert_eq!(collector.texts(sql).await, ["blog.example 1 1", "shop.example 1 1"]);
    // Three tags each: a visitor and two pages, on either site.
    assert_eq!(collector.tags_at_end_of_visits().await, 6.0);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_values_beyond_their_bounds_are_other_and_figures_stay_right() {
    let collector = Collector::start_with(NOON, SITES, |config| {
        config.limits.pages_per_site_day = 3;
        config.limits.values_per_dimension = 2;
    })
    .await;
    for page in ["/a", "/b", "/c", "/d", "/e", "/a"] {
        collector.view("90.0.0.1", page).await;
    }
    for (host, address) in
        [("one.example", 1), ("two.example", 2), ("three.example", 3), ("four.example", 4), ("one.example", 5)]
    {
        let event = pageview(SHOP, "/a", Some(&format!("https://{host}/")));
        collector.event(&format!("90.0.1.{address}"), FIREFOX, &event).await;
    }
    for plan in ["a", "b", "c", "d"] {
        let event = json!({ "n": plan, "u": "https://shop.example/zzz", "p": { "plan": plan } });
        collector.event("90.0.0.1", FIREFOX, &event).await;
    }
    assert_eq!(collector.sums().await, [11, 6, 9, 6, 6, 5, 0]);
    let sql = "SELECT format('{} {} {} {} {}', page, toString(sum(pageviews)), toString(sum(visitors)), \
               toString(sum(visits)), toString(sum(exits))) FROM {db}.page_days GROUP BY page ORDER BY page";
    assert_eq!(collector.texts(sql).await, ["(other) 2 1 0 0", "/a 7 6 6 6", "/b 1 1 0 0", "/c 1 1 0 0"]);
    let sql = "SELECT format('{} {} {}', value, toString(sum(pageviews)), toString(sum(visits))) FROM {db}.dimension_days \
               WHERE dimension = 'referrer' GROUP BY value ORDER BY value";
    // `(direct)` was the first value and `one.example` the second.
    assert_eq!(collector.texts(sql).await, ["(direct) 1 1", "(other) 3 3", "one.example 2 2"]);
    let sql = "SELECT format('{} {} {}', page, action, toString(sum(count))) FROM {db}.action_page_days \
               GROUP BY page, action ORDER BY action";
    assert_eq!(collector.texts(sql).await, ["(other) (other) 2", "(other) a 1", "(other) b 1"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_their_bound_are_other_on_their_page_through_a_restart_and_totals_stay_right() {
    let more = r#"site = [{ name = "shop.example", properties = ["plan"] }]"#;
    let collector = Collector::start_with(NOON, more, |config| config.limits.rows_per_site_day = 12).await;
    let hosts = ["one", "two", "three", "four"];
    for (number, host) in hosts.iter().enumerate() {
        let event = pageview(SHOP, &format!("/{host}"), Some(&format!("https://{host}.example/")));
        collector.event(&format!("90.0.1.{number}"), FIREFOX, &event).await;
    }
    let collector = collector.restart(true).await;
    // Their second pageviews correct the rows of the first, known ones and others alike.
    for (number, host) in hosts.iter().enumerate() {
        collector.view(&format!("90.0.1.{number}"), &format!("/{host}")).await;
    }
    let action = json!({ "n": "Signup", "u": "https://shop.example/one", "p": { "plan": "pro" } });
    collector.event("90.0.1.0", FIREFOX, &action).await;
    let timing = json!({ "n": "timing", "u": "https://shop.example/one", "t": { "lcp": 900 } });
    collector.event("90.0.1.0", FIREFOX, &timing).await;
    assert_eq!(collector.sums().await, [8, 4, 4, 4, 4, 0, 0]);
    let sql = "SELECT format('{} {} {}', page, value, toString(sum(pageviews))) FROM {db}.dimension_page_days \
               WHERE dimension = 'referrer' GROUP BY page, value ORDER BY 1";
    // The first page fills the bound with its eight or nine values; the second still has its referrer.
    let referrers = ["/four (other) 1", "/one one.example 1", "/three (other) 1", "/two two.example 1"];
    assert_eq!(collector.texts(sql).await, referrers);
    let sql = "SELECT format('{} {} {}', value, toString(sum(visits)), toString(sum(bounces))) FROM {db}.dimension_days \
               WHERE dimension = 'referrer' GROUP BY value ORDER BY 1";
    assert_eq!(collector.texts(sql).await, ["(other) 2 0", "one.example 1 0", "two.example 1 0"]);
    let sql = "SELECT format('{} {} {} {}', dimension, toString(sum(pageviews)), toString(sum(visitors)), \
               toString(sum(bounces))) FROM {db}.dimension_days WHERE dimension IN ('country', 'browser') \
               GROUP BY dimension ORDER BY dimension";
    assert_eq!(collector.texts(sql).await, ["browser 8 4 0", "country 8 4 0"]);
    let sql = "SELECT format('{} {} {}', page, action, toString(sum(count))) FROM {db}.action_page_days \
               GROUP BY page, action ORDER BY 1";
    assert_eq!(collector.texts(sql).await, ["/one (other) 1"]);
    let sql = "SELECT format('{} {} {}', action, value, toString(count)) FROM {db}.action_value_days";
    assert_eq!(collector.texts(sql).await, ["(other) (other) 1"]);
    let sql = "SELECT format('{} {}', page, metric) FROM {db}.timing_page_days";
    assert_eq!(collector.texts(sql).await, ["(other) lcp"]);
    assert!(collector.counter("sillage_other_total", "bound=\"rows\"").await >= 4);
    eventually("rows are told", async || collector.gauge("sillage_rows").await == 12.0).await;
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_visitors_counts_as_pageviews_and_does_not_grow_memory() {
    // Each of two sites has a quarter for itself, and either may take the common half.
    const TAGS: u32 = 24;
    let collector = Collector::start_with(NOON, SITES, |config| config.limits.tags = TAGS as usize).await;
    for number in 0..60 {
        collector.view(&Ipv4Addr::from(0x5a00_0000 + number).to_string(), "/").await;
    }
    // A visitor known before stays known.
    collector.view("90.0.0.0", "/").await;
    let (outcomes, received) = collector.outcomes().await;
    assert_eq!((outcomes["counted"], outcomes["untagged"], received), (10, 51, 61));
    assert_eq!(collector.sums().await, [61, 9, 9, 9, 9, 8, 0]);
    eventually("nine visits are open", async || collector.gauge("sillage_visits_active").await == 9.0).await;
    assert_eq!(collector.tags_at_end_of_visits().await, f64::from(TAGS) * 0.75);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_goes_on_past_midnight_and_then_all_of_yesterday_is_forgotten() {
    let collector = Collector::start("2026-03-10T22:50:00Z", SITES).await;
    collector.view("90.0.0.1", "/").await;
    collector.view("90.0.0.2", "/").await;
    collector.at("2026-03-10T23:10:00Z");
    collector.view("90.0.0.1", "/b").await;
    assert_eq!(collector.sums().await, [3, 3, 3, 2, 2, 1, 1_200]);
    let sql = "SELECT format('{} {} {} {}', toString(day), page, toString(sum(visits)), toString(sum(visitors))) \
               FROM {db}.page_days GROUP BY day, page ORDER BY day";
    assert_eq!(collector.texts(sql).await, ["2026-03-10 / 2 2", "2026-03-11 /b 0 1"]);
    eventually("both are remembered", async || collector.gauge("sillage_tags").await == 6.0).await;
    assert_eq!(collector.gauge("sillage_visits_active").await, 2.0);

    // Half an hour past midnight, yesterday's key is destroyed and its visitors are forgotten; the one visit continues.
    collector.at("2026-03-10T23:30:00Z");
    eventually("yesterday is forgotten", async || collector.gauge("sillage_tags").await == 2.0).await;
    assert_eq!(collector.gauge("sillage_visits_active").await, 1.0);
    collector.view("90.0.0.2", "/").await;
    assert_eq!(collector.sums().await[..4], [4, 4, 4, 3]);

    // An hour later no visit is open; a day later no visitor is known.
    collector.at("2026-03-11T00:31:00Z");
    eventually("visits end", async || collector.gauge("sillage_visits_active").await == 0.0).await;
    collector.at("2026-03-12T00:31:00Z");
    eventually("the day is forgotten", async || collector.gauge("sillage_tags").await == 0.0).await;
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undeclared_unknown_and_out_of_range_fields_never_reach_a_table() {
    let collector = Collector::start(NOON, SITES).await;
    let long = "x".repeat(700);
    let event = json!({
        "n": 7, "u": "https://shop.example/", "d": "shop.example", "r": format!("https://news.example/{}", "y".repeat(3_000)),
        "p": json!({ "plan": long, "size": "undeclared", "nested": { "a": 1 } }).to_string(), "w": 1e300, "e": 5, "sd": 5,
        "t": { "lcp": 1 }, "uid": "person-7", "_id": "person-7", "user_id": 7,
    });
    assert_eq!(collector.event("90.0.0.1", FIREFOX, &event).await.status, 202);
    let nested = json!({ "n": "x", "u": "https://shop.example/", "p": { "plan": { "a": "deep" }, "size": ["deep"] } });
    assert_eq!(collector.event("90.0.0.1", FIREFOX, &nested).await.status, 202);
    let read = json!({ "n": "engagement", "u": "https://shop.example/", "sd": 250, "e": "-3" });
    assert_eq!(collector.event("90.0.0.1", FIREFOX, &read).await.status, 202);
    let timing = json!({ "n": "timing", "u": "https://shop.example/", "t": { "lcp": 1e300, "person": 7, "cls": "7" } });
    assert_eq!(collector.event("90.0.0.1", FIREFOX, &timing).await.status, 202);
    let shown: Value = json!({ "n": "pageview", "u": "https://shop.example/", "w": -4, "r": format!("https://news.example/{}", "y".repeat(3_000)) });
    assert_eq!(collector.event("90.0.0.1", FIREFOX, &shown).await.status, 202);
    collector.app.flush().await.unwrap();
    let sql = "SELECT format('{}|{}|{}', action, property, toString(length(value))) FROM {db}.action_value_days";
    assert_eq!(collector.texts(sql).await, ["7|plan|500"]);
    assert_eq!(collector.texts("SELECT action FROM {db}.action_days ORDER BY 1").await, ["7", "x"]);
    assert_eq!(collector.sum("page_days", "scroll_percent").await, 100);
    let engaged = (collector.sum("site_days", "engaged_ms").await, collector.sum("site_days", "engaged_views").await);
    assert_eq!(engaged, (0, 0));
    let sql = "SELECT format('{} {}', metric, toString(bucket)) FROM {db}.timing_days";
    assert_eq!(collector.texts(sql).await, ["lcp 80"]);
    let sql =
        "SELECT format('{} {}', dimension, value) FROM {db}.dimension_days WHERE dimension IN ('referrer', 'screen')";
    assert_eq!(collector.texts(sql).await, ["referrer news.example"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_value_in_an_action_becomes_a_placeholder() {
    let collector = Collector::start(NOON, SITES).await;
    for (name, plan) in [
        ("Signup", "jo@example.org"),
        ("Signup", "premium of jo%40example.org"),
        ("Mail to jo@example.org", "pro"),
        ("Call", "+33 6 12 34 56 78"),
        ("Signup", "a5e2c1de-7c3b-4f0e-9d53-0b6a4d0f7a11"),
    ] {
        let event = json!({ "n": name, "u": "https://shop.example/", "p": { "plan": plan } });
        assert_eq!(collector.event("90.0.0.1", FIREFOX, &event).await.status, 202);
    }
    collector.app.flush().await.unwrap();
    let sql =
        "SELECT DISTINCT format('{} {}', action, value) FROM {db}.action_value_days WHERE property = 'plan' ORDER BY 1";
    let expected = [":email pro", "Call :phone", "Signup :email", "Signup :uuid"];
    assert_eq!(collector.texts(sql).await, expected);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_one_sender_invents_leave_rows_for_what_people_read() {
    let collector = Collector::start_with(NOON, SITES, |config| {
        config.limits.pages_per_site_day = 100;
        config.site[0].pages = vec!["/listed/*".into()];
    })
    .await;
    for number in 0..150 {
        collector.view("90.0.0.1", &format!("/invented/{number}")).await;
    }
    for address in ["90.0.1.1", "90.0.2.1", "90.0.3.1"] {
        collector.view(address, "/read").await;
    }
    collector.view("90.0.1.1", "/listed/page").await;
    assert_eq!(collector.sums().await[0], 154);
    let sql = "SELECT format('{} {}', page, toString(sum(pageviews))) FROM {db}.page_days \
               WHERE page NOT LIKE '/invented/%' GROUP BY page ORDER BY page";
    // The first view of the page that three networks read cannot be told from an invented one.
    assert_eq!(collector.texts(sql).await, ["(other) 101", "/listed/page 1", "/read 2"]);
    assert_eq!(collector.counter("sillage_other_total", "bound=\"pages\"").await, 101);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn languages_and_campaigns_that_one_sender_invents_leave_rows_for_what_visitors_bring() {
    let collector = Collector::start_with(NOON, SITES, |config| {
        config.limits.values_per_dimension = 100;
        config.privacy.marketing = MarketingPolicy::Always;
    })
    .await;
    let view = async |address: &str, language: &str, campaign: &str| {
        let url = format!("https://shop.example/?utm_campaign={campaign}&utm_source={campaign}");
        let event = json!({ "n": "pageview", "u": url }).to_string();
        let request = Request::post("/api/event").header("user-agent", FIREFOX).header("x-forwarded-for", address);
        let request = request.header("accept-language", language).body(Full::new(Bytes::from(event))).unwrap();
        assert_eq!(collector.collect(request).await.status, 202);
    };
    for number in 0..150_u8 {
        let language: String = ['x', char::from(b'a' + number / 26), char::from(b'a' + number % 26)].iter().collect();
        view("90.0.0.1", &language, &format!("invented{language}")).await;
    }
    for address in ["90.0.1.1", "90.0.2.1", "90.0.3.1"] {
        view(address, "fr", "spring").await;
    }
    collector.app.flush().await.unwrap();
    for (dimension, value) in
        [("language", "fr"), ("utm_campaign", "spring"), ("utm_source", "spring"), ("source", "spring")]
    {
        let sql = format!(
            "SELECT format('{{}} {{}}', value, toString(sum(pageviews))) FROM {{db}}.dimension_days \
             WHERE dimension = '{dimension}' AND value IN ('(other)', '{value}') GROUP BY value ORDER BY value"
        );
        // Of what three networks bring, the first is not told from an invented one.
        assert_eq!(collector.texts(&sql).await, ["(other) 101".to_owned(), format!("{value} 2")], "{dimension}");
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_from_one_address_is_left_out_and_others_are_counted() {
    let collector = Collector::start_with(NOON, SITES, |config| config.limits.hits_per_address = 20).await;
    for _ in 0..20 {
        collector.view("90.0.0.1", "/").await;
    }
    let reply = collector.event("90.0.0.1", FIREFOX, &pageview(SHOP, "/", None)).await;
    assert_eq!((reply.status.as_u16(), reply.dropped()), (202, Some("flood")));
    collector.view("90.0.0.2", "/").await;
    collector.at("2026-03-10T12:10:00Z");
    collector.view("90.0.0.1", "/").await;
    collector.app.stop().await;
}
