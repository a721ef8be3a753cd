//! No accepted hit is lost, and none is counted twice: the real program under load and faults, its ledger of answers
//! against the figures in a real ClickHouse. See README.md beside this file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "this is a program for a terminal")]

mod bench;
mod chance;
mod collector;
mod control;
mod faults;
mod figures;
mod load;
mod model;
mod plan;
mod proxy;
mod release;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(plan) = plan::Plan::read(std::env::args().skip(1)) else { return ExitCode::SUCCESS };
    println!("torture: {} s at {} hits/s; again with SEED={}", plan.seconds, plan.rate, plan.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if runtime.block_on(plan.run()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
