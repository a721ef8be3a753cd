//! `sillage serve`: runs the program until a signal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, AppOptions};
use crate::clock::{Clock, SteadyClock, SystemClock};
use crate::commands::terminal::{CommandError, print};
use crate::config::{Config, Protection};
use crate::demo::{self, Demo};
use crate::health::FillingProgress;
use crate::ship;

/// Run the collector and the console.
#[derive(Debug, clap::Args)]
pub struct ServeCommand {
    /// Configuration file.
    #[arg(long, value_name = "FILE", default_value = "sillage.toml")]
    config: PathBuf,
    /// Demonstration without a file: a shop on loopback, a console opened by the printed link, engine and spool in a
    /// temporary folder that is deleted at the end; figures are exact, not rounded.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
    /// Days before today that the demonstration simulates, the newest first.
    #[arg(long, value_name = "DAYS", requires = "demo", default_value_t = demo::PAST_DAYS,
        value_parser = clap::value_parser!(u32).range(0..=1_000))]
    days: u32,
}

impl ServeCommand {
    /// Runs until SIGTERM or Ctrl-C.
    ///
    /// # Errors
    /// When a part of the program does not start.
    pub async fn run(&self) -> Result<(), CommandError> {
        if self.demo { serve_demo(self.days).await } else { serve(&self.config).await }
    }
}

async fn serve(file: &Path) -> Result<(), CommandError> {
    let config = Config::load(file)?;
    for note in config.notes() {
        tracing::warn!(note, "serve: note on the configuration");
    }
    let mut signals = Signals::new()?;
    let Some(app) = start(config, false, &mut signals).await? else { return Ok(()) };
    print(&app.doors.join("\n"))?;
    run_until_stopped(app, Some(file), signals).await;
    Ok(())
}

async fn serve_demo(days: u32) -> Result<(), CommandError> {
    let mut signals = Signals::new()?;
    let demo = Demo::new(SystemClock.now())?;
    let config = demo.config.clone();
    let Some(app) = start(demo.config, true, &mut signals).await? else { return Ok(()) };
    let (collect, console) = (app.collect_address, app.console_address);
    app.health().set_filling(Some(FillingProgress { days: 0, of: days }));
    let figures = match config.privacy.protection {
        Protection::Exact => "figures are exact (protection off)",
        Protection::Tens => "figures are published in tens",
    };
    print(&format!(
        "Sillage demonstration: {figures} and gone when it stops.\n\n\
         collect  http://{collect}/\n\
         demo     http://{collect}/{site}/\n\
         console  http://{console}/sign-in?token={token}\n\n\
         Open both links, click through the demo, and watch the figures. Ctrl-C stops it.",
        site = demo::SITE,
        token = demo.token,
    ))?;
    let (runtime_dir, folder, health) = (config.runtime.dir.clone(), demo.folder.path().to_owned(), app.health());
    let past = tokio::spawn(async move {
        let now = SystemClock.now();
        if let Err(error) = demo::bring_past(&config, collect, &folder, days, now, &health).await {
            health.set_filling(None);
            tracing::warn!(%error, "demo: simulated history not imported");
        }
    });
    run_until_stopped(app, None, signals).await;
    past.abort();
    past.await.ok();
    std::fs::remove_dir_all(runtime_dir).ok();
    Ok(())
}

/// Signals of the system, handled from before the first hit.
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

/// Starts the program; `None` when a signal came first, for example while the database is away.
async fn start(config: Config, demo: bool, signals: &mut Signals) -> Result<Option<App>, CommandError> {
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::system());
    tokio::select! {
        // All parts have started.
        app = App::start(AppOptions { config, clock, demo, database: None, pauses: ship::PAUSES }) => return Ok(Some(app?)),
        // SIGTERM during the start.
        _ = signals.terminate.recv() => {}
        // Ctrl-C during the start.
        _ = signals.interrupt.recv() => {}
    }
    tracing::info!("serve: stopped before start was complete");
    Ok(None)
}

/// Runs until SIGTERM or Ctrl-C; SIGHUP reloads `file`.
async fn run_until_stopped(app: App, file: Option<&Path>, mut signals: Signals) {
    loop {
        tokio::select! {
            // SIGTERM: stop.
            _ = signals.terminate.recv() => break,
            // Ctrl-C: stop.
            _ = signals.interrupt.recv() => break,
            // SIGHUP: reload the configuration.
            _ = signals.hang_up.recv() => reload(&app, file),
        }
    }
    tracing::info!("serve: stopping");
    tokio::select! {
        // Load balancers have had time to notice.
        () = app.give_notice() => {}
        // A second signal: stop now.
        _ = signals.terminate.recv() => {}
        // A second Ctrl-C: stop now.
        _ = signals.interrupt.recv() => {}
    }
    app.stop().await;
}

fn reload(app: &App, file: Option<&Path>) {
    let Some(file) = file else { return };
    let reloaded = Config::load(file).map_err(CommandError::from).and_then(|config| Ok(app.reload(&config)?));
    match reloaded {
        Ok(()) => tracing::info!("serve: sites, tokens, certificates and location files reloaded"),
        Err(error) => {
            // A fault in TOML is shown with its lines on a terminal; a log has one line for each event.
            let error = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            tracing::error!(error, "serve: configuration reload failed; keeping the previous one");
        }
    }
}
