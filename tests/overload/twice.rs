//! Twice the capacity. The first crowd is the one that a server serves best: the rate of its closed loop is the best.
//! An open loop offers twice that to each crowd, between two closed loops on as many connections; then the same is done
//! to a bare server on the same core. Ratios compare neighbours in time, since the machine's speed changes.

use std::net::SocketAddr;
use std::time::Duration;

use crate::alone::{Busy, on_a_core_of_their_own, unpin};
use crate::load::{Answers, Crowd, closed, flood};
use crate::process::{Process, until};
use crate::{Extent, HONEST, PAUSE, counted, row, tally};

/// A server under too much load.
struct Subject {
    name: &'static str,
    process: Process,
    to: SocketAddr,
}

/// Results of one crowd, round by round.
#[derive(Default)]
struct CrowdResults {
    /// `202`s per second of the closed loop.
    taken: Vec<f64>,
    /// `202`s of the open loop, as a share of that.
    kept: Vec<f64>,
    /// The same as a share of the best.
    of_best: Vec<f64>,
    /// `503`s, as a share of the answers.
    refused: Vec<f64>,
    /// Hits due and not sent, as a share of all due.
    held: Vec<f64>,
    recovered: Vec<f64>,
}

/// Prints the throughput kept at twice the load; returns the number of accepted hits.
pub(crate) fn measure(extent: &Extent) -> u64 {
    let room = extent.crowds.iter().map(|crowd| crowd.connections).max().unwrap() + 500;
    let (program, bare) = on_a_core_of_their_own(&format!("max_connections = {room}\nidle_seconds = 600"));
    let busy = Busy::begin();
    let collector = Subject { name: "collector", process: program.process, to: program.collect };
    let reference_server = Subject { name: "bare", process: bare.process, to: bare.address };
    let (mut all, mut ignored) = (Answers::default(), Answers::default());
    let mut seen: Vec<[CrowdResults; 2]> = extent.crowds.iter().map(|_| Default::default()).collect();
    for round in 1..=extent.rounds {
        println!("twice the load, round {round} of {}", extent.rounds);
        let best = extent.crowds.first().unwrap();
        let ours_best = collector.closed(*best, extent, &mut all);
        let reference_best = reference_server.closed(*best, extent, &mut ignored);
        for ([ours, reference], crowd) in seen.iter_mut().zip(extent.crowds) {
            collector.round(*crowd, ours_best, extent, ours, &mut all);
            ours.recovered.push(recovery(program.collect, &mut all));
            reference_server.round(*crowd, reference_best, extent, reference, &mut ignored);
        }
    }
    drop((busy, bare));
    for ([ours, reference], crowd) in seen.iter().zip(extent.crowds) {
        println!("{} connections with {} unanswered at most", crowd.connections, crowd.unanswered);
        ours.print(collector.name);
        println!("    it recovered after {:.1} s", median(&ours.recovered));
        reference.print(reference_server.name);
    }
    let counted = counted(&program, &all);
    unpin();
    counted
}

impl Subject {
    fn round(&self, crowd: Crowd, best: f64, extent: &Extent, seen: &mut CrowdResults, all: &mut Answers) {
        let before = self.closed(crowd, extent, all);
        let twice = self.flood(crowd, 2.0 * best, extent, all);
        let taken = before.midpoint(self.closed(crowd, extent, all));
        let answers = (twice.accepted + twice.refused) as f64;
        seen.taken.push(taken);
        seen.kept.push(per_second(&twice, extent) / taken);
        seen.of_best.push(per_second(&twice, extent) / best);
        seen.refused.push(twice.refused as f64 / answers);
        seen.held.push(twice.held as f64 / (twice.held as f64 + answers));
    }

    fn closed(&self, crowd: Crowd, extent: &Extent, all: &mut Answers) -> f64 {
        let cpu = self.process.cpu();
        let answers = closed(self.to, crowd.connections, Duration::ZERO, extent.phase);
        let name = format!("  {}, closed loop, {} connections", self.name, crowd.connections);
        row(&name, &answers, extent.phase, self.process.cpu() - cpu);
        tally(all, &answers);
        per_second(&answers, extent)
    }

    fn flood(&self, crowd: Crowd, rate: f64, extent: &Extent, all: &mut Answers) -> Answers {
        let cpu = self.process.cpu();
        let answers = flood(self.to, crowd, rate, extent.phase);
        let name = format!("  {}, twice that, {} connections", self.name, crowd.connections);
        row(&name, &answers, extent.phase, self.process.cpu() - cpu);
        tally(all, &answers);
        answers
    }
}

impl CrowdResults {
    fn print(&self, name: &str) {
        let (least, most) =
            self.kept.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), kept| (least.min(*kept), most.max(*kept)));
        println!(
            "    {name}: closed loop {:.0}/s; {:.2} of it kept at twice the best ({least:.2} to {most:.2}), which is {:.2} of \
             the best; {:.0} % of the answers 503, {:.0} % of what was due held back",
            median(&self.taken),
            median(&self.kept),
            median(&self.of_best),
            100.0 * median(&self.refused),
            100.0 * median(&self.held),
        );
    }
}

/// `202`s per second, without the first second, in which connections are made, if there are others.
fn per_second(answers: &Answers, extent: &Extent) -> f64 {
    match extent.phase.as_secs() as usize {
        0 | 1 => answers.accepted as f64 / extent.phase.as_secs_f64(),
        seconds => answers.seconds.iter().take(seconds).skip(1).sum::<u64>() as f64 / (seconds - 1) as f64,
    }
}

/// Seconds until 99 percent of half a second of normal hits are answered within 50 ms, without a rejection.
fn recovery(to: SocketAddr, all: &mut Answers) -> f64 {
    let recovered = until(Duration::from_secs(30), || {
        let answers = closed(to, HONEST, PAUSE, Duration::from_millis(500));
        tally(all, &answers);
        answers.refused == 0 && answers.wait_ms(99) < 50.0
    });
    recovered.map_or(f64::INFINITY, |time| time.as_secs_f64() - 0.5)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
