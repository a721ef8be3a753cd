//! An in-memory disk for tests: separates written from crash-safe content, records operations, and injects faults.
#![allow(clippy::cast_possible_truncation, reason = "its files are small")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::segment::SECTOR;
use crate::spool::disk::{AppendFile, Disk, QUARANTINE};

/// Disk operations that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskOp {
    Create,
    Write,
    Sync,
    Truncate,
    Rename,
    Remove,
    SyncNames,
}

/// Part of the written but unsynced content that survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrashSurvival {
    Nothing,
    /// The first half of it.
    Half,
    /// Every other sector, without the file's first one.
    Scattered,
    All,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FaultDisk(Arc<Mutex<FaultState>>);

#[derive(Debug, Clone, Default)]
struct FaultFileState {
    written: Vec<u8>,
    synced: Vec<u8>,
    changed: u64,
}

impl FaultFileState {
    /// Content after a crash. An existing sector is in its old or its new state, never in between.
    fn after(&self, survives: CrashSurvival) -> Vec<u8> {
        let Self { written, synced, .. } = self;
        let take = |mut bytes: Vec<u8>, range: std::ops::Range<usize>| {
            bytes.resize(bytes.len().max(range.end), 0);
            bytes[range.clone()].copy_from_slice(&written[range]);
            bytes
        };
        match survives {
            CrashSurvival::Nothing => synced.clone(),
            CrashSurvival::Half => {
                let same = written.iter().zip(synced).take_while(|(a, b)| a == b).count();
                let changed = written.len() - written.iter().rev().take_while(|byte| **byte == 0).count();
                let half = usize::midpoint(same, changed.max(same));
                let half = if half < synced.len() { half - half % SECTOR } else { half };
                take(synced.clone(), same.min(half)..half)
            }
            CrashSurvival::Scattered => {
                let mut bytes = synced.clone();
                bytes.resize(written.len().max(synced.len()), 0);
                (SECTOR..written.len())
                    .step_by(2 * SECTOR)
                    .fold(bytes, |bytes, at| take(bytes, at..written.len().min(at + SECTOR)))
            }
            CrashSurvival::All => written.clone(),
        }
    }
}

#[derive(Debug, Default)]
struct FaultState {
    files: Vec<FaultFileState>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    operations: Vec<DiskOp>,
    refused: Vec<DiskOp>,
    room: Option<usize>,
    fault: Option<Fault>,
    seconds: u64,
}

/// A fault at one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Index of the operation, from 0.
    pub(crate) at: usize,
    /// The operation takes effect but reports failure.
    pub(crate) happens: bool,
    /// Power loss: no later operation takes effect.
    pub(crate) forever: bool,
}

/// Whether an operation takes effect, and whether it reports success.
struct OpVerdict {
    happens: bool,
    says: io::Result<()>,
}

impl FaultState {
    fn ask(&mut self, op: DiskOp) -> OpVerdict {
        let at = self.operations.len();
        self.operations.push(op);
        let failure = || Err(io::Error::other("on order"));
        match self.fault {
            Some(fault) if at == fault.at => return OpVerdict { happens: fault.happens, says: failure() },
            Some(fault) if at > fault.at && fault.forever => return OpVerdict { happens: false, says: failure() },
            Some(_) | None => {}
        }
        if self.refused.contains(&op) {
            return OpVerdict { happens: false, says: failure() };
        }
        OpVerdict { happens: true, says: Ok(()) }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut FaultFileState> {
        let index = *self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut self.files[index])
    }
}

impl FaultDisk {
    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.0.lock().unwrap()
    }

    /// All operations so far.
    pub(crate) fn operations(&self) -> Vec<DiskOp> {
        self.state().operations.clone()
    }

    pub(crate) fn count(&self, op: DiskOp) -> usize {
        self.state().operations.iter().filter(|counted| **counted == op).count()
    }

    /// Makes these operations fail without effect from now on.
    pub(crate) fn refuse(&self, ops: &[DiskOp]) {
        self.state().refused = ops.to_vec();
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Sets the number of free bytes; `None`: unlimited.
    pub(crate) fn room(&self, bytes: Option<usize>) {
        self.state().room = bytes;
    }

    /// Sets the modification time of later changes.
    pub(crate) fn at(&self, seconds: u64) {
        self.state().seconds = seconds;
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.state().file(name).unwrap().written.clone()
    }

    /// Stores a file durably.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let index = state.files.len();
        let changed = state.seconds;
        state.files.push(FaultFileState { written: bytes.to_vec(), synced: bytes.to_vec(), changed });
        state.names.insert(name.into(), index);
        state.synced_names.insert(name.into(), index);
    }

    /// The disk as found after a crash.
    pub(crate) fn crash(&self, survives: CrashSurvival) -> FaultDisk {
        let state = self.state();
        let after = FaultDisk::default();
        let names = if survives == CrashSurvival::All { &state.names } else { &state.synced_names };
        for (name, index) in names {
            after.put(name, &state.files[*index].after(survives));
        }
        after
    }
}

impl Disk for FaultDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names().into_iter().filter(|name| !name.starts_with(QUARANTINE)).collect())
    }

    fn list_set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        let state = self.state();
        let inside = |name: &str| name.strip_prefix(QUARANTINE)?.strip_prefix('/').map(str::to_owned);
        let names = state.names.iter();
        Ok(names.filter_map(|(name, file)| Some((inside(name)?, state.files[*file].changed))).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.state().file(name).map(|file| file.written.clone())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.state();
        let verdict = state.ask(DiskOp::Create);
        let index = state.files.len();
        if verdict.happens {
            let changed = state.seconds;
            state.files.push(FaultFileState { changed, ..FaultFileState::default() });
            state.names.insert(name.into(), index);
        }
        verdict.says.map(|()| Box::new(FaultFile { disk: self.clone(), index }) as Box<dyn AppendFile>)
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let verdict = state.ask(DiskOp::Truncate);
        if verdict.happens {
            let file = state.file(name)?;
            file.written.truncate(length as usize);
            file.synced = file.written.clone();
        }
        verdict.says
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let verdict = state.ask(DiskOp::Rename);
        if verdict.happens {
            let index = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.names.insert(to.into(), index);
        }
        verdict.says
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let verdict = state.ask(DiskOp::Remove);
        if verdict.happens {
            state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        }
        verdict.says
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        let verdict = state.ask(DiskOp::SyncNames);
        if verdict.happens {
            state.synced_names = state.names.clone();
        }
        verdict.says
    }
}

struct FaultFile {
    disk: FaultDisk,
    index: usize,
}

impl AppendFile for FaultFile {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let verdict = state.ask(DiskOp::Write);
        // A failing write may have written half of its bytes.
        let wanted = if verdict.says.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let (at, before) = (at as usize, state.files[self.index].written.len());
        let due = at + wanted;
        let end = state.room.map_or(due, |room| due.min(before + room));
        // The system copies whole pages: an existing sector is never left between two states.
        let end = if wanted < bytes.len() && end < before { at.max(end - end % SECTOR) } else { end };
        if verdict.happens {
            let file = &mut state.files[self.index].written;
            file.resize(before.max(end), 0);
            file[at..end].copy_from_slice(&bytes[..end - at]);
            state.room = state.room.map(|room| room - end.saturating_sub(before));
        }
        if verdict.says.is_ok() && end < due { Err(io::ErrorKind::StorageFull.into()) } else { verdict.says }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let verdict = state.ask(DiskOp::Sync);
        if verdict.happens {
            let file = &mut state.files[self.index];
            file.synced = file.written.clone();
        }
        verdict.says
    }
}
