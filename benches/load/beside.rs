//! The collector beside the reference: the same load on both in turns, bare first, collector second, repeatedly; the
//! result is the median of the pairs' ratios.

use std::time::Duration;

use crate::Extent;
use crate::bare::Bare;
use crate::results::{Figure, Goal, Results, median};
use crate::run::{LoadProfile, LoadResults, Subject, bare};
use crate::traffic::Plan;

/// Both servers, warmed up.
struct Beside {
    reference: Bare,
    subject: Subject,
}

/// The runs of one load on both.
struct Pairs(Vec<(LoadResults, LoadResults)>);

/// Runs all measurements beside the reference; returns the rate that saturates the collector.
pub(crate) fn run(extent: &Extent, results: &mut Results) {
    let mut beside = Beside::start(extent);
    let mut best = 0.0_f64;
    for connections in extent.connections {
        let name = format!("saturated {connections}");
        let pairs = beside.pairs(&name, LoadProfile::Closed { connections }, extent, results);
        pairs.cpu(&format!("R, saturated, {connections} connections"), results, Some(Goal::RatioAtMost(2.0)));
        let goal = (connections == extent.connections[1]).then_some(Goal::RatioAtLeast(0.6));
        pairs.throughput(&format!("throughput, {connections} connections"), results, goal);
        best = best.max(median(pairs.0.iter().map(|(_, collector)| collector.rate())));
    }
    let connections = extent.connections[1];
    let rate = extent.slow_rate;
    let pairs = beside.pairs(&format!("{rate} a second"), LoadProfile::Open { connections, rate }, extent, results);
    pairs.cpu(&format!("R at {rate} pageviews a second"), results, Some(Goal::RatioAtMost(3.0)));
    pairs.waits(&format!("at {rate} a second"), results, None);
    let rate = (best / 2.0).floor();
    let pairs = beside.pairs("half the saturated rate", LoadProfile::Open { connections, rate }, extent, results);
    pairs.cpu(&format!("R at half the saturated rate ({rate}/s)"), results, None);
    pairs.waits("at half the saturated rate", results, Some(Goal::Beyond(5.0)));
    let fewer = Extent { pairs: extent.pairs.min(3), ..extent.clone() };
    for (name, profile) in [
        ("a new connection each", LoadProfile::Fresh { connections: extent.connections[0] }),
        ("HTTP/2, 8 × 32 streams", LoadProfile::Http2 { connections: 8, streams: extent.connections[1] / 8 }),
    ] {
        let pairs = beside.pairs(name, profile, &fewer, results);
        pairs.cpu(&format!("R, {name}"), results, None);
        pairs.throughput(&format!("throughput, {name}"), results, None);
    }
    beside.subject.check();
}

impl Beside {
    fn start(extent: &Extent) -> Self {
        let mut started = Self {
            reference: Bare::start(),
            subject: Subject::start(Plan { people: extent.people, ..Plan::PAGEVIEWS }, extent.setup(5)),
        };
        let profile = LoadProfile::Closed { connections: extent.connections[0] };
        started.bare(profile, extent.seconds / 4);
        started.subject.load(profile, extent.seconds / 4);
        started
    }

    fn bare(&self, profile: LoadProfile, time: Duration) -> LoadResults {
        bare(&self.reference, profile, time, &self.subject.traffic)
    }

    fn pairs(&mut self, name: &str, profile: LoadProfile, extent: &Extent, results: &mut Results) -> Pairs {
        let mut pairs = Vec::new();
        for number in 1..=extent.pairs {
            results.say(format!("{name}: pair {number} of {}", extent.pairs));
            let reference = self.bare(profile, extent.seconds);
            results.run(name, "bare", &reference);
            let collector = self.subject.load(profile, extent.seconds);
            results.run(name, "collector", &collector);
            pairs.push((reference, collector));
        }
        Pairs(pairs)
    }
}

impl Pairs {
    /// The figure of the collector with that of the reference.
    fn figure(
        &self,
        name: &str,
        unit: &'static str,
        of: impl Fn(&LoadResults) -> f64,
        ours: impl Fn(&LoadResults) -> f64,
    ) -> Figure {
        let measured = median(self.0.iter().map(|(_, collector)| ours(collector)));
        let reference = median(self.0.iter().map(|(bare, _)| of(bare)));
        let ratio = median(self.0.iter().map(|(bare, collector)| ours(collector) / of(bare)));
        Figure::new(name, unit, measured).beside(reference, ratio)
    }

    /// Adds the CPU ratio twice: until the answer, and, compared with the goal, until the data is shipped.
    fn cpu(&self, name: &str, results: &mut Results, goal: Option<Goal>) {
        let figure = self.figure(name, "µs", LoadResults::cpu_us, LoadResults::shipped_us);
        results.add(Figure { goal, ..figure });
        results.add(self.figure(&format!("{name}: during the load"), "µs", LoadResults::cpu_us, LoadResults::cpu_us));
    }

    fn throughput(&self, name: &str, results: &mut Results, goal: Option<Goal>) {
        results.add(Figure { goal, ..self.figure(name, "/s", LoadResults::rate, LoadResults::rate) });
    }

    fn waits(&self, name: &str, results: &mut Results, goal: Option<Goal>) {
        for (quantile, word) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
            let wait = |measured: &LoadResults| measured.wait_ms(quantile);
            let figure = self.figure(&format!("{word} {name}"), "ms", wait, wait);
            results.add(Figure { goal: goal.filter(|_| word == "p99"), ..figure });
        }
    }
}
