//! Counting of one sighting within its day: its flags, its visit's change, and its rows. Each decision is made once: a
//! later correction goes to exactly the rows stored in the visit's entry.

use crate::event::{DIMENSIONS, DIRECT, Dimension, Timing, TimingMetric};
use crate::privacy::hit::HitKind;
use crate::privacy::url::page::Referrer;
use crate::privacy::{Sighting, VisitorFacts};
use crate::release::rules::VISIT_SECONDS_MAX;
use crate::visits::change::{BoundsMet, ChangeKind, EntryChange, NOT_FOUND, VisitChange};
use crate::visits::day::DayVisits;
use crate::visits::interner::{OTHER_NUMBER, OTHER_VALUE, TermIds};
use crate::visits::rows::RowKey;
use crate::visits::value_cache::{OF_AGENT, OF_COMING, OF_NEITHER, OF_PLACE, ValueCache, ValueCaches};
use crate::visits::visit::{View, Visit, VisitWeight};

/// Most of a report of reading that counts where no visit remembers what came before: a tenth of a step.
const READING_ALONE_MAX_MS: u32 = 100 * VISIT_SECONDS_MAX;

/// Changes of a hit whose visit has reached its weight.
const NOTHING: ChangeKind =
    ChangeKind::Engagement { engaged_ms: 0, engaged_view: false, scroll_percent: 0, scroll_view: false };

/// Counts one sighting within its day.
pub(super) struct SightingCounter<'c, 's> {
    pub(super) today: &'c mut DayVisits,
    pub(super) sighting: &'c Sighting<'s>,
    pub(super) budget: CountingBudget,
    pub(super) ids: &'c mut TermIds,
    pub(super) caches: &'c mut ValueCaches,
    /// Bounds that it has met so far.
    pub(super) met: BoundsMet,
}

/// Limits for one sighting: room for tags and visits, and whether visits have a weight.
pub(super) struct CountingBudget {
    /// Number of tags that still fit, over all sites and days.
    pub(super) tags: usize,
    /// Whether another visit may begin.
    pub(super) visit_may_begin: bool,
    /// A visit weighs at most one step of a row.
    pub(super) weighed: bool,
}

impl SightingCounter<'_, '_> {
    /// Whether `tag` is new to the day; see [`DayVisits::see`].
    fn see(&mut self, tag: u64) -> Option<bool> {
        let seen = self.today.see(tag, self.budget.tags > 0);
        self.budget.tags -= usize::from(seen == Some(true));
        seen
    }

    /// Counts the sighting; returns its change and the bounds that it met.
    pub(super) fn change(mut self) -> (VisitChange, BoundsMet) {
        let page = self.today.interner.pages.intern(&self.sighting.page, self.ids);
        self.met.pages |= page.is_none();
        let page = page.unwrap_or(OTHER_NUMBER);
        let change = match &self.sighting.kind {
            HitKind::Pageview { not_found } => self.pageview(page, *not_found),
            HitKind::Action { name, interactive, properties } => self.action(page, name, *interactive, properties),
            HitKind::Engagement { engaged_ms, scroll_percent, reported_percent } => {
                self.engagement(page, *engaged_ms, *scroll_percent, *reported_percent)
            }
            HitKind::Timing(timings) => self.timing(page, timings),
        };
        (change, self.met)
    }

