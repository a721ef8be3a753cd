//! Logs that users of other tools have reported as counted wrongly (`tests/fixtures/logs`): each gives the figures
//! expected for its kind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sillage::app;
use sillage::config::{Config, ConsentPolicy, Protection};
use sillage::import::formats::LogReader;
use sillage::import::formats::custom::CustomFormat;
use sillage::import::{self, ImportError, ImportFormat, ImportJob, Summary};
use sillage::sites::Sites;
use sillage::store::{Store, migrate};

use crate::support;

const NOW: &str = "2026-11-28T12:00:00Z";
pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
pub(crate) const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1";

/// One database for all tests of imports, each of which has sites of its own.
pub(crate) async fn store() -> Store {
    static NAME: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let connected =
        |name: &str| Store::connect(&support::database(name), support::endpoint()).protected(Protection::Exact);
    let made = async || {
        let name = support::fresh_name();
        migrate::apply(&connected(&name), &support::EXACT).await.unwrap();
        name
    };
    connected(NAME.get_or_init(made).await)
}

/// A database for one site, and a folder for logs.
pub(crate) struct Case {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) site: String,
}

impl Case {
    pub(crate) async fn of(site: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (spool, runtime) = (folder.path().join("spool"), folder.path().join("runtime"));
        let text = format!(
            "site = [{{ name = {site:?} }}]\n[privacy]\nprotection = \"exact\"\n[spool]\ndir = {spool:?}\n\
             [runtime]\ndir = {runtime:?}\nallow_disk = true\n"
        );
        let config = Config::from_toml(&text).unwrap();
        Self { store: store().await, config, folder, site: site.into() }
    }

    pub(crate) fn job(&self, files: &[PathBuf]) -> ImportJob {
        let site = Sites::new(&self.config.site).unwrap().find(&self.site).unwrap().clone();
        let keep_from = site.retained_from(NOW.parse().unwrap(), 25);
        ImportJob::new(ImportFormat::AccessLog, files.to_vec(), site, keep_from)
    }

    pub(crate) async fn run(&self, job: ImportJob) -> Result<Summary, ImportError> {
        let anonymiser = app::anonymiser(&self.config).unwrap();
        import::run(job, anonymiser, &self.config, &self.store, NOW.parse().unwrap()).await
    }

