//! `sillage top`: its screen from the real console's answers, and what it says when there are none.

use std::process::Stdio;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::style::Color;
use sillage::rollup::counters::Batch;
use sillage::top::console::TopConsole;
use sillage::top::range::TopRange;
use sillage::top::screen::{ScreenStyle, draw};
use sillage::top::state::TopState;
use tokio::process::Command;

use crate::console::{Served, absent_database, serve};
use crate::query::{TEN, page, store, worked_example};

fn console(served: &Served, token: &str) -> TopConsole {
    TopConsole::new(&format!("http://{}/", served.address), token).unwrap()
}

async fn asked(console: &TopConsole, range: TopRange) -> TopState {
    let mut state = TopState::new(console.sites().await.unwrap(), Some("shop.example"), range).unwrap();
    state.take(console.figures("shop.example", range, state.sites.marketing).await);
    state
}

/// The screen as lines of text, and whether anything on it has a colour.
fn drawn(state: &TopState, (width, height): (u16, u16), style: ScreenStyle) -> (Vec<String>, bool) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, style)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let coloured = buffer.content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
    ((0..height).map(line).collect(), coloured)
}

#[tokio::test]
async fn a_screen_of_80_by_24_shows_headline_chart_and_three_lists() {
    let mut batch = worked_example();
    batch.pages.push(page("shop.example", TEN, "/\u{1b}[31mred", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    batch.pages.push(page("shop.example", TEN - 86_400, "/", [4, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0]));
    batch.pages.last_mut().unwrap().day -= 1;
    let served = serve(store(1, &batch).await, 1).await;
    let console = console(&served, &served.shop);

    let mut state = asked(&console, TopRange::FourWeeks).await;
    let (lines, coloured) = drawn(&state, (80, 24), ScreenStyle::new(true));
    let screen = lines.join("\n");
    assert!(coloured);
    assert!(lines[0].contains("shop.example  28 days  2026-02-11 – 2026-03-10"), "{screen}");
    assert!(lines[0].ends_with("now: 43 visitors "), "{screen}");
    assert!(lines[1].contains("Visitors") && lines[1].contains("Visit duration"), "{screen}");
    // Three visitors, five visits, ten pageviews over both days.
    let figures: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(figures[..3], ["3", "5", "10"], "{screen}");
    assert!(lines[4].contains(" Visitors "), "{screen}");
    for (title, row) in [("Pages", "/pricing"), ("Referrers", "(direct)"), ("Places", "France")] {
        let head = lines.iter().position(|line| line.contains(&format!(" {title} "))).unwrap();
        assert!(lines[head..].iter().any(|line| line.contains(row)), "{title}: {screen}");
    }
    assert!(screen.contains("[31mred") && !screen.contains('\u{1b}'), "a control character reached the terminal");
    assert!(lines[3].trim().is_empty(), "compared with days before the first figures: {screen}");
    assert!(lines[23].contains("figures begin on 2026-03-09"), "{screen}");
    for keys in [KeyCode::Tab; 4] {
        state.press(KeyEvent::from(keys));
    }
    let (lines, coloured) = drawn(&state, (80, 24), ScreenStyle::new(false));
    assert!(lines.iter().any(|line| line.contains(" Actions ") && line.contains(" events ")), "{}", lines.join("\n"));
    assert!(lines.iter().any(|line| line.contains("Signup") && line.contains('3')), "{}", lines.join("\n"));
    assert!(!coloured, "NO_COLOR has colour");
    let (lines, _) = drawn(&state, (140, 40), ScreenStyle::new(false));
    for title in ["Pages", "Referrers", "Places", "Devices", "Actions"] {
        assert!(lines.iter().any(|line| line.contains(&format!(" {title} "))), "{title}: {}", lines.join("\n"));
    }

    let today = asked(&console, TopRange::Today).await;
    let (lines, _) = drawn(&today, (80, 24), ScreenStyle::new(false));
    let screen = lines.join("\n");
    assert_eq!(lines[2].split_whitespace().next(), Some("2"), "{screen}");
    assert!(lines[0].contains("2026-03-10 ") && lines[3].trim().is_empty(), "{screen}");
    assert!(lines[23].contains("figures begin on 2026-03-09"), "{screen}");
    served.stop().await;
}

#[tokio::test]
async fn today_is_compared_with_the_same_hours_a_week_before() {
    // Paris is an hour ahead: at 09:30 UTC, the hour from 10:00 is under way.
    let hours = |days_ago: u16, figures: [(u32, i64); 3]| {
        figures.map(|(hour, visitors)| {
            let begins = TEN - 3_600 * (10 - hour) - 86_400 * u32::from(days_ago);
            let visits = [visitors, visitors, visitors, visitors, 0, visitors, 0, 0, 0, 0, 0, 0];
            let mut row = page("shop.example", begins, "/", visits);
            row.day -= days_ago;
            row
        })
    };
    let mut batch = Batch { token: "top-1".into(), ..Batch::default() };
    batch.pages.extend(hours(0, [(8, 10), (9, 20), (10, 500)]));
    batch.pages.extend(hours(7, [(8, 12), (9, 12), (10, 700)]));
    batch.pages.extend(hours(8, [(8, 1), (9, 1), (10, 1)]));
    let served = serve(store(1, &batch).await, 1).await;
    served.clock.set("2026-03-10T09:30:00Z".parse().unwrap());
    let state = asked(&console(&served, &served.shop), TopRange::Today).await;
    let (lines, _) = drawn(&state, (120, 24), ScreenStyle::new(false));
    let screen = lines.join("\n");
    assert!(lines[0].contains("today  2026-03-10 to 10:00, against 2026-03-03"), "{screen}");
    assert_eq!(lines[2].split_whitespace().next(), Some("530"), "{screen}");
    // 30 of the ended hours against 24 of the same ones.
    assert_eq!(lines[3].split_whitespace().collect::<Vec<_>>(), ["+25%", "+25%", "+25%"], "{screen}");
    served.clock.set("2026-03-09T23:10:00Z".parse().unwrap());
    let state = asked(&console(&served, &served.shop), TopRange::Today).await;
    let (lines, _) = drawn(&state, (120, 24), ScreenStyle::new(false));
    assert!(lines[3].trim().is_empty(), "the first hour has none before it: {}", lines.join("\n"));
    served.stop().await;
}

#[tokio::test]
async fn windows_fit_and_a_small_terminal_is_told_so() {
    let served = serve(store(1, &Batch::default()).await, 1).await;
    let console = console(&served, &served.everything);
    let mut state = asked(&console, TopRange::Week).await;
    let (lines, _) = drawn(&state, (80, 24), ScreenStyle::new(false));
    assert!(lines.iter().any(|line| line.contains("nothing published")), "{}", lines.join("\n"));
    assert!(lines[23].contains("q quit"), "{}", lines.join("\n"));
    state.press(KeyEvent::from(KeyCode::Char('?')));
    let (lines, _) = drawn(&state, (60, 16), ScreenStyle::new(false));
    assert!(lines.iter().any(|line| line.contains("choose a site")), "{}", lines.join("\n"));
    state.press(KeyEvent::from(KeyCode::Char('?')));
    state.press(KeyEvent::from(KeyCode::Char('s')));
    let (lines, _) = drawn(&state, (60, 16), ScreenStyle::new(false));
    assert!(lines.iter().any(|line| line.contains("▸ shop.example")), "{}", lines.join("\n"));
    for size in [(59, 24), (80, 15), (10, 3), (1, 1)] {
        let (lines, _) = drawn(&state, size, ScreenStyle::new(false));
        assert!(size.0 < 20 || lines.concat().contains("60 by 16"), "{size:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn each_failure_is_a_sentence_and_keeps_the_token_to_itself() {
    let served = serve(absent_database(), 10).await;
    let rejected = console(&served, "sillage_wrong").sites().await.unwrap_err().to_string();
    assert!(rejected.contains("rejected by the console at http://127.0.0.1:"), "{rejected}");
    let away = console(&served, &served.shop).figures("shop.example", TopRange::Week, false).await;
    let away = away.unwrap_err().to_string();
    assert!(away.contains("database unavailable") && away.contains("503"), "{away}");
    let address = served.address;
    let token = served.shop.clone();
    served.stop().await;
    let gone = TopConsole::new(&format!("http://{address}"), &token).unwrap().sites().await.unwrap_err().to_string();
    assert!(gone.contains("not reachable") && gone.contains("refused") && !gone.contains(&token), "{gone}");
    for url in ["127.0.0.1:8081", "ftp://127.0.0.1", "/console", ""] {
        assert!(TopConsole::new(url, &token).is_err(), "{url}");
    }
    assert!(TopConsole::new("http://127.0.0.1", "two\nlines").is_err());
}

#[tokio::test]
async fn the_command_needs_a_token_and_a_terminal() {
    let top = |token: Option<&str>, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.arg("top").args(arguments).env_remove("SILLAGE_TOKEN").stdin(Stdio::null());
        token.map(|token| command.env("SILLAGE_TOKEN", token));
        command.output()
    };
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    for (token, arguments, sentence) in [
        (None, vec![], "token: none;"),
        (None, vec!["--token-file", empty], "empty; write a token into it"),
        (None, vec!["--token-file", "/nonexistent"], "/nonexistent: No such file"),
        (Some("sillage_x"), vec![], "top: not a terminal;"),
        (Some("sillage_x"), vec!["--url", "console"], "--url: `console` is not an address"),
        (
            Some("sillage_x"),
            vec!["--url", "http://stats.example:8081"],
            "--url: the token would travel in clear; write https://, or http:// of this machine alone",
        ),
        (Some("sillage_x"), vec!["--range", "3d"], "[possible values: day, 7d, 28d, 91d, 12mo, all]"),
    ] {
        let output = top(token, &arguments).await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(sentence) && output.status.code() == Some(2), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
