//! Reads a segment back, event by event. It never guesses: what is not under its checksum, or refers to a text whose
//! definition is lost, is kept aside in quarantine and counted, and the reading goes on behind it.

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

/// What became of a segment's frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Events that were handed out.
    pub events: u64,
    /// Of these, events that had a flipped bit, turned back.
    pub mended: u64,
    /// Pieces that are no event any more, now in quarantine.
    pub damaged: u64,
    /// Bytes of a last frame that was never written to its end.
    pub torn_bytes: u64,
    /// Bytes at the end that were kept free for more.
    pub free_bytes: u64,
}

/// One segment, in memory.
pub struct SegmentReader {
    pub(super) header: SegmentHeader,
    pub(super) bytes: Vec<u8>,
    pub(super) disk: Arc<dyn Disk>,
}

impl SegmentReader {
    /// Calls `visit` with every event, in the order in which they were appended. Its terms have the segment's numbers.
    ///
    /// # Errors
    /// When something is damaged and cannot be copied to quarantine; `visit` has then seen all that can be read.
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

    /// Writes the damaged pieces to a file of their own; the same pieces give the same file.
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
