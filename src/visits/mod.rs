//! Open visits and seen tags: what a sighting changes, as flags and signed corrections that add up exactly at any
//! moment. The rules:
//!
//! - A visitor is new today, on a page, or with an action, when its tag was not seen there today.
//! - Hits of one tag with no gap over 1 800 s are one visit. Its first pageview gives its page `visits`, `bounces` and
//!   `exits`; its second pageview, or its first interactive action, takes the bounce back; moving on moves the exit;
//!   every hit adds the seconds since the one before. Corrections go to the hit that they correct: its day, hour and
//!   values.
//! - A visit in progress at midnight goes on under the visitor's tag of the new day.
//! - Reading time and depth count once for each showing of a page: a later report of the same showing adds what it
//!   gained. The last two pages of a visit are remembered for this, since a page's last report may come after the
//!   next page's view.
//!
//! Nothing here knows an address. What grows is bounded: texts by the [`lexicon`], tags by a limit beyond which a
//! pageview counts without its visitor; open visits end, days are forgotten.

mod day;
pub(crate) mod journal;
pub mod lexicon;

use std::collections::HashMap;
use std::sync::Arc;

use day::{DayVisits, View, Visit};
pub use journal::JournalError;
use journal::SavedDay;
pub use lexicon::{Bounds, OTHER};
use lexicon::{Lexicon, TermIds};

use crate::privacy::Sighting;
use crate::privacy::event::{
    DIMENSIONS, DIRECT, Day, Dimension, EntryCorrection, Event, Kind, LeftPage, Property, Term, Timing, TimingMetric,
};
use crate::privacy::hit::HitKind;
use crate::privacy::page::Referrer;
use crate::privacy::salt::{DayKey, Keys, VISIT_GAP_SECONDS};
use crate::sites::Site;

/// Name of the action that flags its page as not found.
const NOT_FOUND: &str = "404";

/// All sites' visits.
pub struct Visits {
    sites: HashMap<Arc<str>, SiteVisits>,
    bounds: Bounds,
    tags_max: usize,
    tags: usize,
    ids: TermIds,
}

struct SiteVisits {
    site: Arc<Site>,
    term: u32,
    days: Vec<DayVisits>,
}

/// What a sighting came to.
pub struct Counted<'v> {
    /// The event, its texts borrowed from memory.
    pub event: Event<'v>,
    /// False when there was no room for the visitor's tag: the event counts without it.
    pub tagged: bool,
}

/// What changes, in numbers; texts are looked up when nothing moves any more.
struct Change {
    page: u32,
    values: [u16; DIMENSIONS],
    kind: KindOf,
    entry: Option<(Visit, bool, i64)>,
    left: Option<View>,
    tagged: bool,
}

enum KindOf {
    Pageview { new_visitor: bool, new_page_visitor: bool, opens_visit: bool, exit: bool, not_found: bool },
    Action { name: u32, new: bool, not_found: bool, properties: Vec<(u32, u32, bool)> },
    Engagement { engaged_ms: u32, engaged_view: bool, scroll_percent: u8, scroll_view: bool },
    Timing(Vec<Timing>),
}

impl Visits {
    /// No visits yet; at most `tags_max` tags in all.
    pub fn new(bounds: Bounds, tags_max: usize) -> Self {
        Self { sites: HashMap::new(), bounds, tags_max, tags: 0, ids: TermIds::default() }
    }

