//! `sillage migrate`: brings the database to this release's schema.

use std::io::Write;

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::{CommandError, print};
use crate::config::Config;
use crate::release::calendar::date_of;
use crate::release::upgrade::{UPGRADE_ORIGIN, UpgradeStep, upgrade};
use crate::release::{Releaser, ReleaserOptions};
use crate::sites::Sites;
use crate::store::Store;
use crate::store::migrate::{self, MigrationSettings, MigrationStep};
use crate::store::readers;
use crate::store::scope::ReaderScope;

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
    /// The statement that failed, with its cause.
    pub async fn run(&self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let database = Database::open(&config).await?;
        let mut released = None;
        let scopes = ReaderScope::of_tokens(&config.console.tokens);
        let (steps, by_hand) = if self.dry_run {
            let steps = migrate::dry_run(&database.store, &settings(&config)).await;
            (steps, readers::steps_by_hand(&database.store, &config.clickhouse, &scopes))
        } else {
            let steps = migrate::apply(&database.store, &settings(&config)).await;
            let by_hand = match steps {
                Ok(_) => readers::grant_readers(&database.store, &config.clickhouse, &scopes).await,
                Err(_) => Vec::new(),
            };
            if steps.is_ok() {
                released = Some(release_exact_rows(&config, &database.store).await);
            }
            (steps, by_hand)
        };
        let store = &database.store;
        let database_nodes: Vec<_> = match store.is_by_node() {
            true => store.nodes().into_iter().map(|(node, _)| node).collect(),
            false => Vec::new(),
        };
        database.close().await;
        let steps = steps?;
        let released = released.transpose()?.unwrap_or_default();
        let mut text = String::new();
        if self.dry_run {
            for step in &steps {
                let place = if step.node.is_empty() { String::new() } else { format!("{}: ", step.node) };
                text.push_str(&format!("-- {place}{}\n{};\n\n", step.file, step.sql));
            }
        }
        text.push_str(&by_node(&database_nodes, &steps, self.dry_run));
        if !by_hand.is_empty() {
            text.push_str("-- for the reading users, by an administrator:\n");
            by_hand.iter().for_each(|step| text.push_str(&format!("{};\n", step.sql)));
        }
        let state = if self.dry_run { "to run" } else { "run" };
        if released > 0 {
            text.push_str(&format!("-- {released} release(s) of exact rows of earlier versions\n"));
        }
        print(&format!("{text}-- {} statement(s) {state}", steps.len()))
    }
}

/// Releases the exact rows of earlier versions, each day as if it had just closed; reports its progress on stderr.
async fn release_exact_rows(config: &Config, store: &Store) -> Result<u64, CommandError> {
    let options = ReleaserOptions {
        store: Arc::new(store.clone()),
        collector: UPGRADE_ORIGIN.into(),
        started: SystemClock.now(),
        protection: store.protection(),
        aborts_before: None,
        draws: None,
    };
    let releaser = Releaser::new(options, &Sites::new(&config.site)?);
    let mut progress = |step: UpgradeStep<'_>| {
        let line = match step {
            UpgradeStep::Moves(table, month) => {
                format!("{table} of {}: moved to the waiting tables", month.strftime("%Y-%m"))
            }
            UpgradeStep::Published(name) => format!("{} {}: published", name.kind.word(), date_of(name.day)),
        };
        // A closed standard error ends the progress, not the upgrade.
        writeln!(std::io::stderr(), "{line}").ok();
    };
    Ok(upgrade(store, &releaser, SystemClock.now(), &mut progress).await?)
}

/// How many statements each node took, where each is brought to its form by itself.
fn by_node(nodes: &[String], steps: &[MigrationStep], dry_run: bool) -> String {
    let state = if dry_run { "to run" } else { "run" };
    let line = |node: &String| {
        let count = steps.iter().filter(|step| step.node == *node).count();
        format!("-- {node}: {count} statement(s) {state}\n")
    };
    nodes.iter().map(line).collect()
}

/// The settings that the migrations need.
pub(super) fn settings(config: &Config) -> MigrationSettings {
    MigrationSettings { retention_months: config.privacy.retention_months, rounding: config.privacy.protection.step() }
}
