//! A segment's batch file: a segment folded to counter rows. It must return exactly the rows that went in, under the
//! segment's own token, or nothing; it holds only the number of events, not single ones.
//!
//! # Format 4
//! `<number>.batch`, the number in 20 decimal digits, stands for the segment of this number. Words and integers are
//! those of the segment's format, in [`super`].
//!
//! **Header**, 48 bytes, laid out as a segment's. Bytes 0–7 are `counters`, the version is 4; node, number and seconds
//! are those of the segment's header, so that a segment folds to the same bytes whenever it is folded.
//!
//! **Frames**, as in a segment, with checksums seeded from this header's. Payloads have 8 192 bytes, except the last,
//! so that a flipped bit in any of them can be corrected. Concatenated they are: the length of the body (u64), and the
//! body, compressed (DEFLATE, RFC 1951). The body:
//! ```text
//! varint       events in the segment
//! varint       number of texts, each: varint length, UTF-8 bytes; ascending, numbered from 0
//! 6 tables     pages, breakdowns, actions, timings, robots, outcomes
//! ```
//! **Table**: a varint number of rows, each of *k* key columns and *f* figures. A text column holds the text's number;
//! the first row is encoded as if after a row of zeros.
//! ```text
//! varint       k × figures' number + number of leading columns equal to the row before, at most k − 1
//! signed       for each of the other columns: its difference from the row before
//! figures      once only, where their number is new (they count up from 0 in a table):
//!   varint     mask of the figures that are not 0; then each of these, signed
//!
//! table        key columns (t: a text)                          figures
//! pages        site t, day, hour, page t                        pageviews, visitors, page_visitors, visits, exits,
//!                                                               bounces, visit_seconds, engaged_ms, engaged_views,
//!                                                               scroll_percent, scroll_views, not_found
//! breakdowns   site t, dimension t, day, page t, value t        pageviews, visitors, page_visitors, visits, bounces,
//!                                                               visit_seconds
//! actions      site t, day, action t, property t, value t, page t     count, visitors
//! timings      site t, day, hour, page t, metric t, bucket      count
//! robots       site t, kind t, day, page t                      hits
//! outcomes     site t, outcome t, day                           hits
//! ```
//! Columns are those of `schema/0003_waiting.sql`; a day counts from 1970, an hour is its first second since 1970.
//! Format 3 is the same without the dimension `device_model`; format 2 is format 3 without robots and outcomes; format
//! 1 is format 2 without the dimensions `source`, `channel` and `utm_…`. All are still read.
//! A file with only a header is the rest of a shipped batch, whose number must not be used again.
//!
//! # Size
//! A view costs one row of `pages` and some ten of `breakdowns`, of five bytes each before compression; a further view
//! on the same rows costs none. For views of 200 pages with twelve dimensions (the test
//! `counters_take_less_room_than_events`), segment and batch:
//! ```text
//! views        1      20     200   2 000   20 000
//! segment    425   3 682  15 352  79 312  693 308 bytes
//! batch      287   1 004   5 961  32 585  128 026 bytes
//! ```

use std::borrow::Cow;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::rollup::counters::Batch;
use crate::spool::batch_codec;
use crate::spool::error::SpoolError;
use crate::spool::segment;
use crate::spool::segment::{HEADER, MENDED_MAX, NodeName, SegmentHeader, SegmentPiece, SegmentPieces};

/// The version that is written; it and those before it are read.
const VERSION: u16 = 4;
const MAGIC: [u8; 8] = *b"counters";

/// Name of the batch's file.
pub(super) fn file_name(number: u64) -> String {
    format!("{number:020}.batch")
}

/// Number of a batch's file name; `None` for other files.
pub(super) fn number(file_name: &str) -> Option<u64> {
    segment::number_before(file_name, ".batch")
}

/// Decoded content of a batch's file.
#[derive(Debug, PartialEq)]
pub(super) struct BatchFile {
    /// The batch's header; number and time are the segment's.
    pub(super) header: SegmentHeader,
    /// Number of events that were folded.
    pub(super) events: u64,
    /// Counter rows, without a token.
    pub(super) rows: Batch,
    /// Frames with one flipped bit, corrected.
    pub(super) mended: u64,
}

/// Encodes the batch that the segment with this header was folded to.
///
/// # Errors
/// When compression fails, which in memory is not expected.
pub(super) fn write(segment: &SegmentHeader, events: u64, rows: &Batch) -> io::Result<Vec<u8>> {
    let header = SegmentHeader { magic: MAGIC, version: VERSION, ..*segment };
    let (mut file, seed) = (header.bytes(), header.seed());
    for payload in compressed(&batch_codec::write(events, rows))?.chunks(MENDED_MAX) {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let checksum = segment::checksum(seed, file.len() as u64, length, payload);
        file.extend(length.to_le_bytes());
        file.extend(checksum.to_le_bytes());
        file.extend_from_slice(payload);
    }
    Ok(file)
}

fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new((body.len() as u64).to_le_bytes().to_vec(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// The decompressed body, if its length matches.
pub(super) fn body(compressed: &[u8]) -> Option<Vec<u8>> {
    let (length, compressed) = compressed.split_first_chunk::<8>()?;
    let (length, mut body) = (u64::from_le_bytes(*length), Vec::new());
    let read = DeflateDecoder::new(compressed).take(length.saturating_add(1)).read_to_end(&mut body).ok()?;
    (read as u64 == length).then_some(body)
}

/// Reads the file of batch `number`; `None` if any of it is missing or damaged.
pub(super) fn read(file: &[u8], number: u64, node: NodeName) -> Result<Option<BatchFile>, SpoolError> {
    let Some(header) = SegmentHeader::read_as(MAGIC, file) else { return Ok(None) };
    if !(1..=VERSION).contains(&header.version) {
        return Err(SpoolError::Version { number, version: header.version });
    }
    if header.node != node {
        return Err(SpoolError::Foreign { number, node: header.node.to_string() });
    }
    if header.number != number || file.len() == HEADER {
        return Ok(None);
    }
    let (mut whole, mut mended) = (Vec::with_capacity(file.len()), 0);
    for piece in SegmentPieces::new(file, &header) {
        let SegmentPiece::Frame { payload, .. } = piece else { return Ok(None) };
        mended += u64::from(matches!(payload, Cow::Owned(_)));
        whole.extend_from_slice(&payload);
    }
    let Some(body) = body(&whole) else { return Ok(None) };
    match batch_codec::read(&body, header.version) {
        Ok((events, rows)) => Ok(Some(BatchFile { header, events, rows, mended })),
        Err(error) => {
            tracing::warn!(number, %error, "spool: malformed batch");
            Ok(None)
        }
    }
}
