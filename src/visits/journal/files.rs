//! Files of the journal: written whole, mapped for entries, destroyed.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use memmap2::MmapMut;
use rustix::fs::FallocateFlags;
use zeroize::Zeroizing;

use crate::ffi;
use crate::lock::FolderLock;
use crate::runtime_dir::{FolderError, create_private, in_memory, make_secret_folder};
use crate::spool::Position;
use crate::visits::journal::day_writer::DayWriter;
use crate::visits::journal::entry::JournalEntry;
use crate::visits::journal::generation::{Generation, JournalLocation, shipped};

const MAGIC: &[u8; 8] = b"SILLAGEJ";
/// Version 4: common values' rows as bits, tags of numbers in pieces, entries with numbers; version 6: device models.
/// Files of other versions are discarded.
const VERSION: u32 = 6;
/// Bytes of the head: magic, version, node, last position, shipped.
const HEAD: usize = 8 + 4 + 16 + 1 + 8 + 8 + 8;
/// Bytes of a snapshot's length and checksum.
const SNAPSHOT_HEAD: usize = 8 + 4;
/// Bytes of a snapshot written at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// Longest entry in bytes: a 2 000 byte URL's page and referrer, 30 properties of 500 bytes.
const NOTE_MAX: usize = 32 * 1024;
/// Room for entries as a multiple of the snapshot, so that snapshots, which make hits wait, take a small part of the
/// time; at least 100 000 entries, at most a machine's spare memory.
const NOTES_TO_SNAPSHOT: usize = 8;
const NOTES_MIN: usize = 8 << 20;
const NOTES_MAX: usize = 256 << 20;
/// Bytes for entries in a generation whose head and snapshot take `begun` bytes.
pub(crate) fn notes_bytes(begun: usize) -> usize {
    begun.saturating_mul(NOTES_TO_SNAPSHOT).clamp(NOTES_MIN, NOTES_MAX)
}

/// Bytes allocated at a time: the system zeroes them while hits wait.
const RESERVED_AT_ONCE: usize = 1 << 20;

/// Reason why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder is on a disk, and `runtime.allow_disk` is off.
    #[error(
        "runtime.dir {0} is on a disk, where visitor tags must never be; set a folder on a tmpfs, such as \
         /dev/shm/sillage, or set runtime.allow_disk = true (deviates from rules R5 and R13)"
    )]
    OnDisk(PathBuf),
    /// Another process holds the folder's lock.
    #[error("runtime.dir {0} in use by another process; set another runtime.dir for each collector")]
    InUse(PathBuf),
    /// The folder belongs to another user or is writable by others.
    #[error("runtime.dir: {0}")]
    Folder(#[from] FolderError),
    /// A file operation in the folder failed.
    #[error("runtime.dir {0}: {1}")]
    Files(PathBuf, #[source] io::Error),
}

/// The journal in use: one open generation.
pub(crate) struct Journal {
    place: JournalLocation,
    generation: u64,
    last: Option<Position>,
    pub(super) shipped: u64,
    notes: Option<EntryWriter>,
    /// The previous generation, until this one's snapshot is durable.
    before: Option<PathBuf>,
    /// Generations found at start that belong to another spool or release.
    pub(crate) discarded: u64,
    _lock: FolderLock,
}

/// Writer of entries, after the snapshot in its file.
struct EntryWriter {
    file: File,
    mapped: MmapMut,
    end: usize,
    /// End of the allocated range. A write beyond it could kill the process (SIGBUS) when memory is full.
    reserved: usize,
}

impl EntryWriter {
    /// Room for one entry, allocated if needed; `None` if the generation is full.
    fn room(&mut self) -> Option<&mut [u8]> {
        if self.end + NOTE_MAX > self.reserved && self.reserved < self.mapped.len() {
            let more = RESERVED_AT_ONCE.min(self.mapped.len() - self.reserved);
            reserve(&self.file, self.reserved, more).ok()?;
            self.reserved += more;
        }
        let end = self.reserved.min(self.end + NOTE_MAX);
        self.mapped.get_mut(self.end..end)
    }
}

fn reserve(file: &File, from: usize, bytes: usize) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), from as u64, bytes as u64)?)
}

