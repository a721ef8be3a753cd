//! Results, beside the reference and the goal: a table for people, two files for programs. `goals.csv` has the figures,
//! `runs.csv` every single run behind them.

use std::fmt::Write;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::LoadResults;

/// One measured figure, with its reference and goal.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) measured: f64,
    /// The figure of the reference.
    pub(crate) bare: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) goal: Option<Goal>,
}

/// Goal of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// More than the reference by at most this.
    Beyond(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

impl Figure {
    /// A figure without reference and goal.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, measured: f64) -> Self {
        Self { name: name.into(), unit, measured, bare: None, ratio: None, goal: None }
    }

    pub(crate) fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// The figure with that of the reference.
    pub(crate) fn beside(self, bare: f64, ratio: f64) -> Self {
        Self { bare: Some(bare), ratio: Some(ratio), ..self }
    }

    /// The goal in words, and whether it is met.
    fn judged(&self) -> (String, &'static str) {
        let Some(goal) = self.goal else { return Default::default() };
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let (text, held) = match goal {
            Goal::AtMost(most) => (format!("≤ {} {}", short(most), self.unit), self.measured <= most),
            Goal::AtLeast(least) => (format!("≥ {} {}", short(least), self.unit), self.measured >= least),
            Goal::Beyond(most) => {
                (format!("≤ bare + {} {}", short(most), self.unit), self.measured - self.bare.unwrap_or(0.0) <= most)
            }
            Goal::RatioAtMost(most) => (format!("ratio ≤ {}", short(most)), ratio <= most),
            Goal::RatioAtLeast(least) => (format!("ratio ≥ {}", short(least)), ratio >= least),
        };
        (text, if held { "held" } else { "NOT held" })
    }
}

/// All figures and runs.
pub(crate) struct Results {
    folder: PathBuf,
    figures: Vec<Figure>,
    runs: String,
    bar: ProgressBar,
    quiet: bool,
}

impl Results {
    /// Results to be written into `folder`; `quiet` shows no progress.
    pub(crate) fn new(folder: PathBuf, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {pos} loads; {msg}").unwrap());
        bar.enable_steady_tick(std::time::Duration::from_millis(250));
        let runs =
            "scenario,server,seconds,answers,per_second,cpu_us,shipped_us,p50_ms,p99_ms,p999_ms,rss_mib,anon_mib\n";
        Self { folder, figures: Vec::new(), runs: runs.into(), bar, quiet }
    }

    /// Prints the current step.
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Records one load on `server`.
    pub(crate) fn run(&mut self, scenario: &str, server: &str, measured: &LoadResults) {
        self.bar.inc(1);
        let (rate, cpu, shipped) = (measured.rate(), measured.cpu_us(), measured.shipped_us());
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| measured.wait_ms(quantile));
        let (rss, anon) = measured.memory;
        writeln!(
            self.runs,
            "{scenario},{server},{:.2},{},{rate:.0},{cpu:.2},{shipped:.2},{p50:.3},{p99:.3},{p999:.3},{rss:.1},{anon:.1}",
            measured.seconds, measured.answers
        )
        .unwrap();
        self.bar.suspend(|| {
            if !self.quiet {
                println!("{scenario:<34} {server:<8} {rate:>8.0}/s  CPU {cpu:>6.2} µs ({shipped:.2} shipped)  p50 {p50:.2} p99 {p99:.2} p99.9 {p999:.2} ms  {rss:.0} MiB");
            }
        });
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        self.bar.suspend(|| {
            if !self.quiet {
                println!("  = {}: {} {}", figure.name, short(figure.measured), figure.unit);
            }
        });
        self.figures.push(figure);
    }

    /// After a check: asserts that there are figures, and that they are numbers.
    pub(crate) fn checked(self) {
        for figure in self.figures {
            assert!(figure.measured.is_finite(), "{}", figure.name);
            println!("{}: {} {}", figure.name, short(figure.measured), figure.unit);
        }
    }

    /// Prints the table, writes the files; true if every measured goal is met.
    pub(crate) fn finish(self) -> bool {
        self.bar.finish_and_clear();
        let mut csv = String::from("figure,unit,measured,bare,ratio,goal,held\n");
        let rows: Vec<[String; 6]> = self
            .figures
            .iter()
            .map(|figure| {
                let (goal, held) = figure.judged();
                let optional = |value: Option<f64>| value.map(short).unwrap_or_default();
                let (bare, ratio) = (optional(figure.bare), optional(figure.ratio));
                writeln!(
                    csv,
                    "{:?},{},{},{bare},{ratio},{goal},{held}",
                    figure.name,
                    figure.unit,
                    short(figure.measured)
                )
                .unwrap();
                let measured = format!("{} {}", short(figure.measured), figure.unit);
                [figure.name.clone(), measured, bare, ratio, goal, held.into()]
            })
            .collect();
        print_table(&rows);
        std::fs::create_dir_all(&self.folder).unwrap();
        std::fs::write(self.folder.join("goals.csv"), csv).unwrap();
        std::fs::write(self.folder.join("runs.csv"), self.runs).unwrap();
        println!("\nwritten: {0}/goals.csv, {0}/runs.csv", self.folder.display());
        self.figures.iter().all(|figure| figure.judged().1 != "NOT held")
    }
}

fn print_table(rows: &[[String; 6]]) {
    let head = ["figure", "measured", "bare", "ratio", "goal", ""].map(String::from);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    for row in [&head].into_iter().chain(rows) {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            1..=3 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A number with three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median; between two values, their mean.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    (low + high) / 2.0
}
