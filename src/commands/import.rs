//! `sillage import`: counts access logs, events, or another tool's figures.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::migrate::settings;
use crate::commands::terminal::{CommandError, print};
use crate::config::Config;
use crate::import;
use crate::import::figures::{self, FigureJob};
use crate::import::formats::LogReader;
use crate::import::formats::custom::CustomFormat;
use crate::import::{ImportFormat, ImportJob, Summary};
use crate::privacy::Anonymiser;
use crate::privacy::lookup::agent::Agents;
use crate::sites::Sites;
use crate::store::migrate;

/// Count hits from access logs or event files.
#[derive(Debug, Args)]
pub struct ImportCommand {
    #[command(subcommand)]
    source: ImportSource,
}

#[derive(Debug, Subcommand)]
enum ImportSource {
    /// Access logs: combined, common, JSON, W3C and others, as docs/import.md lists them.
    AccessLog(ImportArguments),
    /// Native events: one JSON object a line, with `time`, `address`, `user_agent`, `accept_language`.
    Events(ImportArguments),
    /// Figures exported from another tool: Plausible, GoatCounter, Umami, Matomo, Google Analytics 4, AWStats.
    Figures(FigureArguments),
}

#[derive(Debug, Args)]
struct FigureArguments {
    /// The export's files, as docs/import.md lists them.
    #[arg(required_unless_present = "remove")]
    files: Vec<PathBuf>,
    /// Site of the figures.
    #[arg(long)]
    site: String,
    #[command(flatten)]
    config: ConfigFile,
    /// Day of an export without dates, YYYY-MM-DD.
    #[arg(long)]
    day: Option<jiff::civil::Date>,
    /// Delete all figures of this origin instead.
    #[arg(long, value_name = "ORIGIN", conflicts_with = "files")]
    remove: Option<String>,
}

impl FigureArguments {
    async fn run(self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let site = self.config.site(&Sites::new(&config.site)?, &self.site)?;
        let now = SystemClock.now();
        let job = FigureJob {
            keep_from: site.retained_from(now, config.privacy.retention_months),
            files: self.files,
            site: site.clone(),
            day: self.day,
            protection: config.privacy.protection,
        };
        let database = Database::open(&config).await?;
        let done = async {
            migrate::apply(&database.store, &settings(&config)).await?;
            match &self.remove {
                Some(origin) => {
                    let rows = figures::remove(&site, origin, &database.store).await?;
                    Ok::<_, CommandError>(format!("{rows} rows of {origin} removed"))
                }
                None => Ok(figures::run(&job, &database.store, now).await?.to_string()),
            }
        };
        let done = done.await;
        database.close().await;
        print(done?.trim_end())
    }
}

#[derive(Debug, Args)]
struct ImportArguments {
    /// Files, in any order, plain or compressed (gz, zst, bz2, xz); `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Site of the hits.
    #[arg(long)]
    site: String,
    #[command(flatten)]
    config: ConfigFile,
    /// Count only lines that earlier imports have not counted: for logs that grow and rotate.
    #[arg(long = "continue", conflicts_with = "again")]
    continued: bool,
    /// Follow the files as they grow and rotate, until SIGTERM or Ctrl-C; implies `--continue`.
    #[arg(long, conflicts_with_all = ["again", "shift_days"])]
    follow: bool,
    /// Dry run: print a summary of the lines, and the parsed fields of three of them.
    #[arg(long)]
    check: bool,
    /// Format of the lines, in the syntax of nginx or Apache; detected for known formats.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Number of days added to every time.
    #[arg(long, value_name = "DAYS", default_value_t = 0, allow_negative_numbers = true)]
    shift_days: i64,
    /// Count days again that were already imported.
    #[arg(long)]
    again: bool,
}

impl ImportCommand {
    /// Imports the files and prints a summary.
    ///
    /// # Errors
    /// A file that cannot be read, a day that may not be imported, a database that fails.
    pub async fn run(self) -> Result<(), CommandError> {
        let (format, arguments) = match self.source {
            ImportSource::AccessLog(arguments) => (ImportFormat::AccessLog, arguments),
            ImportSource::Events(arguments) => (ImportFormat::Events, arguments),
            ImportSource::Figures(arguments) => return arguments.run().await,
        };
        let config = arguments.config.load()?;
        let sites = Sites::new(&config.site)?;
        let site = arguments.config.site(&sites, &arguments.site)?;
        let now = SystemClock.now();
        let log_format = arguments.format.as_deref().map(CustomFormat::parse).transpose()?.map(Arc::new);
        let keep_from = site.retained_from(now, config.privacy.retention_months);
        let job = ImportJob {
            reader: LogReader::new(log_format).behind(&config.collect.trusted_proxies),
            shift_days: arguments.shift_days,
            again: arguments.again,
            continued: arguments.continued || arguments.follow,
            follow: arguments.follow,
            progress: std::io::stderr().is_terminal(),
            ..ImportJob::new(format, arguments.files, site, keep_from)
        };
        if arguments.check {
            let shown = import::trial(&job, &Agents::new(config.limits.agents_cached))?;
            return print(shown.trim_end());
        }
        let database = Database::open(&config).await?;
        let imported = async {
            migrate::apply(&database.store, &settings(&config)).await?;
            let anonymiser = app::anonymiser(&config)?;
            if job.follow {
                return follow(job, anonymiser, &config, &database).await;
            }
            Ok::<_, CommandError>(import::run(job, anonymiser, &config, &database.store, now).await?)
        };
        let imported = imported.await;
        database.close().await;
        print(&imported?.to_string())
    }
}

/// Seconds between two reads of followed files.
const FOLLOW_SECONDS: u64 = 10;

/// Follows the files until a signal or Ctrl-C.
async fn follow(
    job: ImportJob,
    anonymiser: Anonymiser,
    config: &Config,
    database: &Database,
) -> Result<Summary, CommandError> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tracing::info!(files = job.files.len(), "import: following");
    let pause = Duration::from_secs(FOLLOW_SECONDS);
    let following = import::follow(job, anonymiser, config, &database.store, &SystemClock, pause, stop.clone());
    tokio::pin!(following);
    loop {
        tokio::select! {
            followed = &mut following => return Ok(followed?),
            _ = terminate.recv() => stop.cancel(),
            _ = interrupt.recv() => stop.cancel(),
        }
    }
}
