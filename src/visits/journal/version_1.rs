//! The journal of the first version, which knew thirteen dimensions. It is read, so that an upgrade in the middle of a day
//! counts nobody twice, and never written.

use std::mem::take;

use serde::Deserialize;
use zeroize::Zeroize;

use super::super::day::{View, Visit};
use super::note::Entry;
use super::{KeyBytes, SavedDay};

const DIMENSIONS: usize = 13;

/// [`SavedDay`] as it was.
#[derive(Deserialize)]
struct Day {
    site: String,
    day: u16,
    key: KeyBytes,
    pages: Vec<String>,
    values: [Vec<String>; DIMENSIONS],
    actions: Vec<String>,
    properties: Vec<String>,
    seen: Vec<u64>,
    open: Vec<(u64, Open)>,
}

/// [`Visit`] as it was.
#[derive(Deserialize)]
struct Open {
    entry: View,
    entry_values: [u16; DIMENSIONS],
    last_seen: i64,
    bounce: bool,
    current: View,
    previous: Option<View>,
}

/// The days of a snapshot.
pub(super) fn days(snapshot: &[u8]) -> Option<Vec<SavedDay>> {
    let mut days: Vec<Day> = postcard::from_bytes(snapshot).ok()?;
    Some(days.iter_mut().map(Day::taken).collect())
}

/// A note.
pub(super) fn entry(payload: &[u8]) -> Option<Entry<'_>> {
    let entry: Entry<'_, [Option<&str>; DIMENSIONS]> = postcard::from_bytes(payload).ok()?;
    Some(entry.with(widened))
}

/// The values of the dimensions that there were, and none of those that came later.
fn widened<V: Default, const N: usize>(values: [V; DIMENSIONS]) -> [V; N] {
    let mut values = values.into_iter();
    std::array::from_fn(|_| values.next().unwrap_or_default())
}

impl Day {
    /// All of it as it is now; no key is left here.
    fn taken(&mut self) -> SavedDay {
        let open = take(&mut self.open).into_iter().map(|(tag, visit)| (tag, visit.into())).collect();
        let saved = SavedDay {
            site: take(&mut self.site),
            day: self.day,
            key: self.key,
            pages: take(&mut self.pages),
            values: widened(take(&mut self.values)),
            actions: take(&mut self.actions),
            properties: take(&mut self.properties),
            seen: take(&mut self.seen),
            open,
        };
        self.key.zeroize();
        saved
    }
}

impl From<Open> for Visit {
    fn from(visit: Open) -> Self {
        let Open { entry, entry_values, last_seen, bounce, current, previous } = visit;
        Self { entry, entry_values: widened(entry_values), last_seen, bounce, current, previous }
    }
}
