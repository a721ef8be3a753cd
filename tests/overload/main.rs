//! Offers the real program more than it can take. Bare (as in `cargo test`) it checks behaviour in some ten seconds;
//! `cargo test --release --test overload -- --long` measures and prints a table, in some four minutes; `--only` with
//! `refusals`, `twice`, `beside` or `inventions` does a part of it. It asserts what
//! must hold on any machine: figures, statuses, bounds; times are printed for people to judge. Loopback only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers for a table")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]

mod alone;
mod load;
#[path = "../../benches/load/process.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod process;
#[path = "../../benches/load/program.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod program;
#[path = "../../benches/load/wire.rs"]
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use alone::{Busy, allowed_mib, on_a_core_of_its_own, own_memory_most_mib, unpin};
use load::{Answers, Idler, Idlers, closed, closed_after, closed_with, flood, invention};
use process::until;
use program::{Home, Program, Setup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const HONEST: usize = 20;
/// With so many the closed loop is at its best on two cores; more only wait longer.
const CLOSED: usize = 256;
const PAUSE: Duration = Duration::from_millis(25);

/// How much is done.
struct Extent {
    long: bool,
    time: Duration,
    rounds: usize,
    senders: usize,
    idle: usize,
    slow: usize,
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let long = std::env::args().any(|argument| argument == "--long");
    let only = std::env::args().skip_while(|argument| argument != "--only").nth(1);
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(&**only));
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let extent = if long {
        Extent { long, time: Duration::from_secs(10), rounds: 3, senders: 2_000, idle: 10_000, slow: 1_000 }
    } else {
        Extent { long, time: Duration::from_millis(300), rounds: 1, senders: 50, idle: 100, slow: 20 }
    };
    let began = std::time::Instant::now();
    let mut all = 0;
    if wanted("refusals") {
        a_full_spool_refuses_with_retry_after(&extent);
        the_silent_make_room_and_are_closed();
    }
    if wanted("twice") {
        all += best_and_twice_that(&extent);
    }
    if wanted("beside") {
        all += honest_beside_others(&extent);
    }
    if wanted("inventions") {
        all += inventions_fit_the_bound(&extent);
    }
    println!("overload: {} hits accepted and counted, {:.0} s", all, began.elapsed().as_secs_f64());
}

/// With an engine of its own.
fn with_engine(collect: &str, limits: &str) -> Program {
    let (collect, limits) = (collect.to_owned(), limits.to_owned());
    Home::new(&Setup { collect, limits, ..Setup::default() }).start()
}

/// Its database is nowhere: what is accepted waits in the spool.
fn without_engine(collect: &str, spool: &str) -> Program {
    let (collect, spool) = (collect.to_owned(), format!("flush_seconds = 5\n{spool}"));
    Home::new(&Setup { collect, spool, engine: false, ..Setup::default() }).start()
}

/// Refuses what the spool cannot keep, and tells each sender when to come again.
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

/// A house full of the silent has room for the honest in seconds, and the silent are closed.
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
    assert!(program.log().contains("those that wait longest make room"), "{}", program.log());
}

/// The honest are served as before beside those who do nothing useful with their connections.
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

/// Hits of which every word is an invention, and new mixtures of those that are known: memory stays within the sum of
/// what is configured.
fn inventions_fit_the_bound(extent: &Extent) -> u64 {
    let limits = "tags = 1000000\nvisits = 50000\nrows_per_site_day = 1000000";
    let program = with_engine("max_connections = 256", limits);
    let mut all = Answers::default();
    let (inventions, most) =
        own_memory_most_mib(&program, || closed_with(program.collect, 64, Duration::ZERO, 3 * extent.time, invention));
    row("64 connections that invent every word", &inventions, 3 * extent.time, Duration::ZERO);
    tally(&mut all, &inventions);
    let (allowed, journal) = (allowed_mib(&program), program.process.mib("VmHWM"));
    println!("{:<44} at most {most:.0} MiB of {allowed:.0}; with the journal and files {journal:.0}", "");
    assert!(most < allowed, "memory stays within its bound");
    counted(&program, &all)
}

/// The figures are the 202s.
fn counted(program: &Program, all: &Answers) -> u64 {
    let counted = program.pageviews(all.accepted);
    println!("{:<44} accepted {}, counted {counted}, refused {}", "", all.accepted, all.refused);
    assert_eq!(counted, i64::try_from(all.accepted).unwrap(), "the figures are the 202s");
    all.accepted
}

/// The best that a closed loop reaches, and what happens at twice that rate, in turns. The program has a core to itself,
/// and the sender another: that twice as much is sent costs the sender.
fn best_and_twice_that(extent: &Extent) -> u64 {
    let room = extent.senders + 500;
    let program = on_a_core_of_its_own(&format!("max_connections = {room}\nidle_seconds = 600"));
    let (to, mut all) = (program.collect, Answers::default());
    let busy = Busy::begin();
    let best = |connections: usize, all: &mut Answers| {
        let cpu = program.process.cpu();
        let answers = closed(to, connections, Duration::ZERO, extent.time);
        row(&format!("closed loop, {connections} connections"), &answers, extent.time, program.process.cpu() - cpu);
        tally(all, &answers);
        answers.accepted as f64 / extent.time.as_secs_f64()
    };
    let mut rate = best(CLOSED, &mut all);
    for _ in 0..extent.rounds {
        let cpu = program.process.cpu();
        let twice = flood(to, extent.senders, 2.0 * rate, extent.time);
        let name = format!("open loop at twice that, {} connections", extent.senders);
        row(&name, &twice, extent.time, program.process.cpu() - cpu);
        let whole = &twice.seconds[..twice.seconds.len().min(extent.time.as_secs() as usize)];
        let kept = whole.iter().sum::<u64>() as f64 / whole.len().max(1) as f64;
        tally(&mut all, &twice);
        println!("{:<44} recovered after {:.1} s", "", recovery(to, &mut all));
        let of_as_many = kept / best(extent.senders, &mut all);
        let before = std::mem::replace(&mut rate, best(CLOSED, &mut all));
        let of_best = kept / before.midpoint(rate);
        println!(
            "{:<44} 202s each second {whole:?}: {of_as_many:.2} of the closed loop on as many connections, {of_best:.2} of \
             that on {CLOSED} before and after",
            ""
        );
    }
    drop(busy);
    let counted = counted(&program, &all);
    unpin();
    counted
}

/// Seconds until half a second of honest hits is answered without refusal within 50 ms, but one in a hundred.
fn recovery(to: SocketAddr, all: &mut Answers) -> f64 {
    let recovered = until(Duration::from_secs(30), || {
        let answers = closed(to, HONEST, PAUSE, Duration::from_millis(500));
        tally(all, &answers);
        answers.refused == 0 && answers.wait_ms(99) < 50.0
    });
    recovered.map_or(f64::INFINITY, |time| time.as_secs_f64() - 0.5)
}

/// What the honest wait, alone or beside others; gives the 99th percentile.
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
    assert_eq!(answers.refused, 0, "{name}: nobody honest is refused");
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
