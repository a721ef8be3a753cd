//! A site's day as decoded from a snapshot. Its tags and keys are wiped on drop.

use serde::Deserialize;
use zeroize::Zeroize;

use crate::event::DIMENSIONS;
use crate::visits::rows::CommonBits;

/// Decodes the numbers in the pieces of a [`DayWriter`](crate::visits::journal::day_writer::DayWriter).
pub(in crate::visits) fn numbers(pieces: &[Vec<u8>]) -> impl Iterator<Item = u64> {
    pieces.iter().flat_map(|piece| piece.as_chunks().0).map(|bytes| u64::from_le_bytes(*bytes))
}

/// State of one site's day.
#[derive(Deserialize)]
pub(crate) struct DaySnapshot {
    pub(crate) site: String,
    pub(crate) day: u16,
    /// The day's key. On the heap, because moving it, or reading it via the stack, leaves copies.
    pub(crate) key: Vec<u8>,
    pub(crate) pages: Vec<String>,
    pub(crate) values: [Vec<String>; DIMENSIONS],
    pub(crate) actions: Vec<String>,
    pub(crate) properties: Vec<String>,
    pub(in crate::visits) common_rows: Vec<CommonBits>,
    /// Rows, to be decoded by [`numbers`].
    pub(crate) rows: Vec<Vec<u8>>,
    pub(crate) seen: Vec<Vec<u8>>,
    /// Open visits, for [`OpenVisits::recall`](crate::visits::open_visits::OpenVisits::recall).
    pub(crate) open: Vec<Vec<u8>>,
}

impl Drop for DaySnapshot {
    fn drop(&mut self) {
        self.key.zeroize();
        self.seen.zeroize();
        self.open.zeroize();
    }
}
