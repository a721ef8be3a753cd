//! The durable spool: the basis of a `202`. Events go in, a [`Receipt`] resolves once they are on the disk, and
//! segments of them come out to be shipped. It must never give a [`Durable`] for an event that a crash could lose,
//! never hand out an event twice within a segment or half of one, and never block its caller on the disk.
//!
//! # Format 5
//! A spool is one folder, owned by one process through a lock on its file `lock`. `node` holds the folder's name, 32
//! hexadecimal digits, made once. `<number>.seg`, the number in 20 decimal digits, is a segment. `<number>.batch`
//! stands for one that waits as counters (`batch.rs` has its format); where both are there and the batch is whole, the
//! segment is to be removed, else the batch. `quarantine/` keeps unreadable data for a week: `<number>.seg` and
//! `<number>.batch`, a whole file; `<number>.damaged`, pieces of a segment, each as its position (u64), its length
//! (u64) and its bytes. Integers are little-endian. A *varint* is LEB128: seven bits to a byte, lowest first, the top
//! bit set on all but the last. A *signed* varint carries `2n` for `n ≥ 0`, `−2n−1` below. A *text* is the varint
//! number that the segment's dictionary gave it. A checksum is CRC-32 as in IEEE 802.3.
//!
//! **Header**, 48 bytes. Its layout is the same in every version.
//! ```text
//!  0  8  "sillage\n"                        12 16  node
//!  8  2  version: 5                         28  8  number of the segment
//! 10  2  zero                               36  8  seconds since 1970 when it was made
//!                                           44  4  checksum of bytes 0..44
//! ```
//! **Frame**, back to back after the header, one per event.
//! ```text
//!  0  4  length of the payload, 1 to 131 072
//!  4  4  checksum of: position of the frame in the file (u64), length (u32), payload;
//!        begun from the header's checksum, so that a frame is valid in its own place in its own segment only
//!  8  …  payload
//! ```
//! **Payload**: first its additions to the dictionary, then the event.
//! ```text
//! varint       number of new texts; if not 0:
//!   varint     number of the first one (they count up from 0 in a segment; a gap betrays a lost frame)
//!   each       varint length, UTF-8 bytes
//! u8           bits 0–2 kind: 0 pageview, 1 action, 2 engagement, 3 timing, 4 robots, 5 outcomes;
//!              bit 3: has an entry; bit 4: left a page
//! u8           flags. pageview: 0 new visitor, 1 new page visitor, 2 opens visit, 3 exit, 4 not found, 5 beyond;
//!              action: 0 new action visitor, 1 not found; engagement: 0 engaged view, 1 scroll view; else none
//! text         site
//! signed       hour − hour of the header's time          signed   day − hour / 24
//! text         page
//! varint       mask of the dimensions that have a value; then a text for each, by rising number
//! by kind      action: text name, varint count, each: text name, varint 2 × text value + new visitor
//!              engagement: varint engaged milliseconds, u8 scroll percent
//!              timing: varint count, each: u8 metric, u8 bucket
//!              robots: u8 kind, varint hits; outcomes: varint place in `Outcome::ALL`, varint hits
//! entry        varint mask: bit 0 bounce ends, 1 day or hour differ from the event's own, 2 the page does,
//!              3–23 dimensions 0–20 do; then, where its bit is set:
//!                1: signed hour − event's hour, signed day − event's day;  2: text page;
//!                3–23: varint 0 for no value, else text + 1;  always: varint visit seconds
//! left page    u8: 1 if day or hour differ, then signed hour − event's hour, signed day − event's day;  text page
//! ```
//! Unassigned bits are 0, and an event has no trailing bytes. Any deviation is an error, never a guess.
//!
//! **Free**: after its last frame a file continues with any number of zeros, which later frames overwrite. A sync
//! within a file's allocated size is the cheapest; a file that grew makes the file system write metadata too. A
//! *sector*, 512 bytes that begin at a multiple of 512, is assumed to be written whole or not at all: a last frame is
//! torn, not damaged, if only zeros follow from a sector boundary within it. A power cut may leave any of the sectors
//! of the last write, which was not acknowledged; whole frames in them are kept, the rest is quarantined as damage.
//!
//! **Format 4** is the same with dimensions 0–19 only.
//!
//! **Format 3** is format 4 without robots and outcomes: hits that are not a visitor's, summed since the frames before.
//!
//! **Format 2** is format 3 without anything free.
//!
//! **Format 1** had dimensions 0–12 only. Its masks are a u16 each; in an entry's, bits 0–12 are the dimensions, 13 the
//! page, 14 day or hour, 15 bounce ends. It is still read, and never written.
//!
//! # Disk errors
//! After a failed write or sync, the page cache is not trusted: waiting events are truncated at the last durable byte,
//! *then* rejected (503), and a new segment begins. Until that succeeds, events are rejected. The truncation itself may
//! fail; rejected events may then survive a crash, and are kept: a hit that was answered 503 counts at most once for
//! each time it was sent. An intact unacknowledged tail after a crash is kept likewise.

pub mod disk;

