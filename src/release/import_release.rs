//! The release of an import in memory: each of its days is drawn as if it had just closed, then its weeks and months.
//! Its exact sums never reach a disk; drawn figures are staged, then published. Must only be used for imports that
//! bring each of their days whole, in the order of the days.
//!
//! A day is drawn when the log is two days past it: visits in progress at its end have ended. A later correction goes
//! to the bucket that is open, as that of a live hit does.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};
use serde::Serialize;

use crate::event::{Day, Dimension};
use crate::release::calendar::{date_of, day_of, month_end_of, sunday_of};
use crate::release::draw::{CellDraw, CellPeriod, CellState, DrawKey};
use crate::release::imported::{ImportCell, ImportCells, PAIRS};
use crate::release::periods::{ReleaseKind, ReleaseName};
use crate::release::rules::{GATE, SHOWN_FROM};
use crate::release::statements::{HOUR_LEVELS, Level};
use crate::rollup::counters::Batch;
use crate::rollup::levels::cells::{CellFigures, LevelCell};

/// Days between the newest one and the last that is drawn.
const OPEN_DAYS: u16 = 2;
/// Cells of open days from which small pairs of a page and a value are left out, some 250 MB.
const OPEN_CELLS_MAX: usize = 1_000_000;

/// Names of a cell within its period and site.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CellKey {
    hour: u32,
    level: &'static str,
    name: Arc<str>,
    property: Arc<str>,
    value: Arc<str>,
    page: Arc<str>,
}

/// The same, borrowed from the rows of a batch.
#[derive(Hash)]
struct CellRef<'r> {
    hour: u32,
    level: &'static str,
    name: &'r str,
    property: &'r str,
    value: &'r str,
    page: &'r str,
}

impl Equivalent<CellKey> for CellRef<'_> {
    fn equivalent(&self, key: &CellKey) -> bool {
        let texts = [(&key.page, self.page), (&key.value, self.value), (&key.name, self.name)];
        self.hour == key.hour
            && self.level == key.level
            && texts.into_iter().all(|(text, other)| **text == *other)
            && *key.property == *self.property
    }
}

impl From<&CellRef<'_>> for CellKey {
    fn from(cell: &CellRef<'_>) -> Self {
        let CellRef { hour, level, name, property, value, page } = *cell;
        Self { hour, level, name: name.into(), property: property.into(), value: value.into(), page: page.into() }
    }
}

impl<'r> CellRef<'r> {
    fn of(cell: &'r LevelCell<'r>, hour: u32) -> Self {
        let LevelCell { level, name, property, page, .. } = *cell;
        Self { hour, level, name, property, value: &cell.value, page }
    }
}

impl CellKey {
    /// Whether no bucket takes what is left of the cell.
    fn has_no_bucket(&self) -> bool {
        has_no_bucket(self.level)
    }
}

fn has_no_bucket(level: &str) -> bool {
    level == PAIRS || HOUR_LEVELS.iter().any(|hourly| hourly.name == level)
}

/// Whether a cell of this level and gate is never shown, and its rest in no bucket.
fn is_useless(level: &str, gate: i64) -> bool {
    matches!(level, PAIRS | "page_hour") && gate < SHOWN_FROM
}

type CellMap = HashMap<CellKey, CellState>;

/// Row of `staged_cells`: a cell with the figures to be published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StagedCellsRow {
    release: Arc<str>,
    day: u16,
    hour: u32,
    origin: Arc<str>,
    site: Arc<str>,
    level: &'static str,
    name: Arc<str>,
    property: Arc<str>,
    value: Arc<str>,
    page: Arc<str>,
    outs: CellFigures,
}

/// An import of one site that is released while it is counted.
pub struct ImportRelease {
    site: Arc<str>,
    origin: Arc<str>,
    /// Name of the import, unlike that of any other: two imports may have one origin.
    import: Arc<str>,
    key: DrawKey,
    days: BTreeMap<Day, CellMap>,
    /// Rests of days, by the Sunday of their week.
    weeks: BTreeMap<Day, CellMap>,
    /// Rests of weeks, by the last day of their month.
    months: BTreeMap<Day, CellMap>,
    /// Days before this one are drawn.
    open_from: Day,
    drawn: Vec<StagedCellsRow>,
    staged: u64,
}

