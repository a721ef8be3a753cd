//! Where identity dies. [`Anonymiser::anonymise`] is the only way from a [`Hit`] to something that may go on:
//! a [`Sighting`], whose tag never leaves memory, and from there an [`Event`](crate::event::Event), which holds no identity.
//!
//! In order: the page and its site are found; an objection, a prefetch, an exclusion or a robot ends the hit before
//! anything is hashed; only then is the visitor tagged, and address and agent are let go.

pub mod hit;
mod interned;
pub mod lookup;
pub mod marketing;
mod redact;
pub mod tag;
pub mod url;

use std::sync::Arc;

use crate::event::{DIMENSIONS, Day, Dimension, Hour};
use crate::privacy::interned::Interned;
use crate::privacy::tag::day_key::{DayKey, KeyRing};
use crate::privacy::tag::visitor_tag::VisitorTag;
use crate::privacy::url::page::{PageUrl, Referrer};
use arc_swap::ArcSwap;
use hit::{Hit, HitKind};
use marketing::Origin;

use crate::config;
use crate::config::{HashAddress, PrivacyConfig};
use crate::outcome::{Dropped, Rejection};
use crate::sites::{Site, Sites, hour};

/// The action that a search on the site is counted as; its property is `query`.
const SEARCH: &str = "Search";

/// The action that a script error is counted as; its property is `kind`, one of [`PROBLEM_KINDS`] or `other`.
const PROBLEM: &str = "problem";

/// Kinds of script errors: the names that the language and the browsers give, and `resource`, a file that did not load.
const PROBLEM_KINDS: [&str; 13] = [
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
    "AbortError",
    "NetworkError",
    "NotAllowedError",
    "QuotaExceededError",
    "resource",
];

/// Longest value of an action's property that is kept, in bytes.
const PROPERTY_VALUE_BYTES_MAX: usize = 500;

/// A hit whose identity is down to a tag in memory: what [`Visits`](crate::visits::Visits) counts. Cannot be printed,
/// cloned or written out.
pub struct Sighting<'h> {
    pub(crate) site: Arc<Site>,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) day: Day,
    pub(crate) hour: Hour,
    pub(crate) tag: VisitorTag,
    pub(crate) key: Arc<DayKey>,
    /// The visitor's tag of the day before, within half an hour past midnight.
    pub(crate) yesterday: Option<(Day, VisitorTag)>,
    pub(crate) page: Box<str>,
    pub(crate) referrer: Referrer,
    /// Coarse values; looked up for pageviews only, which alone are broken down.
    pub(crate) facts: Option<VisitorFacts>,
    /// What a pageview was the answer to, cleaned.
    pub(crate) searched: Option<String>,
    pub(crate) kind: HitKind<'h>,
}

impl Sighting<'_> {
    /// The search that this pageview answers, where the site counts searches: an action that follows the pageview. It
    /// leaves the bounce to the pageview, which tells more.
    pub(crate) fn search(mut self) -> Option<Self> {
        let query = self.searched.take()?;
        (self.referrer, self.facts) = (Referrer::None, None);
        let properties = vec![("query", query.into())];
        self.kind = HitKind::Action { name: SEARCH.into(), interactive: false, properties };
        Some(self)
    }
}

/// What may be known of a visitor's means: coarse, and nobody's alone.
pub(crate) enum VisitorFacts {
    /// Of a hit.
    Seen(VisitorTraits),
    /// Of a note in the journal.
    Recalled(Box<[Option<Box<str>>; DIMENSIONS]>),
}

/// What a hit shows of a visitor's means.
pub(crate) struct VisitorTraits {
    place: Arc<Interned<crate::privacy::lookup::place::Place>>,
    agent: Arc<Interned<crate::privacy::lookup::agent::Agent>>,
    screen: Option<&'static str>,
    language: Option<crate::privacy::lookup::language::Language>,
    hostname: Box<str>,
    /// Boxed: most collectors have none.
    marketing: Option<Box<Origin>>,
}

