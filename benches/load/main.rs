//! The benchmark: the real program under load, beside a bare server of the same crates; its storage, its memory and its
//! query times. `cargo bench --bench load -- all` measures and prints a table; without arguments, as in `cargo test`,
//! it runs all parts with little load and asserts what must hold on any machine: no hit is lost, every figure equals
//! the acknowledged hits. It judges no time there. Loopback only. README.md explains the results.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers for a table")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]

mod bare;
mod beside;
mod cost;
mod doors;
mod h2;
mod open;
mod process;
mod program;
mod release;
mod remote;
mod results;
mod run;
mod scaling;
mod schemes;
mod stored;
mod traffic;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use program::Setup;
use remote::RemoteOptions;
use results::Results;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use traffic::Plan;

/// The same allocator as the program under test.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the collector.
#[derive(Parser)]
struct Arguments {
    /// Parts to measure.
    #[arg(value_enum, required = true)]
    parts: Vec<BenchPart>,
    /// Number of pairs of runs, each one on the reference and one on the collector.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Seconds of each of those runs.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Pageviews a second of the runs until queryable; the last is sustained and judged.
    #[arg(long, value_delimiter = ',', default_value = "1000,3000,10000")]
    rates: Vec<f64>,
    /// Seconds of that last run; those before it take at most a minute.
    #[arg(long, default_value_t = 600)]
    sustained_seconds: u64,
    /// Number of visitors in the measurement of memory.
    #[arg(long, default_value_t = 1_000_000)]
    visitors: u64,
    /// Seconds of each point of a plot.
    #[arg(long, default_value_t = 30)]
    scaling_seconds: u64,
    /// Only one series of the plots: `pageviews`, `sites`, `pages` or `visitors`.
    #[arg(long)]
    varied: Option<String>,
    /// Days imported into the database, before they are copied to a year.
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// Lines of the generated access log.
    #[arg(long, default_value_t = 4_000_000)]
    log_lines: u64,
    /// Import this log instead of a generated one.
    #[arg(long)]
    log: Option<PathBuf>,
    /// Folder for the files with the results.
    #[arg(long, default_value = "benches/results")]
    out: PathBuf,
    #[command(flatten)]
    remote: RemoteOptions,
    /// Passed by `cargo bench`, and ignored.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BenchPart {
    /// All parts except `scaling`, `accuracy` and `remote`.
    All,
    /// Beside the bare server: processor time, throughput, waits.
    Beside,
    /// Processor time of collector and engine until a pageview is queryable.
    Queryable,
    /// The ways to the listener: Unix socket, PROXY v2, HTTP/2, TLS.
    Doors,
    /// Bytes of a pageview in the spool.
    Spool,
    /// Memory when idle, and per visitor.
    Memory,
    /// Time from the start to the first hit.
    Start,
    /// Lines of access logs per second.
    Import,
    /// Bytes in the database, and queries over a year.
    Database,
    /// A release of a busy site's day.
    Release,
    /// Accuracy of published figures, on simulated sites.
    Accuracy,
    /// Cost against rate, sites, pages, visitors.
    Scaling,
    /// Load on a collector of another machine (`--target`); starts no program.
    Remote,
}

/// Extent of a run.
#[derive(Clone)]
pub(crate) struct Extent {
    pub(crate) pairs: usize,
    pub(crate) seconds: Duration,
    /// A small and a large number of connections.
    pub(crate) connections: [usize; 2],
    pub(crate) flush_seconds_max: u32,
    /// People of the day that is sent repeatedly.
    pub(crate) people: u32,
    /// A low rate, in pageviews a second.
    pub(crate) slow_rate: f64,
    /// Pageviews a second until they are queryable, and the longest time of the last and of the others.
    pub(crate) rates: Vec<f64>,
    pub(crate) sustained: Duration,
    pub(crate) shorter: Duration,
    /// Pause before memory is read.
    pub(crate) rest: Duration,
    pub(crate) visitors: u64,
    /// Rows of the released day, and days of the simulated sites.
    pub(crate) release_rows: u32,
    pub(crate) release_days: u16,
    /// Guesses of an attacker by which a share of right ones is computed.
    pub(crate) guesses: u32,
    pub(crate) filling_rate: f64,
    pub(crate) starts: usize,
    pub(crate) log_lines: u64,
    /// For the database: people and days, copies of those days, number of queries.
    pub(crate) people_a_day: u32,
    pub(crate) days: u32,
    pub(crate) copies: u32,
    pub(crate) queries: usize,
    /// For each series of the plots: its number of points, and the time of each.
    pub(crate) points: usize,
    pub(crate) scaling: Duration,
    /// The only series that is measured.
    pub(crate) varied: Option<String>,
}

