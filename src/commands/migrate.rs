//! `sillage migrate`.

use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::{CommandError, print};
use crate::config::Config;
use crate::store::migrate::{self, MigrationSettings};

/// Bring the database's tables to this release's schema.
#[derive(Debug, clap::Args)]
pub struct MigrateCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Print the statements without running them.
    #[arg(long)]
    dry_run: bool,
}

impl MigrateCommand {
    /// Runs or prints the statements, and those that an administrator must run.
    ///
    /// # Errors
    /// The statement that failed.
    pub async fn run(&self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let database = Database::open(&config).await?;
        let (steps, by_hand) = if self.dry_run {
            let steps = migrate::dry_run(&database.store, &settings(&config)).await;
            (steps, migrate::reader_steps(&config.clickhouse))
        } else {
            let steps = migrate::apply(&database.store, &settings(&config)).await;
            let by_hand = match steps {
                Ok(_) => migrate::grant_reader(&database.store, &config.clickhouse).await,
                Err(_) => Vec::new(),
            };
            (steps, by_hand)
        };
        database.close().await;
        let steps = steps?;
        let mut text = String::new();
        if self.dry_run {
            for step in &steps {
                text.push_str(&format!("-- {}\n{};\n\n", step.file, step.sql));
            }
        }
        if !by_hand.is_empty() {
            text.push_str("-- for the reading user, by an administrator:\n");
            by_hand.iter().for_each(|step| text.push_str(&format!("{};\n", step.sql)));
        }
        let state = if self.dry_run { "to run" } else { "run" };
        print(&format!("{text}-- {} statement(s) {state}", steps.len()))
    }
}

/// What the migrations need of the configuration.
pub(super) fn settings(config: &Config) -> MigrationSettings {
    MigrationSettings { retention_months: config.privacy.retention_months, rounding: config.privacy.protection.step() }
}
