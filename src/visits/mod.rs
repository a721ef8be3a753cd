//! Open visits and seen tags: the changes of a sighting, as flags and signed corrections that add up exactly at any
//! time. Rules:
//!
//! - A visitor is new today, on a page, or with an action, when its tag was not seen there today.
//! - Hits of one tag with no gap over 1 800 s are one visit. Its first pageview adds `visits`, `bounces` and `exits` to
//!   its page; its second pageview, or its first interactive action, revokes the bounce; each further pageview moves
//!   the exit; every hit adds the seconds since the previous one. Corrections go to the corrected hit's day, hour and
//!   values.
//! - A visit in progress at midnight continues under the visitor's tag of the new day.
//! - With figures in tens a visit weighs at most one step of a row: ten pageviews, ten uses, half an hour. Beyond
//!   that, only the exit moves on, and a page or an action gets its first visitor.
//! - Reading time and depth count once per page view: a later report of the same view adds its increase. The last two
//!   pages of a visit are remembered for this, since a page's last report may follow the next pageview.
//!
//! Tags are in `tag_set`, visits in `open_visits`: both grow in small steps, since hits wait meanwhile. Nothing here
//! knows an address. Memory is bounded: texts by the [`interner`], database rows by `rows`, tags and visits by limits
//! beyond which a pageview counts without its visitor; visits end, and days expire.

mod change;
mod counting;
mod day;
pub mod interner;
pub(crate) mod journal;
mod open_visits;
mod quota;
mod rows;
pub(crate) mod seats;
mod tag_set;
mod value_cache;
mod visit;

use std::sync::Arc;

pub use crate::visits::change::BoundsMet;
use crate::visits::change::{ChangeKind, EntryChange, VisitChange};
use crate::visits::counting::{CountingBudget, SightingCounter};
use crate::visits::day::DayVisits;
use crate::visits::interner::{Interner, TermIds};
pub use crate::visits::interner::{OTHER, VisitBounds};
use crate::visits::journal::day_writer::DayWriter;
use crate::visits::journal::snapshot::DaySnapshot;
use crate::visits::quota::SharedQuota;
use crate::visits::tag_set::NUMBER_BYTES_MAX;
use crate::visits::value_cache::ValueCaches;
use hashbrown::HashMap;
pub use journal::JournalError;

use crate::event::{DIMENSIONS, Day, EntryCorrection, Event, EventKind, LeftPage, Property, Term};
use crate::privacy::Sighting;
use crate::privacy::tag::day_key::{DayKey, KeyRing, VISIT_GAP_SECONDS};
use crate::sites::Site;

/// Visits, tags and texts of all sites.
pub struct Visits {
    sites: HashMap<Arc<str>, SiteVisits>,
    bounds: VisitBounds,
    tags: usize,
    open: usize,
    tag_quota: SharedQuota,
    visit_quota: SharedQuota,
    ids: TermIds,
    caches: ValueCaches,
}

struct SiteVisits {
    site: Arc<Site>,
    term: u32,
    days: Vec<DayVisits>,
}

/// Result of counting a sighting.
pub struct CountResult<'v> {
    /// The event; its texts are borrowed from the day's interner.
    pub event: Event<'v>,
    /// False if memory for tags was full: the event counts without a visitor.
    pub tagged: bool,
    /// Bounds that the hit exceeded.
    pub met: BoundsMet,
}

impl Visits {
    /// Empty state with these bounds.
    pub fn new(bounds: VisitBounds) -> Self {
        Self {
            sites: HashMap::new(),
            bounds,
            tags: 0,
            open: 0,
            tag_quota: SharedQuota::default(),
            visit_quota: SharedQuota::default(),
            ids: TermIds::default(),
            caches: ValueCaches::default(),
        }
    }

