//! Our own ClickHouse as a supervised child: the kernel kills it when we end (`process.rs`), and a sandbox confines it
//! to its own folder (`sandbox.rs`). Must never let the child outlive us, be reached from outside, or write its errors
//! into our logs: they quote data.
//!
//! A child that dies, or that stops answering a real query, is replaced by another, on a new port and with new
//! passwords; a [`Store`] that follows the engine sees only a pause. Two processes cannot open one data folder: each
//! needs the lock on a file in it.

mod child;
mod error;
mod launch;
pub mod package;
mod process;
#[cfg(target_os = "linux")]
mod sandbox;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

pub use self::child::{ChildArguments, child_main};
use super::client::{Endpoint, Store};
use crate::clock::monotonic_now;
use crate::config;
use crate::lock::FolderLock;
use crate::priority;
#[cfg(target_os = "linux")]
use crate::runtime_dir::ENGINE_USER;
use crate::runtime_dir::{make_data_folder, make_secret_folder};
pub use crate::store::engine::error::EngineError;
use crate::store::engine::launch::EngineProgram;
use crate::store::engine::process::EngineProcess;
use crate::store::scope::{ReaderAccess, ReaderScope};

/// Limit from start to first answer: usually half a second; longer on a slow disk with many parts.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Interval between two probes for the first answer.
const READY_POLL: Duration = Duration::from_millis(10);
/// Limit for a graceful end, which abandons running merges; then the child is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// Added to our nice value: where both processes want a core, hits get three times as much.
const BELOW: i32 = 5;
/// Pause before the first restart; it doubles up to `PAUSE_MAX`.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// An engine that ran this long resets the pause to `PAUSE_MIN`.
const LIVED_WELL: Duration = Duration::from_secs(60);
/// Most start attempts, each on another port: another process may take a free port before the engine does, and the
/// child of a collector that was just killed may still be closing the data folder. A long query holds the folder for
/// some seconds: the attempts last 13 seconds in all.
const STARTS_TRIED: u32 = 10;
const LOADS_TRIED: u32 = 3;
const START_PAUSE: Duration = Duration::from_millis(300);
/// Consecutive unanswered queries after which an engine is replaced.
const MISSES_MAX: u32 = 2;

/// Options of an engine's start.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Data folder, with the engine's parts.
    pub dir: PathBuf,
    /// A folder in memory, for its configuration and `engine.json`.
    pub runtime_dir: PathBuf,
    /// A library or a `clickhouse` program; empty means the library beside the program or above it.
    pub library: String,
    /// Our executable; `None` means the running one.
    pub program: Option<PathBuf>,
    /// Tables and users of its readers.
    pub readers: ReaderAccess,
    /// Interval and deadline of the health check.
    pub watch: EngineWatch,
}

/// Health check of a running engine: a query that takes the locks of every reader's query.
#[derive(Debug, Clone, Copy)]
pub struct EngineWatch {
    /// Interval between an answer and the next query.
    pub every: Duration,
    /// Longest wait for an answer; a healthy engine takes milliseconds, on an overloaded machine a second.
    pub deadline: Duration,
}

impl Default for EngineWatch {
    fn default() -> Self {
        Self { every: Duration::from_secs(5), deadline: Duration::from_secs(10) }
    }
}

/// A running engine. Drop tells the child to end; [`Engine::stop`] also waits for its end.
pub struct Engine {
    endpoint: watch::Receiver<Endpoint>,
    up: watch::Receiver<bool>,
    process: watch::Receiver<Option<u32>>,
    scopes: watch::Sender<BTreeSet<ReaderScope>>,
    let_go: oneshot::Sender<()>,
    watcher: JoinHandle<()>,
    files: EngineFiles,
    locks: [FolderLock; 2],
}

