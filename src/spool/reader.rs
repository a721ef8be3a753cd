//! Segment reader, event by event. It never guesses: bytes without a valid checksum, and events with a lost text
//! definition, are copied to quarantine and counted, and reading continues after them.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::disk::{Disk, QUARANTINE};
use crate::event::Event;
use crate::spool::codec_error::CodecError;
use crate::spool::dictionary::DictionaryReader;
use crate::spool::event_codec;
use crate::spool::segment::{SegmentHeader, SegmentPiece, SegmentPieces};
use crate::spool::varint::ByteReader;

/// Counts of a segment's frames by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Number of events passed to the visitor.
    pub events: u64,
    /// Of these, events with one flipped bit, corrected.
    pub mended: u64,
    /// Unreadable pieces, now in quarantine.
    pub damaged: u64,
    /// Bytes of an incompletely written last frame.
    pub torn_bytes: u64,
    /// Bytes at the end that are free for more.
    pub free_bytes: u64,
}

/// One segment, loaded into memory.
pub struct SegmentReader {
    pub(super) header: SegmentHeader,
    pub(super) bytes: Vec<u8>,
    pub(super) disk: Arc<dyn Disk>,
}

impl SegmentReader {
    /// Calls `visit` with every event, in append order. Its terms have the segment's numbers.
    ///
    /// # Errors
    /// When a damaged piece cannot be copied to quarantine; `visit` has then seen all readable events.
    pub fn for_each(&self, mut visit: impl FnMut(&Event<'_>)) -> io::Result<ReadReport> {
        let mut report = ReadReport::default();
        let mut known = DictionaryReader::default();
        let mut lost = 0;
        let mut damaged = Vec::new();
        for piece in SegmentPieces::new(&self.bytes, &self.header) {
            match piece {
                SegmentPiece::Frame { at, payload } => match self.event(&payload, &mut known, lost) {
                    Ok(event) => {
                        report.events += 1;
                        report.mended += u64::from(matches!(payload, Cow::Owned(_)));
                        visit(&event);
                    }
                    Err(error) => {
                        tracing::warn!(number = self.header.number, at = at.start, %error, "spool: malformed event in a frame; frame quarantined");
                        damaged.push(at);
                    }
                },
                SegmentPiece::Damaged(at) => {
                    lost += at.len();
                    damaged.push(at);
                }
                SegmentPiece::Torn(at) => report.torn_bytes += at.len() as u64,
                SegmentPiece::Free(at) => report.free_bytes += at.len() as u64,
            }
        }
        report.damaged = damaged.len() as u64;
        self.quarantine(&damaged)?;
        Ok(report)
    }

    fn event<'k>(&self, payload: &[u8], known: &'k mut DictionaryReader, lost: usize) -> Result<Event<'k>, CodecError> {
        let mut input = ByteReader::new(payload);
        known.define(&mut input, lost)?;
        event_codec::read(input, self.header.version, self.header.hour(), known)
    }

    /// Writes the damaged pieces to a quarantine file; the same pieces give the same file.
    fn quarantine(&self, damaged: &[Range<usize>]) -> io::Result<()> {
        if damaged.is_empty() {
            return Ok(());
        }
        let mut pieces = Vec::new();
        for at in damaged {
            let bytes = self.bytes.get(at.clone()).unwrap_or_default();
            pieces.extend((at.start as u64).to_le_bytes());
            pieces.extend((bytes.len() as u64).to_le_bytes());
            pieces.extend_from_slice(bytes);
        }
        let mut file = self.disk.create(&format!("{QUARANTINE}/{:020}.damaged", self.header.number))?;
        file.write(0, &pieces)?;
        file.sync()?;
        self.disk.sync_names()
    }
}
