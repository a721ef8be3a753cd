//! Segment files: name, header, frames and checksums. A frame is accepted only with a valid checksum, in its own place
//! in its own segment; one flipped bit is found and corrected.

use std::borrow::Cow;
use std::ops::Range;

use crc32fast::Hasher;

use crate::clock::HOUR_SECONDS;
use crate::event::{Event, Hour};
use crate::spool::dictionary::DictionaryWriter;
use crate::spool::event_codec;

/// Written version; it and earlier ones are read.
pub(super) const VERSION: u16 = 5;
/// Bytes of a segment's header.
pub(super) const HEADER: usize = 48;
/// Bytes of a frame before its payload.
pub(super) const FRAME_HEAD: usize = 8;
/// Longest payload. The longest event carries 30 properties of 2 000 bytes and a few pages as long: 128 KiB is
/// nearly twice that.
pub(super) const PAYLOAD_MAX: usize = 131_072;
/// Longest payload in which a flipped bit is corrected: up to this length, CRC-32 distinguishes one flip from two.
pub(super) const MENDED_MAX: usize = 8192;
/// Bytes that a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;
const MAGIC: [u8; 8] = *b"sillage\n";
const POLYNOMIAL: u32 = 0xedb8_8320;

/// Name of the segment's file.
pub(super) fn file_name(number: u64) -> String {
    format!("{number:020}.seg")
}

/// Number of a segment's file name; `None` for other files.
pub(super) fn number(file_name: &str) -> Option<u64> {
    number_before(file_name, ".seg")
}

/// The number of a file name that ends in `suffix`.
pub(super) fn number_before(file_name: &str, suffix: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(suffix)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Half of the range, so that a next number always exists.
    if all_digits { digits.parse().ok().filter(|number| *number < u64::MAX / 2) } else { None }
}

/// The random name of one spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeName(pub(super) [u8; 16]);

impl std::fmt::Display for NodeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Decoded header of a segment or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Kind of the file.
    pub(super) magic: [u8; 8],
    pub(super) version: u16,
    pub(super) node: NodeName,
    pub(super) number: u64,
    /// Creation time, seconds since 1970.
    pub(super) created: u64,
}

impl SegmentHeader {
    pub(super) fn new(node: NodeName, number: u64, now: jiff::Timestamp) -> Self {
        let created = u64::try_from(now.as_second()).unwrap_or(0);
        Self { magic: MAGIC, version: VERSION, node, number, created }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend(self.magic);
        bytes.extend(self.version.to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.node.0);
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.created.to_le_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    /// The header at the front of a segment, with one flipped bit corrected.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        Self::read_as(MAGIC, file)
    }

    /// The header at the front of a file of kind `due`.
    pub(super) fn read_as(due: [u8; 8], file: &[u8]) -> Option<Self> {
        let (covered, checksum) = file.split_first_chunk::<44>()?;
        let (checksum, _) = checksum.split_first_chunk::<4>()?;
        let mut covered = *covered;
        let difference = crc32fast::hash(&covered) ^ u32::from_le_bytes(*checksum);
        if difference != 0 && !turn_back(&mut covered, difference) {
            return None;
        }
        let (magic, rest) = covered.split_first_chunk::<8>()?;
        let (version, rest) = rest.split_first_chunk::<2>()?;
        let (_zero, rest) = rest.split_first_chunk::<2>()?;
        let (node, rest) = rest.split_first_chunk::<16>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (created, _) = rest.split_first_chunk::<8>()?;
        (*magic == due).then(|| Self {
            magic: due,
            version: u16::from_le_bytes(*version),
            node: NodeName(*node),
            number: u64::from_le_bytes(*number),
            created: u64::from_le_bytes(*created),
        })
    }

    /// Base hour of the events' hours.
    pub(super) fn hour(&self) -> Hour {
        Hour(u32::try_from(self.created / HOUR_SECONDS.unsigned_abs()).unwrap_or(0))
    }

    /// Seed of the frames' checksums.
    pub(super) fn seed(&self) -> u32 {
        self.bytes().last_chunk::<4>().map_or(0, |checksum| u32::from_le_bytes(*checksum))
    }
}

/// Encodes the frames of one segment, in order.
pub(super) struct SegmentEncoder {
    pub(super) header: SegmentHeader,
    /// Position of the next frame.
    pub(super) position: u64,
    /// Number of frames so far.
    pub(super) events: u64,
    seed: u32,
    texts: DictionaryWriter,
    record: Vec<u8>,
}

impl SegmentEncoder {
    pub(super) fn new(header: SegmentHeader) -> Self {
        let seed = header.seed();
        let (position, texts) = (HEADER as u64, DictionaryWriter::default());
        Self { header, position, events: 0, seed, texts, record: Vec::with_capacity(256) }
    }

