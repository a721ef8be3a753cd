//! Collectors as separate processes, and the engine that they share.

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
use crate::node::{ClusterPlan, PASSWORD};

/// Name of the only site.
pub(crate) const SITE: &str = "shop.example";

const PROGRAM: &str = env!("CARGO_BIN_EXE_sillage");

/// A real engine in folders of its own.
pub(crate) struct Database {
    engine: Engine,
    folder: TempDir,
    _runtime: TempDir,
}

impl Database {
    /// Starts the engine and creates the tables.
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

    /// Published visitors and pageviews of the day.
    pub(crate) async fn figures(&self) -> (u64, u64) {
        let store = Store::connect(&ClickHouseConfig::default(), &self.engine.endpoint());
        let sql = "SELECT toUInt64(sum(visitors)), toUInt64(sum(pageviews)) FROM sillage.site_days";
        store.ask_as_owner(sql).rows::<(u64, u64)>().await.unwrap()[0]
    }
}

/// A collector: its folders, its address, and its process while it runs.
pub(crate) struct Collector {
    /// Address for the balancer, the same for its whole life.
    pub(crate) address: SocketAddr,
    number: usize,
    disk: TempDir,
    memory: TempDir,
    child: Option<Child>,
}

impl Collector {
    /// Starts collector `number`; with `stopped`, over the folders of one that has ended.
    pub(crate) async fn start(database: &Database, number: usize, stopped: Option<Self>) -> Self {
        let mut collector = stopped.unwrap_or_else(|| Self::new(number));
        let password = database.folder.path().join("password");
        let clickhouse = format!("url = \"{}\"\npassword_file = {password:?}", database.engine.endpoint().url);
        collector.configure(&[SITE.to_owned()], &clickhouse);
        collector.spawn().await;
        collector
    }

    /// Starts one before a cluster.
    pub(crate) async fn start_on_cluster(plan: &ClusterPlan, sites: &[String]) -> Self {
        Self::new(0).start_again_on_cluster(plan, sites).await
    }

    /// Starts it again over its folders, before a cluster as it is now.
    pub(crate) async fn start_again_on_cluster(mut self, plan: &ClusterPlan, sites: &[String]) -> Self {
        self.configure_for(plan, sites);
        self.spawn().await;
        self
    }

    /// One before a cluster that does not run: for its other commands.
    pub(crate) fn idle_on_cluster(plan: &ClusterPlan, sites: &[String]) -> Self {
        let collector = Self::new(0);
        collector.configure_for(plan, sites);
        collector
    }

    fn configure_for(&self, plan: &ClusterPlan, sites: &[String]) {
        let password = self.disk.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let (urls, by) = (plan.config().urls, if plan.keeper.is_some() { "keeper" } else { "distributed" });
        let cluster = format!("cluster = \"north\"\nreplication = \"{by}\"");
        self.configure(sites, &format!("urls = {urls:?}\npassword_file = {password:?}\n{cluster}"));
    }

    fn new(number: usize) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], free_port())),
            number,
            disk: tempfile::tempdir().unwrap(),
            memory: tempfile::Builder::new().prefix("sillage-cluster-").tempdir_in("/dev/shm").unwrap(),
            child: None,
        }
    }

    /// The program with these arguments and this collector's configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--config").arg(self.config());
        command
    }

    async fn spawn(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.disk.path().join("log")).unwrap();
        let mut command = self.command(&["serve"]);
        let mut child = command.kill_on_drop(true).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
        assert!(line.is_some(), "it ended: {}", self.log());
        self.child = Some(child);
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

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id().unwrap();
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    /// Changes the text of its configuration.
    pub(crate) fn rewrite(&self, change: impl FnOnce(String) -> String) {
        let text = change(std::fs::read_to_string(self.config()).unwrap());
        std::fs::write(self.config(), text).unwrap();
    }

    /// Starts one that has ended, with the configuration as it is.
    pub(crate) async fn resumed(mut self) -> Self {
        self.spawn().await;
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

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.disk.path().join("log")).unwrap_or_default()
    }

    fn configure(&self, sites: &[String], clickhouse: &str) {
        let sites: Vec<_> = sites.iter().map(|site| format!("{{ name = \"{site}\" }}")).collect();
        let text = format!(
            r#"
            site = [{sites}]
            [collect]
            listen = "{address}"
            trusted_proxies = ["127.0.0.0/8"]
            [console]
            listen = "127.0.0.1:0"
            [clickhouse]
            mode = "remote"
            user = "sillage"
            {clickhouse}
            [spool]
            dir = {spool:?}
            flush_seconds = 1
            [runtime]
            dir = {runtime:?}
            [privacy]
            protection = "exact"
            "#,
            sites = sites.join(", "),
            address = self.address,
            spool = self.disk.path().join("spool"),
            runtime = self.memory.path(),
        );
        std::fs::write(self.config(), text).unwrap();
    }
}
