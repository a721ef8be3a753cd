//! The audit on a real engine: a proper set-up holds every rule, and each rule is broken on purpose, as really as it can
//! be, whereupon that rule alone is not held. Where the program gives no way to break a rule, the evidence is.

use sillage::app;
use sillage::audit::report::Format;
use sillage::audit::{Audit, Evidence, Verdict, gather};
use sillage::clock::{Clock, SystemClock};
use sillage::config::{Config, EngineMode, Marketing};
use sillage::store::{Store, migrate};
use tempfile::TempDir;

use crate::support;

/// Rules of which a part is always for a person.
const PERSONS: [u8; 4] = [1, 18, 19, 21];
const ROUNDED: migrate::Settings = migrate::Settings { retention_months: 25, rounding: 10 };

/// A proper configuration and its database, with figures of today in every table.
struct Setup {
    config: Config,
    store: Store,
    _runtime: TempDir,
}

impl Setup {
    async fn new() -> Self {
        Self::in_database(&support::fresh_name()).await
    }

    async fn in_database(name: &str) -> Self {
        app::forbid_core_dumps().unwrap();
        let runtime = tempfile::Builder::new().prefix("sillage-test-").tempdir_in("/dev/shm").unwrap();
        let today = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let text = format!(
            r#"
            site = [{{ name = "shop.example", properties = ["plan"], query_names_kept = ["page"] }}]
            [console]
            tokens = [{{ name = "shop", sha256 = "{digits}", sites = ["shop.example"] }}]
            [clickhouse]
            database = "{name}"
            [runtime]
            dir = {runtime:?}
            [geo]
            databases = ["node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"]
            [privacy]
            last_review = {today}
            controller = {{ name = "Shop SAS", contact = "privacy@shop.example" }}
            "#,
            digits = "5e".repeat(32),
            runtime = runtime.path(),
        );
        let config = Config::from_toml(&text).unwrap();
        let store = Store::connect(&config.clickhouse, support::endpoint());
        migrate::apply(&store, &ROUNDED).await.unwrap();
        let setup = Self { config, store, _runtime: runtime };
        for statement in [
            "INSERT INTO {db}.pages (site, day, hour, page, pageviews, visitors, page_visitors, visits) \
             SELECT 'shop.example', today(), now(), concat('/?page=', toString(number)), 27, 14, 14, 16 FROM numbers(9)",
            "INSERT INTO {db}.breakdowns (site, day, dimension, page, value, pageviews, visits) VALUES \
             ('shop.example', today(), 'country', '/', 'FR', 27, 16), \
             ('shop.example', today(), 'city', '/', 'Paris 08', 27, 16), \
             ('shop.example', today(), 'browser_version', '/', 'Chrome 140', 27, 16), \
             ('shop.example', today(), 'referrer', '/', '(direct)', 27, 16)",
            "INSERT INTO {db}.actions (site, day, page, action, property, value, count, visitors) VALUES \
             ('shop.example', today(), '/', 'Signup', 'plan', 'pro', 27, 16)",
            "INSERT INTO {db}.timings (site, day, hour, page, metric, bucket, count) VALUES \
             ('shop.example', today(), now(), '/', 'lcp', 40, 27)",
        ] {
            setup.run(statement).await;
        }
        setup
    }

    /// Runs a statement; `{db}` stands for our database.
    async fn run(&self, statement: &str) {
        self.store.statement(&statement.replace("{db}", self.store.database())).await.unwrap();
    }

    /// Adds a row to the breakdowns that no code of ours would write.
    async fn add_breakdown(&self, dimension: &str, value: &str) {
        let row = format!("('shop.example', today(), '{dimension}', '/', '{value}', 20)");
        self.run(&format!("INSERT INTO {{db}}.breakdowns (site, day, dimension, page, value, pageviews) VALUES {row}"))
            .await;
    }

    async fn evidence(&self) -> Evidence {
        let mut evidence = gather(&self.config, &self.store, SystemClock.now()).await.unwrap();
        // The shared engine's reading user is granted the views of every test's database, and a view of the tests' own.
        let (ours, extra) = (format!(" {}.", self.store.database()), format!("{}.report ", self.store.database()));
        let grants = &mut evidence.database.reader.as_mut().unwrap().grants;
        grants.retain(|grant| grant.contains(&ours) && !grant.contains(&extra));
        evidence
    }