impl Engine {
    /// Starts an engine and waits until it answers.
    ///
    /// # Errors
    /// When the folder is in use, nothing can be started, or the child does not answer.
    pub async fn start(mut options: EngineOptions) -> Result<Self, EngineError> {
        // With a relative path the engine starts, but cannot sync inserted parts (error 107).
        options.dir = std::path::absolute(&options.dir).map_err(EngineError::Files)?;
        options.runtime_dir = std::path::absolute(&options.runtime_dir).map_err(EngineError::Files)?;
        make_data_folder(&options.dir)?;
        make_secret_folder(&options.runtime_dir)?;
        // Two engines with one runtime folder would lose each other's users, and imports would find the wrong engine.
        let data = held(FolderLock::hold(&options.dir.join("sillage.lock")), &options.dir)?;
        let locks = [data, held(FolderLock::hold_itself(&options.runtime_dir), &options.runtime_dir)?];
        let files = EngineFiles(options.runtime_dir.clone());
        make_data_folder(&files.folder())?;
        // The memory of either process must not end up on a disk; the child inherits this limit.
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
            .map_err(|error| EngineError::Files(error.into()))?;
        let program = EngineProgram::choose(options.program.as_deref(), &options.library).await?;
        let user = user_to_become(&options);
        if let Some(user) = user {
            launch::hand_over(&options.dir, user).map_err(EngineError::Files)?;
            launch::let_through(&options.runtime_dir, user).map_err(EngineError::Files)?;
        }
        let plan = RestartPlan { program, options, user };
        let running = first_run(&plan).await?;

        let (up_sender, up) = watch::channel(true);
        let (process_sender, process) = watch::channel(running.endpoint.process);
        let (endpoint_sender, endpoint) = watch::channel(running.endpoint.clone());
        let (scopes, wanted) = watch::channel(plan.options.readers.scopes.clone());
        let (let_go, released) = oneshot::channel();
        let signals = EngineSignals { up: up_sender, process: process_sender, endpoint: endpoint_sender };
        let watcher = tokio::spawn(keep_alive(plan, running, (signals, wanted), released));
        Ok(Self { endpoint, up, process, scopes, let_go, watcher, files, locks })
    }

    /// Gives each of `scopes` a reading user. The engine reads its users only at its start: it restarts if one is new,
    /// while hits wait in the spool. A user without a token stays until the next restart.
    pub fn admit(&self, scopes: BTreeSet<ReaderScope>) {
        self.scopes.send_if_modified(|known| {
            let is_new = !scopes.is_subset(known);
            if is_new {
                *known = scopes;
            }
            is_new
        });
    }

    /// Its current address and users; they change with each restart.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.borrow().clone()
    }

    /// A store that follows the engine over its restarts.
    pub fn store(&self, config: &config::ClickHouseConfig) -> Store {
        let endpoint = self.endpoint.clone();
        Store::follow(config, &self.endpoint(), Arc::new(move || Some(endpoint.borrow().clone())))
    }

    /// Whether it answers; `false` while it is dead or hangs.
    pub fn up(&self) -> watch::Receiver<bool> {
        self.up.clone()
    }

    /// Process id of the child; `None` between two children.
    pub fn process(&self) -> Option<u32> {
        *self.process.borrow()
    }

    /// Ends the child and waits until it has exited.
    pub async fn stop(self) {
        // The file is removed first, so that no client connects to an engine that is ending.
        drop(self.files);
        drop(self.let_go);
        if self.watcher.await.is_err() {
            tracing::warn!("engine: watcher panicked");
        }
        drop(self.locks);
    }

    /// The endpoint of an engine run by another of our processes, if it answers.
    pub async fn running(runtime_dir: &Path) -> Option<Endpoint> {
        let endpoint = read_endpoint(runtime_dir)?;
        answers(&endpoint).await.then_some(endpoint)
    }

    /// A store for the engine of another process of ours, which `endpoint` was a moment ago; it follows its restarts,
    /// and protects figures as the configuration says.
    pub fn store_of_running(config: &config::Config, endpoint: &Endpoint) -> Store {
        let runtime_dir = config.runtime.dir.clone();
        let store = Store::follow(&config.clickhouse, endpoint, Arc::new(move || read_endpoint(&runtime_dir)));
        store.protected(config.privacy.protection)
    }
}

fn read_endpoint(runtime_dir: &Path) -> Option<Endpoint> {
    serde_json::from_slice(&std::fs::read(runtime_dir.join("engine.json")).ok()?).ok()
}

