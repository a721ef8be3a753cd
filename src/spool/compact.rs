//! Segments that cannot be shipped are folded to batches of counter rows, and what could not be read is forgotten in
//! time: events are not to lie on a disk. Nothing is removed here before what stands for it is durable.

use std::io;

use jiff::Timestamp;

use crate::clock::DAY_SECONDS;
use crate::rollup::counters::Batch;
use crate::spool::batch;
use crate::spool::disk::QUARANTINE;
use crate::spool::segment::file_name;
use crate::spool::{SegmentInfo, SegmentReader, Spool, SpoolError};

/// What is set aside is kept this long: a week to look at it. It may hold events, dimension by dimension side by side,
/// which are to be on a disk for the time of a flush only.
pub const SET_ASIDE_SECONDS: u64 = 7 * DAY_SECONDS.unsigned_abs();

/// What lies in quarantine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quarantine {
    /// Files that stay for now.
    pub files: u64,
    /// Files that were removed, being older than [`SET_ASIDE_SECONDS`].
    pub forgotten: u64,
}

impl Spool {
    /// Puts `rows`, to which the `events` of `segment` were folded, in its place: durable first, and then the events
    /// are removed. Its number and token stay. A crash leaves the events, the rows or both; both count once.
    ///
    /// # Errors
    /// When the segment is not sealed or was folded already, or the disk refuses; the events then wait as before. That
    /// only their removal was refused is no error: it is tried again with the next one.
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
            // A full disk has use for the room; whatever is left of it is worth nothing.
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

    /// Takes a file away, if it is there.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        match self.shared.disk.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The batch that a sealed segment was folded to, with its token.
    ///
    /// # Errors
    /// When there is none, the disk cannot read it, or it has been damaged since: it is in quarantine then.
    pub fn batch(&self, segment: &SegmentInfo) -> Result<Batch, SpoolError> {
        let number = segment.number;
        if !self.shared.queue().sealed.get(&number).is_some_and(|info| info.folded) {
            return Err(SpoolError::Segment(number));
        }
        let file = self.shared.disk.read(&batch::file_name(number))?;
        if let Some(kept) = batch::read(&file, number, self.shared.node)? {
            return Ok(Batch { token: self.token(number), ..kept.rows });
        }
        // The highest number stays taken, and events that are still there are found at the next start.
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

    /// Removes what has been in quarantine for longer than [`SET_ASIDE_SECONDS`], by the time of the file's last
    /// change.
    ///
    /// # Errors
    /// When the disk refuses.
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
