//! `sillage import`: counts access logs, events, or another tool's figures.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::figure_files::FigureFiles;
use crate::commands::migrate::settings;
use crate::commands::terminal::{CommandError, print};
use crate::config::{Config, matomo_token};
use crate::import;
use crate::import::figures;
use crate::import::figures::matomo_api::{FIRST_PAUSE, MatomoSource};
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
    #[command(flatten)]
    export: FigureFiles,
    /// Delete all figures of this origin instead.
    #[arg(long, value_name = "ORIGIN", conflicts_with_all = ["files", "from_url"])]
    remove: Option<String>,
    /// Address of a Matomo server, to ask its Reporting API instead of files. The token is read from --token-file, else
    /// from the environment variable MATOMO_TOKEN.
    #[arg(long, value_name = "URL", conflicts_with_all = ["files", "day"], requires_all = ["id_site", "from"])]
    from_url: Option<String>,
    /// Number of the site in Matomo.
    #[arg(long, value_name = "NUMBER", requires = "from_url")]
    id_site: Option<u32>,
    /// First day to ask for, YYYY-MM-DD.
    #[arg(long, value_name = "DAY", requires = "from_url")]
    from: Option<Date>,
    /// Last day to ask for, YYYY-MM-DD [default: yesterday].
    #[arg(long, value_name = "DAY", requires = "from_url")]
    to: Option<Date>,
    /// File with the token of the Reporting API.
    #[arg(long, value_name = "FILE", requires = "from_url")]
    token_file: Option<PathBuf>,
}

impl FigureArguments {
    async fn run(self) -> Result<(), CommandError> {
        let (config, site) = self.export.load()?;
        let now = SystemClock.now();
        let source = self.matomo(now)?;
        if self.export.files.is_empty() && source.is_none() && self.remove.is_none() {
            return Err("no files; name those of the export, or --from-url".into());
        }
        let remove = self.remove;
        let job = self.export.into_job(&config, site.clone(), now);
        let database = Database::open(&config).await?;
        let done = async {
            migrate::apply(&database.store, &settings(&config)).await?;
            let report = match (&remove, &source) {
                (Some(origin), _) => {
                    let rows = figures::remove(&site, origin, &database.store).await?;
                    return Ok::<_, CommandError>(format!("{rows} rows of {origin} removed"));
                }
                (None, Some(source)) => figures::run_from_matomo(&job, source, &database.store, now).await?,
                (None, None) => figures::run(&job, &database.store, now).await?,
            };
            Ok(report.to_string())
        };
        let done = done.await;
        database.close().await;
        print(done?.trim_end())
    }

    fn matomo(&self, now: Timestamp) -> Result<Option<MatomoSource>, CommandError> {
        let (Some(address), Some(id_site), Some(first)) = (&self.from_url, self.id_site, self.from) else {
            return Ok(None);
        };
        let token = match &self.token_file {
            Some(file) => std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?,
            None => matomo_token().ok_or("no token: name its file with --token-file, or set MATOMO_TOKEN")?,
        };
        let token = Zeroizing::new(Zeroizing::new(token).trim().to_owned());
        let yesterday = now.to_zoned(TimeZone::UTC).date().saturating_sub(1.day());
        let last = self.to.unwrap_or(yesterday);
        Ok(Some(MatomoSource::new(address, token, id_site, (first, last), FIRST_PAUSE)?))
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
