//! A batch of an import on its way to the waiting table of imports: its cells by level, without those that can never be
//! shown and that no bucket takes. Must only be used for imports that bring each of their days whole.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use crate::event::{Day, Dimension};
use crate::release::rules::SHOWN_FROM;
use crate::rollup::counters::{Batch, BreakdownsRow, PagesRow};
use crate::rollup::levels::cells::{CellFigures, LevelCell};
use crate::rollup::levels::rows::SiteHoursRow;
use crate::rollup::levels::{LevelRows, site_hours};

/// Table of cells of imports, whose partitions are weeks.
pub(crate) const WAITING_IMPORTS: &str = "waiting_import_cells";

/// Row of `waiting_import_cells`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ImportCellsRow<'b> {
    /// Start of the UTC hour, seconds since 1970; 0 for a cell of the whole day.
    hour: u32,
    /// The cell, dated on its day.
    cell: LevelCell<'b>,
    /// Visitors that decide whether the cell is published.
    gate: i64,
}

/// A batch of an import and its levels.
pub(crate) struct ImportCells<'b> {
    batch: &'b Batch,
    days: LevelRows,
    hours: Vec<SiteHoursRow>,
    /// Visitors of the busiest page behind each `previous_page` of a day.
    previous_pages: HashMap<(u16, &'b str), i64>,
}

impl<'b> ImportCells<'b> {
    /// Sums the levels of a batch of one site.
    pub(crate) fn of(batch: &'b Batch) -> Self {
        let mut previous_pages = HashMap::new();
        let is_previous_page = |row: &&BreakdownsRow| row.dimension == Dimension::PreviousPage.name();
        for row in batch.breakdowns.iter().filter(is_previous_page) {
            let busiest = previous_pages.entry((row.day, &*row.value)).or_insert(row.page_visitors);
            *busiest = row.page_visitors.max(*busiest);
        }
        let hours = site_hours(&batch.pages, &batch.origin);
        Self { batch, days: LevelRows::by_day(batch), hours, previous_pages }
    }