    /// A pageview opens a visit or continues one; without room for its tag or visit, only the pageview counts.
    fn pageview(&mut self, page: u32, not_found: bool) -> VisitChange {
        let (at, tag) = (self.sighting.at, self.sighting.tag.bits());
        let mut values = self.visitor_values();
        let open = self.today.open_visit(tag, at);
        let has_room = open.is_some() || self.budget.visit_may_begin;
        let Some(new_visitor) = has_room.then(|| self.see(tag)).flatten() else {
            self.admit_values(page, &mut values);
            let kind = ChangeKind::Pageview {
                new_visitor: false,
                new_page_visitor: false,
                opens_visit: false,
                exit: false,
                not_found,
                beyond: false,
            };
            return VisitChange { page, values, kind, entry: None, left: None, tagged: false };
        };
        let new_page_visitor = self.see(self.sighting.tag.on_page(&self.sighting.key, page));
        let view = View::new(self.sighting.day, self.sighting.hour, page);
        self.set_origin(&mut values, open.is_some());
        self.admit_values(page, &mut values);
        let mut beyond = false;
        let (entry, left) = match open {
            Some((number, before)) => {
                let mut visit = before;
                beyond = self.budget.weighed && !visit.weight.add_view();
                visit.previous = Some(visit.current);
                visit.current = if beyond { view.beyond() } else { view };
                visit.bounce = false;
                visit.last_seen = visit.last_seen.max(at);
                let seconds = self.seconds(&mut visit, before.gap(at));
                self.today.open.go_on(number, &visit);
                (correction(before, before.bounce, seconds), Some(before.current))
            }
            None => {
                let visit = Visit {
                    entry: view,
                    entry_values: values,
                    last_seen: at,
                    bounce: true,
                    current: view,
                    previous: None,
                    weight: VisitWeight::of_one_view(),
                };
                self.today.open.begin(tag, &visit);
                (None, None)
            }
        };
        let kind = ChangeKind::Pageview {
            new_visitor,
            new_page_visitor: new_page_visitor.unwrap_or(false),
            opens_visit: open.is_none(),
            exit: true,
            not_found: not_found && !beyond,
            beyond,
        };
        VisitChange { page, values, kind, entry, left, tagged: new_page_visitor.is_some() }
    }

    /// Values of the visitor's dimensions.
    fn visitor_values(&mut self) -> [u16; DIMENSIONS] {
        let mut values = [0; DIMENSIONS];
        if let Some(facts) = &self.sighting.facts {
            self.cached_values(facts, (facts.place_id(), OF_PLACE), |caches| &mut caches.places, &mut values);
            self.cached_values(facts, (facts.agent_id(), OF_AGENT), |caches| &mut caches.agents, &mut values);
            self.values_by_text(facts, &OF_NEITHER, &mut values);
            if facts.tells_of_coming() {
                self.values_by_text(facts, &OF_COMING, &mut values);
            }
        }
        values
    }

    /// Values of a cached object, from the value cache or else by their texts.
    fn cached_values<const VALUES: usize, const PLACES: usize>(
        &mut self,
        facts: &VisitorFacts,
        (object, dimensions): (Option<u64>, [Dimension; VALUES]),
        cache: impl Fn(&mut ValueCaches) -> &mut ValueCache<VALUES, PLACES>,
        values: &mut [u16; DIMENSIONS],
    ) {
        let Some(object) = object else { return self.values_by_text(facts, &dimensions, values) };
        if let Some(numbers) = cache(self.caches).numbers(self.today.id, object) {
            for (dimension, number) in dimensions.into_iter().zip(numbers) {
                *dimension.of_mut(values) = *number;
            }
            return;
        }
        let bounds_met = std::mem::take(&mut self.met.values);
        self.values_by_text(facts, &dimensions, values);
        if !self.met.values {
            cache(self.caches).remember(self.today.id, object, dimensions.map(|dimension| *dimension.of_mut(values)));
        }
        self.met.values |= bounds_met;
    }

    /// Sets values by their texts, through the interner.
    fn values_by_text(&mut self, facts: &VisitorFacts, dimensions: &[Dimension], values: &mut [u16; DIMENSIONS]) {
        for dimension in dimensions {
            if let Some(text) = facts.shown(*dimension) {
                *dimension.of_mut(values) = self.value(*dimension, text);
            }
        }
    }

    /// The number of a value, as stored in a visit.
    fn value(&mut self, dimension: Dimension, text: &str) -> u16 {
        let number = self.today.value(dimension, text, self.ids);
        self.met.values |= number.is_none();
        number.unwrap_or(OTHER_VALUE)
    }

    /// Replaces values without a row by `(other)`.
    fn admit_values(&mut self, page: u32, values: &mut [u16; DIMENSIONS]) {
        self.met.rows |= self.today.rows.admit_values(page, values);
    }