    /// Asserts that this rule alone is not held, and that somebody is told what to do.
    async fn leaves_only(&self, number: u8) {
        leaves_only(&self.evidence().await, number);
    }
}

fn leaves_only(evidence: &Evidence, number: u8) {
    let audit = Audit::of(evidence);
    assert_eq!(audit.left(), [number], "{}", audit.report(evidence, Format::Text));
    let finding = &audit.findings[usize::from(number) - 1];
    assert!(!finding.found.is_empty() && !finding.to_do.is_empty(), "{finding:?}");
}

fn verdict(evidence: &Evidence, number: u8) -> Verdict {
    Audit::of(evidence).findings[usize::from(number) - 1].verdict
}

#[tokio::test]
async fn a_proper_set_up_holds_every_rule_that_a_program_can_check() {
    let mut evidence = Setup::new().await.evidence().await;
    // The machine that runs this test may have swap.
    evidence.machine.swap_kib = 0;
    let audit = Audit::of(&evidence);
    for finding in &audit.findings {
        let number = finding.rule.number;
        let expected = if PERSONS.contains(&number) { Verdict::ForAPerson } else { Verdict::Held };
        assert_eq!(finding.verdict, expected, "{finding:?}");
        assert!(!finding.evidence.is_empty(), "{finding:?}");
    }
    let reader = evidence.database.reader.as_ref().unwrap();
    assert!(reader.refused >= 6 && reader.opened.is_empty() && reader.counts.0 > 9, "{reader:?}");
    let stored = evidence.database.stored.as_ref().unwrap();
    assert_eq!((stored.dimensions.len(), stored.query_names.as_slice()), (4, ["page".to_owned()].as_slice()));
}

#[tokio::test]
async fn r1_another_database_that_reads_ours() {
    let setup = Setup::new().await;
    setup.run("CREATE DATABASE elsewhere_of_{db}").await;
    setup.run("CREATE VIEW elsewhere_of_{db}.copy AS SELECT * FROM {db}.pages").await;
    setup.leaves_only(1).await;
    setup.run("DROP DATABASE elsewhere_of_{db}").await;
    assert_eq!(verdict(&setup.evidence().await, 1), Verdict::ForAPerson);
}

