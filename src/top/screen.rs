//! Draws the screen, from 80 by 24 characters up. Colour repeats what signs and words say: without it nothing is lost.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, BorderType, Chart, Clear, Dataset, GraphType, Paragraph, Wrap};

use crate::top::figures::{LISTS, TopFigures, TopHeadline, TopList, number};
use crate::top::state::{TopState, TopWindow};

/// Smallest screen that holds headline, chart and a list.
const WIDTH_MIN: u16 = 60;
const HEIGHT_MIN: u16 = 16;
/// Smallest width of a list: a page's address is readable.
const LIST_WIDTH_MIN: u16 = 26;

/// Keys and their actions, as the help shows them.
const KEYS: [(&str, &str); 10] = [
    ("← →, 1 … 6", "range: today, 7 days, 28 days, 91 days, 12 months, all"),
    ("s", "choose a site"),
    ("Tab, l", "next list"),
    ("Shift Tab", "list before"),
    ("↑ ↓, PgUp PgDn", "scroll the list"),
    ("r", "ask again now"),
    ("?, h", "these keys"),
    ("q, Esc, Ctrl C", "quit"),
    ("", ""),
    ("today", "compared with the same hours a week before, as far as they are over"),
];

/// Colours of the screen.
#[derive(Debug, Clone, Copy)]
pub struct ScreenStyle {
    in_colour: bool,
}

impl ScreenStyle {
    /// With or without colour.
    pub fn new(in_colour: bool) -> Self {
        Self { in_colour }
    }

