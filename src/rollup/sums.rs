//! Sums of events under numeric keys.

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::event::{Day, Dimension, Hour, RobotKind, TimingMetric};
use crate::outcome::Outcome;
use crate::rollup::interner::{TextId, TextInterner};

/// Visitors influence the keys; the hasher's random seed prevents chosen collisions.
pub(super) type SumMap<K, V> = HashMap<K, V, DefaultHashBuilder>;

/// Number of a [`CountLocation`] within one rollup.
pub(super) type LocationId = u32;

/// Location of a count: site, day and page.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CountLocation {
    pub(super) site: TextId,
    pub(super) page: TextId,
    pub(super) day: Day,
}

/// Running sums of events.
#[derive(Default)]
pub struct Rollup {
    pub(super) texts: TextInterner,
    pub(super) place_numbers: SumMap<CountLocation, LocationId>,
    pub(super) places: Vec<CountLocation>,
    pub(super) pages: SumMap<PageKey, PageSums>,
    pub(super) breakdowns: SumMap<BreakdownKey, VisitSums>,
    pub(super) actions: SumMap<ActionKey, ActionSums>,
    pub(super) timings: SumMap<TimingKey, i64>,
    pub(super) robots: SumMap<(LocationId, RobotKind), i64>,
    pub(super) outcomes: SumMap<(TextId, Day, Outcome), i64>,
    pub(super) events: u64,
}

pub(super) type PageKey = (LocationId, Hour);
/// Location, action, and a property with its value.
pub(super) type ActionKey = (LocationId, TextId, Option<(TextId, TextId)>);
pub(super) type TimingKey = (LocationId, Hour, TimingMetric, u8);

/// Location, dimension and value in one number; limits a rollup to 134 million locations.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BreakdownKey(u64);

impl BreakdownKey {
    pub(super) const DIMENSION_BITS: u32 = 5;

    pub(super) fn new(place: LocationId, dimension: Dimension, value: TextId) -> Self {
        Self((u64::from(place) << Self::DIMENSION_BITS | dimension as u64) << TextId::BITS | u64::from(value))
    }

    pub(super) fn place(self) -> LocationId {
        LocationId::try_from(self.0 >> (TextId::BITS + Self::DIMENSION_BITS)).unwrap_or(LocationId::MAX)
    }

    /// Number of the dimension.
    pub(super) fn dimension(self) -> usize {
        let number = self.0 >> TextId::BITS & ((1 << Self::DIMENSION_BITS) - 1);
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    pub(super) fn value(self) -> TextId {
        TextId::try_from(self.0 & u64::from(TextId::MAX)).unwrap_or(TextId::MAX)
    }
}

#[derive(Default, Clone, Copy, PartialEq)]
pub(super) struct VisitSums {
    pub(super) pageviews: i64,
    pub(super) visitors: i64,
    pub(super) page_visitors: i64,
    pub(super) visits: i64,
    pub(super) bounces: i64,
    pub(super) visit_seconds: i64,
}

#[derive(Default, Clone, Copy, PartialEq)]
pub(super) struct PageSums {
    pub(super) visit: VisitSums,
    pub(super) exits: i64,
    pub(super) engaged_ms: i64,
    pub(super) engaged_views: i64,
    pub(super) scroll_percent: i64,
    pub(super) scroll_views: i64,
    pub(super) not_found: i64,
}

#[derive(Default, Clone, Copy, PartialEq)]
pub(super) struct ActionSums {
    pub(super) count: i64,
    pub(super) visitors: i64,
}

impl VisitSums {
    pub(super) fn add(&mut self, other: &VisitSums) {
        self.pageviews += other.pageviews;
        self.visitors += other.visitors;
        self.page_visitors += other.page_visitors;
        self.visits += other.visits;
        self.bounces += other.bounces;
        self.visit_seconds += other.visit_seconds;
    }
}
