//! Compaction: segments that cannot be shipped are folded to batches of counter rows, and quarantined files are removed
//! in time, since events must not stay on a disk. A file is removed only once its replacement is durable.

use std::io;

use jiff::Timestamp;

use crate::clock::DAY_SECONDS;
use crate::rollup::counters::Batch;
use crate::spool::batch;
use crate::spool::disk::QUARANTINE;
use crate::spool::segment::file_name;
use crate::spool::{SegmentInfo, SegmentReader, Spool, SpoolError};

/// Seconds that quarantined files are kept: a week to examine them. They may hold events, side by side, which otherwise
/// are on a disk for the time of a flush only.
pub const SET_ASIDE_SECONDS: u64 = 7 * DAY_SECONDS.unsigned_abs();

/// Rows that are to replace those of a batch; without a meaning after a crash, and replaced by the next ones.
const NEW_BATCH: &str = "batch.new";

/// Contents of the quarantine folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// Files within their retention.
    pub files: u64,
    /// Files removed because they were older than [`SET_ASIDE_SECONDS`].
    pub forgotten: u64,
}

impl Spool {
    /// Replaces the `events` of `segment` by the `rows` that they were folded to: the rows become durable first, then
    /// the events are removed. Number and token stay. A crash leaves events, rows or both; each counts once.
    ///
    /// # Errors
    /// When the segment is not sealed or already folded, or the disk fails; the events then stay. A failure to remove
    /// the events is not an error: the removal is retried with the next segment.
    pub fn fold(&self, segment: &SegmentReader, events: u64, rows: &Batch) -> Result<(), SpoolError> {
        self.shed();
        let number = segment.header.number;
        {
            let mut queue = self.shared.queue();
            queue.sealed.get(&number).filter(|info| !info.folded).ok_or(SpoolError::Segment(number))?;
            queue.doubled.insert(number);
        }
        let file = batch::write(&segment.header, events, rows)?;
        if let Err(error) = self.write_batch(number, &file) {
            // On a full disk this frees room; the partial file is worthless.
            self.shared.disk.remove(&batch::file_name(number)).ok();
            return Err(error.into());
        }
        self.shared.queue().fold(number, file.len() as u64);
        self.shed();
        self.shared.work.notify_one(); // a full disk may have room now
        Ok(())
    }

    fn write_batch(&self, number: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.shared.disk.create(&batch::file_name(number))?;
        file.write(0, bytes)?;
        file.sync()?;
        self.shared.disk.sync_names()
    }

    /// Replaces the rows of a folded segment by those of them that are not shipped yet. Number and token stay. A crash
    /// leaves the rows as they were, or the rest.
    ///
    /// # Errors
    /// When the segment is not folded, its events or its batch cannot be removed or read, or the disk fails; all rows
    /// then stay.
    pub fn keep_rest(&self, number: u64, rest: &Batch) -> Result<(), SpoolError> {
        // Events beside the rows would stand for all of them.
        self.shed();
        {
            let queue = self.shared.queue();
            let alone = !queue.doubled.contains(&number);
            queue.sealed.get(&number).filter(|info| info.folded && alone).ok_or(SpoolError::Segment(number))?;
        }
        let disk = &self.shared.disk;
        let file = disk.read(&batch::file_name(number))?;
        let kept = batch::read(&file, number, self.shared.node)?.ok_or(SpoolError::Damaged(number))?;
        let file = batch::write(&kept.header, kept.events, rest)?;
        let mut written = disk.create(NEW_BATCH)?;
        written.write(0, &file)?;
        written.sync()?;
        disk.rename(NEW_BATCH, &batch::file_name(number))?;
        self.shared.queue().fold(number, file.len() as u64);
        Ok(disk.sync_names()?)
    }

    /// Removes the events of folded segments.
    fn shed(&self) {
        let folded =
            |queue: &crate::spool::Queue, number: &u64| queue.sealed.get(number).is_some_and(|info| info.folded);
        let numbers: Vec<u64> = {
            let queue = self.shared.queue();
            queue.doubled.iter().copied().filter(|number| folded(&queue, number)).collect()
        };
        if numbers.is_empty() {
            return;
        }
        let removed: io::Result<()> = numbers.iter().try_for_each(|number| self.remove_file(&file_name(*number)));
        match removed.and_then(|()| self.shared.disk.sync_names()) {
            Ok(()) => self.shared.queue().doubled.retain(|number| !numbers.contains(number)),
            Err(error) => {
                tracing::error!(kind = ?error.kind(), "spool: events of a folded segment not removed; retrying");
            }
        }
    }

    /// Removes a file if it exists.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        match self.shared.disk.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The batch that a sealed segment was folded to, with its token.
    ///
    /// # Errors
    /// When there is none, the disk cannot read it, or it is damaged: then it is moved to quarantine.
    pub fn batch(&self, segment: &SegmentInfo) -> Result<Batch, SpoolError> {
        let number = segment.number;
        if !self.shared.queue().sealed.get(&number).is_some_and(|info| info.folded) {
            return Err(SpoolError::Segment(number));
        }
        let file = self.shared.disk.read(&batch::file_name(number))?;
        if let Some(kept) = batch::read(&file, number, self.shared.node)? {
            return Ok(Batch { token: self.token(number), ..kept.rows });
        }
        // The highest number stays reserved, and remaining events are found at the next start.
        let stays = {
            let queue = self.shared.queue();
            number >= queue.newest || queue.doubled.contains(&number)
        };
        if !stays {
            let name = batch::file_name(number);
            self.shared.disk.rename(&name, &format!("{QUARANTINE}/{name}"))?;
            self.shared.queue().forget(number);
            self.shared.disk.sync_names()?;
        }
        Err(SpoolError::Damaged(number))
    }

    /// Removes files that have been in quarantine for longer than [`SET_ASIDE_SECONDS`], by their modification time.
    ///
    /// # Errors
    /// When listing or removing a file fails.
    pub fn forget_set_aside(&self, now: Timestamp) -> io::Result<Quarantine> {
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        let mut found = Quarantine::default();
        for (name, changed) in self.shared.disk.list_set_aside()? {
            if now.saturating_sub(changed) >= SET_ASIDE_SECONDS {
                self.remove_file(&format!("{QUARANTINE}/{name}"))?;
                found.forgotten += 1;
            } else {
                found.files += 1;
            }
        }
        if found.forgotten > 0 {
            self.shared.disk.sync_names()?;
        }
        Ok(found)
    }
}
