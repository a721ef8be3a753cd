//! The engine's process as its parent sees it. A dedicated thread starts it and waits for it: the kernel kills the
//! process when that thread ends (`PR_SET_PDEATHSIG`), which is when this program ends, even by `kill -9`. So no
//! descriptor is left in it that a query could name. Its standard error is a socket, which cannot be opened by a path.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::store::engine::child::{CONFINED, REFUSED, REPORT};
use crate::store::engine::error::EngineError;
use crate::store::error::code_of;

/// Tail of the process's standard error kept in memory, in bytes, to find the error's number in.
const LAST_WORDS_BYTES: usize = 16_384;
/// Longest wait for a killed process to be gone: it may be waiting for a disk.
const KILL_TIMEOUT: Duration = Duration::from_secs(30);

/// The end of a process's output.
#[derive(Debug, Default, Clone, Copy)]
struct LastWords {
    /// Number of the last error, or 0.
    code: u32,
    /// The system has refused the sandbox.
    refused: bool,
}

/// A process of the engine. On drop it is told to end.
pub(super) struct EngineProcess {
    pid: Pid,
    ended: watch::Receiver<bool>,
    last_words: JoinHandle<LastWords>,
}

impl EngineProcess {
    /// Spawns `command`, whose arguments up to `--parent` are set.
    pub(super) async fn spawn(mut command: Command) -> Result<Self, EngineError> {
        let (ours, theirs) = StdStream::pair().map_err(EngineError::Spawn)?;
        ours.set_nonblocking(true).map_err(EngineError::Spawn)?;
        command
            .env_clear()
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(OwnedFd::from(theirs)))
            // Ctrl-C in a terminal reaches the whole group: the engine must still run for the last flush.
            .process_group(0);
        let (started, pid) = oneshot::channel();
        let (end_sender, ended) = watch::channel(false);
        let waiting = move || {
            let child = command.spawn();
            // The socket's other end closes with the process.
            drop(command);
            match child {
                Ok(mut child) => {
                    started.send(Ok(child.id())).ok();
                    child.wait().ok();
                }
                Err(error) => {
                    started.send(Err(error)).ok();
                }
            }
            end_sender.send_replace(true);
        };
        std::thread::Builder::new().name("engine".into()).spawn(waiting).map_err(EngineError::Spawn)?;
        let pid = pid.await.map_err(|_| EngineError::Spawn(io::ErrorKind::BrokenPipe.into()))?;
        let pid = pid.map_err(EngineError::Spawn)?;
        let pid = Pid::from_raw(pid.cast_signed()).ok_or(EngineError::Spawn(io::ErrorKind::BrokenPipe.into()))?;
        let stream = UnixStream::from_std(ours).map_err(EngineError::Spawn)?;
        Ok(Self { pid, ended, last_words: tokio::spawn(read_last_words(stream)) })
    }

    /// Process id of the engine.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Returns when the process has ended.
    pub(super) async fn wait(&mut self) {
        // An error means that the waiting thread is gone, and the process with it.
        self.ended.wait_for(|ended| *ended).await.ok();
    }

    /// Number of the last error in its output, or 0; returns when the process has ended.
    pub(super) async fn last_code(self) -> u32 {
        self.last_words().await.code
    }

    /// Why it ended before its first answer; returns when the process has ended.
    pub(super) async fn start_error(self) -> EngineError {
        match self.last_words().await {
            LastWords { refused: true, .. } => EngineError::SandboxRefused,
            LastWords { code, .. } => EngineError::Ended(code),
        }
    }

    async fn last_words(mut self) -> LastWords {
        self.wait().await;
        std::mem::replace(&mut self.last_words, tokio::spawn(async { LastWords::default() })).await.unwrap_or_default()
    }

    /// Sends the signal to end and waits; after `patience` the process is killed. That loses nothing: an insert is
    /// acknowledged once it is on disk. Not SIGINT: a shell lets the programs that it starts in the background ignore
    /// it, and the engine inherits that.
    pub(super) async fn end(mut self, patience: Duration) {
        self.signal(Signal::TERM);
        if timeout(patience, self.wait()).await.is_err() {
            tracing::warn!(
                seconds = patience.as_secs(),
                "engine: killed, as it did not stop in time; acknowledged rows are on disk"
            );
            self.kill().await;
        }
    }

    /// Kills the process and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        if timeout(KILL_TIMEOUT, self.wait()).await.is_err() {
            tracing::error!("engine: process cannot be killed");
        }
    }

    /// The number is the process's until the thread has waited for it; `ended` tells that.
    fn signal(&self, signal: Signal) {
        if !*self.ended.borrow() {
            kill_process(self.pid, signal).ok();
        }
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Reads the process's output to its end.
async fn read_last_words(mut stream: UnixStream) -> LastWords {
    let mut words = Vec::new();
    let mut refused = false;
    let mut is_first_line = true;
    while matches!(stream.read_buf(&mut words).await, Ok(1..)) {
        if is_first_line && words.contains(&b'\n') {
            is_first_line = false;
            refused = report_sandbox(&String::from_utf8_lossy(&words));
        }
        words.drain(..words.len().saturating_sub(LAST_WORDS_BYTES));
    }
    let words = String::from_utf8_lossy(&words);
    LastWords { code: words.rfind("Code: ").and_then(|at| code_of(words.get(at..)?)).unwrap_or(0), refused }
}

/// Logs an incomplete sandbox; returns whether it is refused.
fn report_sandbox(words: &str) -> bool {
    let report = words.lines().next().and_then(|line| line.strip_prefix(REPORT)).map(str::trim);
    let refused = report == Some(REFUSED);
    if !refused && report.is_some_and(|report| report != CONFINED) {
        tracing::warn!("engine: sandbox incomplete; this kernel does not enforce every rule, Linux 6.12 does");
    }
    refused
}
