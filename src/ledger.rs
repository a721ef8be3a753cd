//! The one lock: what a sighting changes in memory, its note in the journal, and its event in the spool are decided
//! together, so that all three have one order. When the spool loses events, to a failed sync, memory is made again
//! what it was at the last durable one: nobody stays "seen" by a hit that was refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::privacy::{Anonymiser, Sighting};
use crate::spool::{Position, Receipt, SegmentInfo, Spool, SpoolError, Unavailable};
use crate::visits::journal::{self, Journal, JournalError, Place};
use crate::visits::{Bounds, Met, Visits};

/// Visits, journal and spool under one lock.
pub struct Ledger {
    memory: Mutex<Memory>,
    spool: Spool,
    anonymiser: Arc<Anonymiser>,
    bounds: Bounds,
}

/// How a sighting was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Its visitor could be tagged.
    pub tagged: bool,
    /// Bounds that it met.
    pub met: Met,
}

struct Memory {
    visits: Visits,
    journal: Journal,
    /// The last event that `visits` knows of.
    last: Option<Position>,
    /// The spool's failures that `visits` knows of.
    failures: u64,
    /// The journal has no room; it is tried again with the next housekeeping, not with every hit.
    suspended: bool,
}

impl Ledger {
    /// Over an opened spool, with what the journal in `folder` has kept over a restart, as it is at `now`.
    ///
    /// # Errors
    /// When the folder is not in memory, in use, or cannot be written.
    pub fn open(
        spool: Spool,
        anonymiser: Arc<Anonymiser>,
        runtime: &crate::config::Runtime,
        limits: &crate::config::Limits,
        now: jiff::Timestamp,
    ) -> Result<Self, JournalError> {
        let bounds = Bounds::from(limits);
        let place = Place::new(&runtime.dir, runtime.allow_disk, spool.node());
        let (journal, generations) = Journal::open(place)?;
        let (sites, keys) = (anonymiser.sites(), anonymiser.keys());
        let durable = |position| spool.is_durable(position);
        let recalled = journal::recall(&generations, durable, &sites, keys, bounds);
        drop(generations);
        let mut memory =
            Memory { visits: recalled.visits, journal, last: recalled.last, failures: 0, suspended: false };
        memory.visits.forget_past(now);
        anonymiser.destroy_past_keys(now);
        if memory.visits.tags() > 0 {
            tracing::info!(tags = memory.visits.tags(), notes = recalled.notes, "memory was taken up again");
        }
        memory
            .journal
            .begin(&memory.visits, memory.last)
            .map_err(|error| JournalError::Files(runtime.dir.clone(), error))?;
        memory.journal.forget_before();
        Ok(Self { memory: Mutex::new(memory), spool, anonymiser, bounds })
    }

    /// Counts a sighting and hands its event to the spool. The receipt resolves when the event is durable; with it
    /// comes which bounds the sighting met.
    ///
    /// # Errors
    /// When the spool cannot take it now.
    pub fn record(&self, sighting: &Sighting<'_>) -> Result<(Receipt, Recorded), Unavailable> {
        let mut memory = self.lock();
        let turn = self.spool.turn()?;
        if turn.failures() != memory.failures {
            self.take_back(&mut memory, turn.failures(), |position| turn.is_durable(position));
        }
        let position = turn.position();
        memory.note(position, sighting);
        let counted = memory.visits.count(sighting);
        let recorded = Recorded { tagged: counted.tagged, met: counted.met };
        let receipt = turn.append(&counted.event)?;
        memory.last = Some(position);
        Ok((receipt, recorded))
    }

    /// The segments to ship, oldest first. Memory is taken back first if need be: once a segment that ended by a
    /// failure is gone, nothing tells any more which of its events were lost.
    pub fn sealed(&self) -> Vec<SegmentInfo> {
        let sealed = self.spool.sealed();
        let mut memory = self.lock();
        let failures = self.spool.failures();
        if failures != memory.failures {
            self.take_back(&mut memory, failures, |position| self.spool.is_durable(position));
        }
        sealed
    }

    /// Takes away a segment that was shipped.
    ///
    /// # Errors
    /// As [`Spool::remove`].
    pub fn remove(&self, segment: u64) -> Result<(), SpoolError> {
        self.lock().journal.note_shipped(segment);
        self.spool.remove(segment)
    }

    /// The spool, for those who empty it.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Forgets what is over at `now`; gives the tags, visits and rows that are left.
    pub fn forget_past(&self, now: jiff::Timestamp) -> (usize, usize, usize) {
        let mut memory = self.lock();
        if memory.visits.forget_past(now) || memory.suspended {
            memory.begin_generation();
        }
        memory.journal.settle(|position| self.spool.is_durable(position));
        (memory.visits.tags(), memory.visits.open_visits(), memory.visits.rows())
    }

    /// Makes memory what it was at the last durable event.
    fn take_back(&self, memory: &mut Memory, failures: u64, is_durable: impl Fn(Position) -> bool) {
        let generations = memory.journal.generations();
        memory.visits = Visits::new(self.bounds); // not twice in memory
        let (sites, keys) = (self.anonymiser.sites(), self.anonymiser.keys());
        let recalled = journal::recall(&generations, is_durable, &sites, keys, self.bounds);
        memory.visits = recalled.visits;
        memory.last = recalled.last;
        memory.failures = failures;
        memory.begin_generation();
        memory.journal.forget_before();
        tracing::warn!(tags = memory.visits.tags(), "memory was taken back to the last durable event");
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn note(&mut self, position: Position, sighting: &Sighting<'_>) {
        if !self.suspended && !self.journal.note(position, sighting, &self.visits) && self.begin_generation() {
            self.suspended = !self.journal.note(position, sighting, &self.visits);
        }
    }

    fn begin_generation(&mut self) -> bool {
        let begun = self.journal.begin(&self.visits, self.last);
        if let Err(error) = &begun {
            tracing::error!(kind = ?error.kind(), "the journal has no room; a restart now would count people again");
        }
        self.suspended = begun.is_err();
        begun.is_ok()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
