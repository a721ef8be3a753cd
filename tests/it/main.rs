//! Everything that enters through a real listener.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod collector;
mod console;
mod engine;
mod import;
mod model;
mod native;
mod query;
mod store;
mod support;
mod worked_example;
