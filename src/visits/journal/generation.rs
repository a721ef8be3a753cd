//! One file of the journal as found at start, and the journal's location.

use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::spool::Position;
use crate::visits::journal::entry;
use crate::visits::journal::snapshot::DaySnapshot;

/// One generation as found: the mapped file with the ranges of its parts.
pub(crate) struct Generation {
    pub(super) last: Option<Position>,
    pub(super) shipped: u64,
    pub(super) file: Mmap,
    pub(super) snapshot: Range<usize>,
}

impl Generation {
    pub(super) fn days(&self) -> Vec<DaySnapshot> {
        // Version and checksum were verified, so it decodes.
        self.file.get(self.snapshot.clone()).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn notes(&self) -> &[u8] {
        self.file.get(self.snapshot.end..).unwrap_or_default()
    }
}

/// The highest segment that was shipped, over all generations.
pub(crate) fn shipped(generations: &[Generation]) -> u64 {
    generations.iter().map(|generation| generation.shipped.max(entry::shipped(generation.notes()))).max().unwrap_or(0)
}

/// Folder of the journal, and the spool that it belongs to.
pub(crate) struct JournalLocation {
    pub(crate) folder: PathBuf,
    /// Permits a folder on a disk, for systems without one in memory.
    pub(crate) may_be_on_disk: bool,
    pub(crate) node: [u8; 16],
}

impl JournalLocation {
    pub(crate) fn new(folder: &Path, may_be_on_disk: bool, node: [u8; 16]) -> Self {
        Self { folder: folder.to_owned(), may_be_on_disk, node }
    }
}
