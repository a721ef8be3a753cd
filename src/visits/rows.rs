//! Row bound of one site's day in `breakdowns`, `actions` and `timings`: a count, and the set of existing rows. Every
//! row is admitted or rejected once, when its first hit is counted; rejected ones count as `(other)`. Must hold nothing
//! of a visitor: a row is a few text numbers of the day.
//!
//! Rows of `pages` are not counted: the day's pages and hours bound them. Rows of `(other)` are not counted either: one
//! per page and dimension, one per page and declared property.

use crate::event::{DIMENSIONS, Dimension, Hour, Timing};
use crate::mix::mix;
use crate::visits::interner::OTHER_VALUE;
use crate::visits::tag_set::TagSet;

/// Key of one row, as text numbers of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowKey(u64);

impl RowKey {
    /// A page's value of a dimension: 52 bits, so that keys are unique.
    pub(super) fn breakdown(dimension: Dimension, page: u32, value: u16) -> Self {
        Self(u64::from(dimension as u8) << 48 | u64::from(page) << 16 | u64::from(value))
    }

    /// An action on a page, or a property of it with its value. Hashed to 64 bits: two of a day's millions of rows
    /// collide about once in a million days.
    pub(super) fn action(page: u32, action: u32, property: Option<(u32, u32)>) -> Self {
        let (name, value) = property.map_or((0, 0), |(name, value)| (name + 1, value + 1));
        let key = mix(u64::from(page) << 32 | u64::from(action));
        Self(1 << 63 | mix(key ^ (u64::from(name) << 32 | u64::from(value))) >> 1)
    }

    /// A time on a page within an hour, by the hour's last six bits, which are unique within a day.
    pub(super) fn timing(page: u32, hour: Hour, timing: Timing) -> Self {
        let (hour, Timing { metric, bucket }) = (u64::from(hour.0 % 64), timing);
        Self(1 << 62 | u64::from(page) << 24 | hour << 16 | u64::from(metric as u8) << 8 | u64::from(bucket))
    }

    /// The key as an element of the set.
    fn number(self) -> u64 {
        mix(self.0)
    }
}

/// Values of a dimension that a page has a bit for: the day's first ones, which are most of its traffic.
const COMMON: u16 = 32;
/// The first number of a real value; 0 is none, 1 is `(other)`.
const FIRST: u16 = 2;
/// Pages per allocation of bits: a small site has few.
const PAGES: usize = 16;

/// Bits of a page, by dimension.
pub(super) type CommonBits = [u32; DIMENSIONS];

/// Bytes of one page's bits.
pub(super) const PAGE_BYTES: u64 = size_of::<CommonBits>() as u64;

/// Rows of one site and day: a page's common values as bits in one place, so that a pageview reads one cache line for
/// most of its rows; the others as a set of numbers.
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

    /// Replaces values whose rows on this page have no room by [`OTHER_VALUE`]; returns whether there were any.
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

    /// Whether the row exists or had room to be added.
    pub(super) fn admit(&mut self, row: RowKey) -> bool {
        if self.len() < self.bound {
            self.known.insert(row.number());
            return true;
        }
        self.known.contains(row.number())
    }

    /// Whether all of these rows exist or have room; otherwise none of them is added.
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

    /// All rows, for a snapshot: the bits page by page, and the others.
    pub(super) fn kept(&self) -> (impl Iterator<Item = &CommonBits> + Clone, &TagSet) {
        (self.common.iter().flat_map(|pages| pages.iter()), &self.known)
    }

    /// Restores rows from a snapshot, regardless of the current bound.
    pub(super) fn recall(&mut self, common: &[CommonBits], numbers: impl Iterator<Item = u64>) {
        for (page, kept) in (0..).zip(common) {
            *bits_of(&mut self.common, page) = *kept;
            self.common_rows += kept.iter().map(|bits| bits.count_ones() as usize).sum::<usize>();
        }
        numbers.for_each(|number| {
            self.known.insert(number);
        });
    }

    /// Drops all rows: after the end of the day no new row is decided.
    pub(super) fn forget(&mut self) {
        *self = Self { bound: self.bound, ..Self::new(0) };
    }
}

/// Bits of a page, allocated if needed.
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
    fn an_admitted_row_stays_admitted_and_the_bound_is_never_exceeded() {
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
