//! Plan of a run, its duration, and its result.

use std::time::Duration;

use tokio::time::Instant;

use crate::bench::{Bench, Round};
use crate::chance::Chance;
use crate::faults::Fault;
use crate::release;
use crate::table::Table;
use sillage::clock::monotonic_now;

/// Whether visitors, visits, bounces, exits and seconds survive the end of the process, and are rolled back after a
/// disk refusal. With VISITS=shown the table shows differences, and the run does not fail for them.
const VISITS_SURVIVE: bool = true;
/// Duration of the short form, which `cargo test` runs, in seconds.
const SECONDS: u64 = 38;
const RATE: u32 = 250;
/// From this duration in seconds on, faults come in random order; below it, the most telling first.
const LONG: u64 = 120;

/// Arguments and environment of the run.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) seconds: u64,
    pub(crate) rate: u32,
    only: Option<String>,
    visits_survive: bool,
}

impl Plan {
    /// `--seconds N --rate N --seed N --only PART-OF-A-NAME`, or SECONDS, RATE, SEED, ONLY; VISITS=exact|shown. `None`
    /// when `cargo test` asks for other tests.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let arguments: Vec<String> = arguments.collect();
        let filters = arguments.first().filter(|first| !first.starts_with('-'));
        if arguments.iter().any(|argument| argument == "--list")
            || filters.is_some_and(|part| !"torture".contains(&**part))
        {
            return None;
        }
        #[allow(clippy::disallowed_methods, reason = "the harness has no configuration file")]
        let environment = |name: &str| std::env::var(name).ok();
        let value = |name: &str| {
            let at = arguments.iter().position(|argument| argument[..].strip_prefix("--") == Some(name));
            at.and_then(|at| arguments.get(at + 1).cloned()).or_else(|| environment(&name.to_ascii_uppercase()))
        };
        let number = |name: &str| value(name).map(|text| text.parse::<u64>().expect("a number"));
        let mut seed = [0; 4];
        getrandom::fill(&mut seed).unwrap();
        Some(Self {
            seed: number("seed").unwrap_or_else(|| u64::from(u32::from_ne_bytes(seed))),
            seconds: number("seconds").unwrap_or(SECONDS).clamp(5, 86_400),
            rate: number("rate").map_or(RATE, |rate| u32::try_from(rate.clamp(1, 5_000)).unwrap_or(RATE)),
            only: value("only"),
            visits_survive: value("visits").map_or(VISITS_SURVIVE, |word| word == "exact"),
        })
    }

    /// Runs all scenarios; true if every promise was kept.
    pub(crate) async fn run(self) -> bool {
        let mut chance = Chance::new(self.seed);
        let mut table = Table::default();
        let started = monotonic_now();
        let (all, remote) = (Duration::from_secs(self.seconds), Duration::from_secs(self.seconds * 3 / 4));
        let bench = Bench::remote("remote", self.rate).await;
        self.scenario("remote", bench, Fault::REMOTE, started + remote, &mut chance, &mut table).await;
        let bench = Bench::embedded("embedded", self.rate).await;
        self.scenario("embedded", bench, Fault::EMBEDDED, started + all, &mut chance, &mut table).await;
        let is_asked = self.only.as_ref().is_none_or(|part| "release".contains(&**part));
        let differ = if is_asked { release::run(chance.fork(), self.seconds >= LONG).await } else { 0 };
        println!("\n{table}\nSEED={} in {:.0?}", self.seed, started.elapsed());
        table.failures(self.visits_survive) == 0 && differ == 0 && (is_asked || !table.is_empty())
    }

    async fn scenario(
        &self,
        name: &'static str,
        mut bench: Bench,
        faults: &[Fault],
        until: Instant,
        chance: &mut Chance,
        table: &mut Table,
    ) {
        let named =
            |fault: &Fault| self.only.as_ref().is_none_or(|part| format!("{name} {}", fault.name()).contains(&**part));
        let mut faults: Vec<Fault> = faults.iter().copied().filter(named).collect();
        let mut rounds: Vec<Round> = Vec::new();
        while monotonic_now() < until && !faults.is_empty() {
            if self.seconds >= LONG {
                chance.shuffle(&mut faults);
            }
            for fault in &faults {
                if monotonic_now() >= until {
                    break;
                }
                let round = bench.round(rounds.len(), *fault, fault.strikes(self.seconds < LONG), chance.fork()).await;
                let figures = bench.figures(round.number).await;
                let (hits, rows) = (figures.hits(&round.ledger), figures.rows(&round.ledger));
                println!("{name:<9} {:>3} {:<30} ×{:<3} {hits}; {rows}", round.number, fault.name(), round.times);
                for end in bench.collector.fell.drain(..) {
                    table.fell += 1;
                    println!("    the collector: {end}");
                }
                for line in rows.shown.iter().filter(|_| fault.memory().is_exact(self.visits_survive)) {
                    println!("    {line}");
                }
                rounds.push(round);
            }
        }
        // Once more: nothing may have arrived later.
        let before = table.failures(self.visits_survive);
        for round in &rounds {
            let figures = bench.figures(round.number).await;
            table.add(name, round, &figures.hits(&round.ledger), &figures.rows(&round.ledger));
        }
        bench.end(table.failures(self.visits_survive) > before).await;
    }
}
