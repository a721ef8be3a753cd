//! Everything that enters through a real listener.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod engine;
mod native;
mod store;
mod support;
