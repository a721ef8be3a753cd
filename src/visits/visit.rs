//! A visit in progress, and the page views that it remembers. Texts are numbers of the visit's day.

use crate::event::{DIMENSIONS, Day, Hour};
use crate::privacy::tag::day_key::VISIT_GAP_SECONDS;
use crate::release::rules::{VISIT_PAGEVIEWS_MAX, VISIT_SECONDS_MAX};

/// A visit in progress. Texts are numbers of its day's interner.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Visit {
    pub(super) entry: View,
    pub(super) entry_values: [u16; DIMENSIONS],
    pub(super) last_seen: i64,
    pub(super) bounce: bool,
    pub(super) current: View,
    pub(super) previous: Option<View>,
    pub(super) weight: VisitWeight,
}

/// Bounded amounts that a visit has added to rows of its day so far: in four bytes, since every visit in
/// progress has one.
#[derive(Clone, Copy, Default)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct VisitWeight(pub(super) u32);

/// The bits of one of its numbers.
#[derive(Clone, Copy)]
struct Bits {
    from: u32,
    width: u32,
}

const VIEWS: Bits = Bits { from: 0, width: 4 };
const USES: Bits = Bits { from: 4, width: 4 };
const SECONDS: Bits = Bits { from: 8, width: 11 };
/// Quarters of a second.
const READING: Bits = Bits { from: 19, width: 13 };
const READING_UNIT_MS: u32 = 250;

impl VisitWeight {
    /// Of a visit that begins with a pageview.
    pub(super) fn of_one_view() -> Self {
        let mut weight = Self::default();
        weight.add_view();
        weight
    }

    /// Whether one pageview more is within the weight of a visit.
    pub(super) fn add_view(&mut self) -> bool {
        self.add(VIEWS, 1, VISIT_PAGEVIEWS_MAX.into()) == 1
    }

    /// Whether one use more is.
    pub(super) fn add_use(&mut self) -> bool {
        self.add(USES, 1, VISIT_PAGEVIEWS_MAX.into()) == 1
    }

    /// Adds seconds, up to the bound; returns the added ones.
    pub(super) fn add_seconds(&mut self, seconds: i64) -> i64 {
        self.add(SECONDS, u32::try_from(seconds).unwrap_or(0), VISIT_SECONDS_MAX).into()
    }

    /// Adds milliseconds of reading, up to the bound; returns the added ones.
    pub(super) fn add_reading(&mut self, ms: u32) -> u32 {
        let units_max = VISIT_SECONDS_MAX * 1_000 / READING_UNIT_MS;
        ms.min(self.add(READING, ms.div_ceil(READING_UNIT_MS), units_max) * READING_UNIT_MS)
    }

    /// Rows of another day begin; the seconds stay with the day of the entry.
    pub(super) fn begin_day(&mut self) {
        self.0 &= ((1 << SECONDS.width) - 1) << SECONDS.from;
    }

    /// Adds as much of `more` as fits below `max`; returns the added amount.
    fn add(&mut self, Bits { from, width }: Bits, more: u32, max: u32) -> u32 {
        let known = self.0 >> from & ((1 << width) - 1);
        let added = more.min(max.saturating_sub(known));
        self.0 += added << from;
        added
    }
}

/// Depth of a showing that is beyond its visit's weight: nothing is deeper, so that no report of it gains anything.
const BEYOND: u8 = 126;

/// One page view within a visit.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct View {
    pub(super) day: Day,
    pub(super) hour: Hour,
    pub(super) page: u32,
    pub(super) timed: bool,
    pub(super) scrolled: Option<u8>,
}

impl View {
    pub(super) fn new(day: Day, hour: Hour, page: u32) -> Self {
        Self { day, hour, page, timed: false, scrolled: None }
    }

    /// The same, beyond the weight of its visit.
    pub(super) fn beyond(self) -> Self {
        Self { timed: true, scrolled: Some(BEYOND), ..self }
    }

    pub(super) fn is_beyond(&self) -> bool {
        self.scrolled == Some(BEYOND)
    }
}

impl Visit {
    /// Whole seconds since the visit's last hit; 0 for a hit that is older.
    pub(super) fn gap(&self, at: i64) -> i64 {
        (at - self.last_seen).max(0)
    }

    /// Whether a hit at `at` continues the visit.
    pub(super) fn continues(&self, at: i64) -> bool {
        self.gap(at) <= VISIT_GAP_SECONDS
    }

    /// The latest view of `page` among the visit's last two.
    pub(super) fn view_of(&mut self, page: u32) -> Option<&mut View> {
        if self.current.page == page {
            return Some(&mut self.current);
        }
        self.previous.as_mut().filter(|view| view.page == page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_takes_ten_of_each_and_half_an_hour_and_no_number_runs_into_the_next() {
        let mut weight = VisitWeight::of_one_view();
        assert_eq!((0..20).filter(|_| weight.add_view()).count(), 9);
        assert_eq!((0..20).filter(|_| weight.add_use()).count(), 10);
        assert_eq!([1_000, 700, 700, 1].map(|seconds| weight.add_seconds(seconds)), [1_000, 700, 100, 0]);
        assert_eq!([1_000_001, 700_000, 200_000].map(|ms| weight.add_reading(ms)), [1_000_001, 700_000, 99_750]);
        assert_eq!([1, 300].map(|ms| weight.add_reading(ms)), [0, 0]);
        assert_eq!(weight.add_seconds(-5), 0);
        weight.begin_day();
        assert_eq!((weight.add_view(), weight.add_use()), (true, true));
        assert_eq!((weight.add_reading(u32::MAX), weight.add_seconds(60)), (1_800_000, 0));
    }
}
