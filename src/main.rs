//! Arguments and exit codes; nothing else.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sillage::app;
use sillage::app::{App, AppOptions};
use sillage::clock::{Clock, SteadyClock, SystemClock};
use sillage::commands;
use sillage::commands::{CommandError, ExportRequest, ImportRequest, NoticeRequest, SimulateRequest};
use sillage::compliance::audit::page::rules_page;
use sillage::compliance::audit::report::ReportFormat;
use sillage::compliance::notice;
use sillage::compliance::notice::Lang;
use sillage::config::{self, Config};
use sillage::demo::{self, Demo};
use sillage::import::ImportFormat;
use sillage::ship;
use sillage::simulate::VISITORS_A_DAY_MAX;
use sillage::store::engine;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An anonymising web-analytics collector.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take hits, keep figures, show them.
    Serve {
        /// The configuration.
        #[arg(long, default_value = "sillage.toml")]
        config: PathBuf,
        /// Try it without a file: a site to click through on loopback, a console that is signed in by the printed link, an
        /// engine and a spool in a temporary folder that goes at the end; figures are exact, not rounded.
        #[arg(long, conflicts_with = "config")]
        demo: bool,
    },
    /// Read the configuration and say whether it is right.
    Check(ConfigFile),
    /// Write the notices: for a site's privacy policy, for the register of processing, the self-assessment.
    Notice(NoticeArguments),
    /// Look whether every rule of privacy is held, and write a report. Ends with 1 when one is not.
    Audit {
        #[command(flatten)]
        config: ConfigFile,
        /// How the report is written.
        #[arg(long, value_enum, default_value_t = ReportForm::Text)]
        format: ReportForm,
        /// Print the documentation of the rules instead, and look at nothing.
        #[arg(long)]
        rules: bool,
    },
    /// Count what was logged elsewhere.
    Import {
        #[command(subcommand)]
        what: What,
    },
    /// Write a report to a file: rounded figures, the same that the console gives.
    Export(ExportArguments),
    /// Write traffic that never was, as lines for `import events`, and the truth about it.
    Simulate(SimulateArguments),
    /// Bring the database's tables to their form.
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
        /// Print the statements instead.
        #[arg(long)]
        dry_run: bool,
    },
    /// Make a token for the console.
    Token {
        #[command(subcommand)]
        token: TokenCommand,
    },
    /// The engine's process (internal).
    #[command(hide = true)]
    Engine {
        /// Library and arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, default_value = "sillage.toml")]
    config: PathBuf,
}

#[derive(Args)]
struct NoticeArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The language.
    #[arg(long, value_enum)]
    lang: Lang,
    /// The form.
    #[arg(long, value_enum, default_value = "markdown")]
    format: notice::NoticeFormat,
    /// One site instead of all; where a collector serves several publishers.
    #[arg(long)]
    site: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ReportForm {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// To file.
    Markdown,
}

impl From<ReportForm> for ReportFormat {
    fn from(form: ReportForm) -> Self {
        match form {
            ReportForm::Text => Self::Text,
            ReportForm::Json => Self::Json,
            ReportForm::Markdown => Self::Markdown,
        }
    }
}

#[derive(Subcommand)]
enum What {
    /// Access logs: combined, common, or JSON of nginx, Apache, Caddy; packed with gzip or not.
    AccessLog(ImportArguments),
    /// Native events, one JSON object a line, with `time`, `address`, `user_agent`, `accept_language`.
    Events(ImportArguments),
}

#[derive(Args)]
struct ImportArguments {
    /// The files, in any order.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The site that they are counted for.
    #[arg(long)]
    site: String,
    #[command(flatten)]
    config: ConfigFile,
    /// Move every time by whole days.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    shift_days: i64,
    /// Count days that were imported before once more.
    #[arg(long)]
    again: bool,
}