    /// Appends the frame of `event`; returns false and appends nothing if it exceeds a frame.
    pub(super) fn append(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> bool {
        let first_fresh = self.texts.next();
        let start = out.len();
        self.record.clear();
        event_codec::write(event, self.header.hour(), &mut self.texts, &mut self.record);
        out.extend([0; FRAME_HEAD]);
        self.texts.put_fresh(out);
        out.extend_from_slice(&self.record);
        let Some((frame, payload)) = out.get_mut(start..).and_then(|frame| frame.split_first_chunk_mut::<FRAME_HEAD>())
        else {
            return false;
        };
        let length = match u32::try_from(payload.len()) {
            Ok(length) if payload.len() <= PAYLOAD_MAX => length,
            Ok(_) | Err(_) => {
                out.truncate(start);
                self.texts.forget_from(first_fresh);
                return false;
            }
        };
        let checksum = checksum(self.seed, self.position, length, payload);
        *frame = (u64::from(checksum) << 32 | u64::from(length)).to_le_bytes();
        self.position += (FRAME_HEAD + payload.len()) as u64;
        self.events += 1;
        true
    }
}

/// The checksum of a frame at `position`.
pub(super) fn checksum(seed: u32, position: u64, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(seed);
    let mut place = [0; 12];
    let (first, last) = place.split_at_mut(8);
    first.copy_from_slice(&position.to_le_bytes());
    last.copy_from_slice(&length.to_le_bytes());
    hasher.update(&place);
    hasher.update(payload);
    hasher.finalize()
}

/// Corrects the one flipped bit that explains the checksum difference. A checksum is linear: the effect of a flip
/// depends only on its distance from the end, and no two distances have the same effect.
fn turn_back(bytes: &mut [u8], difference: u32) -> bool {
    if difference.is_power_of_two() {
        return true; // the flip is in the checksum itself
    }
    let mut effect = POLYNOMIAL;
    for byte in bytes.iter_mut().rev() {
        for bit in (0..8).rev() {
            if effect == difference {
                *byte ^= 1 << bit;
                return true;
            }
            effect = if effect & 1 == 1 { effect >> 1 ^ POLYNOMIAL } else { effect >> 1 };
        }
    }
    false
}

/// A piece of a segment by its state.
#[derive(Debug, PartialEq)]
pub(super) enum SegmentPiece<'a> {
    /// A payload with a valid checksum.
    Frame { at: Range<usize>, payload: Cow<'a, [u8]> },
    /// Invalid bytes, up to the next frame or the end.
    Damaged(Range<usize>),
    /// An incompletely written last frame.
    Torn(Range<usize>),
    /// Zeros up to the end, not written yet.
    Free(Range<usize>),
}

/// Iterates over the pieces of a segment, from the first byte after its header to the last.
pub(super) struct SegmentPieces<'a> {
    bytes: &'a [u8],
    seed: u32,
    at: usize,
}

impl<'a> SegmentPieces<'a> {
    pub(super) fn new(bytes: &'a [u8], header: &SegmentHeader) -> Self {
        Self { bytes, seed: header.seed(), at: HEADER }
    }

    /// The payload of `length` bytes at `at`, and the difference of its checksum.
    fn payload(&self, at: usize, length: u32) -> Option<(&'a [u8], u32)> {
        let size = length as usize;
        if size == 0 || size > PAYLOAD_MAX {
            return None;
        }
        let frame = self.bytes.get(at..)?;
        let written = frame.get(4..FRAME_HEAD)?.first_chunk::<4>()?;
        let payload = frame.get(FRAME_HEAD..)?.get(..size)?;
        let due = checksum(self.seed, at as u64, length, payload);
        Some((payload, due ^ u32::from_le_bytes(*written)))
    }

    fn length(&self, at: usize) -> Option<u32> {
        self.bytes.get(at..)?.first_chunk::<4>().map(|length| u32::from_le_bytes(*length))
    }

    /// End of the written part: after the last sector with a non-zero byte.
    fn written_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let written = rest.iter().rposition(|byte| *byte != 0).map_or(at, |last| at + last + 1);
        written.next_multiple_of(SECTOR).min(self.bytes.len())
    }

    fn intact(&self, at: usize) -> Option<&'a [u8]> {
        let (payload, difference) = self.payload(at, self.length(at)?)?;
        (difference == 0).then_some(payload)
    }

    fn mended(&self, at: usize) -> Option<Vec<u8>> {
        let length = self.length(at)?;
        for bit in 0..u32::BITS {
            if let Some((payload, 0)) = self.payload(at, length ^ 1 << bit) {
                return Some(payload.to_vec());
            }
        }
        let (payload, difference) = self.payload(at, length)?;
        let mut payload = payload.to_vec();
        (payload.len() <= MENDED_MAX && turn_back(&mut payload, difference)).then_some(payload)
    }
}

impl<'a> Iterator for SegmentPieces<'a> {
    type Item = SegmentPiece<'a>;

    fn next(&mut self) -> Option<SegmentPiece<'a>> {
        let (at, end) = (self.at, self.bytes.len());
        if at >= end {
            return None;
        }
        let mut frame = self.intact(at).map(Cow::Borrowed);
        if frame.is_none() {
            if self.bytes.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0)) {
                self.at = end;
                return Some(SegmentPiece::Free(at..end));
            }
            frame = self.mended(at).map(Cow::Owned);
        }
        if let Some(payload) = frame {
            self.at = at + FRAME_HEAD + payload.len();
            return Some(SegmentPiece::Frame { at: at..self.at, payload });
        }
        let written = self.written_end(at);
        let next = (at + 1..written).find(|&next| self.intact(next).is_some());
        self.at = next.unwrap_or(written);
        let claimed = self.length(at).and_then(|length| self.payload(at, length));
        let is_whole = claimed.is_some_and(|(payload, _)| at + FRAME_HEAD + payload.len() <= written);
        let piece = if next.is_some() || is_whole { SegmentPiece::Damaged } else { SegmentPiece::Torn };
        Some(piece(at..self.at))
    }
}
