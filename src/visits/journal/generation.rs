//! One file of the journal as it was found at start, and the place of all of them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::spool::Position;
use crate::visits::journal::entry;
use crate::visits::journal::snapshot::DaySnapshot;

/// One generation, as it was found: where the parts of its file are.
pub(crate) struct Generation {
    pub(super) last: Option<Position>,
    pub(super) shipped: u64,
    pub(super) file: Mmap,
    pub(super) snapshot: Range<usize>,
}

impl Generation {
    pub(super) fn days(&self) -> Vec<DaySnapshot> {
        // Its version and its checksum are right: it can be read.
        self.file.get(self.snapshot.clone()).and_then(|bytes| postcard::from_bytes(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn notes(&self) -> &[u8] {
        self.file.get(self.snapshot.end..).unwrap_or_default()
    }
}

/// The highest segment that was shipped.
pub(crate) fn shipped(generations: &[Generation]) -> u64 {
    generations.iter().map(|one| one.shipped.max(entry::shipped(one.notes()))).max().unwrap_or(0)
}

/// Where the journal is, and of which spool.
pub(crate) struct JournalLocation {
    pub(crate) folder: PathBuf,
    /// The folder may be on a disk; for systems without one in memory.
    pub(crate) may_be_on_disk: bool,
    pub(crate) node: [u8; 16],
}

impl JournalLocation {
    pub(crate) fn new(folder: &Path, may_be_on_disk: bool, node: [u8; 16]) -> Self {
        Self { folder: folder.to_owned(), may_be_on_disk, node }
    }
}
