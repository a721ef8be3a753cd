//! During an insert that hangs, waiting segments are folded exactly once.
//! Folding threads run at a lower priority than hits.

use super::*;
use crate::clock::ManualClock;
use crate::clock::monotonic_now;
use crate::config;
use crate::config::{LimitsConfig, RuntimeConfig};
use crate::privacy::Anonymiser;
use crate::privacy::hit::{ClientIp, Hit, HitKind, HitSender, ObjectionSignals, UserAgent};
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::release::ReleaserOptions;
use crate::sites::Sites;
use crate::store::client::Endpoint;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A shipper whose database is never contacted.
fn ship(folder: &std::path::Path, clock: &Arc<ManualClock>) -> (Shipper, Arc<Anonymiser>) {
    let site = config::SiteConfig { name: "a.example".into(), ..config::SiteConfig::default() };
    let sites = || Sites::new(std::slice::from_ref(&site)).unwrap();
    let (agents, places) = (Agents::new(10), PlaceDatabases::open(&[]).unwrap());
    let anonymiser = Arc::new(Anonymiser::new(sites(), agents, places, &config::PrivacyConfig::default()));
    let (spool, _) = Spool::open_folder(&folder.join("spool"), 1 << 30, clock.clone()).unwrap();
    let runtime = RuntimeConfig { dir: folder.join("runtime"), allow_disk: false };
    let ledger = Ledger::open(spool, anonymiser.clone(), &runtime, &LimitsConfig::default(), clock.now()).unwrap();
    let database = config::ClickHouseConfig::default();
    let store =
        Arc::new(Store::connect(&database, &Endpoint::remote(&database).unwrap()).protected(config::Protection::Exact));
    let options = ReleaserOptions {
        store: store.clone(),
        collector: "a".into(),
        started: clock.now(),
        protection: store.protection(),
        aborts_before: None,
        draws: None,
    };
    let ship = Shipper {
        ledger: Arc::new(ledger),
        store,
        releaser: Arc::new(Releaser::new(options, &sites())),
        meters: Arc::new(Meters::new(&sites())),
        clock: clock.clone(),
        every: FOLD_EVERY,
        pauses: PAUSES,
        clickhouse: database,
    };
    (ship, anonymiser)
}

#[tokio::test]
async fn segments_behind_an_insert_that_hangs_are_folded_after_their_minute() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let clock = Arc::new(ManualClock::new("2026-03-10T12:00:00Z".parse().unwrap()));
    let (ship, anonymiser) = ship(folder.path(), &clock);
    let hit = Hit {
        received: clock.now(),
        address: ClientIp::new("192.0.2.1".parse().unwrap()),
        agent: UserAgent::new(FIREFOX),
        accept_language: None,
        signals: ObjectionSignals::default(),
        sender: HitSender::default(),
        site: None,
        url: "https://a.example/",
        referrer: None,
        fragment_is_page: false,
        width: None,
        consent: false,
        model: None,
        kind: HitKind::Pageview { not_found: false },
    };
    let sighting = anonymiser.anonymise(hit).map_err(|_| ()).unwrap();
    let mut turn = ship.ledger.turn().unwrap();
    turn.record(sighting).unwrap();
    turn.end().await.unwrap();
    clock.set("2026-03-10T12:01:00Z".parse().unwrap());
    let (answer, hanging) = oneshot::channel::<()>();
    let mut folded_at = monotonic_now() - FOLD_EVERY;
    let folded = async {
        while !ship.ledger.sealed().iter().any(|segment| segment.folded) {
            tokio::task::yield_now().await;
        }
        answer.send(()).unwrap();
    };
    let both = async { tokio::join!(ship.while_folding(hanging, &mut folded_at), folded) };
    let (answered, ()) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    answered.unwrap();
    assert!(ship.is_folded(1));
    assert!(folded_at.elapsed() < FOLD_EVERY, "the next minute begins there");
}

#[tokio::test]
async fn folding_gives_way_to_hits_and_nothing_else_does() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let clock = Arc::new(ManualClock::new("2026-03-10T12:00:00Z".parse().unwrap()));
    let (ship, _) = ship(folder.path(), &clock);
    let nice = || rustix::process::getpriority_process(None).unwrap();
    let before = nice();
    let folding = ship.folding(move |_| Ok(nice())).await.unwrap();
    assert_eq!(folding, (before + FOLD_BELOW).min(19));
    let beside = ship.blocking(move |_| Ok(nice())).await.unwrap();
    assert_eq!((beside, nice()), (before, before), "one that holds the lock of hits is not slow");
}
