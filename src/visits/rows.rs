//! The rows that one site's day has made in `breakdowns`, `actions` and `timings`: how many there may be, and which of
//! them there are. Every row is decided on once, when its first hit is counted; what has no room is counted as
//! `(other)`. Must hold nothing of a visitor: a row is a few numbers of the day's texts.
//!
//! Rows of `pages` need no counting: they are bounded by the day's pages and hours. So are the rows that stand for the
//! rest: one a page and dimension, one a page and declared property.

use crate::event::{DIMENSIONS, Dimension, Hour, Timing};
use crate::mix::mix;
use crate::visits::interner::OTHER_VALUE;
use crate::visits::tag_set::TagSet;

/// One row's key, as numbers of the day's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowKey(u64);

impl RowKey {
    /// A page's value of a dimension: 52 bits, so that no two rows are taken for one.
    pub(super) fn breakdown(dimension: Dimension, page: u32, value: u16) -> Self {
        Self(u64::from(dimension as u8) << 48 | u64::from(page) << 16 | u64::from(value))
    }

    /// An action on a page, or a property of it with its value. More than fits: two of a day's millions of rows are
    /// taken for one about once in a million days.
    pub(super) fn action(page: u32, action: u32, property: Option<(u32, u32)>) -> Self {
        let (name, value) = property.map_or((0, 0), |(name, value)| (name + 1, value + 1));
        let one = mix(u64::from(page) << 32 | u64::from(action));
        Self(1 << 63 | mix(one ^ (u64::from(name) << 32 | u64::from(value))) >> 1)
    }

    /// A time on a page within an hour. A day touches no two hours that are alike in their last six bits.
    pub(super) fn timing(page: u32, hour: Hour, timing: Timing) -> Self {
        let (hour, Timing { metric, bucket }) = (u64::from(hour.0 % 64), timing);
        Self(1 << 62 | u64::from(page) << 24 | hour << 16 | u64::from(metric as u8) << 8 | u64::from(bucket))
    }

    /// As the set of them keeps it.
    fn number(self) -> u64 {
        mix(self.0)
    }
}

/// Values of a dimension that a page has a bit for: those that the day met first, which are most of what it meets.
const COMMON: u16 = 32;
/// The first number that is a value's own; 0 is none, 1 is `(other)`.
const FIRST: u16 = 2;
/// Pages that have their bits in one piece of memory: a small site has few.
const PAGES: usize = 16;

/// The bits of a page, by dimension.
pub(super) type CommonBits = [u32; DIMENSIONS];

/// Bytes of a page's bits.
pub(super) const PAGE_BYTES: u64 = size_of::<CommonBits>() as u64;

/// The rows of one site and day: those of a page's common values as bits in one place, so that a pageview looks at one
/// line of memory for most of its rows; the others as a set of numbers.
pub(super) struct RowSet {
    bound: usize,
    common: Vec<Vec<CommonBits>>,
    common_rows: usize,
    known: TagSet,
}

impl RowSet {
    pub(super) fn new(bound: u32) -> Self {
        Self { bound: bound as usize, common: Vec::new(), common_rows: 0, known: TagSet::default() }
    }

    /// Puts [`OTHER_VALUE`] in the place of values whose rows on this page there is no room for; says whether there
    /// were any.
    pub(super) fn admit_values(&mut self, page: u32, values: &mut [u16; DIMENSIONS]) -> bool {
        let bits = bits_of(&mut self.common, page);
        let mut beyond = false;
        for ((value, bits), dimension) in values.iter_mut().zip(bits).zip(Dimension::ALL) {
            let Some(bit) = value.checked_sub(FIRST) else { continue };
            let is_common = bit < COMMON;
            if is_common && *bits >> bit & 1 == 1 {
                continue;
            }
            let is_room = self.known.len() + self.common_rows < self.bound;
            if is_common && is_room {
                *bits |= 1 << bit;
                self.common_rows += 1;
                continue;
            }
            let number = RowKey::breakdown(dimension, page, *value).number();
            if is_room {
                self.known.insert(number);
            } else if is_common || !self.known.contains(number) {
                *value = OTHER_VALUE;
                beyond = true;
            }
        }
        beyond
    }

