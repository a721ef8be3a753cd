//! The program under load: the real one, with its own engine and folders.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sillage::config::ClickHouseConfig;
use sillage::store::{Engine, Store};
use tempfile::TempDir;

use crate::process::{Process, until};
use crate::wire::on_a_runtime;

/// Parts of its configuration beside addresses and folders.
pub(crate) struct Setup {
    /// Blocks before the first section.
    pub(crate) sites: String,
    /// Lines of section `[collect]`.
    pub(crate) collect: String,
    /// Lines of section `[console]`.
    pub(crate) console: String,
    /// Lines of section `[spool]`, with the flush interval.
    pub(crate) spool: String,
    /// Whether the spool is in memory, so that no hit waits for the disk.
    pub(crate) spool_in_memory: bool,
    /// Lines of section `[limits]`.
    pub(crate) limits: String,
    /// Paths of location files.
    pub(crate) geo: Vec<PathBuf>,
    /// How published figures are protected.
    pub(crate) protection: &'static str,
    /// Whether it runs an engine; without one, accepted hits wait in the spool.
    pub(crate) engine: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sites: "site = [{ name = \"shop.example\" }]".into(),
            collect: String::new(),
            console: String::new(),
            spool: "flush_seconds = 5".into(),
            spool_in_memory: false,
            // All visitors of a run, up to two million, come within the half hour in which a visit is open.
            limits: "visits = 5_000_000\nhits_per_address = 0\nagents_per_network = 0".into(),
            geo: Vec::new(),
            protection: "exact",
            engine: true,
        }
    }
}

/// Folders and configuration of a program; they may outlive its run.
pub(crate) struct Home {
    folder: TempDir,
    runtime: TempDir,
    pub(crate) collect: SocketAddr,
    pub(crate) console: SocketAddr,
    has_engine: bool,
}

