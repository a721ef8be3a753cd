//! Rows of levels as cells: one form for all of them, in which they wait for a release.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use crate::rollup::levels::LevelRows;
use crate::rollup::levels::rows::{DimensionDaysRow, PageDaysRow, SiteDaysRow};

/// Sums of a cell, by the names of the columns of the waiting tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CellFigures {
    /// First pageviews of a visitor's day; of load times and of hits that are not a visitor's, how many.
    pub visitors: i64,
    /// Pageviews; for actions, uses.
    pub pageviews: i64,
    /// Visits that began here.
    pub visits: i64,
    /// Visits that began here, without another pageview or interactive action.
    pub bounces: i64,
    /// Seconds of the visits that began here.
    pub visit_seconds: i64,
    /// Visible and active time, milliseconds.
    pub engaged_ms: i64,
    /// Page views with a reading time.
    pub engaged_views: i64,
    /// Sum of scroll depths, percent.
    pub scroll_percent: i64,
    /// Page views with a scroll depth.
    pub scroll_views: i64,
    /// Views of pages that do not exist.
    pub not_found: i64,
    /// Visits whose last page is this one.
    pub exits: i64,
}

/// Number of figures of a cell.
pub const FIGURES: usize = 11;

impl CellFigures {
    /// The figures in the order of [`UNITS`](crate::release::rules::UNITS).
    pub(crate) fn in_order(&self) -> [i64; FIGURES] {
        let Self { visitors, pageviews, visits, bounces, visit_seconds, engaged_ms, engaged_views, .. } = *self;
        let [a, b, c] = [self.scroll_percent, self.scroll_views, self.not_found];
        [visitors, pageviews, visits, bounces, visit_seconds, engaged_ms, engaged_views, a, b, c, self.exits]
    }

    /// Figures from sums in that order.
    pub(crate) fn of_order(
        [
            visitors,
            pageviews,
            visits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
            exits,
        ]: [i64; FIGURES],
    ) -> Self {
        Self {
            visitors,
            pageviews,
            visits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
            exits,
        }
    }
}

/// One cell of a level: its key and its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelCell<'r> {
    /// Configured name of the site.
    pub site: &'r str,
    /// Import that brought the row; empty: measured live.
    pub origin: &'r str,
    /// Site-local day, or date of a bucket, days since 1970-01-01.
    pub day: u16,
    /// Level of the cell, such as `site` or `page`.
    pub level: &'static str,
    /// Name of the dimension, action or load time.
    pub name: &'r str,
    /// Name of a declared property.
    pub property: &'r str,
    /// Value of a dimension or property, or histogram bucket.
    pub value: Cow<'r, str>,
    /// Page of the site, or empty.
    pub page: &'r str,
    /// Sums of the cell.
    pub figures: CellFigures,
}

impl<'r> LevelCell<'r> {
    /// A cell of the level without name, value and page.
    pub(crate) fn new(
        level: &'static str,
        (site, day, origin): (&'r Arc<str>, u16, &'r Arc<str>),
        figures: CellFigures,
    ) -> Self {
        Self { site, origin, day, level, name: "", property: "", value: Cow::Borrowed(""), page: "", figures }
    }
}

/// Takes figures from the columns of the same names, and makes rows of them; the names stand in the row's order.
macro_rules! figures_of {
    ($($row:ident $keys:ty: $($figure:ident)*;)*) => {
        $(impl From<&$row> for CellFigures {
            #[allow(clippy::needless_update, reason = "one of the rows has all figures")]
            fn from(row: &$row) -> Self {
                Self { $($figure: row.$figure,)* ..Self::default() }
            }
        }

        impl $row {
            /// The row of a cell of a day.
            pub(crate) fn of_cell(ids: (&Arc<str>, u16, &Arc<str>), keys: $keys, figures: &CellFigures) -> Self {
                Self::of(ids, keys, [$(figures.$figure),*])
            }
        })*
    };
}