    /// Whether the row may be added to: it is there, or there was room for it.
    pub(super) fn admit(&mut self, row: RowKey) -> bool {
        if self.len() < self.bound {
            self.known.insert(row.number());
            return true;
        }
        self.known.contains(row.number())
    }

    /// Whether all of these rows may be added to; where not, none of them is made.
    pub(super) fn admit_all(&mut self, rows: impl Iterator<Item = RowKey> + Clone) -> bool {
        let fresh = rows.clone().filter(|row| !self.known.contains(row.number())).count();
        if fresh > 0 && self.len() + fresh > self.bound {
            return false;
        }
        rows.for_each(|row| {
            self.known.insert(row.number());
        });
        true
    }

    pub(super) fn len(&self) -> usize {
        self.known.len() + self.common_rows
    }

    /// All rows, to be kept over a restart: those that have bits, page by page, and the others.
    pub(super) fn kept(&self) -> (impl Iterator<Item = &CommonBits> + Clone, &TagSet) {
        (self.common.iter().flat_map(|pages| pages.iter()), &self.known)
    }

    /// Takes in rows that were kept over a restart, whatever the bound now is.
    pub(super) fn recall(&mut self, common: &[CommonBits], numbers: impl Iterator<Item = u64>) {
        for (page, kept) in (0..).zip(common) {
            *bits_of(&mut self.common, page) = *kept;
            self.common_rows += kept.iter().map(|bits| bits.count_ones() as usize).sum::<usize>();
        }
        numbers.for_each(|number| {
            self.known.insert(number);
        });
    }

    /// The day is over: nothing is added to its rows that would have to be decided on.
    pub(super) fn forget(&mut self) {
        *self = Self { bound: self.bound, ..Self::new(0) };
    }
}

/// A page's bits.
fn bits_of(common: &mut Vec<Vec<CommonBits>>, page: u32) -> &mut CommonBits {
    let (piece, place) = (page as usize / PAGES, page as usize % PAGES);
    while common.len() <= piece {
        common.push(vec![[0; DIMENSIONS]; PAGES]);
    }
    common.get_mut(piece).and_then(|pages| pages.get_mut(place)).expect("because it was made on the lines above")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DIMENSIONS, TimingMetric};

    #[test]
    fn a_row_stays_what_it_was_and_the_bound_is_never_passed() {
        let mut rows = RowSet::new(3);
        let row = |value| RowKey::breakdown(Dimension::City, 7, value);
        assert!((1..=3).all(|value| rows.admit(row(value))));
        assert!(!rows.admit(row(4)) && rows.admit(row(2)));
        assert!(!rows.admit_all([row(1), row(5)].into_iter()) && rows.admit_all([row(1), row(3)].into_iter()));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn no_two_rows_of_a_large_day_are_taken_for_one() {
        let mut rows = RowSet::new(u32::MAX);
        let mut made = 0;
        for page in (0..40).map(|page| page * 250_000) {
            for number in 0..60u16 {
                for dimension in Dimension::ALL {
                    rows.admit(RowKey::breakdown(dimension, page, number * 1_000));
                }
                rows.admit(RowKey::action(page, number.into(), None));
                rows.admit(RowKey::action(page, number.into(), Some((3, number.into()))));
                rows.admit(RowKey::action(page, 3, Some((number.into(), 0))));
                let bucket = u8::try_from(number).unwrap();
                rows.admit(RowKey::timing(page, Hour(25), Timing { metric: TimingMetric::Load, bucket }));
                made += DIMENSIONS + 4;
            }
        }
        assert_eq!(rows.len(), made);
    }
}
