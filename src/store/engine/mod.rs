//! A ClickHouse of our own, as a child on a leash: its standard input is a pipe that we hold, and when the pipe closes,
//! for whatever reason, it ends. Must never let the child outlive us, be reached from outside, or write its errors
//! into our logs: they quote data.
//!
//! If the child dies it is started again on the same port, with the same users: whoever holds the [`Endpoint`] only
//! sees a pause. Two processes cannot open one data folder: a lock on a file in it decides.

mod error;
mod launch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Endpoint, Store};
use super::error::code_of;
use crate::config;
use crate::ffi;
use crate::lock::FolderLock;
use crate::priority;
pub use crate::store::engine::error::EngineError;
use crate::store::engine::launch::EngineProgram;

/// Start to first answer: half a second; a slow disk with many parts takes longer.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two looks whether it answers yet.
const READY_POLL: Duration = Duration::from_millis(10);
/// After the leash is let go, running merges are abandoned at once; then it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// So far the engine is below us: where both want a core, hits get three times as much.
const BELOW: i32 = 5;
/// Pause before the first restart; it doubles up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// One that lived so long begins with the shortest pause again.
const LIVED_WELL: Duration = Duration::from_secs(60);
/// Starts to try, each with another port: somebody may take a free port before the engine does, and the child of a
/// collector that was killed a moment ago may still be closing the data folder.
/// A long query holds the folder for some seconds: the tries last 13 in all.
const STARTS_TRIED: u32 = 10;
const LOADS_TRIED: u32 = 3;
const START_PAUSE: Duration = Duration::from_millis(300);
/// What is kept of the child's last words, in memory, to find the error's number in.
const LAST_WORDS_BYTES: usize = 16_384;

/// What an engine is started with.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Where it keeps its parts.
    pub dir: PathBuf,
    /// A folder in memory, for its configuration and `engine.json`.
    pub runtime_dir: PathBuf,
    /// The library; empty means a `clickhouse` on the PATH, or the library where `npm ci` puts it.
    pub library: String,
    /// Our executable, when it is not the running one.
    pub program: Option<PathBuf>,
    /// Views that the reading user may read, as `database.view`; they need not exist yet.
    pub report_views: Vec<String>,
}

/// A running engine. Dropping it lets the child go; [`Engine::stop`] also waits for its end.
pub struct Engine {
    endpoint: Endpoint,
    up: watch::Receiver<bool>,
    process: watch::Receiver<Option<u32>>,
    let_go: oneshot::Sender<()>,
    watcher: JoinHandle<()>,
    files: EngineFiles,
    locks: [FolderLock; 2],
}

impl Engine {
    /// Starts an engine and waits until it answers.
    ///
    /// # Errors
    /// When the folder is in use, nothing can be started, or what was started does not answer.
    pub async fn start(mut options: EngineOptions) -> Result<Self, EngineError> {
        // With a relative path the engine starts, but cannot sync what it has inserted (error 107).
        options.dir = std::path::absolute(&options.dir).map_err(EngineError::Files)?;
        launch::make_folder(&options.dir).map_err(EngineError::Files)?;
        launch::make_folder(&options.runtime_dir).map_err(EngineError::Files)?;
        // Two engines that shared a runtime folder would lose each other's users, and imports would find the wrong one.
        let data = held(FolderLock::hold(&options.dir.join("sillage.lock")), &options.dir)?;
        let locks = [data, held(FolderLock::hold_itself(&options.runtime_dir), &options.runtime_dir)?];
        // The memory of either process must not end up on a disk; the child inherits this.
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
            .map_err(|error| EngineError::Files(error.into()))?;
        let program = EngineProgram::choose(options.program.as_deref(), &options.library).await?;
        let files = EngineFiles(options.runtime_dir.clone());
        let (leash, running) = first_run(program, &options).await?;

        let (up_sender, up) = watch::channel(true);
        let (process_sender, process) = watch::channel(running.child.id());
        let (let_go, released) = oneshot::channel();
        let endpoint = leash.endpoint.clone();
        let signals = EngineSignals { up: up_sender, process: process_sender };
        let watcher = tokio::spawn(keep_alive(leash, running, signals, released));
        Ok(Self { endpoint, up, process, let_go, watcher, files, locks })
    }

