//! Entry point: parses arguments and returns an exit code; nothing else.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use sillage::commands::terminal::CommandError;
use sillage::commands::{Arguments, Command};
use sillage::config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    // The engine creates its own threads, so it runs before the runtime starts.
    if let Command::Engine(engine) = &command
        && let Some(code) = engine.run_child()
    {
        return code;
    }
    sillage::observe::start_logs(config::log_level());
    let ended = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::from)
        .and_then(|runtime| runtime.block_on(command.run()));
    match ended {
        Ok(code) => code,
        Err(error) => {
            // A failure of standard error itself cannot be reported.
            writeln!(std::io::stderr(), "sillage: {error}").ok();
            ExitCode::from(2)
        }
    }
}
