//! Sightings: the tag of a hit, which never leaves memory, its cleaned page and coarse values. Nothing here may be
//! printed, cloned or serialised.

use std::sync::Arc;

use crate::event::{DIMENSIONS, Day, Dimension, Hour, OTHER};
use crate::privacy::hit::HitKind;
use crate::privacy::interned::Interned;
use crate::privacy::lookup::agent::Agent;
use crate::privacy::lookup::language::Language;
use crate::privacy::lookup::place::Place;
use crate::privacy::marketing::Origin;
use crate::privacy::tag::day_key::DayKey;
use crate::privacy::tag::visitor_tag::VisitorTag;
use crate::privacy::url::page::Referrer;
use crate::sites::Site;

/// Action name under which a search on the site is counted; its property is `query`.
const SEARCH: &str = "Search";

/// A hit whose identity is reduced to a tag in memory: the input of [`Visits`](crate::visits::Visits). Cannot be
/// printed, cloned or serialised.
pub struct Sighting<'h> {
    pub(crate) site: Arc<Site>,
    /// Time of the hit, seconds since 1970.
    pub(crate) at: i64,
    pub(crate) day: Day,
    pub(crate) hour: Hour,
    /// Number of the visitor's network, valid in this process only; stays in memory and out of the journal.
    pub(crate) network: u32,
    pub(crate) tag: VisitorTag,
    pub(crate) key: Arc<DayKey>,
    /// The visitor's tag of the previous day, within half an hour past midnight.
    pub(crate) yesterday: Option<(Day, VisitorTag)>,
    pub(crate) page: Box<str>,
    pub(crate) referrer: Referrer,
    /// Coarse values; looked up for pageviews only, since only they have breakdowns.
    pub(crate) facts: Option<VisitorFacts>,
    /// The search that led to a pageview, cleaned.
    pub(crate) searched: Option<String>,
    pub(crate) kind: HitKind<'h>,
}

impl Sighting<'_> {
    /// The search that led to this pageview, if the site counts searches: an action after the pageview. It does not
    /// change the bounce, which the pageview decides.
    pub(crate) fn search(mut self) -> Option<Self> {
        let query = self.searched.take()?;
        (self.referrer, self.facts) = (Referrer::None, None);
        let properties = vec![("query", query.into())];
        self.kind = HitKind::Action { name: SEARCH.into(), interactive: false, properties };
        Some(self)
    }
}

/// Coarse values of a visitor, shared with many others.
pub(crate) enum VisitorFacts {
    /// Looked up from a hit.
    Seen(VisitorTraits),
    /// Restored from a journal entry.
    Recalled(Box<[Option<Box<str>>; DIMENSIONS]>),
}

/// Coarse values looked up from a hit.
pub(crate) struct VisitorTraits {
    pub(super) place: Arc<Interned<Place>>,
    pub(super) agent: Arc<Interned<Agent>>,
    pub(super) screen: Option<&'static str>,
    pub(super) language: Option<Language>,
    pub(super) hostname: Box<str>,
    /// Boxed, since most collectors do not measure marketing.
    pub(super) marketing: Option<Box<Origin>>,
    /// Model family of the device; only beside `marketing`, and with the consent of the hit.
    pub(super) model: Option<&'static str>,
}

impl VisitorFacts {
    /// The value of a visitor's dimension.
    pub(crate) fn value(&self, dimension: Dimension) -> Option<&str> {
        match self {
            VisitorFacts::Seen(seen) => seen.value(dimension),
            VisitorFacts::Recalled(values) => values.get(dimension as usize)?.as_deref(),
        }
    }

    /// Puts [`OTHER`] in the place of texts that a visitor may invent and `keeps` does not keep: language, host of the
    /// site, source and campaign. Says whether there were any.
    pub(crate) fn retain(&mut self, mut keeps: impl FnMut(Dimension, &str) -> bool) -> bool {
        let VisitorFacts::Seen(seen) = self else { return false };
        let mut is_any = seen.marketing.as_mut().is_some_and(|origin| origin.retain(&mut keeps));
        if seen.language.is_some_and(|language| !keeps(Dimension::Language, language.as_str())) {
            seen.language = Some(Language::OTHER);
            is_any = true;
        }
        if !keeps(Dimension::Hostname, &seen.hostname) {
            seen.hostname = OTHER.into();
            is_any = true;
        }
        is_any
    }

    /// A number for the place's `country`, `region` and `city`: equal numbers mean equal texts. Valid in this process
    /// only; it must never reach a disk.
    pub(crate) fn place_id(&self) -> Option<u64> {
        match self {
            VisitorFacts::Seen(seen) => Some(seen.place.id()),
            VisitorFacts::Recalled(_) => None,
        }
    }

    /// The same for the agent's values: `device`, browser and system with their versions.
    pub(crate) fn agent_id(&self) -> Option<u64> {
        match self {
            VisitorFacts::Seen(seen) => Some(seen.agent.id()),
            VisitorFacts::Recalled(_) => None,
        }
    }

    /// Whether marketing values exist; false where marketing is not measured.
    pub(crate) fn tells_of_coming(&self) -> bool {
        match self {
            VisitorFacts::Seen(seen) => seen.marketing.is_some(),
            VisitorFacts::Recalled(values) => {
                Dimension::ALL.iter().zip(values.iter()).any(|(one, of)| one.is_marketing() && of.is_some())
            }
        }
    }

    /// The pageview's value of a dimension, if it does not depend on the place in the visit.
    pub(crate) fn shown(&self, dimension: Dimension) -> Option<&str> {
        self.value(dimension).filter(|_| !(is_of_coming(dimension) && self.is_direct()))
    }

    /// The value for a visit's first pageview without any origin sign, where marketing is measured.
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
            Dimension::Language => self.language.as_ref().map(Language::as_str),
            Dimension::Hostname => Some(&*self.hostname),
            Dimension::Source
            | Dimension::Channel
            | Dimension::UtmSource
            | Dimension::UtmMedium
            | Dimension::UtmCampaign
            | Dimension::UtmTerm
            | Dimension::UtmContent => self.marketing.as_ref().and_then(|marketing| marketing.value(dimension)),
            Dimension::DeviceModel => self.model,
        };
        value.filter(|value| !value.is_empty())
    }
}
