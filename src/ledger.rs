//! The one lock: what a sighting changes in memory, its note in the journal, and its event in the spool are decided
//! together, so that all three have one order. When the spool loses events, to a failed sync, memory is made again
//! what it was at the last durable one: nobody stays "seen" by a hit that was refused.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::hit_tally::{HitTally, TallyRow};
use crate::lock::lock;
use crate::privacy::{Anonymiser, Sighting};
use crate::spool::{self, Position, Receipt, SegmentInfo, Spool, SpoolError, Unavailable};
use crate::visits::journal;
use crate::visits::journal::{Journal, JournalError, JournalLocation};
use crate::visits::{BoundsMet, VisitBounds, Visits};

/// Rows of the tally that are written in one turn: hits wait as long.
const TALLY_ROWS: usize = 256;

/// Visits, journal and spool under one lock.
pub struct Ledger {
    memory: Mutex<LedgerState>,
    spool: Spool,
    tally: HitTally,
    anonymiser: Arc<Anonymiser>,
    bounds: VisitBounds,
}

/// How a sighting was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordResult {
    /// Its visitor could be tagged.
    pub tagged: bool,
    /// Bounds that it met.
    pub met: BoundsMet,
}

struct LedgerState {
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
        runtime: &crate::config::RuntimeConfig,
        limits: &crate::config::LimitsConfig,
        now: jiff::Timestamp,
    ) -> Result<Self, JournalError> {
        let bounds = VisitBounds::from(limits).shared_by(anonymiser.sites().iter().count());
        let bounds = bounds.weighed_for(anonymiser.protection());
        let place = JournalLocation::new(&runtime.dir, runtime.allow_disk, spool.node());
        let (journal, generations) = Journal::open(place)?;
        let (sites, keys) = (anonymiser.sites(), anonymiser.keys());
        let durable = |position| spool.is_durable(position);
        let recalled = journal::recall(&generations, durable, &sites, keys, bounds);
        drop(generations);
        if journal.discarded > 0 && recalled.visits.tags() == 0 {
            let generations = journal.discarded;
            tracing::warn!(
                generations,
                "journal: not of this spool or release, discarded; today's visitors count again"
            );
        }
        let mut memory =
            LedgerState { visits: recalled.visits, journal, last: recalled.last, failures: 0, suspended: false };
        memory.visits.forget_past(now);
        anonymiser.destroy_past_keys(now);
        if memory.visits.tags() > 0 {
            tracing::info!(tags = memory.visits.tags(), notes = recalled.notes, "ledger: visit state recovered");
        }
        memory
            .journal
            .begin(&memory.visits, memory.last)
            .map_err(|error| JournalError::Files(runtime.dir.clone(), error))?;
        memory.journal.before().destroy();
        Ok(Self { memory: Mutex::new(memory), spool, tally: HitTally::default(), anonymiser, bounds })
    }

    /// Generations of the journal that the start discarded, since they do not fit the spool.
    pub fn discarded_generations(&self) -> u64 {
        self.lock().journal.discarded
    }

    /// Keeps the next place in memory, journal and spool for the sightings of one request.
    ///
    /// # Errors
    /// When the spool takes nothing now.
    pub fn turn(&self) -> Result<LedgerTransaction<'_>, Unavailable> {
        let mut memory = self.lock();
        let spool = self.spool.turn()?;
        if spool.failures() != memory.failures {
            self.take_back(&mut memory, spool.failures(), |position| spool.is_durable(position));
        }
        Ok(LedgerTransaction { memory, spool })
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

    /// Hits that are not a visitor's, and outcomes.
    pub fn tally(&self) -> &HitTally {
        &self.tally
    }

    /// Writes what was added up of other hits to the spool, and ends its segment; see [`Spool::seal`]. What the spool
    /// does not keep is added up again.
    ///
    /// # Errors
    /// As [`Spool::seal`].
    pub async fn seal(&self) -> Result<(), Unavailable> {
        let mut rows = self.tally.take();
        let mut written = Vec::new();
        while !rows.is_empty() {
            let turn_rows = rows.split_off(rows.len().saturating_sub(TALLY_ROWS));
            match self.append_tally(&turn_rows) {
                Ok(receipt) => written.push((receipt, turn_rows)),
                Err(Unavailable) => self.tally.put_back(turn_rows),
            }
        }
        let sealed = self.spool.seal().await;
        for (receipt, turn_rows) in written {
            if receipt.await.is_err() {
                self.tally.put_back(turn_rows);
            }
        }
        sealed
    }

    fn append_tally(&self, rows: &[TallyRow]) -> Result<Receipt, Unavailable> {
        let mut turn = self.turn()?;
        for of_site in rows.chunk_by(|a, b| a.site == b.site) {
            let site = turn.memory.visits.fresh_term_id();
            for row in of_site {
                let page = turn.memory.visits.fresh_term_id();
                turn.spool.append(&row.event(site, page))?;
            }
        }
        Ok(turn.end())
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
        let past = memory.journal.settle(|position| self.spool.is_durable(position));
        let left = (memory.visits.tags(), memory.visits.open_visits(), memory.visits.rows());
        drop(memory);
        past.destroy();
        left
    }

    /// Visits in progress on one site: exact, for the console to draw from.
    pub fn open_visits_of(&self, site: &str) -> usize {
        self.lock().visits.open_visits_of(site)
    }

    /// Makes memory what it was at the last durable event.
    fn take_back(&self, memory: &mut LedgerState, failures: u64, is_durable: impl Fn(Position) -> bool) {
        let generations = memory.journal.generations();
        memory.visits = Visits::new(self.bounds); // not twice in memory
        let (sites, keys) = (self.anonymiser.sites(), self.anonymiser.keys());
        let recalled = journal::recall(&generations, is_durable, &sites, keys, self.bounds);
        memory.visits = recalled.visits;
        memory.last = recalled.last;
        memory.failures = failures;
        memory.begin_generation();
        memory.journal.before().destroy();
        tracing::warn!(tags = memory.visits.tags(), "ledger: visit state rolled back to last durable event");
    }

    fn lock(&self) -> MutexGuard<'_, LedgerState> {
        lock(&self.memory)
    }
}

