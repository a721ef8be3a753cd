//! Errors of the engine's start: noun, state, remedy.

use std::io;
use std::path::PathBuf;

use crate::runtime_dir::FolderError;

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The configured library is missing.
    #[error("clickhouse.library = {0}: file not found; run `sillage engine fetch`, or set another path")]
    NoLibrary(PathBuf),
    /// Neither the program's folder has the library, nor the `node_modules` of a folder above it.
    #[error(
        "no engine library in {0}, nor in node_modules of a folder above; run `npm ci` in the program's checkout, \
             else `sillage engine fetch`, or set clickhouse.library"
    )]
    NoLibraryNear(PathBuf),
    /// The configured `clickhouse` is missing or too old.
    #[error(
        "clickhouse.library = {0}: not ClickHouse 26.5 or later; install one, or set the path of the engine \
             library"
    )]
    NoProgram(PathBuf),
    /// This program is linked statically, and can load nothing.
    #[error(
        "engine library: a static program cannot load it; set clickhouse.mode = \"remote\", or clickhouse.library to \
             a `clickhouse` of 26.5 or later"
    )]
    Static,
    /// Another user could replace the library.
    #[error("engine library {0} writable by another user; change its owner and mode, or set clickhouse.library")]
    UnsafeLibrary(PathBuf),
    /// Another process holds the data folder or the runtime folder.
    #[error(
        "{0} in use by another process; stop that process, or set other folders for clickhouse.dir and \
             runtime.dir"
    )]
    InUse(PathBuf),
    /// Another user can write to a folder.
    #[error("engine folder rejected: {0}")]
    Folder(#[from] FolderError),
    /// A folder or file cannot be written.
    #[error("the engine's files: {0}")]
    Files(#[source] io::Error),
    /// The child process cannot be spawned.
    #[error("the engine cannot be started: {0}")]
    Spawn(#[source] io::Error),
    /// The child ended before its first answer.
    #[error(
        "engine exited during start (ClickHouse error {0}; 0 if unknown); check that clickhouse.library matches and \
         that clickhouse.dir was not written by a later version"
    )]
    Ended(u32),
    /// The system refuses a call that the child's sandbox needs.
    #[error(
        "engine sandbox refused by the system; allow the system calls landlock_create_ruleset, landlock_add_rule, \
         landlock_restrict_self and seccomp, as deploy/systemd/sillage.service does"
    )]
    SandboxRefused,
    /// The system refuses the child's sandbox: for the parent's socket only.
    #[error("engine sandbox rejected by the system: {0}")]
    Sandbox(String),
    /// The child's own error text: for the parent's socket only, never for a log.
    #[error("{0}")]
    Child(String),
    /// The child runs but does not answer.
    #[error("engine not responding")]
    NotReady,
    /// The system has no random bytes.
    #[error("no random bytes from the system")]
    NoRandomness,
}