    /// Counts one sighting and returns its event.
    pub fn count(&mut self, sighting: &Sighting<'_>) -> CountResult<'_> {
        let room = self.has_room_for_a_visit(&sighting.site.name);
        self.count_again(sighting, room)
    }

    /// Whether another visit may begin. Ended visits are removed at times that the journal does not record, so this
    /// result is written with the entry, for the recovery.
    pub(crate) fn has_room_for_a_visit(&self, site: &str) -> bool {
        let used = self.sites.get(site).map_or(0, SiteVisits::open_visits);
        self.visit_quota.room(used, self.bounds.visits, self.bounds.sites) > 0
    }

    /// Replaces texts of a sighting that have not earned a row by [`OTHER`]; to be called before the journal entry.
    pub(crate) fn seat(&mut self, sighting: &mut Sighting<'_>) -> BoundsMet {
        let site = self.sites.get_mut(&sighting.site.name);
        let day = site.and_then(|site| site.days.iter_mut().find(|known| known.day == sighting.day));
        day.map_or(BoundsMet::default(), |day| day.seat(sighting))
    }

    /// Counts one sighting with a recorded decision on whether a visit may begin.
    pub(crate) fn count_again(&mut self, sighting: &Sighting<'_>, visit_may_begin: bool) -> CountResult<'_> {
        let (ids, caches, bounds) = (&mut self.ids, &mut self.caches, self.bounds);
        if !self.sites.contains_key(&sighting.site.name) {
            let days = Vec::new();
            let known = SiteVisits { site: sighting.site.clone(), term: ids.fresh(), days };
            self.sites.insert(sighting.site.name.clone(), known);
        }
        let site = self.sites.get_mut(&sighting.site.name).expect("because it was put in on the lines above");
        if !Arc::ptr_eq(&site.site, &sighting.site) {
            site.site = sighting.site.clone();
        }
        let at = site.day_index(sighting.day, &sighting.key, bounds, ids);
        let (site_tags, site_open) = (site.tags(), site.open_visits());
        let tags = self.tag_quota.room(site_tags, bounds.tags, bounds.sites);
        let budget = CountingBudget { tags, visit_may_begin, weighed: bounds.weighed };
        if budget.tags > 0 {
            site.carry_over_midnight(at, sighting, ids);
        }
        let today = site.days.get_mut(at).expect("because it is where the day was found");
        let (tags_before, open_before) = (today.tags(), today.open_visits());
        let (change, met) =
            SightingCounter { today, sighting, budget, ids, caches, met: BoundsMet::default() }.change();
        let today = site.days.get(at);
        self.tags += today.map_or(0, DayVisits::tags) - tags_before;
        // An ended visit that was not removed yet may have been replaced by this one: count the difference.
        self.open += today.map_or(0, DayVisits::open_visits) - open_before;
        self.tag_quota.moved(site_tags, site.tags(), bounds.tags, bounds.sites);
        self.visit_quota.moved(site_open, site.open_visits(), bounds.visits, bounds.sites);
        CountResult { tagged: change.tagged, met, event: site.event(sighting, change, today.map(|day| &day.interner)) }
    }

    /// The day of this site, if it is in memory.
    fn day(&self, site: &str, day: Day) -> Option<&DayVisits> {
        self.sites.get(site)?.days.iter().find(|known| known.day == day)
    }

    fn caches(&self) -> &ValueCaches {
        &self.caches
    }

    /// The whole state, for a snapshot.
    pub(crate) fn kept(&self) -> Vec<DayWriter<'_>> {
        let days = self.sites.values().flat_map(|site| site.days.iter().map(move |day| (site, day)));
        days.map(|(site, day)| DayWriter { site: &site.site.name, day }).collect()
    }

    /// Restores a day from a snapshot; its key must have been restored before.
    pub(crate) fn recall(&mut self, site: &Arc<Site>, saved: &DaySnapshot, keys: &KeyRing) {
        let (ids, bounds) = (&mut self.ids, self.bounds);
        let Some(key) = keys.of(site, Day(saved.day)) else { return };
        let day = DayVisits::recalled(saved, key, bounds, ids);
        self.tags += day.tags();
        self.open += day.open_visits();
        let known = self.sites.entry(site.name.clone()).or_insert_with(|| SiteVisits {
            site: site.clone(),
            term: ids.fresh(),
            days: Vec::new(),
        });
        known.days.push(day);
        self.recount_quotas();
    }

    fn recount_quotas(&mut self) {
        let bounds = self.bounds;
        self.tag_quota.recount(self.sites.values().map(SiteVisits::tags), bounds.tags, bounds.sites);
        self.visit_quota.recount(self.sites.values().map(SiteVisits::open_visits), bounds.visits, bounds.sites);
    }

    /// Drops expired state at `now`: ended visits, past days and their tags. Returns whether a day was dropped.
    pub fn forget_past(&mut self, now: jiff::Timestamp) -> bool {
        let mut forgotten = false;
        let earlier = now.as_second().saturating_sub(VISIT_GAP_SECONDS);
        let earlier = jiff::Timestamp::from_second(earlier).unwrap_or(now);
        for site in self.sites.values_mut() {
            let keep_from = site.site.day(earlier);
            for day in &mut site.days {
                day.open.expire(now.as_second());
                if day.day < keep_from {
                    forgotten = true;
                    self.tags = self.tags.saturating_sub(day.tags());
                    day.forget_seen();
                }
            }
            site.days.retain(|day| day.day >= keep_from || day.open_visits() > 0);
        }
        self.sites.retain(|_, site| !site.days.is_empty());
        self.open = self.sites.values().flat_map(|site| &site.days).map(DayVisits::open_visits).sum();
        self.recount_quotas();
        forgotten
    }

    /// Upper bounds in bytes of visits and tags within `bounds`, in memory and in a snapshot.
    pub(crate) fn bytes_max(bounds: VisitBounds) -> (u64, u64) {
        let (tags, visits) = (bounds.tags as u64, bounds.visits as u64);
        // Around midnight a visit has a record in both days; the previous day's records are freed after its last visit.
        let memory = tags * NUMBER_BYTES_MAX + 2 * visits * open_visits::VISIT_BYTES + value_cache::CACHE_BYTES;
        // In a snapshot a number takes eight bytes, a visit at most as in memory, plus a little per piece.
        (memory, tags * 9 + visits * open_visits::VISIT_BYTES)
    }

    /// The same bounds for one site's day: its texts and its rows.
    pub(crate) fn day_bytes_max(bounds: VisitBounds) -> (u64, u64) {
        let (texts, word) = Interner::texts_max(bounds);
        let (rows, pages) = (u64::from(bounds.rows), u64::from(bounds.pages));
        let gates = seats::gate_bytes(bounds.pages) + 5 * seats::gate_bytes(bounds.values);
        let memory = texts.bytes + texts.number * word + rows * NUMBER_BYTES_MAX + pages * rows::PAGE_BYTES + gates;
        // A 32-bit number takes up to five bytes.
        (memory, texts.bytes + texts.number * 2 + rows * 9 + pages * (rows::PAGE_BYTES / 4 * 5))
    }

    /// A number for a text that none of these days holds.
    pub(crate) fn fresh_term_id(&mut self) -> u32 {
        self.ids.fresh()
    }

    /// Number of tags in memory.
    pub fn tags(&self) -> usize {
        self.tags
    }

    /// Visits in progress, over all sites.
    pub fn open_visits(&self) -> usize {
        self.open
    }

    /// Visits in progress on one site.
    pub fn open_visits_of(&self, name: &str) -> usize {
        let of_site = self.sites.values().filter(|site| &*site.site.name == name);
        of_site.flat_map(|site| &site.days).map(DayVisits::open_visits).sum()
    }

    /// Rows of breakdowns, actions and timings of the days in memory.
    pub fn rows(&self) -> usize {
        self.sites.values().flat_map(|site| &site.days).map(|day| day.rows.len()).sum()
    }
}

impl SiteVisits {
    fn tags(&self) -> usize {
        self.days.iter().map(DayVisits::tags).sum()
    }

