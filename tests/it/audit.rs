//! The audit on a real engine: a proper set-up holds every rule, and a report lists the rules that are not held.

use sillage::app;
use sillage::clock::{Clock, SystemClock};
use sillage::compliance::audit::database::{ReaderEvidence, TableEvidence};
use sillage::compliance::audit::report::ReportFormat;
use sillage::compliance::audit::{Audit, Evidence, Verdict, gather};
use sillage::compliance::notice::Lang;
use sillage::config::{Config, EngineMode, MarketingPolicy};
use sillage::store::{Store, migrate};
use tempfile::TempDir;

use crate::support;

/// Rules of which a part is always left to a person.
const PERSONS: [u8; 5] = [1, 18, 19, 21, 23];
pub(crate) const ROUNDED: migrate::MigrationSettings =
    migrate::MigrationSettings { retention_months: 25, rounding: 10 };

/// A proper configuration and its database, with figures of today in every table.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) store: Store,
    _runtime: TempDir,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::in_database(&support::fresh_name()).await
    }

    pub(crate) async fn in_database(name: &str) -> Self {
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
            "INSERT INTO {db}.waiting_pages (site, day, hour, page, pageviews, visitors, page_visitors, visits) \
             SELECT 'shop.example', today(), now(), concat('/?page=', toString(number)), 27, 14, 14, 16 FROM numbers(9)",
            "INSERT INTO {db}.waiting_breakdowns (site, day, dimension, page, value, pageviews, visits) VALUES \
             ('shop.example', today(), 'country', '/', 'FR', 27, 16), \
             ('shop.example', today(), 'city', '/', 'Paris 08', 27, 16), \
             ('shop.example', today(), 'browser_version', '/', 'Chrome 140', 27, 16), \
             ('shop.example', today(), 'referrer', '/', '(direct)', 27, 16)",
            "INSERT INTO {db}.waiting_actions (site, day, page, action, property, value, count, visitors) VALUES \
             ('shop.example', today(), '/', 'Signup', 'plan', 'pro', 27, 16)",
            "INSERT INTO {db}.waiting_timings (site, day, hour, page, metric, bucket, count) VALUES \
             ('shop.example', today(), now(), '/', 'lcp', 40, 27)",
            "INSERT INTO {db}.page_days (site, day, period, page, pageviews, visitors, visits) \
             SELECT 'shop.example', today(), 'day', concat('/?page=', toString(number)), 30, 20, 20 FROM numbers(9)",
        ] {
            setup.run(statement).await;
        }
        setup
    }

    /// Runs a statement; `{db}` stands for our database.
    pub(crate) async fn run(&self, statement: &str) {
        self.store.statement(&statement.replace("{db}", self.store.database())).await.unwrap();
    }

    /// Adds a row to the breakdowns that our own code would never write.
    pub(crate) async fn add_breakdown(&self, dimension: &str, value: &str) {
        let row = format!("('shop.example', today(), '{dimension}', '/', '{value}', 20)");
        self.run(&format!(
            "INSERT INTO {{db}}.waiting_breakdowns (site, day, dimension, page, value, pageviews) VALUES {row}"
        ))
        .await;
    }

    pub(crate) async fn evidence(&self) -> Evidence {
        let mut evidence = gather(&self.config, &self.store, SystemClock.now()).await.unwrap();
        // The shared engine's reading user is granted the tables of every test's database.
        let ours = format!(" {}.", self.store.database());
        reader(&mut evidence).grants.retain(|grant| grant.contains(&ours));
        evidence
    }

    /// Asserts that only this rule is not held, and that its finding has a remedy.
    pub(crate) async fn leaves_only(&self, number: u8) {
        leaves_only(&self.evidence().await, number);
    }
}

pub(crate) fn leaves_only(evidence: &Evidence, number: u8) {
    let audit = Audit::of(evidence);
    assert_eq!(audit.not_held(), [number], "{}", audit.report(evidence, ReportFormat::Text, Lang::En));
    let finding = &audit.findings[usize::from(number) - 1];
    assert!(!finding.found.is_empty() && !finding.to_do.is_empty(), "{finding:?}");
    for text in finding.found.iter().chain(&finding.to_do) {
        assert!(text.en != text.fr || text.en.starts_with("ALTER TABLE"), "not in French: {}", text.en);
    }
}

