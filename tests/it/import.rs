//! Imports into a real engine: they count exactly as live hits at those times would have counted, once, and keep no
//! identity.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use sillage::app;
use sillage::config::Config;
use sillage::import;
use sillage::import::{ImportError, ImportFormat, ImportJob, Summary};
use sillage::sites::Sites;
use sillage::store::{Store, StoreError};

use crate::collector::{Collector, pageview};
use crate::support;

pub(crate) const SITE: &str = "shop.example";
const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris", properties = ["plan"] }]"#;
const NOW: &str = "2026-04-01T12:00:00Z";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1";
const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A database, and a folder for files to import into it.
pub(crate) struct Into {
    pub(crate) store: Store,
    pub(crate) config: Config,
    folder: tempfile::TempDir,
}

impl Into {
    pub(crate) async fn fresh() -> Self {
        let geo = "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb";
        let folder = tempfile::tempdir().unwrap();
        let (spool, runtime) = (folder.path().join("spool"), folder.path().join("runtime"));
        let folders = format!("[spool]\ndir = {spool:?}\n[runtime]\ndir = {runtime:?}\n");
        let config = Config::from_toml(&format!(
            "{SITES}\n{folders}[privacy]\nprotection = \"exact\"\n[geo]\ndatabases = [{geo:?}]"
        ))
        .unwrap();
        Self { store: support::fresh_store().await, config, folder }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn import(&self, format: ImportFormat, files: &[PathBuf]) -> ImportJob {
        let site = Sites::new(&self.config.site).unwrap().find(SITE).unwrap().clone();
        let keep_from = site.retained_from(NOW.parse().unwrap(), 25);
        ImportJob::new(format, files.to_vec(), site, keep_from)
    }

    async fn run(&self, import: ImportJob) -> Result<Summary, ImportError> {
        self.run_at(NOW, import).await
    }

    async fn run_at(&self, now: &str, import: ImportJob) -> Result<Summary, ImportError> {
        let anonymiser = app::anonymiser(&self.config).unwrap();
        import::run(import, anonymiser, &self.config, &self.store, now.parse().unwrap()).await
    }

    pub(crate) async fn import_text(&self, format: ImportFormat, text: &str) -> Result<Summary, ImportError> {
        let file = self.file("text", text);
        self.run(self.import(format, &[file])).await
    }
}

/// One GET of the logged traffic: time, address, agent, path, referrer.
type Get = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

/// Two days of Paris with a visit over midnight, several visits of one visitor, a robot, a page with its query.
const TRAFFIC: &[Get] = &[
    ("2026-03-10T09:00:00Z", "90.0.0.1", FIREFOX, "/", Some("https://www.news.example/today?id=7")),
    ("2026-03-10T09:00:40Z", "90.0.0.1", FIREFOX, "/pricing?utm_source=x", Some("https://shop.example/")),
    ("2026-03-10T09:05:00Z", "91.0.0.1", SAFARI, "/pricing", None),
    ("2026-03-10T09:05:10Z", "66.249.66.1", ROBOT, "/pricing", None),
    ("2026-03-10T09:20:00Z", "90.0.0.1", FIREFOX, "/", Some("https://shop.example/pricing")),
    ("2026-03-10T09:50:00Z", "90.0.0.1", FIREFOX, "/exactly/half/an/hour", None),
    ("2026-03-10T10:20:01Z", "90.0.0.1", FIREFOX, "/pricing", None),
    ("2026-03-10T22:50:00Z", "91.0.0.1", SAFARI, "/late", Some("https://search.example/")),
    ("2026-03-10T23:10:00Z", "91.0.0.1", SAFARI, "/later", None),
    ("2026-03-10T23:15:00Z", "2a01:e0a::1", FIREFOX, "/caf%C3%A9", None),
    ("2026-03-11T08:00:00Z", "91.0.0.1", SAFARI, "/pricing", None),
];

/// The same traffic sent live.
async fn live() -> Collector {
    let collector = Collector::start(TRAFFIC[0].0, SITES).await;
    for (at, address, agent, path, referrer) in TRAFFIC {
        collector.at(at);
        let reply = collector.event(address, agent, &pageview(SITE, path, *referrer)).await;
        assert_eq!(reply.dropped(), (*agent == ROBOT).then_some("bot"), "{path}");
    }
    collector.app.flush().await.unwrap();
    collector
}

fn log_time(at: &str) -> String {
    at.parse::<jiff::Timestamp>().unwrap().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

fn combined((at, address, agent, path, referrer): &Get) -> String {
    let (at, referrer) = (log_time(at), referrer.unwrap_or("-"));
    format!("{address} - - [{at}] \"GET {path} HTTP/1.1\" 200 512 \"{referrer}\" \"{agent}\"")
}

fn caddy((at, address, agent, path, referrer): &Get) -> String {
    let headers = json!({ "User-Agent": [agent], "Referer": [referrer.unwrap_or_default()] });
    let request =
        json!({ "remote_ip": address, "client_ip": address, "method": "GET", "uri": path, "headers": headers });
    let ts = at.parse::<jiff::Timestamp>().unwrap().as_second();
    json!({ "level": "info", "ts": ts, "request": request, "status": 200, "size": 512 }).to_string()
}

fn nginx((at, address, agent, path, referrer): &Get) -> String {
    json!({
        "time_iso8601": at.replace('Z', "+00:00"), "remote_addr": address, "request": format!("GET {path} HTTP/2.0"),
        "status": "200", "http_referer": referrer.unwrap_or_default(), "http_user_agent": agent,
    })
    .to_string()
}

fn apache((at, address, agent, path, referrer): &Get) -> String {
    let (path, query) =
        path.split_once('?').map_or((*path, String::new()), |(path, query)| (path, format!("?{query}")));
    json!({
        "time": format!("[{}]", log_time(at)), "clientip": address, "method": "GET", "uri": path, "query": query,
        "status": 200, "userAgent": agent, "referer": referrer.unwrap_or("-"),
    })
    .to_string()
}

fn log(line: fn(&Get) -> String) -> String {
    TRAFFIC.iter().map(|get| line(get) + "\n").collect()
}

/// Figures of the visits of a site or page.
const VISITS: &str = "pageviews, visitors, visits, bounces, visit_seconds, engaged_ms, engaged_views, scroll_percent, \
                      scroll_views, not_found";

/// All rows of the published tables that visitors fill, summed by their keys, without zeros.
async fn tables(store: &Store) -> BTreeMap<String, Vec<i64>> {
    let page_figures = format!("{VISITS}, exits");
    let tables = [
        ("site_hours", "day, hour", "pageviews, visitors, visits"),
        ("site_days", "day", VISITS),
        ("page_hours", "day, hour, page", "pageviews, visits"),
        ("page_days", "day, page", &page_figures),
        ("dimension_days", "day, dimension, value", "pageviews, visitors, visits, bounces, visit_seconds"),
        ("dimension_page_days", "day, dimension, page, value", "pageviews, visitors"),
        ("action_days", "day, action", "count, visitors"),
        ("action_page_days", "day, page, action", "count, visitors"),
        ("action_value_days", "day, action, property, value", "count, visitors"),
        ("timing_days", "day, metric, bucket", "count"),
        ("timing_page_days", "day, page, metric, bucket", "count"),
    ];
    let mut all = BTreeMap::new();
    for (table, keys, sums) in tables {
        let sums: Vec<String> = sums.split(", ").map(|column| format!("sum({column})")).collect();
        let sql = format!(
            "SELECT toString(tuple('{table}', {keys})) AS key, [{}] AS sums FROM {}.{table} GROUP BY {keys}",
            sums.join(", "),
            store.database()
        );
        for row in store.ask_as_owner(&sql).json().await.unwrap() {
            let sums: Vec<i64> = row["sums"].as_array().unwrap().iter().map(|sum| sum.as_i64().unwrap()).collect();
            if sums.iter().any(|sum| *sum != 0) {
                assert!(all.insert(row["key"].as_str().unwrap().to_owned(), sums).is_none());
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_any_known_format_counts_exactly_as_the_live_hits_would_have() {
    let live = live().await;
    let expected = tables(&live.store).await;
    live.app.stop().await;
    assert!(expected.len() > 40);
    for (what, line) in
        [("combined", combined as fn(&Get) -> String), ("caddy", caddy), ("nginx", nginx), ("apache", apache)]
    {
        let into = Into::fresh().await;
        let summary = into.import_text(ImportFormat::AccessLog, &log(line)).await.unwrap();
        assert_eq!(tables(&into.store).await, expected, "{what}");
        let figures = (summary.lines, summary.pageviews, summary.visitors, summary.visits, summary.bounces);
        assert_eq!(figures, (11, 10, 4, 6, 4), "{what}");
        assert_eq!((summary.bots, summary.not_understood, summary.days), (1, 0, 2), "{what}");
        let sql = "SELECT format('{} {} {}', page, kind, toString(sum(hits))) FROM {db}.robot_days GROUP BY page, kind";
        let robots =
            into.store.ask_as_owner(&sql.replace("{db}", into.store.database())).rows::<String>().await.unwrap();
        assert_eq!(robots, ["/pricing search 1"], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_in_any_order_and_lines_in_any_order_count_as_one_log() {
    let whole = Into::fresh().await;
    whole.import_text(ImportFormat::AccessLog, &log(combined)).await.unwrap();
    let expected = tables(&whole.store).await;

    // Two servers' files over the same days, one of them compressed and in two pieces; neighbours are swapped.
    let into = Into::fresh().await;
    let mut lines: Vec<String> = log(combined).lines().map(|line| line.to_owned() + "\n").collect();
    lines.swap(1, 2);
    lines.swap(7, 8);
    let every = |from: usize| lines.iter().skip(from).step_by(2).cloned().collect::<String>();
    let (one, two) = (into.file("one.log", &every(0)), into.folder.path().join("two.log.gz"));
    let odd = every(1);
    let (first, second) = odd.split_at(odd.find('\n').unwrap() + 1);
    let mut packed = Vec::new();
    for piece in [first, second] {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(piece.as_bytes()).unwrap();
        packed.extend(gz.finish().unwrap());
    }
    std::fs::write(&two, packed).unwrap();
    into.run(into.import(ImportFormat::AccessLog, &[two, one])).await.unwrap();
    assert_eq!(tables(&into.store).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_common_format_counts_without_agents_and_leaves_out_what_is_not_a_page() {
    let into = Into::fresh().await;
    let line = |request: &str, status: u16, agent: &str| {
        format!("90.0.0.1 - - [10/Mar/2026:10:00:00 +0100] \"{request}\" {status} 512 \"-\" \"{agent}\"\n")
    };
    let text = [
        line("GET /gone HTTP/1.1", 404, FIREFOX),
        line("GET / HTTP/1.1", 200, FIREFOX),
        line("GET / HTTP/1.1", 301, FIREFOX),
        line("POST / HTTP/1.1", 200, FIREFOX),
        line("GET /style.css?v=2 HTTP/1.1", 200, FIREFOX),
        "90.0.0.2 - - [10/Mar/2026:10:00:00 +0100] \"GET / HTTP/1.0\" 200 512\n".to_owned(),
        "canary@example.org was here\n".to_owned(),
        "x".repeat(70_000) + "\n",
    ]
    .concat();
    let summary = into.import_text(ImportFormat::AccessLog, &text).await.unwrap();
    let expected = Summary {
        lines: 8,
        pageviews: 3,
        not_found: 1,
        agent_not_logged: 1,
        visitors: 2,
        visits: 2,
        bounces: 1,
        not_pages: 3,
        not_understood: 2,
        days: 1,
        rows: summary.rows,
        notes: vec![format!("{}, line 7 could not be parsed", into.folder.path().join("text").display())],
        ..Summary::default()
    };
    assert_eq!(summary, expected);
    assert!(!summary.to_string().contains("canary"));
    let refused = into.import_text(ImportFormat::AccessLog, "canary@example.org\nsecond\n").await.unwrap_err();
    assert!(matches!(refused, ImportError::NothingUnderstood { lines: 2, .. }));
    assert!(!refused.to_string().contains("canary"));
}

/// A live event with its request's fields, as a line of a file.
fn event_line(at: &str, address: &str, agent: &str, language: &str, event: &Value) -> String {
    let mut line = event.clone();
    for (name, value) in [("time", at), ("address", address), ("user_agent", agent), ("accept_language", language)] {
        line[name] = json!(value);
    }
    line.to_string() + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn events_count_exactly_as_the_live_ones_would_have() {
    let of = |name: &str, path: &str| json!({ "n": name, "d": SITE, "u": format!("https://{SITE}{path}"), "w": 1280 });
    let mut reading = of("engagement", "/pricing");
    (reading["e"], reading["sd"]) = (json!(45_000), json!(80));
    let mut signup = of("Signup", "/pricing");
    signup["p"] = json!({ "plan": "pro", "undeclared": "x" });
    let mut timing = of("timing", "/pricing");
    timing["t"] = json!({ "ttfb": 120, "lcp": 900 });
    let events = [
        ("2026-03-10T09:00:00Z", of("pageview", "/")),
        ("2026-03-10T09:00:30Z", of("pageview", "/pricing")),
        ("2026-03-10T09:00:31Z", timing),
        ("2026-03-10T09:01:20Z", reading),
        ("2026-03-10T09:02:00Z", signup),
        ("2026-03-11T23:30:00Z", of("pageview", "/")),
    ];
    let live = Collector::start(events[0].0, SITES).await;
    let mut text = String::new();
    for (at, event) in &events {
        live.at(at);
        let counted = live.event("90.0.0.1", FIREFOX, event).await;
        assert_eq!((counted.status.as_u16(), counted.dropped()), (202, None));
        text.push_str(&event_line(at, "90.0.0.1", FIREFOX, "", event));
    }
    live.app.flush().await.unwrap();
    let into = Into::fresh().await;
    let summary = into.import_text(ImportFormat::Events, &text).await.unwrap();
    assert_eq!((summary.pageviews, summary.others, summary.visitors, summary.visits), (3, 3, 2, 2));
    assert_eq!(tables(&into.store).await, tables(&live.store).await);
    live.app.stop().await;

    let language = event_line("2026-03-20T09:00:00Z", "90.0.0.1", FIREFOX, "fr-CH, en;q=0.5", &of("pageview", "/"));
    let broken =
        "{\"n\":\"pageview\",\"time\":\"yesterday\"}\n{\"n\":\"pageview\",\"time\":\"2026-03-20T09:00:00Z\"}\n";
    let summary = into.import_text(ImportFormat::Events, &(language + broken)).await.unwrap();
    assert_eq!((summary.pageviews, summary.not_understood), (1, 2));
    assert!(tables(&into.store).await.keys().any(|key| key.contains("'language','/','fr'")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_imported_before_is_refused_and_counted_once_more_only_with_again() {
    let into = Into::fresh().await;
    let file = into.file("a.log", &log(combined));
    into.run(into.import(ImportFormat::AccessLog, std::slice::from_ref(&file))).await.unwrap();
    let once = tables(&into.store).await;
    let refused = into.run(into.import(ImportFormat::AccessLog, std::slice::from_ref(&file))).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "2 of these days were imported before, first 2026-03-10; use `--continue` to count only new lines, or \
         `--again` to count all lines again"
    );
    let other = into.file("b.log", &(combined(&TRAFFIC[10]) + "\n"));
    let refused = into.run(into.import(ImportFormat::AccessLog, &[other])).await.unwrap_err();
    assert!(matches!(refused, ImportError::Again(1, _)));
    assert_eq!(tables(&into.store).await, once);
    let again = ImportJob { again: true, ..into.import(ImportFormat::AccessLog, &[file]) };
    into.run_at("2026-04-01T12:00:01Z", again).await.unwrap();
    let twice: BTreeMap<String, Vec<i64>> =
        once.into_iter().map(|(key, sums)| (key, sums.into_iter().map(|sum| 2 * sum).collect())).collect();
    assert_eq!(tables(&into.store).await, twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_goes_on_and_counts_everything_once() {
    let lines = |path: &str| -> String {
        (0..40)
            .map(|n| {
                let at = log_time(&format!("2026-03-1{}T{:02}:00:00Z", n / 20, n % 20));
                format!("90.0.{n}.1 - - [{at}] \"GET {path}{n} HTTP/1.1\" 200 5 \"-\" \"{FIREFOX}\"\n")
            })
            .collect()
    };
    let whole = Into::fresh().await;
    whole.import_text(ImportFormat::AccessLog, &lines("/p")).await.unwrap();
    let expected = tables(&whole.store).await;

    let into = Into::fresh().await;
    let file = into.file("a.log", &lines("/p"));
    let import = || ImportJob { part_rows: 50, ..into.import(ImportFormat::AccessLog, std::slice::from_ref(&file)) };
    let tables_written =
        ["site_hours", "site_days", "page_days", "page_hours", "dimension_days", "dimension_page_days", "outcome_days"]
            .map(|table| format!("{}.{table}", into.store.database()));
    // Rows of the second day violate the constraint: refused for good, without retries.
    let check = "if(day < '2026-03-11', 1, toUInt8(site))";
    for table in &tables_written {
        into.store.statement(&format!("ALTER TABLE {table} ADD CONSTRAINT cut CHECK {check}")).await.unwrap();
    }
    let cut = into.run(import()).await.unwrap_err();
    assert!(matches!(cut, ImportError::Store(StoreError::Refused(_))), "{cut}");
    let part = tables(&into.store).await;
    assert!(!part.is_empty() && part.len() < expected.len());
    for table in &tables_written {
        into.store.statement(&format!("ALTER TABLE {table} DROP CONSTRAINT cut")).await.unwrap();
    }

    let other = into.file("b.log", &lines("/other"));
    let refused = into.run(into.import(ImportFormat::AccessLog, &[other])).await.unwrap_err();
    assert!(matches!(refused, ImportError::Interrupted(_)), "{refused}");
    // Even without the database's memory of tokens, no part is written again.
    for table in &tables_written {
        let window =
            |value| format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = {value}");
        into.store.statement(&window(0)).await.unwrap();
        into.store.statement(&window(10_000)).await.unwrap();
    }
    let summary = into.run(import()).await.unwrap();
    assert_eq!((summary.pageviews, summary.visitors), (40, 40));
    assert_eq!(tables(&into.store).await, expected);
    assert!(matches!(into.run(import()).await, Err(ImportError::Again(2, _))));
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_parts_end_with_a_month_and_otherwise_when_they_are_full() {
    let into = Into::fresh().await;
    let hits = ["01-30", "01-31", "02-01", "02-02"].map(|day| {
        let at = log_time(&format!("2026-{day}T12:00:00Z"));
        format!("90.0.0.1 - - [{at}] \"GET /p HTTP/1.1\" 200 5 \"-\" \"{FIREFOX}\"\n")
    });
    let file = into.file("a.log", &hits.concat());
    into.run(ImportJob { part_rows: 100, ..into.import(ImportFormat::AccessLog, &[file]) }).await.unwrap();
    let notes = into.store.imported_days(SITE).await.unwrap().into_values().flatten();
    let parts: BTreeSet<String> = notes.filter(|note| note.starts_with("part ")).collect();
    assert_eq!(parts.len(), 2, "{parts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_past_the_retention_are_not_kept_and_a_shift_moves_days() {
    let into = Into::fresh().await;
    let old = format!("90.0.0.1 - - [01/Feb/2024:10:00:00 +0000] \"GET /old HTTP/1.1\" 200 5 \"-\" \"{FIREFOX}\"\n");
    let file = into.file("a.log", &(old + &log(combined)));
    let import = into.import(ImportFormat::AccessLog, std::slice::from_ref(&file));
    let summary = into.run(import).await.unwrap();
    assert_eq!((summary.too_old, summary.pageviews), (1, 10));

    let moved = Into::fresh().await;
    let import = ImportJob { shift_days: 7, ..moved.import(ImportFormat::AccessLog, &[file]) };
    let summary = moved.run(import).await.unwrap();
    assert_eq!((summary.too_old, summary.pageviews), (1, 10));
    let days = |all: BTreeMap<String, Vec<i64>>| -> Vec<String> {
        let mut days: Vec<String> = all.keys().filter_map(|key| Some(key.split('\'').nth(3)?.to_owned())).collect();
        days.dedup();
        days.sort_unstable();
        days.dedup();
        days
    };
    assert_eq!(days(tables(&into.store).await), ["2026-03-10", "2026-03-11"]);
    assert_eq!(days(tables(&moved.store).await), ["2026-03-17", "2026-03-18"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_log_but_pages_and_coarse_values_reaches_the_database() {
    let into = Into::fresh().await;
    let agent = FIREFOX.replace("Linux x86_64", "Linux x86_64; canaryword");
    let text = format!(
        "90.11.22.33 - canaryuser [10/Mar/2026:10:00:00 +0100] \"GET /canary-free?token=canaryquery HTTP/1.1\" 200 5 \
         \"https://news.example/canarypath\" \"{agent}\"\n"
    );
    into.import_text(ImportFormat::AccessLog, &text).await.unwrap();
    let mut seen = String::new();
    for table in ["page_days", "page_hours", "dimension_days", "dimension_page_days", "action_value_days", "imports"] {
        let rows = into.store.ask_as_owner(&format!("SELECT * FROM {}.{table}", into.store.database()));
        seen.push_str(&serde_json::to_string(&rows.json().await.unwrap()).unwrap());
    }
    assert!(seen.contains("news.example") && seen.contains("canary-free"));
    for canary in ["90.11.22", "canaryuser", "canaryquery", "canarypath", "canaryword", "Mozilla"] {
        assert!(!seen.contains(canary), "{canary}");
    }
}