#[tokio::test]
async fn r2_a_table_a_column_or_a_log_that_nobody_declared() {
    let setup = Setup::new().await;
    setup.run("CREATE TABLE {db}.visitors (tag UInt64) ENGINE = MergeTree ORDER BY tag").await;
    setup.leaves_only(2).await;
    setup.run("DROP TABLE {db}.visitors SYNC").await;
    setup.run("ALTER TABLE {db}.pages ADD COLUMN visitor String").await;
    setup.leaves_only(2).await;
    setup.run("ALTER TABLE {db}.pages DROP COLUMN visitor").await;
    let mut evidence = setup.evidence().await;
    assert_eq!(verdict(&evidence, 2), Verdict::Held);
    evidence.database.logs.push(("query_log".into(), 0));
    leaves_only(&evidence, 2);
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
async fn r6_a_dimension_that_nobody_may_measure() {
    let setup = Setup::new().await;
    setup.add_breakdown("income", "high").await;
    setup.leaves_only(6).await;
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
    setup.config.privacy.marketing = Marketing::Always;
    setup.leaves_only(8).await;
    setup.config.privacy.marketing = Marketing::WithConsent;
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
    setup.run(&format!("INSERT INTO {{db}}.pages (site, day, hour, page, pageviews) VALUES {row}")).await;
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
    migrate::apply(&setup.store, &support::EXACT).await.unwrap();
    setup.leaves_only(12).await;
    let evidence = setup.evidence().await;
    assert!(evidence.database.reader.unwrap().counts.1 > 0, "the reading user was given exact figures");
    setup.config.privacy.rounding = 1;
    setup.leaves_only(12).await;
    setup.config.privacy.rounding = 10;
    migrate::apply(&setup.store, &ROUNDED).await.unwrap();
    assert_eq!(verdict(&setup.evidence().await, 12), Verdict::Held);
    setup
        .run("CREATE OR REPLACE VIEW {db}.report_actions AS SELECT * FROM {db}.actions WHERE site = {site:String}")
        .await;
    setup.leaves_only(12).await;
}

#[tokio::test]
async fn r12_a_table_that_the_reading_user_was_granted() {
    let setup = Setup::in_database(support::OPEN_DATABASE).await;
    setup.leaves_only(12).await;
    let evidence = setup.evidence().await;
    assert_eq!(evidence.database.reader.unwrap().opened, ["opened.pages"]);
}

#[tokio::test]
async fn r13_what_would_let_somebody_be_followed() {
    let mut setup = Setup::new().await;
    let proper = setup.evidence().await;
    // A folder that is there on every machine, and neither a tmpfs nor a ramfs.
    setup.config.runtime.dir = "/proc".into();
    setup.config.runtime.allow_disk = true;
    setup.leaves_only(13).await;
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
    let mut evidence = Setup::new().await.evidence().await;
    evidence.script.push_str("document.cookie='id=1; max-age=99999999'");
    leaves_only(&evidence, 15);
}

#[tokio::test]
async fn r16_a_table_that_forgets_later_or_holds_what_is_older() {
    let setup = Setup::new().await;
    setup.run("ALTER TABLE {db}.breakdowns MODIFY TTL day + INTERVAL 30 MONTH DELETE").await;
    setup.leaves_only(16).await;
    setup.run("ALTER TABLE {db}.breakdowns REMOVE TTL").await;
    setup.leaves_only(16).await;
    migrate::apply(&setup.store, &ROUNDED).await.unwrap();
    let mut evidence = setup.evidence().await;
    let pages = evidence.database.tables.iter_mut().find(|table| table.name == "pages").unwrap();
    let (rows, day) = pages.oldest.unwrap();
    pages.oldest = Some((rows, day.checked_sub(jiff::Span::new().months(26)).unwrap()));
    assert!(Audit::of(&evidence).left().contains(&16));
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
async fn r18_a_controller_that_nobody_can_reach() {
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
}

#[tokio::test]
async fn r20_rows_that_are_not_kept_by_site() {
    let setup = Setup::new().await;
    setup.run("DROP TABLE {db}.timings SYNC").await;
    setup
        .run(
            "CREATE TABLE {db}.timings (site LowCardinality(String), day Date, hour DateTime('UTC'), page String, \
             metric LowCardinality(String), bucket UInt8, count Int64) ENGINE = SummingMergeTree \
             ORDER BY (day, site, metric, hour, page, bucket) TTL day + INTERVAL 25 MONTH \
             SETTINGS non_replicated_deduplication_window = 10000",
        )
        .await;
    setup.leaves_only(20).await;
    let mut evidence = Setup::new().await.evidence().await;
    evidence.config.site.push(sillage::config::Site { name: "other.example".into(), ..Default::default() });
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
async fn r22_a_text_that_claims_a_seal() {
    let mut setup = Setup::new().await;
    // Put together here, so that no file of ours holds the words.
    setup.config.privacy.controller.name = ["Shop SAS, CNIL-cert", "ified"].concat();
    setup.leaves_only(22).await;
}

#[tokio::test]
async fn a_profile_outside_of_the_rules_is_told_plainly_which_it_leaves() {
    let mut setup = Setup::new().await;
    let privacy = &mut setup.config.privacy;
    (privacy.rounding, privacy.marketing, privacy.honour_gpc) = (1, Marketing::Always, false);
    migrate::apply(&setup.store, &support::EXACT).await.unwrap();
    let evidence = setup.evidence().await;
    let audit = Audit::of(&evidence);
    assert_eq!(audit.left(), [8, 12, 19]);
    for format in [Format::Text, Format::Json, Format::Markdown] {
        let report = audit.report(&evidence, format);
        assert!(report.contains("This set-up leaves the rules R8, R12, R19"), "{report}");
        assert!(!report.contains("self-assessment, this"), "{report}");
        assert!(report.contains(&evidence.config_hash) && report.contains(&evidence.database.version), "{report}");
    }
}

#[tokio::test]
async fn a_database_of_somebody_else_leaves_more_to_a_person() {
    let mut setup = Setup::new().await;
    setup.config.clickhouse.mode = EngineMode::Remote;
    let mut evidence = setup.evidence().await;
    evidence.database.reader = None;
    evidence.database.others = None;
    evidence.database.logs.push(("query_log".into(), 7));
    let audit = Audit::of(&evidence);
    assert!(audit.left().is_empty(), "{}", audit.report(&evidence, Format::Text));
    for number in [1, 2, 12] {
        assert_eq!(verdict(&evidence, number), Verdict::ForAPerson);
    }
}
