//! Each rule is broken on purpose, with real settings or data where possible; then only that rule is not held. Where
//! the program gives no way to break a rule, the evidence is changed.

use sillage::clock::{Clock, SystemClock};
use sillage::compliance::audit::{Audit, Evidence, Verdict};
use sillage::config::{MarketingPolicy, TokenConfig};
use sillage::store::migrate;

use crate::audit::{ROUNDED, Setup, leaves_only, live, reader, verdict};
use crate::support;

#[tokio::test]
async fn r1_another_database_that_reads_ours() {
    let setup = Setup::new().await;
    setup.run("CREATE DATABASE elsewhere_of_{db}").await;
    setup.run("CREATE VIEW elsewhere_of_{db}.copy AS SELECT * FROM {db}.page_days").await;
    setup.leaves_only(1).await;
    setup.run("DROP DATABASE elsewhere_of_{db}").await;
    assert_eq!(verdict(&setup.evidence().await, 1), Verdict::ForAPerson);
}

#[tokio::test]
async fn r2_an_undeclared_table_column_or_log() {
    let setup = Setup::new().await;
    setup.run("CREATE TABLE {db}.visitors (tag UInt64) ENGINE = MergeTree ORDER BY tag").await;
    setup.leaves_only(2).await;
    setup.run("DROP TABLE {db}.visitors SYNC").await;
    setup.run("ALTER TABLE {db}.page_days ADD COLUMN visitor String").await;
    setup.leaves_only(2).await;
    setup.run("ALTER TABLE {db}.page_days DROP COLUMN visitor").await;
    let mut evidence = setup.evidence().await;
    assert_eq!(verdict(&evidence, 2), Verdict::Held);
    evidence.database.logs.push(("query_log".into(), 0));
    leaves_only(&evidence, 2);
}

#[tokio::test]
async fn r2_exact_rows_of_an_earlier_release() {
    let setup = Setup::new().await;
    setup.run("CREATE TABLE {db}.pages AS {db}.waiting_pages").await;
    assert_eq!(verdict(&setup.evidence().await, 2), Verdict::Held, "an empty one is dropped by the next migration");
    setup.run("INSERT INTO {db}.pages SELECT * FROM {db}.waiting_pages").await;
    let evidence = setup.evidence().await;
    leaves_only(&evidence, 2);
    let found = &Audit::of(&evidence).findings[1].found;
    let found = found.iter().map(|found| found.en.as_str()).collect::<Vec<_>>().join(" ");
    assert!(found.contains("pages holds 9 exact rows of an earlier release"), "{found}");
}

#[tokio::test]
async fn r3_a_property_that_points_at_a_person() {
    let mut setup = Setup::new().await;
    setup.config.site[0].properties.push("customer_id".into());
    setup.leaves_only(3).await;
}

#[tokio::test]
async fn r4_a_tag_that_two_sites_share() {
    let mut evidence = Setup::new().await.evidence().await;
    evidence.tags.links_sites = true;
    leaves_only(&evidence, 4);
}

#[tokio::test]
async fn r5_a_tag_that_two_days_share_or_a_key_that_stays() {
    let proper = Setup::new().await.evidence().await;
    let mut evidence = proper.clone();
    evidence.tags.links_days = true;
    leaves_only(&evidence, 5);
    let mut evidence = proper;
    evidence.tags.keeps_past_key = true;
    leaves_only(&evidence, 5);
}

#[tokio::test]
async fn r6_a_dimension_that_is_not_permitted() {
    let setup = Setup::new().await;
    let proper = setup.evidence().await;
    setup.add_breakdown("income", "high").await;
    setup.leaves_only(6).await;

    let setup = Setup::new().await;
    setup.run("ALTER TABLE {db}.page_days MODIFY SETTING non_replicated_deduplication_window = 0").await;
    setup.leaves_only(6).await;
    setup.run("ALTER TABLE {db}.page_days RESET SETTING non_replicated_deduplication_window").await;
    setup.leaves_only(6).await;
    setup.run("ALTER TABLE {db}.page_days MODIFY SETTING non_replicated_deduplication_window = 10000").await;
    assert_eq!(verdict(&setup.evidence().await, 6), Verdict::Held);

    let mut evidence = proper.clone();
    live(&mut evidence, "action_days").engine = "MergeTree".into();
    leaves_only(&evidence, 6);
    let mut evidence = proper;
    evidence.database.stored.as_mut().unwrap().metrics.push("mood".into());
    leaves_only(&evidence, 6);
}

