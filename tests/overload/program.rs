//! The program under load: the real one, with its own engine and folders.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sillage::config::ClickHouse;
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
    pub(crate) fn with_engine(collect: &str) -> Self {
        Self::start(free_address(), collect, "mode = \"embedded\"", "")
    }

    /// Its database is nowhere: what is accepted waits in the spool.
    pub(crate) fn without_engine(collect: &str, spool: &str) -> Self {
        let nowhere = format!("mode = \"remote\"\nurl = \"http://{}\"", free_address());
        Self::start(free_address(), collect, &nowhere, spool)
    }

    fn start(address: SocketAddr, collect: &str, database: &str, spool: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("overload-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let runtime = tempfile::Builder::new().prefix("sillage-overload-").tempdir_in("/dev/shm").unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            "site = [{{ name = \"shop.example\" }}]\n\
             [collect]\nlisten = \"{address}\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n{collect}\n\
             [console]\nlisten = \"127.0.0.1:0\"\n\
             [clickhouse]\ndir = {:?}\n{database}\n\
             [spool]\ndir = {:?}\nflush_seconds = 5\n{spool}\n\
             [runtime]\ndir = {:?}\n\
             [privacy]\nrounding = 1\n",
            path("data"),
            path("spool"),
            runtime.path()
        );
        std::fs::write(path("sillage.toml"), text).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(["serve", "--config"])
            .arg(path("sillage.toml"))
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

    /// The most that it ever was.
    pub(crate) fn memory_most_mib(&self) -> f64 {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
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

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
