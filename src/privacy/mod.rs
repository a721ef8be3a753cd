//! Anonymising, the end of identity. [`Anonymiser::anonymise`] is the only way from a [`Hit`] to a [`Sighting`], whose
//! tag never leaves memory, and from there to an [`Event`](crate::event::Event), which holds no identity.
//!
//! In order: the URL is parsed and the site found (`known_site`); the steps of `steps`, each of which drops a hit for
//! one reason; only then the visitor is tagged, and address and agent are dropped.

mod anonymiser;
mod budget;
pub(crate) mod ceilings;
pub mod hit;
mod hit_end;
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

pub use crate::privacy::anonymiser::Anonymiser;
pub use crate::privacy::hit_end::{EndReason, HitEnd, RobotHit};
pub use crate::privacy::reading::HitReading;
pub use crate::privacy::sighting::Sighting;
pub(crate) use crate::privacy::sighting::VisitorFacts;

use crate::config;
use crate::event::Day;
use crate::outcome::{Dropped, Rejection};
use crate::privacy::hit::Hit;
use crate::privacy::lookup::language::language;
use crate::privacy::lookup::model::model_family;
use crate::privacy::lookup::screen::screen_class;
use crate::privacy::marketing::Origin;
use crate::privacy::sighting::VisitorTraits;
use crate::privacy::steps::{Candidate, DROP_STEPS};
use crate::privacy::tag::day_key::DayKey;
use crate::privacy::tag::visitor_tag::VisitorTag;
use crate::privacy::url::page::Referrer;
use crate::sites::Site;

impl Anonymiser {
    /// Anonymises a hit that goes to one site.
    ///
    /// # Errors
    /// The outcome of a hit that is dropped or rejected.
    pub fn anonymise<'h>(&self, hit: Hit<'h>) -> Result<Sighting<'h>, HitEnd> {
        let reading = HitReading::new(hit)?;
        let site = self.known_site(&reading, reading.site_name())?;
        self.anonymise_for(&reading, site)
    }

    /// Anonymises a hit for one of its sites; parsed parts are shared between them.
    ///
    /// # Errors
    /// The outcome of a hit that is dropped or rejected.
    pub fn anonymise_for<'h>(&self, reading: &HitReading<'h>, site: Arc<Site>) -> Result<Sighting<'h>, HitEnd> {
        let candidate = Candidate::new(reading, site);
        for (drops, reason) in DROP_STEPS {
            if drops(self, &candidate) {
                return Err(self.end(candidate, reason));
            }
        }
        self.tagged(candidate)
    }

    /// The end of a dropped hit; of a robot's, its page and kind are counted.
    fn end(&self, mut candidate: Candidate<'_, '_>, reason: Dropped) -> HitEnd {
        let robot = (reason == Dropped::Bot).then(|| RobotHit {
            page: candidate.take_page(),
            kind: candidate.agent(self).robot,
            network: self.ceilings.network(candidate.reading.hit.address.0),
        });
        HitEnd { robot, ..HitEnd::dropped(Some(candidate.site), reason) }
    }

    /// The site of this name or host; without a name, the site of the page's host.
    ///
    /// # Errors
    /// When no such site is configured.
    pub fn known_site(&self, reading: &HitReading<'_>, name: Option<&str>) -> Result<Arc<Site>, HitEnd> {
        let sites = self.sites.load();
        let found = match name {
            Some(name) => sites.find_id(name),
            None => sites.find(reading.location.host()),
        };
        found.cloned().ok_or_else(|| HitEnd::dropped(None, Dropped::UnknownSite))
    }

    /// The end of identity: reduces it to coarse values and a tag.
    fn tagged<'h>(&self, mut candidate: Candidate<'_, 'h>) -> Result<Sighting<'h>, HitEnd> {
        let page = candidate.take_page();
        let (reading, site) = (candidate.reading, candidate.site.clone());
        let hit = &reading.hit;
        let referrer = hit.referrer.map_or(Referrer::None, |referrer| {
            url::page::referrer_within(
                referrer,
                &site,
                reading.location.host(),
                hit.fragment_is_page,
                &candidate.budget,
            )
        });
        let facts = reading.is_pageview().then(|| {
            let marketing = self
                .measures_marketing(hit)
                .then(|| Box::new(Origin::new(reading.location.query(), &referrer, &candidate.budget)));
            VisitorFacts::Seen(VisitorTraits {
                place: self.places.look_up(&hit.address),
                agent: candidate.agent(self).clone(),
                screen: hit.width.map(screen_class),
                language: hit.accept_language.and_then(language),
                hostname: reading.location.host().into(),
                model: marketing.as_ref().and_then(|_| consented_model(hit)),
                marketing,
            })
        });
        let day = site.day(hit.received);
        let Ok(moment) = self.keys.moment(&site, hit.received, day) else {
            return Err(HitEnd::refused(Some(site), Rejection::Unavailable, ""));
        };
        let tag = |key: &DayKey| VisitorTag::new(key, &hit.address, &hit.agent, &site.name, self.hash_address);
        Ok(Sighting {
            at: hit.received.as_second(),
            day,
            hour: site.hour(hit.received),
            network: self.ceilings.network(hit.address.0),
            tag: tag(&moment.today),
            yesterday: moment.yesterday.map(|key| (Day(day.0.saturating_sub(1)), tag(&key))),
            key: moment.today,
            page,
            referrer,
            facts,
            searched: reading.searched(&site, &candidate.budget),
            kind: reading.kind_for(&site, &candidate.budget),
            site,
        })
    }

    /// Whether channels and campaigns of this hit are kept. An objection overrides consent, even where the
    /// configuration counts such hits.
    fn measures_marketing(&self, hit: &Hit<'_>) -> bool {
        let objects = hit.signals.gpc || hit.signals.dnt;
        match self.marketing {
            config::MarketingPolicy::Never => false,
            config::MarketingPolicy::WithConsent => hit.consent && !objects,
            config::MarketingPolicy::Always => !objects,
        }
    }
}

/// The model family of the device, for a hit that carries consent.
fn consented_model(hit: &Hit<'_>) -> Option<&'static str> {
    if !hit.consent {
        return None;
    }
    model_family(hit.model, hit.agent.0)
}