impl ImportRelease {
    /// A release of the rows of the import with this name, unlike that of any other; its rows have this origin.
    pub fn new(site: &Arc<str>, (import, origin): (&Arc<str>, &Arc<str>), key: DrawKey) -> Self {
        Self {
            site: site.clone(),
            origin: origin.clone(),
            import: import.clone(),
            key,
            days: BTreeMap::new(),
            weeks: BTreeMap::new(),
            months: BTreeMap::new(),
            open_from: Day(0),
            drawn: Vec::new(),
            staged: 0,
        }
    }

    /// Adds a batch and draws the days that it has passed. `cut` are the days of which another batch has visitors.
    pub fn add(&mut self, batch: &Batch, cut: &[Day]) {
        let cells = ImportCells::of(batch);
        let mut newest = self.open_from;
        cells.each(|cell| {
            newest = newest.max(Day(cell.cell.day));
            if cut.contains(&Day(cell.cell.day)) || !is_useless(cell.cell.level, cell.gate) {
                self.add_cell(&cell);
            }
        });
        self.leave_small_pairs_out();
        self.draw_until(Day(newest.0.saturating_sub(OPEN_DAYS)));
    }

    /// Draws all that is left. Its rests are then forgotten.
    pub fn finish(&mut self) {
        self.draw_until(Day(u16::MAX));
    }

    /// Drawn rows that are not yet staged.
    pub(super) fn drawn(&self) -> &[StagedCellsRow] {
        &self.drawn
    }

    /// Number of rows that are staged.
    pub(super) fn staged(&self) -> u64 {
        self.staged
    }

    /// The first `count` drawn rows are staged.
    pub(super) fn note_staged(&mut self, count: usize) {
        self.drawn.drain(..count.min(self.drawn.len()));
        self.staged += count as u64;
    }

    fn add_cell(&mut self, ImportCell { hour, cell, gate }: &ImportCell<'_>) {
        let day = Day(cell.day);
        let is_late = day < self.open_from;
        if is_late && has_no_bucket(cell.level) {
            return;
        }
        let is_previous_page = cell.level == "dimension" && cell.name == Dimension::PreviousPage.name();
        let open = if is_late { self.bucket_of(day) } else { self.days.entry(day).or_default() };
        let add = |state: &mut CellState| {
            state.sums.iter_mut().zip(cell.figures.in_order()).for_each(|(sum, figure)| *sum += figure);
            match (is_late, is_previous_page) {
                (true, _) => state.gate += cell.figures.visitors,
                // Its parts of a day may have seen the same visitors: the largest is a lower bound.
                (false, true) => state.gate = state.gate.max(*gate),
                (false, false) => state.gate += gate,
            }
        };
        let key = CellRef::of(cell, *hour);
        match open.get_mut(&key) {
            Some(state) => add(state),
            None => add(open.entry(CellKey::from(&key)).or_default()),
        }
    }

    /// The open bucket for a drawn day's counters: that of its week, else of its month, else the newest one.
    fn bucket_of(&mut self, day: Day) -> &mut CellMap {
        let date = date_of(day);
        let (week, month) = (day_of(sunday_of(date)), day_of(month_end_of(date)));
        if week >= self.open_from {
            self.weeks.entry(week).or_default()
        } else if month >= self.open_from {
            self.months.entry(month).or_default()
        } else {
            self.weeks.entry(day_of(sunday_of(date_of(self.open_from)))).or_default()
        }
    }

    /// Bounds the memory of a day that fills several batches.
    fn leave_small_pairs_out(&mut self) {
        if self.days.values().map(HashMap::len).sum::<usize>() > OPEN_CELLS_MAX {
            for cells in self.days.values_mut() {
                cells.retain(|key, state| !is_useless(key.level, state.gate));
                cells.shrink_to_fit();
            }
        }
    }

