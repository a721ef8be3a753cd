//! `sillage engine`: the child process that holds the database engine.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::store::engine;

/// Run the database engine (internal).
#[derive(Debug, clap::Args)]
pub struct EngineChild {
    /// Engine library, then the engine's arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl EngineChild {
    /// Becomes the engine; returns when it ends.
    pub fn run(self) -> ExitCode {
        engine::child_main(self.arguments)
    }
}