impl VisitorFacts {
    /// The value of a dimension that belongs to the visitor.
    pub(crate) fn value(&self, dimension: Dimension) -> Option<&str> {
        match self {
            VisitorFacts::Seen(seen) => seen.value(dimension),
            VisitorFacts::Recalled(values) => values.get(dimension as usize)?.as_deref(),
        }
    }

    /// A number for all that the place says, `country`, `region` and `city`: the same number, the same texts. Of this
    /// process alone; it must never reach a disk.
    pub(crate) fn place_id(&self) -> Option<u64> {
        match self {
            VisitorFacts::Seen(seen) => Some(seen.place.id()),
            VisitorFacts::Recalled(_) => None,
        }
    }

    /// The same for all that the agent says: `device`, browser and system with their versions.
    pub(crate) fn agent_id(&self) -> Option<u64> {
        match self {
            VisitorFacts::Seen(seen) => Some(seen.agent.id()),
            VisitorFacts::Recalled(_) => None,
        }
    }

    /// Whether it tells anything of the visitor's coming: nothing where marketing is not measured.
    pub(crate) fn tells_of_coming(&self) -> bool {
        match self {
            VisitorFacts::Seen(seen) => seen.marketing.is_some(),
            VisitorFacts::Recalled(values) => {
                Dimension::ALL.iter().zip(values.iter()).any(|(one, of)| one.is_marketing() && of.is_some())
            }
        }
    }

    /// The value that the pageview has wherever it stands in its visit.
    pub(crate) fn shown(&self, dimension: Dimension) -> Option<&str> {
        self.value(dimension).filter(|_| !(is_of_coming(dimension) && self.is_direct()))
    }

    /// The value that it has as a visit's first alone: where marketing is measured, and found no sign of its coming.
    pub(crate) fn of_direct(&self, dimension: Dimension) -> Option<&str> {
        self.value(dimension).filter(|_| is_of_coming(dimension) && self.is_direct())
    }

    fn is_direct(&self) -> bool {
        self.value(Dimension::Source) == Some(crate::event::DIRECT)
    }
}

fn is_of_coming(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Source | Dimension::Channel)
}

impl VisitorTraits {
    fn value(&self, dimension: Dimension) -> Option<&str> {
        let (place, agent) = (&self.place, &self.agent);
        let value = match dimension {
            Dimension::Referrer | Dimension::PreviousPage => None,
            Dimension::Country => place.country.as_deref(),
            Dimension::Region => place.region.as_deref(),
            Dimension::City => place.city.as_deref(),
            Dimension::Device => Some(agent.device),
            Dimension::Browser => Some(&*agent.browser),
            Dimension::BrowserVersion => Some(&*agent.browser_version),
            Dimension::System => Some(&*agent.system),
            Dimension::SystemVersion => Some(&*agent.system_version),
            Dimension::Screen => self.screen,
            Dimension::Language => self.language.as_ref().map(crate::privacy::lookup::language::Language::as_str),
            Dimension::Hostname => Some(&*self.hostname),
            Dimension::Source
            | Dimension::Channel
            | Dimension::UtmSource
            | Dimension::UtmMedium
            | Dimension::UtmCampaign
            | Dimension::UtmTerm
            | Dimension::UtmContent => self.marketing.as_ref().and_then(|marketing| marketing.value(dimension)),
        };
        value.filter(|value| !value.is_empty())
    }
}

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
    agents: Arc<crate::privacy::lookup::agent::Agents>,
    places: crate::privacy::lookup::place::PlaceDatabases,
    keys: KeyRing,
    honour_gpc: bool,
    honour_dnt: bool,
    hash_address: HashAddress,
    marketing: config::MarketingPolicy,
}

