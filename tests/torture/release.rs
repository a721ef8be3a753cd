//! A release under kills: two collectors with figures in tens on one database. Days, a week and a month end while both
//! are down; each start of the one that releases is killed at a statement of the release. Published and waiting figures
//! together must equal the acknowledged hits, cell by cell, those of a closed day included.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use sillage::clock::monotonic_now;
use sillage::config;
use sillage::store::{Engine, Store};
use tokio::time::sleep;

use crate::bench::{Folders, address, database_of, shared_engine};
use crate::chance::Chance;
use crate::collector::Collector;
use crate::control::Control;
use crate::load::{BROWSERS, SITES};
use crate::proxy::{Proxy, Way};

/// Pages with their visitors a day and collector: one that each day shows, one that its week may show, one that is
/// never shown.
const PAGES: [(&str, u32); 3] = [("/", 50), ("/quiet", 9), ("/alone", 1)];
/// Hits that reach the second collector, but not the database before their day is released.
const LATE: u32 = 12;
/// Longest wait for a release, or for an empty spool.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest wait for a statement; a release that has fewer is over.
const STRIKE: Duration = Duration::from_secs(6);
/// Largest difference of a draw from its sum, of figures in twenties.
const DRAW_MAX: i64 = 40;
/// Statements of a release of a day, at most.
const STATEMENTS: u64 = 30;
const DAY: i64 = 86_400;

/// Pageviews, visitors, visits and bounces by level and cell.
type Cells = BTreeMap<(String, String), [i64; 4]>;

/// One database, and two collectors that each reach it by a proxy of their own.
struct Scenario {
    control: Arc<Control>,
    engine: Engine,
    one: (Collector, Proxy),
    two: (Collector, Proxy),
    store: Store,
    folders: Folders,
    visitors: u32,
    acknowledged: Cells,
}

/// Runs the scenario over a Saturday, a Sunday and the end of their month. Returns the number of cells that differ.
pub(crate) async fn run(mut chance: Chance, long: bool) -> usize {
    let mut scenario = Scenario::new().await;
    let (mut differ, mut kills) = (0, 0);
    for (date, is_months_end) in scenario.dates().into_iter().zip([false, false, true]) {
        scenario.day(date).await;
        kills += scenario.close(&mut chance, if long { 40 } else { 4 }).await;
        differ += scenario.compare("released", is_months_end).await;
        scenario.arrive_late(&mut chance).await;
        differ += scenario.compare("late hits", is_months_end).await;
    }
    differ += scenario.one.0.fell.len() + scenario.two.0.fell.len();
    println!("release     3 days, a week and a month, {kills} kills: {differ} cells differ");
    scenario.end(differ > 0).await;
    differ
}

impl Scenario {
    async fn new() -> Self {
        let folders = Folders::new("release");
        let engine = shared_engine(&folders).await;
        let control = Arc::new(Control::new(&folders.memory));
        let collector = async |name: &str| {
            let (disk, memory) = (folders.disk.join(name), folders.memory.join(name));
            let spool = disk.join("spool");
            std::fs::create_dir_all(&spool).unwrap();
            std::fs::create_dir_all(&memory).unwrap();
            let proxy = Proxy::start(address(&engine.endpoint())).await;
            let password = memory.join("password");
            let database = database_of(&engine, &proxy, &password);
            (Collector::new(&disk, &memory, spool, (&database, "tens"), &control), proxy)
        };
        let (mut one, two) = (collector("one").await, collector("two").await);
        let store = Store::connect(&config::ClickHouseConfig::default(), &engine.endpoint());
        // The first makes the tables.
        one.0.start().await;
        let mut scenario = Self { control, engine, one, two, store, folders, visitors: 0, acknowledged: Cells::new() };
        scenario
            .wait("tables", "SELECT toUInt64(count() = 0) FROM system.tables WHERE name = 'waiting_outcomes'")
            .await;
        scenario.one.0.kill().await;
        scenario
    }

    /// The next Saturday whose month does not end with its week, its Sunday, and the last day of their month.
    fn dates(&self) -> [Date; 3] {
        let today = Timestamp::from_millisecond(self.control.now()).unwrap().to_zoned(TimeZone::UTC).date();
        let mut saturday = today.tomorrow().unwrap();
        while saturday.weekday() != Weekday::Saturday || saturday.day() + 1 >= saturday.days_in_month() {
            saturday = saturday.tomorrow().unwrap();
        }
        [saturday, saturday.tomorrow().unwrap(), saturday.last_of_month()]
    }