    /// Draws every day, week and month that ended by the day `last`.
    fn draw_until(&mut self, last: Day) {
        let open_from = Day(last.0.saturating_add(1)).max(self.open_from);
        let is_over = |day: &Day| *day <= last;
        self.open_from = open_from;
        while let Some((day, cells)) = first_if(&mut self.days, is_over) {
            let week = day_of(sunday_of(date_of(day)));
            let left = self.draw(ReleaseKind::Day, day, cells);
            add_all(self.weeks.entry(week).or_default(), left);
        }
        while let Some((week, cells)) = first_if(&mut self.weeks, is_over) {
            let month = day_of(date_of(week).last_of_month());
            let left = self.draw(ReleaseKind::Week, week, cells);
            add_all(self.months.entry(month).or_default(), left);
        }
        while let Some((month, cells)) = first_if(&mut self.months, is_over) {
            self.draw(ReleaseKind::Month, month, cells);
        }
    }

    /// Draws the cells of one period, each once; returns what is left of those that have a bucket.
    fn draw(&mut self, kind: ReleaseKind, day: Day, cells: CellMap) -> Vec<(CellKey, CellState)> {
        let origin = self.origin.to_string();
        let staged_as: Arc<str> = ReleaseName::of_import(kind, &self.import).to_string().into();
        let name = ReleaseName { kind, first: day, day, hour: 0, origin }.to_string();
        let of_period = self.key.hash_texts(None, [&*name, &date_of(day).to_string()]);
        let staged = StagedPeriod { name: staged_as, day, of_period, is_day: kind == ReleaseKind::Day };
        let mut left = Vec::with_capacity(cells.len());
        let mut pages = HashSet::new();
        // A page's load times are shown if the page is.
        let (times, others): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(key, _)| key.level == "timing_page");
        for (key, state) in others.into_iter().chain(times) {
            let is_open = key.level != "timing_page" || pages.contains(&key.page);
            let CellDraw { drawn, rest } = self.draw_cell(&staged, &key, &state, is_open);
            if key.level == "page" && (drawn.is_some() || state.published >= GATE) {
                pages.insert(key.page.clone());
            }
            if !key.has_no_bucket() {
                left.push((key, rest));
            }
        }
        left
    }

    fn draw_cell(&mut self, staged: &StagedPeriod, key: &CellKey, state: &CellState, is_open: bool) -> CellDraw {
        let Some(level) = Level::named(key.level) else { return CellDraw { drawn: None, rest: *state } };
        let hash = || {
            let hour = hour_text(key.hour);
            let texts = [&hour, &*self.site, key.level, &key.name, &key.property, &key.value, &key.page];
            self.key.hash_texts(Some(staged.of_period), texts)
        };
        let period = CellPeriod { is_day: staged.is_day, is_open };
        let draw = state.draw(&self.key, hash, (level, &key.name), period);
        if let Some(outs) = draw.drawn.filter(|outs| outs.iter().any(|out| *out != 0)) {
            let CellKey { hour, level, name, property, value, page } = key.clone();
            let (release, origin, site) = (staged.name.clone(), self.origin.clone(), self.site.clone());
            let (day, outs) = (staged.day.0, CellFigures::of_order(outs));
            let row = StagedCellsRow { release, day, hour, origin, site, level, name, property, value, page, outs };
            self.drawn.push(row);
        }
        draw
    }
}

/// A period that is being drawn.
struct StagedPeriod {
    /// Name under which its rows are staged.
    name: Arc<str>,
    day: Day,
    /// Hash of the name and the day of its release.
    of_period: u64,
    is_day: bool,
}

fn first_if(periods: &mut BTreeMap<Day, CellMap>, is_over: impl Fn(&Day) -> bool) -> Option<(Day, CellMap)> {
    periods.first_entry().filter(|first| is_over(first.key())).map(|first| first.remove_entry())
}

fn add_all(bucket: &mut CellMap, left: Vec<(CellKey, CellState)>) {
    for (key, rest) in left {
        bucket.entry(key).or_default().add(&rest);
    }
}

/// An hour as the database writes it.
fn hour_text(hour: u32) -> String {
    let time = jiff::Timestamp::from_second(hour.into()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