    fn colour(self, colour: Color) -> Style {
        if self.in_colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn accent(self) -> Style {
        self.colour(Color::Cyan)
    }

    fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
}

/// Draws the whole screen of `state`; a note where the terminal is too small.
pub fn draw(frame: &mut Frame<'_>, state: &TopState, style: ScreenStyle) {
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        let text = format!("a terminal of {WIDTH_MIN} by {HEIGHT_MIN} characters is needed (q quits)");
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let chart_height = (area.height.saturating_sub(5) * 2 / 5).clamp(5, 14);
    let rows = [
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Length(chart_height),
        Constraint::Min(4),
        Constraint::Length(1),
    ];
    let [title, headlines, chart, lists, status] = Layout::vertical(rows).areas(area);
    draw_title(frame, title, state, style);
    if let Some(figures) = &state.figures {
        draw_headlines(frame, headlines, &figures.headlines, style);
        draw_chart(frame, chart, figures, style);
        draw_lists(frame, lists, state, figures, style);
    } else if state.problem.is_empty() {
        frame.render_widget(Paragraph::new(" asking …").style(style.faint()), headlines);
    }
    draw_status(frame, status, state, style);
    match state.window {
        TopWindow::None => {}
        TopWindow::Help => draw_help(frame, area, state, style),
        TopWindow::Sites(at) => draw_sites(frame, area, state, at, style),
    }
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, state: &TopState, style: ScreenStyle) {
    let days = state.figures.as_ref().map_or("", |figures| figures.days.as_str());
    let left = Line::from(vec![
        Span::styled(" sillage  ", style.accent()),
        Span::styled(state.site.clone(), style.bold()),
        Span::raw(format!("  {}  ", state.range.title())),
        Span::styled(days, style.faint()),
    ]);
    let now = state.figures.as_ref().map_or(0, |figures| figures.now);
    let now = match (now, state.sites.in_tens) {
        (0, true) => "now: fewer than 20 visitors ".to_owned(),
        (1, _) => "now: 1 visitor ".to_owned(),
        (now, _) => format!("now: {now} visitors "),
    };
    frame.render_widget(Paragraph::new(left), area);
    if state.figures.is_some() {
        let width = u16::try_from(now.chars().count()).unwrap_or(area.width).min(area.width);
        let right = Rect { x: area.right() - width, width, ..area };
        frame.render_widget(Paragraph::new(now).alignment(Alignment::Right), right);
    }
}

fn draw_headlines(frame: &mut Frame<'_>, area: Rect, headlines: &[TopHeadline], style: ScreenStyle) {
    let columns = Layout::horizontal(headlines.iter().map(|_| Constraint::Fill(1))).split(area);
    for (headline, column) in headlines.iter().zip(columns.iter()) {
        let change = match headline.rises {
            Some(true) => style.colour(Color::Green),
            Some(false) => style.colour(Color::Red),
            None => style.faint(),
        };
        let lines = vec![
            Line::styled(format!(" {}", headline.title), style.faint()),
            Line::styled(format!(" {}", headline.text), style.bold()),
            Line::styled(format!(" {}", headline.beside), change),
        ];
        frame.render_widget(Paragraph::new(lines), *column);
    }
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, figures: &TopFigures, style: ScreenStyle) {
    let block = Block::bordered().border_type(BorderType::Rounded).border_style(style.faint()).title(" Visitors ");
    if figures.series.is_empty() {
        frame.render_widget(Paragraph::new(" nothing published").block(block), area);
        return;
    }
    #[allow(clippy::cast_precision_loss, reason = "a chart has at most 10 000 points")]
    let points: Vec<(f64, f64)> =
        figures.series.iter().enumerate().map(|(at, (_, visitors))| (at as f64, *visitors)).collect();
    let last = points.last().map_or(0.0, |point| point.0).max(1.0);
    let top = points.iter().map(|point| point.1).fold(1.0, f64::max);
    let label = |at: usize| figures.series.get(at).map_or_else(String::new, |(label, _)| period(label));
    let (middle, end) = (figures.series.len() / 2, figures.series.len() - 1);
    let labels = if end == 0 { vec![label(0)] } else { vec![label(0), label(middle), label(end)] };
    // One period is a point: a line would have no length.
    let kind = if end == 0 { GraphType::Scatter } else { GraphType::Line };
    let data = Dataset::default().marker(Marker::Braille).graph_type(kind).style(style.accent()).data(&points);
    let chart = Chart::new(vec![data])
        .block(block)
        .x_axis(Axis::default().bounds([0.0, last]).labels(labels).style(style.faint()))
        .y_axis(Axis::default().bounds([0.0, top]).labels(["0".to_owned(), number(top)]).style(style.faint()));
    frame.render_widget(chart, area);
}

/// `2026-03-10 09:00:00` as `09:00`, a day as it is, a month without its day.
fn period(label: &str) -> String {
    label.get(11..16).unwrap_or(label).to_owned()
}

fn draw_lists(frame: &mut Frame<'_>, area: Rect, state: &TopState, figures: &TopFigures, style: ScreenStyle) {
    let fitting = usize::from(area.width / LIST_WIDTH_MIN).clamp(1, LISTS.len());
    // Lists that do not fit follow when the keys reach them.
    let first = state.list.saturating_sub(fitting - 1);
    let shown: Vec<(usize, &TopList)> = figures.lists.iter().enumerate().skip(first).take(fitting).collect();
    let columns = Layout::horizontal(shown.iter().map(|_| Constraint::Fill(1))).split(area);
    for ((at, list), column) in shown.into_iter().zip(columns.iter()) {
        let focused = at == state.list;
        draw_list(frame, *column, list, focused.then_some(state.row), style);
    }
}

/// Draws a list; the one under the keys from their row on.
fn draw_list(frame: &mut Frame<'_>, area: Rect, list: &TopList, row: Option<usize>, style: ScreenStyle) {
    let border = if row.is_some() { style.accent() } else { style.faint() };
    let kind = if row.is_some() { BorderType::Thick } else { BorderType::Rounded };
    let block = Block::bordered()
        .border_type(kind)
        .border_style(border)
        .title(format!(" {} ", list.title))
        .title_top(Line::from(format!(" {} ", list.metric)).right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if list.rows.is_empty() {
        frame.render_widget(Paragraph::new(list.note.as_str()).style(style.faint()).wrap(Wrap { trim: true }), inner);
        return;
    }
    let width = usize::from(inner.width);
    let rows = list.rows.iter().skip(row.unwrap_or(0)).take(usize::from(inner.height));
    let lines: Vec<Line<'_>> = rows.map(|(name, figure)| list_line(name, figure, width)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Name on the left, figure on the right; a name that does not fit ends in `…`.
fn list_line(name: &str, figure: &str, width: usize) -> Line<'static> {
    let room = width.saturating_sub(figure.chars().count() + 1);
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let mut shown = Span::raw(name.clone());
    if shown.width() > room {
        let mut cut = String::new();
        for letter in name.chars() {
            if Span::raw(format!("{cut}{letter}…")).width() > room {
                break;
            }
            cut.push(letter);
        }
        shown = Span::raw(cut + "…");
    }
    let gap = " ".repeat(width.saturating_sub(shown.width() + figure.chars().count()));
    Line::from(vec![shown, Span::raw(gap), Span::raw(figure.to_owned())])
}

fn draw_status(frame: &mut Frame<'_>, area: Rect, state: &TopState, style: ScreenStyle) {
    let line = if state.problem.is_empty() {
        Line::styled(" ? keys   ← → range   s site   Tab list   r ask again   q quit", style.faint())
    } else {
        Line::styled(format!(" {}", state.problem), style.colour(Color::Yellow).add_modifier(Modifier::BOLD))
    };
    frame.render_widget(Paragraph::new(line), area);
}

fn draw_help(frame: &mut Frame<'_>, area: Rect, state: &TopState, style: ScreenStyle) {
    let mut lines: Vec<Line<'_>> =
        KEYS.iter().map(|(keys, action)| Line::from(format!(" {keys:<16}{action}"))).collect();
    let figures = match state.sites.in_tens {
        true => " Figures are published ones, drawn to tens; a change needs 100 before.",
        false => " Figures are published ones, exact.",
    };
    lines.push(Line::styled(figures, style.faint()));
    draw_window(frame, area, " Keys ", lines, 0);
}

fn draw_sites(frame: &mut Frame<'_>, area: Rect, state: &TopState, chosen: usize, style: ScreenStyle) {
    let line = |(at, name): (usize, &String)| {
        let (mark, look) = if at == chosen { ("▸", style.bold()) } else { (" ", Style::new()) };
        Line::styled(format!(" {mark} {name}"), look)
    };
    let lines = state.sites.names.iter().enumerate().map(line).collect();
    draw_window(frame, area, " Sites: ↑ ↓ Enter ", lines, chosen);
}

/// A window in the middle; `line` stays in view.
fn draw_window(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'_>>, line: usize) {
    let width = lines.iter().map(Line::width).max().unwrap_or(0).max(title.chars().count()) + 4;
    let width = u16::try_from(width).unwrap_or(area.width).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height).min(area.height);
    let window = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let hidden = (line + 1).saturating_sub(usize::from(height.saturating_sub(2)));
    frame.render_widget(Clear, window);
    let block = Block::bordered().border_type(BorderType::Thick).title(title.to_owned());
    let scrolled = u16::try_from(hidden).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).block(block).scroll((scrolled, 0)), window);
}
