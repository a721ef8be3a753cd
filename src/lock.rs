//! Locks: a mutex within the process, a folder between processes. A folder's lock must be released explicitly, not only
//! by closing the file: a child that another thread is starting holds a copy of every open file until it runs its own
//! program, and the lock with it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};

use crate::runtime_dir::private_options;

/// Locks `mutex`, also after a thread panicked while it held the lock.
///
/// Poison safety: no critical section of this crate leaves its data half changed at a step that can panic, so the next
/// holder may go on.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    unpoisoned(mutex.lock())
}

/// The guard of a wait on a condition variable, under the same poison safety as [`lock`].
pub(crate) fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// Exclusive lock of a folder, released on drop.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Creates `file` if it is missing and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if another process holds it; otherwise the system's error.
    pub(crate) fn hold(file: &Path) -> io::Result<Self> {
        Self::on(private_options().create(true).truncate(false).write(true).open(file)?)
    }

    /// Locks `folder` itself, which leaves no file behind; network file systems reject this.
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
        // If this fails, closing the file still releases the lock.
        flock(&self.0, FlockOperation::Unlock).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_lock_is_free_while_a_copy_of_its_file_is_open() {
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
