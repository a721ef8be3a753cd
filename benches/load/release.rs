//! The release: cost of a busy site's day, and accuracy of published figures, on a real engine with simulated sites.
//! Prints the tables of `docs/anonymity.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sillage::config::{ClickHouseConfig, Protection};
use sillage::release::{Releaser, ReleaserOptions};
use sillage::rollup::counters::{BreakdownsRow, PagesRow};
use sillage::sites::Sites;
use sillage::store::engine::EngineOptions;
use sillage::store::{Batch, Engine, Store, migrate};

use crate::Extent;
use crate::process::until;
use crate::program::Setup;
use crate::results::{Figure, Goal, Results, median};
use crate::run::{LoadProfile, Subject};
use crate::traffic::Plan;

/// Monday, 2 March 2026, in days since 1970.
const MONDAY: u16 = 20_514;
/// Visitors per day of the simulated sites.
const SITES: [u32; 5] = [10, 30, 100, 1_000, 100_000];

/// An engine with an empty database.
async fn engine(folder: &Path) -> (Engine, Store) {
    let options = EngineOptions {
        dir: folder.join("data"),
        runtime_dir: folder.join("runtime"),
        program: Some(env!("CARGO_BIN_EXE_sillage").into()),
        ..EngineOptions::default()
    };
    let engine = Engine::start(options).await.unwrap();
    let store = engine.store(&ClickHouseConfig::default()).protected(Protection::Tens);
    migrate::apply(&store, &migrate::MigrationSettings { retention_months: 25, rounding: 10 }).await.unwrap();
    (engine, store)
}

fn releaser(store: &Store) -> Releaser {
    let options = ReleaserOptions {
        store: Arc::new(store.clone()),
        collector: "bench".into(),
        started: Timestamp::UNIX_EPOCH,
        protection: Protection::Tens,
        aborts_before: None,
        draws: None,
    };
    Releaser::new(options, &Sites::default())
}

/// Reproducible random numbers.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A number below `count`; the n-th has a probability in proportion to 1/n.
    fn zipf(&mut self, count: u64) -> u64 {
        let whole: f64 = (1..=count).map(|rank| 1.0 / rank as f64).sum();
        let mut left = self.below(1 << 30) as f64 / (1_u64 << 30) as f64 * whole;
        for rank in 1..=count {
            left -= 1.0 / rank as f64;
            if left <= 0.0 {
                return rank;
            }
        }
        count
    }
}

/// A day of a site: each visitor sees three pages of 200, and comes from one of 40 countries.
fn day(site: u32, day: u16, chance: &mut Chance) -> Batch {
    let name: Arc<str> = format!("{site}.example").into();
    let hour = u32::from(day) * 86_400 + 36_000;
    let mut pages = std::collections::BTreeMap::<u64, (i64, i64)>::new();
    let mut countries = std::collections::BTreeMap::<(u64, u64), (i64, i64)>::new();
    for _ in 0..site {
        let country = chance.zipf(40);
        for view in 0..3 {
            let page = chance.zipf(200);
            let new = i64::from(view == 0);
            let sums = pages.entry(page).or_default();
            *sums = (sums.0 + 1, sums.1 + new);
            let sums = countries.entry((page, country)).or_default();
            *sums = (sums.0 + 1, sums.1 + new);
        }
    }
    let page_row = |(page, (views, visitors)): (u64, (i64, i64))| PagesRow {
        site: name.clone(),
        day,
        hour,
        page: format!("/{page}").into(),
        pageviews: views,
        visitors,
        page_visitors: views,
        visits: visitors,
        exits: visitors,
        bounces: visitors / 3,
        visit_seconds: 90 * visitors,
        engaged_ms: 20_000 * views,
        engaged_views: views,
        scroll_percent: 60 * views,
        scroll_views: views,
        not_found: 0,
    };
    let country_row = |((page, country), (views, visitors)): ((u64, u64), (i64, i64))| BreakdownsRow {
        site: name.clone(),
        day,
        dimension: "country",
        page: format!("/{page}").into(),
        value: format!("C{country}").into(),
        pageviews: views,
        visitors,
        page_visitors: views,
        visits: visitors,
        bounces: visitors / 3,
        visit_seconds: 90 * visitors,
    };
    Batch {
        token: format!("{site} {day}"),
        origin: "".into(),
        pages: pages.into_iter().map(page_row).collect(),
        breakdowns: countries.into_iter().map(country_row).collect(),
        ..Batch::default()
    }
}

