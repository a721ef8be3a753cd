//! Everything that enters through a real listener.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod audit;
mod audit_broken;
mod audit_program;
mod bad_input;
mod bad_requests;
mod collector;
mod config;
mod console;
mod engine;
mod export;
mod forgetting;
mod import;
mod limits;
mod marketing;
mod measures;
mod model;
mod native;
mod outcomes;
mod privacy_pages;
mod process;
mod proxy;
mod query;
mod reader;
mod readers;
mod reload;
mod restart;
mod rounding;
mod ship;
mod store;
mod support;
mod thief;
mod threads;
mod types;
mod worked_example;
mod worlds;