#[tokio::test]
async fn r7_a_version_that_is_more_than_major() {
    for version in ["140.0.7339.81", "Chrome 140.0", "140"] {
        let setup = Setup::new().await;
        setup.add_breakdown("system_version", "Mac OS X 10").await;
        setup.add_breakdown("browser_version", version).await;
        setup.leaves_only(7).await;
    }
}

#[tokio::test]
async fn r8_marketing_without_consent() {
    let mut setup = Setup::new().await;
    setup.config.privacy.marketing = MarketingPolicy::Always;
    // Campaigns come from URLs, so that the ninth rule fails with the eighth.
    assert_eq!(Audit::of(&setup.evidence().await).not_held(), [8, 9]);
    setup.config.privacy.marketing = MarketingPolicy::WithConsent;
    assert_eq!(verdict(&setup.evidence().await, 8), Verdict::ForAPerson);
}

#[tokio::test]
async fn r9_a_query_parameter_that_points_at_a_person_or_a_campaign() {
    let mut setup = Setup::new().await;
    for name in ["customer_no", "campaign", "utm_source"] {
        setup.config.site[0].query_names_kept = vec![name.into()];
        setup.leaves_only(9).await;
    }
    setup.config.site[0].query_names_kept = Vec::new();
    setup.config.site[0].search_parameter = "email".into();
    setup.leaves_only(9).await;
    setup.config.site[0].search_parameter = "q".into();
    let row = "('shop.example', today(), now(), '/?gclid=x', 20)";
    setup.run(&format!("INSERT INTO {{db}}.waiting_pages (site, day, hour, page, pageviews) VALUES {row}")).await;
    setup.leaves_only(9).await;
}

#[tokio::test]
async fn r10_a_referrer_that_is_more_than_a_host() {
    let setup = Setup::new().await;
    setup.add_breakdown("referrer", "news.example/article?reader=7").await;
    setup.leaves_only(10).await;
}

#[tokio::test]
async fn r11_a_place_that_is_finer_than_a_city() {
    for (dimension, place) in [("city", "48.8566,2.3522"), ("country", "192.0.2.7")] {
        let setup = Setup::new().await;
        setup.add_breakdown(dimension, place).await;
        setup.leaves_only(11).await;
    }
}

#[tokio::test]
async fn r12_figures_that_leave_exact() {
    let mut setup = Setup::new().await;
    let proper = setup.evidence().await;
    setup
        .run(
            "INSERT INTO {db}.action_days (site, day, period, action, count, visitors) VALUES \
              ('shop.example', today(), 'day', 'Signup', 27, 24)",
        )
        .await;
    setup.leaves_only(12).await;
    let evidence = setup.evidence().await;
    assert_eq!(evidence.database.reader.unwrap().counts.1, 2, "the reading user was given exact figures");
    setup.run("TRUNCATE TABLE {db}.action_days").await;
    setup.config.privacy.protection = sillage::config::Protection::Exact;
    setup.leaves_only(12).await;

    let breaks: [fn(&mut Evidence); 2] = [
        |evidence| reader(evidence).grants.push("GRANT SELECT ON system.parts TO sillage_reader".into()),
        |evidence| reader(evidence).silent.push("page_days".into()),
    ];
    for broken in breaks {
        let mut evidence = proper.clone();
        broken(&mut evidence);
        leaves_only(&evidence, 12);
    }
}

#[tokio::test]
async fn r12_a_duration_off_its_step_and_sums_that_no_release_took() {
    let setup = Setup::new().await;
    let columns = "(site, day, period, pageviews, visitors, visits, visit_seconds)";
    setup
        .run(&format!(
            "INSERT INTO {{db}}.site_days {columns} VALUES ('shop.example', today(), 'day', 20, 20, 20, 1801)"
        ))
        .await;
    setup.leaves_only(12).await;
    setup.run("TRUNCATE TABLE {db}.site_days").await;
    assert_eq!(verdict(&setup.evidence().await, 12), Verdict::Held);
    setup
        .run(
            "INSERT INTO {db}.waiting_cells (scope, day, site, level, page, visitors, gate) VALUES \
              ('week', today() - 60, 'shop.example', 'page', '/', 3, 3)",
        )
        .await;
    setup.leaves_only(12).await;
}

