//! The write queue: frames of events that arrive during the last sync, and ends of segments. It is guarded by one lock,
//! does no I/O, and is bounded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::spool::promise::{Promise, Unavailable};
use crate::spool::receipt::Receipt;
use crate::spool::segment::{HEADER, SegmentEncoder, SegmentHeader};

/// Most bytes waiting to be written: two seconds of 70 000 pageviews; a disk that lags further cannot catch up within a
/// sender's timeout.
pub(crate) const WAITING_MAX: usize = 8 << 20;
/// A segment ends by itself at this size, so that folding one costs bounded memory (`Rollup::bytes_max`): 60 000
/// pageviews, some MB as rows, and a hundred times the segment's size if all of them are distinct.
pub(crate) const SEGMENT_MAX: u64 = 2 << 20;

/// Size in bytes of a segment file without events.
pub(super) const EMPTY: u64 = HEADER as u64;

/// A sealed segment: all its events are durable, and none is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Number of the segment, never reused in this spool.
    pub number: u64,
    /// Size of its file in bytes.
    pub bytes: u64,
    /// Number of events in it.
    pub events: u64,
    /// Time of its first event, seconds since 1970; after a restart, when the segment was begun.
    pub since: u64,
    /// Its events are removed; it waits as a batch of counter rows.
    pub folded: bool,
    /// Damaged pieces that recovery found and counted.
    pub damaged: u64,
}

/// Position of an event in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the event's segment.
    pub segment: u64,
    /// Number of earlier events in that segment.
    pub index: u64,
}

/// State of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueState {
    Open,
    /// The disk fails; the writer tries to begin a new segment.
    Failing,
    Closed,
}

/// Frames of one segment that are written and synced together.
pub(super) struct WriteBatch {
    pub(super) bytes: Vec<u8>,
    pub(super) events: u64,
    pub(super) promise: Promise,
    /// The end of the segment, after these frames.
    pub(super) end: Option<SegmentEnd>,
}

/// The end of a segment with its successor.
pub(super) struct SegmentEnd {
    /// Promise that is kept once the segment is sealed.
    pub(super) sealed: Promise,
    /// Header of the next segment.
    pub(super) next: SegmentHeader,
}

impl WriteBatch {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, events: 0, promise: Promise::new(), end: None }
    }
}

pub(super) struct Queue {
    pub(super) state: QueueState,
    /// Events that wake the writer; the end of a segment wakes it too.
    pub(super) wake_at: Option<u64>,
    /// Sealed segments by number.
    pub(super) sealed: BTreeMap<u64, SegmentInfo>,
    /// Highest number whose file exists for certain: it may be emptied but not removed, or the number would be reused.
    pub(super) newest: u64,
    /// Time of the open segment's first event, seconds since 1970.
    pub(super) since: Option<u64>,
    /// Number of disk failures; each lost the events that were not synced.
    pub(super) failures: u64,
    /// Position after the last durable event.
    pub(super) written: Position,
    /// Segments that recovery found without events.
    pub(super) empty: BTreeSet<u64>,
    /// Sealed segments that may have a second file beside the valid one: folded events, or an incomplete batch.
    pub(super) doubled: BTreeSet<u64>,
    encoder: SegmentEncoder,
    gathering: WriteBatch,
    ended: Vec<WriteBatch>,
    waiting: usize,
    /// Bytes of all segments except the open one.
    settled: u64,
}

impl Queue {
    /// A queue that rejects events until [`Queue::begin`].
    pub(super) fn new(header: SegmentHeader, sealed: BTreeMap<u64, SegmentInfo>, newest: u64) -> Self {
        Self {
            state: QueueState::Failing,
            wake_at: None,
            settled: sealed.values().map(|segment| segment.bytes).sum(),
            sealed,
            newest,
            since: None,
            failures: 0,
            written: Position { segment: header.number, index: 0 },
            empty: BTreeSet::new(),
            doubled: BTreeSet::new(),
            encoder: SegmentEncoder::new(header),
            gathering: WriteBatch::new(Vec::new()),
            ended: Vec::new(),
            waiting: 0,
        }
    }

    /// Accepts events again, into the new segment of `header`.
    pub(super) fn begin(&mut self, header: SegmentHeader) {
        if self.state == QueueState::Failing {
            self.state = QueueState::Open;
        }
        self.encoder = SegmentEncoder::new(header);
        self.settled = self.sealed.values().map(|segment| segment.bytes).sum();
        self.newest = header.number;
        self.written = Position { segment: header.number, index: 0 };
        self.since = None;
    }