pub(crate) fn reader(evidence: &mut Evidence) -> &mut ReaderEvidence {
    evidence.database.reader.as_mut().unwrap()
}

/// A table or view in the evidence.
pub(crate) fn live<'e>(evidence: &'e mut Evidence, name: &str) -> &'e mut TableEvidence {
    evidence.database.tables.iter_mut().find(|table| table.name == name).unwrap()
}

pub(crate) fn verdict(evidence: &Evidence, number: u8) -> Verdict {
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
async fn a_profile_outside_of_the_rules_is_told_plainly_which_it_leaves() {
    let mut setup = Setup::new().await;
    let privacy = &mut setup.config.privacy;
    (privacy.protection, privacy.marketing, privacy.honour_gpc) =
        (sillage::config::Protection::Exact, MarketingPolicy::Always, false);
    migrate::apply(&setup.store, &support::EXACT).await.unwrap();
    let evidence = setup.evidence().await;
    let audit = Audit::of(&evidence);
    assert_eq!(audit.not_held(), [8, 9, 12, 19]);
    for format in [ReportFormat::Text, ReportFormat::Json, ReportFormat::Markdown] {
        let report = audit.report(&evidence, format, Lang::En);
        assert!(report.contains("This set-up does not hold the rules R8, R9, R12, R19"), "{report}");
        assert!(!report.contains("self-assessment, this"), "{report}");
        assert!(report.contains(&evidence.config_hash) && report.contains(&evidence.database.version), "{report}");
    }
}

/// Words that a French sentence does not have; names of tables, keys and commands are apart, in code or with a dot.
const ENGLISH: [&str; 14] =
    ["the", "and", "with", "of", "is", "are", "no", "every", "tried", "none", "held", "its", "rows", "rule"];

#[tokio::test]
async fn a_french_report_has_no_english_sentence_and_says_what_the_english_says() {
    let mut setup = Setup::new().await;
    let proper = setup.evidence().await;
    setup.config.privacy.marketing = MarketingPolicy::Always;
    let faulty = setup.evidence().await;
    for evidence in [&proper, &faulty] {
        let audit = Audit::of(evidence);
        for format in [ReportFormat::Text, ReportFormat::Json, ReportFormat::Markdown] {
            let [english, french] = [Lang::En, Lang::Fr].map(|lang| audit.report(evidence, format, lang));
            assert_eq!(english.lines().count(), french.lines().count(), "{french}");
            // Keys and verdicts of the JSON, and code, are English in both.
            for line in french.lines().filter(|line| !line.contains("\"verdict\": ")) {
                let value = line.split_once("\": ").map_or(line, |(_, value)| value);
                let prose = value.split('`').step_by(2).collect::<String>();
                let mut words = prose.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '/');
                assert_eq!(words.find(|word| ENGLISH.contains(&word.to_lowercase().as_str())), None, "{line}");
            }
        }
        for finding in &audit.findings {
            for text in finding.evidence.iter().chain(&finding.found).chain(&finding.to_do) {
                let numbers = |text: &str| text.matches(|c: char| c.is_ascii_digit()).collect::<String>();
                assert_eq!(numbers(&text.en), numbers(&text.fr), "{text:?}");
            }
        }
    }
    assert!(Audit::of(&faulty).report(&faulty, ReportFormat::Text, Lang::Fr).contains("ne tient pas les règles R8"));
}

#[tokio::test]
async fn a_remote_database_leaves_more_rules_to_a_person() {
    let mut setup = Setup::new().await;
    setup.config.clickhouse.mode = EngineMode::Remote;
    let mut evidence = setup.evidence().await;
    evidence.database.reader = None;
    evidence.database.others = None;
    evidence.database.logs.push(("query_log".into(), 7));
    let audit = Audit::of(&evidence);
    assert!(audit.not_held().is_empty(), "{}", audit.report(&evidence, ReportFormat::Text, Lang::En));
    for number in [1, 2, 12] {
        assert_eq!(verdict(&evidence, number), Verdict::ForAPerson);
    }
}