#[derive(Args)]
struct ExportArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The site.
    #[arg(long)]
    site: String,
    /// pages, breakdowns, actions or timings.
    #[arg(long)]
    report: String,
    /// With breakdowns which, such as visit:country; with actions a property, event:props:….
    #[arg(long)]
    dimension: Option<String>,
    /// The first of the site's days, YYYY-MM-DD.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// The last of them.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// Days by name instead, such as 30d.
    #[arg(long, conflicts_with = "from")]
    date_range: Option<String>,
    /// One row for each hour, day, week or month.
    #[arg(long, default_value = "day")]
    grain: String,
    /// csv, jsonl or parquet.
    #[arg(long, default_value = "csv")]
    format: String,
    /// Write there instead of to standard output.
    #[arg(long)]
    output: Option<PathBuf>,
}

impl From<ExportArguments> for ExportRequest {
    fn from(arguments: ExportArguments) -> Self {
        let ExportArguments { config, site, report, dimension, from, to, date_range, grain, format, output } =
            arguments;
        let given = [("site", site), ("report", report), ("grain", grain), ("format", format)];
        let given = given.map(|(name, value)| (name, Some(value)));
        let chosen = [("dimension", dimension), ("from", from), ("to", to), ("date_range", date_range)];
        let asked = given.into_iter().chain(chosen).filter_map(|(name, value)| Some((name, value?))).collect();
        Self { config: config.config, asked, output }
    }
}

#[derive(Args)]
struct SimulateArguments {
    /// The site, by its name and host.
    #[arg(long)]
    site: String,
    /// Number of days.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// The last of them, YYYY-MM-DD; yesterday if it is not given.
    #[arg(long)]
    until: Option<jiff::civil::Date>,
    /// The site's time zone.
    #[arg(long, default_value = "UTC")]
    timezone: String,
    /// People a day, on average.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=VISITORS_A_DAY_MAX as i64))]
    visitors_per_day: u32,
    /// Pages of the site.
    #[arg(long, default_value_t = 300)]
    pages: usize,
    /// The same gives the same traffic, others give others.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the truth there instead of to standard error.
    #[arg(long)]
    truth: Option<PathBuf>,
}

