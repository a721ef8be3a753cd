//! A segment's events into counter rows. Addition only, and sorted rows at the end: the same events give the same
//! batch, whoever folds them and however often.
//!
//! What is hashed and compared is numbers: a text has one (`rollup/texts.rs`), a page of a site and day has one, and
//! both make the key of a row.

pub mod counters;
mod interner;
pub mod levels;
mod rows;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::event::{
    Day, Dimension, DimensionValues, EntryCorrection, Event, EventKind, Hour, Property, Term, Timing, TimingMetric,
};
use crate::rollup::counters::{Batch, BreakdownsRow};
use crate::rollup::interner::{TextId, TextInterner};
use crate::rollup::rows::SortOrder;

/// Keys are numbers that visitors have a part in; the hasher's own seed keeps them from choosing where they end up.
type SumMap<K, V> = HashMap<K, V, DefaultHashBuilder>;

/// Number of a [`CountLocation`] within one rollup.
type LocationId = u32;

/// Where something was counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct CountLocation {
    site: TextId,
    page: TextId,
    day: Day,
}

/// Events as they add up.
#[derive(Default)]
pub struct Rollup {
    texts: TextInterner,
    place_numbers: SumMap<CountLocation, LocationId>,
    places: Vec<CountLocation>,
    pages: SumMap<PageKey, PageSums>,
    breakdowns: SumMap<BreakdownKey, VisitSums>,
    actions: SumMap<ActionKey, ActionSums>,
    timings: SumMap<TimingKey, i64>,
    events: u64,
}

/// Fewest bytes of a segment that make one more row.
const ROW_BYTES_MIN: u64 = 2;

type PageKey = (LocationId, Hour);
/// Action, property with its value.
type ActionKey = (LocationId, TextId, Option<(TextId, TextId)>);
type TimingKey = (LocationId, Hour, TimingMetric, u8);

/// Place, dimension and value in one number, which takes a rollup of fewer than 134 million places.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct BreakdownKey(u64);

impl BreakdownKey {
    const DIMENSION_BITS: u32 = 5;

    fn new(place: LocationId, dimension: Dimension, value: TextId) -> Self {
        Self((u64::from(place) << Self::DIMENSION_BITS | dimension as u64) << TextId::BITS | u64::from(value))
    }

    fn place(self) -> LocationId {
        LocationId::try_from(self.0 >> (TextId::BITS + Self::DIMENSION_BITS)).unwrap_or(LocationId::MAX)
    }

