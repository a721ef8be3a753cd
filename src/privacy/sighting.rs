//! What is left of a hit when its identity has ended: a tag that never leaves memory, a cleaned page, coarse values.
//! Nothing here may be printed, cloned or written out.

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

/// The action that a search on the site is counted as; its property is `query`.
const SEARCH: &str = "Search";

/// A hit whose identity is down to a tag in memory: what [`Visits`](crate::visits::Visits) counts. Cannot be printed,
/// cloned or written out.
pub struct Sighting<'h> {
    pub(crate) site: Arc<Site>,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) day: Day,
    pub(crate) hour: Hour,
    /// Of the visitor's network, in this process alone: it lives in memory, and is not noted anywhere.
    pub(crate) network: u32,
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
    pub(super) place: Arc<Interned<Place>>,
    pub(super) agent: Arc<Interned<Agent>>,
    pub(super) screen: Option<&'static str>,
    pub(super) language: Option<Language>,
    pub(super) hostname: Box<str>,
    /// Boxed: most collectors have none.
    pub(super) marketing: Option<Box<Origin>>,
}

impl VisitorFacts {
    /// The value of a dimension that belongs to the visitor.
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
            Dimension::Language => self.language.as_ref().map(Language::as_str),
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
