//! A batch as rows of the published tables: each level summed separately, for `protection = "exact"` and for counters
//! that arrive after their day's release. Addition only; the same batch gives the same rows in the same order. Clock
//! and configuration have no influence.

pub mod rows;

use std::hash::Hash;
use std::ops::AddAssign;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::rollup::counters::{ActionsRow, Batch, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use crate::rollup::levels::rows::{
    ActionDaysRow, ActionPageDaysRow, ActionValueDaysRow, DimensionDaysRow, DimensionPageDaysRow, OutcomeDaysRow,
    PageDaysRow, PageHoursRow, Period, RobotDaysRow, SiteDaysRow, SiteHoursRow, TimingDaysRow, TimingPageDaysRow,
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
    /// The rows of a batch, with period [`Period::Day`].
    pub fn of(batch: &Batch) -> Self {
        let origin = &batch.origin;
        Self {
            site_hours: site_hours(&batch.pages, origin),
            site_days: site_days(&batch.pages, origin),
            page_hours: page_hours(&batch.pages, origin),
            page_days: page_days(&batch.pages, origin),
            dimension_days: dimension_days(&batch.breakdowns, origin),
            dimension_page_days: dimension_page_days(&batch.breakdowns, origin),
            action_days: action_days(&batch.actions, origin),
            action_page_days: action_page_days(&batch.actions, origin),
            action_value_days: action_value_days(&batch.actions, origin),
            timing_days: timing_days(&batch.timings, origin),
            timing_page_days: timing_page_days(&batch.timings, origin),
            robot_days: robot_days(&batch.robots, origin),
            outcome_days: outcome_days(&batch.outcomes, origin),
        }
    }
}

fn site_hours(pages: &[PagesRow], origin: &Arc<str>) -> Vec<SiteHoursRow> {
    let counted = pages.iter().map(|row| ((&row.site, row.day, row.hour), [row.pageviews, row.visitors, row.visits]));
    let row = |((site, day, hour), [pageviews, visitors, visits]): ((&Arc<str>, u16, u32), [i64; 3])| SiteHoursRow {
        site: site.clone(),
        day,
        hour,
        origin: origin.clone(),
        pageviews,
        visitors,
        visits,
    };
    summed(counted).into_iter().map(row).collect()
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
    let row = |((site, day), sums): ((&Arc<str>, u16), [i64; 10])| {
        let [
            pageviews,
            visitors,
            visits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
        ] = sums;
        SiteDaysRow {
            site: site.clone(),
            day,
            period: Period::Day,
            origin: origin.clone(),
            pageviews,
            visitors,
            visits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
        }
    };
    summed(pages.iter().map(|row| ((&row.site, row.day), figures(row)))).into_iter().map(row).collect()
}

fn page_hours(pages: &[PagesRow], origin: &Arc<str>) -> Vec<PageHoursRow> {
    let counted = pages.iter().map(|row| ((&row.site, row.day, row.hour, &row.page), [row.pageviews, row.visits]));
    type Key<'a> = (&'a Arc<str>, u16, u32, &'a Arc<str>);
    let row = |((site, day, hour, page), [pageviews, visits]): (Key<'_>, [i64; 2])| PageHoursRow {
        site: site.clone(),
        day,
        origin: origin.clone(),
        hour,
        page: page.clone(),
        pageviews,
        visits,
    };
    summed(counted).into_iter().map(row).collect()
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
    type Key<'a> = (&'a Arc<str>, u16, &'a Arc<str>);
    let row = |((site, day, page), sums): (Key<'_>, [i64; 11])| {
        let [
            pageviews,
            visitors,
            visits,
            exits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
        ] = sums;
        PageDaysRow {
            site: site.clone(),
            day,
            period: Period::Day,
            origin: origin.clone(),
            page: page.clone(),
            pageviews,
            visitors,
            visits,
            exits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent,
            scroll_views,
            not_found,
        }
    };
    summed(pages.iter().map(|row| ((&row.site, row.day, &row.page), figures(row)))).into_iter().map(row).collect()
}

fn dimension_days(breakdowns: &[BreakdownsRow], origin: &Arc<str>) -> Vec<DimensionDaysRow> {
    type Key<'a> = (&'a Arc<str>, &'static str, u16, &'a Arc<str>);
    let figures = |row: &BreakdownsRow| [row.pageviews, row.visitors, row.visits, row.bounces, row.visit_seconds];
    let counted = breakdowns.iter().map(|row| ((&row.site, row.dimension, row.day, &row.value), figures(row)));
    let row = |((site, dimension, day, value), sums): (Key<'_>, [i64; 5])| {
        let [pageviews, visitors, visits, bounces, visit_seconds] = sums;
        DimensionDaysRow {
            site: site.clone(),
            day,
            period: Period::Day,
            origin: origin.clone(),
            dimension,
            value: value.clone(),
            pageviews,
            visitors,
            visits,
            bounces,
            visit_seconds,
        }
    };
    summed(counted).into_iter().map(row).collect()
}