#[tokio::test]
async fn r13_a_published_row_of_one_visitor() {
    for (table, columns, values) in [
        ("page_days", "period, page, pageviews, visitors", "'day', '/secret', 10, 10"),
        ("dimension_days", "period, dimension, value, pageviews, visitors", "'day', 'country', 'MT', 10, 10"),
        (
            "action_value_days",
            "period, action, property, value, count, visitors",
            "'day', 'Search', 'plan', 'x', 10, 10",
        ),
        ("timing_days", "period, metric, bucket, count", "'day', 'lcp', 60, 10"),
        ("site_hours", "hour, pageviews, visitors", "now(), 10, 10"),
    ] {
        let setup = Setup::new().await;
        let row =
            format!("INSERT INTO {{db}}.{table} (site, day, {columns}) VALUES ('shop.example', today(), {values})");
        setup.run(&row).await;
        setup.leaves_only(13).await;
        // As the rest of a week it is a compensation, and allowed.
        setup.run(&format!("TRUNCATE TABLE {{db}}.{table}")).await;
        if table != "site_hours" {
            setup.run(&row.replace("'day'", "'week'")).await;
        }
        assert_eq!(Audit::of(&setup.evidence().await).not_held(), [0; 0], "{table}");
    }
}

#[tokio::test]
async fn r6_r7_r10_and_r11_look_at_what_waits_and_at_what_is_published() {
    for (dimension, value, rule) in [
        ("income", "high", 6),
        ("browser_version", "Chrome 140.0", 7),
        ("referrer", "news.example/article?reader=7", 10),
        ("city", "48.8566,2.3522", 11),
    ] {
        for (table, columns, values) in [
            ("waiting_breakdowns", "page, pageviews", "'/', 1"),
            ("dimension_days", "period, pageviews, visitors", "'day', 20, 20"),
            ("dimension_page_days", "period, page, pageviews, visitors", "'day', '/', 20, 20"),
        ] {
            let setup = Setup::new().await;
            let row = format!("('shop.example', today(), '{dimension}', '{value}', {values})");
            setup
                .run(&format!("INSERT INTO {{db}}.{table} (site, day, dimension, value, {columns}) VALUES {row}"))
                .await;
            setup.leaves_only(rule).await;
        }
    }
}

#[tokio::test]
async fn r12_a_table_that_the_reading_user_was_granted() {
    let setup = Setup::in_database(support::OPEN_DATABASE).await;
    setup.leaves_only(12).await;
    let evidence = setup.evidence().await;
    assert_eq!(evidence.database.reader.unwrap().opened, ["opened.waiting_pages"]);
}

#[tokio::test]
async fn r13_a_set_up_in_which_a_visitor_could_be_followed() {
    let mut setup = Setup::new().await;
    let proper = setup.evidence().await;
    // A folder that exists on every machine, and is neither a tmpfs nor a ramfs.
    setup.config.runtime.dir = "/proc".into();
    setup.leaves_only(13).await;
    // A key that may reach a disk may outlive its day.
    setup.config.runtime.allow_disk = true;
    assert_eq!(Audit::of(&setup.evidence().await).not_held(), [5, 13]);
    let breaks: [fn(&mut Evidence); 4] = [
        |evidence| evidence.machine.core_bytes = None,
        |evidence| evidence.machine.dumpable = Some(true),
        |evidence| evidence.config.collect.trusted_proxies = vec!["0.0.0.0/0".parse().unwrap()],
        |evidence| evidence.config.collect.trusted_proxies = vec!["::/0".parse().unwrap()],
    ];
    for broken in breaks {
        let mut evidence = proper.clone();
        broken(&mut evidence);
        leaves_only(&evidence, 13);
    }
    let mut evidence = proper;
    evidence.config.collect.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
    evidence.machine.swap_kib = 1024;
    assert_eq!(verdict(&evidence, 13), Verdict::ForAPerson);
}

#[tokio::test]
async fn r14_a_property_that_points_at_an_experiment() {
    let mut setup = Setup::new().await;
    setup.config.site[0].properties.push("ab-test".into());
    setup.leaves_only(14).await;
    setup.config.site[0].properties[1] = "variant".into();
    assert_eq!(verdict(&setup.evidence().await, 14), Verdict::ForAPerson);
}

#[tokio::test]
async fn r15_a_script_that_keeps_something() {
    let proper = Setup::new().await.evidence().await;
    for more in
        ["document.cookie='id=1; max-age=99999999'", "localStorage.id=1", "localStorage[q]=1", "sessionStorage.a=1"]
    {
        let mut evidence = proper.clone();
        evidence.script.push_str(more);
        leaves_only(&evidence, 15);
    }
    let mut evidence = proper;
    evidence.script.push_str("z=\"sillage_opt_out\";localStorage[z]=1;localStorage[\"sillage_opt_out\"]");
    assert_eq!(verdict(&evidence, 15), Verdict::Held);
}

