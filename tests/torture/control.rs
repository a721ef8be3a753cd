//! The harness's control over the collector: its clock and the disk under its spool, through a small preloaded library
//! (shim.c) and a page of shared memory.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use sillage::clock::{Clock, SystemClock};

/// State of the disk under the spool.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Disk {
    Well = 0,
    /// Writes half of the bytes, then nothing.
    Full = 1,
    WritesFail = 2,
    SyncsFail = 3,
}

/// The page of memory, and the library that reads it.
pub(crate) struct Control {
    page: File,
    pub(crate) path: PathBuf,
    pub(crate) library: PathBuf,
    moved: AtomicI64,
}

impl Control {
    /// Builds the library with the C compiler that Rust links with.
    pub(crate) fn new(folder: &Path) -> Self {
        let (path, library) = (folder.join("control"), folder.join("shim.so"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture/shim.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
        assert!(
            built.is_ok_and(|status| status.success()),
            "no C compiler: install one, as Rust's linker needs it too"
        );
        let page = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path).unwrap();
        page.set_len(4_096).unwrap();
        Self { page, path, library, moved: AtomicI64::new(0) }
    }

    /// The collector's time, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        SystemClock.now().as_millisecond() + self.moved.load(Ordering::SeqCst) * 1_000
    }

    /// Moves the collector's time by whole seconds, while it is down.
    pub(crate) fn step(&self, seconds: i64) {
        self.moved.fetch_add(seconds, Ordering::SeqCst);
        self.leap(0);
    }

    /// Sets the system's clock off the collector's time by whole seconds.
    pub(crate) fn leap(&self, seconds: i64) {
        let shown = self.moved.load(Ordering::SeqCst) + seconds;
        self.page.write_all_at(&shown.to_ne_bytes(), 0).unwrap();
    }

    pub(crate) fn disk(&self, disk: Disk) {
        self.page.write_all_at(&(disk as u64).to_ne_bytes(), 8).unwrap();
    }
}