/// Each row of `breakdowns` gives one row.
fn dimension_page_days(breakdowns: &[BreakdownsRow], origin: &Arc<str>) -> Vec<DimensionPageDaysRow> {
    let row = |row: &BreakdownsRow| DimensionPageDaysRow {
        site: row.site.clone(),
        day: row.day,
        period: Period::Day,
        origin: origin.clone(),
        dimension: row.dimension,
        page: row.page.clone(),
        value: row.value.clone(),
        pageviews: row.pageviews,
        visitors: row.page_visitors,
    };
    breakdowns.iter().map(row).filter(|row| row.pageviews != 0 || row.visitors != 0).collect()
}

fn action_days(actions: &[ActionsRow], origin: &Arc<str>) -> Vec<ActionDaysRow> {
    let without_property = actions.iter().filter(|row| row.property.is_empty());
    let counted = without_property.map(|row| ((&row.site, &row.action, row.day), [row.count, row.visitors]));
    type Key<'a> = (&'a Arc<str>, &'a Arc<str>, u16);
    let row = |((site, action, day), [count, visitors]): (Key<'_>, [i64; 2])| ActionDaysRow {
        site: site.clone(),
        day,
        period: Period::Day,
        origin: origin.clone(),
        action: action.clone(),
        count,
        visitors,
    };
    summed(counted).into_iter().map(row).collect()
}

/// Each row of `actions` without a property gives one row.
fn action_page_days(actions: &[ActionsRow], origin: &Arc<str>) -> Vec<ActionPageDaysRow> {
    let row = |row: &ActionsRow| ActionPageDaysRow {
        site: row.site.clone(),
        day: row.day,
        period: Period::Day,
        origin: origin.clone(),
        page: row.page.clone(),
        action: row.action.clone(),
        count: row.count,
        visitors: row.visitors,
    };
    actions.iter().filter(|row| row.property.is_empty()).map(row).collect()
}

fn action_value_days(actions: &[ActionsRow], origin: &Arc<str>) -> Vec<ActionValueDaysRow> {
    type Key<'a> = (&'a Arc<str>, &'a Arc<str>, &'a Arc<str>, u16, &'a Arc<str>);
    let named = actions.iter().filter(|row| !row.property.is_empty());
    let key = |row: &'_ ActionsRow| [row.count, row.visitors];
    let counted = named.map(|row| ((&row.site, &row.action, &row.property, row.day, &row.value), key(row)));
    let row = |((site, action, property, day, value), [count, visitors]): (Key<'_>, [i64; 2])| ActionValueDaysRow {
        site: site.clone(),
        day,
        period: Period::Day,
        origin: origin.clone(),
        action: action.clone(),
        property: property.clone(),
        value: value.clone(),
        count,
        visitors,
    };
    summed(counted).into_iter().map(row).collect()
}

fn timing_days(timings: &[TimingsRow], origin: &Arc<str>) -> Vec<TimingDaysRow> {
    let counted = timings.iter().map(|row| ((&row.site, row.metric, row.day, row.bucket), [row.count]));
    let row = |((site, metric, day, bucket), [count]): ((&Arc<str>, &'static str, u16, u8), [i64; 1])| TimingDaysRow {
        site: site.clone(),
        day,
        period: Period::Day,
        origin: origin.clone(),
        metric,
        bucket,
        count,
    };
    summed(counted).into_iter().map(row).collect()
}

fn timing_page_days(timings: &[TimingsRow], origin: &Arc<str>) -> Vec<TimingPageDaysRow> {
    type Key<'a> = (&'a Arc<str>, &'static str, u16, &'a Arc<str>, u8);
    let counted = timings.iter().map(|row| ((&row.site, row.metric, row.day, &row.page, row.bucket), [row.count]));
    let row = |((site, metric, day, page, bucket), [count]): (Key<'_>, [i64; 1])| TimingPageDaysRow {
        site: site.clone(),
        day,
        period: Period::Day,
        origin: origin.clone(),
        page: page.clone(),
        metric,
        bucket,
        count,
    };
    summed(counted).into_iter().map(row).collect()
}

/// A row of `robots` is one already.
fn robot_days(robots: &[RobotsRow], origin: &Arc<str>) -> Vec<RobotDaysRow> {
    let row = |row: &RobotsRow| RobotDaysRow {
        site: row.site.clone(),
        day: row.day,
        period: Period::Day,
        origin: origin.clone(),
        page: row.page.clone(),
        kind: row.kind,
        hits: row.hits,
    };
    robots.iter().map(row).collect()
}

/// A row of `outcomes` is one already.
fn outcome_days(outcomes: &[OutcomesRow], origin: &Arc<str>) -> Vec<OutcomeDaysRow> {
    let row = |row: &OutcomesRow| OutcomeDaysRow {
        site: row.site.clone(),
        day: row.day,
        period: Period::Day,
        origin: origin.clone(),
        outcome: row.outcome,
        hits: row.hits,
    };
    outcomes.iter().map(row).collect()
}