    /// Checks that an event would be accepted.
    ///
    /// # Errors
    /// When the queue or the spool is full or the disk fails.
    pub(super) fn ready(&self, bytes_max: u64) -> Result<(), Unavailable> {
        let full = self.waiting >= WAITING_MAX || self.bytes() >= bytes_max;
        if self.state != QueueState::Open || full { Err(Unavailable) } else { Ok(()) }
    }

    /// Position of the next event.
    pub(super) fn position(&self) -> Position {
        Position { segment: self.encoder.header.number, index: self.encoder.events }
    }

    /// Whether the event at `position` is durable or already shipped.
    pub(super) fn is_durable(&self, position: Position) -> bool {
        match self.sealed.get(&position.segment) {
            Some(segment) => position.index < segment.events,
            None if position.segment == self.written.segment => position.index < self.written.index,
            None => position.segment < self.written.segment && !self.empty.contains(&position.segment),
        }
    }

    /// Appends `event`; [`Queue::ready`] has checked for room.
    pub(super) fn append(&mut self, event: &Event<'_>) -> Result<(), Unavailable> {
        let before = self.gathering.bytes.len();
        if !self.encoder.append(event, &mut self.gathering.bytes) {
            return Err(Unavailable);
        }
        self.gathering.events += 1;
        self.waiting += self.gathering.bytes.len() - before;
        Ok(())
    }

    /// Whether the writer must be woken for the waiting events: true once.
    pub(super) fn wakes(&mut self) -> bool {
        let due = self.wake_at.is_some_and(|enough| self.has(enough));
        if due {
            self.wake_at = None;
        }
        due
    }

    /// Whether at least `enough` events are waiting, or a segment ends.
    pub(super) fn has(&self, enough: u64) -> bool {
        !self.ended.is_empty() || self.gathering.events >= enough
    }

    /// Number of waiting events.
    pub(super) fn gathered(&self) -> u64 {
        self.gathering.events
    }

    /// A receipt for the waiting events.
    pub(super) fn receipt(&self) -> Receipt {
        self.gathering.promise.receipt()
    }

    /// Whether the segment has reached its size limit.
    pub(super) fn is_full(&self) -> bool {
        self.encoder.position >= SEGMENT_MAX
    }

    /// Ends the segment after the waiting events; `next` is its successor. `None` if it holds no event.
    pub(super) fn end(&mut self, next: SegmentHeader) -> Option<Receipt> {
        if self.encoder.events == 0 {
            return None;
        }
        let sealed = Promise::new();
        let receipt = sealed.receipt();
        let mut batch = std::mem::replace(&mut self.gathering, WriteBatch::new(Vec::new()));
        batch.end = Some(SegmentEnd { sealed, next });
        self.ended.push(batch);
        self.settled += self.encoder.position;
        self.encoder = SegmentEncoder::new(next);
        Some(receipt)
    }

    /// Number of the open segment.
    pub(super) fn number(&self) -> u64 {
        self.encoder.header.number
    }

    /// Takes all waiting frames, oldest first; `spare` becomes the next buffer.
    pub(super) fn take(&mut self, spare: Vec<u8>) -> Vec<WriteBatch> {
        let mut batches = std::mem::take(&mut self.ended);
        if self.gathering.events > 0 {
            batches.push(std::mem::replace(&mut self.gathering, WriteBatch::new(spare)));
        }
        self.waiting = 0;
        batches
    }

    /// Adds a segment to the sealed ones.
    pub(super) fn settle(&mut self, segment: SegmentInfo) {
        self.sealed.insert(segment.number, segment);
        self.since = None;
    }

    /// Records that the segment was folded to a batch of `bytes`.
    pub(super) fn fold(&mut self, number: u64, bytes: u64) {
        if let Some(segment) = self.sealed.get_mut(&number) {
            self.settled = self.settled.saturating_sub(segment.bytes) + bytes;
            (segment.folded, segment.bytes) = (true, bytes);
        }
    }

    /// Removes the segment from the list.
    pub(super) fn forget(&mut self, number: u64) {
        self.doubled.remove(&number);
        if let Some(segment) = self.sealed.remove(&number) {
            self.settled = self.settled.saturating_sub(segment.bytes);
        }
    }

    /// Bytes of all segments, including waiting events.
    pub(super) fn bytes(&self) -> u64 {
        self.settled + self.encoder.position
    }

    /// Number of segments that hold an event or are open.
    pub(super) fn segments(&self) -> usize {
        self.sealed.len() + self.ended.len() + 1
    }

    /// Time of the oldest event that is not shipped.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.sealed.values().map(|segment| segment.since).chain(self.since).min()
    }
}