/// User that the child changes to: where root starts it, and that user can reach its folders.
#[cfg(target_os = "linux")]
fn user_to_become(options: &EngineOptions) -> Option<u32> {
    sandbox::may_change_user([&options.dir, &options.runtime_dir]).then_some(ENGINE_USER)
}

#[cfg(not(target_os = "linux"))]
fn user_to_become(_options: &EngineOptions) -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
fn seal_pipes(process: &EngineProcess) -> bool {
    sandbox::seal_pipes(process.pid()).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn seal_pipes(_process: &EngineProcess) -> bool {
    true
}

/// Inputs of every start and restart.
struct RestartPlan {
    program: EngineProgram,
    options: EngineOptions,
    user: Option<u32>,
}

/// A child that has answered, with its endpoint.
struct RunningEngine {
    process: EngineProcess,
    endpoint: Endpoint,
    since: Instant,
}

struct EngineSignals {
    up: watch::Sender<bool>,
    process: watch::Sender<Option<u32>>,
    endpoint: watch::Sender<Endpoint>,
}

async fn first_run(plan: &RestartPlan) -> Result<RunningEngine, EngineError> {
    let mut last = EngineError::NotReady;
    for tried in 0..STARTS_TRIED {
        sleep(START_PAUSE * tried).await;
        match plan.run().await {
            Ok(running) => return Ok(running),
            Err(error @ (EngineError::Spawn(_) | EngineError::Files(_))) => return Err(error),
            // The child named no error: a library that cannot be loaded stays so.
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
    /// Starts a child, on its own port and with its own passwords, and waits until it answers.
    async fn run(&self) -> Result<RunningEngine, EngineError> {
        let port = free_port().map_err(EngineError::Files)?;
        let mut endpoint = launch::endpoint(port, &self.options.readers.scopes)?;
        let files = EngineFiles::folder_in(&self.options.runtime_dir);
        launch::write_files(&files, &endpoint, &self.options.readers, self.user).map_err(EngineError::Files)?;
        let start = launch::EngineStart { data: &self.options.dir, files: &files, port, user: self.user };
        let process = EngineProcess::spawn(self.program.command(&start)?).await?;
        endpoint.process = Some(process.pid().as_raw_pid().unsigned_abs());
        let json = serde_json::to_string(&endpoint).map_err(|error| EngineError::Files(error.into()))?;
        launch::write_private(&self.options.runtime_dir.join("engine.json"), &json).map_err(EngineError::Files)?;
        // The child has one thread yet; threads that it starts inherit the value.
        if let Err(error) = priority::lower(Some(process.pid()), BELOW) {
            tracing::debug!(kind = ?error.kind(), "engine: priority not lowered");
        }
        RunningEngine { process, endpoint, since: monotonic_now() }.ready().await
    }
}

impl RunningEngine {
    async fn ready(mut self) -> Result<Self, EngineError> {
        let deadline = monotonic_now() + READY_TIMEOUT;
        while monotonic_now() < deadline {
            if answers(&self.endpoint).await {
                if !seal_pipes(&self.process) {
                    tracing::warn!("engine: pipes of the process not sealed");
                }
                return Ok(self);
            }
            tokio::select! {
                // The child exited.
                () = self.process.wait() => return Err(self.process.start_error().await),
                // Time for the next probe.
                () = sleep(READY_POLL) => {}
            }
        }
        self.process.end(STOP_TIMEOUT).await;
        Err(EngineError::NotReady)
    }
}

/// Returns after `MISSES_MAX` unanswered queries; sends the result of each to `up`.
async fn unanswered(endpoint: &Endpoint, watch: EngineWatch, up: &watch::Sender<bool>) {
    let store = Store::connect(&config::ClickHouseConfig::default(), endpoint);
    let mut misses = 0;
    while misses < MISSES_MAX {
        sleep(watch.every).await;
        let answered = timeout(watch.deadline, store.is_alive()).await == Ok(true);
        misses = if answered { 0 } else { misses + 1 };
        up.send_if_modified(|up| std::mem::replace(up, answered) != answered);
    }
}

/// Cause of a restart.
enum RestartCause {
    Exited,
    Hangs,
    NewReaders,
}

/// Supervises the child until the [`Engine`] is dropped or stopped.
async fn keep_alive(
    mut plan: RestartPlan,
    mut running: RunningEngine,
    (signals, mut wanted): (EngineSignals, watch::Receiver<BTreeSet<ReaderScope>>),
    mut released: oneshot::Receiver<()>,
) {
    let mut pause = PAUSE_MIN;
    loop {
        let RunningEngine { mut process, endpoint, since } = running;
        let cause = tokio::select! {
            // The engine is being stopped.
            _ = &mut released => return process.end(STOP_TIMEOUT).await,
            // The child exited by itself.
            () = process.wait() => RestartCause::Exited,
            // The child runs and does not answer.
            () = unanswered(&endpoint, plan.options.watch, &signals.up) => RestartCause::Hangs,
            // A token with other sites was configured; no more come once the engine is being stopped.
            Ok(()) = wanted.changed() => RestartCause::NewReaders,
        };
        signals.up.send_replace(false);
        signals.process.send_replace(None);
        if since.elapsed() > LIVED_WELL {
            pause = PAUSE_MIN;
        }
        match cause {
            RestartCause::NewReaders => {
                tracing::info!("engine: restarting to create the database users of new tokens");
                process.end(STOP_TIMEOUT).await;
            }
            RestartCause::Exited | RestartCause::Hangs => {
                if matches!(cause, RestartCause::Hangs) {
                    tracing::error!("engine: health check failed; killing process");
                    process.kill().await;
                }
                let code = process.last_code().await;
                tracing::error!(code, "engine: process ended; restarting");
            }
        }
        plan.options.readers.scopes = wanted.borrow_and_update().clone();
        let Some(next) = restarted(&plan, &mut pause, &mut released).await else { return };
        running = next;
        signals.endpoint.send_replace(running.endpoint.clone());
        signals.process.send_replace(running.endpoint.process);
        signals.up.send_replace(true);
    }
}

/// Restarts the engine until it answers; `None` when it is stopped meanwhile.
async fn restarted(
    plan: &RestartPlan,
    pause: &mut Duration,
    released: &mut oneshot::Receiver<()>,
) -> Option<RunningEngine> {
    loop {
        tokio::select! {
            // The engine is being stopped.
            _ = &mut *released => return None,
            // Time for the next attempt.
            () = sleep(*pause) => {}
        }
        *pause = (*pause * 2).min(PAUSE_MAX);
        // A cancelled start drops its process, which tells it to end.
        let run = tokio::select! {
            // The engine is being stopped.
            _ = &mut *released => return None,
            // The child answers, or did not start.
            run = plan.run() => run,
        };
        match run {
            Ok(running) => return Some(running),
            Err(error) => tracing::error!(%error, "engine: restart failed; retrying"),
        }
    }
}

async fn answers(endpoint: &Endpoint) -> bool {
    Store::connect(&config::ClickHouseConfig::default(), endpoint).ping().await.is_ok()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Takes `lock`, which guards `dir`.
fn held(lock: io::Result<FolderLock>, dir: &Path) -> Result<FolderLock, EngineError> {
    lock.map_err(|error| {
        let in_use = error.kind() == io::ErrorKind::WouldBlock;
        if in_use { EngineError::InUse(dir.to_owned()) } else { EngineError::Files(error) }
    })
}

/// Files of a start in the runtime folder: users and passwords. Removed on drop, also for a cancelled start.
struct EngineFiles(PathBuf);

impl EngineFiles {
    /// The sub-folder that the child may read; it may not read the files beside it.
    fn folder_in(runtime_dir: &Path) -> PathBuf {
        runtime_dir.join("engine")
    }

    fn folder(&self) -> PathBuf {
        Self::folder_in(&self.0)
    }
}

impl Drop for EngineFiles {
    fn drop(&mut self) {
        let folder = self.folder();
        let files = [self.0.join("engine.json"), folder.join("config.xml"), folder.join("users.xml")];
        let mut removals: Vec<io::Result<()>> = files.iter().map(std::fs::remove_file).collect();
        removals.push(std::fs::remove_dir(folder));
        for error in removals.into_iter().filter_map(Result::err) {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(kind = ?error.kind(), "engine: configuration file not removed");
            }
        }
    }
}
