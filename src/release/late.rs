//! A batch on its way to the waiting tables: counters of open days as they are, counters of closed days as cells of the
//! bucket that is still open. Must never write into a closed period.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Day;
use crate::release::periods::{ClosedPeriods, ReleaseKind};
use crate::rollup::counters::Batch;
use crate::rollup::levels::LevelRows;
use crate::rollup::levels::cells::LevelCell;

/// A batch divided into open and closed days.
#[derive(Debug)]
pub(super) struct WaitingRows<'b> {
    /// Counters of days that are still open.
    pub(super) open: Cow<'b, Batch>,
    /// Levels of closed days.
    late: LevelRows,
}

/// Row of `waiting_cells`: one cell of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WaitingCellsRow<'r> {
    /// Kind of the bucket: 2 a week, 3 a month.
    scope: i8,
    /// The cell, dated on the bucket's date.
    cell: LevelCell<'r>,
    /// Visitors that decide whether the cell is published.
    gate: i64,
    /// Part of `gate` already published in the same week or month; 0 for late rows.
    published: i64,
    /// Days busy enough to open the cell; 0 for late rows.
    days_reached: i64,
}

impl<'b> WaitingRows<'b> {
    /// Divides a batch between open days and open buckets; `closed` is of its origin.
    pub(super) fn of(batch: &'b Batch, closed: &ClosedPeriods) -> Self {
        let days: BTreeSet<u16> = batch.days().into_iter().filter(|day| closed.has_day(Day(*day))).collect();
        if days.is_empty() {
            return Self { open: Cow::Borrowed(batch), late: LevelRows::default() };
        }
        let open = Cow::Owned(batch.part(|_, day| !days.contains(&day)));
        Self { open, late: LevelRows::by_day(&batch.part(|_, day| days.contains(&day))) }
    }

    /// Cells of the open buckets for counters of closed days.
    pub(super) fn late_cells(&self, closed: &ClosedPeriods, now: Timestamp) -> Vec<WaitingCellsRow<'_>> {
        let mut buckets = BTreeMap::new();
        let mut rows = Vec::new();
        for cell in self.late.day_cells() {
            let (kind, day) = *buckets.entry(cell.day).or_insert_with(|| closed.bucket_of(Day(cell.day), now));
            let scope = if kind == ReleaseKind::Month { 3 } else { 2 };
            let gate = cell.figures.visitors;
            let cell = LevelCell { day: day.0, ..cell };
            rows.push(WaitingCellsRow { scope, cell, gate, published: 0, days_reached: 0 });
        }
        rows
    }
}
