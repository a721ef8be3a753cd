//! Writes a site's day as a [`DaySnapshot`](crate::visits::journal::snapshot::DaySnapshot), directly from memory,
//! without a copy.

use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::visits::day::DayVisits;
use crate::visits::interner::BoundedTexts;

/// A day in memory, serialised as a snapshot.
pub(crate) struct DayWriter<'v> {
    pub(in crate::visits) site: &'v str,
    pub(in crate::visits) day: &'v DayVisits,
}

impl Serialize for DayWriter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (day, interner) = (self.day, &self.day.interner);
        let (common_rows, rows) = day.rows.kept();
        let mut saved = serializer.serialize_struct("SavedDay", 11)?;
        saved.serialize_field("site", self.site)?;
        saved.serialize_field("day", &day.day.0)?;
        saved.serialize_field("key", day.key().as_slice())?;
        saved.serialize_field("pages", &texts(&interner.pages))?;
        saved.serialize_field("values", &interner.values.each_ref().map(texts))?;
        saved.serialize_field("actions", &texts(&interner.actions))?;
        saved.serialize_field("properties", &texts(&interner.properties))?;
        saved.serialize_field("common_rows", &CountedSeq(common_rows.clone().count(), common_rows))?;
        let number = |number: u64, out: &mut Vec<u8>| out.extend_from_slice(&number.to_le_bytes());
        saved.serialize_field("rows", &ChunkedSeq(rows.len(), rows.iter(), number))?;
        saved.serialize_field("seen", &ChunkedSeq(day.seen().len(), day.seen().iter(), number))?;
        let visit = |number, out: &mut _| day.open.put(number, out);
        saved.serialize_field("open", &ChunkedSeq(day.open.len(), day.open.numbers(), visit))?;
        saved.end()
    }
}

/// A sequence of known length, element by element.
struct CountedSeq<I>(usize, I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for CountedSeq<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0))?;
        self.1.clone().try_for_each(|item| list.serialize_element(&item))?;
        list.end()
    }
}

/// Numbers or visits per piece, and the largest bytes of one.
const PIECE: usize = 512;
const BYTES_MAX: usize = 78;

/// A sequence of known length in pieces of encoded bytes: element by element, encoding would take most of the time of a
/// snapshot, during which hits wait.
struct ChunkedSeq<I, F>(usize, I, F);

impl<I: Iterator + Clone, F: Fn(I::Item, &mut Vec<u8>)> Serialize for ChunkedSeq<I, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (many, mut all) = (self.0.div_ceil(PIECE), self.1.clone());
        let mut pieces = serializer.serialize_seq(Some(many))?;
        // Never reallocated: its content is wiped on drop.
        let mut piece = Zeroizing::new(Vec::with_capacity(PIECE * BYTES_MAX));
        for _ in 0..many {
            piece.clear();
            all.by_ref().take(PIECE).for_each(|item| self.2(item, &mut piece));
            pieces.serialize_element(&ByteChunk(&piece))?;
        }
        pieces.end()
    }
}

struct ByteChunk<'p>(&'p [u8]);

impl Serialize for ByteChunk<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn texts(words: &BoundedTexts) -> CountedSeq<impl Iterator<Item = &str> + Clone> {
    let texts = words.texts();
    CountedSeq(texts.len(), texts)
}