/// Sums of a published table by a key, for a site.
async fn published(store: &Store, table: &str, key: &str, site: u32) -> std::collections::BTreeMap<String, i64> {
    let sql = format!(
        "SELECT {key}, toInt64(sum(pageviews)) FROM {}.{table} WHERE site = '{site}.example' GROUP BY 1",
        store.database()
    );
    store.ask_as_owner(&sql).rows::<(String, i64)>().await.unwrap().into_iter().collect()
}

/// Publishes four weeks of five sites, and compares them with the exact counts.
async fn published_accuracy(folder: &Path, days: u16) -> String {
    let (engine, store) = engine(folder).await;
    let releaser = releaser(&store);
    let mut exact = std::collections::BTreeMap::<(u32, &str, String), i64>::new();
    let mut chance = Chance(7);
    for number in 0..days {
        for site in SITES {
            let batch = day(site, MONDAY + number, &mut chance);
            for row in &batch.pages {
                *exact.entry((site, "page", row.page.to_string())).or_default() += row.pageviews;
                *exact.entry((site, "day", number.to_string())).or_default() += row.pageviews;
            }
            for row in &batch.breakdowns {
                *exact.entry((site, "country", row.value.to_string())).or_default() += row.pageviews;
            }
            store.insert(&batch).await.unwrap();
        }
        let now = Timestamp::from_second(i64::from(MONDAY + number + 1) * 86_400 + 3_600).unwrap();
        releaser.shipped(now).await.unwrap();
    }
    releaser.shipped(Timestamp::from_second(i64::from(MONDAY + 31) * 86_400).unwrap()).await.unwrap();
    let mut table = String::from(
        "| visitors a day | site's day: shown, error | month's pageviews in named pages | error of the ten most read pages | in named countries |\n|---|---|---|---|---|\n",
    );
    for site in SITES {
        let of = |what: &'static str| exact.iter().filter(move |((of, kind, _), _)| *of == site && *kind == what);
        let whole: i64 = of("page").map(|(_, views)| views).sum();
        let shown_days = published(&store, "site_days", "if(period = 'day', toString(toUInt16(day)), '')", site).await;
        let errors: Vec<f64> = of("day")
            .filter_map(|((_, _, number), views)| {
                let day = MONDAY + number.parse::<u16>().unwrap();
                shown_days.get(&day.to_string()).map(|shown| (*shown - *views) as f64)
            })
            .collect();
        let error = (errors.iter().map(|error| error * error).sum::<f64>() / errors.len().max(1) as f64).sqrt();
        let pages = published(&store, "page_days", "page", site).await;
        let named: i64 = pages.values().sum();
        let mut top: Vec<_> = of("page").collect();
        top.sort_by_key(|(_, views)| -**views);
        let of_top: f64 = top
            .iter()
            .take(10)
            .map(|((_, _, page), views)| {
                (pages.get(page).copied().unwrap_or(0) - **views).abs() as f64 / **views as f64
            })
            .sum::<f64>()
            / 10.0;
        let countries: i64 = published(&store, "dimension_days", "value", site).await.values().sum();
        writeln!(
            table,
            "| {site} | {} of {days}, {error:.1} | {:.0} % | {:.1} % | {:.0} % |",
            errors.len(),
            100.0 * named as f64 / whole as f64,
            100.0 * of_top,
            100.0 * countries as f64 / whole as f64,
        )
        .unwrap();
    }
    drop((releaser, store));
    engine.stop().await;
    table
}

/// Statements that fill the waiting tables with a busy day: `rows` rows by page and value.
fn busy_day(database: &str, date: &str, rows: u32) -> [String; 2] {
    [
        format!(
            "INSERT INTO {database}.waiting_pages (site, day, hour, page, pageviews, visitors, page_visitors, visits, exits, \
             bounces, visit_seconds, engaged_ms, engaged_views, scroll_percent, scroll_views) SELECT 'busy.example', \
             toDate('{date}') AS day, toDateTime(day, 'UTC') + 3600 * (number % 24), \
             concat('/', toString(number % 2000)), 10, 4, 7, 5, 5, 2, 400, 90000, 6, 400, 6 FROM numbers(48000)"
        ),
        format!(
            "INSERT INTO {database}.waiting_breakdowns (site, day, dimension, page, value, pageviews, visitors, \
             page_visitors, visits, bounces, visit_seconds) SELECT 'busy.example', '{date}', \
             concat('d', toString(number % 12)), concat('/', toString(intDiv(number, 12) % 2000)), \
             toString(intDiv(number, 24000)), 1 + number % 30, 1, 1 + number % 30, 1, 1, 40 FROM numbers({rows})"
        ),
    ]
}

