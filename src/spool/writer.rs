//! The spool's writer: takes waiting frames, writes and syncs them, keeps their promises, and repeats. After any
//! failure it trusts only the last successful sync, and begins a new segment after it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Clock;
use crate::lock::{lock, unpoisoned};
use crate::spool::commit_delay::{CommitDelay, ENOUGH};
use crate::spool::disk::{AppendFile, Disk};
use crate::spool::queue::{EMPTY, Position, Queue, QueueState, SegmentInfo, WriteBatch};
use crate::spool::segment::{NodeName, SegmentHeader, file_name};

/// Longest wait between two attempts on a failing disk: recovery is noticed within this time.
const RETRY_MAX: Duration = Duration::from_secs(5);
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// Least and most bytes of zeros written after the frames; in between, as many as the file's frames.
const FREE_BYTES_MIN: u64 = 4 << 10;
const FREE_BYTES_MAX: u64 = 64 << 10;
/// Largest spare buffer in bytes; larger ones are freed after a burst.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// State shared by the spool's callers and its writer.
pub(super) struct SharedState {
    pub(super) queue: Mutex<Queue>,
    pub(super) work: Condvar,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) node: NodeName,
    pub(super) bytes_max: u64,
}

impl SharedState {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    pub(super) fn header(&self, number: u64) -> SegmentHeader {
        SegmentHeader::new(self.node, number, self.clock.now())
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.clock.now().as_second()).unwrap_or(0)
    }
}

/// The segment that is being written.
struct ActiveSegment {
    header: SegmentHeader,
    file: Box<dyn AppendFile>,
    /// End of the frames at the last successful sync.
    durable: u64,
    /// File size: zeros from the frames to here.
    size: u64,
    /// Number of durable events.
    events: u64,
    /// Time of the first event, in seconds since 1970.
    since: u64,
}

impl ActiveSegment {
    fn info(&self) -> SegmentInfo {
        let Self { header, durable, events, since, .. } = self;
        let (bytes, events, since) = (*durable, *events, *since);
        SegmentInfo { number: header.number, bytes, events, since, folded: false, damaged: 0 }
    }
}

/// File size for frames that end at `end`. A sync of overwritten zeros writes these bytes only; a sync of a file that
/// grew also writes file system metadata, at the same or several times the cost.
fn size_for(end: u64) -> u64 {
    end.next_multiple_of(end.clamp(FREE_BYTES_MIN, FREE_BYTES_MAX).next_power_of_two())
}

/// Appends `free` zeros.
fn append_zeros(bytes: &mut Vec<u8>, free: u64) {
    bytes.resize(bytes.len() + usize::try_from(free).unwrap_or(0), 0);
}

pub(super) struct Writer {
    shared: Arc<SharedState>,
    active: Option<ActiveSegment>,
    /// Number of the next segment while none is active.
    next: u64,
    /// Whether the disk failed and no segment is active.
    failing: bool,
    /// Failures since the last successful sync.
    failures: u32,
    /// Buffer of the last batch, reused for the next.
    spare: Vec<u8>,
    pub(super) commit_delay: CommitDelay,
}

impl Writer {
    /// A writer that begins with segment `next`; if the disk fails, each turn retries.
    pub(super) fn new(shared: Arc<SharedState>, next: u64) -> Self {
        let (spare, commit_delay) = (Vec::new(), CommitDelay::default());
        let mut writer = Self { shared, active: None, next, failing: true, failures: 0, spare, commit_delay };
        writer.recover();
        writer
    }

    /// Runs until the spool is closed and no events wait.
    pub(super) fn run(mut self) {
        while self.wait() {
            self.turn();
        }
    }

    /// Sleeps until events wait, or until the next attempt on a failing disk; false once closed and empty.
    fn wait(&mut self) -> bool {
        let mut queue = self.shared.queue();
        if self.failing && queue.state != QueueState::Closed {
            let pause = RETRY_FIRST.saturating_mul(1 << self.failures.min(6)).min(RETRY_MAX);
            let (queue, _) = unpoisoned(self.shared.work.wait_timeout(queue, pause));
            return queue.state != QueueState::Closed;
        }
        queue = self.sleep_until(queue, 1, None);
        if queue.gathered() < ENOUGH && self.commit_delay.pauses() {
            let first = queue.gathered();
            queue = self.sleep_until(queue, ENOUGH, Some(self.commit_delay.half));
            let half_way = queue.gathered();
            if half_way > first {
                queue = self.sleep_until(queue, ENOUGH, Some(self.commit_delay.half));
            }
            self.commit_delay.learn(queue.has(ENOUGH) || queue.gathered() > half_way);
        }
        queue.has(1)
    }

