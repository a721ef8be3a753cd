//! Journal entries: sightings encoded and decoded.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::event::{DIMENSIONS, Day, Dimension, Hour, TimingMetric};
use crate::privacy::hit::HitKind;
use crate::privacy::tag::day_key::KeyRing;
use crate::privacy::tag::visitor_tag::VisitorTag;
use crate::privacy::url::page::Referrer;
use crate::privacy::{Sighting, VisitorFacts};
use crate::sites::Sites;
use crate::spool::Position;
use crate::visits::Visits;
use crate::visits::day::DayVisits;
use crate::visits::value_cache::{OF_AGENT, OF_COMING, OF_NEITHER, OF_PLACE};

/// An entry after a snapshot.
#[derive(Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "one at a time, on the stack, and nearly always the large one")]
pub(super) enum JournalEntry<'n> {
    /// A counted sighting with its event's position.
    #[serde(borrow)]
    Sighting(HitEntry<'n>),
    /// All segments up to this one were shipped: their events are durable in the database.
    Shipped(u64),
}

/// A sighting and the position of its event.
#[derive(Serialize, Deserialize)]
pub(super) struct HitEntry<'n> {
    pub(super) position: Position,
    /// Result of `Visits::has_room_for_a_visit` at the time.
    pub(super) visit_may_begin: bool,
    #[serde(borrow)]
    site: &'n str,
    at: i64,
    day: u16,
    hour: u32,
    tag: u64,
    /// The day's key, with the first sighting of a site's day.
    #[serde(borrow)]
    key: Option<&'n [u8]>,
    yesterday: Option<(u16, u64)>,
    #[serde(borrow)]
    page: &'n str,
    #[serde(borrow)]
    referrer: ReferrerKind<'n>,
    #[serde(borrow)]
    facts: Option<EntryTraits<'n>>,
    #[serde(borrow)]
    kind: EntryKind<'n>,
}

