//! The journal's files: written whole, mapped for the notes, destroyed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use memmap2::MmapMut;
use rustix::fs::FallocateFlags;
use zeroize::{Zeroize, Zeroizing};

use super::note::Entry;
use super::saved::SavedDay;
use super::{Generation, Place};
use crate::lock::FolderLock;
use crate::native;
use crate::spool::Position;

const MAGIC: &[u8; 8] = b"SILLAGEJ";
const VERSION: u32 = 2;
/// Magic, version, node, last position, shipped.
const HEAD: usize = 8 + 4 + 16 + 1 + 8 + 8 + 8;
/// Longest note: a 2 000 byte URL's page and referrer, 30 properties of 500 bytes.
const NOTE_MAX: usize = 32 * 1024;
/// Room for notes: four times the snapshot, so that writing snapshots stays a small part of the work; at least some
/// 40 000 notes; at most what a machine can spare.
const NOTES_MIN: usize = 8 << 20;
const NOTES_MAX: usize = 256 << 20;

/// `f_type` of tmpfs and of ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder is not in memory.
    #[error(
        "runtime.dir {0} is on a disk, where visitors' tags must never be; name a folder of a tmpfs, such as \
         /dev/shm/sillage, or set runtime.allow_disk = true and answer for it"
    )]
    OnDisk(PathBuf),
    /// Another process has it.
    #[error("runtime.dir {0} is in use by another process; give each collector a folder of its own")]
    InUse(PathBuf),
    /// It cannot be written.
    #[error("runtime.dir {0}: {1}")]
    Files(PathBuf, #[source] io::Error),
}

/// The journal that is written to.
pub(crate) struct Journal {
    place: Place,
    generation: u64,
    last: Option<Position>,
    pub(super) shipped: u64,
    notes: Option<MmapMut>,
    end: usize,
    /// The generation before, until this one's snapshot is durable.
    before: Option<PathBuf>,
    scratch: Vec<u8>,
    _lock: FolderLock,
}

impl Journal {
    /// Opens the journal and reads what an earlier process left, newest generation first. What is not of this spool is
    /// destroyed.
    ///
    /// # Errors
    /// When the folder is on a disk, in use, or cannot be written.
    pub(crate) fn open(place: Place) -> Result<(Self, Vec<Generation>), JournalError> {
        let folder = place.folder.clone();
        let files = |error: io::Error| JournalError::Files(folder.clone(), error);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(files)?;
        let system = rustix::fs::statfs(&folder).map_err(|error| files(error.into()))?;
        if !place.may_be_on_disk && !IN_MEMORY.contains(&system.f_type) {
            return Err(JournalError::OnDisk(folder));
        }
        let lock = FolderLock::hold(&folder.join("visits.lock")).map_err(|error| {
            let held = error.kind() == io::ErrorKind::WouldBlock;
            if held { JournalError::InUse(folder.clone()) } else { files(error) }
        })?;
        let mut numbers = numbers(&folder).map_err(files)?;
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let mut generations = Vec::new();
        for number in &numbers {
            match std::fs::read(path(&folder, *number)).ok().and_then(|bytes| read(bytes.into(), place.node)) {
                Some(generation) => generations.push(generation),
                None => std::fs::remove_file(path(&folder, *number)).map_err(files)?,
            }
        }
        let generation = numbers.first().copied().unwrap_or(0);
        let journal = Self {
            place,
            generation,
            last: None,
            shipped: super::shipped(&generations),
            notes: None,
            end: 0,
            before: None,
            scratch: vec![0; NOTE_MAX],
            _lock: lock,
        };
        Ok((journal, generations))
    }

    /// What is in the folder now, newest generation first; for taking back what was not durable.
    pub(crate) fn generations(&self) -> Vec<Generation> {
        let mut numbers = numbers(&self.place.folder).unwrap_or_default();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let read_one = |number| read(std::fs::read(path(&self.place.folder, number)).ok()?.into(), self.place.node);
        numbers.into_iter().filter_map(read_one).collect()
    }

    /// Forgets the generation before this one, once what this one began with is durable.
    pub(crate) fn settle(&mut self, is_durable: impl Fn(Position) -> bool) {
        if self.before.is_some() && self.last.is_none_or(is_durable) {
            self.forget_before();
        }
    }