    /// The cells of the batch. `cut` are the days of which another batch of the import has visitors: a cell of theirs
    /// that is too small here may be large enough there.
    pub(crate) fn rows(&self, cut: &[Day]) -> Vec<ImportCellsRow<'_>> {
        let may_show = |day: u16, gate: i64| gate >= SHOWN_FROM || cut.contains(&Day(day));
        let mut rows: Vec<_> = self.days.day_cells().map(|cell| self.day_row(cell)).collect();
        rows.extend(self.hours.iter().map(|row| {
            let figures = CellFigures {
                visitors: row.visitors,
                pageviews: row.pageviews,
                visits: row.visits,
                ..CellFigures::default()
            };
            let cell = LevelCell::new("site_hour", (&row.site, row.day, &row.origin), figures);
            ImportCellsRow { hour: row.hour, gate: figures.visitors, cell }
        }));
        let page_hours = self.batch.pages.iter().filter(|row| may_show(row.day, row.page_visitors));
        rows.extend(page_hours.map(|row| self.page_hour_row(row)));
        let pairs = self.batch.breakdowns.iter().filter(|row| may_show(row.day, row.page_visitors));
        rows.extend(pairs.map(|row| self.pair_row(row)));
        rows
    }

    fn day_row<'r>(&'r self, cell: LevelCell<'r>) -> ImportCellsRow<'r> {
        let is_previous_page = cell.level == "dimension" && cell.name == Dimension::PreviousPage.name();
        let busiest = is_previous_page.then(|| self.previous_pages.get(&(cell.day, &*cell.value)));
        let gate = busiest.map_or(cell.figures.visitors, |visitors| visitors.copied().unwrap_or_default());
        ImportCellsRow { hour: 0, cell, gate }
    }

    fn page_hour_row(&self, row: &'b PagesRow) -> ImportCellsRow<'_> {
        let visitors = row.page_visitors;
        let figures = CellFigures { visitors, pageviews: row.pageviews, visits: row.visits, ..CellFigures::default() };
        let cell = LevelCell::new("page_hour", (&row.site, row.day, &self.batch.origin), figures);
        ImportCellsRow { hour: row.hour, cell: LevelCell { page: &row.page, ..cell }, gate: visitors }
    }

    fn pair_row(&self, row: &'b BreakdownsRow) -> ImportCellsRow<'_> {
        let visitors = row.page_visitors;
        let figures = CellFigures { visitors, pageviews: row.pageviews, ..CellFigures::default() };
        let cell = LevelCell::new("dimension_page", (&row.site, row.day, &self.batch.origin), figures);
        let value = Cow::Borrowed(&*row.value);
        let cell = LevelCell { name: row.dimension, page: &row.page, value, ..cell };
        ImportCellsRow { hour: 0, cell, gate: visitors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u16 = 20_000;

    fn pages_row(page: &str, visitors: i64) -> PagesRow {
        PagesRow {
            site: "shop.example".into(),
            day: DAY,
            hour: 1_728_000_000,
            page: page.into(),
            pageviews: 2 * visitors,
            visitors,
            page_visitors: visitors,
            visits: visitors,
            exits: visitors,
            bounces: 0,
            visit_seconds: 0,
            engaged_ms: 0,
            engaged_views: 0,
            scroll_percent: 0,
            scroll_views: 0,
            not_found: 0,
        }
    }

    fn breakdowns_row(dimension: &'static str, page: &str, value: &str, visitors: i64) -> BreakdownsRow {
        BreakdownsRow {
            site: "shop.example".into(),
            day: DAY,
            dimension,
            page: page.into(),
            value: value.into(),
            pageviews: 2 * visitors,
            visitors,
            page_visitors: visitors,
            visits: visitors,
            bounces: 0,
            visit_seconds: 0,
        }
    }

    /// Level, page and value of each row, with its visitors and its gate.
    fn rows(batch: &Batch, cut: &[Day]) -> Vec<(&'static str, String, i64, i64)> {
        let cells = ImportCells::of(batch);
        let of = |row: ImportCellsRow<'_>| {
            let key = format!("{}{}", row.cell.page, row.cell.value);
            (row.cell.level, key, row.cell.figures.visitors, row.gate)
        };
        cells.rows(cut).into_iter().map(of).collect()
    }

    #[test]
    fn pairs_of_one_visitor_are_left_out_of_whole_days_and_of_no_sum() {
        let batch = Batch {
            pages: vec![pages_row("/a", 2), pages_row("/b", 1)],
            breakdowns: vec![breakdowns_row("country", "/a", "FR", 2), breakdowns_row("country", "/b", "FR", 1)],
            ..Batch::default()
        };
        let text = |level, key: &str, visitors| (level, key.to_owned(), visitors, visitors);
        let sums = [text("site", "", 3), text("page", "/a", 2), text("page", "/b", 1), text("dimension", "FR", 3)];
        let mut whole = sums.to_vec();
        whole.extend([text("site_hour", "", 3), text("page_hour", "/a", 2), text("dimension_page", "/aFR", 2)]);
        assert_eq!(rows(&batch, &[Day(DAY + 1)]), whole);
        // The day's other part may bring it more visitors.
        let mut cut = sums.to_vec();
        cut.extend([text("site_hour", "", 3), text("page_hour", "/a", 2), text("page_hour", "/b", 1)]);
        cut.extend([text("dimension_page", "/aFR", 2), text("dimension_page", "/bFR", 1)]);
        assert_eq!(rows(&batch, &[Day(DAY)]), cut);
    }

    #[test]
    fn the_busiest_page_behind_a_previous_page_decides_whether_it_is_shown() {
        let of = |page, visitors| breakdowns_row("previous_page", page, "/from", visitors);
        let batch = Batch { breakdowns: vec![of("/a", 20), of("/b", 30), of("/c", 10)], ..Batch::default() };
        assert_eq!(rows(&batch, &[])[0], ("dimension", "/from".to_owned(), 60, 30));
    }
}
