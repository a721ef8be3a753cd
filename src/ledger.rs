//! The one lock: what a sighting changes in memory and its record in the spool are decided together, so that the
//! spool's order is the order in which visits moved.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::privacy::Sighting;
use crate::spool::{Receipt, Spool, Unavailable};
use crate::visits::Visits;

/// Visits and spool under one lock.
pub struct Ledger {
    visits: Mutex<Visits>,
    spool: Spool,
}

impl Ledger {
    /// Over an opened spool.
    pub fn new(visits: Visits, spool: Spool) -> Self {
        Self { visits: Mutex::new(visits), spool }
    }

    /// Counts a sighting and hands its event to the spool. The receipt resolves when the event is durable; with it
    /// comes whether the visitor could be tagged.
    ///
    /// # Errors
    /// When the spool cannot take it now.
    pub fn record(&self, sighting: &Sighting<'_>) -> Result<(Receipt, bool), Unavailable> {
        let mut visits = self.lock();
        self.spool.ready()?;
        let counted = visits.count(sighting);
        let receipt = self.spool.append(&counted.event)?;
        Ok((receipt, counted.tagged))
    }

    /// The spool, for those who empty it.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Forgets what is over at `now`; gives the tags and visits that are left.
    pub fn forget_past(&self, now: jiff::Timestamp) -> (usize, usize) {
        let mut visits = self.lock();
        visits.forget_past(now);
        (visits.tags(), visits.open_visits())
    }

    fn lock(&self) -> MutexGuard<'_, Visits> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
