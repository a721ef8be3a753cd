//! The program under load: the real one, with its own engine and folders.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use sillage::config::{ClickHouse, Config};
use sillage::memory;
use sillage::store::{Engine, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A running program.
pub(crate) struct Program {
    child: Child,
    pub(crate) collect: SocketAddr,
    runtime: TempDir,
    folder: TempDir,
    tasks: Runtime,
    has_engine: bool,
}

impl Program {
    /// With an engine of its own.
    pub(crate) fn with_engine(collect: &str, limits: &str) -> Self {
        Self::start(free_address(), collect, "mode = \"embedded\"", &format!("[limits]\n{limits}"))
    }

    /// On the first core alone, with one thread that serves; its engine, and whoever asks for this, are on the second.
    /// Where there is no second core, they share.
    pub(crate) fn on_a_core_of_its_own(collect: &str) -> Self {
        let cores = std::thread::available_parallelism().unwrap().get();
        pin(None, 0);
        let program = Self::with_engine(&format!("threads = 1\n{collect}"), "");
        let second = 1 % cores;
        pin(None, second);
        let tasks = |id: u32| std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        for task in tasks(program.child.id()) {
            let engines = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for engine in engines.split_whitespace().map(|id| id.parse().unwrap()) {
                for thread in tasks(engine) {
                    pin(Pid::from_raw(thread.file_name().to_str().unwrap().parse().unwrap()), second);
                }
            }
        }
        program
    }

    /// Most memory of its own that its configuration allows it, in MiB.
    pub(crate) fn allowed_mib(&self) -> f64 {
        let config = Config::load(&self.folder.path().join("sillage.toml")).unwrap();
        let bytes: u64 = memory::process(&config).iter().map(|part| part.bytes).sum();
        bytes as f64 / f64::from(1 << 20)
    }

    /// Its database is nowhere: what is accepted waits in the spool.
    pub(crate) fn without_engine(collect: &str, spool: &str) -> Self {
        let nowhere = format!("mode = \"remote\"\nurl = \"http://{}\"", free_address());
        Self::start(free_address(), collect, &nowhere, &format!("[spool]\n{spool}"))
    }

    fn start(address: SocketAddr, collect: &str, database: &str, more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("overload-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let runtime = tempfile::Builder::new().prefix("sillage-overload-").tempdir_in("/dev/shm").unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            "site = [{{ name = \"shop.example\" }}]\n\
             [collect]\nlisten = \"{address}\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n{collect}\n\
             [console]\nlisten = \"127.0.0.1:0\"\n\
             [clickhouse]\ndir = {:?}\n{database}\n\
             {more}\n\
             [runtime]\ndir = {:?}\n\
             [privacy]\nrounding = 1\n",
            path("data"),
            runtime.path()
        );
        std::fs::write(path("sillage.toml"), text).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(["serve", "--config"])
            .arg(path("sillage.toml"))
            .env("SILLAGE_SPOOL__DIR", path("spool"))
            .env("SILLAGE_SPOOL__FLUSH_SECONDS", "5")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let has_engine = database.contains("embedded");
        let mut program = Self { child, collect: address, runtime, folder, tasks, has_engine };
        program.wait();
        program
    }

    /// Until it listens; with an engine, until all of it runs.
    fn wait(&mut self) {
        if self.has_engine {
            // Both lines: one that it cannot write any more would end it.
            let mut said = BufReader::new(self.child.stdout.as_mut().unwrap()).lines();
            let last = said.by_ref().map_while(Result::ok).find(|line| line.starts_with("console"));
            assert!(last.is_some(), "it ended: {}", self.log());
        }
        let listens = until(Duration::from_secs(60), || std::net::TcpStream::connect(self.collect).is_ok());
        assert!(listens.is_some(), "it does not listen: {}", self.log());
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Its memory in MiB.
    pub(crate) fn memory_mib(&self) -> f64 {
        self.status_mib("VmRSS:")
    }

    /// The most that it ever was, journal and all.
    pub(crate) fn memory_most_mib(&self) -> f64 {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, name: &str) -> f64 {
        status_mib(self.child.id(), name)
    }

    /// The most memory of its own, without files and without the journal, while `what` goes on, in MiB.
    pub(crate) fn own_memory_most_mib<R>(&self, what: impl FnOnce() -> R) -> (R, f64) {
        let (id, done) = (self.child.id(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let watching = scope.spawn(|| {
                let mut most = 0.0_f64;
                while !done.load(Ordering::Relaxed) {
                    most = most.max(status_mib(id, "RssAnon:"));
                    std::thread::sleep(Duration::from_millis(20));
                }
                most
            });
            let result = what();
            done.store(true, Ordering::Relaxed);
            (result, watching.join().unwrap())
        })
    }

    /// Processor time that it has used, user and system, without its engine.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let mut fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11);
        let mut ticks = || fields.next().unwrap().parse::<u64>().unwrap();
        Duration::from_millis((ticks() + ticks()) * 10)
    }

    /// Pageviews in the database, once there are `expected` or after half a minute.
    pub(crate) fn pageviews(&self, expected: u64) -> i64 {
        self.tasks.block_on(async {
            let engine = Engine::running(self.runtime.path()).await.unwrap();
            let store = Store::connect(&ClickHouse::default(), &engine);
            let (began, sql) = (Instant::now(), "SELECT sum(pageviews) FROM sillage.pages");
            loop {
                let sums: Vec<i64> = store.ask_as_owner(sql).rows().await.unwrap();
                if sums[0] >= i64::try_from(expected).unwrap() || began.elapsed() > Duration::from_secs(30) {
                    return sums[0];
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the program had said:\n{}it is now: {:?}", self.log(), self.child.try_wait());
        }
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, if self.has_engine { Signal::TERM } else { Signal::KILL }).ok();
        if until(Duration::from_secs(30), || matches!(self.child.try_wait(), Ok(Some(_)))).is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// How long until `holds`; nothing if it does not `within`.
pub(crate) fn until(within: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < within {
        if holds() {
            return Some(began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

fn status_mib(id: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// A thread, or this one, runs on this core only.
fn pin(thread: Option<Pid>, core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(thread, &cores).unwrap();
}

/// This thread, and those that it starts, run where they may.
pub(crate) fn unpin() {
    let mut cores = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| cores.set(core));
    sched_setaffinity(None, &cores).unwrap();
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
