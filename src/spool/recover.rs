//! What a start finds: whole segments, torn ones, damaged ones. It looks first and changes files after, it can be
//! interrupted anywhere and done again, and it removes nothing that holds an event.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::disk::{Disk, QUARANTINE};
use super::queue::SegmentInfo;
use super::reader::{ReadReport, SegmentReader};
use super::segment::{self, HEADER, Header, Node, VERSION, file_name};
use super::{Recovery, SpoolError};

const NODE: &str = "node";
const NEW_NODE: &str = "node.new";

/// The name of this spool, made at its first start.
pub(super) fn node(disk: &dyn Disk) -> Result<Node, SpoolError> {
    if disk.list()?.iter().any(|name| name == NODE) {
        let bytes = disk.read(NODE)?;
        let digits = std::str::from_utf8(&bytes).map(str::trim_end).unwrap_or_default();
        let well_formed = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(digits, 16).ok().filter(|_| well_formed);
        return number.map(|number| Node(number.to_be_bytes())).ok_or(SpoolError::Node);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| SpoolError::Disk(io::Error::other("no randomness")))?;
    let node = Node(bytes);
    let mut file = disk.create(NEW_NODE)?;
    file.append(format!("{node}\n").as_bytes())?;
    file.sync()?;
    disk.rename(NEW_NODE, NODE)?;
    disk.sync_names()?;
    Ok(node)
}

/// What a start found.
pub(super) struct Found {
    /// Highest number that a segment's file has; 0 if there is none.
    pub(super) newest: u64,
    pub(super) sealed: BTreeMap<u64, SegmentInfo>,
    pub(super) recovery: Recovery,
    torn: Vec<SegmentInfo>,
    pub(super) empty: BTreeSet<u64>,
    unreadable: Vec<u64>,
}

/// Reads every segment, and changes none.
pub(super) fn scan(disk: &Arc<dyn Disk>, node: Node) -> Result<Found, SpoolError> {
    let mut numbers: Vec<u64> = disk.list()?.iter().filter_map(|name| segment::number(name)).collect();
    numbers.sort_unstable();
    let mut found = Found {
        newest: numbers.last().copied().unwrap_or(0),
        sealed: BTreeMap::new(),
        recovery: Recovery::default(),
        torn: Vec::new(),
        empty: BTreeSet::new(),
        unreadable: Vec::new(),
    };
    for number in numbers {
        found.look_at(number, disk, node)?;
    }
    Ok(found)
}

/// Reads the segment `number` of this spool; `None` if it is not one.
pub(super) fn open(disk: &Arc<dyn Disk>, node: Node, number: u64) -> Result<Option<SegmentReader>, SpoolError> {
    let bytes = disk.read(&file_name(number))?;
    let Some(header) = Header::read(&bytes) else { return Ok(None) };
    if header.version != VERSION {
        return Err(SpoolError::Version { number, version: header.version });
    }
    if header.node != node {
        return Err(SpoolError::Foreign { number, node: header.node.to_string() });
    }
    let reader = SegmentReader { header, bytes, disk: Arc::clone(disk) };
    Ok((header.number == number).then_some(reader))
}

impl Found {
    fn look_at(&mut self, number: u64, disk: &Arc<dyn Disk>, node: Node) -> Result<(), SpoolError> {
        let reader = match open(disk, node, number) {
            Ok(Some(reader)) => reader,
            Ok(None) => {
                let length = disk.read(&file_name(number))?.len();
                if length <= HEADER {
                    // No event goes into a file whose header is not durable.
                    self.recovery.torn_bytes += length as u64;
                    self.empty.insert(number);
                } else {
                    self.recovery.quarantined_segments += 1;
                    self.unreadable.push(number);
                }
                return Ok(());
            }
            Err(SpoolError::Disk(error)) => {
                tracing::error!(number, kind = ?error.kind(), "a segment cannot be read");
                self.recovery.quarantined_segments += 1;
                self.unreadable.push(number);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut events = 0;
        match reader.for_each(|_| events += 1) {
            Ok(report) => self.note(&reader, report),
            Err(error) => {
                tracing::error!(number, kind = ?error.kind(), "damage cannot be copied to quarantine yet");
                self.note_unsaved(&reader, events);
            }
        }
        Ok(())
    }

    /// Damage that is in this file alone: whoever ships it meets it again, and the file stays until it is copied.
    fn note_unsaved(&mut self, reader: &SegmentReader, events: u64) {
        self.recovery.quarantined_frames += 1;
        self.recovery.events += events;
        if events > 0 {
            self.seal(reader, events, 0);
        }
    }

    fn seal(&mut self, SegmentReader { header, bytes, .. }: &SegmentReader, events: u64, torn_bytes: u64) {
        let bytes = bytes.len() as u64 - torn_bytes;
        let info = SegmentInfo { number: header.number, bytes, events, since: header.created };
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
            self.seal(reader, report.events, report.torn_bytes);
        }
    }

    /// Puts the folder in order, once a file with a higher number than `newest` stands there. What the disk refuses
    /// now is found again at the next start; none of it is needed to go on.
    pub(super) fn tidy(&self, disk: &dyn Disk, newest: u64) {
        let say = |number: u64, result: io::Result<()>| {
            if let Err(error) = result {
                tracing::error!(number, kind = ?error.kind(), "a segment cannot be put in order yet");
            }
        };
        for segment in &self.torn {
            say(segment.number, disk.truncate(&file_name(segment.number), segment.bytes));
        }
        for &number in self.empty.iter().filter(|number| **number < newest) {
            say(number, disk.remove(&file_name(number)));
        }
        for &number in self.unreadable.iter().filter(|number| **number < newest) {
            say(number, disk.rename(&file_name(number), &format!("{QUARANTINE}/{}", file_name(number))));
        }
        say(newest, disk.sync_names());
    }
}