/// What one request changes: all of it is durable, or none of it is.
pub struct LedgerTransaction<'l> {
    memory: MutexGuard<'l, LedgerState>,
    spool: spool::AppendTurn<'l>,
}

impl LedgerTransaction<'_> {
    /// Counts a sighting, and the search that it answers, and hands their events to the spool.
    ///
    /// # Errors
    /// For an event that no frame holds; the bounds of what a sighting has let none grow to that.
    pub fn record(&mut self, sighting: Sighting<'_>) -> Result<RecordResult, Unavailable> {
        let mut sighting = sighting;
        let seated = self.memory.visits.seat(&mut sighting);
        let recorded = self.count(&sighting)?;
        let recorded = RecordResult { met: recorded.met.or(seated), ..recorded };
        let Some(mut search) = sighting.search() else { return Ok(recorded) };
        let seated = self.memory.visits.seat(&mut search).or(recorded.met);
        let met = seated.or(self.count(&search)?.met);
        Ok(RecordResult { met, ..recorded })
    }

    /// Ends the turn; the receipt resolves when all that was recorded in it is durable.
    pub fn end(self) -> Receipt {
        self.spool.end()
    }

    fn count(&mut self, sighting: &Sighting<'_>) -> Result<RecordResult, Unavailable> {
        let (memory, position) = (&mut *self.memory, self.spool.position());
        memory.note(position, sighting);
        let counted = memory.visits.count(sighting);
        self.spool.append(&counted.event)?;
        let recorded = RecordResult { tagged: counted.tagged, met: counted.met };
        memory.last = Some(position);
        Ok(recorded)
    }
}

impl LedgerState {
    fn note(&mut self, position: Position, sighting: &Sighting<'_>) {
        if !self.suspended && !self.journal.note(position, sighting, &self.visits) && self.begin_generation() {
            self.suspended = !self.journal.note(position, sighting, &self.visits);
        }
    }

    fn begin_generation(&mut self) -> bool {
        let begun = self.journal.begin(&self.visits, self.last);
        if let Err(error) = &begun {
            tracing::error!(kind = ?error.kind(), "journal: no room for a snapshot; a restart now would count visitors again");
        }
        self.suspended = begun.is_err();
        begun.is_ok()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