    /// A day of hits at both collectors, from noon on; the last ones of the second stay in its spool.
    async fn day(&mut self, date: Date) {
        let noon = date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
        self.control.step(noon - self.control.now().div_euclid(1_000));
        self.one.0.start().await;
        self.two.0.start().await;
        for page in PAGES {
            self.send(self.one.0.collect, page).await;
            self.send(self.two.0.collect, page).await;
        }
        self.shipped().await;
        self.two.1.set(Way::Away);
        self.send(self.two.0.collect, ("/", LATE)).await;
        self.kill_both().await;
        self.two.1.set(Way::Open);
    }

    /// Ends the day, and kills the first collector at statements of its release. Returns the number of kills.
    async fn close(&mut self, chance: &mut Chance, attempts: u64) -> u64 {
        let second = self.control.now().div_euclid(1_000);
        self.control.step(DAY - second.rem_euclid(DAY) + 2_400);
        self.acknowledged_late(-1);
        let mut kills = 0;
        for attempt in 0..attempts {
            let statement = if attempts > STATEMENTS { attempt } else { chance.below(STATEMENTS) };
            self.one.1.strike_at(statement, chance.percent(50));
            self.one.0.start().await;
            let struck = self.one.1.struck(STRIKE).await;
            self.one.0.kill().await;
            kills += u64::from(struck);
            if !struck {
                break;
            }
        }
        self.one.1.strike_never();
        self.one.0.start().await;
        let today = format!("day < toDate({})", self.control.now().div_euclid(1_000 * DAY));
        for table in ["waiting_pages", "waiting_breakdowns", "waiting_cells", "waiting_outcomes"] {
            let left = format!("SELECT toUInt64(count()) FROM sillage.{table} WHERE {today}");
            self.wait(table, &left).await;
        }
        self.wait("staged_cells", "SELECT toUInt64(count()) FROM sillage.staged_cells").await;
        kills
    }

    /// Starts the second collector, whose hits are of a closed day; it is killed once on the way.
    async fn arrive_late(&mut self, chance: &mut Chance) {
        self.acknowledged_late(1);
        self.two.0.start().await;
        sleep(chance.millis(0, 1_500)).await;
        self.two.0.kill().await;
        self.two.0.start().await;
        self.shipped().await;
        self.kill_both().await;
    }

    /// Adds the late hits to the acknowledged ones, or takes them off while the database cannot have them.
    fn acknowledged_late(&mut self, times: i64) {
        self.acknowledge("/", times * i64::from(LATE));
    }

    fn acknowledge(&mut self, page: &str, hits: i64) {
        let browser = format!("browser {}", BROWSERS[0].0);
        for (level, cell) in [("site", ""), ("page", page), ("dimension", &browser), ("dimension", "referrer (direct)")]
        {
            let sums = self.acknowledged.entry((level.into(), cell.into())).or_default();
            *sums = sums.map(|sum| sum + hits);
        }
    }