    /// Counts one sighting.
    pub fn count(&mut self, sighting: &Sighting<'_>) -> Counted<'_> {
        let (ids, bounds) = (&mut self.ids, self.bounds);
        let site = self.sites.entry(sighting.site.name.clone()).or_insert_with(|| SiteVisits {
            site: sighting.site.clone(),
            term: ids.fresh(),
            days: Vec::new(),
        });
        if !Arc::ptr_eq(&site.site, &sighting.site) {
            site.site = sighting.site.clone();
        }
        let at = site.day_index(sighting.day, &sighting.key, bounds, ids);
        let mut today = site.days.swap_remove(at);
        let tags_before = today.tags();
        let room = self.tags_max.saturating_sub(self.tags);
        site.carry_over_midnight(&mut today, sighting, room > 0, ids);
        let change = Counting { today: &mut today, sighting, room, ids }.change();
        self.tags += today.tags() - tags_before;
        site.days.push(today);
        let site = &*site;
        // `days` is never empty here: the line above pushed to it.
        let lexicon = site.days.last().map(|day| &day.lexicon);
        Counted { tagged: change.tagged, event: site.event(sighting, change, lexicon) }
    }

    /// Whether anything of this site's day is remembered.
    pub(crate) fn knows(&self, site: &str, day: Day) -> bool {
        self.sites.get(site).is_some_and(|site| site.days.iter().any(|known| known.day == day))
    }

    /// Everything, to be kept over a restart.
    pub(crate) fn saved(&self) -> Vec<SavedDay> {
        let of = |site: &SiteVisits| site.days.iter().map(|day| day.saved(&site.site.name)).collect::<Vec<_>>();
        self.sites.values().flat_map(of).collect()
    }

    /// Takes in a day that was kept over a restart; its key must have been recalled.
    pub(crate) fn recall(&mut self, site: &Arc<Site>, saved: &SavedDay, keys: &Keys) {
        let (ids, bounds) = (&mut self.ids, self.bounds);
        let Some(key) = keys.of(site, Day(saved.day)) else { return };
        let day = DayVisits::recalled(saved, key, bounds, ids);
        self.tags += day.tags();
        let known = self.sites.entry(site.name.clone()).or_insert_with(|| SiteVisits {
            site: site.clone(),
            term: ids.fresh(),
            days: Vec::new(),
        });
        known.days.push(day);
    }

    /// Forgets what is over at `now`: ended visits, past days and who was seen on them. Says whether a day was
    /// forgotten.
    pub fn forget_past(&mut self, now: jiff::Timestamp) -> bool {
        let mut forgotten = false;
        let earlier = now.as_second().saturating_sub(VISIT_GAP_SECONDS);
        let earlier = jiff::Timestamp::from_second(earlier).unwrap_or(now);
        for site in self.sites.values_mut() {
            let keep_from = site.site.day(earlier);
            for day in &mut site.days {
                day.expire(now.as_second());
                if day.day < keep_from {
                    forgotten = true;
                    self.tags = self.tags.saturating_sub(day.tags());
                    day.forget_seen();
                }
            }
            site.days.retain(|day| day.day >= keep_from || day.open_visits() > 0);
        }
        self.sites.retain(|_, site| !site.days.is_empty());
        forgotten
    }

    /// Tags in memory.
    pub fn tags(&self) -> usize {
        self.tags
    }

    /// Visits in progress.
    pub fn open_visits(&self) -> usize {
        self.sites.values().flat_map(|site| &site.days).map(DayVisits::open_visits).sum()
    }
}

impl SiteVisits {
    fn day_index(&mut self, day: Day, key: &Arc<DayKey>, bounds: Bounds, ids: &mut TermIds) -> usize {
        self.days.iter().position(|known| known.day == day).unwrap_or_else(|| {
            self.days.push(DayVisits::new(day, key.clone(), bounds, ids));
            self.days.len() - 1
        })
    }

    /// Moves the visitor's open visit of the day before into `today`, under the new tag.
    fn carry_over_midnight(&mut self, today: &mut DayVisits, sighting: &Sighting<'_>, room: bool, ids: &mut TermIds) {
        let Some((before, old_tag)) = &sighting.yesterday else { return };
        let (tag, at) = (sighting.tag.bits(), sighting.at);
        if !room || today.open_visit(tag, at).is_some() {
            return;
        }
        let Some(yesterday) = self.days.iter_mut().find(|day| day.day == *before) else { return };
        if let Some(visit) = yesterday.take_visit(old_tag.bits(), at) {
            let visit = today.carry(visit, yesterday, ids);
            today.begin_visit(tag, visit);
        }
    }

    /// The change as an event, its texts borrowed from `lexicon`.
    fn event<'v>(&'v self, sighting: &Sighting<'_>, change: Change, lexicon: Option<&'v Lexicon>) -> Event<'v> {
        let page = |index: u32| lexicon.map_or(NO_TERM, |lexicon| lexicon.pages.term(index));
        let values = |numbers: &_| lexicon.map_or([None; DIMENSIONS], |lexicon| lexicon.values(numbers));
        let entry = change.entry.map(|(visit, unbounce, seconds)| EntryCorrection {
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
            kind: kind(change.kind, lexicon),
            entry,
            left: change.left.map(|view| LeftPage { day: view.day, hour: view.hour, page: page(view.page) }),
        }
    }
}

const NO_TERM: Term<'static> = Term { id: 0, text: OTHER };

