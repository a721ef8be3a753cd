//! Overloads the real program. Without arguments (as in `cargo test`) it checks behaviour in about ten seconds; `cargo
//! test --release --test overload -- --long` measures and prints a table, in about four minutes; `--only` with
//! `refusals`, `twice`, `beside` or `inventions` runs a part of it. It asserts figures, statuses and bounds, which hold
//! on any machine; times are printed for people to judge. Loopback only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers for a table")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]

mod alone;
#[path = "../../benches/load/bare.rs"]
mod bare;
mod load;
#[path = "../../benches/load/process.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod process;
#[path = "../../benches/load/program.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod program;
mod twice;
#[path = "../../benches/load/wire.rs"]
mod wire;

use std::time::Duration;

use alone::{allowed_mib, own_memory_most_mib};
use load::{Answers, Crowd, Idler, Idlers, closed, closed_after, closed_with, invention};
use process::until;
use program::{Home, Program, Setup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const HONEST: usize = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// The last crowd is larger than can be answered in time.
const LARGE_CROWDS: &[Crowd] = &[
    Crowd { connections: 256, unanswered: 1 },
    Crowd { connections: 2_000, unanswered: 1 },
    Crowd { connections: 16_000, unanswered: 4 },
];
const SMALL_CROWDS: &[Crowd] = &[Crowd { connections: 50, unanswered: 1 }, Crowd { connections: 50, unanswered: 4 }];

/// Extent of a run.
struct Extent {
    long: bool,
    time: Duration,
    /// Crowds that offer twice the capacity, number of rounds, and length of each.
    crowds: &'static [Crowd],
    rounds: usize,
    phase: Duration,
    idle: usize,
    slow: usize,
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    if std::env::args().nth(1).as_deref() == Some("bare") {
        return bare::serve();
    }
    let long = std::env::args().any(|argument| argument == "--long");
    let only = std::env::args().skip_while(|argument| argument != "--only").nth(1);
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(&**only));
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let extent = if long {
        Extent {
            long,
            time: Duration::from_secs(10),
            phase: Duration::from_secs(3),
            crowds: LARGE_CROWDS,
            rounds: 7,
            idle: 10_000,
            slow: 1_000,
        }
    } else {
        Extent {
            long,
            time: Duration::from_millis(300),
            phase: Duration::from_millis(300),
            crowds: SMALL_CROWDS,
            rounds: 1,
            idle: 100,
            slow: 20,
        }
    };
    let began = std::time::Instant::now();
    let mut all = 0;
    if wanted("refusals") {
        a_full_spool_refuses_with_retry_after(&extent);
        the_silent_make_room_and_are_closed();
    }
    if wanted("twice") {
        all += twice::measure(&extent);
    }
    if wanted("beside") {
        all += honest_beside_others(&extent);
    }
    if wanted("inventions") {
        all += inventions_fit_the_bound(&extent);
    }
    println!("overload: {} hits accepted and counted, {:.0} s", all, began.elapsed().as_secs_f64());
}

/// A program with its own engine.
fn with_engine(collect: &str, limits: &str) -> Program {
    let (collect, limits) = (collect.to_owned(), format!("{limits}\nhits_per_address = 0\nagents_per_network = 0"));
    Home::new(&Setup { collect, limits, ..Setup::default() }).start()
}

/// A program without a database: accepted hits wait in the spool.
fn without_engine(collect: &str, spool: &str) -> Program {
    let (collect, spool) = (collect.to_owned(), format!("flush_seconds = 5\n{spool}"));
    Home::new(&Setup { collect, spool, engine: false, ..Setup::default() }).start()
}

/// A full spool rejects hits, and tells each sender when to retry.
fn a_full_spool_refuses_with_retry_after(extent: &Extent) {
    let program = without_engine("", "max_bytes = 65536");
    let full = until(Duration::from_secs(20), || {
        closed(program.collect, 8, Duration::ZERO, Duration::from_millis(200)).refused > 0
    });
    assert!(full.is_some(), "a full spool refuses");
    let cpu = program.process.cpu();
    let answers = closed(program.collect, 64, Duration::ZERO, extent.time / 2);
    sound(&answers);
    assert_eq!(answers.accepted, 0, "the spool stays full");
    row("full spool, 64 connections", &answers, extent.time / 2, program.process.cpu() - cpu);
}

/// With all connections silent, normal clients are served within seconds, and the silent ones are closed.
fn the_silent_make_room_and_are_closed() {
    let program = without_engine("max_connections = 64\nidle_seconds = 2", "");
    let silent = Idlers::open(program.collect, 64, Idler::Silent);
    let honest = closed(program.collect, 4, PAUSE, Duration::from_secs(1));
    assert!(honest.accepted >= 4, "the honest are served: {honest:?}");
    sound(&honest);
    println!("{:<44} first answers after {:.1} s", "64 of 64 connections silent", honest.wait_ms(100) / 1e3);
    drop(silent);
    let closed_at = closed_after(program.collect, Duration::from_secs(20));
    assert!(closed_at.is_some_and(|at| at >= Duration::from_secs(1)), "the silent are closed in time: {closed_at:?}");
    assert!(program.log().contains("closing the longest idle ones"), "{}", program.log());
}

