//! Recovery at start: whole, torn and damaged segments, and those folded to batches. It scans first and changes files
//! afterwards, can be interrupted anywhere and repeated, and removes no file with events or counters, except one of the
//! two where both exist.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::batch;
use super::disk::{Disk, QUARANTINE};
use super::queue::SegmentInfo;
use super::reader::{ReadReport, SegmentReader};
use crate::spool::error::SpoolError;
use crate::spool::segment;
use crate::spool::segment::{HEADER, NodeName, SegmentHeader, VERSION, file_name};

/// Summary of a recovery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that hold events.
    pub segments: u64,
    /// Number of events in them.
    pub events: u64,
    /// Bytes of incompletely written frames, none of which was acknowledged.
    pub torn_bytes: u64,
    /// Frames with one flipped bit, corrected.
    pub mended_frames: u64,
    /// Unreadable pieces, now in quarantine.
    pub quarantined_frames: u64,
    /// Whole segments moved to quarantine.
    pub quarantined_segments: u64,
    /// Segments waiting as batches of counters, besides those with events.
    pub batches: u64,
    /// Unreadable batches, now in quarantine.
    pub quarantined_batches: u64,
}

const NODE: &str = "node";
const NEW_NODE: &str = "node.new";

/// The spool's name, generated at its first start.
pub(super) fn node(disk: &dyn Disk) -> Result<NodeName, SpoolError> {
    if disk.list()?.iter().any(|name| name == NODE) {
        let bytes = disk.read(NODE)?;
        let digits = std::str::from_utf8(&bytes).map(str::trim_end).unwrap_or_default();
        let well_formed = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(digits, 16).ok().filter(|_| well_formed);
        return number.map(|number| NodeName(number.to_be_bytes())).ok_or(SpoolError::Node);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| SpoolError::Disk(io::Error::other("no randomness")))?;
    let node = NodeName(bytes);
    let mut file = disk.create(NEW_NODE)?;
    file.write(0, format!("{node}\n").as_bytes())?;
    file.sync()?;
    disk.rename(NEW_NODE, NODE)?;
    disk.sync_names()?;
    Ok(node)
}

/// Findings of the scan.
pub(super) struct RecoveryReport {
    /// Highest number of any file; 0 without files.
    pub(super) newest: u64,
    pub(super) sealed: BTreeMap<u64, SegmentInfo>,
    pub(super) recovery: Recovery,
    torn: Vec<SegmentInfo>,
    pub(super) empty: BTreeSet<u64>,
    unreadable: Vec<String>,
    /// Sealed segments with both files: a whole batch with its events, or events with an incomplete batch.
    pub(super) doubled: BTreeSet<u64>,
    /// Numbers of shipped batches.
    spent: Vec<u64>,
}

/// Reads every batch, and every segment without one, and changes none.
pub(super) fn scan(disk: &Arc<dyn Disk>, node: NodeName) -> Result<RecoveryReport, SpoolError> {
    let names = disk.list()?;
    let segments: BTreeSet<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
    let batches: BTreeSet<u64> = names.iter().filter_map(|name| batch::number(name)).collect();
    let mut found = RecoveryReport {
        newest: segments.last().max(batches.last()).copied().unwrap_or(0),
        sealed: BTreeMap::new(),
        recovery: Recovery::default(),
        torn: Vec::new(),
        empty: BTreeSet::new(),
        unreadable: Vec::new(),
        doubled: &segments & &batches,
        spent: Vec::new(),
    };
    for number in &segments | &batches {
        let has_events = segments.contains(&number);
        let folded = batches.contains(&number) && found.look_at_batch(number, has_events, disk, node)?;
        if has_events && !folded {
            found.look_at(number, disk, node)?;
        }
    }
    Ok(found)
}

/// Reads segment `number` of this spool; `None` if the file is not a segment.
pub(super) fn open(disk: &Arc<dyn Disk>, node: NodeName, number: u64) -> Result<Option<SegmentReader>, SpoolError> {
    let bytes = disk.read(&file_name(number))?;
    let Some(header) = SegmentHeader::read(&bytes) else { return Ok(None) };
    if !(1..=VERSION).contains(&header.version) {
        return Err(SpoolError::Version { number, version: header.version });
    }
    if header.node != node {
        return Err(SpoolError::Foreign { number, node: header.node.to_string() });
    }
    let reader = SegmentReader { header, bytes, disk: Arc::clone(disk) };
    Ok((header.number == number).then_some(reader))
}

