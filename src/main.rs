//! Arguments and exit codes; nothing else.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use sillage::app::{self, App, Options};
use sillage::clock::{Clock, SystemClock};
use sillage::config::{self, Config, EngineMode};
use sillage::console::tokens;
use sillage::demo::{self, Demo};
use sillage::import::{self, Format, Import};
use sillage::sites::Sites;
use sillage::store::client::Store;
use sillage::store::engine::{self, Engine};
use sillage::store::migrate;
use tokio::signal::unix::{SignalKind, signal};

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
        /// Try it: a demonstration site, an engine in a temporary folder, nothing kept.
        #[arg(long, conflicts_with = "config")]
        demo: bool,
    },
    /// Read the configuration and say whether it is right.
    Check(ConfigFile),
    /// Count what was logged elsewhere.
    Import {
        #[command(subcommand)]
        what: What,
    },
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

type Failure = Box<dyn std::error::Error>;

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
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(command)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if even this fails.
            writeln!(std::io::stderr(), "sillage: {error}").ok();
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    app::forbid_core_dumps()?;
    match command {
        Command::Serve { demo: true, .. } => serve_demo().await,
        Command::Serve { config, demo: false } => serve(&config).await,
        Command::Check(file) => check(&file.config),
        Command::Import { what: What::AccessLog(arguments) } => import(Format::AccessLog, arguments).await,
        Command::Import { what: What::Events(arguments) } => import(Format::Events, arguments).await,
        Command::Migrate { config, dry_run } => migrate(&Config::load(&config.config)?, dry_run).await,
        Command::Token { token: TokenCommand::New { sites, name } } => new_token(&name, &sites),
        Command::Engine { .. } => Ok(()),
    }
}

async fn serve(file: &Path) -> Result<(), Failure> {
    let app = start(Config::load(file)?, false).await?;
    say(&format!("collect  http://{}/\nconsole  http://{}/", app.collect_address, app.console_address))?;
    until_stopped(app, Some(file)).await
}

async fn serve_demo() -> Result<(), Failure> {
    let demo = Demo::new()?;
    let runtime_dir = demo.config.runtime.dir.clone();
    let app = start(demo.config, true).await?;
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
    let stopped = until_stopped(app, None).await;
    std::fs::remove_dir_all(runtime_dir).ok();
    stopped
}

async fn start(config: Config, demo: bool) -> Result<App, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(App::start(Options { config, clock, demo, database: None }).await?)
}

/// Runs until SIGTERM or Ctrl-C; SIGHUP reads `file` again.
async fn until_stopped(app: App, file: Option<&Path>) -> Result<(), Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => reload(&app, file),
        }
    }
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}

fn reload(app: &App, file: Option<&Path>) {
    let Some(file) = file else { return };
    let reloaded = Config::load(file).map_err(Failure::from).and_then(|config| Ok(app.reload(&config)?));
    match reloaded {
        Ok(()) => tracing::info!("the configuration was read again: sites, tokens, location files"),
        Err(error) => tracing::error!(%error, "the configuration was not taken over; the old one stays"),
    }
}

fn check(file: &Path) -> Result<(), Failure> {
    let config = Config::load(file)?;
    app::check(&config)?;
    for note in config.notes() {
        say(&format!("note: {note}"))?;
    }
    say(&format!("{}: right; {} site(s)", file.display(), config.site.len()))
}

async fn import(format: Format, arguments: ImportArguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.config.config)?;
    let sites = Sites::new(&config.site)?;
    let Some(site) = sites.find(&arguments.site) else {
        return Err(format!("no site `{}` in {}", arguments.site, arguments.config.config.display()).into());
    };
    let now = SystemClock.now();
    let keep_from = site.retained_from(now, config.privacy.retention_months);
    let (endpoint, engine) = match Engine::running(&config.runtime.dir).await {
        Some(endpoint) if config.clickhouse.mode == EngineMode::Embedded => (endpoint, None),
        Some(_) | None => app::reach_engine(&config).await?,
    };
    let store = Store::connect(&config.clickhouse, &endpoint);
    migrate::apply(&store, &settings(&config)).await?;
    let import = Import {
        format,
        files: arguments.files,
        site: site.clone(),
        shift_days: arguments.shift_days,
        again: arguments.again,
        keep_from,
        progress: std::io::stderr().is_terminal(),
    };
    let imported = import::run(import, app::anonymiser(&config)?, &config.limits, &store, now).await;
    if let Some(engine) = engine {
        engine.stop().await;
    }
    say(&imported?.to_string())
}

async fn migrate(config: &Config, dry_run: bool) -> Result<(), Failure> {
    let (endpoint, engine) = match Engine::running(&config.runtime.dir).await {
        Some(endpoint) if config.clickhouse.mode == EngineMode::Embedded => (endpoint, None),
        Some(_) | None => app::reach_engine(config).await?,
    };
    let store = Store::connect(&config.clickhouse, &endpoint);
    let steps = match dry_run {
        true => migrate::dry_run(&store, &settings(config)).await,
        false => migrate::apply(&store, &settings(config)).await,
    };
    if let Some(engine) = engine {
        engine.stop().await;
    }
    let steps = steps?;
    if dry_run {
        for step in &steps {
            say(&format!("-- {}\n{};\n", step.file, step.sql))?;
        }
    }
    say(&format!("-- {} statement(s) {}", steps.len(), if dry_run { "to run" } else { "run" }))
}

fn settings(config: &Config) -> migrate::Settings {
    migrate::Settings { retention_months: config.privacy.retention_months, rounding: config.privacy.rounding }
}

fn new_token(name: &str, sites: &[String]) -> Result<(), Failure> {
    let (token, sha256) = tokens::new_token().map_err(|_| "the operating system gives no random bytes")?;
    say(&format!(
        "token (shown once, keep it safe): {token}\n\nfor the configuration:\n{}",
        tokens::configuration_text(name, &sha256, sites)
    ))
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