    /// Sleeps until `enough` events are waiting, a segment ends, the spool is closed, or the time is over.
    fn sleep_until<'q>(
        &self,
        mut queue: MutexGuard<'q, Queue>,
        enough: u64,
        time: Option<Duration>,
    ) -> MutexGuard<'q, Queue> {
        queue.wake_at = Some(enough);
        let waits = |queue: &mut Queue| !queue.has(enough) && queue.state != QueueState::Closed;
        let work = &self.shared.work;
        queue = match time {
            None => unpoisoned(work.wait_while(queue, waits)),
            Some(time) => unpoisoned(work.wait_timeout_while(queue, time, waits)).0,
        };
        queue.wake_at = None;
        queue
    }

    /// Writes and syncs all waiting events; or, while the disk fails, retries once.
    pub(super) fn turn(&mut self) {
        if self.failing {
            self.recover();
            return;
        }
        let mut batches = self.shared.queue().take(std::mem::take(&mut self.spare)).into_iter();
        while let Some(mut batch) = batches.next() {
            if let Err(error) = self.commit(&mut batch) {
                self.fail(&error, batches.chain([batch]).collect());
                return;
            }
            if batch.bytes.capacity() <= SPARE_BYTES_MAX {
                batch.bytes.clear();
                self.spare = batch.bytes;
            }
        }
    }

    /// Writes and syncs one batch and keeps its promise; then seals the segment if the batch ends it.
    fn commit(&mut self, batch: &mut WriteBatch) -> io::Result<()> {
        let active = self.active.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if batch.events > 0 {
            let end = active.durable + batch.bytes.len() as u64;
            if end > active.size {
                active.size = if batch.end.is_some() { end } else { size_for(end) };
                append_zeros(&mut batch.bytes, active.size - end);
            }
            active.file.write(active.durable, &batch.bytes)?;
            active.file.sync()?;
            active.durable = end;
            let first = active.events == 0;
            active.events += batch.events;
            if first {
                active.since = self.shared.seconds();
            }
            let mut queue = self.shared.queue();
            queue.since = Some(active.since);
            queue.written = Position { segment: active.header.number, index: active.events };
            drop(queue);
            batch.promise.keep();
            self.failures = 0;
        }
        if let Some(end) = batch.end.take() {
            let sealed = active.info();
            self.active = None;
            self.next = end.next.number;
            self.shared.queue().settle(sealed);
            let started = self.begin(end.next);
            end.sealed.keep();
            started?;
        }
        Ok(())
    }

    /// Makes a new segment's file and its name durable before the first event.
    fn begin(&mut self, header: SegmentHeader) -> io::Result<()> {
        let mut file = self.shared.disk.create(&file_name(header.number))?;
        let mut bytes = header.bytes();
        let size = size_for(EMPTY);
        append_zeros(&mut bytes, size - EMPTY);
        file.write(0, &bytes)?;
        file.sync()?;
        self.shared.disk.sync_names()?;
        let mut queue = self.shared.queue();
        queue.newest = header.number;
        queue.written = Position { segment: header.number, index: 0 };
        drop(queue);
        self.active = Some(ActiveSegment { header, file, durable: EMPTY, size, events: 0, since: 0 });
        Ok(())
    }

    /// Rejects new events. Waiting events are rejected too, but only after the truncation.
    fn fail(&mut self, error: &io::Error, mut refused: Vec<WriteBatch>) {
        tracing::error!(kind = ?error.kind(), "spool: write failed; events rejected until a new segment begins");
        {
            let mut queue = self.shared.queue();
            if queue.state == QueueState::Open {
                queue.state = QueueState::Failing;
            }
            queue.failures += 1;
            refused.extend(queue.take(Vec::new()));
        }
        self.failing = true;
        self.failures += 1;
        // A second failure without a successful sync in between waits for its turn: a full disk has room for a header.
        if self.failures == 1 {
            self.recover();
        } else if let Err(error) = self.end_active() {
            tracing::error!(kind = ?error.kind(), "spool: rejected events not truncated");
        }
    }

    /// Truncates rejected events and begins a new segment; on an error the next turn retries.
    fn recover(&mut self) {
        let header = match self.end_active() {
            Ok(()) => self.shared.header(self.next),
            Err(error) => {
                self.failures += 1;
                tracing::error!(kind = ?error.kind(), "spool: rejected events not truncated");
                return;
            }
        };
        if let Err(error) = self.begin(header) {
            self.failures += 1;
            tracing::error!(kind = ?error.kind(), "spool: new segment not created");
            return;
        }
        self.failing = false;
        self.shared.queue().begin(header);
    }

    /// Ends the active segment at its last durable byte. An empty segment passes its number to the next.
    fn end_active(&mut self) -> io::Result<()> {
        let Some(active) = &self.active else { return Ok(()) };
        self.shared.disk.truncate(&file_name(active.header.number), active.durable)?;
        self.next = active.header.number;
        if active.events > 0 {
            self.next += 1;
            self.shared.queue().settle(active.info());
        }
        self.active = None;
        Ok(())
    }
}

impl Drop for Writer {
    /// On any exit, waiting receipts are resolved.
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.state = QueueState::Closed;
        let refused = queue.take(Vec::new());
        drop(queue);
        drop(refused);
    }
}
