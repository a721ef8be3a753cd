//! A batch on its way to the waiting tables: counters of open days as they are, counters of closed days as cells of the
//! bucket that is still open. Must never write into a closed period.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clickhouse::Row;
use jiff::Timestamp;
use serde::Serialize;

use crate::event::Day;
use crate::release::periods::{ClosedPeriods, ReleaseKind};
use crate::rollup::counters::{ActionsRow, Batch, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use crate::rollup::levels::LevelRows;

/// A batch divided into open and closed days.
#[derive(Debug, Default)]
pub struct WaitingRows {
    /// Counters of days that are still open.
    pub open: Batch,
    /// Cells for counters of closed days.
    pub late: Vec<WaitingCellsRow>,
}

/// Row of `waiting_cells`: one cell of a bucket.
#[derive(Debug, Clone, PartialEq, Row, Serialize)]
pub struct WaitingCellsRow {
    /// Kind of the bucket: 2 a week, 3 a month.
    pub scope: i8,
    /// Date of the bucket, days since 1970-01-01.
    pub day: u16,
    /// Import that brought the row; empty: measured live.
    pub origin: Arc<str>,
    /// Configured name of the site.
    pub site: Arc<str>,
    /// Level of the cell, such as `site` or `page`.
    pub level: &'static str,
    /// Name of the dimension, action or load time.
    pub name: Arc<str>,
    /// Name of a declared property.
    pub property: Arc<str>,
    /// Value of a dimension or property, or histogram bucket.
    pub value: Arc<str>,
    /// Page of the site, or empty.
    pub page: Arc<str>,
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
    /// Visitors that decide whether the cell is published.
    pub gate: i64,
    /// Part of `gate` already published in the same week or month; 0 for late rows.
    pub published: i64,
    /// Days busy enough to open the cell; 0 for late rows.
    pub days_reached: i64,
}

/// Key of a cell with its bucket.
struct CellKey<'a> {
    bucket: (ReleaseKind, Day),
    origin: &'a Arc<str>,
    site: &'a Arc<str>,
    level: &'static str,
}

/// Divides a batch between open days and open buckets; `closed` is of its origin.
pub fn divide(batch: &Batch, closed: &ClosedPeriods, now: Timestamp) -> WaitingRows {
    let mut days: BTreeSet<u16> = batch.pages.iter().map(|row| row.day).collect();
    days.extend(batch.breakdowns.iter().map(|row| row.day));
    days.extend(batch.actions.iter().map(|row| row.day));
    days.extend(batch.timings.iter().map(|row| row.day));
    days.extend(batch.robots.iter().map(|row| row.day));
    days.extend(batch.outcomes.iter().map(|row| row.day));
    days.retain(|day| closed.has_day(Day(*day)));
    if days.is_empty() {
        return WaitingRows { open: batch.clone(), late: Vec::new() };
    }
    let (open, late) = (part(batch, &|day| !days.contains(&day)), part(batch, &|day| days.contains(&day)));
    WaitingRows { open, late: late_cells(&late, closed, now) }
}

fn part(batch: &Batch, wanted: &dyn Fn(u16) -> bool) -> Batch {
    let pages = |row: &&PagesRow| wanted(row.day);
    let breakdowns = |row: &&BreakdownsRow| wanted(row.day);
    let actions = |row: &&ActionsRow| wanted(row.day);
    let timings = |row: &&TimingsRow| wanted(row.day);
    let robots = |row: &&RobotsRow| wanted(row.day);
    let outcomes = |row: &&OutcomesRow| wanted(row.day);
    Batch {
        token: batch.token.clone(),
        origin: batch.origin.clone(),
        pages: batch.pages.iter().filter(pages).cloned().collect(),
        breakdowns: batch.breakdowns.iter().filter(breakdowns).cloned().collect(),
        actions: batch.actions.iter().filter(actions).cloned().collect(),
        timings: batch.timings.iter().filter(timings).cloned().collect(),
        robots: batch.robots.iter().filter(robots).cloned().collect(),
        outcomes: batch.outcomes.iter().filter(outcomes).cloned().collect(),
    }
}

