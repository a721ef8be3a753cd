//! One process a folder: a lock on a file in it, or on itself. Must be let go in words, not only by closing the file: a child that
//! another thread is just starting holds a copy of every open file until it runs its own program, and the lock with it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// A folder's lock, held while the value lives.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Makes `file` if it is not there and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if somebody else holds it; else as the system says.
    pub(crate) fn hold(file: &Path) -> io::Result<Self> {
        Self::on(OpenOptions::new().create(true).truncate(false).write(true).open(file)?)
    }

    /// Locks `folder` itself, in which nothing may be left behind; file systems on a network refuse this.
    ///
    /// # Errors
    /// As [`FolderLock::hold`].
    pub(crate) fn hold_itself(folder: &Path) -> io::Result<Self> {
        Self::on(File::open(folder)?)
    }

    fn on(file: File) -> io::Result<Self> {
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(file))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // If this fails, closing the file is what is left.
        flock(&self.0, FlockOperation::Unlock).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_is_free_though_a_copy_of_its_file_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = FolderLock::hold(&path).unwrap();
        let copy = lock.0.try_clone().unwrap();
        assert_eq!(FolderLock::hold(&path).map(drop).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        FolderLock::hold(&path).unwrap();
        drop(copy);
    }
}
