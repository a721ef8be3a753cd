//! The engine's process up to the engine's main function: it binds its life to its parent's, drops its rights, enters
//! the sandbox, and becomes the engine. Must never start the engine without the parent-death signal.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::ffi;
use crate::store::engine::error::EngineError;

/// Prefix of the line that tells the parent how the process is confined.
pub(super) const REPORT: &str = "sandbox:";
/// The kernel enforces the whole sandbox.
pub(super) const CONFINED: &str = "complete";
/// The kernel enforces a part of the sandbox.
pub(super) const PARTLY_CONFINED: &str = "partial";
/// The system refuses a call that the sandbox needs.
pub(super) const REFUSED: &str = "refused";

/// Arguments from the parent process.
#[derive(Debug, clap::Args)]
pub struct ChildArguments {
    /// Process that must be its parent.
    #[arg(long, hide = true)]
    parent: i32,
    /// Whether the engine is a `clickhouse` program, not a library.
    #[arg(long, hide = true)]
    installed: bool,
    /// User to change to where root started it.
    #[arg(long, hide = true)]
    user: Option<u32>,
    /// Folder of the engine's parts.
    #[arg(long, hide = true)]
    data: PathBuf,
    /// Folder of its configuration files.
    #[arg(long, hide = true)]
    files: PathBuf,
    /// TCP port that it listens on.
    #[arg(long, hide = true)]
    port: u16,
    /// Path of the engine library or program.
    #[arg(hide = true)]
    engine: PathBuf,
    /// Arguments passed on to the engine.
    #[arg(last = true, hide = true)]
    arguments: Vec<String>,
}

/// Becomes the engine; returns when the engine has ended.
pub fn child_main(arguments: &ChildArguments) -> ExitCode {
    #[cfg(target_os = "linux")]
    ffi::close_inherited_files();
    match become_engine(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Goes to the parent's socket, where only the number is read; discarded when the parent is gone.
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn become_engine(child: &ChildArguments) -> Result<(), EngineError> {
    let engine_error = |error: ffi::NativeError| EngineError::Child(error.to_string());
    let library = match child.installed {
        true => None,
        // Before the sandbox: the library's own dependencies may be anywhere.
        false => Some(ffi::EngineLibrary::load(&child.engine).map_err(engine_error)?),
    };
    std::env::set_current_dir(&child.data).map_err(EngineError::Files)?;
    enter_sandbox(child).inspect_err(|_| drop(writeln!(io::stderr(), "{REPORT} {REFUSED}")))?;
    match library {
        Some(library) => {
            let name = std::iter::once("sillage-engine".to_owned());
            library.run(&name.chain(child.arguments.iter().cloned()).collect::<Vec<_>>()).map_err(engine_error)
        }
        None => Err(exec(&child.engine, &child.arguments)),
    }
}

fn exec(program: &Path, arguments: &[String]) -> EngineError {
    use std::os::unix::process::CommandExt;
    EngineError::Spawn(std::process::Command::new(program).arg("local").args(arguments).exec())
}

#[cfg(target_os = "linux")]
fn enter_sandbox(child: &ChildArguments) -> Result<(), EngineError> {
    use super::sandbox::{self, Sandbox};
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    sandbox::become_user(child.user).map_err(EngineError::Spawn)?;
    // After the change of user, which would reset it.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| EngineError::Spawn(error.into()))?;
    if getppid().map(Pid::as_raw_pid) != Some(child.parent) {
        return Err(EngineError::Spawn(io::ErrorKind::BrokenPipe.into()));
    }
    let files = ["config.xml", "users.xml"].map(|name| child.files.join(name));
    let files = files.each_ref().map(PathBuf::as_path);
    let program = child.installed.then_some(child.engine.as_path());
    let complete = Sandbox { data: &child.data, files: &files, port: child.port, program }.confine()?;
    let report = if complete { CONFINED } else { PARTLY_CONFINED };
    writeln!(io::stderr(), "{REPORT} {report}").map_err(EngineError::Spawn)
}

/// On other systems a thread reads the parent's socket, standard error, and ends the process when it closes.
#[cfg(not(target_os = "linux"))]
fn enter_sandbox(_child: &ChildArguments) -> Result<(), EngineError> {
    let leash = || {
        let mut byte = [0; 1];
        while matches!(rustix::io::read(rustix::stdio::stderr(), &mut byte), Ok(1..)) {}
        std::process::exit(0);
    };
    std::thread::Builder::new().name("leash".into()).spawn(leash).map_err(EngineError::Spawn)?;
    writeln!(io::stderr(), "{REPORT} {PARTLY_CONFINED}").map_err(EngineError::Spawn)
}
