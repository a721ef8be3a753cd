//! Cells as rows: with `exact` those of the published tables, unchanged; with `tens` rows that wait until the release
//! draws them, as it draws measured ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::event::Day;
use crate::import::figures::cells::{Figure, FigureKey, Sums};
use crate::release::rules::STEP;
use crate::rollup::levels::LevelRows;
use crate::rollup::levels::cells::{CellFigures, FIGURES};
use crate::rollup::levels::rows::{ActionDaysRow, ActionPageDaysRow, DimensionDaysRow, PageDaysRow, SiteDaysRow};

/// Sums by day and key.
pub(super) type Cells = BTreeMap<(Day, FigureKey), Sums>;

/// The cells of days, unchanged.
pub(super) fn exact(cells: &Cells, site: &Arc<str>, origin: &Arc<str>) -> LevelRows {
    let mut rows = LevelRows::default();
    cells.iter().for_each(|((day, key), sums)| push(&mut rows, *day, key, sums, (site, origin)));
    rows
}

/// Row of `waiting_figures`: a cell of a day, to be released like a measured one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WaitingFiguresRow {
    site: Arc<str>,
    origin: Arc<str>,
    day: u16,
    level: &'static str,
    name: Arc<str>,
    value: Arc<str>,
    page: Arc<str>,
    /// A digit a figure: 0 where the export does not count it.
    counted: Arc<str>,
    figures: CellFigures,
    gate: i64,
}

/// By level, a digit a figure: 1 where any cell has it.
pub(super) type CountedFigures = BTreeMap<&'static str, Arc<str>>;

/// Figures that an export counts; the others are absent rather than zero, and not drawn.
pub(super) fn counted_figures(cells: &Cells) -> CountedFigures {
    let mut counted: BTreeMap<&'static str, [bool; FIGURES]> = BTreeMap::new();
    for ((_, key), sums) in cells {
        let known = counted.entry(key.level()).or_default();
        known.iter_mut().zip(sums).for_each(|(known, sum)| *known |= *sum != 0);
    }
    let digits = |known: [bool; FIGURES]| known.map(|is_counted| if is_counted { '1' } else { '0' });
    counted.into_iter().map(|(level, known)| (level, digits(known).iter().collect::<String>().into())).collect()
}

/// The cells as rows that wait for their release.
pub(super) fn waiting(
    cells: &Cells,
    counted: &CountedFigures,
    site: &Arc<str>,
    origin: &Arc<str>,
) -> Vec<WaitingFiguresRow> {
    let row = |((day, key), sums): (&(Day, FigureKey), &Sums)| {
        let empty: Arc<str> = "".into();
        let (name, value, page) = match key {
            FigureKey::Site => (empty.clone(), empty.clone(), empty),
            FigureKey::Page(page) => (empty.clone(), empty, page.clone()),
            FigureKey::Dimension(name, value) => ((*name).into(), value.clone(), empty),
            FigureKey::Action(action) => (action.clone(), empty.clone(), empty),
            FigureKey::ActionPage(page, action) => (action.clone(), empty, page.clone()),
        };
        let level = key.level();
        WaitingFiguresRow {
            site: site.clone(),
            origin: origin.clone(),
            day: day.0,
            level,
            name,
            value,
            page,
            counted: counted.get(level).cloned().unwrap_or_default(),
            figures: CellFigures::of_order(*sums),
            gate: gate(sums),
        }
    };
    cells.iter().map(row).collect()
}

/// The visitors that decide whether a row is shown; visits where an export counts no visitors; else a tenth of the
/// pageviews, because one visit weighs that much at most.
fn gate(sums: &Sums) -> i64 {
    let sum_of = |figure: Figure| sums.get(figure as usize).copied().unwrap_or(0);
    let counted = [Figure::Visitors, Figure::Visits].into_iter().map(sum_of).find(|sum| *sum != 0);
    counted.unwrap_or_else(|| sum_of(Figure::Pageviews) / STEP)
}

fn push(rows: &mut LevelRows, day: Day, key: &FigureKey, sums: &Sums, (site, origin): (&Arc<str>, &Arc<str>)) {
    let (ids, figures) = ((site, day.0, origin), CellFigures::of_order(*sums));
    let uses = [figures.pageviews, figures.visitors];
    match key.clone() {
        FigureKey::Site => rows.site_days.push(SiteDaysRow::of_cell(ids, (), &figures)),
        FigureKey::Page(page) => rows.page_days.push(PageDaysRow::of_cell(ids, (page,), &figures)),
        FigureKey::Dimension(dimension, value) => {
            rows.dimension_days.push(DimensionDaysRow::of_cell(ids, (dimension, value), &figures));
        }
        FigureKey::Action(action) => rows.action_days.push(ActionDaysRow::of(ids, (action,), uses)),
        FigureKey::ActionPage(page, action) => {
            rows.action_page_days.push(ActionPageDaysRow::of(ids, (page, action), uses));
        }
    }
}
