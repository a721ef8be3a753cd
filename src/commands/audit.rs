//! `sillage audit`.

use std::process::ExitCode;

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::{CommandError, print};
use crate::compliance::audit;
use crate::compliance::audit::page::rules_page;
use crate::compliance::audit::report::ReportFormat;

/// Check every privacy rule and write a report; exits 1 if any fails.
#[derive(Debug, clap::Args)]
pub struct AuditCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Format of the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
    /// Print the documentation of the rules instead, without checking anything.
    #[arg(long)]
    rules: bool,
}

impl AuditCommand {
    /// Prints the report; the exit code is 1 when a rule that a program can check fails.
    ///
    /// # Errors
    /// When the configuration, the database or the machine cannot be read.
    pub async fn run(&self) -> Result<ExitCode, CommandError> {
        if self.rules {
            print(&rules_page())?;
            return Ok(ExitCode::SUCCESS);
        }
        let config = self.config.load()?;
        let database = Database::open(&config).await?;
        let evidence = audit::gather(&config, &database.store, SystemClock.now()).await;
        database.close().await;
        let evidence = evidence?;
        let audit = audit::Audit::of(&evidence);
        print(&audit.report(&evidence, self.format))?;
        Ok(if audit.left().is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
