//! A batch as rows of the published tables: each level summed separately, for `protection = "exact"` and for counters
//! that arrive after their day's release. Addition only; the same batch gives the same rows in the same order. Clock
//! and configuration have no influence.

pub mod cells;
mod ranks;
pub mod rows;

use std::hash::Hash;
use std::ops::AddAssign;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::rollup::counters::{ActionsRow, Batch, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use crate::rollup::levels::ranks::{RankedText, TextRanks};
use crate::rollup::levels::rows::{
    ActionDaysRow, ActionPageDaysRow, ActionValueDaysRow, DimensionDaysRow, DimensionPageDaysRow, OutcomeDaysRow,
    PageDaysRow, PageHoursRow, RobotDaysRow, SiteDaysRow, SiteHoursRow, TimingDaysRow, TimingPageDaysRow,
};

/// Rows that a batch adds to every published table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LevelRows {
    /// Rows of table `site_hours`.
    pub site_hours: Vec<SiteHoursRow>,
    /// Rows of table `site_days`.
    pub site_days: Vec<SiteDaysRow>,
    /// Rows of table `page_hours`.
    pub page_hours: Vec<PageHoursRow>,
    /// Rows of table `page_days`.
    pub page_days: Vec<PageDaysRow>,
    /// Rows of table `dimension_days`.
    pub dimension_days: Vec<DimensionDaysRow>,
    /// Rows of table `dimension_page_days`.
    pub dimension_page_days: Vec<DimensionPageDaysRow>,
    /// Rows of table `action_days`.
    pub action_days: Vec<ActionDaysRow>,
    /// Rows of table `action_page_days`.
    pub action_page_days: Vec<ActionPageDaysRow>,
    /// Rows of table `action_value_days`.
    pub action_value_days: Vec<ActionValueDaysRow>,
    /// Rows of table `timing_days`.
    pub timing_days: Vec<TimingDaysRow>,
    /// Rows of table `timing_page_days`.
    pub timing_page_days: Vec<TimingPageDaysRow>,
    /// Rows of `robot_days`.
    pub robot_days: Vec<RobotDaysRow>,
    /// Rows of `outcome_days`.
    pub outcome_days: Vec<OutcomeDaysRow>,
}

/// Figures that are added element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figures<const N: usize>([i64; N]);

impl<const N: usize> AddAssign for Figures<N> {
    fn add_assign(&mut self, other: Self) {
        for (sum, figure) in self.0.iter_mut().zip(other.0) {
            *sum += figure;
        }
    }
}

/// Sums by key, sorted by key; keys whose figures are all zero are left out.
fn summed<K: Hash + Ord, const N: usize>(counted: impl Iterator<Item = (K, [i64; N])>) -> Vec<(K, [i64; N])> {
    let mut sums: HashMap<K, Figures<N>> = HashMap::new();
    for (key, figures) in counted {
        *sums.entry(key).or_insert(Figures([0; N])) += Figures(figures);
    }
    let mut sorted: Vec<_> =
        sums.into_iter().filter(|(_, sum)| sum.0 != [0; N]).map(|(key, sum)| (key, sum.0)).collect();
    sorted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    sorted
}

impl LevelRows {
    /// The rows of a batch, with period [`Day`](rows::Period::Day).
    pub fn of(batch: &Batch) -> Self {
        let origin = &batch.origin;
        Self {
            site_hours: site_hours(&batch.pages, origin),
            page_hours: page_hours(&batch.pages, origin),
            dimension_page_days: dimension_page_days(&batch.breakdowns, origin),
            ..Self::by_day(batch)
        }
    }

    /// Its rows of the levels that have [`day_cells`](LevelRows::day_cells).
    pub(crate) fn by_day(batch: &Batch) -> Self {
        let origin = &batch.origin;
        Self {
            site_days: site_days(&batch.pages, origin),
            page_days: page_days(&batch.pages, origin),
            dimension_days: dimension_days(&batch.breakdowns, origin),
            action_days: action_days(&batch.actions, origin),
            action_page_days: action_page_days(&batch.actions, origin),
            action_value_days: action_value_days(&batch.actions, origin),
            timing_days: timing_days(&batch.timings, origin),
            timing_page_days: timing_page_days(&batch.timings, origin),
            robot_days: robot_days(&batch.robots, origin),
            outcome_days: outcome_days(&batch.outcomes, origin),
            ..Self::default()
        }
    }
}

pub(crate) fn site_hours(pages: &[PagesRow], origin: &Arc<str>) -> Vec<SiteHoursRow> {
    let figures = |row: &PagesRow| [row.pageviews, row.visitors, row.visits];
    let counted = pages.iter().map(|row| ((&row.site, row.day, row.hour), figures(row)));
    let rows = summed(counted).into_iter();
    rows.map(|((site, day, hour), sums)| SiteHoursRow::of((site, day, origin), (hour,), sums)).collect()
}

fn site_days(pages: &[PagesRow], origin: &Arc<str>) -> Vec<SiteDaysRow> {
    let figures = |row: &PagesRow| {
        [
            row.pageviews,
            row.visitors,
            row.visits,
            row.bounces,
            row.visit_seconds,
            row.engaged_ms,
            row.engaged_views,
            row.scroll_percent,
            row.scroll_views,
            row.not_found,
        ]
    };
    let rows = summed(pages.iter().map(|row| ((&row.site, row.day), figures(row)))).into_iter();
    rows.map(|((site, day), sums)| SiteDaysRow::of((site, day, origin), (), sums)).collect()
}

/// Each row of `pages` gives one row.
fn page_hours(pages: &[PagesRow], origin: &Arc<str>) -> Vec<PageHoursRow> {
    let counted = pages.iter().filter(|row| row.pageviews != 0 || row.visits != 0);
    let row = |row: &PagesRow| {
        PageHoursRow::of((&row.site, row.day, origin), (row.hour, row.page.clone()), [row.pageviews, row.visits])
    };
    counted.map(row).collect()
}