impl Anonymiser {
    /// With no keys yet; they come with the first hits.
    pub fn new(
        sites: Sites,
        agents: impl Into<Arc<crate::privacy::lookup::agent::Agents>>,
        places: crate::privacy::lookup::place::PlaceDatabases,
        privacy: &PrivacyConfig,
    ) -> Self {
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

    /// The one way from a hit to what is counted.
    ///
    /// # Errors
    /// The outcome of a hit that is not counted.
    pub fn anonymise<'h>(&self, mut hit: Hit<'h>) -> Result<Sighting<'h>, HitEnd> {
        let location = PageUrl::parse(hit.url).map_err(|_| HitEnd {
            site: None,
            why: EndReason::Refused(Rejection::Malformed, "u: no http(s) URL of at most 2000 bytes"),
        })?;
        let site = self.site(&hit, &location)?;
        let dropped = |reason| HitEnd { site: Some(site.clone()), why: EndReason::Dropped(reason) };
        if (hit.signals.gpc && self.honour_gpc) || (hit.signals.dnt && self.honour_dnt) {
            return Err(dropped(Dropped::OptedOut));
        }
        if hit.signals.prefetch {
            return Err(dropped(Dropped::Prefetch));
        }
        let page = location.page(&site, hit.fragment_is_page);
        if site.excludes_path(&page) || site.excludes_address(hit.address.0) {
            return Err(dropped(Dropped::Excluded));
        }
        let agent = self.agents.look_up(&hit.agent);
        if agent.bot {
            return Err(dropped(Dropped::Bot));
        }
        if !site.problems && is_problem(&hit.kind) {
            return Err(dropped(Dropped::NotMeasured));
        }
        keep_declared(&mut hit.kind, &site);
        let referrer =
            hit.referrer.map_or(Referrer::None, |referrer| crate::privacy::url::page::referrer(referrer, &site));
        let marketed = self.measures_marketing(&hit);
        let is_pageview = matches!(hit.kind, HitKind::Pageview { .. });
        let facts = is_pageview.then(|| {
            VisitorFacts::Seen(VisitorTraits {
                place: self.places.look_up(&hit.address),
                agent,
                screen: hit.width.map(crate::privacy::lookup::screen::screen_class),
                language: hit.accept_language.and_then(crate::privacy::lookup::language::language),
                hostname: location.host().into(),
                marketing: marketed.then(|| Box::new(Origin::new(location.query(), &referrer))),
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
            searched: if is_pageview { location.searched(&site) } else { None },
            kind: hit.kind,
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
    pub fn places(&self) -> &crate::privacy::lookup::place::PlaceDatabases {
        &self.places
    }

    fn site(&self, hit: &Hit<'_>, location: &PageUrl<'_>) -> Result<Arc<Site>, HitEnd> {
        let sites = self.sites.load();
        let found = match hit.site {
            Some(name) => sites.find(name).or_else(|| sites.find(&name.to_ascii_lowercase())),
            None => sites.find(location.host()),
        };
        found.cloned().ok_or(HitEnd { site: None, why: EndReason::Dropped(Dropped::UnknownSite) })
    }
}

/// Leaves an action only the properties that its site declares, at bounded length, and placeholders for what points at a
/// person in its name and their values.
fn keep_declared(kind: &mut HitKind<'_>, site: &Site) {
    if is_problem(kind) {
        keep_kind(kind);
        return;
    }
    let HitKind::Action { name, properties, .. } = kind else { return };
    *name = redact::redacted(std::mem::take(name));
    properties.retain(|(name, value)| site.properties.contains(*name) && !value.is_empty());
    for (_, value) in properties {
        *value = redact::redacted(std::mem::take(value));
        if value.len() > PROPERTY_VALUE_BYTES_MAX {
            *value = crate::privacy::url::percent::cut(value, PROPERTY_VALUE_BYTES_MAX).to_owned().into();
        }
    }
}

fn is_problem(kind: &HitKind<'_>) -> bool {
    matches!(kind, HitKind::Action { name, .. } if name == PROBLEM)
}

/// Leaves a script error its kind, if that is a known one: never a message, a file or a line.
fn keep_kind(problem: &mut HitKind<'_>) {
    let HitKind::Action { interactive, properties, .. } = problem else { return };
    let told = properties.iter().find(|(name, _)| *name == "kind").map_or("", |(_, kind)| &**kind);
    let kind = PROBLEM_KINDS.into_iter().find(|known| *known == told).unwrap_or("other");
    *interactive = false;
    *properties = vec![("kind", kind.into())];
}
