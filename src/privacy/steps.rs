//! The steps between a hit and its tag, as a list. Each drops a hit for one reason; the first that does ends it. Their
//! order is part of what is promised: an objection acts before anything is looked up or hashed.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::outcome::Dropped;
use crate::privacy::Anonymiser;
use crate::privacy::interned::Interned;
use crate::privacy::lookup::agent::Agent;
use crate::privacy::reading::HitReading;
use crate::sites::Site;

/// A hit on its way to one site.
pub(super) struct Candidate<'r, 'h> {
    pub(super) reading: &'r HitReading<'h>,
    pub(super) site: Arc<Site>,
    page: OnceCell<Box<str>>,
    agent: OnceCell<Arc<Interned<Agent>>>,
}

/// One step: whether it drops the hit, and what the hit's outcome is then.
pub(super) type DropStep = (fn(&Anonymiser, &Candidate<'_, '_>) -> bool, Dropped);

/// All steps behind `known_site`, in their order.
pub(super) const DROP_STEPS: [DropStep; 5] = [
    (drop_opted_out, Dropped::OptedOut),
    (drop_prefetch, Dropped::Prefetch),
    (drop_excluded, Dropped::Excluded),
    (drop_bots, Dropped::Bot),
    (drop_unmeasured, Dropped::NotMeasured),
];

impl<'r, 'h> Candidate<'r, 'h> {
    pub(super) fn new(reading: &'r HitReading<'h>, site: Arc<Site>) -> Self {
        Self { reading, site, page: OnceCell::new(), agent: OnceCell::new() }
    }

    /// The site's page, cleaned.
    pub(super) fn page(&self) -> &str {
        self.page.get_or_init(|| self.reading.location.page(&self.site, self.reading.hit.fragment_is_page))
    }

    /// The page, to be kept.
    pub(super) fn take_page(&mut self) -> Box<str> {
        self.page();
        self.page.take().unwrap_or_default()
    }

    /// What the agent is: looked up at the first use.
    pub(super) fn agent(&self, anonymiser: &Anonymiser) -> &Arc<Interned<Agent>> {
        self.agent.get_or_init(|| anonymiser.agents.look_up(&self.reading.hit.agent))
    }
}

/// The visitor objects.
fn drop_opted_out(anonymiser: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    let signals = candidate.reading.hit.signals;
    (signals.gpc && anonymiser.honour_gpc) || (signals.dnt && anonymiser.honour_dnt)
}

/// The browser fetched the page ahead of need.
fn drop_prefetch(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.reading.hit.signals.prefetch
}

/// The site's configuration leaves out this path or address.
fn drop_excluded(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    let site = &candidate.site;
    site.excludes_path(candidate.page()) || site.excludes_address(candidate.reading.hit.address.0)
}

/// The agent is a robot, or names none.
fn drop_bots(anonymiser: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.agent(anonymiser).bot
}

/// The site does not measure this kind of event.
fn drop_unmeasured(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.reading.is_problem() && !candidate.site.problems
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