fn page_days(pages: &[PagesRow], origin: &Arc<str>) -> Vec<PageDaysRow> {
    let figures = |row: &PagesRow| {
        [
            row.pageviews,
            row.page_visitors,
            row.visits,
            row.exits,
            row.bounces,
            row.visit_seconds,
            row.engaged_ms,
            row.engaged_views,
            row.scroll_percent,
            row.scroll_views,
            row.not_found,
        ]
    };
    let ranks = TextRanks::of(pages.iter().flat_map(|row| [&row.site, &row.page]));
    let counted = pages.iter().map(|row| ((ranks.rank(&row.site), row.day, ranks.rank(&row.page)), figures(row)));
    let row = |((site, day, page), sums): ((RankedText<'_>, _, RankedText<'_>), _)| {
        PageDaysRow::of((site.text, day, origin), (page.text.clone(),), sums)
    };
    summed(counted).into_iter().map(row).collect()
}

fn dimension_days(breakdowns: &[BreakdownsRow], origin: &Arc<str>) -> Vec<DimensionDaysRow> {
    let figures = |row: &BreakdownsRow| [row.pageviews, row.visitors, row.visits, row.bounces, row.visit_seconds];
    let ranks = TextRanks::of(breakdowns.iter().flat_map(|row| [&row.site, &row.value]));
    let counted = breakdowns.iter().map(|row| {
        let key = (ranks.rank(&row.site), row.dimension, row.day, ranks.rank(&row.value));
        (key, figures(row))
    });
    let row = |((site, dimension, day, value), sums): ((RankedText<'_>, _, _, RankedText<'_>), _)| {
        DimensionDaysRow::of((site.text, day, origin), (dimension, value.text.clone()), sums)
    };
    summed(counted).into_iter().map(row).collect()
}

/// Each row of `breakdowns` gives one row.
fn dimension_page_days(breakdowns: &[BreakdownsRow], origin: &Arc<str>) -> Vec<DimensionPageDaysRow> {
    let row = |row: &BreakdownsRow| {
        let keys = (row.dimension, row.page.clone(), row.value.clone());
        DimensionPageDaysRow::of((&row.site, row.day, origin), keys, [row.pageviews, row.page_visitors])
    };
    breakdowns.iter().map(row).filter(|row| row.pageviews != 0 || row.visitors != 0).collect()
}

fn action_days(actions: &[ActionsRow], origin: &Arc<str>) -> Vec<ActionDaysRow> {
    let without_property = actions.iter().filter(|row| row.property.is_empty());
    let counted = without_property.map(|row| ((&row.site, &row.action, row.day), [row.count, row.visitors]));
    let rows = summed(counted).into_iter();
    rows.map(|((site, action, day), sums)| ActionDaysRow::of((site, day, origin), (action.clone(),), sums)).collect()
}

/// Each row of `actions` without a property gives one row.
fn action_page_days(actions: &[ActionsRow], origin: &Arc<str>) -> Vec<ActionPageDaysRow> {
    let row = |row: &ActionsRow| {
        let keys = (row.page.clone(), row.action.clone());
        ActionPageDaysRow::of((&row.site, row.day, origin), keys, [row.count, row.visitors])
    };
    actions.iter().filter(|row| row.property.is_empty()).map(row).collect()
}

fn action_value_days(actions: &[ActionsRow], origin: &Arc<str>) -> Vec<ActionValueDaysRow> {
    let named = actions.iter().filter(|row| !row.property.is_empty());
    let key =
        |row: &ActionsRow| (row.site.clone(), row.action.clone(), row.property.clone(), row.day, row.value.clone());
    let rows = summed(named.map(|row| (key(row), [row.count, row.visitors]))).into_iter();
    rows.map(|((site, action, property, day, value), sums)| {
        ActionValueDaysRow::of((&site, day, origin), (action, property, value), sums)
    })
    .collect()
}

fn timing_days(timings: &[TimingsRow], origin: &Arc<str>) -> Vec<TimingDaysRow> {
    let counted = timings.iter().map(|row| ((&row.site, row.metric, row.day, row.bucket), [row.count]));
    let rows = summed(counted).into_iter();
    rows.map(|((site, metric, day, bucket), sums)| TimingDaysRow::of((site, day, origin), (metric, bucket), sums))
        .collect()
}

fn timing_page_days(timings: &[TimingsRow], origin: &Arc<str>) -> Vec<TimingPageDaysRow> {
    let counted = timings.iter().map(|row| ((&row.site, row.metric, row.day, &row.page, row.bucket), [row.count]));
    let row = |((site, metric, day, page, bucket), sums): ((&Arc<str>, _, _, &Arc<str>, _), _)| {
        TimingPageDaysRow::of((site, day, origin), (page.clone(), metric, bucket), sums)
    };
    summed(counted).into_iter().map(row).collect()
}

/// A row of `robots` is one already.
fn robot_days(robots: &[RobotsRow], origin: &Arc<str>) -> Vec<RobotDaysRow> {
    let row =
        |row: &RobotsRow| RobotDaysRow::of((&row.site, row.day, origin), (row.page.clone(), row.kind), [row.hits]);
    robots.iter().map(row).collect()
}

/// A row of `outcomes` is one already.
fn outcome_days(outcomes: &[OutcomesRow], origin: &Arc<str>) -> Vec<OutcomeDaysRow> {
    let row = |row: &OutcomesRow| OutcomeDaysRow::of((&row.site, row.day, origin), (row.outcome,), [row.hits]);
    outcomes.iter().map(row).collect()
}
