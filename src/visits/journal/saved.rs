//! A site's day as a snapshot keeps it: written from where it is, without a copy, and read into one that is wiped.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroize;

use super::super::day::{DayVisits, Visit};
use crate::privacy::event::DIMENSIONS;

/// A day in memory, to be written as a [`SavedDay`].
pub(crate) struct Keeping<'v> {
    pub(in crate::visits) site: &'v str,
    pub(in crate::visits) day: &'v DayVisits,
}

impl Serialize for Keeping<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (day, lexicon) = (self.day, &self.day.lexicon);
        let mut saved = serializer.serialize_struct("SavedDay", 10)?;
        saved.serialize_field("site", self.site)?;
        saved.serialize_field("day", &day.day.0)?;
        saved.serialize_field("key", day.key().as_slice())?;
        saved.serialize_field("pages", &Each(lexicon.pages.texts()))?;
        saved.serialize_field("values", &lexicon.values.each_ref().map(|words| Each(words.texts())))?;
        saved.serialize_field("actions", &Each(lexicon.actions.texts()))?;
        saved.serialize_field("properties", &Each(lexicon.properties.texts()))?;
        saved.serialize_field("rows", &Each(day.rows.numbers()))?;
        saved.serialize_field("seen", &Each(day.seen()))?;
        saved.serialize_field("open", &Each(day.open()))?;
        saved.end()
    }
}

/// A list, one by one.
struct Each<I>(I);

impl<I: ExactSizeIterator<Item: Serialize> + Clone> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
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
