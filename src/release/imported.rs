//! A batch of an import as cells by level, with the visitors that decide whether each is shown.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::event::Dimension;
use crate::rollup::counters::{Batch, BreakdownsRow, PagesRow};
use crate::rollup::levels::cells::{CellFigures, LevelCell};
use crate::rollup::levels::{LevelRows, site_hours};

/// One cell of a day.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ImportCell<'b> {
    /// Start of the UTC hour, seconds since 1970; 0 for a cell of the whole day.
    pub(super) hour: u32,
    /// The cell, dated on its day.
    pub(super) cell: LevelCell<'b>,
    /// Visitors that decide whether the cell is published.
    pub(super) gate: i64,
}

/// A batch of one site.
pub(super) struct ImportCells<'b> {
    batch: &'b Batch,
    /// Visitors of the busiest page behind each `previous_page` of a day.
    previous_pages: HashMap<(u16, &'b str), i64>,
}

impl<'b> ImportCells<'b> {
    /// The cells of this batch.
    pub(super) fn of(batch: &'b Batch) -> Self {
        let mut previous_pages = HashMap::new();
        let is_previous_page = |row: &&BreakdownsRow| row.dimension == Dimension::PreviousPage.name();
        for row in batch.breakdowns.iter().filter(is_previous_page) {
            let busiest = previous_pages.entry((row.day, &*row.value)).or_insert(row.page_visitors);
            *busiest = row.page_visitors.max(*busiest);
        }
        Self { batch, previous_pages }
    }

    /// Calls `take` for each cell.
    pub(super) fn each(&self, mut take: impl FnMut(ImportCell<'_>)) {
        let days = LevelRows::by_day(self.batch);
        days.day_cells().for_each(|cell| take(self.day_cell(cell)));
        for row in site_hours(&self.batch.pages, &self.batch.origin) {
            let figures = CellFigures {
                visitors: row.visitors,
                pageviews: row.pageviews,
                visits: row.visits,
                ..CellFigures::default()
            };
            let cell = LevelCell::new("site_hour", (&row.site, row.day, &row.origin), figures);
            take(ImportCell { hour: row.hour, gate: figures.visitors, cell });
        }
        self.batch.pages.iter().for_each(|row| take(self.page_hour_cell(row)));
        self.batch.breakdowns.iter().for_each(|row| take(self.pair_cell(row)));
    }

    fn day_cell<'r>(&self, cell: LevelCell<'r>) -> ImportCell<'r> {
        let is_previous_page = cell.level == "dimension" && cell.name == Dimension::PreviousPage.name();
        let busiest = is_previous_page.then(|| self.previous_pages.get(&(cell.day, &*cell.value)));
        let gate = busiest.map_or(cell.figures.visitors, |visitors| visitors.copied().unwrap_or_default());
        ImportCell { hour: 0, cell, gate }
    }

    fn page_hour_cell(&self, row: &'b PagesRow) -> ImportCell<'_> {
        let visitors = row.page_visitors;
        let figures = CellFigures { visitors, pageviews: row.pageviews, visits: row.visits, ..CellFigures::default() };
        let cell = LevelCell::new("page_hour", (&row.site, row.day, &self.batch.origin), figures);
        ImportCell { hour: row.hour, cell: LevelCell { page: &row.page, ..cell }, gate: visitors }
    }

    fn pair_cell(&self, row: &'b BreakdownsRow) -> ImportCell<'_> {
        let visitors = row.page_visitors;
        let figures = CellFigures { visitors, pageviews: row.pageviews, ..CellFigures::default() };
        let cell = LevelCell::new(PAIRS, (&row.site, row.day, &self.batch.origin), figures);
        let value = Cow::Borrowed(&*row.value);
        let cell = LevelCell { name: row.dimension, page: &row.page, value, ..cell };
        ImportCell { hour: 0, cell, gate: visitors }
    }
}

/// Level of pairs of a page and a value.
pub(super) const PAIRS: &str = "dimension_page";

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

    /// Level, page and value of each cell, with its visitors and its gate.
    fn cells(batch: &Batch) -> Vec<(&'static str, String, i64, i64)> {
        let mut cells = Vec::new();
        ImportCells::of(batch).each(|ImportCell { cell, gate, .. }| {
            cells.push((cell.level, format!("{}{}", cell.page, cell.value), cell.figures.visitors, gate));
        });
        cells
    }

    #[test]
    fn a_batch_has_a_cell_of_every_level_that_its_rows_add_to() {
        let batch = Batch {
            pages: vec![pages_row("/a", 2), pages_row("/b", 1)],
            breakdowns: vec![breakdowns_row("country", "/a", "FR", 2), breakdowns_row("country", "/b", "FR", 1)],
            ..Batch::default()
        };
        let cell = |level, key: &str, visitors| (level, key.to_owned(), visitors, visitors);
        let mut expected = vec![cell("site", "", 3), cell("page", "/a", 2), cell("page", "/b", 1)];
        expected.extend([cell("dimension", "FR", 3), cell("site_hour", "", 3), cell("page_hour", "/a", 2)]);
        expected.extend([cell("page_hour", "/b", 1), cell(PAIRS, "/aFR", 2), cell(PAIRS, "/bFR", 1)]);
        assert_eq!(cells(&batch), expected);
    }

    #[test]
    fn the_busiest_page_behind_a_previous_page_decides_whether_it_is_shown() {
        let of = |page, visitors| breakdowns_row("previous_page", page, "/from", visitors);
        let batch = Batch { breakdowns: vec![of("/a", 20), of("/b", 30), of("/c", 10)], ..Batch::default() };
        assert_eq!(cells(&batch)[0], ("dimension", "/from".to_owned(), 60, 30));
    }
}