/// Normal clients are served as before beside abusive connections.
fn honest_beside_others(extent: &Extent) -> u64 {
    let room = extent.idle + 500;
    let program = with_engine(&format!("max_connections = {room}\nidle_seconds = 600"), "");
    let mut all = Answers::default();
    let mut alone = beside(extent, &program, &mut all, "honest alone", None);
    for (what, idler, count) in [
        ("silent", Idler::Silent, extent.idle),
        ("kept alive", Idler::KeptAlive, extent.idle),
        ("slow heads", Idler::SlowHead, extent.slow),
        ("slow bodies", Idler::SlowBody, extent.slow),
        ("never read", Idler::NeverReads, extent.slow),
    ] {
        let name = format!("honest beside {count} {what}");
        let p99 = beside(extent, &program, &mut all, &name, Some((idler, count)));
        if extent.long {
            let again = beside(extent, &program, &mut all, "honest alone again", None);
            println!("{:<44} p99 {:.2} of alone before and after", "", p99 / ((alone + again) / 2.0));
            alone = again;
        }
    }
    counted(&program, &all)
}

/// Hits of invented words only, and new combinations of known ones: memory stays within the sum of the configured
/// bounds.
fn inventions_fit_the_bound(extent: &Extent) -> u64 {
    let limits = "tags = 1000000\nvisits = 50000\nrows_per_site_day = 1000000";
    let program = with_engine("max_connections = 256", limits);
    let mut all = Answers::default();
    let mut number = 0;
    let next = move |request: &mut Vec<u8>| {
        number += 1;
        request.extend(invention(number));
    };
    let (inventions, most) =
        own_memory_most_mib(&program, || closed_with(program.collect, 64, Duration::ZERO, 3 * extent.time, next));
    row("64 connections that invent every word", &inventions, 3 * extent.time, Duration::ZERO);
    tally(&mut all, &inventions);
    let (allowed, journal) = (allowed_mib(&program), program.process.mib("VmHWM"));
    println!("{:<44} at most {most:.0} MiB of {allowed:.0}; with the journal and files {journal:.0}", "");
    assert!(most < allowed, "memory stays within its bound");
    counted(&program, &all)
}

/// Asserts that the figures equal the `202`s.
fn counted(program: &Program, all: &Answers) -> u64 {
    let counted = program.pageviews(all.accepted);
    println!("{:<44} accepted {}, counted {counted}, refused {}", "", all.accepted, all.refused);
    assert_eq!(counted, i64::try_from(all.accepted).unwrap(), "the figures are the 202s");
    all.accepted
}

/// Waits of normal clients, alone or beside others; returns the 99th percentile.
fn beside(extent: &Extent, program: &Program, all: &mut Answers, name: &str, others: Option<(Idler, usize)>) -> f64 {
    let before = program.process.mib("VmRSS");
    let held = others.map(|(what, count)| (Idlers::open(program.collect, count, what), count));
    let answers = closed(program.collect, HONEST, PAUSE, extent.time);
    tally(all, &answers);
    let memory = program.process.mib("VmRSS");
    let each = held.as_ref().map_or(String::new(), |(_, count)| {
        format!(", {:.1} KiB for each of them", (memory - before).max(0.0) * 1024.0 / *count as f64)
    });
    println!("{name:<44} p50 {:.2} ms, p99 {:.2} ms; {memory:.0} MiB{each}", answers.wait_ms(50), answers.wait_ms(99));
    assert_eq!(answers.refused, 0, "{name}: no genuine hit is rejected");
    assert!(memory - before < 512.0, "{name}: memory is bounded");
    answers.wait_ms(99)
}

fn tally(all: &mut Answers, answers: &Answers) {
    sound(answers);
    all.sum(answers);
}

fn sound(answers: &Answers) {
    assert_eq!(answers.other, 0, "202 and 503 are the only answers");
    assert_eq!(answers.refused_without_retry_after, 0, "every 503 says when to come again");
}

fn row(name: &str, answers: &Answers, time: Duration, cpu: Duration) {
    let seconds = time.as_secs_f64();
    let each = cpu.as_secs_f64() * 1e6 / (answers.accepted + answers.refused).max(1) as f64;
    println!(
        "{name:<44} 202 {:.0}/s, 503 {:.0}/s, held back {:.0}/s; CPU {each:.1} µs an answer; p50 {:.1} ms, p99 {:.1} ms",
        answers.accepted as f64 / seconds,
        answers.refused as f64 / seconds,
        answers.held as f64 / seconds,
        answers.wait_ms(50),
        answers.wait_ms(99),
    );
}