fn kind<'v>(kind: KindOf, lexicon: Option<&'v Lexicon>) -> Kind<'v> {
    match kind {
        KindOf::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found } => {
            Kind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found }
        }
        KindOf::Action { name, new, not_found, properties } => Kind::Action {
            name: lexicon.map_or(NO_TERM, |lexicon| lexicon.actions.term(name)),
            new_action_visitor: new,
            not_found,
            properties: properties
                .into_iter()
                .filter_map(|(name, value, new_visitor)| {
                    let lexicon = lexicon?;
                    Some(Property {
                        name: lexicon.properties.term(name),
                        value: lexicon.properties.term(value),
                        new_visitor,
                    })
                })
                .collect(),
        },
        KindOf::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view } => {
            Kind::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view }
        }
        KindOf::Timing(timings) => Kind::Timing { timings },
    }
}

/// The counting of one sighting, within its day.
struct Counting<'c, 's> {
    today: &'c mut DayVisits,
    sighting: &'c Sighting<'s>,
    /// Tags that there is room for.
    room: usize,
    ids: &'c mut TermIds,
}

impl Counting<'_, '_> {
    /// As [`DayVisits::see`].
    fn see(&mut self, tag: u64) -> Option<bool> {
        let seen = self.today.see(tag, self.room > 0);
        self.room -= usize::from(seen == Some(true));
        seen
    }

    fn change(mut self) -> Change {
        let page = self.today.lexicon.pages.intern(&self.sighting.page, self.ids);
        match &self.sighting.kind {
            HitKind::Pageview { not_found } => self.pageview(page, *not_found),
            HitKind::Action { name, interactive, properties } => self.action(page, name, *interactive, properties),
            HitKind::Engagement { engaged_ms, scroll_percent } => self.engagement(page, *engaged_ms, *scroll_percent),
            HitKind::Timing(timings) => self.timing(page, timings),
        }
    }

    fn pageview(&mut self, page: u32, not_found: bool) -> Change {
        let (at, tag) = (self.sighting.at, self.sighting.tag.bits());
        let mut values = self.visitor_values();
        let Some(new_visitor) = self.see(tag) else {
            let kind = KindOf::Pageview {
                new_visitor: false,
                new_page_visitor: false,
                opens_visit: false,
                exit: false,
                not_found,
            };
            return Change { page, values, kind, entry: None, left: None, tagged: false };
        };
        let page_tag = self.sighting.tag.on_page(&self.sighting.key, self.today.lexicon.pages.term(page).text);
        let new_page_visitor = self.see(page_tag);
        let view = View::new(self.sighting.day, self.sighting.hour, page);
        let open = self.today.open_visit(tag, at).map(|visit| *visit);
        self.way_here(&mut values, open.as_ref());
        let (entry, left) = match open {
            Some(before) => {
                let mut visit = before;
                visit.previous = Some(visit.current);
                visit.current = view;
                visit.bounce = false;
                visit.last_seen = visit.last_seen.max(at);
                self.today.begin_visit(tag, visit);
                (correction(before, before.bounce, before.gap(at)), Some(before.current))
            }
            None => {
                let visit = Visit {
                    entry: view,
                    entry_values: values,
                    last_seen: at,
                    bounce: true,
                    current: view,
                    previous: None,
                };
                self.today.begin_visit(tag, visit);
                (None, None)
            }
        };
        let kind = KindOf::Pageview {
            new_visitor,
            new_page_visitor: new_page_visitor.unwrap_or(false),
            opens_visit: open.is_none(),
            exit: true,
            not_found,
        };
        Change { page, values, kind, entry, left, tagged: new_page_visitor.is_some() }
    }

    /// The values that belong to the visitor.
    fn visitor_values(&mut self) -> [u16; DIMENSIONS] {
        let mut values = [0; DIMENSIONS];
        if let Some(facts) = &self.sighting.facts {
            for (value, dimension) in values.iter_mut().zip(Dimension::ALL) {
                if let Some(text) = facts.shown(dimension) {
                    *value = self.today.value(dimension, text, self.ids);
                }
            }
        }
        values
    }

