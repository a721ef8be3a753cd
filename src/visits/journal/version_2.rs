//! The journal of the version before, which knew thirteen dimensions. It is read, so that an upgrade in the middle of a day
//! counts nobody twice, and never written.

use serde::Deserialize;

use super::super::day::{View, Visit};
use super::SavedDay;
use super::note::Entry;

const DIMENSIONS: usize = 13;

/// [`SavedDay`] as it was.
#[derive(Deserialize)]
struct Day {
    site: String,
    day: u16,
    key: Vec<u8>,
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
    let days: Vec<Day> = postcard::from_bytes(snapshot).ok()?;
    Some(days.into_iter().map(SavedDay::from).collect())
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

impl From<Day> for SavedDay {
    fn from(day: Day) -> Self {
        let Day { site, day, key, pages, values, actions, properties, seen, open } = day;
        let open = open.into_iter().map(|(tag, visit)| (tag, visit.into())).collect();
        Self { site, day, key, pages, values: widened(values), actions, properties, seen, open }
    }
}

impl From<Open> for Visit {
    fn from(visit: Open) -> Self {
        let Open { entry, entry_values, last_seen, bounce, current, previous } = visit;
        Self { entry, entry_values: widened(entry_values), last_seen, bounce, current, previous }
    }
}