figures_of! {
    SiteDaysRow (): pageviews visitors visits bounces visit_seconds engaged_ms engaged_views scroll_percent scroll_views
        not_found;
    PageDaysRow (Arc<str>,): pageviews visitors visits exits bounces visit_seconds engaged_ms engaged_views
        scroll_percent scroll_views not_found;
    DimensionDaysRow (&'static str, Arc<str>): pageviews visitors visits bounces visit_seconds;
}

fn uses(visitors: i64, count: i64) -> CellFigures {
    CellFigures { visitors, pageviews: count, ..CellFigures::default() }
}

fn hits(count: i64) -> CellFigures {
    uses(count, 0)
}

fn bucket(number: u8) -> Cow<'static, str> {
    number.to_string().into()
}

impl LevelRows {
    /// Cells of all levels by day that have a week and a month: all but those of a page and value.
    pub(crate) fn day_cells(&self) -> impl Iterator<Item = LevelCell<'_>> {
        /// A cell of a row, with the columns that its level has.
        macro_rules! cells {
            ($rows:ident, $level:literal, $row:ident => $figures:expr $(, $column:ident: $value:expr)*) => {
                self.$rows.iter().map(|$row| LevelCell {
                    $($column: $value,)*
                    ..LevelCell::new($level, (&$row.site, $row.day, &$row.origin), $figures)
                })
            };
        }
        let site = cells!(site_days, "site", row => row.into());
        let pages = cells!(page_days, "page", row => row.into(), page: &row.page);
        let dimensions =
            cells!(dimension_days, "dimension", row => row.into(), name: row.dimension, value: (&*row.value).into());
        let actions = cells!(action_days, "action", row => uses(row.visitors, row.count), name: &row.action);
        let action_pages = cells!(action_page_days, "action_page", row => uses(row.visitors, row.count),
            name: &row.action, page: &row.page);
        let action_values = cells!(action_value_days, "action_value", row => uses(row.visitors, row.count),
            name: &row.action, property: &row.property, value: (&*row.value).into());
        let timings =
            cells!(timing_days, "timing", row => hits(row.count), name: row.metric, value: bucket(row.bucket));
        let timing_pages = cells!(timing_page_days, "timing_page", row => hits(row.count),
            name: row.metric, value: bucket(row.bucket), page: &row.page);
        let robots = cells!(robot_days, "robot", row => hits(row.hits), name: row.kind, page: &row.page);
        let outcomes = cells!(outcome_days, "outcome", row => hits(row.hits), name: row.outcome);
        let uses = actions.chain(action_pages).chain(action_values);
        site.chain(pages).chain(dimensions).chain(uses).chain(timings).chain(timing_pages).chain(robots).chain(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_cell_have_its_figures_under_their_own_names() {
        let figures = CellFigures {
            visitors: 1,
            pageviews: 2,
            visits: 3,
            bounces: 4,
            visit_seconds: 5,
            engaged_ms: 6,
            engaged_views: 7,
            scroll_percent: 8,
            scroll_views: 9,
            not_found: 10,
            exits: 11,
        };
        let (site, origin) = (Arc::from("shop.example"), Arc::from(""));
        let ids = (&site, 20_000, &origin);
        let page = PageDaysRow::of_cell(ids, ("/".into(),), &figures);
        assert_eq!(CellFigures::from(&page), figures);
        let site_day = SiteDaysRow::of_cell(ids, (), &figures);
        assert_eq!(CellFigures::from(&site_day), CellFigures { exits: 0, ..figures });
        let value = DimensionDaysRow::of_cell(ids, ("country", "FR".into()), &figures);
        let of_visits = CellFigures {
            visitors: 1,
            pageviews: 2,
            visits: 3,
            bounces: 4,
            visit_seconds: 5,
            ..CellFigures::default()
        };
        assert_eq!(CellFigures::from(&value), of_visits);
    }
}
