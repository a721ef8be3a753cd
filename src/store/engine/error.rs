//! Why there is no engine: noun, state, remedy.

use std::io;
use std::path::PathBuf;

use crate::runtime_dir::FolderError;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Neither beside the program nor above it.
    #[error("no engine library: {0} not found; run `npm ci`, or set clickhouse.library to a library or a `clickhouse`")]
    NoLibrary(PathBuf),
    /// The configured `clickhouse` is not to be found, or too old.
    #[error("clickhouse.library = {0}: not a ClickHouse of 26.5 or later; install one, or name the engine library")]
    NoProgram(PathBuf),
    /// Another user could replace the library.
    #[error("engine library {0} can be written by another user; change its owner and mode, or set clickhouse.library")]
    UnsafeLibrary(PathBuf),
    /// Another process has the data folder, or the runtime folder.
    #[error("{0} is in use by another process; stop that one, or set clickhouse.dir and runtime.dir to other folders")]
    InUse(PathBuf),
    /// Another user has a hand in a folder.
    #[error("engine folder refused: {0}")]
    Folder(#[from] FolderError),
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
    /// The system refuses the walls around the child.
    #[error("engine sandbox refused by the system: {0}")]
    Sandbox(String),
    /// The child's own words: for the parent's socket only, never for a log.
    #[error("{0}")]
    Child(String),
    /// It runs but does not answer.
    #[error("the engine does not answer")]
    NotReady,
    /// The system has no random bytes.
    #[error("no random bytes from the system")]
    NoRandomness,
}
