//! Why there is no engine: noun, state, remedy.

use std::io;
use std::path::PathBuf;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No `clickhouse` and no library.
    #[error("no engine: neither a `clickhouse` ≥ 26.5 on the PATH nor {0}; run `npm ci`, or set clickhouse.library")]
    NoLibrary(PathBuf),
    /// Another process has the data folder, or the runtime folder.
    #[error("{0} is in use by another process; stop that one, or set clickhouse.dir and runtime.dir to other folders")]
    InUse(PathBuf),
    /// A folder or file cannot be written.
    #[error("the engine's files: {0}")]
    Files(#[source] io::Error),
    /// The child cannot be started.
    #[error("the engine cannot be started: {0}")]
    Spawn(#[source] io::Error),
    /// The child ended before it answered.
    #[error(
        "the engine ended before it answered (ClickHouse's error {0}; 0: it named none); is clickhouse.library the \
         engine's own, and clickhouse.dir written by no later version?"
    )]
    Ended(u32),
    /// It runs but does not answer.
    #[error("the engine does not answer")]
    NotReady,
    /// The system has no random bytes.
    #[error("no random bytes from the system")]
    NoRandomness,
}