impl Journal {
    /// Opens the journal and reads an earlier process's generations, newest first. Files of another spool are
    /// destroyed.
    ///
    /// # Errors
    /// When the folder is on a disk, is in use, or cannot be written.
    pub(crate) fn open(place: JournalLocation) -> Result<(Self, Vec<Generation>), JournalError> {
        let folder = place.folder.clone();
        let files = |error: io::Error| JournalError::Files(folder.clone(), error);
        make_secret_folder(&folder)?;
        if !place.may_be_on_disk && in_memory(&folder) != Some(true) {
            return Err(JournalError::OnDisk(folder));
        }
        let lock = FolderLock::hold(&folder.join("visits.lock")).map_err(|error| {
            let held = error.kind() == io::ErrorKind::WouldBlock;
            if held { JournalError::InUse(folder.clone()) } else { files(error) }
        })?;
        let mut numbers = numbers(&folder).map_err(files)?;
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let (mut generations, mut discarded) = (Vec::new(), 0);
        for number in &numbers {
            match read(&path(&folder, *number), place.node) {
                Some(generation) => generations.push(generation),
                None => {
                    std::fs::remove_file(path(&folder, *number)).map_err(files)?;
                    discarded += 1;
                }
            }
        }
        let generation = numbers.first().copied().unwrap_or(0);
        let journal = Self {
            place,
            generation,
            last: None,
            shipped: shipped(&generations),
            notes: None,
            before: None,
            discarded,
            _lock: lock,
        };
        Ok((journal, generations))
    }

    /// Generations in the folder, newest first; for rolling back events that are not durable.
    pub(crate) fn generations(&self) -> Vec<Generation> {
        let mut numbers = numbers(&self.place.folder).unwrap_or_default();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.into_iter().filter_map(|number| read(&path(&self.place.folder, number), self.place.node)).collect()
    }

    /// Earlier generations, to be destroyed once the start of this one is durable.
    pub(crate) fn settle(&mut self, is_durable: impl Fn(Position) -> bool) -> RetiredGenerations {
        match self.before.is_some() && self.last.is_none_or(is_durable) {
            true => self.before(),
            false => RetiredGenerations(Vec::new()),
        }
    }

    /// All generations except this one.
    pub(crate) fn before(&mut self) -> RetiredGenerations {
        self.before = None;
        let numbers = numbers(&self.place.folder).unwrap_or_default();
        let before = numbers.into_iter().filter(|number| *number != self.generation);
        RetiredGenerations(before.map(|number| path(&self.place.folder, number)).collect())
    }

    /// Encodes an entry in place: no copy of it, nor of the key in a day's first entry, remains elsewhere.
    pub(super) fn write_entry(&mut self, entry: &JournalEntry<'_>) -> bool {
        let Some(notes) = &mut self.notes else { return false };
        let Some((head, body)) = notes.room().and_then(|room| room.split_first_chunk_mut::<8>()) else {
            return false;
        };
        let written = postcard::to_slice(entry, body).ok().and_then(|payload| {
            // The body comes first: a head without its body would read as a torn entry and end the replay.
            let [a, b, c, d] = u32::try_from(payload.len()).ok()?.to_le_bytes();
            let [e, f, g, h] = crc32fast::hash(payload).to_le_bytes();
            *head = [a, b, c, d, e, f, g, h];
            Some(payload.len())
        });
        match written {
            Some(bytes) => notes.end += 8 + bytes,
            // A partial entry must never be read as an entry.
            None => body.fill(0),
        }
        written.is_some()
    }