    /// Where the pageview came from: an outside host; a page of the site, as the referrer says or, without one, as the
    /// visit in progress knows; or, for a visit's first, directly. Source and channel, where they are measured, follow.
    fn way_here(&mut self, values: &mut [u16; DIMENSIONS], open: Option<&Visit>) {
        let from_visit;
        let (referrer, previous) = match (&self.sighting.referrer, open) {
            (Referrer::Outside(host), _) => (Some(&**host), None),
            (Referrer::Inside(page), Some(_)) => (None, Some(&**page)),
            (Referrer::Inside(page), None) => (Some(DIRECT), Some(&**page)),
            (Referrer::None, None) => (Some(DIRECT), None),
            (Referrer::None, Some(visit)) => {
                from_visit = self.today.lexicon.pages.term(visit.current.page).text.to_owned();
                (None, Some(from_visit.as_str()))
            }
        };
        let facts = self.sighting.facts.as_ref().filter(|_| referrer == Some(DIRECT));
        for (value, dimension) in values.iter_mut().zip(Dimension::ALL) {
            if let Some(text) = facts.and_then(|facts| facts.of_direct(dimension)) {
                *value = self.today.value(dimension, text, self.ids);
            }
        }
        let [referrer_value, previous_value, ..] = values;
        if let Some(text) = referrer {
            *referrer_value = self.today.value(Dimension::Referrer, text, self.ids);
        }
        if let Some(text) = previous {
            *previous_value = self.today.value(Dimension::PreviousPage, text, self.ids);
        }
    }

    fn action(
        &mut self,
        page: u32,
        name: &str,
        interactive: bool,
        properties: &[(&str, std::borrow::Cow<'_, str>)],
    ) -> Change {
        let (tag, key) = (&self.sighting.tag, &self.sighting.key);
        let index = self.today.lexicon.actions.intern(name, self.ids);
        let bounded = self.today.lexicon.actions.term(index).text;
        let doing = tag.doing(key, bounded);
        let new = self.see(doing);
        let mut noted = Vec::with_capacity(properties.len());
        for (property, value) in properties {
            let words = &mut self.today.lexicon.properties;
            let (property, value) = (words.intern(property, self.ids), words.intern(value, self.ids));
            let (name, words) = (self.today.lexicon.actions.term(index).text, &self.today.lexicon.properties);
            let with = tag.doing_with(key, name, words.term(property).text, words.term(value).text);
            noted.push((property, value, self.see(with).unwrap_or(false)));
        }
        let entry = self.touch_visit(interactive, |_| ());
        let kind =
            KindOf::Action { name: index, new: new.unwrap_or(false), not_found: name == NOT_FOUND, properties: noted };
        Change { page, values: [0; DIMENSIONS], kind, entry: entry.1, left: None, tagged: new.is_some() }
    }

    fn engagement(&mut self, page: u32, engaged_ms: Option<u32>, depth: Option<u8>) -> Change {
        let (gained, entry) = self.touch_visit(false, |visit| {
            let view = visit.view_of(page)?;
            let engaged_view = engaged_ms.is_some() && !view.timed;
            view.timed |= engaged_ms.is_some();
            let known = view.scrolled;
            view.scrolled = known.max(depth);
            Some((engaged_view, depth.map_or(0, |depth| depth.saturating_sub(known.unwrap_or(0))), known.is_none()))
        });
        let (engaged_view, scroll_percent, first_depth) =
            gained.flatten().unwrap_or((engaged_ms.is_some(), depth.unwrap_or(0), true));
        let kind = KindOf::Engagement {
            engaged_ms: engaged_ms.unwrap_or(0),
            engaged_view,
            scroll_percent,
            scroll_view: depth.is_some() && first_depth,
        };
        Change { page, values: [0; DIMENSIONS], kind, entry, left: None, tagged: true }
    }

    fn timing(&mut self, page: u32, timings: &[(TimingMetric, f64)]) -> Change {
        let timings =
            timings.iter().map(|(metric, ms)| Timing { metric: *metric, bucket: TimingMetric::bucket(*ms) }).collect();
        let (_, entry) = self.touch_visit(false, |_| ());
        Change { page, values: [0; DIMENSIONS], kind: KindOf::Timing(timings), entry, left: None, tagged: true }
    }

    /// Notes a hit that is no pageview in the visit in progress, if there is one.
    fn touch_visit<R>(
        &mut self,
        ends_bounce: bool,
        note: impl FnOnce(&mut Visit) -> R,
    ) -> (Option<R>, Option<(Visit, bool, i64)>) {
        let at = self.sighting.at;
        let Some(visit) = self.today.open_visit(self.sighting.tag.bits(), at) else { return (None, None) };
        let before = *visit;
        visit.bounce &= !ends_bounce;
        visit.last_seen = visit.last_seen.max(at);
        let noted = note(visit);
        (Some(noted), correction(before, before.bounce && ends_bounce, before.gap(at)))
    }
}

/// The correction of a visit's entry hit, where there is something to correct.
fn correction(visit: Visit, unbounce: bool, seconds: i64) -> Option<(Visit, bool, i64)> {
    (unbounce || seconds > 0).then_some((visit, unbounce, seconds))
}

#[cfg(test)]
mod bounded_tests;