    pub(crate) async fn continued(&self, files: &[PathBuf]) -> Summary {
        self.run(ImportJob { continued: true, ..self.job(files) }).await.unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Pages with their pageviews; values of a dimension with theirs.
    async fn figures(&self, dimension: &str) -> BTreeMap<String, i64> {
        let (database, site) = (self.store.database(), format!("site = '{}'", self.site));
        let sql = match dimension {
            "page" => format!("SELECT page, sum(pageviews) FROM {database}.page_days WHERE {site} GROUP BY page"),
            _ => format!(
                "SELECT toString(value), sum(pageviews) FROM {database}.dimension_days \
                 WHERE {site} AND dimension = '{dimension}' GROUP BY value"
            ),
        };
        self.store.ask_as_owner(&sql).rows::<(String, i64)>().await.unwrap().into_iter().collect()
    }

    pub(crate) async fn totals(&self) -> (i64, i64, i64) {
        let (database, site) = (self.store.database(), &self.site);
        let sums = "sum(pageviews), sum(visitors), sum(visits)";
        let sql = format!("SELECT {sums} FROM {database}.site_days WHERE site = '{site}'");
        self.store.ask_as_owner(&sql).rows().await.unwrap()[0]
    }
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs").join(name)
}

fn map(of: &[(&str, i64)]) -> BTreeMap<String, i64> {
    of.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

pub(crate) fn line(address: &str, at: &str, path: &str, agent: &str) -> String {
    format!("{address} - - [{at} +0000] \"GET {path} HTTP/1.1\" 200 512 \"-\" \"{agent}\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_requires_consent_counts_nothing_of_a_log_and_events_that_carry_it() {
    let mut case = Case::of("consent.example").await;
    case.config.site[0].consent = ConsentPolicy::Required;
    let log = case.write("access.log", &line("192.0.2.1", "10/Nov/2026:10:00:00", "/", FIREFOX).repeat(3));
    let summary = case.run(case.job(&[log])).await.unwrap();
    assert_eq!((summary.no_consent, summary.pageviews, summary.days), (3, 0, 0));
    assert!(summary.to_string().contains("3 hits without the consent"), "{summary}");
    let event = |consent: &str| {
        format!(
            "{{\"time\":\"2026-11-10T10:00:00Z\",\"address\":\"192.0.2.1\",\"user_agent\":\"{FIREFOX}\",\
             \"n\":\"pageview\",\"u\":\"https://consent.example/\"{consent}}}\n"
        )
    };
    let events = case.write("events.jsonl", &[event(""), event(",\"c\":0"), event(",\"c\":1")].concat());
    let job = ImportJob { format: ImportFormat::Events, ..case.job(&[events]) };
    let summary = case.run(job).await.unwrap();
    assert_eq!((summary.no_consent, summary.pageviews), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reported_log_gives_the_pages_and_visitors_that_it_shows() {
    for (file, site, pages, visitors) in [
        ("02-common/access_log", "c02.example", &[("/", 2), ("/notfound", 1)][..], 2),
        ("03-vhost-space/other_vhosts.log", "c03.example", &[("/a", 1), ("/b", 1)], 2),
        ("04-vhost-port/other_vhosts_access.log", "c04.example", &[("/a", 1), ("/b", 1)], 2),
        ("05-xff-first/access.log", "c05.example", &[("/a", 3)], 3),
        ("06-nginx-main-xff-last/access.log", "c06.example", &[("/a", 3)], 3),
        ("07-empty-requests/access.log", "c07.example", &[("/a", 1)], 1),
        ("09-traefik-json/access.json", "c09.example", &[("/", 1), ("/b", 1)], 2),
        ("18-nginx-uri-rewritten/access.json", "c18.example", &[("/blog/first", 2), ("/about", 1)], 3),
        ("19-json-x-escape/access.json", "c19.example", &[("/café", 1), ("/b", 1), ("/c", 1)], 3),
        ("21-docker-json-file/id-json.log", "c21.example", &[("/a", 2)], 2),
        ("26-nginx-proxy-manager/proxy-host-1_access.log", "c26.example", &[("/", 1)], 1),
        ("28a-bom/access.log", "c28.example", &[("/a", 1), ("/b", 1)], 2),
        ("31-absolute-form/access.log", "d18.example", &[("/own", 1), ("/own2", 1)], 2),
    ] {
        let case = Case::of(site).await;
        case.run(case.job(&[fixture(file)])).await.unwrap_or_else(|error| panic!("{file}: {error}"));
        let counted = case.figures("page").await;
        assert_eq!(counted, map(pages), "{file}");
        assert_eq!(case.totals().await.1, visitors, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn language_hosts_and_referrers_of_a_log_are_kept_and_objections_are_told() {
    let case = Case::of("c11.example").await;
    let summary = case.run(case.job(&[fixture("11-caddy-gpc-dnt-prefetch/access.log")])).await.unwrap();
    assert_eq!((summary.objections, summary.left_out, summary.pageviews), (2, 1, 1));
    assert_eq!(case.figures("page").await, map(&[("/plain", 1)]));
    assert_eq!(case.figures("language").await, map(&[("fr", 1)]));

    let case = Case::of("c15.example").await;
    let summary = case.run(case.job(&[fixture("15-caddy-many-hosts/access.log")])).await.unwrap();
    assert_eq!((summary.foreign_hosts, summary.pageviews), (2, 2));
    assert_eq!(case.figures("page").await, map(&[("/mine", 1), ("/www", 1)]));
    let hosts = case.figures("hostname").await;
    assert!(hosts.keys().all(|host| host.ends_with("c15.example")), "{hosts:?}");

    let case = Case::of("c17.example").await;
    case.run(case.job(&[fixture("17-nginx-http-referrer/access.json")])).await.unwrap();
    assert_eq!(case.figures("page").await, map(&[("/", 1), ("/b", 1)]));
    assert_eq!(case.figures("referrer").await["news.example"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_say_nothing_fall_through_and_times_and_addresses_are_read() {
    let files = std::fs::read_dir(fixture("47-json-values")).unwrap().map(|file| file.unwrap().path());
    let case = Case::of("c47.example").await;
    let summary = case.run(case.job(&files.collect::<Vec<_>>())).await.unwrap();
    assert_eq!((summary.pageviews, summary.not_understood, summary.bots), (8, 0, 0));

    let case = Case::of("c43.example").await;
    let summary = case.run(case.job(&[fixture("43-times/access.log")])).await.unwrap();
    assert_eq!((summary.pageviews, summary.not_understood), (7, 0));

    let files: Vec<PathBuf> = (0..12).map(|number| fixture(&format!("44-addresses/{number}.log"))).collect();
    let case = Case::of("c44.example").await;
    let summary = case.run(case.job(&files)).await.unwrap();
    assert_eq!((summary.pageviews, summary.no_address), (8, 4));
    assert!(
        summary.notes.iter().any(|note| note.ends_with("6.log, line 1 has no client address")),
        "{:?}",
        summary.notes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_feeds_and_interfaces_are_not_pages_and_lost_pages_are() {
    let case = Case::of("c35.example").await;
    case.run(case.job(&[fixture("35-assets/access.log")])).await.unwrap();
    let pages = ["/", "/doc.md", "/health", "/opt-out", "/privacy", "/x.aspx", "/x.html", "/x.jsp", "/x.php"];
    assert_eq!(case.figures("page").await.into_keys().collect::<Vec<_>>(), pages);

    let case = Case::of("c36.example").await;
    let summary = case.run(case.job(&[fixture("36-scanner-404/access.log")])).await.unwrap();
    assert_eq!(summary.pageviews - summary.not_found, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_log_twice_and_a_part_of_it_count_once_in_one_run() {
    let case = Case::of("twice.example").await;
    let one = line("81.2.69.142", "10/Nov/2026:08:00:00", "/a", FIREFOX);
    let two = line("90.0.0.1", "10/Nov/2026:09:00:00", "/b", SAFARI);
    let part = case.write("part.log", &one);
    let whole = case.write("whole.log", &(one + &two));
    let copy = case.folder.path().join("copy.log");
    std::fs::copy(&whole, &copy).unwrap();
    let summary = case.run(case.job(&[part, whole, copy])).await.unwrap();
    assert_eq!((summary.pageviews, summary.counted_before, summary.lines), (2, 3, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_in_any_order_count_as_sorted_ones_within_any_memory() {
    // Fourteen days, the newest file first, as a shell expands `access.log.*`; with visits over midnight.
    let of_day = |day: u32| -> String {
        (0..40)
            .map(|number| {
                let (hour, minute) = (number * 24 / 40, number * 17 % 60);
                let at = format!("{day:02}/Nov/2026:{hour:02}:{minute:02}:00");
                line(&format!("90.0.0.{}", number % 9), &at, &format!("/p{}", number % 5), FIREFOX)
            })
            .collect()
    };
    let sorted: String = (1..=14).map(of_day).collect();
    let newest_first: String = (1..=14).rev().map(of_day).collect();
    let backwards: String = sorted.lines().rev().map(|line| format!("{line}\n")).collect();
    let mut all = Vec::new();
    for (site, text, memory_bytes) in [
        ("sorted.example", &sorted, 1 << 20),
        ("newest.example", &newest_first, 1 << 20),
        ("backwards.example", &backwards, 1 << 20),
        ("windows.example", &newest_first, 9_000),
    ] {
        let case = Case::of(site).await;
        let log = case.write("access.log", text);
        let summary = case.run(ImportJob { memory_bytes, ..case.job(&[log]) }).await.unwrap();
        assert_eq!(summary.pageviews, 560);
        all.push((case.totals().await, summary.bounces, case.figures("page").await));
    }
    assert!(all.iter().all(|figures| *figures == all[0]), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_understood_fails_and_leaves_its_day_free() {
    let case = Case::of("free.example").await;
    let wrong = case.write("wrong.log", "[10/Nov/2026:13:55:36 +0000] this is not a log\nnor this\n");
    let refused = case.run(case.job(std::slice::from_ref(&wrong))).await.unwrap_err().to_string();
    assert!(refused.contains("wrong.log, line 1 could not be parsed"), "{refused}");
    let robots = line("81.2.69.142", "10/Nov/2026:08:00:00", "/a", "curl/8.5.0");
    let robots = case.write("robots.log", &robots);
    assert_eq!(case.run(case.job(&[robots])).await.unwrap().bots, 1);
    let right = case.write("right.log", &line("81.2.69.142", "10/Nov/2026:08:00:00", "/a", FIREFOX));
    assert_eq!(case.run(case.job(&[right])).await.unwrap().pageviews, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_read_once_and_refused_when_memory_cannot_hold_it() {
    let case = Case::of("pipe.example").await;
    let pipe = case.folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let text: String = (0..200).map(|n| line(&format!("90.0.1.{n}"), "10/Nov/2026:08:00:00", "/a", FIREFOX)).collect();
    let feed = |text: String| {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, text).ok())
    };
    let fed = feed(text.clone());
    let small = ImportJob { memory_bytes: 2_000, ..case.job(std::slice::from_ref(&pipe)) };
    let refused = case.run(small).await.unwrap_err().to_string();
    assert!(refused.contains("a pipe can be read only once"), "{refused}");
    fed.join().unwrap();
    let fed = feed(text);
    assert_eq!(case.run(case.job(std::slice::from_ref(&pipe))).await.unwrap().pageviews, 200);
    fed.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_was_measured_live_is_warned_of() {
    let case = Case::of("both.example").await;
    let sql = format!(
        "INSERT INTO {}.site_days (site, day, pageviews) VALUES ('both.example', '2026-11-10', 7)",
        case.store.database()
    );
    case.store.statement(&sql).await.unwrap();
    let log = case.write("a.log", &line("81.2.69.142", "10/Nov/2026:08:00:00", "/a", FIREFOX));
    let summary = case.run(case.job(&[log])).await.unwrap();
    assert!(summary.notes.iter().any(|note| note.contains("also measured live, first 2026-11-10")), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_its_own_format_is_read_and_a_trial_shows_its_fields_without_identity() {
    let case = Case::of("own.example").await;
    let text = format!("81.2.69.142 | 2026-11-10T13:55:36+00:00 | /secret?token=canary | 200 | {FIREFOX}\n");
    let log = case.write("own.log", &text);
    let format =
        CustomFormat::parse("$remote_addr | $time_iso8601 | $request_uri | $status | $http_user_agent").unwrap();
    let reader = LogReader::new(Some(std::sync::Arc::new(format)));
    let job = ImportJob { reader, ..case.job(std::slice::from_ref(&log)) };
    let agents = sillage::privacy::lookup::agent::Agents::new(10);
    let shown = import::trial(&job, &agents).unwrap();
    assert!(
        shown.contains("81.2.69.…") && shown.contains("/secret (and a query)") && shown.contains("Firefox on Linux"),
        "{shown}"
    );
    assert!(!shown.contains("canary") && !shown.contains("81.2.69.142") && !shown.contains("Mozilla"), "{shown}");
    assert_eq!(case.totals().await.0, 0);
    assert_eq!(case.run(job).await.unwrap().pageviews, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_address_or_agent_of_a_log_reaches_a_disk() {
    let case = Case::of("thief.example").await;
    let agent = FIREFOX.replace("Linux x86_64", "Linux x86_64; canaryword");
    let text = line("90.11.22.33", "10/Nov/2026:08:00:00", "/page?secret=canaryquery", &agent);
    let log = case.write("access.log", &text);
    case.continued(std::slice::from_ref(&log)).await;
    std::fs::remove_file(&log).unwrap();
    let mut seen = String::new();
    for table in ["imports", "site_days", "page_days", "dimension_days", "dimension_page_days"] {
        let rows = case.store.ask_as_owner(&format!("SELECT * FROM {}.{table}", case.store.database()));
        seen.push_str(&serde_json::to_string(&rows.json().await.unwrap()).unwrap());
    }
    for folder in ["spool", "runtime", "runtime/import"] {
        for file in std::fs::read_dir(case.folder.path().join(folder)).unwrap().flatten() {
            seen.push_str(&String::from_utf8_lossy(&std::fs::read(file.path()).unwrap_or_default()));
        }
    }
    assert!(seen.contains("/page") && seen.contains("mark "));
    for canary in ["90.11.22", "canaryword", "canaryquery", "Mozilla"] {
        assert!(!seen.contains(canary), "{canary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_in_parts_is_released_as_one_with_its_pairs_and_hours() {
    let mut case = Case::of("parts.example").await;
    let database = support::database(&support::fresh_name());
    case.store = Store::connect(&database, support::endpoint()).protected(Protection::Tens);
    case.config.privacy.protection = Protection::Tens;
    migrate::apply(&case.store, &support::EXACT).await.unwrap();
    let visitor = |day: i64, number: i64| {
        let at = |second: &str| format!("{day:02}/Nov/2026:10:{number:02}:{second}");
        let address = format!("90.0.1.{number}");
        line(&address, &at("00"), "/", FIREFOX) + &line(&address, &at("20"), "/pricing", FIREFOX)
    };
    let log: String = (2..=3).flat_map(|day| (0..60).map(move |number| visitor(day, number))).collect();
    let log = case.write("access.log", &log);
    case.run(ImportJob { part_rows: 10, ..case.job(&[log]) }).await.unwrap();
    let database = case.store.database();
    let ask = async |sql: String| case.store.ask_as_owner(&sql).rows::<(i64, i64)>().await.unwrap()[0];
    let notes = "SELECT toInt64(countIf(source LIKE 'part %')), toInt64(countIf(source LIKE 'drawn %'))";
    assert_eq!(ask(format!("{notes} FROM {database}.imports")).await, (0, 1), "its sums wait in no table");
    for (what, rows) in [
        (
            "visitors with a browser on a page",
            "visitors AS figure FROM {}.dimension_page_days WHERE dimension = 'browser'",
        ),
        ("pageviews of a page's hour", "pageviews AS figure FROM {}.page_hours WHERE 1"),
        ("visitors of a page", "visitors AS figure FROM {}.page_days WHERE period = 'day'"),
    ] {
        let rows = rows.replace("{}", database);
        let sums = "toInt64(count()), toInt64(countIf(abs(figure - 60) <= 36))";
        let sql = format!("SELECT {sums} FROM (SELECT {rows} AND page = '/pricing')");
        assert_eq!(ask(sql).await, (2, 2), "{what}: one row a day, of all its visitors");
    }
}