mod batch;
mod batch_codec;
mod codec_error;
mod commit_delay;
mod compact;
mod dictionary;
mod error;
mod event_codec;
#[cfg(test)]
pub(crate) mod fault;
mod notifier;
mod promise;
mod queue;
mod reader;
mod receipt;
mod recover;
mod segment;
#[cfg(test)]
mod tests;
mod varint;
mod wake;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use jiff::Timestamp;

use self::disk::{Disk, RealDisk};
pub use self::error::SpoolError;
pub use self::promise::{Durable, Unavailable};
pub use self::queue::{Position, SegmentInfo};
pub(crate) use self::queue::{SEGMENT_MAX, WAITING_MAX};
pub use self::reader::{ReadReport, SegmentReader};
pub use self::receipt::Receipt;
pub use self::recover::Recovery;
use self::segment::file_name;
use crate::clock::Clock;
use crate::event::Event;
use crate::lock::lock;
pub use crate::spool::compact::{Quarantine, SET_ASIDE_SECONDS};
use crate::spool::queue::{EMPTY, Queue, QueueState};
pub use crate::spool::wake::LocalWaker;
use crate::spool::writer::{SharedState, Writer};

/// An open spool: one folder, one writer.
pub struct Spool {
    shared: Arc<SharedState>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    /// Opens the spool in `folder`, which is created if missing; `bytes_max` bounds the sum of its segments.
    ///
    /// # Errors
    /// As [`Spool::open`], and when another process holds the folder's lock.
    pub fn open_folder(folder: &Path, bytes_max: u64, clock: Arc<dyn Clock>) -> Result<(Self, Recovery), SpoolError> {
        let disk = RealDisk::open(folder).map_err(|error| {
            let locked = error.kind() == io::ErrorKind::WouldBlock;
            if locked { SpoolError::Locked } else { SpoolError::Disk(error) }
        })?;
        Self::open(bytes_max, Arc::new(disk), clock)
    }

    /// Recovers the segments on `disk`, begins a new segment and starts the writer. A disk that cannot be written is
    /// not an error here: old segments can be shipped, and events are rejected until it recovers.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a segment belongs to a newer release or to another spool.
    pub fn open(bytes_max: u64, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<(Self, Recovery), SpoolError> {
        let (spool, writer, recovery) = Self::prepare(bytes_max, disk, clock)?;
        let thread = std::thread::Builder::new().name("spool".into()).spawn(|| writer.run())?;
        *lock(&spool.writer) = Some(thread);
        Ok((spool, recovery))
    }

    /// Opens without starting the writer thread.
    fn prepare(
        bytes_max: u64,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Writer, Recovery), SpoolError> {
        let node = recover::node(&*disk)?;
        let found = recover::scan(&disk, node)?;
        let next = found.newest + 1;
        let header = segment::SegmentHeader::new(node, next, clock.now());
        let queue = Mutex::new(Queue::new(header, found.sealed.clone(), found.newest));
        let shared = Arc::new(SharedState { queue, work: Condvar::new(), disk, clock, node, bytes_max });
        let writer = Writer::new(Arc::clone(&shared), next);
        let newest = {
            let mut queue = shared.queue();
            queue.empty.clone_from(&found.empty);
            queue.doubled.clone_from(&found.doubled);
            queue.newest
        };
        found.tidy(&*shared.disk, newest);
        Ok((Self { shared, writer: Mutex::default() }, writer, found.recovery))
    }

    /// Whether events are accepted now.
    ///
    /// # Errors
    /// When the disk fails or is full, the spool is full, or the queue exceeds its bound.
    pub fn ready(&self) -> Result<(), Unavailable> {
        self.shared.queue().ready(self.shared.bytes_max)
    }

    /// Appends `event`; it is durable once the receipt resolves. Never waits for the disk. The ids of the event's terms
    /// must denote the same texts for as long as the spool is open and has not failed.
    ///
    /// # Errors
    /// As [`Spool::ready`].
    pub fn append(&self, event: &Event<'_>) -> Result<Receipt, Unavailable> {
        let mut turn = self.turn()?;
        turn.append(event)?;
        Ok(turn.end())
    }

    /// Reserves the next position for events that become durable together. Until its end, other appends, seals and
    /// failure reports wait.
    ///
    /// # Errors
    /// As [`Spool::ready`]; once a turn is given, its events are accepted.
    pub fn turn(&self) -> Result<AppendTurn<'_>, Unavailable> {
        let queue = self.shared.queue();
        queue.ready(self.shared.bytes_max)?;
        Ok(AppendTurn { spool: self, queue })
    }

    /// Number of failed writes so far; see [`AppendTurn::failures`].
    pub fn failures(&self) -> u64 {
        self.shared.queue().failures
    }

    /// Whether the event at `position` is durable or already shipped.
    pub fn is_durable(&self, position: Position) -> bool {
        self.shared.queue().is_durable(position)
    }

    /// Ends the segment after the last appended event, and returns once it is among [`Spool::sealed`]. A segment
    /// without events stays open.
    ///
    /// # Errors
    /// When the disk fails. The segment then ends at its last durable event.
    pub async fn seal(&self) -> Result<(), Unavailable> {
        match self.end_segment()? {
            Some(sealed) => sealed.await.map(|_| ()),
            None => Ok(()),
        }
    }

