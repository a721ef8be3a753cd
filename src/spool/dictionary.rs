//! A segment's dictionary: a text is written once and then referred to by number. The numbers are explicit and without
//! gaps, so that a reader that lost a frame knows which texts are missing, and never confuses two.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::event::Term;
use crate::mix::GOLDEN;
use crate::spool::codec_error::CodecError;
use crate::spool::varint;
use crate::spool::varint::ByteReader;

/// The writing side: maps term ids of the event source to the segment's numbers.
#[derive(Default)]
pub(super) struct DictionaryWriter {
    numbers: HashMap<u32, u32, BuildHasherDefault<SpreadHasher>>,
    fresh: Vec<u8>,
    fresh_count: u32,
    next: u32,
}

impl DictionaryWriter {
    /// The segment's number for `term`, which is defined if new.
    pub(super) fn number(&mut self, term: Term<'_>) -> u32 {
        if let Some(&number) = self.numbers.get(&term.id) {
            return number;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(term.id, number);
        self.fresh_count += 1;
        varint::put(&mut self.fresh, term.text.len() as u64);
        self.fresh.extend_from_slice(term.text.as_bytes());
        number
    }

    /// Writes the definitions added since the last call.
    pub(super) fn put_fresh(&mut self, out: &mut Vec<u8>) {
        varint::put(out, u64::from(self.fresh_count));
        if self.fresh_count > 0 {
            varint::put(out, u64::from(self.next - self.fresh_count));
            out.extend_from_slice(&self.fresh);
            self.fresh.clear();
            self.fresh_count = 0;
        }
    }

    /// Rolls back all definitions from `first` on: their frame is not written.
    pub(super) fn forget_from(&mut self, first: u32) {
        self.numbers.retain(|_, number| *number < first);
        self.next = first;
        self.fresh.clear();
        self.fresh_count = 0;
    }

    /// Number of the next new text.
    pub(super) fn next(&self) -> u32 {
        self.next
    }
}

/// Hasher for consecutive numbers: one multiplication spreads them over the whole table.
#[derive(Default)]
struct SpreadHasher(u64);

impl Hasher for SpreadHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(GOLDEN);
    }
}

/// The reading side: texts by number, with gaps for lost definitions.
#[derive(Default)]
pub(super) struct DictionaryReader(Vec<Option<Box<str>>>);

impl DictionaryReader {
    /// Reads the definitions at the start of `input`. `lost` is the number of unreadable bytes of the segment: an upper
    /// bound for the missing texts.
    pub(super) fn define(&mut self, input: &mut ByteReader<'_>, lost: usize) -> Result<(), CodecError> {
        let count = input.varint()?;
        if count == 0 {
            return Ok(());
        }
        let first = input.u32()? as usize;
        let missing = first.checked_sub(self.0.len()).ok_or(CodecError::Defined)?;
        if missing > lost {
            return Err(CodecError::Defined);
        }
        self.0.resize(first, None);
        for _ in 0..count {
            let length = input.u32()? as usize;
            let text = std::str::from_utf8(input.take(length)?).map_err(|_| CodecError::Text)?;
            self.0.push(Some(text.into()));
        }
        Ok(())
    }

    #[inline]
    pub(super) fn term(&self, number: u32) -> Result<Term<'_>, CodecError> {
        match self.0.get(number as usize) {
            Some(Some(text)) => Ok(Term { id: number, text }),
            Some(None) | None => Err(CodecError::Undefined),
        }
    }
}
