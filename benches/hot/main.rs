//! The hot path in instructions: the cost of a pageview between the wire and the disk, stage by stage, counted by
//! valgrind's callgrind. Counts are reproducible where times are not, so each stage has a budget
//! (`benches/budgets.toml`), and growth of more than a twentieth fails. `make bench-instructions` runs it; with
//! `--accept` the counts become the budget. Without valgrind it names the package to install.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers for a table")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints")]

#[path = "../load/bare.rs"]
#[allow(dead_code, reason = "shared with the load, which runs it as a process of its own")]
mod bare;
mod callgrind;
mod gate;
#[path = "../load/process.rs"]
#[allow(dead_code, reason = "shared with the load")]
mod process;
mod stages;
#[path = "../load/traffic.rs"]
#[allow(dead_code, reason = "shared with the load, which uses all of it")]
mod traffic;
#[path = "../load/wire.rs"]
#[allow(dead_code, reason = "shared with the load, which sends by it")]
mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use figment::Figment;
use figment::providers::{Format, Toml};

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BUDGETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/budgets.toml");

/// Smallest growth that fails, in percent.
const GROWTH_MAX: f64 = 5.0;

/// Most cost of the most expensive hit, in plain hits.
const WORST_MAX: f64 = 10.0;

/// The same for a hit with every text at its worst: body, agent and languages are each read whole, and cleaning shares
/// one budget of bytes.
const WORST_WHOLE_MAX: f64 = 16.0;

fn main() -> ExitCode {
    let says = |word: &str| std::env::args().any(|argument| argument == word);
    if says("stages") {
        stages::run();
        return ExitCode::SUCCESS;
    }
    if !of_the_budgets() {
        println!("the budgets are of x86_64 Linux with AVX2; nothing is compared here");
        return ExitCode::SUCCESS;
    }
    let Some(counted) = callgrind::count(stages::NAMES) else {
        println!("valgrind is missing; it counts the instructions: on Debian, apt-get install valgrind");
        return ExitCode::FAILURE;
    };
    if says("--accept") {
        accept(&counted);
        return ExitCode::SUCCESS;
    }
    let budgets: BTreeMap<String, f64> =
        Figment::from(Toml::file_exact(BUDGETS)).extract_inner("instructions").unwrap();
    compare(&counted, &budgets)
}

/// Whether this machine takes the same CPU-dependent paths through libraries as the machine of the budgets.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn of_the_budgets() -> bool {
    std::is_x86_feature_detected!("avx2")
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn of_the_budgets() -> bool {
    false
}

fn compare(counted: &[(&str, f64)], budgets: &BTreeMap<String, f64>) -> ExitCode {
    println!("{:<22}{:>14}{:>10}{:>9}", "stage", "instructions", "budget", "growth");
    let mut held = true;
    for (stage, instructions) in counted {
        let budget = budgets.get(*stage).copied().unwrap_or(0.0);
        let growth = (instructions / budget - 1.0) * 100.0;
        let word = match growth {
            growth if growth > GROWTH_MAX => "  OVER BUDGET",
            growth if growth < -GROWTH_MAX => "  below: accept the gain with --accept",
            _ => "",
        };
        held &= growth <= GROWTH_MAX;
        println!("{stage:<22}{instructions:>14.0}{budget:>10.0}{growth:>+8.1}%{word}");
    }
    held &= worst_is_bounded(counted);
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether every hit that the limits allow costs at most [`WORST_MAX`] plain ones, with every text at its worst
/// [`WORST_WHOLE_MAX`], from its body to the spool.
fn worst_is_bounded(counted: &[(&str, f64)]) -> bool {
    let of = |names: &[&str]| counted.iter().filter(|(stage, _)| names.contains(stage)).map(|(_, it)| it).sum::<f64>();
    let plain = of(&["parse", "anonymise", "ledger"]);
    let mut held = true;
    for (stage, instructions) in counted.iter().filter(|(stage, _)| stage.starts_with("worst_")) {
        let times = instructions / plain;
        let times_max = if stage.starts_with("worst_whole") { WORST_WHOLE_MAX } else { WORST_MAX };
        held &= times <= times_max;
        println!("{stage:<22}{times:>6.1} plain hits{}", if times > times_max { "  OVER BUDGET" } else { "" });
    }
    held
}

fn accept(counted: &[(&str, f64)]) {
    let before = std::fs::read_to_string(BUDGETS).unwrap();
    let head: Vec<&str> = before.lines().take_while(|line| *line != "[instructions]").collect();
    let mut text = head.join("\n") + "\n[instructions]\n";
    for (stage, instructions) in counted {
        text.push_str(&format!("{stage} = {instructions:.0}\n"));
    }
    std::fs::write(Path::new(BUDGETS), text).unwrap();
    println!("written: {BUDGETS}");
}
