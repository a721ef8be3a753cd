//! Content of the screen, and the keys that change it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::top::console::{TopError, TopSites};
use crate::top::figures::{LISTS, TopFigures};
use crate::top::range::TopRange;

/// A window above the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopWindow {
    /// The figures alone.
    None,
    /// List of keys with their effects.
    Help,
    /// The token's sites; the chosen one by its place.
    Sites(usize),
}

/// Consequence of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// The screen is drawn again.
    Draw,
    /// Other figures are asked for.
    Ask,
    /// `sillage top` exits.
    Quit,
}

/// State of the screen.
#[derive(Debug)]
pub struct TopState {
    /// Sites that the token may read.
    pub sites: TopSites,
    /// Site that is shown.
    pub site: String,
    /// Range that is shown.
    pub range: TopRange,
    /// The latest figures; `None` before the first answer about this site and range.
    pub figures: Option<TopFigures>,
    /// Why the latest query has no answer; empty if it has one.
    pub problem: String,
    /// List under the keys, by its place.
    pub list: usize,
    /// First row of that list.
    pub row: usize,
    /// Window above the figures.
    pub window: TopWindow,
}

impl TopState {
    /// Shows `site`, else the first of the token's sites.
    ///
    /// # Errors
    /// When the token does not read it.
    pub fn new(sites: TopSites, site: Option<&str>, range: TopRange) -> Result<Self, TopError> {
        let wanted = site.map(str::to_ascii_lowercase);
        let found = sites.names.iter().find(|name| wanted.as_ref().is_none_or(|wanted| *name == wanted)).cloned();
        let listed = || if sites.names.is_empty() { "no site".to_owned() } else { sites.names.join(", ") };
        let site = found.ok_or_else(|| TopError::NoSite(wanted.clone().unwrap_or_default(), listed()))?;
        Ok(Self { sites, site, range, figures: None, problem: String::new(), list: 0, row: 0, window: TopWindow::None })
    }

    /// Takes an answer. One about another site or range came too late; after an error the figures before it stay.
    pub fn take(&mut self, answer: Result<TopFigures, TopError>) {
        match answer {
            Ok(figures) if figures.site == self.site && figures.range == self.range => {
                self.problem = figures.note.clone();
                self.figures = Some(figures);
            }
            Ok(_) => {}
            Err(error) => self.problem = error.to_string(),
        }
    }

