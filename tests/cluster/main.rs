//! Several collectors behind a balancer: real haproxy, real collectors as processes, one real engine. Visitors are
//! exact when a collector restarts, is killed, or moves to other folders while hits come. `make cluster` runs 3 000
//! visitors and prints the tables of docs/cluster.md; bare it runs with 150. Before that, real engines as a cluster of
//! shards and replicas, which are killed, lose a disk and grow. A part's name runs it alone. Loopback only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]

mod away;
mod balancer;
mod collector;
mod growth;
mod keeper;
mod node;
mod nodes;
mod replicas;
mod tokens;
mod visitors;

use std::time::{Duration, Instant};

use balancer::Balancer;
use collector::{Collector, Database};
use rustix::process::Signal;

/// Parts that a name on the command line runs alone.
const PARTS: [&str; 7] = ["nodes", "away", "replicas", "growth", "tokens", "keeper", "collectors"];
/// Number of collectors behind the balancer.
const SLOTS: usize = 3;

/// Incident at a collector while hits arrive.
#[derive(Clone, Copy)]
enum Incident {
    None,
    Restart,
    Kill,
    Move,
}

impl Incident {
    const ALL: [Incident; 4] = [Incident::None, Incident::Restart, Incident::Kill, Incident::Move];

    fn name(self) -> &'static str {
        match self {
            Incident::None => "consistent hash on the client address",
            Incident::Restart => "a collector stops and starts again",
            Incident::Kill => "a collector is killed (SIGKILL) and starts again",
            Incident::Move => "a slot moves: SIGTERM, `slot pack`, `slot unpack` into other folders, start",
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == node::ENGINE) {
        return node::become_engine(&arguments[2..]);
    }
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let short = !std::env::args().any(|argument| argument == "--long");
    let people = if short { 150 } else { 3_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // A name runs one part alone.
    let named = |name: &str| std::env::args().any(|argument| argument == name);
    let part = |name: &str| !PARTS.iter().any(|part| named(part)) || named(name);
    if part("nodes") {
        runtime.block_on(nodes::walk(people / 2));
    }
    if part("away") {
        runtime.block_on(away::walk(people / 2));
    }
    if part("replicas") {
        runtime.block_on(replicas::walk(people / 2));
    }
    if part("growth") {
        runtime.block_on(growth::walk(people / 2));
    }
    if part("tokens") {
        runtime.block_on(tokens::walk());
    }
    if part("keeper") {
        runtime.block_on(keeper::walk());
    }
    if part("collectors") {
        runtime.block_on(collectors(people));
    }
}

/// Collectors behind a balancer, in each incident.
async fn collectors(people: usize) {
    let Some(haproxy) = balancer::program() else {
        println!("cluster: haproxy is not installed; run `make cluster`, which installs it");
        return;
    };
    println!("| case | visitors that came | visitors counted | hits accepted | pageviews counted | s |");
    println!("|---|---|---|---|---|---|");
    for incident in Incident::ALL {
        walk(&haproxy, incident, people).await;
    }
    println!("cluster: {} incidents passed, 0 failed", Incident::ALL.len());
}

/// Sends every visitor's four views during the incident, and compares the figures.
async fn walk(haproxy: &std::path::Path, incident: Incident, people: usize) {
    let began = Instant::now();
    let database = Database::start().await;
    let mut slots = Vec::new();
    for number in 0..SLOTS {
        slots.push(Collector::start(&database, number, None).await);
    }
    let addresses: Vec<_> = slots.iter().map(|slot| slot.address).collect();
    let balancer = Balancer::start(haproxy, &addresses);
    let sending = tokio::spawn(visitors::send(balancer.address, people));
    tokio::time::sleep(Duration::from_millis(people as u64 / 3)).await;
    let slot = slots.remove(1);
    slots.insert(
        1,
        match incident {
            Incident::None => slot,
            Incident::Restart => slot.end(Signal::TERM).await.start_again(&database).await,
            Incident::Kill => slot.end(Signal::KILL).await.start_again(&database).await,
            Incident::Move => slot.end(Signal::TERM).await.moved().await.start_again(&database).await,
        },
    );
    let accepted = sending.await.unwrap();
    for slot in slots {
        slot.end(Signal::TERM).await;
    }
    let (visitors, pageviews) = database.figures().await;
    println!(
        "| {} | {people} | {visitors} | {accepted} | {pageviews} | {:.1} |",
        incident.name(),
        began.elapsed().as_secs_f64()
    );
    let sent = 4 * people as u64;
    assert_eq!(visitors, people as u64, "{}", incident.name());
    match incident {
        // A request in progress at the kill has no answer; it may count, and no accepted hit is lost.
        Incident::Kill => assert!(accepted <= pageviews && pageviews <= sent, "{accepted} ≤ {pageviews} ≤ {sent}"),
        Incident::None | Incident::Restart | Incident::Move => assert_eq!((accepted, pageviews), (sent, sent)),
    }
}