    /// Sets the pageview's origin: an outside host; a page of the site, as the hit's own referrer says (the visit in
    /// memory may belong to another person behind the same address and agent); or direct, for a visit's first pageview.
    /// Source and channel follow where they are measured.
    fn set_origin(&mut self, values: &mut [u16; DIMENSIONS], in_visit: bool) {
        let (referrer, previous) = match (&self.sighting.referrer, in_visit) {
            (Referrer::Outside(host), _) => (Some(&**host), None),
            (Referrer::Inside(page), true) => (None, Some(&**page)),
            (Referrer::Inside(page), false) => (Some(DIRECT), Some(&**page)),
            (Referrer::None, false) => (Some(DIRECT), None),
            (Referrer::None, true) => (None, None),
        };
        let direct = referrer == Some(DIRECT);
        let facts = self.sighting.facts.as_ref().filter(|facts| direct && facts.tells_of_coming());
        for dimension in [Dimension::Source, Dimension::Channel] {
            if let Some(text) = facts.and_then(|facts| facts.of_direct(dimension)) {
                *dimension.of_mut(values) = self.value(dimension, text);
            }
        }
        let [referrer_value, previous_value, ..] = values;
        if let Some(text) = referrer {
            *referrer_value = self.value(Dimension::Referrer, text);
        }
        if let Some(text) = previous {
            *previous_value = self.value(Dimension::PreviousPage, text);
        }
    }