    /// Applies a key to the state and returns its consequence.
    pub fn press(&mut self, key: KeyEvent) -> KeyAction {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { KeyAction::Quit } else { KeyAction::Draw };
        }
        match self.window {
            TopWindow::Sites(at) => return self.press_in_sites(key.code, at),
            TopWindow::Help => {
                self.window = TopWindow::None;
                return if key.code == KeyCode::Char('q') { KeyAction::Quit } else { KeyAction::Draw };
            }
            TopWindow::None => {}
        }
        #[allow(clippy::wildcard_enum_match_arm, reason = "a keyboard has many keys")]
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return KeyAction::Quit,
            KeyCode::Char('r') => return KeyAction::Ask,
            KeyCode::Right | KeyCode::Char('+') => return self.show(self.site.clone(), self.range.moved(true)),
            KeyCode::Left | KeyCode::Char('-') => return self.show(self.site.clone(), self.range.moved(false)),
            KeyCode::Char(digit @ '1'..='6') => {
                let at = usize::from(digit as u8 - b'1');
                return self.show(self.site.clone(), TopRange::ALL.get(at).copied().unwrap_or(self.range));
            }
            KeyCode::Char('?' | 'h') => self.window = TopWindow::Help,
            KeyCode::Char('s') => {
                let at = self.sites.names.iter().position(|name| *name == self.site).unwrap_or_default();
                self.window = TopWindow::Sites(at);
            }
            KeyCode::Tab | KeyCode::Char('l') => self.focus((self.list + 1) % LISTS.len()),
            KeyCode::BackTab => self.focus((self.list + LISTS.len() - 1) % LISTS.len()),
            KeyCode::Down => self.scroll(1),
            KeyCode::Up => self.scroll(-1),
            KeyCode::PageDown => self.scroll(10),
            KeyCode::PageUp => self.scroll(-10),
            _ => {}
        }
        KeyAction::Draw
    }

    fn press_in_sites(&mut self, code: KeyCode, at: usize) -> KeyAction {
        let last = self.sites.names.len().saturating_sub(1);
        #[allow(clippy::wildcard_enum_match_arm, reason = "a keyboard has many keys")]
        match code {
            KeyCode::Char('q') => return KeyAction::Quit,
            KeyCode::Up => self.window = TopWindow::Sites(at.saturating_sub(1)),
            KeyCode::Down => self.window = TopWindow::Sites((at + 1).min(last)),
            KeyCode::Enter => {
                self.window = TopWindow::None;
                if let Some(site) = self.sites.names.get(at).cloned() {
                    return self.show(site, self.range);
                }
            }
            KeyCode::Esc | KeyCode::Char('s') => self.window = TopWindow::None,
            _ => {}
        }
        KeyAction::Draw
    }

    fn show(&mut self, site: String, range: TopRange) -> KeyAction {
        if site == self.site && range == self.range {
            return KeyAction::Draw;
        }
        (self.site, self.range, self.row) = (site, range, 0);
        (self.figures, self.problem) = (None, String::new());
        KeyAction::Ask
    }

    fn focus(&mut self, list: usize) {
        (self.list, self.row) = (list, 0);
    }

    fn scroll(&mut self, rows: isize) {
        let list = self.figures.as_ref().and_then(|figures| figures.lists.get(self.list));
        let last = list.map_or(0, |list| list.rows.len().saturating_sub(1));
        self.row = self.row.saturating_add_signed(rows).min(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> TopState {
        let names = vec!["a.example".into(), "b.example".into()];
        TopState::new(TopSites { names, marketing: false, in_tens: true }, None, TopRange::FourWeeks).unwrap()
    }

    fn press(state: &mut TopState, code: KeyCode) -> KeyAction {
        state.press(KeyEvent::from(code))
    }

    #[test]
    fn keys_choose_range_site_and_list_and_end_the_command() {
        let mut state = state();
        assert_eq!(press(&mut state, KeyCode::Right), KeyAction::Ask);
        assert_eq!(state.range, TopRange::Quarter);
        assert_eq!(press(&mut state, KeyCode::Char('1')), KeyAction::Ask);
        assert_eq!(state.range, TopRange::Today);
        assert_eq!(press(&mut state, KeyCode::Left), KeyAction::Draw, "nothing is shorter than today");

        press(&mut state, KeyCode::Char('s'));
        press(&mut state, KeyCode::Down);
        press(&mut state, KeyCode::Down);
        assert_eq!(press(&mut state, KeyCode::Enter), KeyAction::Ask);
        assert_eq!((state.site.as_str(), state.window), ("b.example", TopWindow::None));

        press(&mut state, KeyCode::BackTab);
        assert_eq!(state.list, LISTS.len() - 1);
        press(&mut state, KeyCode::Tab);
        assert_eq!(state.list, 0);

        assert_eq!(press(&mut state, KeyCode::Char('?')), KeyAction::Draw);
        assert_eq!(state.window, TopWindow::Help);
        assert_eq!(press(&mut state, KeyCode::Char('x')), KeyAction::Draw);
        assert_eq!(press(&mut state, KeyCode::Char('q')), KeyAction::Quit);
        assert_eq!(state.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), KeyAction::Quit);
    }

    #[test]
    fn a_site_that_the_token_does_not_read_is_named_with_those_that_it_reads() {
        let sites = TopSites { names: vec!["a.example".into()], marketing: false, in_tens: true };
        let error = TopState::new(sites, Some("c.example"), TopRange::Week).unwrap_err().to_string();
        assert_eq!(error, "site `c.example`: not read by this token; it reads: a.example");
    }

    #[test]
    fn an_answer_that_came_too_late_is_dropped_and_an_error_keeps_the_figures() {
        let mut state = state();
        let empty = serde_json::json!({ "answers": { "total": {}, "series": {} } });
        let figures = |site: &str| TopFigures::of(&empty, site, TopRange::FourWeeks, false).unwrap();
        state.take(Ok(figures("b.example")));
        assert!(state.figures.is_none());
        state.take(Ok(figures("a.example")));
        state.take(Err(TopError::Token));
        assert!(state.figures.is_some() && state.problem.starts_with("token: "));
    }
}
