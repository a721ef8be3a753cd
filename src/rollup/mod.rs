//! Folds a segment's events to counter rows. Addition only, with sorted rows at the end: the same events always give
//! the same batch.
//!
//! Hashes and comparisons use numbers only: each text has one (`rollup/interner.rs`), each page of a site and day has
//! one, and both form a row's key.

pub mod counters;
mod interner;
pub mod levels;
mod rows;
mod sums;

use crate::event::{Day, Dimension, DimensionValues, EntryCorrection, Event, EventKind, Hour, Property, Term, Timing};
use crate::rollup::counters::{Batch, BreakdownsRow};
use crate::rollup::interner::TextId;
use crate::rollup::rows::SortOrder;
pub use crate::rollup::sums::Rollup;
use crate::rollup::sums::{ActionSums, BreakdownKey, CountLocation, LocationId, PageSums, VisitSums};

/// Fewest bytes of a segment per additional row.
const ROW_BYTES_MIN: u64 = 2;

impl Rollup {
    /// Adds one event; all events must come from the same source.
    pub fn add(&mut self, event: &Event<'_>) {
        self.events += 1;
        let site = self.texts.number(event.site);
        let place = self.place(site, event.day, event.page);
        match &event.kind {
            EventKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond } => {
                let opened = i64::from(*opens_visit);
                let sums = VisitSums {
                    pageviews: i64::from(!beyond),
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
            EventKind::Robots { kind, hits } => {
                *self.robots.entry((place, *kind)).or_default() += i64::from(*hits);
            }
            EventKind::Outcomes { outcome, hits } => {
                *self.outcomes.entry((site, event.day, *outcome)).or_default() += i64::from(*hits);
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

    /// Number of events added so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Upper bound of bytes for folding a segment of `bytes`. An additional row takes at least nearly three bytes of a
    /// segment (a visit's entry with its thirteen values); each is stored as a sum, in a table that may be half empty
    /// or growing, is sorted in a copy, and becomes a row.
    pub const fn bytes_max(bytes: u64) -> u64 {
        let table = size_of::<(BreakdownKey, VisitSums)>() * 2;
        let sorted = size_of::<(u128, (&BreakdownKey, &VisitSums))>();
        bytes / ROW_BYTES_MIN * (table + sorted + size_of::<BreakdownsRow>()) as u64
    }

    /// Number of rows so far; some may still turn out to be zero.
    pub fn rows(&self) -> usize {
        let visits = self.pages.len() + self.breakdowns.len() + self.actions.len() + self.timings.len();
        visits + self.robots.len() + self.outcomes.len()
    }

    /// The rows, sorted by their keys; rows of zeros are left out. The sort key is one number made of the ranks of a
    /// row's texts.
    pub fn finish(self, token: String) -> Batch {
        let order = SortOrder::new(&self);
        Batch {
            token,
            origin: "".into(),
            pages: self.page_rows(&order),
            breakdowns: self.breakdown_rows(&order),
            actions: self.action_rows(&order),
            timings: self.timing_rows(&order),
            robots: self.robot_rows(&order),
            outcomes: self.outcome_rows(&order),
        }
    }

    fn place(&mut self, site: TextId, day: Day, page: Term<'_>) -> LocationId {
        let place = CountLocation { site, page: self.texts.number(page), day };
        *self.place_numbers.entry(place).or_insert_with(|| {
            self.places.push(place);
            // At most some millions, as with texts.
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