impl RecoveryReport {
    /// Whether the batch replaces its segment. An invalid batch is worthless beside the events, which are only removed
    /// once the batch is durable.
    fn look_at_batch(
        &mut self,
        number: u64,
        has_events: bool,
        disk: &Arc<dyn Disk>,
        node: NodeName,
    ) -> Result<bool, SpoolError> {
        let file = disk.read(&batch::file_name(number));
        let bytes = file.as_ref().map_or(0, Vec::len);
        if let Some(kept) = file.map_or(Ok(None), |file| batch::read(&file, number, node))? {
            self.recovery.batches += 1;
            self.recovery.mended_frames += kept.mended;
            let (events, since) = (kept.events, kept.header.created);
            self.sealed
                .insert(number, SegmentInfo { number, bytes: bytes as u64, events, since, folded: true, damaged: 0 });
            return Ok(true);
        }
        if has_events {
            self.recovery.torn_bytes += bytes as u64;
        } else if bytes == HEADER {
            self.spent.push(number);
        } else {
            tracing::error!(number, "spool: unreadable batch");
            self.recovery.quarantined_batches += 1;
            self.unreadable.push(batch::file_name(number));
        }
        Ok(false)
    }

    fn look_at(&mut self, number: u64, disk: &Arc<dyn Disk>, node: NodeName) -> Result<(), SpoolError> {
        let reader = match open(disk, node, number) {
            Ok(Some(reader)) => reader,
            Ok(None) => {
                let file = disk.read(&file_name(number))?;
                if file.len() <= HEADER || file.iter().all(|byte| *byte == 0) {
                    // A file whose header is not durable holds no events.
                    self.recovery.torn_bytes += file.len() as u64;
                    self.empty.insert(number);
                } else {
                    self.recovery.quarantined_segments += 1;
                    self.unreadable.push(file_name(number));
                }
                return Ok(());
            }
            Err(SpoolError::Disk(error)) => {
                tracing::error!(number, kind = ?error.kind(), "spool: unreadable segment");
                self.recovery.quarantined_segments += 1;
                self.unreadable.push(file_name(number));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut events = 0;
        match reader.for_each(|_| events += 1) {
            Ok(report) => self.note(&reader, report),
            Err(error) => {
                tracing::error!(number, kind = ?error.kind(), "spool: damaged bytes not copied to quarantine; retrying");
                self.note_unsaved(&reader, events);
            }
        }
        Ok(())
    }

    /// Damage that exists only in this file: the shipper finds it again, and the file stays until it is copied.
    fn note_unsaved(&mut self, reader: &SegmentReader, events: u64) {
        self.recovery.quarantined_frames += 1;
        self.recovery.events += events;
        if events > 0 {
            self.seal(reader, ReadReport { events, damaged: 1, ..ReadReport::default() });
        }
    }

    fn seal(&mut self, SegmentReader { header, bytes, .. }: &SegmentReader, report: ReadReport) {
        let ReadReport { events, damaged, torn_bytes, free_bytes, .. } = report;
        let bytes = bytes.len() as u64 - torn_bytes - free_bytes;
        let info = SegmentInfo { number: header.number, bytes, events, since: header.created, folded: false, damaged };
        if torn_bytes > 0 {
            self.torn.push(info);
        }
        self.recovery.segments += 1;
        self.sealed.insert(header.number, info);
    }

    fn note(&mut self, reader: &SegmentReader, report: ReadReport) {
        self.recovery.events += report.events;
        self.recovery.torn_bytes += report.torn_bytes;
        self.recovery.mended_frames += report.mended;
        self.recovery.quarantined_frames += report.damaged;
        if report.events == 0 {
            self.empty.insert(reader.header.number);
        } else {
            self.seal(reader, report);
        }
    }

    /// Cleans up the folder, once a file with a higher number than `newest` exists. A failed operation is repeated at
    /// the next start; none of them is needed now.
    pub(super) fn tidy(&self, disk: &dyn Disk, newest: u64) {
        let say = |number: u64, result: io::Result<()>| {
            if let Err(error) = result {
                tracing::error!(number, kind = ?error.kind(), "spool: recovery of a segment failed; the next start \
                                                               retries");
            }
        };
        for segment in &self.torn {
            say(segment.number, disk.truncate(&file_name(segment.number), segment.bytes));
        }
        for &number in &self.doubled {
            let folded = self.sealed.get(&number).is_some_and(|segment| segment.folded);
            say(number, disk.remove(&if folded { file_name(number) } else { batch::file_name(number) }));
        }
        let lower = |number: &&u64| **number < newest;
        for &number in self.empty.iter().filter(lower) {
            say(number, disk.remove(&file_name(number)));
        }
        for &number in self.spent.iter().filter(lower) {
            say(number, disk.remove(&batch::file_name(number)));
        }
        for name in &self.unreadable {
            let number = segment::number(name).or_else(|| batch::number(name)).unwrap_or(u64::MAX);
            if number < newest {
                say(number, disk.rename(name, &format!("{QUARANTINE}/{name}")));
            }
        }
        say(newest, disk.sync_names());
    }
}
