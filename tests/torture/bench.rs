//! The bench: the collector under test, the proxy, the database, and rounds of load and faults on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sillage::config;
use sillage::store::engine::EngineOptions;
use sillage::store::published::TABLES;
use sillage::store::scope::ReaderAccess;
use sillage::store::{Endpoint, Engine, Store};
use tokio::time::sleep;

use crate::chance::Chance;
use crate::collector::{Collector, Database};
use crate::control::Control;
use crate::faults::Fault;
use crate::figures::Figures;
use crate::load::{Hit, Load};
use crate::proxy::Proxy;
use sillage::clock::monotonic_now;

/// Longest wait for the spool to drain: more than the longest pause between two attempts at the database.
const SETTLE: Duration = Duration::from_secs(100);
const DAY: i64 = 86_400;

/// All parts of one scenario.
pub(crate) struct Bench {
    pub(crate) collector: Collector,
    pub(crate) control: Arc<Control>,
    pub(crate) proxy: Proxy,
    /// The database, where the collector does not run it.
    pub(crate) engine: Option<Engine>,
    /// Whether the spool has a small disk of its own.
    pub(crate) small_disk: bool,
    load: Arc<Load>,
    /// Figures of whole sites when they were read last, and their gain by each round.
    sites: Figures,
    gained: BTreeMap<usize, Figures>,
    folders: Folders,
}

/// One round: a kind of fault, and the ledger of its hits.
pub(crate) struct Round {
    pub(crate) number: usize,
    pub(crate) fault: Fault,
    pub(crate) times: u64,
    pub(crate) ledger: Vec<Hit>,
    /// Whether all accepted hits left the spool.
    pub(crate) settled: bool,
}

impl Bench {
    /// A bench with a database run by the harness, behind the proxy.
    pub(crate) async fn remote(name: &str, rate: u32) -> Self {
        let folders = Folders::new(name);
        let engine = shared_engine(&folders).await;
        let proxy = Proxy::start(address(&engine.endpoint())).await;
        let password = folders.memory.join("password");
        let database = database_of(&engine, &proxy, &password);
        let spool = folders.disk.join("spool");
        std::fs::create_dir_all(&spool).unwrap();
        let small_disk = mount(&spool);
        Self::with(folders, spool, &database, proxy, Some(engine), small_disk, rate).await
    }

