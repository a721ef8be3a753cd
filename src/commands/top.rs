//! `sillage top`: the console's figures in a terminal.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::commands::terminal::CommandError;
use crate::config;
use crate::top::console::{TopConsole, TopError};
use crate::top::figures::TopFigures;
use crate::top::range::TopRange;
use crate::top::screen::{self, ScreenStyle};
use crate::top::state::{KeyAction, TopState};

/// How long the thread that reads keys waits before it looks whether the command has ended.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// Show a site's figures in the terminal: headline, chart and lists, asked over the console's API.
///
/// The token is read from --token-file, or from the environment variable SILLAGE_TOKEN.
#[derive(Debug, clap::Args)]
pub struct TopCommand {
    /// Address of the console.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    url: String,
    /// File that holds a token of the console; else the environment variable SILLAGE_TOKEN.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Site to begin with; else the first of the token.
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Range to begin with.
    #[arg(long, value_name = "RANGE", default_value = "28d")]
    range: TopRange,
    /// Seconds between two queries.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = RangedU64ValueParser::<u64>::new().range(1..=3_600))]
    every: u64,
}

/// Input from the terminal.
enum TerminalInput {
    Key(KeyEvent),
    Resized,
}

impl TopCommand {
    /// Draws until a key, a signal or the end of the terminal ends it.
    ///
    /// # Errors
    /// Without a terminal or a token; when the console does not answer the first queries.
    pub async fn run(&self) -> Result<(), CommandError> {
        let token = self.token()?;
        let console = TopConsole::new(&self.url, &token)?;
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err("top: not a terminal; ask POST /api/v2/query, or use `sillage export`".into());
        }
        let sites = console.sites().await?;
        let mut state = TopState::new(sites, self.site.as_deref(), self.range)?;
        let style = ScreenStyle::new(config::wants_colour());
        let terminal = ratatui::try_init()?;
        let ended = self.watch(terminal, &console, &mut state, style).await;
        ratatui::try_restore()?;
        ended
    }

    fn token(&self) -> Result<String, CommandError> {
        let Some(file) = &self.token_file else {
            return config::console_token()
                .ok_or_else(|| "token: none; write it into a file for --token-file, or into SILLAGE_TOKEN".into());
        };
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let token = text.trim().to_owned();
        if token.is_empty() {
            Err(format!("{}: empty; write a token into it", file.display()).into())
        } else {
            Ok(token)
        }
    }

    async fn watch(
        &self,
        mut terminal: DefaultTerminal,
        console: &TopConsole,
        state: &mut TopState,
        style: ScreenStyle,
    ) -> Result<(), CommandError> {
        let (keys, mut pressed) = mpsc::channel(16);
        let reading = tokio::task::spawn_blocking(move || read_keys(&keys));
        let mut terminated = signal(SignalKind::terminate())?;
        let mut ticks = tokio::time::interval(Duration::from_secs(self.every));
        let mut asked: JoinSet<Result<TopFigures, TopError>> = JoinSet::new();
        loop {
            terminal.draw(|frame| screen::draw(frame, state, style))?;
            tokio::select! {
                // A key or another size; nothing more if the terminal has gone.
                input = pressed.recv() => match input {
                    None => break,
                    Some(TerminalInput::Resized) => {}
                    Some(TerminalInput::Key(key)) => match state.press(key) {
                        KeyAction::Quit => break,
                        KeyAction::Draw => {}
                        KeyAction::Ask => {
                            asked.abort_all();
                            ask(&mut asked, console, state);
                        }
                    },
                },
                // The next query; one under way is not asked beside.
                _ = ticks.tick() => {
                    if asked.is_empty() {
                        ask(&mut asked, console, state);
                    }
                }
                // An answer; an aborted query has none.
                Some(answer) = asked.join_next() => {
                    if let Ok(answer) = answer {
                        state.take(answer);
                    }
                }
                // SIGTERM.
                _ = terminated.recv() => break,
            }
        }
        drop(pressed);
        asked.shutdown().await;
        reading.await?;
        Ok(())
    }
}

fn ask(asked: &mut JoinSet<Result<TopFigures, TopError>>, console: &TopConsole, state: &TopState) {
    let (console, site, range, marketing) = (console.clone(), state.site.clone(), state.range, state.sites.marketing);
    asked.spawn(async move { console.figures(&site, range, marketing).await });
}

/// Sends keys and changes of size until the receiver is dropped or the terminal is gone.
fn read_keys(keys: &mpsc::Sender<TerminalInput>) {
    while !keys.is_closed() {
        let input = match event::poll(KEY_WAIT) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(_) => return,
        };
        let input = match input {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => TerminalInput::Key(key),
            Ok(Event::Resize(..)) => TerminalInput::Resized,
            Ok(_) => continue,
            Err(_) => return,
        };
        if keys.blocking_send(input).is_err() {
            return;
        }
    }
}
