//! A site's day as a snapshot keeps it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::super::day::Visit;
use crate::privacy::event::DIMENSIONS;

/// Everything that is remembered of one site's day.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedDay {
    pub(crate) site: String,
    pub(crate) day: u16,
    /// In a place of its own: what is moved, or read by way of the stack, leaves copies behind.
    pub(crate) key: Vec<u8>,
    pub(crate) pages: Vec<String>,
    pub(crate) values: [Vec<String>; DIMENSIONS],
    pub(crate) actions: Vec<String>,
    pub(crate) properties: Vec<String>,
    pub(crate) seen: Vec<u64>,
    pub(crate) open: Vec<(u64, Visit)>,
}

impl Drop for SavedDay {
    fn drop(&mut self) {
        self.key.zeroize();
        self.seen.zeroize();
    }
}
