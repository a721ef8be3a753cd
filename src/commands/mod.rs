//! The command line: one file per command, whose struct is the request and whose `run` is the action. A command opens
//! its resources and closes them in order.

pub mod audit;
pub mod backup;
pub mod check;
pub mod compare;
pub mod config_file;
mod database;
pub mod doctor;
pub mod engine;
pub mod export;
pub mod figure_files;
pub mod generate;
pub mod health;
pub mod import;
pub mod init;
pub mod mail;
pub mod migrate;
pub mod notice;
pub mod serve;
pub mod simulate;
pub mod slot;
pub mod snippet;
pub mod terminal;
pub mod token;
pub mod top;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::commands::terminal::CommandError;
use crate::runtime_dir;

/// A privacy-first web analytics collector: it keeps counters, never data about individual visitors.
#[derive(Debug, Parser)]
#[command(name = "sillage", version, about, max_term_width = 100)]
pub struct Arguments {
    /// Command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands of the program.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each variant carries the documentation of its struct, which clap prints")]
pub enum Command {
    Init(init::InitCommand),
    Serve(serve::ServeCommand),
    Doctor(doctor::DoctorCommand),
    Check(check::CheckCommand),
    Notice(notice::NoticeCommand),
    Audit(audit::AuditCommand),
    Import(import::ImportCommand),
    Compare(compare::CompareCommand),
    Export(export::ExportCommand),
    Top(top::TopCommand),
    Simulate(simulate::SimulateCommand),
    Migrate(migrate::MigrateCommand),
    Token(token::TokenCommand),
    Mail(mail::MailCommand),
    Health(health::HealthCommand),
    #[command(hide = true)]
    Generate(generate::GenerateCommand),
    Slot(slot::SlotCommand),
    Snippet(snippet::SnippetCommand),
    Backup(backup::BackupCommand),
    Restore(backup::RestoreCommand),
    Engine(engine::EngineCommand),
}

impl Command {
    /// Runs the command until it completes.
    ///
    /// # Errors
    /// The cause of the failure, as a sentence.
    pub async fn run(self) -> Result<ExitCode, CommandError> {
        app::forbid_core_dumps()?;
        runtime_dir::keep_files_private();
        match self {
            Self::Audit(audit) => return audit.run().await,
            Self::Engine(engine) => engine.run().await,
            Self::Doctor(doctor) => return doctor.run().await,
            Self::Init(init) => init.run(),
            Self::Serve(serve) => serve.run().await,
            Self::Check(check) => check.run(),
            Self::Notice(notice) => notice.run(),
            Self::Import(import) => import.run().await,
            Self::Compare(compare) => compare.run().await,
            Self::Export(export) => export.run().await,
            Self::Top(top) => top.run().await,
            Self::Simulate(simulate) => simulate.run(),
            Self::Migrate(migrate) => migrate.run().await,
            Self::Health(health) => health.run(),
            Self::Generate(generate) => generate.run(<Arguments as clap::CommandFactory>::command()),
            Self::Slot(slot) => slot.run(),
            Self::Snippet(snippet) => snippet.run(),
            Self::Backup(backup) => backup.run().await,
            Self::Restore(restore) => restore.run().await,
            Self::Mail(mail) => mail.run().await,
            Self::Token(token) => token.run(),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
