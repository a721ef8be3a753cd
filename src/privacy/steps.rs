//! The steps between a hit and its tag, as a list. Each drops a hit for one reason, and the first that applies ends it.
//! Their order is a guarantee: an objection takes effect before any lookup or hash.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::outcome::Dropped;
use crate::privacy::anonymiser::Anonymiser;
use crate::privacy::budget::CleaningBudget;
use crate::privacy::interned::Interned;
use crate::privacy::lookup::agent::Agent;
use crate::privacy::lookup::spam;
use crate::privacy::reading::HitReading;
use crate::sites::{OPT_OUT_COOKIE, Site, host_form};

/// A hit under examination for one site.
pub(super) struct Candidate<'r, 'h> {
    pub(super) reading: &'r HitReading<'h>,
    pub(super) site: Arc<Site>,
    page: OnceCell<Box<str>>,
    agent: OnceCell<Arc<Interned<Agent>>>,
    /// Of all texts that are cleaned for this site.
    pub(super) budget: CleaningBudget,
}

/// One step: its condition, and the outcome of a dropped hit.
pub(super) type DropStep = (fn(&Anonymiser, &Candidate<'_, '_>) -> bool, Dropped);

/// All steps after `known_site`, in their order.
pub(super) const DROP_STEPS: [DropStep; 9] = [
    (drop_opted_out, Dropped::OptedOut),
    (drop_prefetch, Dropped::Prefetch),
    (drop_without_consent, Dropped::NoConsent),
    (drop_foreign_host, Dropped::ForeignHost),
    (drop_excluded, Dropped::Excluded),
    (drop_bots, Dropped::Bot),
    (drop_referrer_spam, Dropped::ReferrerSpam),
    (drop_unmeasured, Dropped::NotMeasured),
    (drop_flood, Dropped::Flood),
];

impl<'r, 'h> Candidate<'r, 'h> {
    pub(super) fn new(reading: &'r HitReading<'h>, site: Arc<Site>) -> Self {
        Self { reading, site, page: OnceCell::new(), agent: OnceCell::new(), budget: CleaningBudget::default() }
    }

    /// The site's page, cleaned.
    pub(super) fn page(&self) -> &str {
        self.page.get_or_init(|| {
            self.reading.location.page_within(&self.site, self.reading.hit.fragment_is_page, &self.budget)
        })
    }

    /// Moves the cleaned page out of the candidate.
    pub(super) fn take_page(&mut self) -> Box<str> {
        self.page();
        self.page.take().unwrap_or_default()
    }

    /// The agent's coarse values, looked up on first use.
    pub(super) fn agent(&self, anonymiser: &Anonymiser) -> &Arc<Interned<Agent>> {
        self.agent.get_or_init(|| anonymiser.agents.look_up(&self.reading.hit.agent))
    }
}

/// The visitor opted out by header or cookie.
fn drop_opted_out(anonymiser: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    let hit = &candidate.reading.hit;
    let signals = hit.signals;
    let has_cookie = || hit.sender.objects_by([OPT_OUT_COOKIE, &candidate.site.opt_out_cookie]);
    (signals.gpc && anonymiser.honour_gpc) || (signals.dnt && anonymiser.honour_dnt) || has_cookie()
}

/// The browser prefetched the page.
fn drop_prefetch(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.reading.hit.signals.prefetch
}

/// The site counts only with consent, and the hit carries none.
fn drop_without_consent(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.site.needs_consent && !candidate.reading.hit.consent
}

/// The page, or the page that sent the hit, is on a host that neither belongs to the site nor is allowed beside it.
fn drop_foreign_host(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    let (hosts, reading) = (&candidate.site.hosts, candidate.reading);
    let is_foreign = |host: &str| !hosts.allows(host) && !host_form(host).is_some_and(|host| hosts.allows(&host));
    is_foreign(reading.location.host()) || reading.hit.sender.host.is_some_and(is_foreign)
}

/// The site's configuration excludes this path or address.
fn drop_excluded(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    let site = &candidate.site;
    site.excludes_path(candidate.page()) || site.excludes_address(candidate.reading.hit.address.0)
}

/// The agent is a robot, or the header is empty.
fn drop_bots(anonymiser: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.agent(anonymiser).bot
}

/// The referrer is on the list of referrer spam.
fn drop_referrer_spam(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.reading.hit.referrer.is_some_and(spam::is_spam)
}

/// The address, or its network's new agents, exceeded a ceiling in this window.
fn drop_flood(anonymiser: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    let hit = &candidate.reading.hit;
    anonymiser.ceilings.passes(hit.address.0, hit.agent.0, &candidate.site.name, hit.received)
}

/// The site does not measure this kind of event.
fn drop_unmeasured(_: &Anonymiser, candidate: &Candidate<'_, '_>) -> bool {
    candidate.reading.is_problem() && !candidate.site.problems
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
