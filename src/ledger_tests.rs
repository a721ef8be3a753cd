//! After any crash or failure, the figures are those of a run that saw only the hits that were kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::config;
use crate::config::{LimitsConfig, RuntimeConfig};
use crate::event::{Day, Event, EventKind, RobotKind};
use crate::outcome::{Dropped, Outcome};
use crate::privacy::RobotHit;
use crate::privacy::hit::{ClientIp, Hit, HitKind, HitSender, ObjectionSignals, UserAgent};
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::sites::Sites;
use crate::spool::fault::{CrashSurvival, Fault, FaultDisk};

#[path = "ledger_journal_tests.rs"]
mod journal;

static AGENTS: LazyLock<Arc<Agents>> = LazyLock::new(|| Arc::new(Agents::new(10)));
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[derive(Debug, Clone)]
enum Step {
    Hit {
        visitor: u8,
        gap: i64,
        what: SentKind,
    },
    /// Wait until every receipt has resolved.
    Wait,
    Ship,
    /// Fold sealed segments to counters on the disk.
    Fold,
    Forget,
    /// The disk fails once, this many operations from here.
    Fail {
        ahead: usize,
        happens: bool,
    },
    Crash(CrashSurvival),
}

#[derive(Debug, Clone, Copy)]
enum SentKind {
    Pageview,
    /// A pageview with the search that led to it.
    Search,
    Action,
    Reading,
}

fn anonymiser() -> Arc<Anonymiser> {
    let site = config::SiteConfig {
        name: "a.example".into(),
        timezone: "Europe/Paris".into(),
        search_parameter: "q".into(),
        ..Default::default()
    };
    let sites = Sites::new(&[site]).unwrap();
    Arc::new(Anonymiser::new(
        sites,
        AGENTS.clone(),
        PlaceDatabases::open(&[]).unwrap(),
        &config::PrivacyConfig::default(),
    ))
}

/// Every hit has its own page, so that kept hits can be told apart.
fn sighting<'h>(anonymiser: &Anonymiser, hit: &'h SentHit) -> Sighting<'h> {
    let kind = match hit.what {
        SentKind::Pageview | SentKind::Search => HitKind::Pageview { not_found: false },
        SentKind::Action => HitKind::Action { name: "Signup".into(), interactive: true, properties: Vec::new() },
        SentKind::Reading => {
            HitKind::Engagement { engaged_ms: Some(5), scroll_percent: Some(50), reported_percent: None }
        }
    };
    let hit = Hit {
        received: hit.at,
        address: ClientIp::new(format!("192.0.2.{}", hit.visitor).parse().unwrap()),
        agent: UserAgent::new(FIREFOX),
        accept_language: Some("fr"),
        signals: ObjectionSignals::default(),
        sender: HitSender::default(),
        site: None,
        url: &hit.url,
        referrer: None,
        fragment_is_page: false,
        width: Some(400),
        consent: false,
        model: None,
        kind,
    };
    anonymiser.anonymise(hit).map_err(|_| ()).unwrap()
}

struct SentHit {
    visitor: u8,
    at: Timestamp,
    what: SentKind,
    url: String,
}

/// A kept event: the number of its hit, and whether it is an action (a search is one).
type KeptEvent = (usize, bool);

/// A collector's memory and spool, over a disk that fails and crashes.
struct Run {
    ledger: Option<Ledger>,
    anonymiser: Arc<Anonymiser>,
    disk: FaultDisk,
    clock: Arc<ManualClock>,
    runtime: tempfile::TempDir,
    receipts: Vec<Receipt>,
    sent: Vec<SentHit>,
    sums: BTreeMap<String, i64>,
    shipped: BTreeSet<u64>,
    /// Events of segments, read before they were folded.
    read: BTreeMap<u64, Vec<KeptEvent>>,
    /// Events that were shipped.
    kept: Vec<KeptEvent>,
    limits: LimitsConfig,
}

impl Run {
    fn new() -> Self {
        Self::with(LimitsConfig::default())
    }

    fn with(limits: LimitsConfig) -> Self {
        let mut run = Self {
            ledger: None,
            anonymiser: anonymiser(),
            disk: FaultDisk::default(),
            clock: Arc::new(ManualClock::new("2026-03-28T22:40:00Z".parse().unwrap())),
            runtime: tempfile::tempdir_in("/dev/shm").unwrap(),
            receipts: Vec::new(),
            sent: Vec::new(),
            sums: BTreeMap::new(),
            shipped: BTreeSet::new(),
            read: BTreeMap::new(),
            kept: Vec::new(),
            limits,
        };
        run.open();
        run
    }

    fn open(&mut self) {
        let (spool, _) = Spool::open(1 << 30, Arc::new(self.disk.clone()), self.clock.clone()).unwrap();
        let runtime = RuntimeConfig { dir: self.runtime.path().to_owned(), allow_disk: false };
        let now = crate::clock::Clock::now(&*self.clock);
        let ledger = Ledger::open(spool, self.anonymiser.clone(), &runtime, &self.limits, now);
        self.ledger = Some(ledger.unwrap());
    }

