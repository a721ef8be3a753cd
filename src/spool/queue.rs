//! What gathers while the last sync runs: the frames of events, and where their segments end. It lives under one lock,
//! does no I/O, and holds no more than its bound.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::spool::promise::{Promise, Unavailable};
use crate::spool::receipt::Receipt;
use crate::spool::segment::{HEADER, SegmentEncoder, SegmentHeader};

/// Most bytes that wait to be written: two seconds of 70 000 pageviews; a disk that is further behind than that will
/// not catch up in the time that a sender waits.
pub(crate) const WAITING_MAX: usize = 8 << 20;
/// A segment ends by itself at this size, so that folding one costs bounded memory (`Rollup::bytes_max`): 60 000
/// pageviews, some MB as rows, and a hundred times the segment where each of them is an invention of its own.
pub(crate) const SEGMENT_MAX: u64 = 2 << 20;

/// Size of a segment's file without events.
pub(super) const EMPTY: u64 = HEADER as u64;

/// A sealed segment: all its events are durable, and none will be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number; no other segment of this spool ever has it.
    pub number: u64,
    /// Size of its file.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
    /// Seconds since 1970 when its first event came; after a restart, when the segment was begun.
    pub since: u64,
    /// Its events are gone from the disk; it waits as a batch of counter rows.
    pub folded: bool,
    /// Damaged pieces that the start found in it, and counted.
    pub damaged: u64,
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of its segment.
    pub segment: u64,
    /// Events before it in there.
    pub index: u64,
}

/// Whether events are taken.
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
    /// The segment ends here.
    pub(super) end: Option<SegmentEnd>,
}

/// The end of a segment.
pub(super) struct SegmentEnd {
    /// Kept once it is sealed.
    pub(super) sealed: Promise,
    /// The segment that follows.
    pub(super) next: SegmentHeader,
}

impl WriteBatch {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, events: 0, promise: Promise::new(), end: None }
    }
}

pub(super) struct Queue {
    pub(super) standing: QueueState,
    /// The writer sleeps until so many events have gathered, or a segment ends.
    pub(super) wake_at: Option<u64>,
    /// By number.
    pub(super) sealed: BTreeMap<u64, SegmentInfo>,
    /// Highest number that surely stands on the disk: it may be emptied but not removed, or it would be given again.
    pub(super) newest: u64,
    /// When the first event of the segment that is written to came.
    pub(super) since: Option<u64>,
    /// How often the disk has failed; what had not been synced then is gone.
    pub(super) failures: u64,
    /// The place behind the last durable event.
    pub(super) written: Position,
    /// Segments that the start found without an event.
    pub(super) empty: BTreeSet<u64>,
    /// Sealed segments that may have a file beside the one that counts: the events that were folded, or half a batch.
    pub(super) doubled: BTreeSet<u64>,
    encoder: SegmentEncoder,
    gathering: WriteBatch,
    ended: Vec<WriteBatch>,
    waiting: usize,
    /// Bytes of all segments but the one that is gathered for.
    settled: u64,
}