/// Releases a day of `rows` rows by page and value; returns the seconds.
async fn release_seconds(folder: &Path, rows: u32) -> f64 {
    let (engine, store) = engine(folder).await;
    let fill = busy_day(store.database(), "2026-03-02", rows);
    for statement in fill {
        store.statement(&statement).await.unwrap();
    }
    let releaser = releaser(&store);
    let began = Instant::now();
    releaser.shipped("2026-03-03T01:00:00Z".parse().unwrap()).await.unwrap();
    let seconds = began.elapsed().as_secs_f64();
    drop((releaser, store));
    engine.stop().await;
    seconds
}

/// Runs `work` in a folder for an engine.
fn within<T>(work: impl AsyncFnOnce(&Path) -> T) -> T {
    let folder = tempfile::Builder::new().prefix("release-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    tasks.block_on(work(folder.path()))
}

/// Prints the time of releasing a busy site's day.
pub(crate) fn cost(rows: u32) {
    let seconds = within(async |folder| release_seconds(folder, rows).await);
    println!("release of a day of {rows} rows of page and value: {seconds:.1} s");
}

/// Waits at half the saturated rate, alone and beside the release of a busy day, with the spool on the disk and in
/// memory. A program that starts releases what is due with its first flush, under the load.
pub(crate) fn beside_ingest(extent: &Extent, results: &mut Results) {
    for (spool_in_memory, place) in [(false, "spool on the disk"), (true, "spool in memory")] {
        let setup = Setup { protection: "tens", spool_in_memory, ..extent.setup(1) };
        let mut waits = ReleaseWaits::start(extent, setup);
        let pairs: Vec<[f64; 2]> = (0..extent.pairs).map(|pair| waits.pair(pair)).collect();
        println!("99th percentiles without and beside a release, {place}, ms: {pairs:.1?}");
        let of = |figure: &dyn Fn(&[f64; 2]) -> f64| median(pairs.iter().map(figure));
        let name = |what: &str| format!("99th percentile of waits, half the saturated rate, {place}{what}");
        results.add(Figure::new(name(""), "ms", of(&|[alone, _]| *alone)));
        results.add(Figure::new(name(", beside a release"), "ms", of(&|[_, beside]| *beside)));
        let added = of(&|[alone, beside]| beside - alone);
        results.add(Figure::new(name(", added by a release"), "ms", added).goal(Goal::AtMost(5.0)));
    }
}

/// A program whose waits are measured in pairs of runs.
struct ReleaseWaits<'e> {
    extent: &'e Extent,
    subject: Option<Subject>,
    profile: LoadProfile,
}

impl<'e> ReleaseWaits<'e> {
    fn start(extent: &'e Extent, setup: Setup) -> Self {
        let mut subject = Subject::start(Plan { people: extent.people, ..Plan::PAGEVIEWS }, setup);
        let connections = extent.connections[1];
        let saturated = subject.load_only(LoadProfile::Closed { connections }, extent.seconds).rate();
        let profile = LoadProfile::Open { connections, rate: (saturated / 2.0).floor().max(1.0) };
        Self { extent, subject: Some(subject), profile }
    }

    /// The 99th percentile in milliseconds without a release and beside one; which comes first alternates.
    fn pair(&mut self, number: usize) -> [f64; 2] {
        if number.is_multiple_of(2) {
            let alone = self.waits(None);
            [alone, self.waits(Some(number))]
        } else {
            let beside = self.waits(Some(number));
            [self.waits(None), beside]
        }
    }

    /// Waits of one run, beside the release of the day that many days ago.
    fn waits(&mut self, release: Option<usize>) -> f64 {
        let subject = self.subject.take().unwrap();
        if let Some(days) = release {
            let date = subject.program.ask::<String>(&format!("SELECT toString(toDate(now('UTC')) - {})", 1 + days));
            for statement in busy_day("sillage", &date[0], self.extent.release_rows) {
                subject.program.tell(&statement);
            }
        }
        let mut subject = subject.restarted();
        let waits = subject.load_only(self.profile, self.extent.seconds).wait_ms(0.99);
        let left = "SELECT count() FROM sillage.waiting_breakdowns WHERE site = 'busy.example'";
        let released = || subject.program.ask::<u64>(left)[0] == 0;
        assert!(until(Duration::from_secs(120), released).is_some(), "the day is released");
        self.subject = Some(subject);
        waits
    }
}

/// Prints the accuracy of published figures.
pub(crate) fn accuracy(days: u16) {
    println!("{}", within(async |folder| published_accuracy(folder, days).await));
}
