//! A site's day as a snapshot keeps it: written from where it is, without a copy, and read into one that is wiped.

use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroize;

use super::super::day::{DayVisits, Visit};
use super::super::lexicon::Words;
use super::super::rows::Common;
use crate::privacy::event::DIMENSIONS;

/// A day in memory, to be written as a [`SavedDay`].
pub(crate) struct Keeping<'v> {
    pub(in crate::visits) site: &'v str,
    pub(in crate::visits) day: &'v DayVisits,
}

impl Serialize for Keeping<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (day, lexicon) = (self.day, &self.day.lexicon);
        let (common_rows, rows) = day.rows.kept();
        let mut saved = serializer.serialize_struct("SavedDay", 11)?;
        saved.serialize_field("site", self.site)?;
        saved.serialize_field("day", &day.day.0)?;
        saved.serialize_field("key", day.key().as_slice())?;
        saved.serialize_field("pages", &texts(&lexicon.pages))?;
        saved.serialize_field("values", &lexicon.values.each_ref().map(texts))?;
        saved.serialize_field("actions", &texts(&lexicon.actions))?;
        saved.serialize_field("properties", &texts(&lexicon.properties))?;
        saved.serialize_field("common_rows", &Each(common_rows.clone().count(), common_rows))?;
        saved.serialize_field("rows", &Each(rows.len(), rows.iter()))?;
        saved.serialize_field("seen", &Each(day.seen().len(), day.seen().iter()))?;
        saved.serialize_field("open", &Each(day.open.len(), day.open.iter()))?;
        saved.end()
    }
}

/// A list of so many, one by one.
struct Each<I>(usize, I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0))?;
        self.1.clone().try_for_each(|one| list.serialize_element(&one))?;
        list.end()
    }
}

fn texts(words: &Words) -> Each<impl Iterator<Item = &str> + Clone> {
    let texts = words.texts();
    Each(texts.len(), texts)
}

/// Everything that is remembered of one site's day.
#[derive(Deserialize)]
pub(crate) struct SavedDay {
    pub(crate) site: String,
    pub(crate) day: u16,
    /// In a place of its own: what is moved, or read by way of the stack, leaves copies behind.
    pub(crate) key: Vec<u8>,
    pub(crate) pages: Vec<String>,
    pub(crate) values: [Vec<String>; DIMENSIONS],
    pub(crate) actions: Vec<String>,
    pub(crate) properties: Vec<String>,
    pub(in crate::visits) common_rows: Vec<Common>,
    pub(crate) rows: Vec<u64>,
    pub(crate) seen: Vec<u64>,
    pub(crate) open: Vec<(u64, Visit)>,
}

impl Drop for SavedDay {
    fn drop(&mut self) {
        self.key.zeroize();
        self.seen.zeroize();
    }
}
