//! Followed logs: the position read in each, and its changes since, by inode and length. A
//! renamed log is read to its end before the new file with its name; a truncated one is read from its start.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::import::job::ImportJob;
use crate::import::judge::LineJudge;
use crate::import::marks::{LineDigest, MarkKey};

/// A log and the state of its reading.
pub(super) struct FollowedLog {
    path: PathBuf,
    file: File,
    inode: u64,
    bytes: u64,
    digest: LineDigest,
    judge: LineJudge,
}

/// A log with bytes left to read.
pub(super) struct OpenLog {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) inode: u64,
    /// Offset up to which it was read.
    pub(super) bytes: u64,
    pub(super) digest: LineDigest,
    pub(super) judge: LineJudge,
}

/// The followed logs of one import, by path.
#[derive(Default)]
pub(super) struct FollowedLogs(HashMap<PathBuf, FollowedLog>);

impl FollowedLogs {
    /// Files to read now: the rest of renamed ones first.
    ///
    /// # Errors
    /// When one cannot be read; a missing known one is skipped.
    pub(super) fn open(&self, files: &[PathBuf], import: &ImportJob, key: &MarkKey) -> io::Result<Vec<OpenLog>> {
        let (mut renamed, mut present) = (Vec::new(), Vec::new());
        for path in files {
            let known = self.0.get(path);
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound && known.is_some() => continue,
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
            };
            let metadata = file.metadata()?;
            match known {
                Some(log) if log.inode == metadata.ino() && log.bytes <= metadata.len() => present.push(log.again()?),
                Some(log) if log.inode == metadata.ino() => present.push(fresh(path, file, import, key)?),
                Some(log) => {
                    renamed.push(log.again()?);
                    present.push(fresh(path, file, import, key)?);
                }
                None => present.push(fresh(path, file, import, key)?),
            }
        }
        renamed.append(&mut present);
        Ok(renamed)
    }

    /// Stores how far a log was read; of two with one name, the later is the current one.
    pub(super) fn note(&mut self, log: FollowedLog) {
        self.0.insert(log.path.clone(), log);
    }
}

fn fresh(path: &Path, file: File, import: &ImportJob, key: &MarkKey) -> io::Result<OpenLog> {
    let judge = LineJudge::new(import.format, import.site.clone(), import.reader.clone());
    let inode = file.metadata()?.ino();
    Ok(OpenLog { path: path.to_owned(), file, inode, bytes: 0, digest: key.digest(), judge })
}

impl FollowedLog {
    fn again(&self) -> io::Result<OpenLog> {
        Ok(OpenLog {
            path: self.path.clone(),
            file: self.file.try_clone()?,
            inode: self.inode,
            bytes: self.bytes,
            digest: self.digest.clone(),
            judge: self.judge.clone(),
        })
    }
}

impl OpenLog {
    /// The log, read up to this offset.
    pub(super) fn read_to(&self, bytes: u64, digest: &LineDigest, judge: &LineJudge) -> Option<FollowedLog> {
        let file = self.file.try_clone().ok()?;
        let (digest, judge) = (digest.clone(), judge.clone());
        Some(FollowedLog { path: self.path.clone(), file, inode: self.inode, bytes, digest, judge })
    }
}
