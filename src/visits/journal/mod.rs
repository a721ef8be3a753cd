//! What a restart needs, in a folder in memory: open visits, seen tags, today's keys. It must never be on a disk: a
//! power cut destroys it, and then, and only then, people may be counted again that day.
//!
//! The journal is a chain of generations, one file each, of which one is written to:
//!
//! ```text
//! visits-<generation>   magic "SILLAGEJ" · version u32 · node [16] · last position (flag u8, segment u64, index u64)
//!                       · highest segment that was shipped u64
//!                       snapshot: length u64 · CRC-32 u32 · postcard of SavedDay, repeated
//!                       notes:    length u32 · CRC-32 u32 · postcard of Entry, repeated, then zeros
//! ```
//!
//! A snapshot is everything up to the event at its last position; a note is one sighting. The notes are mapped into
//! memory: noting is a copy, and survives the process at once. Every sighting is noted before its event is handed to
//! the spool, with the place that the event will have there. So after a crash, or a failed sync, the truth is: the
//! newest snapshot whose last event is durable, and those of its notes whose events are durable, counted again.
//!
//! A generation ends when its notes are full or a day's key is destroyed; the next begins with a new snapshot. The old
//! file goes as soon as the new snapshot's last event is durable, and with it all that was forgotten.

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

/// What was made of the generations.
pub(crate) struct JournalRecovery {
    /// Visits and tags as they were at the last durable event.
    pub(crate) visits: Visits,
    /// That event.
    pub(crate) last: Option<Position>,
    /// Notes that were counted again.
    pub(crate) notes: u64,
}

/// Makes memory again what it was at the last durable event, from the newest generation that knows no later one.
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
    /// Notes a sighting that `visits` will count next, and whose event will stand at `position`; false when the
    /// generation is full, and nothing was noted.
    pub(crate) fn note(&mut self, position: Position, sighting: &Sighting<'_>, visits: &Visits) -> bool {
        self.write_entry(&JournalEntry::Sighting(HitEntry::of(position, sighting, visits)))
    }

    /// Notes that segments up to `segment` are shipped. Must be called before one is removed: afterwards nothing else
    /// tells that its events were durable.
    pub(crate) fn note_shipped(&mut self, segment: u64) {
        self.shipped = self.shipped.max(segment);
        // Where there is no room, the next generation's head says it.
        self.write_entry(&JournalEntry::Shipped(segment));
    }

    /// Begins a generation with everything that is in memory; `last` is the event that it was counted up to.
    ///
    /// # Errors
    /// When the folder has no room for it. The old generation then goes on.
    pub(crate) fn begin(&mut self, visits: &Visits, last: Option<Position>) -> io::Result<()> {
        self.write_generation(&visits.kept(), last)
    }
}