#[tokio::test]
async fn r16_a_table_that_forgets_later_or_holds_what_is_older() {
    let setup = Setup::new().await;
    setup.run("ALTER TABLE {db}.dimension_days MODIFY TTL day + INTERVAL 30 MONTH DELETE").await;
    setup.leaves_only(16).await;
    setup.run("ALTER TABLE {db}.dimension_days REMOVE TTL").await;
    setup.leaves_only(16).await;
    migrate::apply(&setup.store, &ROUNDED).await.unwrap();
    let mut evidence = setup.evidence().await;
    let pages = live(&mut evidence, "page_days");
    let (rows, day) = pages.oldest.unwrap();
    pages.oldest = Some((rows, day.checked_sub(jiff::Span::new().months(26)).unwrap()));
    leaves_only(&evidence, 16);
}

#[tokio::test]
async fn r17_a_review_that_is_missing_or_old() {
    let mut setup = Setup::new().await;
    setup.config.privacy.last_review = None;
    setup.leaves_only(17).await;
    let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for months in [-2, 13] {
        setup.config.privacy.last_review = Some(today.checked_sub(jiff::Span::new().months(months)).unwrap());
        setup.leaves_only(17).await;
    }
}

#[tokio::test]
async fn r18_a_controller_without_a_contact() {
    let mut setup = Setup::new().await;
    setup.config.privacy.controller.contact = " ".into();
    setup.leaves_only(18).await;
}

#[tokio::test]
async fn r19_an_objection_that_is_not_honoured() {
    let mut setup = Setup::new().await;
    setup.config.privacy.honour_gpc = false;
    setup.leaves_only(19).await;
    (setup.config.privacy.honour_gpc, setup.config.privacy.honour_dnt) = (true, false);
    setup.leaves_only(19).await;
    setup.config.privacy.honour_dnt = true;
    let mut evidence = setup.evidence().await;
    evidence.script.clear();
    leaves_only(&evidence, 19);
}

#[tokio::test]
async fn r20_rows_that_are_not_kept_by_site() {
    let setup = Setup::new().await;
    let declared = setup.evidence().await.database.declared;
    let timings = declared.tables.iter().find(|table| table.name == "timing_days").unwrap();
    let columns: Vec<String> = timings.columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    setup.run("DROP TABLE {db}.timing_days SYNC").await;
    setup
        .run(&format!(
            "CREATE TABLE {{db}}.timing_days ({}) ENGINE = SummingMergeTree ORDER BY (day, site, metric, bucket, period, origin) \
             TTL day + INTERVAL 25 MONTH SETTINGS {}",
            columns.join(", "),
            timings.settings.join(", ")
        ))
        .await;
    setup.leaves_only(20).await;
    let mut evidence = Setup::new().await.evidence().await;
    evidence.config.site.push(sillage::config::SiteConfig { name: "other.example".into(), ..Default::default() });
    assert_eq!(verdict(&evidence, 20), Verdict::Held);
    evidence.config.console.tokens[0].sites = vec!["*".into()];
    assert_eq!(verdict(&evidence, 20), Verdict::ForAPerson);
}

#[tokio::test]
async fn r21_what_would_come_from_elsewhere() {
    let mut setup = Setup::new().await;
    setup.config.geo.databases = vec!["https://places.example/city.mmdb".into()];
    setup.leaves_only(21).await;
    let mut evidence = Setup::new().await.evidence().await;
    evidence.script.push_str("import('https://cdn.example/x.js')");
    leaves_only(&evidence, 21);
}

#[tokio::test]
async fn r23_a_token_that_pools_the_publishers_of_a_processor() {
    let mut setup = Setup::new().await;
    setup.config.privacy.processor.name = "Mesures SARL".into();
    let all_sites = TokenConfig { name: "all".into(), sha256: "ab".repeat(32), sites: vec!["*".into()], expires: None };
    setup.config.console.tokens = vec![all_sites];
    setup.leaves_only(23).await;
    setup.config.console.tokens.clear();
    assert_eq!(verdict(&setup.evidence().await, 23), Verdict::ForAPerson);
}

#[tokio::test]
async fn r22_a_text_that_claims_a_seal() {
    let mut setup = Setup::new().await;
    // Assembled here, so that no file of ours holds the words.
    setup.config.privacy.controller.name = ["Shop SAS, CNIL-cert", "ified"].concat();
    setup.leaves_only(22).await;
}
