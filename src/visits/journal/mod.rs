//! The restart journal, in a folder in memory: open visits, seen tags, today's keys. It must never be on a disk: a
//! power cut destroys it, and only then may visitors be counted again on that day.
//!
//! The journal is a chain of generations, one file each, of which the newest is open:
//!
//! ```text
//! visits-<generation>   magic "SILLAGEJ" · version u32 · node [16] · last position (flag u8, segment u64, index u64)
//!                       · highest segment that was shipped u64
//!                       snapshot: length u64 · CRC-32 u32 · postcard of DaySnapshot, repeated
//!                       entries:  length u32 · CRC-32 u32 · postcard of JournalEntry, repeated, then zeros
//! ```
//!
//! A snapshot holds the state up to the event at its last position; an entry is one sighting. Entries are written to
//! mapped memory: a write is a copy, and survives the process at once. Every sighting is written before its event goes
//! to the spool, with the event's position. After a crash or a failed sync, the state is recovered from the newest
//! snapshot whose last event is durable, and from its entries whose events are durable, which are counted again.
//!
//! A generation ends when its room is full or a day's key is destroyed; the next begins with a new snapshot. The old
//! file is removed once the new snapshot's last event is durable, and with it all expired data.

pub(super) mod day_writer;
mod entry;
mod files;
mod generation;
pub(crate) mod snapshot;

use std::io;

pub use files::JournalError;
pub(crate) use files::{Journal, notes_bytes};
pub(crate) use generation::{Generation, JournalLocation, shipped};

use crate::privacy::Sighting;
use crate::privacy::tag::day_key::KeyRing;
use crate::sites::Sites;
use crate::spool::Position;
use crate::visits::journal::entry::{HitEntry, JournalEntry};
use crate::visits::{VisitBounds, Visits};

/// State recovered from the generations.
pub(crate) struct JournalRecovery {
    /// Visits and tags as they were at the last durable event.
    pub(crate) visits: Visits,
    /// Position of that event.
    pub(crate) last: Option<Position>,
    /// Number of entries that were counted again.
    pub(crate) notes: u64,
}

/// Recovers the state of the last durable event, from the newest generation without a later one.
pub(crate) fn recall(
    generations: &[Generation],
    is_durable: impl Fn(Position) -> bool,
    sites: &Sites,
    keys: &KeyRing,
    bounds: VisitBounds,
) -> JournalRecovery {
    let shipped = shipped(generations);
    let is_durable = |position: Position| position.segment <= shipped || is_durable(position);
    let known = generations.iter().find(|generation| generation.last.is_none_or(is_durable));
    let mut recalled = JournalRecovery { visits: Visits::new(bounds), last: None, notes: 0 };
    let Some(generation) = known else { return recalled };
    recalled.last = generation.last;
    for day in generation.days() {
        if let Some(site) = sites.find(&day.site) {
            keys.recall(site, crate::event::Day(day.day), &day.key);
            recalled.visits.recall(site, &day, keys);
        }
    }
    for note in entry::read(generation.notes()) {
        let (position, visit_may_begin) = (note.position, note.visit_may_begin);
        if !is_durable(position) {
            break;
        }
        let Some(sighting) = note.sighting(sites, keys, &recalled.visits) else { continue };
        recalled.visits.count_again(&sighting, visit_may_begin);
        recalled.last = Some(position);
        recalled.notes += 1;
    }
    recalled
}

impl Journal {
    /// Writes a sighting that `visits` counts next and whose event goes to `position`; returns false and writes nothing
    /// if the generation is full.
    pub(crate) fn note(&mut self, position: Position, sighting: &Sighting<'_>, visits: &Visits) -> bool {
        self.write_entry(&JournalEntry::Sighting(HitEntry::of(position, sighting, visits)))
    }

    /// Records that segments up to `segment` are shipped. Must be called before one is removed: afterwards the
    /// durability of its events is unknown.
    pub(crate) fn note_shipped(&mut self, segment: u64) {
        self.shipped = self.shipped.max(segment);
        // Without room, the next generation's head records it.
        self.write_entry(&JournalEntry::Shipped(segment));
    }

    /// Begins a generation with the whole state in memory; `last` is its latest event.
    ///
    /// # Errors
    /// When the folder has no room. The old generation then stays open.
    pub(crate) fn begin(&mut self, visits: &Visits, last: Option<Position>) -> io::Result<()> {
        self.write_generation(&visits.kept(), last)
    }
}
