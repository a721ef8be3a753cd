//! A real disk that blocks while its gate is shut: events written meanwhile only gather in memory, so that their cost
//! does not depend on the progress of the spool's writer.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sillage::spool::disk::{AppendFile, Disk, RealDisk};

/// A disk with a gate in front of its writes.
pub(crate) struct Gate {
    disk: RealDisk,
    door: Arc<Door>,
}

/// A file of the gated disk.
struct Gated {
    file: Box<dyn AppendFile>,
    door: Arc<Door>,
}

#[derive(Default)]
struct Door {
    lock: Mutex<()>,
    asked: AtomicBool,
}

impl Door {
    fn shut(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        self.asked.store(true, Ordering::SeqCst);
        drop(self.shut());
    }
}

impl Gate {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { disk: RealDisk::open(folder).unwrap(), door: Arc::default() }
    }

    /// Shuts the gate for as long as the guard lives.
    pub(crate) fn shut(&self) -> MutexGuard<'_, ()> {
        self.door.asked.store(false, Ordering::SeqCst);
        self.door.shut()
    }

    /// Returns once a writer waits at the gate.
    pub(crate) fn wait(&self) {
        while !self.door.asked.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    fn through(&self) -> &RealDisk {
        self.door.pass();
        &self.disk
    }
}

impl AppendFile for Gated {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.door.pass();
        self.file.write(at, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Disk for Gate {
    fn list(&self) -> io::Result<Vec<String>> {
        self.through().list()
    }

    fn list_set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        self.through().list_set_aside()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.through().read(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        let file = self.through().create(name)?;
        Ok(Box::new(Gated { file, door: self.door.clone() }))
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        self.through().truncate(name, length)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.through().rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.through().remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.through().sync_names()
    }
}