    pub(super) fn write_generation(&mut self, days: &[DayWriter<'_>], last: Option<Position>) -> io::Result<()> {
        let (folder, number) = (&self.place.folder, self.generation + 1);
        let new = folder.join("visits.new");
        let mut file = create_private(&new)?;
        file.write_all(&head(self.place.node, last, self.shipped))?;
        file.write_all(&[0; SNAPSHOT_HEAD])?;
        let mut snapshot =
            ChecksumWriter { file: &file, buffer: Zeroizing::default(), bytes: 0, checksum: Hasher::new() };
        postcard::to_io(days, &mut snapshot).map_err(io::Error::other)?;
        snapshot.flush()?;
        let (bytes, checksum) = (snapshot.bytes, snapshot.checksum.finalize());
        file.write_all_at(&bytes.to_le_bytes(), HEAD as u64)?;
        file.write_all_at(&checksum.to_le_bytes(), HEAD as u64 + 8)?;
        let head_bytes = HEAD + SNAPSHOT_HEAD + usize::try_from(bytes).map_err(io::Error::other)?;
        let room = notes_bytes(head_bytes);
        file.set_len((head_bytes + room) as u64)?;
        let reserved = RESERVED_AT_ONCE.min(room);
        reserve(&file, head_bytes, reserved)?;
        let notes =
            EntryWriter { mapped: ffi::map_journal(&file)?, file, end: head_bytes, reserved: head_bytes + reserved };
        std::fs::rename(&new, path(folder, number))?;
        self.before = Some(path(folder, self.generation));
        self.generation = number;
        self.last = last;
        self.notes = Some(notes);
        Ok(())
    }
}

/// Files of superseded generations. Freeing their memory takes some milliseconds, so it happens outside
/// the lock.
#[must_use = "they contain expired visitor state"]
pub(crate) struct RetiredGenerations(Vec<PathBuf>);

impl RetiredGenerations {
    pub(crate) fn destroy(self) {
        for file in self.0 {
            if let Err(error) = std::fs::remove_file(file) {
                tracing::error!(kind = ?error.kind(), "journal: old generation not removed");
            }
        }
    }
}

/// Streams a snapshot to its file: a day of millions of tags is never in memory twice.
struct ChecksumWriter<'f> {
    file: &'f File,
    buffer: Zeroizing<Vec<u8>>,
    bytes: u64,
    checksum: Hasher,
}

impl Write for ChecksumWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.capacity() == 0 {
            // Reserved once and never reallocated: its content is wiped on drop.
            self.buffer.reserve_exact(BUFFER_BYTES);
        }
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        let taken = bytes.get(..BUFFER_BYTES).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn head(node: [u8; 16], last: Option<Position>, shipped: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&node);
    bytes.push(u8::from(last.is_some()));
    let last = last.unwrap_or(Position { segment: 0, index: 0 });
    bytes.extend_from_slice(&last.segment.to_le_bytes());
    bytes.extend_from_slice(&last.index.to_le_bytes());
    bytes.extend_from_slice(&shipped.to_le_bytes());
    bytes
}

/// A generation from its file; `None` if it is of another spool or release, or incomplete.
fn read(path: &Path, node: [u8; 16]) -> Option<Generation> {
    let file = ffi::map_kept_journal(&File::open(path).ok()?).ok()?;
    let (start, rest) = file.split_at_checked(HEAD)?;
    let number = |range: Range<usize>| Some(u64::from_le_bytes(start.get(range)?.try_into().ok()?));
    let last = Position { segment: number(29..37)?, index: number(37..45)? };
    let (has_last, shipped) = (start.get(28)? == &1, number(45..53)?);
    if *start != *head(node, has_last.then_some(last), shipped) {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (check, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    if crc32fast::hash(rest.get(..length)?) != u32::from_le_bytes(*check) {
        return None;
    }
    let snapshot = HEAD + SNAPSHOT_HEAD..HEAD + SNAPSHOT_HEAD + length;
    Some(Generation { last: has_last.then_some(last), shipped, file, snapshot })
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("visits-{number}"))
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let names = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.strip_prefix("visits-")?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_on_a_disk_is_refused_unless_the_configuration_allows_it() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let place = |may_be_on_disk| JournalLocation::new(folder.path(), may_be_on_disk, [0; 16]);
        assert!(matches!(Journal::open(place(false)).map(|_| ()), Err(JournalError::OnDisk(_))));
        assert!(Journal::open(place(true)).is_ok());
    }
}
