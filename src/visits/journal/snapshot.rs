//! A site's day as read from a snapshot. Tags and keys in it are wiped on drop.

use serde::Deserialize;
use zeroize::Zeroize;

use crate::event::DIMENSIONS;
use crate::visits::rows::CommonBits;

/// The numbers in the pieces that a [`DayWriter`](crate::visits::journal::day_writer::DayWriter) writes.
pub(in crate::visits) fn numbers(pieces: &[Vec<u8>]) -> impl Iterator<Item = u64> {
    pieces.iter().flat_map(|piece| piece.as_chunks().0).map(|bytes| u64::from_le_bytes(*bytes))
}

/// Everything that is remembered of one site's day.
#[derive(Deserialize)]
pub(crate) struct DaySnapshot {
    pub(crate) site: String,
    pub(crate) day: u16,
    /// In a place of its own: what is moved, or read by way of the stack, leaves copies behind.
    pub(crate) key: Vec<u8>,
    pub(crate) pages: Vec<String>,
    pub(crate) values: [Vec<String>; DIMENSIONS],
    pub(crate) actions: Vec<String>,
    pub(crate) properties: Vec<String>,
    pub(in crate::visits) common_rows: Vec<CommonBits>,
    /// As [`numbers`] reads them.
    pub(crate) rows: Vec<Vec<u8>>,
    pub(crate) seen: Vec<Vec<u8>>,
    /// As [`OpenVisits::recall`](crate::visits::open_visits::OpenVisits::recall) reads them.
    pub(crate) open: Vec<Vec<u8>>,
}

impl Drop for DaySnapshot {
    fn drop(&mut self) {
        self.key.zeroize();
        self.seen.zeroize();
        self.open.zeroize();
    }
}
