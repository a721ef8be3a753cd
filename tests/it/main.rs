//! Everything that enters through a real listener.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod console;
mod query;