    /// A bench with the collector's own engine.
    pub(crate) async fn embedded(name: &str, rate: u32) -> Self {
        let folders = Folders::new(name);
        let (data, spool) = (folders.disk.join("data"), folders.disk.join("spool"));
        // No request uses this proxy.
        let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], 9))).await;
        Self::with(folders, spool, &Database::Embedded(&data), proxy, None, false, rate).await
    }

    async fn with(
        folders: Folders,
        spool: PathBuf,
        database: &Database<'_>,
        proxy: Proxy,
        engine: Option<Engine>,
        small_disk: bool,
        rate: u32,
    ) -> Self {
        let control = Arc::new(Control::new(&folders.memory));
        let seconds = control.now().div_euclid(1_000).rem_euclid(DAY);
        control.step(DAY / 2 - seconds);
        let mut collector = Collector::new(&folders.disk, &folders.memory, spool, (database, "exact"), &control);
        let load = Arc::new(Load::new(collector.collect, rate, control.clone()));
        collector.start().await;
        let (sites, gained) = (Figures::default(), BTreeMap::new());
        Self { collector, control, proxy, engine, small_disk, load, sites, gained, folders }
    }

    /// Applies load, strikes with the fault several times, then waits until everything is shipped.
    pub(crate) async fn round(&mut self, number: usize, fault: Fault, strikes: u32, mut chance: Chance) -> Round {
        self.morning().await;
        let stop = Arc::new(AtomicBool::new(false));
        let load = tokio::spawn(self.load.clone().run(number, chance.fork(), stop.clone()));
        sleep(chance.millis(200, 600)).await;
        let mut times = 0;
        for _ in 0..strikes {
            sleep(chance.millis(30, 500)).await;
            times += fault.strike(self, &mut chance).await;
        }
        sleep(chance.millis(100, 500)).await;
        self.heal();
        stop.store(true, Ordering::SeqCst);
        let ledger = load.await.unwrap();
        let settled = self.settle().await;
        Round { number, fault, times, ledger, settled }
    }

    /// Waits until all accepted hits are shipped.
    async fn settle(&self) -> bool {
        let until = monotonic_now() + SETTLE;
        while monotonic_now() < until {
            if self.collector.is_empty() {
                return true;
            }
            self.follow_engine();
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Follows a restarted database: it has another address and password, as on a server whose password was changed.
    fn follow_engine(&self) {
        let Some(endpoint) = self.engine.as_ref().map(Engine::endpoint) else { return };
        if self.proxy.leads_to() != address(&endpoint) {
            let password = self.folders.memory.join("password");
            let new = password.with_extension("new");
            std::fs::write(&new, &endpoint.writer.password).unwrap();
            std::fs::rename(new, password).unwrap();
            self.proxy.lead_to(address(&endpoint));
        }
    }

    /// The figures of a round in the database now: those of its pages, and what the sites gained by it. What they have
    /// gained since the last call counts as this round's.
    pub(crate) async fn figures(&mut self, round: usize) -> Figures {
        let store = self.store().await;
        let sites = Figures::of_sites(&store).await;
        let gained = self.gained.entry(round).or_default();
        gained.add(&sites, 1);
        gained.add(&self.sites, -1);
        self.sites = sites;
        let mut figures = Figures::of_pages(&store, round).await;
        figures.add(gained, 1);
        figures
    }

    async fn store(&self) -> Store {
        let endpoint = match &self.engine {
            Some(engine) => engine.endpoint(),
            None => self.own_engine().await,
        };
        Store::connect(&config::ClickHouseConfig::default(), &endpoint)
    }

    async fn own_engine(&self) -> Endpoint {
        let until = monotonic_now() + SETTLE;
        loop {
            if let Some(endpoint) = Engine::running(&self.collector.runtime).await {
                return endpoint;
            }
            assert!(monotonic_now() < until, "the collector's engine does not come back");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the collector, and starts it `seconds` later by its clock. The clock is only moved while it is down: a
    /// running collector ignores leaps.
    pub(crate) async fn down(&mut self, seconds: i64) {
        self.collector.kill().await;
        let load = self.load.clone();
        let closed = load.gate.write().await;
        self.control.step(seconds);
        drop(closed);
        self.collector.start().await;
    }

    /// Lets midnight pass while no hit is on its way: only the collector knows on which day it received a hit.
    pub(crate) async fn pass_midnight(&self) {
        while self.until_midnight() < DAY / 2 {
            let left = DAY * 1_000 - self.control.now().rem_euclid(DAY * 1_000);
            if left < 150 {
                let closed = self.load.gate.write().await;
                sleep(Duration::from_millis(300)).await;
                drop(closed);
            } else {
                sleep(Duration::from_millis(u64::try_from(left - 100).unwrap_or(0))).await;
            }
        }
    }

    /// Seconds of the collector's clock until its day ends.
    pub(crate) fn until_midnight(&self) -> i64 {
        DAY - self.control.now().div_euclid(1_000).rem_euclid(DAY)
    }

    /// Moves the clock to noon of the next day if a midnight could come by itself.
    async fn morning(&mut self) {
        let left = self.until_midnight();
        if left < 2 * 3_600 {
            self.down(left + DAY / 2).await;
        }
    }

    /// Ends everything that was started.
    pub(crate) async fn end(mut self, keep: bool) {
        self.collector.terminate().await;
        if let Some(engine) = self.engine.take() {
            engine.stop().await;
        }
        self.folders.keep = keep;
    }
}

/// A database run by the harness.
pub(crate) async fn shared_engine(folders: &Folders) -> Engine {
    let (data, runtime) = (folders.disk.join("data"), folders.memory.join("engine"));
    let tables = TABLES.map(|table| format!("sillage.{}", table.name)).into();
    let readers = ReaderAccess { tables, ..ReaderAccess::default() };
    let program = Some(env!("CARGO_BIN_EXE_sillage").into());
    let options = EngineOptions { dir: data, runtime_dir: runtime, program, readers, ..EngineOptions::default() };
    Engine::start(options).await.unwrap()
}

/// This database behind a proxy; its password goes into a file.
pub(crate) fn database_of<'d>(engine: &Engine, proxy: &Proxy, password: &'d Path) -> Database<'d> {
    std::fs::write(password, &engine.endpoint().writer.password).unwrap();
    Database::Remote(format!("http://{}", proxy.address), password)
}

/// Where a database listens.
pub(crate) fn address(endpoint: &Endpoint) -> SocketAddr {
    endpoint.url.trim_start_matches("http://").parse().unwrap()
}

/// Mounts a disk of 8 MB of memory on a folder; only root may.
fn mount(folder: &Path) -> bool {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "sillage-torture"]).arg(folder).output();
    mounted.is_ok_and(|output| output.status.success())
}

fn unmount(folder: &Path) {
    Command::new("umount").arg("-l").arg(folder).output().ok();
}

/// Folders of the scenario; removed on drop.
pub(crate) struct Folders {
    pub(crate) disk: PathBuf,
    pub(crate) memory: PathBuf,
    /// Whether the folder on disk stays, for its log.
    pub(crate) keep: bool,
}

impl Folders {
    pub(crate) fn new(name: &str) -> Self {
        let disk_root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("torture");
        let memory_root = Path::new("/dev/shm/sillage-torture");
        for root in [&disk_root, memory_root] {
            std::fs::create_dir_all(root).unwrap();
            sweep(root);
        }
        let own = format!("{}-{name}", std::process::id());
        let (disk, memory) = (disk_root.join(&own), memory_root.join(&own));
        std::fs::create_dir_all(&disk).unwrap();
        std::fs::create_dir_all(&memory).unwrap();
        Self { disk, memory, keep: false }
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        unmount(&self.disk.join("spool"));
        std::fs::remove_dir_all(&self.memory).ok();
        if !self.keep && !std::thread::panicking() {
            std::fs::remove_dir_all(&self.disk).ok();
        }
    }
}

/// Removes the folders of harnesses that are gone.
fn sweep(root: &Path) {
    for folder in std::fs::read_dir(root).unwrap().flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let pid = name.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            unmount(&folder.path().join("spool"));
            std::fs::remove_dir_all(folder.path()).ok();
        }
    }
}