    fn now(&self) -> Timestamp {
        crate::clock::Clock::now(&*self.clock)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Hit { visitor, gap, what } => self.hit(*visitor, *gap, *what),
            Step::Wait => self.wait(),
            Step::Ship => self.ship(),
            Step::Fold => self.fold(),
            Step::Forget => {
                let now = self.now();
                self.ledger.as_ref().unwrap().forget_past(now);
                self.anonymiser.destroy_past_keys(now);
            }
            Step::Fail { ahead, happens } => {
                let at = self.disk.operations().len() + ahead;
                self.disk.fault(Fault { at, happens: *happens, forever: false });
            }
            Step::Crash(survives) => {
                let after = self.disk.crash(*survives);
                self.ledger = None;
                self.receipts.clear();
                self.disk = after;
                self.anonymiser = anonymiser();
                self.open();
            }
        }
    }

    fn hit(&mut self, visitor: u8, gap: i64, what: SentKind) {
        self.clock.set(self.now() + gap.seconds());
        let asked = if matches!(what, SentKind::Search) { "?q=boots" } else { "" };
        let url = format!("https://a.example/h/{}{asked}", self.sent.len());
        self.sent.push(SentHit { visitor, at: self.now(), what, url });
        let hit = self.sent.last().unwrap();
        let sighting = sighting(&self.anonymiser, hit);
        if let Ok(mut turn) = self.ledger.as_ref().unwrap().turn() {
            turn.record(sighting).unwrap();
            self.receipts.push(turn.end());
        }
    }

    fn wait(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for receipt in self.receipts.drain(..) {
            runtime.block_on(receipt).ok();
        }
    }

    fn seal(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.ledger.as_ref().unwrap().spool().seal()).ok();
    }

    fn fold(&mut self) {
        self.seal();
        let ledger = self.ledger.as_ref().unwrap();
        for segment in ledger.sealed().into_iter().filter(|segment| !segment.folded) {
            // A segment whose removal took effect but reported failure cannot be read.
            if let Ok(pages) = read(ledger.spool(), &segment) {
                self.read.insert(segment.number, pages);
                crate::ship::fold(ledger.spool(), &segment).ok();
            }
        }
    }

    fn ship(&mut self) {
        self.seal();
        let ledger = self.ledger.as_ref().unwrap();
        let spool = ledger.spool();
        for segment in ledger.sealed() {
            if self.shipped.insert(segment.number) {
                let batch = match segment.folded {
                    true => spool.batch(&segment).unwrap(),
                    false => {
                        self.read.insert(segment.number, read(spool, &segment).unwrap());
                        let mut rollup = Rollup::default();
                        spool.read(&segment).unwrap().for_each(|event| rollup.add(event)).unwrap();
                        rollup.finish(String::new())
                    }
                };
                add(&mut self.sums, &batch);
                self.kept.extend(&self.read[&segment.number]);
            }
            ledger.remove(segment.number).ok();
        }
    }

    /// Ships all remaining segments, with a working disk.
    fn finish(&mut self) {
        self.disk.fault(Fault { at: usize::MAX, happens: true, forever: false });
        self.wait();
        // A lossless crash ends any pending recovery from earlier disk failures.
        self.step(&Step::Crash(CrashSurvival::All));
        self.ship();
        assert!(self.ledger.as_ref().unwrap().spool().sealed().is_empty());
    }

    /// Sums of a run without faults over the hits that were kept.
    fn undisturbed(&self) -> BTreeMap<String, i64> {
        let (anonymiser, mut rollup) = (anonymiser(), Rollup::default());
        let bounds = VisitBounds::from(&self.limits).weighed_for(anonymiser.protection());
        let mut visits = Visits::new(bounds);
        let mut kept = self.kept.clone();
        kept.sort_unstable();
        for (number, is_action) in kept {
            let hit = self.sent.get(number).unwrap();
            let sighting = sighting(&anonymiser, hit);
            let is_search = is_action && matches!(hit.what, SentKind::Search);
            let sighting = if is_search { sighting.search().unwrap() } else { sighting };
            rollup.add(&visits.count(&sighting).event);
        }
        let mut sums = BTreeMap::new();
        add(&mut sums, &rollup.finish(String::new()));
        sums
    }
}

/// The events of a segment.
fn read(spool: &Spool, segment: &SegmentInfo) -> Result<Vec<KeptEvent>, SpoolError> {
    let mut kept = Vec::new();
    let one = |event: &Event<'_>| {
        let number = event.page.text.trim_start_matches("/h/").parse().unwrap_or(usize::MAX);
        kept.push((number, matches!(event.kind, EventKind::Action { .. })));
    };
    spool.read(segment)?.for_each(one)?;
    Ok(kept)
}

