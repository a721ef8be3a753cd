//! One lock over visits, journal and spool: a sighting's change in memory, its journal entry and its event are made
//! together, so that all three have one order. When a failed sync loses events, visit state is rolled back to the last
//! durable event: no visitor stays "seen" by a hit that was rejected.

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

/// Result of counting one sighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordResult {
    /// The visitor got a tag; false if memory for tags was full.
    pub tagged: bool,
    /// Bounds that the sighting exceeded.
    pub met: BoundsMet,
}

struct LedgerState {
    visits: Visits,
    journal: Journal,
    /// Position of the last event in `visits`.
    last: Option<Position>,
    /// Number of spool failures that `visits` reflects.
    failures: u64,
    /// The journal is out of room; retried at the next housekeeping, not with every hit.
    suspended: bool,
}

impl Ledger {
    /// Opens the ledger over a spool, with the state that the journal in `folder` kept over a restart, as of `now`.
    ///
    /// # Errors
    /// When the folder is not in memory, is in use, or cannot be written.
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
                "journal: from another spool or release, discarded; today's visitors count again"
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

    /// Journal generations that the start discarded because they do not match the spool.
    pub fn discarded_generations(&self) -> u64 {
        self.lock().journal.discarded
    }

    /// Begins a transaction: the lock over memory, journal and spool for all sightings of one request.
    ///
    /// # Errors
    /// When the spool accepts no events now.
    pub fn turn(&self) -> Result<LedgerTransaction<'_>, Unavailable> {
        let mut memory = self.lock();
        let spool = self.spool.turn()?;
        if spool.failures() != memory.failures {
            self.take_back(&mut memory, spool.failures(), |position| spool.is_durable(position));
        }
        Ok(LedgerTransaction { memory, spool })
    }

    /// The segments to ship, oldest first. Visit state is rolled back first if needed: once a failed segment is
    /// removed, its lost events are unknown.
    pub fn sealed(&self) -> Vec<SegmentInfo> {
        let sealed = self.spool.sealed();
        let mut memory = self.lock();
        let failures = self.spool.failures();
        if failures != memory.failures {
            self.take_back(&mut memory, failures, |position| self.spool.is_durable(position));
        }
        sealed
    }

    /// Removes a shipped segment.
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

    /// Writes the tally of robots and outcomes to the spool, and ends its segment; see [`Spool::seal`]. Counts that the
    /// spool rejects go back to the tally.
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

    /// The spool, for shipping and statistics.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Drops visits, tags and rows that have expired at `now`; returns the numbers of tags, visits and rows left.
    pub fn forget_past(&self, now: jiff::Timestamp) -> (usize, usize, usize) {
        let mut memory = self.lock();
        if memory.visits.forget_past(now) || memory.suspended {
            memory.begin_generation();
        }
        let past = memory.journal.settle(|position| self.spool.is_durable(position));
        let remaining = (memory.visits.tags(), memory.visits.open_visits(), memory.visits.rows());
        drop(memory);
        past.destroy();
        remaining
    }

    /// Visits in progress on one site: exact, not yet rounded for publication.
    pub fn open_visits_of(&self, site: &str) -> usize {
        self.lock().visits.open_visits_of(site)
    }

    /// Rolls visit state back to the last durable event.
    fn take_back(&self, memory: &mut LedgerState, failures: u64, is_durable: impl Fn(Position) -> bool) {
        let generations = memory.journal.generations();
        memory.visits = Visits::new(self.bounds); // only one copy in memory
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

/// Changes of one request: all of them become durable, or none does.
pub struct LedgerTransaction<'l> {
    memory: MutexGuard<'l, LedgerState>,
    spool: spool::AppendTurn<'l>,
}

impl LedgerTransaction<'_> {
    /// Counts a sighting and the search that led to it, and appends their events to the spool.
    ///
    /// # Errors
    /// When an event exceeds a frame; a sighting's bounds prevent that.
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

    /// Ends the transaction; the receipt resolves when all its events are durable.
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
        let started = self.journal.begin(&self.visits, self.last);
        if let Err(error) = &started {
            tracing::error!(kind = ?error.kind(), "journal: snapshot failed, folder full; a restart now would recount visitors");
        }
        self.suspended = started.is_err();
        started.is_ok()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