    fn end_segment(&self) -> Result<Option<Receipt>, Unavailable> {
        let mut queue = self.shared.queue();
        if queue.state != QueueState::Open {
            return Err(Unavailable);
        }
        let next = self.shared.header(queue.number() + 1);
        let sealed = queue.end(next);
        let wake = queue.wakes();
        drop(queue);
        if wake {
            self.shared.work.notify_one();
        }
        Ok(sealed)
    }

    /// Segments waiting to be shipped, oldest first.
    pub fn sealed(&self) -> Vec<SegmentInfo> {
        self.shared.queue().sealed.values().copied().collect()
    }

    /// Reads a sealed segment into memory.
    ///
    /// # Errors
    /// When it is not sealed, its header is damaged, or the disk cannot read it.
    pub fn read(&self, segment: &SegmentInfo) -> Result<SegmentReader, SpoolError> {
        let number = segment.number;
        if self.shared.queue().sealed.get(&number).is_none_or(|info| info.folded) {
            return Err(SpoolError::Segment(number));
        }
        recover::open(&self.shared.disk, self.shared.node, number)?.ok_or(SpoolError::Segment(number))
    }

    /// Removes a shipped segment durably, events or batch.
    ///
    /// # Errors
    /// When it is not sealed, or the disk fails: call again while it is listed. If only the last step failed, it is not
    /// listed any more, but may come back after a crash, under the same token.
    pub fn remove(&self, number: u64) -> Result<(), SpoolError> {
        let (folded, doubled, newest) = {
            let queue = self.shared.queue();
            let folded = queue.sealed.get(&number).ok_or(SpoolError::Segment(number))?.folded;
            (folded, queue.doubled.contains(&number), queue.newest)
        };
        let (events, rows) = (file_name(number), batch::file_name(number));
        let (name, beside) = if folded { (rows, events) } else { (events, rows) };
        if doubled {
            self.remove_file(&beside)?;
        }
        if number == newest {
            // The file name stays until a higher number exists: the number must not be reused.
            self.shared.disk.truncate(&name, EMPTY)?;
        } else {
            self.remove_file(&name)?;
        }
        self.shared.queue().forget(number);
        self.shared.work.notify_one(); // a full disk may have room now
        Ok(self.shared.disk.sync_names()?)
    }

    /// Idempotency token of this segment's batch, the same for ever.
    pub fn token(&self, number: u64) -> String {
        format!("{}-{number}", self.shared.node)
    }

    /// Random name of this spool.
    pub fn node(&self) -> [u8; 16] {
        self.shared.node.0
    }

    /// Bytes of all segments, including events waiting to be written.
    pub fn bytes(&self) -> u64 {
        self.shared.queue().bytes()
    }

    /// Number of segments, including the open one.
    pub fn segments(&self) -> usize {
        self.shared.queue().segments()
    }

    /// Age of the oldest event in seconds; 0 without events.
    pub fn oldest_seconds(&self, now: Timestamp) -> u64 {
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        self.shared.queue().oldest().map_or(0, |since| now.saturating_sub(since))
    }

    /// Rejects further events, writes the waiting ones and ends the writer; returns once it has ended. Blocks.
    pub fn close(&self) {
        self.shared.queue().state = QueueState::Closed;
        self.shared.work.notify_one();
        let writer = lock(&self.writer).take();
        if let Some(Err(_panic)) = writer.map(JoinHandle::join) {
            tracing::error!("spool: writer panicked");
        }
    }
}

/// A reserved position in an open spool. The events of one turn are written by one write and one sync; only a crash
/// before the acknowledgement can separate them.
pub struct AppendTurn<'s> {
    spool: &'s Spool,
    queue: MutexGuard<'s, Queue>,
}

impl AppendTurn<'_> {
    /// Position of the next event.
    pub fn position(&self) -> Position {
        self.queue.position()
    }

    /// Number of disk failures since the spool was opened. After a change, every event that was not durable is lost,
    /// and ids of terms may be reassigned.
    pub fn failures(&self) -> u64 {
        self.queue.failures
    }

    /// Whether the event at `position` is on the disk; see [`Spool::is_durable`].
    pub fn is_durable(&self, position: Position) -> bool {
        self.queue.is_durable(position)
    }

    /// Appends `event` to the turn.
    ///
    /// # Errors
    /// For an event that is larger than a frame.
    pub fn append(&mut self, event: &Event<'_>) -> Result<(), Unavailable> {
        self.queue.append(event)
    }

    /// Ends the turn; the receipt covers all of its events.
    pub fn end(mut self) -> Receipt {
        let shared = &self.spool.shared;
        let receipt = self.queue.receipt();
        if self.queue.is_full() {
            let next = shared.header(self.queue.number() + 1);
            self.queue.end(next);
        }
        let wake = self.queue.wakes();
        drop(self.queue);
        if wake {
            shared.work.notify_one();
        }
        receipt
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.close();
    }
}
