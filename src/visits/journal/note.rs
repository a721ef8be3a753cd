//! One sighting as a note, and back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::privacy::event::{DIMENSIONS, Day, Dimension, Hour, TimingMetric};
use crate::privacy::hit::HitKind;
use crate::privacy::page::Referrer;
use crate::privacy::salt::Keys;
use crate::privacy::visitor::VisitorTag;
use crate::privacy::{Facts, Sighting};
use crate::sites::Sites;
use crate::spool::Position;
use crate::visits::Visits;

/// What is written behind a snapshot.
#[derive(Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "one at a time, on the stack, and nearly always the large one")]
pub(super) enum Entry<'n> {
    /// A sighting.
    #[serde(borrow)]
    Sighting(Note<'n>),
    /// Segments up to this one were shipped: all their events are durable, wherever they are now.
    Shipped(u64),
}

/// A sighting and the place of its event.
#[derive(Serialize, Deserialize)]
pub(super) struct Note<'n> {
    position: Position,
    /// What `Visits::has_room_for_a_visit` said.
    visit_may_begin: bool,
    #[serde(borrow)]
    site: &'n str,
    at: i64,
    day: u16,
    hour: u32,
    tag: u64,
    /// With the first sighting of a site's day.
    #[serde(borrow)]
    key: Option<&'n [u8]>,
    yesterday: Option<(u16, u64)>,
    #[serde(borrow)]
    page: &'n str,
    #[serde(borrow)]
    referrer: From<'n>,
    #[serde(borrow)]
    facts: Option<[Option<&'n str>; DIMENSIONS]>,
    #[serde(borrow)]
    kind: What<'n>,
}

#[derive(Serialize, Deserialize)]
enum From<'n> {
    Nowhere,
    Outside(&'n str),
    Inside(&'n str),
}

#[derive(Serialize, Deserialize)]
enum What<'n> {
    Pageview { not_found: bool },
    Action { name: &'n str, interactive: bool, properties: Vec<(&'n str, &'n str)> },
    Engagement { engaged_ms: Option<u32>, scroll_percent: Option<u8> },
    Timing(Vec<(u8, f64)>),
}

impl<'n> Note<'n> {
    pub(super) fn of(position: Position, sighting: &'n Sighting<'_>, visits: &Visits) -> Self {
        let first_of_day = !visits.knows(&sighting.site.name, sighting.day);
        Self {
            position,
            visit_may_begin: visits.has_room_for_a_visit(),
            site: &sighting.site.name,
            at: sighting.at,
            day: sighting.day.0,
            hour: sighting.hour.0,
            tag: sighting.tag.bits(),
            key: first_of_day.then(|| sighting.key.for_journal().as_slice()),
            yesterday: sighting.yesterday.as_ref().map(|(day, tag)| (day.0, tag.bits())),
            page: &sighting.page,
            referrer: match &sighting.referrer {
                Referrer::None => From::Nowhere,
                Referrer::Outside(host) => From::Outside(host),
                Referrer::Inside(page) => From::Inside(page),
            },
            facts: sighting.facts.as_ref().map(|facts| Dimension::ALL.map(|dimension| facts.value(dimension))),
            kind: match &sighting.kind {
                HitKind::Pageview { not_found } => What::Pageview { not_found: *not_found },
                HitKind::Action { name, interactive, properties } => What::Action {
                    name,
                    interactive: *interactive,
                    properties: properties.iter().map(|(name, value)| (*name, &**value)).collect(),
                },
                HitKind::Engagement { engaged_ms, scroll_percent } => {
                    What::Engagement { engaged_ms: *engaged_ms, scroll_percent: *scroll_percent }
                }
                HitKind::Timing(timings) => {
                    What::Timing(timings.iter().map(|(metric, ms)| (*metric as u8, *ms)).collect())
                }
            },
        }
    }

    /// The sighting again; nothing when its site is not measured any more.
    fn sighting(self, sites: &Sites, keys: &Keys) -> Option<Sighting<'n>> {
        let (site, day) = (sites.find(self.site)?.clone(), Day(self.day));
        if let Some(key) = self.key {
            keys.recall(&site, day, key);
        }
        Some(Sighting {
            at: self.at,
            day,
            hour: Hour(self.hour),
            tag: VisitorTag::recall(self.tag),
            key: keys.of(&site, day)?,
            yesterday: self.yesterday.map(|(day, tag)| (Day(day), VisitorTag::recall(tag))),
            page: self.page.into(),
            referrer: match self.referrer {
                From::Nowhere => Referrer::None,
                From::Outside(host) => Referrer::Outside(host.into()),
                From::Inside(page) => Referrer::Inside(page.into()),
            },
            searched: None,
            facts: self.facts.map(|values| Facts::Recalled(Box::new(values.map(|value| value.map(Into::into))))),
            kind: match self.kind {
                What::Pageview { not_found } => HitKind::Pageview { not_found },
                What::Action { name, interactive, properties } => HitKind::Action {
                    name: Cow::Borrowed(name),
                    interactive,
                    properties: properties.into_iter().map(|(name, value)| (name, Cow::Borrowed(value))).collect(),
                },
                What::Engagement { engaged_ms, scroll_percent } => HitKind::Engagement { engaged_ms, scroll_percent },
                What::Timing(timings) => HitKind::Timing(
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

/// The highest segment that `bytes` know to be shipped.
pub(super) fn shipped(bytes: &[u8]) -> u64 {
    let number = |entry| match entry {
        Entry::Shipped(number) => number,
        Entry::Sighting(_) => 0,
    };
    entries(bytes).map(number).max().unwrap_or(0)
}

/// A note, read again.
pub(super) struct Noted<'n> {
    pub(super) position: Position,
    pub(super) visit_may_begin: bool,
    pub(super) sighting: Sighting<'n>,
}

/// The sightings in `bytes`, up to the first that is not whole.
pub(super) fn read<'n>(bytes: &'n [u8], sites: &'n Sites, keys: &'n Keys) -> impl Iterator<Item = Noted<'n>> {
    entries(bytes).filter_map(|entry| match entry {
        Entry::Sighting(note) => {
            let (position, visit_may_begin) = (note.position, note.visit_may_begin);
            note.sighting(sites, keys).map(|sighting| Noted { position, visit_may_begin, sighting })
        }
        Entry::Shipped(_) => None,
    })
}

fn entries<'n>(bytes: &'n [u8]) -> impl Iterator<Item = Entry<'n>> {
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