/// Coarse values of the visitor.
#[derive(Serialize, Deserialize)]
struct EntryTraits<'n> {
    #[serde(borrow)]
    place: EntryValues<[u16; OF_PLACE.len()], [Option<&'n str>; OF_PLACE.len()]>,
    #[serde(borrow)]
    agent: EntryValues<[u16; OF_AGENT.len()], [Option<&'n str>; OF_AGENT.len()]>,
    others: [Option<&'n str>; OF_NEITHER.len()],
    marketing: Option<[Option<&'n str>; OF_COMING.len()]>,
}

/// Values of a place or an agent: as numbers of the day's interner if they are cached there. The numbers are the same
/// on reading, because texts are restored in their order.
#[derive(Serialize, Deserialize)]
enum EntryValues<N, T> {
    Numbers(N),
    Texts(T),
}

#[derive(Serialize, Deserialize)]
enum ReferrerKind<'n> {
    Nowhere,
    Outside(&'n str),
    Inside(&'n str),
}

#[derive(Serialize, Deserialize)]
enum EntryKind<'n> {
    Pageview {
        not_found: bool,
    },
    Action {
        name: &'n str,
        interactive: bool,
        properties: Vec<(&'n str, &'n str)>,
    },
    Engagement {
        engaged_ms: Option<u32>,
        scroll_percent: Option<u8>,
    },
    Timing(Vec<(u8, f64)>),
    /// An engagement after an earlier report of the same page view. The last variant, so that older journals still
    /// decode.
    FurtherEngagement {
        engaged_ms: Option<u32>,
        scroll_percent: Option<u8>,
        reported_percent: u8,
    },
}

impl<'n> HitEntry<'n> {
    pub(super) fn of(position: Position, sighting: &'n Sighting<'_>, visits: &Visits) -> Self {
        let day = visits.day(&sighting.site.name, sighting.day);
        Self {
            position,
            visit_may_begin: visits.has_room_for_a_visit(&sighting.site.name),
            site: &sighting.site.name,
            at: sighting.at,
            day: sighting.day.0,
            hour: sighting.hour.0,
            tag: sighting.tag.bits(),
            // The first sighting of a day carries the key; a day in memory already has its key in the journal.
            key: day.is_none().then(|| sighting.key.for_journal().as_slice()),
            yesterday: sighting.yesterday.as_ref().map(|(day, tag)| (day.0, tag.bits())),
            page: &sighting.page,
            referrer: match &sighting.referrer {
                Referrer::None => ReferrerKind::Nowhere,
                Referrer::Outside(host) => ReferrerKind::Outside(host),
                Referrer::Inside(page) => ReferrerKind::Inside(page),
            },
            facts: sighting.facts.as_ref().map(|facts| EntryTraits::of(facts, day, visits)),
            kind: match &sighting.kind {
                HitKind::Pageview { not_found } => EntryKind::Pageview { not_found: *not_found },
                HitKind::Action { name, interactive, properties } => EntryKind::Action {
                    name,
                    interactive: *interactive,
                    properties: properties.iter().map(|(name, value)| (*name, &**value)).collect(),
                },
                HitKind::Engagement { engaged_ms, scroll_percent, reported_percent: None } => {
                    EntryKind::Engagement { engaged_ms: *engaged_ms, scroll_percent: *scroll_percent }
                }
                HitKind::Engagement { engaged_ms, scroll_percent, reported_percent: Some(reported) } => {
                    EntryKind::FurtherEngagement {
                        engaged_ms: *engaged_ms,
                        scroll_percent: *scroll_percent,
                        reported_percent: *reported,
                    }
                }
                HitKind::Timing(timings) => {
                    EntryKind::Timing(timings.iter().map(|(metric, ms)| (*metric as u8, *ms)).collect())
                }
            },
        }
    }

    /// Restores the sighting, after all earlier entries; `None` if its site is no longer configured.
    pub(super) fn sighting(self, sites: &Sites, keys: &KeyRing, visits: &Visits) -> Option<Sighting<'n>> {
        let (site, day) = (sites.find(self.site)?.clone(), Day(self.day));
        if let Some(key) = self.key {
            keys.recall(&site, day, key);
        }
        Some(Sighting {
            network: 0,
            at: self.at,
            day,
            hour: Hour(self.hour),
            tag: VisitorTag::recall(self.tag),
            key: keys.of(&site, day)?,
            yesterday: self.yesterday.map(|(day, tag)| (Day(day), VisitorTag::recall(tag))),
            page: self.page.into(),
            referrer: match self.referrer {
                ReferrerKind::Nowhere => Referrer::None,
                ReferrerKind::Outside(host) => Referrer::Outside(host.into()),
                ReferrerKind::Inside(page) => Referrer::Inside(page.into()),
            },
            searched: None,
            facts: self.facts.map(|entry_facts| entry_facts.facts(visits.day(self.site, day))),
            kind: match self.kind {
                EntryKind::Pageview { not_found } => HitKind::Pageview { not_found },
                EntryKind::Action { name, interactive, properties } => HitKind::Action {
                    name: Cow::Borrowed(name),
                    interactive,
                    properties: properties.into_iter().map(|(name, value)| (name, Cow::Borrowed(value))).collect(),
                },
                EntryKind::Engagement { engaged_ms, scroll_percent } => {
                    HitKind::Engagement { engaged_ms, scroll_percent, reported_percent: None }
                }
                EntryKind::FurtherEngagement { engaged_ms, scroll_percent, reported_percent } => {
                    HitKind::Engagement { engaged_ms, scroll_percent, reported_percent: Some(reported_percent) }
                }
                EntryKind::Timing(timings) => HitKind::Timing(
                    timings
                        .into_iter()
                        .filter_map(|(number, ms)| {
                            TimingMetric::ALL
                                .into_iter()
                                .find(|metric| *metric as u8 == number)
                                .map(|metric| (metric, ms))
                        })
                        .collect(),
                ),
            },
            site,
        })
    }
}

impl<'n> EntryTraits<'n> {
    fn of(facts: &'n VisitorFacts, day: Option<&DayVisits>, visits: &Visits) -> Self {
        let known = |object: Option<u64>| object.zip(day.map(|day| day.id));
        let numbers = known(facts.place_id()).and_then(|(place, day)| visits.caches().places.numbers(day, place));
        let place = match numbers {
            Some(numbers) => EntryValues::Numbers(*numbers),
            None => EntryValues::Texts(OF_PLACE.map(|dimension| facts.value(dimension))),
        };
        let numbers = known(facts.agent_id()).and_then(|(agent, day)| visits.caches().agents.numbers(day, agent));
        let agent = match numbers {
            Some(numbers) => EntryValues::Numbers(*numbers),
            None => EntryValues::Texts(OF_AGENT.map(|dimension| facts.value(dimension))),
        };
        let marketing = facts.tells_of_coming().then(|| OF_COMING.map(|dimension| facts.value(dimension)));
        Self { place, agent, others: OF_NEITHER.map(|dimension| facts.value(dimension)), marketing }
    }

    fn facts(self, day: Option<&DayVisits>) -> VisitorFacts {
        let mut values = Box::new([const { None }; DIMENSIONS]);
        let mut put = |dimension: Dimension, text: Option<&str>| *dimension.of_mut(&mut values) = text.map(Box::from);
        let text = |dimension, number| day.and_then(|day| day.interner.value(dimension, number)).map(|term| term.text);
        match self.place {
            EntryValues::Numbers(numbers) => {
                OF_PLACE.into_iter().zip(numbers).for_each(|(one, of)| put(one, text(one, of)))
            }
            EntryValues::Texts(texts) => OF_PLACE.into_iter().zip(texts).for_each(|(one, of)| put(one, of)),
        }
        match self.agent {
            EntryValues::Numbers(numbers) => {
                OF_AGENT.into_iter().zip(numbers).for_each(|(one, of)| put(one, text(one, of)))
            }
            EntryValues::Texts(texts) => OF_AGENT.into_iter().zip(texts).for_each(|(one, of)| put(one, of)),
        }
        OF_NEITHER.into_iter().zip(self.others).for_each(|(one, of)| put(one, of));
        OF_COMING.into_iter().zip(self.marketing.into_iter().flatten()).for_each(|(one, of)| put(one, of));
        VisitorFacts::Recalled(values)
    }
}

/// The highest segment that `bytes` records as shipped.
pub(super) fn shipped(bytes: &[u8]) -> u64 {
    let number = |entry| match entry {
        JournalEntry::Shipped(number) => number,
        JournalEntry::Sighting(_) => 0,
    };
    entries(bytes).map(number).max().unwrap_or(0)
}

/// The entries in `bytes`, up to the first incomplete one.
pub(super) fn read<'n>(bytes: &'n [u8]) -> impl Iterator<Item = HitEntry<'n>> {
    entries(bytes).filter_map(|entry| match entry {
        JournalEntry::Sighting(note) => Some(note),
        JournalEntry::Shipped(_) => None,
    })
}

fn entries<'n>(bytes: &'n [u8]) -> impl Iterator<Item = JournalEntry<'n>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (head, behind) = rest.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *head;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
        let (payload, behind) = behind.split_at_checked(length)?;
        if length == 0 || crc32fast::hash(payload) != u32::from_le_bytes([e, f, g, h]) {
            return None;
        }
        rest = behind;
        postcard::from_bytes(payload).ok()
    })
}