/// Adds a batch's rows to sums by table, key and figure.
fn add(sums: &mut BTreeMap<String, i64>, batch: &Batch) {
    let pages = batch.pages.iter().map(|row| ("pages", serde_json::to_value(row)));
    let breakdowns = batch.breakdowns.iter().map(|row| ("breakdowns", serde_json::to_value(row)));
    let actions = batch.actions.iter().map(|row| ("actions", serde_json::to_value(row)));
    for (table, row) in pages.chain(breakdowns).chain(actions) {
        let row = row.unwrap();
        let fields = row.as_object().unwrap();
        let is_key =
            |name: &str| ["site", "day", "hour", "page", "dimension", "value", "action", "property"].contains(&name);
        let key: Vec<String> =
            fields.iter().filter(|(name, _)| is_key(name)).map(|(_, value)| value.to_string()).collect();
        for (name, figure) in fields.iter().filter(|(name, _)| !is_key(name)) {
            let of = format!("{table} {key:?} {name}");
            let sum = sums.entry(of.clone()).or_default();
            *sum += figure.as_i64().unwrap();
            if *sum == 0 {
                sums.remove(&of);
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop::sample::select(vec![
        SentKind::Pageview,
        SentKind::Pageview,
        SentKind::Search,
        SentKind::Action,
        SentKind::Reading,
    ]);
    let gap = prop::sample::select(vec![0i64, 1, 60, 600, 1_799, 1_800, 1_801, 5_000, 40_000]);
    let survives = prop::sample::select(vec![CrashSurvival::Nothing, CrashSurvival::Half, CrashSurvival::All]);
    let step = prop_oneof![
        24 => (0..3u8, gap, what).prop_map(|(visitor, gap, what)| Step::Hit { visitor, gap, what }),
        6 => Just(Step::Wait),
        2 => Just(Step::Ship),
        2 => Just(Step::Fold),
        2 => Just(Step::Forget),
        2 => (0..6usize, any::<bool>()).prop_map(|(ahead, happens)| Step::Fail { ahead, happens }),
        2 => survives.prop_map(Step::Crash),
    ];
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn after_any_crash_and_failure_the_figures_are_those_of_the_hits_that_were_kept(steps in steps()) {
        // So few rows that every run also exceeds the bound.
        let mut run = Run::with(LimitsConfig { rows_per_site_day: 40, ..LimitsConfig::default() });
        for step in &steps {
            run.step(step);
        }
        run.finish();
        let mut kept = run.kept.clone();
        kept.sort_unstable();
        kept.dedup();
        prop_assert_eq!(kept.len(), run.kept.len(), "a hit was counted twice");
        let expected = run.undisturbed();
        let names = run.sums.keys().chain(expected.keys());
        let wrong: Vec<_> = names
            .map(|name| (name, run.sums.get(name), expected.get(name)))
            .filter(|(_, counted, expected)| counted != expected)
            .collect();
        prop_assert!(wrong.is_empty(), "counted, expected: {:?}", wrong.get(..4.min(wrong.len())));
    }
}

#[test]
fn a_pageview_and_its_search_are_kept_together_or_refused_together() {
    let mut seen = BTreeSet::new();
    for (ahead, happens) in (0..8).flat_map(|ahead| [(ahead, false), (ahead, true)]) {
        let mut run = Run::new();
        run.step(&Step::Fail { ahead, happens });
        run.step(&Step::Hit { visitor: 1, gap: 0, what: SentKind::Search });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let acknowledged = run.receipts.pop().is_some_and(|receipt| runtime.block_on(receipt).is_ok());
        run.finish();
        let expected = if acknowledged { vec![(0, false), (0, true)] } else { Vec::new() };
        assert_eq!(run.kept, expected, "operation {ahead} fails; it happens: {happens}");
        seen.insert(acknowledged);
    }
    assert_eq!(seen.len(), 2, "no fault met the hit");
}

#[test]
fn a_spool_with_room_for_one_event_takes_a_pageview_with_its_search() {
    let run = Run::new();
    let room = run.ledger.as_ref().unwrap().spool().bytes() + 1;
    let (spool, _) = Spool::open(room, Arc::new(FaultDisk::default()), run.clock.clone()).unwrap();
    let runtime = RuntimeConfig { dir: run.runtime.path().join("other"), allow_disk: false };
    let ledger = Ledger::open(spool, run.anonymiser.clone(), &runtime, &LimitsConfig::default(), run.now()).unwrap();
    let sent =
        SentHit { visitor: 1, at: run.now(), what: SentKind::Search, url: "https://a.example/h/0?q=boots".into() };
    let mut turn = ledger.turn().unwrap();
    turn.record(sighting(&run.anonymiser, &sent)).unwrap();
    drop(turn.end());
    assert!(ledger.turn().is_err(), "the spool is full now");
}