    /// The dimension's number.
    fn dimension(self) -> usize {
        let number = self.0 >> TextId::BITS & ((1 << Self::DIMENSION_BITS) - 1);
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    fn value(self) -> TextId {
        TextId::try_from(self.0 & u64::from(TextId::MAX)).unwrap_or(TextId::MAX)
    }
}

#[derive(Default, Clone, Copy, PartialEq)]
struct VisitSums {
    pageviews: i64,
    visitors: i64,
    page_visitors: i64,
    visits: i64,
    bounces: i64,
    visit_seconds: i64,
}

#[derive(Default, Clone, Copy, PartialEq)]
struct PageSums {
    visit: VisitSums,
    exits: i64,
    engaged_ms: i64,
    engaged_views: i64,
    scroll_percent: i64,
    scroll_views: i64,
    not_found: i64,
}

#[derive(Default, Clone, Copy, PartialEq)]
struct ActionSums {
    count: i64,
    visitors: i64,
}

impl VisitSums {
    fn add(&mut self, other: &VisitSums) {
        self.pageviews += other.pageviews;
        self.visitors += other.visitors;
        self.page_visitors += other.page_visitors;
        self.visits += other.visits;
        self.bounces += other.bounces;
        self.visit_seconds += other.visit_seconds;
    }
}

impl Rollup {
    /// Adds one event, which must come from the same source as those before it.
    pub fn add(&mut self, event: &Event<'_>) {
        self.events += 1;
        let site = self.texts.number(event.site);
        let place = self.place(site, event.day, event.page);
        match &event.kind {
            EventKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found } => {
                let opened = i64::from(*opens_visit);
                let sums = VisitSums {
                    pageviews: 1,
                    visitors: i64::from(*new_visitor),
                    page_visitors: i64::from(*new_page_visitor),
                    visits: opened,
                    bounces: opened,
                    visit_seconds: 0,
                };
                let row = self.page(place, event.hour);
                row.visit.add(&sums);
                row.exits += i64::from(*exit);
                row.not_found += i64::from(*not_found);
                self.break_down(place, &event.values, &sums);
            }
            EventKind::Action { name, new_action_visitor, not_found, properties } => {
                self.action(place, *name, *new_action_visitor, properties);
                if *not_found {
                    self.page(place, event.hour).not_found += 1;
                }
            }
            EventKind::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view } => {
                let row = self.page(place, event.hour);
                row.engaged_ms += i64::from(*engaged_ms);
                row.engaged_views += i64::from(*engaged_view);
                row.scroll_percent += i64::from(*scroll_percent);
                row.scroll_views += i64::from(*scroll_view);
            }
            EventKind::Timing { timings } => {
                for Timing { metric, bucket } in timings {
                    *self.timings.entry((place, event.hour, *metric, *bucket)).or_default() += 1;
                }
            }
        }
        if let Some(entry) = &event.entry {
            self.correct_entry(site, entry);
        }
        if let Some(left) = &event.left {
            let place = self.place(site, left.day, left.page);
            self.page(place, left.hour).exits -= 1;
        }
    }

    /// Events added so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Most bytes that folding a segment of `bytes` takes. The shortest way to a new row takes nearly three bytes of a
    /// segment (a visit's entry with its thirteen values); each is kept as a sum, in a table that may be half empty or
    /// growing, is sorted beside it, and becomes a row.
    pub const fn bytes_max(bytes: u64) -> u64 {
        let table = size_of::<(BreakdownKey, VisitSums)>() * 2;
        let sorted = size_of::<(u128, (&BreakdownKey, &VisitSums))>();
        bytes / ROW_BYTES_MIN * (table + sorted + size_of::<BreakdownsRow>()) as u64
    }

    /// Rows so far; some may yet turn out to be zero.
    pub fn rows(&self) -> usize {
        self.pages.len() + self.breakdowns.len() + self.actions.len() + self.timings.len()
    }

    /// The rows, sorted by their keys; those that came to nothing are left out. A row is sorted by one number, which the
    /// ranks of its texts make.
    pub fn finish(self, token: String) -> Batch {
        let order = SortOrder::new(&self);
        Batch {
            token,
            origin: "".into(),
            pages: self.page_rows(&order),
            breakdowns: self.breakdown_rows(&order),
            actions: self.action_rows(&order),
            timings: self.timing_rows(&order),
        }
    }

    fn place(&mut self, site: TextId, day: Day, page: Term<'_>) -> LocationId {
        let place = CountLocation { site, page: self.texts.number(page), day };
        *self.place_numbers.entry(place).or_insert_with(|| {
            self.places.push(place);
            // As with texts: some millions at the most.
            LocationId::try_from(self.places.len() - 1).unwrap_or(LocationId::MAX)
        })
    }

    fn page(&mut self, place: LocationId, hour: Hour) -> &mut PageSums {
        self.pages.entry((place, hour)).or_default()
    }

    fn break_down(&mut self, place: LocationId, values: &DimensionValues<'_>, sums: &VisitSums) {
        for (dimension, value) in Dimension::ALL.into_iter().zip(values) {
            if let Some(value) = value {
                let key = BreakdownKey::new(place, dimension, self.texts.number(*value));
                self.breakdowns.entry(key).or_default().add(sums);
            }
        }
    }

    fn action(&mut self, place: LocationId, name: Term<'_>, new: bool, properties: &[Property<'_>]) {
        let name = self.texts.number(name);
        let mut add = |property, new| {
            let sums: &mut ActionSums = self.actions.entry((place, name, property)).or_default();
            sums.count += 1;
            sums.visitors += i64::from(new);
        };
        add(None, new);
        for property in properties {
            let named = (self.texts.number(property.name), self.texts.number(property.value));
            add(Some(named), property.new_visitor);
        }
    }

    fn correct_entry(&mut self, site: TextId, entry: &EntryCorrection<'_>) {
        let place = self.place(site, entry.day, entry.page);
        let sums = VisitSums {
            bounces: -i64::from(entry.unbounce),
            visit_seconds: i64::from(entry.visit_seconds),
            ..VisitSums::default()
        };
        self.page(place, entry.hour).visit.add(&sums);
        self.break_down(place, &entry.values, &sums);
    }
}
