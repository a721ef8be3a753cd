//! Where identity dies. [`Anonymiser::anonymise`] is the only way from a [`Hit`] to something that may go on: a
//! [`Sighting`], whose tag never leaves memory, and from there an [`Event`](crate::event::Event), which holds no
//! identity.
//!
//! In order: the URL is taken apart and the site found (`known_site`); the steps of `steps`, each of which drops a
//! hit for one reason; only then is the visitor tagged, and address and agent are let go.

pub mod hit;
mod interned;
pub mod lookup;
pub mod marketing;
mod reading;
mod redact;
mod sighting;
mod steps;
pub mod tag;
pub mod url;
mod values;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use crate::privacy::reading::HitReading;
pub use crate::privacy::sighting::Sighting;
pub(crate) use crate::privacy::sighting::VisitorFacts;

use crate::config;
use crate::config::{HashAddress, PrivacyConfig};
use crate::event::Day;
use crate::outcome::{Dropped, Rejection};
use crate::privacy::hit::Hit;
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::language::language;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::privacy::lookup::screen::screen_class;
use crate::privacy::marketing::Origin;
use crate::privacy::sighting::VisitorTraits;
use crate::privacy::steps::{Candidate, DROP_STEPS};
use crate::privacy::tag::day_key::{DayKey, KeyRing};
use crate::privacy::tag::visitor_tag::VisitorTag;
use crate::privacy::url::page::Referrer;
use crate::sites::{Site, Sites, hour};

/// A hit that goes no further.
#[derive(Debug)]
pub struct HitEnd {
    /// Its site, where that is known: for the metric.
    pub site: Option<Arc<Site>>,
    /// What became of it.
    pub why: EndReason,
}

/// Why a hit goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// On purpose.
    Dropped(Dropped),
    /// For its sender to mend or repeat; the text says what is wrong and holds nothing of the input.
    Refused(Rejection, &'static str),
}

impl HitEnd {
    /// A hit that cannot be taken.
    pub fn refused(site: Option<Arc<Site>>, refused: Rejection) -> Self {
        Self { site, why: EndReason::Refused(refused, "") }
    }
}

/// Everything that anonymising needs.
pub struct Anonymiser {
    sites: ArcSwap<Sites>,
    agents: Arc<Agents>,
    places: PlaceDatabases,
    keys: KeyRing,
    honour_gpc: bool,
    honour_dnt: bool,
    hash_address: HashAddress,
    marketing: config::MarketingPolicy,
}

impl Anonymiser {
    /// With no keys yet; they come with the first hits.
    pub fn new(sites: Sites, agents: impl Into<Arc<Agents>>, places: PlaceDatabases, privacy: &PrivacyConfig) -> Self {
        Self {
            sites: ArcSwap::from_pointee(sites),
            agents: agents.into(),
            places,
            keys: KeyRing::default(),
            honour_gpc: privacy.honour_gpc,
            honour_dnt: privacy.honour_dnt,
            hash_address: privacy.hash_address,
            marketing: privacy.marketing,
        }
    }

    /// The one way from a hit to what is counted, for a hit that goes to one site.
    ///
    /// # Errors
    /// The outcome of a hit that is not counted.
    pub fn anonymise<'h>(&self, hit: Hit<'h>) -> Result<Sighting<'h>, HitEnd> {
        let reading = HitReading::new(hit)?;
        let site = self.known_site(&reading, reading.site_name())?;
        self.anonymise_for(&reading, site)
    }

    /// The same for one of the sites that a hit goes to: what it reads, it reads once for all of them.
    ///
    /// # Errors
    /// The outcome of a hit that is not counted.
    pub fn anonymise_for<'h>(&self, reading: &HitReading<'h>, site: Arc<Site>) -> Result<Sighting<'h>, HitEnd> {
        let candidate = Candidate::new(reading, site);
        for (drops, reason) in DROP_STEPS {
            if drops(self, &candidate) {
                return Err(HitEnd { site: Some(candidate.site), why: EndReason::Dropped(reason) });
            }
        }
        self.tagged(candidate)
    }

    /// The site of this name or host; without a name, the one that the page's host belongs to.
    ///
    /// # Errors
    /// When no such site is configured.
    pub fn known_site(&self, reading: &HitReading<'_>, name: Option<&str>) -> Result<Arc<Site>, HitEnd> {
        let sites = self.sites.load();
        let found = match name {
            Some(name) => sites.find(name).or_else(|| sites.find(&name.to_ascii_lowercase())),
            None => sites.find(reading.location.host()),
        };
        found.cloned().ok_or(HitEnd { site: None, why: EndReason::Dropped(Dropped::UnknownSite) })
    }

    /// Where the identity ends: coarse values and a tag are taken of it.
    fn tagged<'h>(&self, mut candidate: Candidate<'_, 'h>) -> Result<Sighting<'h>, HitEnd> {
        let page = candidate.take_page();
        let (reading, site) = (candidate.reading, candidate.site.clone());
        let hit = &reading.hit;
        let referrer =
            hit.referrer.map_or(Referrer::None, |from| url::page::referrer(from, &site, hit.fragment_is_page));
        let facts = reading.is_pageview().then(|| {
            let marketing =
                self.measures_marketing(hit).then(|| Box::new(Origin::new(reading.location.query(), &referrer)));
            VisitorFacts::Seen(VisitorTraits {
                place: self.places.look_up(&hit.address),
                agent: candidate.agent(self).clone(),
                screen: hit.width.map(screen_class),
                language: hit.accept_language.and_then(language),
                hostname: reading.location.host().into(),
                marketing,
            })
        });
        let day = site.day(hit.received);
        let Ok(moment) = self.keys.moment(&site, hit.received, day) else {
            return Err(HitEnd::refused(Some(site), Rejection::Unavailable));
        };
        let tag = |key: &DayKey| VisitorTag::new(key, &hit.address, &hit.agent, &site.name, self.hash_address);
        Ok(Sighting {
            at: hit.received.as_second(),
            day,
            hour: hour(hit.received),
            tag: tag(&moment.today),
            yesterday: moment.yesterday.map(|key| (Day(day.0.saturating_sub(1)), tag(&key))),
            key: moment.today,
            page,
            referrer,
            facts,
            searched: if reading.is_pageview() { reading.location.searched(&site) } else { None },
            kind: reading.kind_for(&site),
            site,
        })
    }

    /// Whether channels and campaigns of this hit are kept. An objection goes before consent, also where the
    /// configuration lets such hits be counted.
    fn measures_marketing(&self, hit: &Hit<'_>) -> bool {
        let objects = hit.signals.gpc || hit.signals.dnt;
        match self.marketing {
            config::MarketingPolicy::Never => false,
            config::MarketingPolicy::WithConsent => hit.consent && !objects,
            config::MarketingPolicy::Always => !objects,
        }
    }

    /// Destroys keys of past days.
    pub fn destroy_past_keys(&self, now: jiff::Timestamp) {
        for site in self.sites.load().iter() {
            self.keys.destroy_past(site, now);
        }
    }

    /// Measures other sites from the next hit on.
    pub fn measure(&self, sites: Sites) {
        self.sites.store(Arc::new(sites));
    }

    /// The sites that are measured now.
    pub fn sites(&self) -> Arc<Sites> {
        self.sites.load_full()
    }

    /// The living keys, for the journal.
    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The location files, to reload or to date them.
    pub fn places(&self) -> &PlaceDatabases {
        &self.places
    }
}