    /// An action and its declared properties; beyond the weight of its visit only a visitor's first one counts.
    fn action(
        &mut self,
        page: u32,
        name: &str,
        interactive: bool,
        properties: &[(&str, std::borrow::Cow<'_, str>)],
    ) -> VisitChange {
        let (tag, key) = (&self.sighting.tag, &self.sighting.key);
        let index = self.today.interner.actions.intern(name, self.ids);
        let mut counted = Vec::with_capacity(properties.len());
        for (property, value) in properties {
            let words = &mut self.today.interner.properties;
            let (property, value) = (words.intern(property, self.ids), words.intern(value, self.ids));
            self.met.values |= property.is_none() || value.is_none();
            counted.push((property.unwrap_or(OTHER_NUMBER), value.unwrap_or(OTHER_NUMBER), false));
        }
        self.met.values |= index.is_none();
        let index = self.admit_action(page, index.unwrap_or(OTHER_NUMBER), &mut counted);
        let new = self.see(tag.doing(key, index));
        for (property, value, new) in &mut counted {
            *new = self.see(tag.doing_with(key, index, *property, *value)).unwrap_or(false);
        }
        let (within, entry) = self.update_visit(interactive, |visit| visit.weight.add_use());
        let counts = !self.budget.weighed || within == Some(true) || new != Some(false);
        let kind = if counts {
            ChangeKind::Action {
                name: index,
                new: new.unwrap_or(false),
                not_found: name == NOT_FOUND,
                properties: counted,
            }
        } else {
            NOTHING
        };
        VisitChange { page, values: [0; DIMENSIONS], kind, entry, left: None, tagged: new.is_some() }
    }

    /// The action's number and its properties' values, as far as their rows have room. An action is admitted together
    /// with its properties' rows of `(other)`, or becomes [`OTHER`](crate::visits::OTHER).
    fn admit_action(&mut self, page: u32, action: u32, properties: &mut [(u32, u32, bool)]) -> u32 {
        let rows = &mut self.today.rows;
        let rest = properties.iter().map(|(name, _, _)| RowKey::action(page, action, Some((*name, OTHER_NUMBER))));
        let known =
            action == OTHER_NUMBER || rows.admit_all(std::iter::once(RowKey::action(page, action, None)).chain(rest));
        let action = if known { action } else { OTHER_NUMBER };
        self.met.rows |= !known;
        for (name, value, _) in properties {
            if *value != OTHER_NUMBER && !rows.admit(RowKey::action(page, action, Some((*name, *value)))) {
                *value = OTHER_NUMBER;
                self.met.rows = true;
            }
        }
        action
    }

    /// A report of a page view that the visit remembers is compared with its state. For other views (the visit is over,
    /// or continued in other tabs), the sender states its earlier report.
    fn engagement(
        &mut self,
        page: u32,
        engaged_ms: Option<u32>,
        depth: Option<u8>,
        reported: Option<u8>,
    ) -> VisitChange {
        let (weighed, reading) = (self.budget.weighed, engaged_ms.unwrap_or(0));
        let (touched, entry) = self.update_visit(false, |visit| {
            let gained = visit.view_of(page).map(|view| {
                let engaged_view = engaged_ms.is_some() && !view.timed;
                view.timed |= engaged_ms.is_some();
                let known = view.scrolled;
                view.scrolled = known.max(depth);
                let percent = depth.map_or(0, |depth| depth.saturating_sub(known.unwrap_or(0)));
                ((engaged_view, percent, known.is_none()), view.is_beyond())
            });
            let reading = match gained {
                Some((_, true)) => 0,
                Some(_) | None if weighed => visit.weight.add_reading(reading),
                Some(_) | None => reading,
            };
            (gained.map(|(gained, _)| gained), reading)
        });
        let alone = || (None, if weighed { reading.min(READING_ALONE_MAX_MS) } else { reading });
        let (gained, reading) = touched.unwrap_or_else(alone);
        let (engaged_view, scroll_percent, first_depth) = gained.unwrap_or_else(|| match reported {
            Some(before) => (false, depth.map_or(0, |depth| depth.saturating_sub(before)), before == 0),
            None => (engaged_ms.is_some(), depth.unwrap_or(0), true),
        });
        let kind = ChangeKind::Engagement {
            engaged_ms: reading,
            engaged_view,
            scroll_percent,
            scroll_view: depth.is_some() && first_depth,
        };
        VisitChange { page, values: [0; DIMENSIONS], kind, entry, left: None, tagged: true }
    }

    /// Times whose rows have no room count under page [`OTHER`](crate::visits::OTHER): the site's totals stay correct.
    fn timing(&mut self, page: u32, timings: &[(TimingMetric, f64)]) -> VisitChange {
        let (beyond, entry) =
            self.update_visit(false, |visit| visit.view_of(page).is_some_and(|view| view.is_beyond()));
        let timings = if beyond == Some(true) { &[] } else { timings };
        let timings: Vec<Timing> =
            timings.iter().map(|(metric, ms)| Timing { metric: *metric, bucket: TimingMetric::bucket(*ms) }).collect();
        let rows = timings.iter().map(|timing| RowKey::timing(page, self.sighting.hour, *timing));
        let known = page == OTHER_NUMBER || self.today.rows.admit_all(rows);
        self.met.rows |= !known;
        let page = if known { page } else { OTHER_NUMBER };
        VisitChange {
            page,
            values: [0; DIMENSIONS],
            kind: ChangeKind::Timing(timings),
            entry,
            left: None,
            tagged: true,
        }
    }

    /// Updates the visit in progress, if any, for a hit other than a pageview.
    fn update_visit<R>(
        &mut self,
        ends_bounce: bool,
        update: impl FnOnce(&mut Visit) -> R,
    ) -> (Option<R>, Option<EntryChange>) {
        let at = self.sighting.at;
        let Some((number, before)) = self.today.open_visit(self.sighting.tag.bits(), at) else { return (None, None) };
        let mut visit = before;
        visit.bounce &= !ends_bounce;
        visit.last_seen = visit.last_seen.max(at);
        let result = update(&mut visit);
        let seconds = self.seconds(&mut visit, before.gap(at));
        self.today.open.go_on(number, &visit);
        (Some(result), correction(before, before.bounce && ends_bounce, seconds))
    }

    /// The seconds by which a visit grows, as far as they count.
    fn seconds(&self, visit: &mut Visit, gap: i64) -> i64 {
        if self.budget.weighed { visit.weight.add_seconds(gap) } else { gap }
    }
}

/// The correction of a visit's entry hit; `None` if it is empty.
fn correction(visit: Visit, unbounce: bool, seconds: i64) -> Option<EntryChange> {
    (unbounce || seconds > 0).then_some(EntryChange { visit, unbounce, seconds })
}