fn late_cells(batch: &Batch, closed: &ClosedPeriods, now: Timestamp) -> Vec<WaitingCellsRow> {
    let levels = LevelRows::of(batch);
    let mut buckets = BTreeMap::new();
    let mut bucket = |day: u16| *buckets.entry(day).or_insert_with(|| closed.bucket_of(Day(day), now));
    let mut cells = Vec::new();
    for row in &levels.site_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "site" };
        cells.push(WaitingCellsRow {
            pageviews: row.pageviews,
            visits: row.visits,
            bounces: row.bounces,
            visit_seconds: row.visit_seconds,
            engaged_ms: row.engaged_ms,
            engaged_views: row.engaged_views,
            scroll_percent: row.scroll_percent,
            scroll_views: row.scroll_views,
            not_found: row.not_found,
            ..key.cell(row.visitors)
        });
    }
    for row in &levels.page_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "page" };
        cells.push(WaitingCellsRow {
            page: row.page.clone(),
            pageviews: row.pageviews,
            visits: row.visits,
            bounces: row.bounces,
            visit_seconds: row.visit_seconds,
            engaged_ms: row.engaged_ms,
            engaged_views: row.engaged_views,
            scroll_percent: row.scroll_percent,
            scroll_views: row.scroll_views,
            not_found: row.not_found,
            exits: row.exits,
            ..key.cell(row.visitors)
        });
    }
    for row in &levels.dimension_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "dimension" };
        cells.push(WaitingCellsRow {
            name: row.dimension.into(),
            value: row.value.clone(),
            pageviews: row.pageviews,
            visits: row.visits,
            bounces: row.bounces,
            visit_seconds: row.visit_seconds,
            ..key.cell(row.visitors)
        });
    }
    late_uses(&levels, &mut bucket, &mut cells);
    late_timings(&levels, &mut bucket, &mut cells);
    late_uncounted(&levels, &mut bucket, &mut cells);
    cells
}

fn late_uses(levels: &LevelRows, bucket: &mut dyn FnMut(u16) -> (ReleaseKind, Day), cells: &mut Vec<WaitingCellsRow>) {
    for row in &levels.action_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "action" };
        cells.push(WaitingCellsRow { name: row.action.clone(), pageviews: row.count, ..key.cell(row.visitors) });
    }
    for row in &levels.action_page_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "action_page" };
        let (name, page) = (row.action.clone(), row.page.clone());
        cells.push(WaitingCellsRow { name, page, pageviews: row.count, ..key.cell(row.visitors) });
    }
    for row in &levels.action_value_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "action_value" };
        cells.push(WaitingCellsRow {
            name: row.action.clone(),
            property: row.property.clone(),
            value: row.value.clone(),
            pageviews: row.count,
            ..key.cell(row.visitors)
        });
    }
}

fn late_timings(
    levels: &LevelRows,
    bucket: &mut dyn FnMut(u16) -> (ReleaseKind, Day),
    cells: &mut Vec<WaitingCellsRow>,
) {
    for row in &levels.timing_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "timing" };
        let (name, value) = (row.metric.into(), row.bucket.to_string().into());
        cells.push(WaitingCellsRow { name, value, ..key.cell(row.count) });
    }
    for row in &levels.timing_page_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "timing_page" };
        let (name, value) = (row.metric.into(), row.bucket.to_string().into());
        cells.push(WaitingCellsRow { name, value, page: row.page.clone(), ..key.cell(row.count) });
    }
}

fn late_uncounted(
    levels: &LevelRows,
    bucket: &mut dyn FnMut(u16) -> (ReleaseKind, Day),
    cells: &mut Vec<WaitingCellsRow>,
) {
    for row in &levels.robot_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "robot" };
        cells.push(WaitingCellsRow { name: row.kind.into(), page: row.page.clone(), ..key.cell(row.hits) });
    }
    for row in &levels.outcome_days {
        let key = CellKey { bucket: bucket(row.day), origin: &row.origin, site: &row.site, level: "outcome" };
        cells.push(WaitingCellsRow { name: row.outcome.into(), ..key.cell(row.hits) });
    }
}

impl CellKey<'_> {
    /// A cell with this number of visitors and no other figure.
    fn cell(&self, visitors: i64) -> WaitingCellsRow {
        let empty: Arc<str> = "".into();
        WaitingCellsRow {
            scope: if self.bucket.0 == ReleaseKind::Month { 3 } else { 2 },
            day: self.bucket.1.0,
            origin: self.origin.clone(),
            site: self.site.clone(),
            level: self.level,
            name: empty.clone(),
            property: empty.clone(),
            value: empty.clone(),
            page: empty,
            visitors,
            pageviews: 0,
            visits: 0,
            bounces: 0,
            visit_seconds: 0,
            engaged_ms: 0,
            engaged_views: 0,
            scroll_percent: 0,
            scroll_views: 0,
            not_found: 0,
            exits: 0,
            gate: visitors,
            published: 0,
            days_reached: 0,
        }
    }
}
