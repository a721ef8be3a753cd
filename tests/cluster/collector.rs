//! Collectors as processes of their own, and the engine that they share.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sillage::config::ClickHouseConfig;
use sillage::store::engine::EngineOptions;
use sillage::store::{Engine, Store};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::balancer::free_port;

/// The one site.
pub(crate) const SITE: &str = "shop.example";

const PROGRAM: &str = env!("CARGO_BIN_EXE_sillage");

/// A real engine in folders of its own.
pub(crate) struct Database {
    engine: Engine,
    folder: TempDir,
    _runtime: TempDir,
}

impl Database {
    /// Starts it.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tempfile::Builder::new().prefix("sillage-cluster-").tempdir_in("/dev/shm").unwrap();
        let options = EngineOptions {
            dir: folder.path().join("clickhouse"),
            runtime_dir: runtime.path().join("engine"),
            program: Some(PROGRAM.into()),
            ..EngineOptions::default()
        };
        let engine = Engine::start(options).await.unwrap();
        std::fs::write(folder.path().join("password"), &engine.endpoint().writer.password).unwrap();
        Self { engine, folder, _runtime: runtime }
    }

    /// Visitors and pageviews that are counted.
    pub(crate) async fn figures(&self) -> (u64, u64) {
        let store = Store::connect(&ClickHouseConfig::default(), &self.engine.endpoint());
        let sql = "SELECT toUInt64(sum(visitors)), toUInt64(sum(pageviews)) FROM sillage.site_days";
        store.ask_as_owner(sql).rows::<(u64, u64)>().await.unwrap()[0]
    }
}

/// A collector: its folders, its address, and its process while it runs.
pub(crate) struct Collector {
    /// Where the balancer finds it, the same for its whole life.
    pub(crate) address: SocketAddr,
    number: usize,
    disk: TempDir,
    memory: TempDir,
    child: Option<Child>,
}

impl Collector {
    /// Starts number `number`; with `stopped`, over the folders of one that has ended.
    pub(crate) async fn start(database: &Database, number: usize, stopped: Option<Self>) -> Self {
        let mut collector = stopped.unwrap_or_else(|| Self {
            address: SocketAddr::from(([127, 0, 0, 1], free_port())),
            number,
            disk: tempfile::tempdir().unwrap(),
            memory: tempfile::Builder::new().prefix("sillage-cluster-").tempdir_in("/dev/shm").unwrap(),
            child: None,
        });
        collector.configure(database);
        let log = std::fs::File::options().create(true).append(true).open(collector.disk.path().join("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg("--config").arg(collector.config()).kill_on_drop(true);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
        assert!(line.is_some(), "it ended: {}", collector.log());
        collector.child = Some(child);
        collector
    }

    /// Starts it again over its folders.
    pub(crate) async fn start_again(self, database: &Database) -> Self {
        let number = self.number;
        Self::start(database, number, Some(self)).await
    }

    /// Sends it a signal and waits for its end.
    pub(crate) async fn end(mut self, signal: Signal) -> Self {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), signal).unwrap();
        tokio::time::timeout(Duration::from_secs(60), child.wait()).await.expect("it ends").unwrap();
        self
    }

    /// Moves its state to other folders, as to another machine, through a pipe.
    pub(crate) async fn moved(self) -> Self {
        let target = Self {
            address: self.address,
            number: self.number,
            disk: tempfile::tempdir().unwrap(),
            memory: tempfile::Builder::new().prefix("sillage-cluster-").tempdir_in("/dev/shm").unwrap(),
            child: None,
        };
        let text = std::fs::read_to_string(self.config()).unwrap();
        let moved = [(self.disk.path(), target.disk.path()), (self.memory.path(), target.memory.path())]
            .iter()
            .fold(text, |text, (from, to)| text.replace(from.to_str().unwrap(), to.to_str().unwrap()));
        std::fs::write(target.config(), moved).unwrap();
        let slot = |action: &str, config: &Path| {
            let mut command = Command::new(PROGRAM);
            command.args(["slot", action, "--config"]).arg(config);
            command
        };
        let mut pack = slot("pack", &self.config()).stdout(Stdio::piped()).spawn().unwrap();
        let stream: Stdio = pack.stdout.take().unwrap().try_into().unwrap();
        let unpacked = slot("unpack", &target.config()).stdin(stream).status().await.unwrap();
        assert!(pack.wait().await.unwrap().success() && unpacked.success(), "the slot moves");
        target
    }

    fn config(&self) -> PathBuf {
        self.disk.path().join("sillage.toml")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.disk.path().join("log")).unwrap_or_default()
    }

    fn configure(&self, database: &Database) {
        let text = format!(
            r#"
            site = [{{ name = "{SITE}" }}]
            [collect]
            listen = "{address}"
            trusted_proxies = ["127.0.0.0/8"]
            [console]
            listen = "127.0.0.1:0"
            [clickhouse]
            mode = "remote"
            url = "{url}"
            user = "sillage"
            password_file = {password:?}
            [spool]
            dir = {spool:?}
            flush_seconds = 1
            [runtime]
            dir = {runtime:?}
            [privacy]
            protection = "exact"
            "#,
            address = self.address,
            url = database.engine.endpoint().url,
            password = database.folder.path().join("password"),
            spool = self.disk.path().join("spool"),
            runtime = self.memory.path(),
        );
        std::fs::write(self.config(), text).unwrap();
    }
}
