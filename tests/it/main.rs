//! Everything that enters through a real listener.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod collector;
mod config;
mod console;
mod engine;
mod identity;
mod model;
mod native;
mod proxy;
mod query;
mod restart;
mod ship;
mod store;
mod support;
mod worked_example;
