//! The spool's disk interface: a real folder, or a fault-injecting one in tests. Names are relative to the spool's
//! folder. No decisions are made here, and no other file of the spool touches the file system.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::lock::FolderLock;
use crate::runtime_dir::{FolderError, make_data_folder, private_options};

/// Sub-folder for unreadable files and pieces.
pub const QUARANTINE: &str = "quarantine";

/// Disk operations of the spool. Errors are the system's.
pub trait Disk: Send + Sync {
    /// Names of the files in the folder itself, unsorted.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Names of the files in quarantine, each with its modification time in seconds since 1970.
    fn list_set_aside(&self) -> io::Result<Vec<(String, u64)>>;
    /// Whole content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// Creates an empty file, replacing an existing one of that name.
    fn create(&self, name: &str) -> io::Result<Box<dyn AppendFile>>;
    /// Truncates a file to `length`, durably.
    fn truncate(&self, name: &str, length: u64) -> io::Result<()>;
    /// Renames a file; durable after [`Disk::sync_names`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; durable after [`Disk::sync_names`].
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes created, renamed and removed names durable.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file that is written from front to end.
pub trait AppendFile: Send {
    /// Writes all of `bytes` at position `at`; after an error any part of them may be written.
    ///
    /// # Errors
    /// When the write fails.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns once all written bytes are on the disk.
    ///
    /// # Errors
    /// When the sync fails; content after the last successful sync is then unknown.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system, locked by this process.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
    _lock: FolderLock,
}

impl RealDisk {
    /// Creates the folder if it is missing, and holds its lock until drop.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if another process holds the lock; otherwise the system's error.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let named = |path: &&Path| !path.as_os_str().is_empty();
        let missing: Vec<&Path> = folder.ancestors().filter(named).take_while(|path| !path.exists()).collect();
        for path in [folder, &folder.join(QUARANTINE)] {
            make_data_folder(path).map_err(|error| match error {
                FolderError::Files(_, error) => error,
                other @ (FolderError::Owner(_) | FolderError::Mode(..)) => {
                    io::Error::new(io::ErrorKind::PermissionDenied, other)
                }
            })?;
        }
        // A new folder is durable once its parent is synced.
        for path in missing {
            File::open(path.parent().filter(named).unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(Self { folder: folder.to_owned(), _lock: FolderLock::hold(&folder.join("lock"))? })
    }
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    fn list_set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder.join(QUARANTINE))? {
            let entry = entry?;
            let changed = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
            names.extend(entry.file_name().into_string().map(|name| (name, changed)));
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        let file = private_options().write(true).create(true).truncate(true).open(self.folder.join(name))?;
        Ok(Box::new(file))
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let file = private_options().write(true).open(self.folder.join(name))?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()?;
        File::open(self.folder.join(QUARANTINE))?.sync_all()
    }
}

impl AppendFile for File {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