    /// Where it is, and who we are there. Stays the same over restarts.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether it answers; changes when it dies and when it is back.
    pub fn up(&self) -> watch::Receiver<bool> {
        self.up.clone()
    }

    /// Number of the child's process while there is one.
    pub fn process(&self) -> Option<u32> {
        *self.process.borrow()
    }

    /// Lets the child go and waits until it has ended.
    pub async fn stop(self) {
        // The file goes first, so that nobody is sent to an engine that is ending.
        drop(self.files);
        drop(self.let_go);
        if self.watcher.await.is_err() {
            tracing::warn!("the engine's watcher had ended before its time");
        }
        drop(self.locks);
    }

    /// The engine that another process of ours runs, if it answers.
    pub async fn running(runtime_dir: &Path) -> Option<Endpoint> {
        let text = std::fs::read(runtime_dir.join("engine.json")).ok()?;
        let endpoint: Endpoint = serde_json::from_slice(&text).ok()?;
        answers(&endpoint).await.then_some(endpoint)
    }
}

/// The child itself: `arguments` are the library's path and the engine's own arguments. Returns when the engine ended.
pub fn child_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let library = PathBuf::from(arguments.next().unwrap_or_default());
    let arguments: Vec<String> =
        std::iter::once("sillage-engine".into()).chain(arguments.map(|text| text.to_string_lossy().into())).collect();
    match ffi::run_engine(&library, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // To the parent's pipe, where only the number is looked at; when that is gone, to nobody.
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

/// What a restart needs.
struct RestartPlan {
    program: EngineProgram,
    arguments: Vec<String>,
    endpoint: Endpoint,
}

/// A child that answers. Dropping it closes the pipe.
struct RunningEngine {
    child: Child,
    stdin: ChildStdin,
    last_words: JoinHandle<u32>,
    since: Instant,
}

struct EngineSignals {
    up: watch::Sender<bool>,
    process: watch::Sender<Option<u32>>,
}

async fn first_run(
    program: EngineProgram,
    options: &EngineOptions,
) -> Result<(RestartPlan, RunningEngine), EngineError> {
    let mut last = EngineError::NotReady;
    for tried in 0..STARTS_TRIED {
        sleep(START_PAUSE * tried).await;
        let port = free_port().map_err(EngineError::Files)?;
        let endpoint = launch::endpoint(port)?;
        let config = write_files(options, &endpoint).map_err(EngineError::Files)?;
        let arguments = launch::arguments(&config, &options.dir, port);
        let leash = RestartPlan { program: program.clone(), arguments, endpoint };
        match leash.run().await {
            Ok(running) => return Ok((leash, running)),
            Err(error @ EngineError::Spawn(_)) => return Err(error),
            // It named no error of its own: a library that cannot be loaded will not mend itself.
            Err(error @ EngineError::Ended(0)) if tried >= LOADS_TRIED => {
                last = error;
                break;
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl RestartPlan {
    /// Starts a child and waits until it answers.
    async fn run(&self) -> Result<RunningEngine, EngineError> {
        let mut child = self
            .program
            .command()
            .args(&self.arguments)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal reaches the whole group: the engine must still be there for the last flush.
            .process_group(0)
            .spawn()
            .map_err(EngineError::Spawn)?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        // It has one thread yet; those that it starts are as it is.
        if let Some(Err(error)) = pid.map(|pid| priority::lower(Some(pid), BELOW)) {
            tracing::debug!(kind = ?error.kind(), "the engine has the priority of hits");
        }
        let (Some(stdin), Some(stderr)) = (child.stdin.take(), child.stderr.take()) else {
            return Err(EngineError::Spawn(io::ErrorKind::BrokenPipe.into()));
        };
        let last_words = tokio::spawn(last_code(stderr));
        let running = RunningEngine { child, stdin, last_words, since: Instant::now() };
        running.ready(&self.endpoint).await
    }
}

impl RunningEngine {
    async fn ready(mut self, endpoint: &Endpoint) -> Result<Self, EngineError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while Instant::now() < deadline {
            if answers(endpoint).await {
                return Ok(self);
            }
            tokio::select! {
                _ = self.child.wait() => return Err(EngineError::Ended(self.last_words.await.unwrap_or(0))),
                () = sleep(READY_POLL) => {}
            }
        }
        self.end().await;
        Err(EngineError::NotReady)
    }

    async fn end(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        if timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            tracing::warn!("the engine does not end by itself and is killed");
            if child.kill().await.is_err() {
                tracing::warn!("the engine cannot be killed");
            }
        }
    }
}

/// Watches over the child until the [`Engine`] lets go of it.
async fn keep_alive(
    leash: RestartPlan,
    mut running: RunningEngine,
    signals: EngineSignals,
    mut released: oneshot::Receiver<()>,
) {
    let mut pause = PAUSE_MIN;
    loop {
        tokio::select! {
            _ = &mut released => return running.end().await,
            _ = running.child.wait() => {}
        }
        signals.up.send_replace(false);
        signals.process.send_replace(None);
        if running.since.elapsed() > LIVED_WELL {
            pause = PAUSE_MIN;
        }
        let code = running.last_words.await.unwrap_or(0);
        tracing::error!(code, "the engine died; it is started again");
        running = loop {
            tokio::select! {
                _ = &mut released => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
            // A run that is given up half-way drops its pipe, and the child with it.
            let run = tokio::select! {
                _ = &mut released => return,
                run = leash.run() => run,
            };
            match run {
                Ok(running) => break running,
                Err(error) => tracing::error!(%error, "the engine does not come back yet"),
            }
        };
        signals.process.send_replace(running.child.id());
        signals.up.send_replace(true);
    }
}

/// Reads what the child says until it has nothing more to say, and returns the number of its last error, or 0.
async fn last_code(mut stderr: ChildStderr) -> u32 {
    let mut words = Vec::new();
    while matches!(stderr.read_buf(&mut words).await, Ok(1..)) {
        words.drain(..words.len().saturating_sub(LAST_WORDS_BYTES));
    }
    let words = String::from_utf8_lossy(&words);
    words.rfind("Code: ").and_then(|at| code_of(words.get(at..)?)).unwrap_or(0)
}

async fn answers(endpoint: &Endpoint) -> bool {
    Store::connect(&config::ClickHouseConfig::default(), endpoint).ping().await.is_ok()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Holds `lock`, which stands for `dir`.
fn held(lock: io::Result<FolderLock>, dir: &Path) -> Result<FolderLock, EngineError> {
    lock.map_err(|error| {
        let in_use = error.kind() == io::ErrorKind::WouldBlock;
        if in_use { EngineError::InUse(dir.to_owned()) } else { EngineError::Files(error) }
    })
}

/// Writes everything for a start, and returns the path of `config.xml`.
fn write_files(options: &EngineOptions, endpoint: &Endpoint) -> io::Result<PathBuf> {
    let folder = std::path::absolute(&options.runtime_dir)?;
    let (config, users) = (folder.join("config.xml"), folder.join("users.xml"));
    launch::write_private(&users, &launch::users_xml(endpoint, &options.report_views))?;
    launch::write_private(&config, &launch::config_xml(&users))?;
    launch::write_private(&folder.join("engine.json"), &serde_json::to_string(endpoint)?)?;
    Ok(config)
}

/// What a start writes into this folder in memory, users and passwords. It goes with this, also with a start that is given
/// up half-way.
struct EngineFiles(PathBuf);

impl Drop for EngineFiles {
    fn drop(&mut self) {
        for name in ["engine.json", "config.xml", "users.xml"] {
            match std::fs::remove_file(self.0.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(kind = ?error.kind(), name, "a file of the engine cannot be removed");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}
