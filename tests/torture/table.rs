//! The table at the end of a run.

use std::collections::BTreeMap;
use std::fmt;

use crate::bench::Round;
use crate::faults::Fault;
use crate::figures::{Hits, Rows};

/// Columns of the second level, with their names in the table.
const COLUMNS: [(&str, &str); 6] = [
    ("visitors", "visitors"),
    ("page_visitors", "page vis."),
    ("visits", "visits"),
    ("bounces", "bounces"),
    ("exits", "exits"),
    ("visit_seconds", "seconds"),
];

/// Sums by scenario and fault.
#[derive(Default)]
pub(crate) struct Table {
    lines: BTreeMap<(&'static str, Fault), Line>,
    /// Unexpected ends of the collector.
    pub(crate) fell: u64,
}

#[derive(Default)]
struct Line {
    rounds: u64,
    times: u64,
    unsettled: u64,
    hits: Hits,
    rows: Rows,
}

impl Table {
    pub(crate) fn add(&mut self, scenario: &'static str, round: &Round, hits: &Hits, rows: &Rows) {
        let line = self.lines.entry((scenario, round.fault)).or_default();
        line.rounds += 1;
        line.times += round.times;
        line.unsettled += u64::from(!round.settled);
        line.hits.add(hits);
        line.rows.compared += rows.compared;
        line.rows.differ += rows.differ;
        for (column, off) in &rows.off {
            *line.rows.off.entry(column).or_default() += off;
        }
    }

    /// Broken promises so far; the second level counts where memory was not lost, or survives.
    pub(crate) fn failures(&self, visits_survive: bool) -> u64 {
        let line = |(&(_, fault), line): (&(&str, Fault), &Line)| {
            let rows = if fault.memory().is_exact(visits_survive) { line.rows.differ } else { 0 };
            line.hits.missing + line.hits.twice + line.hits.wrong + line.unsettled + rows
        };
        self.fell + self.lines.iter().map(line).sum::<u64>()
    }

    /// Whether no round ran.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault | times | sent | accepted | refused | unknown | counted | missing | twice |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
        let mut total = Line::default();
        for ((scenario, fault), line) in &self.lines {
            write_hits(f, &format!("{} ({scenario})", fault.name()), line)?;
            total.times += line.times;
            total.hits.add(&line.hits);
        }
        write_hits(f, "all", &total)?;
        let names: String = COLUMNS.iter().map(|(_, name)| format!(" {name} |")).collect();
        writeln!(f, "\n| fault | rows compared | rows that differ |{names}")?;
        writeln!(f, "|---|---:|---:|{}", "---:|".repeat(COLUMNS.len()))?;
        for ((scenario, fault), Line { rows, .. }) in &self.lines {
            let off: String =
                COLUMNS.iter().map(|(column, _)| format!(" {:+} |", rows.off.get(column).unwrap_or(&0))).collect();
            writeln!(f, "| {} ({scenario}) | {} | {} |{off}", fault.name(), rows.compared, rows.differ)?;
        }
        let sum = |part: fn(&Line) -> u64| self.lines.values().map(part).sum::<u64>();
        let (kept, wrong) = (sum(|line| line.hits.kept), sum(|line| line.hits.wrong));
        writeln!(f, "\nrefused and yet counted: {kept}; answers of another kind: {wrong};")?;
        write!(
            f,
            "spools that did not empty: {}; unasked ends of the collector: {}",
            sum(|line| line.unsettled),
            self.fell
        )
    }
}

fn write_hits(f: &mut fmt::Formatter<'_>, name: &str, Line { times, hits, .. }: &Line) -> fmt::Result {
    let Hits { sent, accepted, refused, unknown, counted, missing, twice, .. } = hits;
    writeln!(f, "| {name} | {times} | {sent} | {accepted} | {refused} | {unknown} | {counted} | {missing} | {twice} |")
}

impl Hits {
    fn add(&mut self, more: &Hits) {
        self.sent += more.sent;
        self.accepted += more.accepted;
        self.refused += more.refused;
        self.unknown += more.unknown;
        self.wrong += more.wrong;
        self.counted += more.counted;
        self.missing += more.missing;
        self.twice += more.twice;
        self.kept += more.kept;
    }
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, accepted, refused, unknown, counted, missing, twice, .. } = self;
        write!(
            f,
            "{sent} sent, {accepted} accepted, {refused} refused, {unknown} unknown, {counted} counted, {missing} missing, {twice} twice"
        )
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows differ", self.differ, self.compared)
    }
}