    fn open_visits(&self) -> usize {
        self.days.iter().map(DayVisits::open_visits).sum()
    }

    fn day_index(&mut self, day: Day, key: &Arc<DayKey>, bounds: VisitBounds, ids: &mut TermIds) -> usize {
        self.days.iter().position(|known| known.day == day).unwrap_or_else(|| {
            self.days.push(DayVisits::new(day, key.clone(), bounds, ids));
            self.days.len() - 1
        })
    }

    /// Moves the visitor's open visit of the previous day into today, the day at index `at`, under the new tag.
    fn carry_over_midnight(&mut self, at: usize, sighting: &Sighting<'_>, ids: &mut TermIds) {
        let Some((before, old_tag)) = &sighting.yesterday else { return };
        let Some(from) = self.days.iter().position(|day| day.day == *before) else { return };
        let Ok([today, yesterday]) = self.days.get_disjoint_mut([at, from]) else { return };
        let (tag, now) = (sighting.tag.bits(), sighting.at);
        if today.open_visit(tag, now).is_some() {
            return;
        }
        if let Some(visit) = yesterday.take_visit(old_tag.bits(), now) {
            let visit = today.carry(visit, yesterday, ids);
            today.open.begin(tag, &visit);
        }
    }

    /// The change as an event whose texts are borrowed from `interner`.
    fn event<'v>(&'v self, sighting: &Sighting<'_>, change: VisitChange, interner: Option<&'v Interner>) -> Event<'v> {
        let page = |index: u32| interner.map_or(NO_TERM, |interner| interner.pages.term(index));
        let values = |numbers: &_| interner.map_or([None; DIMENSIONS], |interner| interner.values(numbers));
        let entry = change.entry.map(|EntryChange { visit, unbounce, seconds }| EntryCorrection {
            day: visit.entry.day,
            hour: visit.entry.hour,
            page: page(visit.entry.page),
            values: values(&visit.entry_values),
            unbounce,
            visit_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        });
        Event {
            site: Term { id: self.term, text: &self.site.name },
            day: sighting.day,
            hour: sighting.hour,
            page: page(change.page),
            values: values(&change.values),
            kind: kind(change.kind, interner),
            entry,
            left: change.left.map(|view| LeftPage { day: view.day, hour: view.hour, page: page(view.page) }),
        }
    }
}

const NO_TERM: Term<'static> = Term { id: 0, text: OTHER };

fn kind<'v>(kind: ChangeKind, interner: Option<&'v Interner>) -> EventKind<'v> {
    match kind {
        ChangeKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond } => {
            EventKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond }
        }
        ChangeKind::Action { name, new, not_found, properties } => EventKind::Action {
            name: interner.map_or(NO_TERM, |interner| interner.actions.term(name)),
            new_action_visitor: new,
            not_found,
            properties: properties
                .into_iter()
                .filter_map(|(name, value, new_visitor)| {
                    let interner = interner?;
                    Some(Property {
                        name: interner.properties.term(name),
                        value: interner.properties.term(value),
                        new_visitor,
                    })
                })
                .collect(),
        },
        ChangeKind::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view } => {
            EventKind::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view }
        }
        ChangeKind::Timing(timings) => EventKind::Timing { timings },
    }
}

#[cfg(test)]
mod bounded_tests;