    /// Sends pageviews of new visitors, each of which must be accepted.
    async fn send(&mut self, to: SocketAddr, (page, hits): (&str, u32)) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..hits {
            self.visitors += 1;
            let [_, b, c, d] = self.visitors.to_be_bytes();
            let event = serde_json::json!({
                "d": SITES[0], "u": format!("https://{}{page}", SITES[0]), "n": "pageview",
            });
            let request = Request::post(format!("http://{to}/api/event"))
                .header("x-forwarded-for", format!("10.{b}.{c}.{d}"))
                .header("user-agent", BROWSERS[0].1)
                .body(Full::new(Bytes::from(event.to_string())))
                .unwrap();
            answers.spawn(client.request(request));
        }
        for answer in answers.join_all().await {
            assert_eq!(answer.unwrap().status(), StatusCode::ACCEPTED);
        }
        self.acknowledge(page, hits.into());
    }

    async fn kill_both(&mut self) {
        self.one.0.kill().await;
        self.two.0.kill().await;
    }

    /// Waits until both spools are empty.
    async fn shipped(&self) {
        let until = monotonic_now() + PATIENCE;
        while !(self.one.0.is_empty() && self.two.0.is_empty()) {
            assert!(monotonic_now() < until, "a spool does not empty: see {}", self.folders.disk.display());
            sleep(Duration::from_millis(20)).await;
        }
        // One that is cut off within a batch would be waited for a day.
        self.wait("a batch", CUT_OFF).await;
    }

    /// Waits until a query that counts what is left says none.
    async fn wait(&self, what: &str, left: &str) {
        let until = monotonic_now() + PATIENCE;
        while !self.store.ask_as_owner(left).rows::<u64>().await.is_ok_and(|left| left == [0]) {
            assert!(monotonic_now() < until, "{what} is not released: see {}", self.folders.disk.display());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Compares published and waiting figures with the acknowledged hits; returns how many cells differ. What the end
    /// of a month leaves is forgotten: then a cell that is shown is right to one draw, and others have their late hits.
    async fn compare(&self, when: &str, is_months_end: bool) -> usize {
        let rows = self.store.ask_as_owner(ACCOUNTED).rows::<(String, String, i64, i64, i64, i64)>().await.unwrap();
        let held: Cells = rows.into_iter().map(|(level, cell, a, b, c, d)| ((level, cell), [a, b, c, d])).collect();
        let mut differ = 0;
        for key in held.keys().chain(self.acknowledged.keys().filter(|key| !held.contains_key(key))) {
            let [is, due] = [&held, &self.acknowledged].map(|cells| cells.get(key).copied().unwrap_or_default());
            let is_shown = ["/quiet", "/alone"].iter().all(|page| key.1 != *page);
            let right = |(is, due): (i64, i64)| match (is_months_end, is_shown) {
                (false, _) => is == due,
                (true, true) => (is - due).abs() <= DRAW_MAX,
                (true, false) => is <= due + DRAW_MAX,
            };
            if !is.into_iter().zip(due).all(right) {
                println!("    {when}: {} {}: {is:?}, acknowledged {due:?}", key.0, key.1);
                differ += 1;
            }
        }
        differ
    }

    async fn end(mut self, keep: bool) {
        self.kill_both().await;
        self.engine.stop().await;
        self.folders.keep = keep;
    }
}

/// Collectors that began a batch and have not noted its end.
const CUT_OFF: &str = "SELECT toUInt64(count()) FROM (SELECT max(seen) AS seen_last, max(shipped_until) AS until \
    FROM sillage.collectors GROUP BY collector) WHERE seen_last > until";

/// Published and waiting figures of every cell: of open days, of released ones, and of the buckets of week and month.
const ACCOUNTED: &str = "SELECT level, cell, toInt64(sum(a)), toInt64(sum(b)), toInt64(sum(c)), toInt64(sum(d)) FROM ( \
    SELECT 'site' AS level, '' AS cell, pageviews AS a, visitors AS b, visits AS c, bounces AS d FROM sillage.site_days \
    UNION ALL SELECT 'page', page, pageviews, visitors, visits, bounces FROM sillage.page_days \
    UNION ALL SELECT 'dimension', concat(dimension, ' ', value), pageviews, visitors, visits, bounces \
    FROM sillage.dimension_days WHERE dimension IN ('browser', 'referrer') \
    UNION ALL SELECT 'site', '', pageviews, visitors, visits, bounces FROM sillage.waiting_pages \
    UNION ALL SELECT 'page', page, pageviews, page_visitors, visits, bounces FROM sillage.waiting_pages \
    UNION ALL SELECT 'dimension', concat(dimension, ' ', value), pageviews, visitors, visits, bounces \
    FROM sillage.waiting_breakdowns WHERE dimension IN ('browser', 'referrer') \
    UNION ALL SELECT toString(level), multiIf(level = 'page', page, level = 'dimension', concat(name, ' ', value), ''), \
    pageviews, visitors, visits, bounces FROM sillage.waiting_cells WHERE level IN ('site', 'page') \
    OR level = 'dimension' AND name IN ('browser', 'referrer')) GROUP BY level, cell \
    HAVING sum(a) != 0 OR sum(b) != 0 OR sum(c) != 0 OR sum(d) != 0";