impl Extent {
    fn measuring(arguments: &Arguments) -> Self {
        Self {
            pairs: arguments.pairs,
            seconds: Duration::from_secs(arguments.seconds),
            connections: [64, 256],
            flush_seconds_max: u32::MAX,
            people: 20_000,
            slow_rate: 1_000.0,
            rates: arguments.rates.clone(),
            sustained: Duration::from_secs(arguments.sustained_seconds),
            shorter: Duration::from_secs(60),
            rest: Duration::from_secs(15),
            visitors: arguments.visitors,
            release_rows: 700_000,
            // Four whole weeks, so that all rows of the month are published.
            release_days: 28,
            guesses: 140_000,
            filling_rate: 20_000.0,
            starts: 9,
            log_lines: arguments.log_lines,
            people_a_day: 156_000,
            days: arguments.days,
            copies: u32::MAX,
            queries: usize::MAX,
            points: usize::MAX,
            scaling: Duration::from_secs(arguments.scaling_seconds),
            varied: arguments.varied.clone(),
        }
    }

    /// A program that flushes at this interval; in a check, every second.
    pub(crate) fn setup(&self, flush_seconds: u32) -> Setup {
        let seconds = flush_seconds.min(self.flush_seconds_max);
        Setup { spool: format!("flush_seconds = {seconds}"), ..Setup::default() }
    }

    /// Enough to run all parts in seconds.
    fn checking() -> Self {
        Self {
            pairs: 1,
            seconds: Duration::from_millis(200),
            connections: [4, 16],
            flush_seconds_max: 1,
            people: 200,
            slow_rate: 100.0,
            rates: vec![500.0],
            sustained: Duration::from_millis(200),
            shorter: Duration::from_millis(200),
            rest: Duration::ZERO,
            visitors: 100,
            release_rows: 2_000,
            release_days: 1,
            guesses: 200,
            filling_rate: 1_000.0,
            starts: 1,
            log_lines: 400,
            people_a_day: 20,
            days: 1,
            copies: 1,
            queries: 1,
            points: 1,
            scaling: Duration::from_millis(100),
            varied: None,
        }
    }
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().collect();
    let says = |word: &str| given.iter().any(|argument| argument == word);
    if says("bare") {
        bare::serve();
        return ExitCode::SUCCESS;
    }
    if says("--list") {
        return ExitCode::SUCCESS;
    }
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    if !says("--bench") {
        check();
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    if arguments.parts.contains(&BenchPart::Remote) {
        let time = Duration::from_secs(arguments.seconds);
        let whole = remote::run(&arguments.remote, time, Plan::PAGEVIEWS.people).is_whole();
        return if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let (extent, mut results) = (Extent::measuring(&arguments), Results::new(arguments.out.clone(), false));
    for part in BenchPart::value_variants() {
        let all = arguments.parts.contains(&BenchPart::All)
            && !matches!(part, BenchPart::Scaling | BenchPart::Accuracy | BenchPart::Remote);
        if all || arguments.parts.contains(part) {
            measure(*part, &extent, (&arguments.out, arguments.log.as_deref()), &mut results);
        }
    }
    if results.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all parts; nothing is timed.
fn check() {
    let extent = &Extent::checking();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-results");
    std::thread::scope(|scope| {
        for part in BenchPart::value_variants() {
            let folder = folder.clone();
            scope.spawn(move || {
                let mut results = Results::new(folder.clone(), true);
                measure(*part, extent, (&folder, None), &mut results);
                results.checked();
            });
        }
    });
}

fn measure(part: BenchPart, extent: &Extent, (folder, log): (&Path, Option<&Path>), results: &mut Results) {
    match part {
        BenchPart::All => {}
        BenchPart::Beside => beside::run(extent, results),
        BenchPart::Queryable => cost::until_queryable(extent, results),
        BenchPart::Doors => doors::run(extent, results),
        BenchPart::Spool => cost::spool(extent, results),
        BenchPart::Memory => cost::memory(extent, results),
        BenchPart::Start => cost::start(extent, results),
        BenchPart::Import => stored::import(extent, log, results),
        BenchPart::Database => stored::database(extent, results),
        BenchPart::Release => {
            release::cost(extent.release_rows);
            release::beside_ingest(extent, results);
        }
        BenchPart::Accuracy => {
            schemes::compare(extent.guesses);
            release::accuracy(extent.release_days);
        }
        BenchPart::Scaling => scaling::run(extent, folder, results),
        // With a target it has run before all others.
        BenchPart::Remote => remote::check(),
    }
}
