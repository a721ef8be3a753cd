//! The durable spool: what keeps the promise of a `202`. Events go in, a [`Receipt`] resolves once they are on the
//! disk, and segments of them come out to be shipped. It must never give a [`Durable`] for what a crash could take
//! back, never hand out an event twice within a segment or half of one, and never block its caller on the disk.
//!
//! # Format 4
//! A spool is one folder, owned by one process through a lock on its file `lock`. `node` holds the folder's name, 32
//! hexadecimal digits, made once. `<number>.seg`, the number in 20 decimal digits, is a segment. `<number>.batch`
//! stands for one that waits as counters (`batch.rs` has its format); where both are there and the batch is whole, the
//! segment is to be removed, else the batch. `quarantine/` keeps what could not be read, for a week: `<number>.seg` and
//! `<number>.batch`, a whole file; `<number>.damaged`, pieces of a segment, each as its position (u64), its length
//! (u64) and its bytes. Integers are little-endian. A *varint* is LEB128: seven bits to a byte, lowest first, the top
//! bit set on all but the last. A *signed* varint carries `2n` for `n ≥ 0`, `−2n−1` below. A *text* is the varint
//! number that the segment's dictionary gave it. A checksum is CRC-32 as in IEEE 802.3.
//!
//! **Header**, 48 bytes. Its layout is the same in every version.
//! ```text
//!  0  8  "sillage\n"                        12 16  node
//!  8  2  version: 4                         28  8  number of the segment
//! 10  2  zero                               36  8  seconds since 1970 when it was made
//!                                           44  4  checksum of bytes 0..44
//! ```
//! **Frame**, back to back after the header, one an event.
//! ```text
//!  0  4  length of the payload, 1 to 131 072
//!  4  4  checksum of: position of the frame in the file (u64), length (u32), payload;
//!        begun from the header's checksum, so that a frame is valid in its own place in its own segment only
//!  8  …  payload
//! ```
//! **Payload**: first what it adds to the dictionary, then the event.
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
//! entry        varint mask: bit 0 no bounce any more, 1 day or hour differ from the event's own, 2 the page does,
//!              3–22 dimensions 0–19 do; then, where its bit is set:
//!                1: signed hour − event's hour, signed day − event's day;  2: text page;
//!                3–22: varint 0 for no value, else text + 1;  always: varint visit seconds
//! left page    u8: 1 if day or hour differ, then signed hour − event's hour, signed day − event's day;  text page
//! ```
//! Bits that have no meaning yet are 0, and nothing follows the event. Anything else is an error, never a guess.
//!
//! **Free**: the file goes on behind its last frame with zeros, of any number, which the next frames overwrite. A sync
//! of bytes that a file has already is the cheapest there is; one of a file that grew makes the file system write its
//! own books too. A disk is taken to write a *sector*, 512 bytes that begin at a multiple of 512, whole or not at all:
//! a last frame is torn, and no damage, if from a sector within it on there are zeros only. A power cut may leave any
//! of the sectors of the last write, for which nobody was answered; what is whole in them is kept, the rest set aside
//! as damage.
//!
//! **Format 3** is the same without robots and outcomes: hits that are no visitor's, added up since the frames before.
//!
//! **Format 2** is format 3 without anything free.
//!
//! **Format 1** knew dimensions 0–12 only. Its masks are a u16 each; in an entry's, bits 0–12 are the dimensions, 13
//! the page, 14 day or hour, 15 no bounce any more. It is still read, and never written.
//!
//! # What an error of the disk does
//! Once a write or a sync has failed, nothing that the file's cache says is believed: what waits is cut off at the
//! last durable byte, *then* refused (503), and a new segment begins. Until that succeeds nothing is taken. The cut
//! itself may fail; refused events may then still be found after a crash, and are kept: a hit that was answered 503
//! counts at most once for each time it was sent. An intact unacknowledged tail after a crash is kept likewise.

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
    /// Opens the spool in `folder`, which it makes if it must; `bytes_max` bounds all its segments together.
    ///
    /// # Errors
    /// As [`Spool::open`], and when another process holds the folder.
    pub fn open_folder(folder: &Path, bytes_max: u64, clock: Arc<dyn Clock>) -> Result<(Self, Recovery), SpoolError> {
        let disk = RealDisk::open(folder).map_err(|error| {
            let locked = error.kind() == io::ErrorKind::WouldBlock;
            if locked { SpoolError::Locked } else { SpoolError::Disk(error) }
        })?;
        Self::open(bytes_max, Arc::new(disk), clock)
    }

    /// Recovers what `disk` holds, begins a new segment and starts the writer. A disk that cannot be written to is no
    /// error here: old segments can be shipped, and events are refused until it can.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a segment in it belongs to a later release or to another spool.
    pub fn open(bytes_max: u64, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<(Self, Recovery), SpoolError> {
        let (spool, writer, recovery) = Self::prepare(bytes_max, disk, clock)?;
        let thread = std::thread::Builder::new().name("spool".into()).spawn(|| writer.run())?;
        *lock(&spool.writer) = Some(thread);
        Ok((spool, recovery))
    }

    /// All of it but the thread.
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

    /// Whether events are taken now.
    ///
    /// # Errors
    /// When the disk fails or is full, the spool is, or more waits than a disk could write in time.
    pub fn ready(&self) -> Result<(), Unavailable> {
        self.shared.queue().ready(self.shared.bytes_max)
    }

    /// Takes `event` in; it is kept once the receipt says so. Never waits for the disk. The ids of the event's terms
    /// must stand for the same texts for as long as the spool is open and has not failed.
    ///
    /// # Errors
    /// As [`Spool::ready`].
    pub fn append(&self, event: &Event<'_>) -> Result<Receipt, Unavailable> {
        let mut turn = self.turn()?;
        turn.append(event)?;
        Ok(turn.end())
    }

    /// Keeps the next place for events that are durable together. While it is held nothing else is appended, sealed, or
    /// known to have failed.
    ///
    /// # Errors
    /// As [`Spool::ready`]; with a turn in hand its events will be taken.
    pub fn turn(&self) -> Result<AppendTurn<'_>, Unavailable> {
        let queue = self.shared.queue();
        queue.ready(self.shared.bytes_max)?;
        Ok(AppendTurn { spool: self, queue })
    }

    /// As [`AppendTurn::failures`].
    pub fn failures(&self) -> u64 {
        self.shared.queue().failures
    }

    /// Whether the event at `position` is durable, or was shipped since.
    pub fn is_durable(&self, position: Position) -> bool {
        self.shared.queue().is_durable(position)
    }

    /// Ends the segment behind what was appended so far, and returns once it is among [`Spool::sealed`]. One without
    /// events goes on.
    ///
    /// # Errors
    /// When the disk fails. The segment then ends at the last event that is durable, by itself.
    pub async fn seal(&self) -> Result<(), Unavailable> {
        match self.end_segment()? {
            Some(sealed) => sealed.await.map(|_| ()),
            None => Ok(()),
        }
    }

    fn end_segment(&self) -> Result<Option<Receipt>, Unavailable> {
        let mut queue = self.shared.queue();
        if queue.standing != QueueState::Open {
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

    /// The segments that wait to be shipped, oldest first.
    pub fn sealed(&self) -> Vec<SegmentInfo> {
        self.shared.queue().sealed.values().copied().collect()
    }

    /// Reads a sealed segment into memory.
    ///
    /// # Errors
    /// When it is not sealed, its header has been damaged since, or the disk cannot read it.
    pub fn read(&self, segment: &SegmentInfo) -> Result<SegmentReader, SpoolError> {
        let number = segment.number;
        if self.shared.queue().sealed.get(&number).is_none_or(|info| info.folded) {
            return Err(SpoolError::Segment(number));
        }
        recover::open(&self.shared.disk, self.shared.node, number)?.ok_or(SpoolError::Segment(number))
    }

    /// Takes away a sealed segment that has been shipped, durably, events or batch.
    ///
    /// # Errors
    /// When it is not sealed, or the disk refuses: call again, for as long as it is listed. If only the last step was
    /// refused it is not, but may come back after a crash, under the same token.
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
            // Its name stays until a higher one stands there: the number must not be given again.
            self.shared.disk.truncate(&name, EMPTY)?;
        } else {
            self.remove_file(&name)?;
        }
        self.shared.queue().forget(number);
        self.shared.work.notify_one(); // a full disk may have room now
        Ok(self.shared.disk.sync_names()?)
    }

    /// What the insert of this segment's batch is known by, for ever.
    pub fn token(&self, number: u64) -> String {
        format!("{}-{number}", self.shared.node)
    }

    /// What tells this spool from every other.
    pub fn node(&self) -> [u8; 16] {
        self.shared.node.0
    }

    /// Bytes of all segments, what waits to be written included.
    pub fn bytes(&self) -> u64 {
        self.shared.queue().bytes()
    }

    /// Number of segments, the one that is written to included.
    pub fn segments(&self) -> usize {
        self.shared.queue().segments()
    }

    /// How long the oldest event has waited; 0 if none does.
    pub fn oldest_seconds(&self, now: Timestamp) -> u64 {
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        self.shared.queue().oldest().map_or(0, |since| now.saturating_sub(since))
    }

    /// Takes no more, writes what waits and ends the writer; returns once it has. Blocks.
    pub fn close(&self) {
        self.shared.queue().standing = QueueState::Closed;
        self.shared.work.notify_one();
        let writer = lock(&self.writer).take();
        if let Some(Err(_panic)) = writer.map(JoinHandle::join) {
            tracing::error!("spool: writer panicked");
        }
    }
}

/// The next place in an open spool. What is appended in one turn is written by one write and kept by one sync; only a
/// crash before its answer can part it.
pub struct AppendTurn<'s> {
    spool: &'s Spool,
    queue: MutexGuard<'s, Queue>,
}

impl AppendTurn<'_> {
    /// Where the next event will stand.
    pub fn position(&self) -> Position {
        self.queue.position()
    }

    /// How often the disk has failed since the spool was opened. When that changes, every event that was not durable
    /// is gone, and ids of terms may begin anew.
    pub fn failures(&self) -> u64 {
        self.queue.failures
    }

    /// As [`Spool::is_durable`].
    pub fn is_durable(&self, position: Position) -> bool {
        self.queue.is_durable(position)
    }

    /// Takes `event` in.
    ///
    /// # Errors
    /// For an event that is larger than a frame may be.
    pub fn append(&mut self, event: &Event<'_>) -> Result<(), Unavailable> {
        self.queue.append(event)
    }

    /// Ends the turn; the receipt is for all of its events.
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