impl Queue {
    /// A queue that takes nothing until [`Queue::begin`].
    pub(super) fn new(header: SegmentHeader, sealed: BTreeMap<u64, SegmentInfo>, newest: u64) -> Self {
        Self {
            standing: QueueState::Failing,
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

    /// Takes events again, into the new segment of `header`.
    pub(super) fn begin(&mut self, header: SegmentHeader) {
        if self.standing == QueueState::Failing {
            self.standing = QueueState::Open;
        }
        self.encoder = SegmentEncoder::new(header);
        self.settled = self.sealed.values().map(|segment| segment.bytes).sum();
        self.newest = header.number;
        self.written = Position { segment: header.number, index: 0 };
        self.since = None;
    }

    /// Whether an event would be taken.
    ///
    /// # Errors
    /// When it would not.
    pub(super) fn ready(&self, bytes_max: u64) -> Result<(), Unavailable> {
        let full = self.waiting >= WAITING_MAX || self.bytes() >= bytes_max;
        if self.standing != QueueState::Open || full { Err(Unavailable) } else { Ok(()) }
    }

    /// Where the next event goes.
    pub(super) fn position(&self) -> Position {
        Position { segment: self.encoder.header.number, index: self.encoder.events }
    }

    /// Whether the event that was appended at `position` is durable, or was shipped since.
    pub(super) fn is_durable(&self, position: Position) -> bool {
        match self.sealed.get(&position.segment) {
            Some(segment) => position.index < segment.events,
            None if position.segment == self.written.segment => position.index < self.written.index,
            None => position.segment < self.written.segment && !self.empty.contains(&position.segment),
        }
    }

    /// Takes `event` in; whether there is room was asked by [`Queue::ready`].
    pub(super) fn append(&mut self, event: &Event<'_>) -> Result<(), Unavailable> {
        let before = self.gathering.bytes.len();
        if !self.encoder.append(event, &mut self.gathering.bytes) {
            return Err(Unavailable);
        }
        self.gathering.events += 1;
        self.waiting += self.gathering.bytes.len() - before;
        Ok(())
    }

    /// Whether the writer is to be woken for what waits: once.
    pub(super) fn wakes(&mut self) -> bool {
        let due = self.wake_at.is_some_and(|enough| self.has(enough));
        if due {
            self.wake_at = None;
        }
        due
    }

    /// Whether so many events have gathered, or a segment ends.
    pub(super) fn has(&self, enough: u64) -> bool {
        !self.ended.is_empty() || self.gathering.events >= enough
    }

    /// Events that have gathered.
    pub(super) fn gathered(&self) -> u64 {
        self.gathering.events
    }

    /// For what gathers now.
    pub(super) fn receipt(&self) -> Receipt {
        self.gathering.promise.receipt()
    }

    /// Whether the segment is as long as one may be.
    pub(super) fn is_full(&self) -> bool {
        self.encoder.position >= SEGMENT_MAX
    }

    /// Ends the segment behind what waits; `next` is the one that follows. None if it holds no event.
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

    /// Number of the segment that events are gathered for.
    pub(super) fn number(&self) -> u64 {
        self.encoder.header.number
    }

    /// All that waits, oldest first; `spare` is used to gather what comes next.
    pub(super) fn take(&mut self, spare: Vec<u8>) -> Vec<WriteBatch> {
        let mut batches = std::mem::take(&mut self.ended);
        if self.gathering.events > 0 {
            batches.push(std::mem::replace(&mut self.gathering, WriteBatch::new(spare)));
        }
        self.waiting = 0;
        batches
    }

    /// The segment is sealed.
    pub(super) fn settle(&mut self, segment: SegmentInfo) {
        self.sealed.insert(segment.number, segment);
        self.since = None;
    }

    /// The segment waits as a batch of `bytes` from here on.
    pub(super) fn fold(&mut self, number: u64, bytes: u64) {
        if let Some(segment) = self.sealed.get_mut(&number) {
            self.settled = self.settled.saturating_sub(segment.bytes) + bytes;
            (segment.folded, segment.bytes) = (true, bytes);
        }
    }

    /// The segment's file is gone.
    pub(super) fn forget(&mut self, number: u64) {
        self.doubled.remove(&number);
        if let Some(segment) = self.sealed.remove(&number) {
            self.settled = self.settled.saturating_sub(segment.bytes);
        }
    }

    /// Bytes of all segments, those that wait included.
    pub(super) fn bytes(&self) -> u64 {
        self.settled + self.encoder.position
    }

    /// Segments that hold an event, or may be given one.
    pub(super) fn segments(&self) -> usize {
        self.sealed.len() + self.ended.len() + 1
    }

    /// When the oldest event that is not shipped came.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.sealed.values().map(|segment| segment.since).chain(self.since).min()
    }
}
