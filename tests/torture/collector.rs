//! The collector under test: the real program in its own process, started, killed and restarted on the same folders and
//! ports. Only processes that were started here are ended, each by its own number.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::control::Control;

/// Longest wait for a start, or for an end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(60);

/// One collector, through all its restarts.
pub(crate) struct Collector {
    pub(crate) collect: SocketAddr,
    /// Folder of its spool.
    pub(crate) spool: PathBuf,
    /// Runtime folder, in memory.
    pub(crate) runtime: PathBuf,
    config: PathBuf,
    log: PathBuf,
    environment: Vec<(&'static str, PathBuf)>,
    child: Option<Child>,
    /// Unexpected ends of the process.
    pub(crate) fell: Vec<String>,
}

/// Place of the database.
pub(crate) enum Database<'d> {
    /// The collector's own engine, in this folder.
    Embedded(&'d Path),
    /// At a URL, with the password of user `sillage` in this file.
    Remote(String, &'d Path),
}

impl Collector {
    /// Writes its configuration, with the database and the protection of figures; does not start it.
    pub(crate) fn new(
        folder: &Path,
        memory: &Path,
        spool: PathBuf,
        (database, protection): (&Database<'_>, &str),
        control: &Control,
    ) -> Self {
        let (collect, console) = (free_port(), free_port());
        let runtime = memory.join("runtime");
        let database = match database {
            Database::Embedded(dir) => format!("mode = \"embedded\"\ndir = {dir:?}"),
            Database::Remote(url, password) => {
                format!("mode = \"remote\"\nurl = \"{url}\"\nuser = \"sillage\"\npassword_file = {password:?}")
            }
        };
        let text = format!(
            r#"
            [collect]
            listen = "{collect}"
            trusted_proxies = ["127.0.0.0/8"]
            threads = 2
            drain_seconds = 5
            [console]
            listen = "{console}"
            [clickhouse]
            {database}
            [spool]
            dir = {spool:?}
            flush_seconds = 1
            [runtime]
            dir = {runtime:?}
            [privacy]
            protection = "{protection}"
            [limits]
            hits_per_address = 0
            agents_per_network = 0
            pages_per_site_day = 10000000
            values_per_dimension = 60000
            [[site]]
            name = "one.example"
            search_parameter = "q"
            [[site]]
            name = "two.example"
            search_parameter = "q"
            "#
        );
        let config = folder.join("sillage.toml");
        std::fs::write(&config, text).unwrap();
        let environment = vec![
            ("LD_PRELOAD", control.library.clone()),
            ("TORTURE_CONTROL", control.path.clone()),
            ("TORTURE_SPOOL", spool.clone()),
        ];
        let log = folder.join("collector.txt");
        Self { collect, spool, runtime, config, log, environment, child: None, fell: Vec::new() }
    }

    /// Starts the process and returns at once.
    pub(crate) fn spawn(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(["serve", "--config"])
            .arg(&self.config)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Starts the process, and returns once it accepts connections.
    pub(crate) async fn start(&mut self) {
        self.spawn();
        let answering = async {
            while tokio::net::TcpStream::connect(self.collect).await.is_err() {
                let ended = self.child.as_mut().is_none_or(|child| child.try_wait().is_ok_and(|end| end.is_some()));
                assert!(!ended, "the collector does not start: see {}", self.log.display());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let started = tokio::time::timeout(PATIENCE, answering).await;
        assert!(started.is_ok(), "the collector does not answer: see {}", self.log.display());
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(status) = child.try_wait().unwrap() {
            self.fell.push(format!("it had ended by itself: {status}"));
        }
        child.kill().await.ok();
    }

    /// SIGTERM, and waits until it has exited, which it must do by itself with success.
    pub(crate) async fn terminate(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            kill_process(pid, Signal::TERM).unwrap();
        }
        match tokio::time::timeout(PATIENCE, child.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(status) => self.fell.push(format!("after SIGTERM: {status:?}")),
            Err(_) => {
                self.fell.push("it did not end after SIGTERM".into());
                child.kill().await.ok();
            }
        }
    }

    /// Process id of its engine: its only child.
    pub(crate) fn engine(&self) -> Option<Pid> {
        let id = self.child.as_ref()?.id()?;
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten();
        let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        let first = children.flat_map(|list| list.split_whitespace().next().map(str::to_owned)).next()?;
        Pid::from_raw(first.parse().ok()?)
    }

    /// Whether all accepted hits have left the spool: no file holds more than a segment's header.
    pub(crate) fn is_empty(&self) -> bool {
        is_empty(&self.spool)
    }

    /// Its segments with events, oldest first; only while it is down.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&self.spool).unwrap().flatten().map(|file| file.path()).collect();
        files.retain(|path| path.extension().is_some_and(|kind| kind == "seg"));
        files.sort();
        files
    }
}

fn is_empty(folder: &Path) -> bool {
    const HEADER: usize = 48;
    let Ok(files) = std::fs::read_dir(folder) else { return false };
    files.flatten().all(|file| match file.metadata() {
        Ok(data) if data.is_dir() => file.file_name() == "quarantine" || is_empty(&file.path()),
        Ok(_) if file.file_name() == BALLAST => true,
        // A segment's free space is zeros. An unreadable one has just been shipped.
        Ok(_) => std::fs::read(file.path()).map_or(true, |bytes| bytes.iter().skip(HEADER).all(|byte| *byte == 0)),
        Err(_) => true,
    })
}

/// Name of a file beside the segments that fills the disk.
pub(crate) const BALLAST: &str = "ballast";

/// A port outside the system's range for clients: no other process takes it while the collector is down.
fn free_port() -> SocketAddr {
    let mut number = [0; 2];
    let free = |_: u32| {
        getrandom::fill(&mut number).unwrap();
        let port = 12_000 + u16::from_ne_bytes(number) % 18_000;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?.local_addr().ok()
    };
    (0..1_000).find_map(free).expect("a free port")
}