    /// Forgets all generations but this one.
    pub(crate) fn forget_before(&mut self) {
        self.before = None;
        for number in numbers(&self.place.folder).unwrap_or_default() {
            if number != self.generation
                && let Err(error) = std::fs::remove_file(path(&self.place.folder, number))
            {
                tracing::error!(kind = ?error.kind(), "an old generation of the journal cannot be removed");
            }
        }
    }

    pub(super) fn write_entry(&mut self, entry: &Entry<'_>) -> bool {
        let Some(notes) = &mut self.notes else { return false };
        let Ok(payload) = postcard::to_slice(entry, &mut self.scratch) else { return false };
        let Ok(length) = u32::try_from(payload.len()) else { return false };
        let payload_bytes = payload.len();
        let end = self.end + 8 + payload_bytes;
        let Some(place) = notes.get_mut(self.end..end) else { return false };
        let [a, b, c, d] = length.to_le_bytes();
        let [e, f, g, h] = crc32fast::hash(payload).to_le_bytes();
        if let Some((head, body)) = place.split_first_chunk_mut::<8>() {
            // The body first: a head without its body would be taken for a torn note, and end the reading.
            body.copy_from_slice(payload);
            *head = [a, b, c, d, e, f, g, h];
        }
        self.end = end;
        // The first note of a day holds its key.
        if let Some(written) = self.scratch.get_mut(..payload_bytes) {
            written.zeroize();
        }
        true
    }

    pub(super) fn write_generation(&mut self, days: &[SavedDay], last: Option<Position>) -> io::Result<()> {
        let (folder, number) = (&self.place.folder, self.generation + 1);
        let mut bytes = whole(&head(self.place.node, last, self.shipped), days)?;
        let room = bytes.len().saturating_mul(4).clamp(NOTES_MIN, NOTES_MAX);
        let new = folder.join("visits.new");
        let written = write_file(&new, &bytes, room);
        bytes.zeroize();
        let file = written?;
        let notes = native::map_journal(&file)?;
        let begun = notes.len() - room;
        std::fs::rename(&new, path(folder, number))?;
        self.before = Some(path(folder, self.generation));
        self.generation = number;
        self.last = last;
        self.end = begun;
        self.notes = Some(notes);
        Ok(())
    }
}

/// A generation without notes, made in one piece of memory: one that grows leaves copies of keys behind.
fn whole(head: &[u8], days: &[SavedDay]) -> io::Result<Vec<u8>> {
    let length = postcard::experimental::serialized_size(days).map_err(io::Error::other)?;
    let begin = head.len() + 12;
    let mut bytes = vec![0; begin + length];
    let (start, snapshot) = bytes.split_at_mut(begin);
    postcard::to_slice(days, snapshot).map_err(io::Error::other)?;
    let (to, rest) = start.split_at_mut(head.len());
    to.copy_from_slice(head);
    let (of_length, of_check) = rest.split_at_mut(8);
    of_length.copy_from_slice(&(length as u64).to_le_bytes());
    of_check.copy_from_slice(&crc32fast::hash(snapshot).to_le_bytes());
    Ok(bytes)
}

fn write_file(new: &Path, bytes: &[u8], room: usize) -> io::Result<File> {
    let mut file = File::options().create(true).truncate(true).read(true).write(true).mode(0o600).open(new)?;
    file.write_all(bytes)?;
    // Room that is not there would end the process at the first note that falls into it.
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, (bytes.len() + room) as u64)?;
    Ok(file)
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

/// A generation from its file's bytes; nothing when it is of another spool or release, or was never finished.
fn read(bytes: Zeroizing<Vec<u8>>, node: [u8; 16]) -> Option<Generation> {
    let (start, rest) = bytes.split_at_checked(HEAD)?;
    let number = |range: std::ops::Range<usize>| Some(u64::from_le_bytes(start.get(range)?.try_into().ok()?));
    let last = Position { segment: number(29..37)?, index: number(37..45)? };
    let (has_last, shipped) = (start.get(28)? == &1, number(45..53)?);
    if *start != *head(node, has_last.then_some(last), shipped) {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (check, rest) = rest.split_first_chunk::<4>()?;
    let (snapshot, notes) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    if crc32fast::hash(snapshot) != u32::from_le_bytes(*check) {
        return None;
    }
    let days = postcard::from_bytes(snapshot).ok()?;
    Some(Generation { last: has_last.then_some(last), shipped, days, notes: notes.to_vec().into() })
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("visits-{number}"))
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let names = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.strip_prefix("visits-")?.parse().ok()).collect())
}
