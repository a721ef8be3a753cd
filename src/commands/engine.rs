//! `sillage engine`: the child process that holds the database engine.

use std::process::ExitCode;

use crate::store::engine;

/// Run the database engine (internal).
#[derive(Debug, clap::Args)]
pub struct EngineCommand {
    #[command(flatten)]
    arguments: engine::ChildArguments,
}

impl EngineCommand {
    /// Becomes the engine; returns when the engine has ended.
    pub fn run(self) -> ExitCode {
        engine::child_main(&self.arguments)
    }
}
