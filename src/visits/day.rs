//! One site's day in memory: tags of its visitors, and visits in progress.

use std::sync::Arc;

use crate::event::{Day, Dimension};
use crate::privacy::Sighting;
use crate::privacy::hit::HitKind;
use crate::privacy::tag::day_key::DayKey;
use crate::privacy::url::page::Referrer;
use crate::visits::change::BoundsMet;
use crate::visits::interner::{BoundedTexts, Interner, OTHER, TermIds, VisitBounds};
use crate::visits::journal::snapshot::{DaySnapshot, numbers};
use crate::visits::open_visits::OpenVisits;
use crate::visits::rows::RowSet;
use crate::visits::seats::SeatGate;
use crate::visits::tag_set::TagSet;
use crate::visits::visit::{View, Visit};

/// One site's day: texts, rows, tags and visits.
pub(super) struct DayVisits {
    pub(super) day: Day,
    pub(super) interner: Interner,
    pub(super) rows: RowSet,
    /// Number of this day, unique in this process.
    pub(super) id: u32,
    pub(super) open: OpenVisits,
    /// Gates of pages, hosts of referrers, previous pages, names of actions, values of properties, and values from a
    /// visitor's browser and URL.
    gates: [SeatGate; 6],
    key: Arc<DayKey>,
    seen: TagSet,
}

impl DayVisits {
    pub(super) fn new(day: Day, key: Arc<DayKey>, bounds: VisitBounds, ids: &mut TermIds) -> Self {
        Self {
            day,
            key,
            id: ids.fresh(),
            interner: Interner::new(bounds, ids),
            rows: RowSet::new(bounds.rows),
            seen: TagSet::default(),
            open: OpenVisits::new(day),
            gates: std::array::from_fn(|_| SeatGate::new()),
        }
    }

    /// Adds a tag: whether it is new; `None` if it is new and there is no room.
    pub(super) fn see(&mut self, tag: u64, room: bool) -> Option<bool> {
        if room {
            return Some(self.seen.insert(tag));
        }
        self.seen.contains(tag).then_some(false)
    }

    /// The visit of this tag that a hit at `at` continues, with its record number.
    pub(super) fn open_visit(&self, tag: u64, at: i64) -> Option<(u32, Visit)> {
        self.open.find(tag).filter(|(_, visit)| visit.continues(at))
    }

    /// Removes that visit, to be carried into the next day.
    pub(super) fn take_visit(&mut self, tag: u64, at: i64) -> Option<Visit> {
        let (_, visit) = self.open_visit(tag, at)?;
        self.open.take(tag);
        Some(visit)
    }

    /// Moves a visit of the previous day into this day, translating its text numbers.
    pub(super) fn carry(&mut self, mut visit: Visit, from: &DayVisits, ids: &mut TermIds) -> Visit {
        let page = |view: &mut View, interner: &mut Interner, ids: &mut TermIds| {
            view.page = interner.pages.carry(from.interner.pages.term(view.page).text, ids);
        };
        page(&mut visit.entry, &mut self.interner, ids);
        page(&mut visit.current, &mut self.interner, ids);
        if let Some(view) = &mut visit.previous {
            page(view, &mut self.interner, ids);
        }
        visit.weight.begin_day();
        let pairs = self.interner.values.iter_mut().zip(&from.interner.values);
        for ((to, from), value) in pairs.zip(&mut visit.entry_values) {
            if let Some(index) = value.checked_sub(1) {
                *value = value_number(to.carry(from.term(u32::from(index)).text, ids));
            }
        }
        visit
    }

    /// Replaces texts without a row and without room by [`OTHER`]; returns the bounds that were met.
    pub(super) fn seat(&mut self, sighting: &mut Sighting<'_>) -> BoundsMet {
        let mut bounds_met = BoundsMet::default();
        let (network, interner) = (sighting.network, &self.interner);
        let [pages, hosts, pages_before, actions, values, from_browser] = &mut self.gates;
        let is_seated = |gate: &mut SeatGate, texts: &BoundedTexts, text: &str| {
            texts.contains(text) || gate.admits(text, network, texts.number(), texts.bound())
        };
        if !is_seated(pages, &interner.pages, &sighting.page) && !sighting.site.lists_page(&sighting.page) {
            sighting.page = OTHER.into();
            bounds_met.pages = true;
        }
        let [of_hosts, of_pages_before, ..] = &interner.values;
        let is_other = match &sighting.referrer {
            Referrer::Outside(host) => !is_seated(hosts, of_hosts, host),
            Referrer::Inside(page) => !is_seated(pages_before, of_pages_before, page),
            Referrer::None => false,
        };
        if is_other {
            bounds_met.values = true;
            match &mut sighting.referrer {
                Referrer::Outside(text) | Referrer::Inside(text) => *text = OTHER.into(),
                Referrer::None => {}
            }
        }
        if let Some(facts) = &mut sighting.facts {
            bounds_met.values |= facts.retain(|dimension, text| {
                let texts = interner.values.get(dimension as usize);
                // Mostly there is room, and nothing to look up.
                texts.is_none_or(|texts| texts.number() < texts.bound() / 2 || is_seated(from_browser, texts, text))
            });
        }
        if let HitKind::Action { name, properties, .. } = &mut sighting.kind {
            if !is_seated(actions, &interner.actions, name) {
                *name = OTHER.into();
                bounds_met.values = true;
            }
            for (_, value) in properties {
                if !is_seated(values, &interner.properties, value) {
                    *value = OTHER.into();
                    bounds_met.values = true;
                }
            }
        }
        bounds_met
    }

    /// Drops tags and rows: the day and its key have expired.
    pub(super) fn forget_seen(&mut self) {
        self.seen = TagSet::default();
        self.rows.forget();
    }

    /// The day's key, for the journal only.
    pub(super) fn key(&self) -> &[u8; 32] {
        self.key.for_journal()
    }

    /// All tags of the day.
    pub(super) fn seen(&self) -> &TagSet {
        &self.seen
    }

    /// Restores a day from a snapshot.
    pub(super) fn recalled(saved: &DaySnapshot, key: Arc<DayKey>, bounds: VisitBounds, ids: &mut TermIds) -> Self {
        let mut day = Self::new(Day(saved.day), key, bounds, ids);
        day.interner.pages.recall(&saved.pages, ids);
        for (words, texts) in day.interner.values.iter_mut().zip(&saved.values) {
            words.recall(texts, ids);
        }
        day.interner.actions.recall(&saved.actions, ids);
        day.interner.properties.recall(&saved.properties, ids);
        day.rows.recall(&saved.common_rows, numbers(&saved.rows));
        for tag in numbers(&saved.seen) {
            day.seen.insert(tag);
        }
        saved.open.iter().for_each(|piece| day.open.recall(piece));
        day
    }

    pub(super) fn tags(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn open_visits(&self) -> usize {
        self.open.len()
    }

    /// Interns a value; its number for [`Visit::entry_values`], or `None` without room.
    pub(super) fn value(&mut self, dimension: Dimension, text: &str, ids: &mut TermIds) -> Option<u16> {
        self.interner.dimension(dimension).intern(text, ids).map(value_number)
    }
}

/// Value numbers are stored plus one, so that 0 is "none"; a number that overflows becomes `(other)`.
fn value_number(index: u32) -> u16 {
    u16::try_from(index + 1).unwrap_or(1)
}