impl From<SimulateArguments> for SimulateRequest {
    fn from(arguments: SimulateArguments) -> Self {
        let SimulateArguments { site, days, until, timezone, visitors_per_day, pages, seed, truth } = arguments;
        Self { site, days, until, timezone, visitors_per_day, pages, seed, truth }
    }
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Print a new token and the lines for the configuration.
    New {
        /// A site that it may read; several times for several, `*` for all.
        #[arg(long = "site", required = true)]
        sites: Vec<String>,
        /// For people.
        #[arg(long, default_value = "token")]
        name: String,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if let Command::Engine { arguments } = command {
        return engine::child_main(arguments);
    }
    sillage::observe::start_logs(config::log_level());
    let done = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::from)
        .and_then(|runtime| runtime.block_on(run(command)));
    match done {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if even this fails.
            writeln!(std::io::stderr(), "sillage: {error}").ok();
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, CommandError> {
    app::forbid_core_dumps()?;
    let done = match command {
        Command::Audit { rules: true, .. } => say(&rules_page()),
        Command::Audit { config, format, .. } => return audit(&config.config, format.into()).await,
        Command::Serve { demo: true, .. } => serve_demo().await,
        Command::Serve { config, demo: false } => serve(&config).await,
        Command::Check(file) => say(&commands::check(&file.config)?),
        Command::Notice(NoticeArguments { config, lang, format, site }) => {
            say(&commands::notice(&NoticeRequest { config: config.config, site, lang, format })?)
        }
        Command::Import { what: What::AccessLog(arguments) } => import(ImportFormat::AccessLog, arguments).await,
        Command::Import { what: What::Events(arguments) } => import(ImportFormat::Events, arguments).await,
        Command::Export(arguments) => commands::export(arguments.into(), std::io::stdout().lock()).await,
        Command::Simulate(arguments) => commands::simulate(&arguments.into(), std::io::stdout().lock()),
        Command::Migrate { config, dry_run } => say(&commands::migrate(&config.config, dry_run).await?),
        Command::Token { token: TokenCommand::New { sites, name } } => say(&commands::new_token(&name, &sites)?),
        Command::Engine { .. } => Ok(()),
    };
    done.map(|()| ExitCode::SUCCESS)
}

async fn audit(file: &Path, format: ReportFormat) -> Result<ExitCode, CommandError> {
    let (report, held) = commands::audit(file, format).await?;
    say(&report)?;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn import(format: ImportFormat, arguments: ImportArguments) -> Result<(), CommandError> {
    let ImportArguments { files, site, config, shift_days, again } = arguments;
    let request = ImportRequest { format, files, site, config: config.config, shift_days, again };
    say(&commands::import(request).await?)
}

async fn serve(file: &Path) -> Result<(), CommandError> {
    let config = Config::load(file)?;
    for note in config.notes() {
        tracing::warn!("{note}");
    }
    let mut signals = Signals::new()?;
    let Some(app) = start(config, false, &mut signals).await? else { return Ok(()) };
    say(&format!("collect  http://{}/\nconsole  http://{}/", app.collect_address, app.console_address))?;
    until_stopped(app, Some(file), signals).await;
    Ok(())
}

async fn serve_demo() -> Result<(), CommandError> {
    let mut signals = Signals::new()?;
    let demo = Demo::new()?;
    let config = demo.config.clone();
    let Some(app) = start(demo.config, true, &mut signals).await? else { return Ok(()) };
    let (collect, console) = (app.collect_address, app.console_address);
    say(&format!(
        "Sillage demonstration: figures are exact (rounding off) and gone when it stops.\n\n\
         collect  http://{collect}/\n\
         demo     http://{collect}/{site}/\n\
         console  http://{console}/sign-in?token={token}\n\n\
         Open both links, click through the demo, and watch the figures. Ctrl-C stops it.",
        site = demo::SITE,
        token = demo.token,
    ))?;
    let (runtime_dir, folder) = (config.runtime.dir.clone(), demo.folder.path().to_owned());
    let past = tokio::spawn(async move {
        if let Err(error) = demo::bring_past_weeks(&config, collect, &folder, SystemClock.now()).await {
            tracing::warn!(%error, "the demonstration has no past weeks");
        }
    });
    until_stopped(app, None, signals).await;
    past.abort();
    past.await.ok();
    std::fs::remove_dir_all(runtime_dir).ok();
    Ok(())
}

/// What the system may tell us while we serve; heard from the first hit on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

/// The running program; nothing when it was told to end before all of it ran, which takes long while the database is
/// away.
async fn start(config: Config, demo: bool, signals: &mut Signals) -> Result<Option<App>, CommandError> {
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::system());
    tokio::select! {
        app = App::start(AppOptions { config, clock, demo, database: None, pauses: ship::PAUSES }) => return Ok(Some(app?)),
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    tracing::info!("stopping before all of it ran");
    Ok(None)
}

/// Runs until SIGTERM or Ctrl-C; SIGHUP reads `file` again.
async fn until_stopped(app: App, file: Option<&Path>, mut signals: Signals) {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => reload(&app, file),
        }
    }
    tracing::info!("stopping");
    app.stop().await;
}

fn reload(app: &App, file: Option<&Path>) {
    let Some(file) = file else { return };
    let reloaded = Config::load(file).map_err(CommandError::from).and_then(|config| Ok(app.reload(&config)?));
    match reloaded {
        Ok(()) => tracing::info!("the configuration was read again: sites, tokens, location files"),
        Err(error) => tracing::error!(%error, "the configuration was not taken over; the old one stays"),
    }
}

/// Says it to whoever listens: one who closed the pipe (`sillage audit | head`) has heard enough.
fn say(text: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        said => Ok(said?),
    }
}