impl Home {
    pub(crate) fn new(setup: &Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("load-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let runtime = tempfile::Builder::new().prefix("sillage-load-").tempdir_in("/dev/shm").unwrap();
        let (collect, console) = (free_address(), free_address());
        let path = |name: &str| folder.path().join(name);
        let database = match setup.engine {
            true => "mode = \"embedded\"".to_owned(),
            false => format!("mode = \"remote\"\nurl = \"http://{}\"", free_address()),
        };
        let text = format!(
            "{sites}\n\
             [collect]\nlisten = \"{collect}\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n{collect_more}\n\
             [console]\nlisten = \"{console}\"\n{console_more}\n\
             [clickhouse]\ndir = {data:?}\n{database}\n\
             [spool]\ndir = {spool:?}\n{spool_more}\n\
             [runtime]\ndir = {runtime:?}\n\
             [limits]\n{limits}\n\
             [geo]\ndatabases = {geo:?}\n\
             [privacy]\nprotection = \"{protection}\"\n",
            sites = setup.sites,
            collect_more = setup.collect,
            console_more = setup.console,
            data = path("data"),
            spool = if setup.spool_in_memory { runtime.path().join("spool") } else { path("spool") },
            spool_more = setup.spool,
            runtime = runtime.path(),
            limits = setup.limits,
            geo = setup.geo,
            protection = setup.protection,
        );
        std::fs::write(path("sillage.toml"), text).unwrap();
        Self { folder, runtime, collect, console, has_engine: setup.engine }
    }

    /// A path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments and this configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(arguments).arg("--config").arg(self.path("sillage.toml"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    /// Starts the program without waiting for it.
    pub(crate) fn spawn(self) -> Program {
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let began = Instant::now();
        let child = self.command(&["serve"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let collect = self.collect;
        Program { process: Process(child.id()), child, collect, began, home: Some(self) }
    }

    /// The same, after dropping the system's file cache; without the right to do so, only the process is cold.
    pub(crate) fn start_cold(self) -> Program {
        rustix::fs::sync();
        std::fs::write("/proc/sys/vm/drop_caches", "1").ok();
        self.start()
    }

    /// Starts it and waits until it listens; with an engine, until all parts run.
    pub(crate) fn start(self) -> Program {
        let mut program = self.spawn();
        program.wait();
        program
    }
}

/// A running program, with its home.
pub(crate) struct Program {
    child: Child,
    pub(crate) process: Process,
    pub(crate) collect: SocketAddr,
    /// Time of its start.
    pub(crate) began: Instant,
    home: Option<Home>,
}

impl Program {
    /// Waits until it listens; with an engine, until all parts run.
    pub(crate) fn wait(&mut self) {
        if self.home().has_engine {
            // Reads both lines: a closed pipe would end the program.
            let mut said = BufReader::new(self.child.stdout.as_mut().unwrap()).lines();
            let last = said.by_ref().map_while(Result::ok).find(|line| line.starts_with("console"));
            assert!(last.is_some(), "it ended: {}", self.log());
        }
        let listens = until(Duration::from_secs(60), || std::net::TcpStream::connect(self.collect).is_ok());
        assert!(listens.is_some(), "it does not listen: {}", self.log());
    }

    /// Its folders and its configuration.
    pub(crate) fn home(&self) -> &Home {
        self.home.as_ref().unwrap()
    }

    /// Output of the program so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home().path("log")).unwrap()
    }

    /// Process of its engine.
    pub(crate) fn engine(&self) -> Process {
        self.process.child().expect("an engine runs")
    }

    /// Bytes of the files in one of its folders.
    pub(crate) fn bytes(&self, folder: &str) -> u64 {
        bytes_below(&self.home().path(folder))
    }

    /// Answer to a query of the owner of the tables.
    pub(crate) fn ask<T>(&self, sql: &str) -> Vec<T>
    where
        T: clickhouse::RowOwned + clickhouse::RowRead,
    {
        // Its connection ends with the runtime: a stopping engine waits seconds for open ones.
        on_a_runtime(async { self.store().await.ask_as_owner(sql).rows().await.unwrap() })
    }

    /// Runs a statement as the owner of the tables.
    pub(crate) fn tell(&self, sql: &str) {
        on_a_runtime(async { self.store().await.statement(sql).await.unwrap() });
    }

    async fn store(&self) -> Store {
        let engine = Engine::running(self.home().runtime.path()).await.unwrap();
        Store::connect(&ClickHouseConfig::default(), &engine)
    }

    /// Returns once the engine has no running merges.
    pub(crate) fn merged(&self) {
        let merges = || self.ask::<u64>("SELECT count() FROM system.merges")[0];
        until(Duration::from_secs(600), || merges() == 0).expect("merges end");
    }

    /// Bytes of the tables on the disk.
    pub(crate) fn database_bytes(&self) -> u64 {
        self.ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'sillage'")[0]
    }

    /// Pageviews in the database, once there are `expected` or after two minutes. Polls rarely: queries cost too.
    pub(crate) fn pageviews(&self, expected: u64) -> i64 {
        let began = Instant::now();
        loop {
            let counted = self.ask::<i64>("SELECT sum(pageviews) FROM sillage.site_days")[0];
            if counted >= i64::try_from(expected).unwrap() || began.elapsed() > Duration::from_secs(120) {
                return counted;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Stops it gracefully; its folders stay.
    pub(crate) fn end(mut self) -> Home {
        self.terminate(Signal::TERM);
        self.home.take().unwrap()
    }

    fn terminate(&mut self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).ok();
        if until(Duration::from_secs(30), || matches!(self.child.try_wait(), Ok(Some(_)))).is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let Some(home) = &self.home else { return };
        if std::thread::panicking() {
            println!("the program had said:\n{}it is now: {:?}", self.log(), self.child.try_wait());
        }
        self.terminate(if home.has_engine { Signal::TERM } else { Signal::KILL });
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
