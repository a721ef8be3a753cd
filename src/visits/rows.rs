//! The rows that one site's day has made in `breakdowns`, `actions` and `timings`: how many there may be, and which of
//! them there are. Every row is decided on once, when its first hit is counted; what has no room is counted as
//! `(other)`. Must hold nothing of a visitor: a row is a few numbers of the day's texts.
//!
//! Rows of `pages` need no counting: they are bounded by the day's pages and hours. So are the rows that stand for the
//! rest: one a page and dimension, one a page and declared property.

use hashbrown::HashSet;

use crate::privacy::event::{Dimension, Hour, Timing};

/// One row's key, as numbers of the day's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Row(u64);

impl Row {
    /// A page's value of a dimension: 52 bits, so that no two rows are taken for one.
    pub(super) fn breakdown(dimension: Dimension, page: u32, value: u16) -> Self {
        Self(u64::from(dimension as u8) << 48 | u64::from(page) << 16 | u64::from(value))
    }

    /// An action on a page, or a property of it with its value. More than fits: two of a day's millions of rows are
    /// taken for one about once in a million days.
    pub(super) fn action(page: u32, action: u32, property: Option<(u32, u32)>) -> Self {
        let (name, value) = property.map_or((0, 0), |(name, value)| (name + 1, value + 1));
        let one = spread(u64::from(page) << 32 | u64::from(action));
        Self(1 << 63 | spread(one ^ (u64::from(name) << 32 | u64::from(value))) >> 1)
    }

    /// A time on a page within an hour. A day touches no two hours that are alike in their last six bits.
    pub(super) fn timing(page: u32, hour: Hour, timing: Timing) -> Self {
        let (hour, Timing { metric, bucket }) = (u64::from(hour.0 % 64), timing);
        Self(1 << 62 | u64::from(page) << 24 | hour << 16 | u64::from(metric as u8) << 8 | u64::from(bucket))
    }
}

/// A bijection that moves every bit.
fn spread(number: u64) -> u64 {
    let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[derive(Default)]
struct Spread(u64);

impl std::hash::Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = spread(self.0 ^ number);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The rows of one site and day.
pub(super) struct Rows {
    bound: usize,
    known: HashSet<Row, std::hash::BuildHasherDefault<Spread>>,
}

impl Rows {
    pub(super) fn new(bound: u32) -> Self {
        Self { bound: bound as usize, known: HashSet::default() }
    }

    /// Whether the row may be added to: it is there, or there was room for it.
    pub(super) fn admit(&mut self, row: Row) -> bool {
        if self.known.len() < self.bound {
            self.known.insert(row);
            return true;
        }
        self.known.contains(&row)
    }

    /// Whether all of these rows may be added to; where not, none of them is made.
    pub(super) fn admit_all(&mut self, rows: impl Iterator<Item = Row> + Clone) -> bool {
        let fresh = rows.clone().filter(|row| !self.known.contains(row)).count();
        if fresh > 0 && self.known.len() + fresh > self.bound {
            return false;
        }
        self.known.extend(rows);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// All rows, to be kept over a restart.
    pub(super) fn numbers(&self) -> impl ExactSizeIterator<Item = u64> + Clone {
        self.known.iter().map(|row| row.0)
    }

    /// Takes in rows that were kept over a restart, whatever the bound now is.
    pub(super) fn recall(&mut self, numbers: &[u64]) {
        self.known.extend(numbers.iter().copied().map(Row));
    }

    /// The day is over: nothing is added to its rows that would have to be decided on.
    pub(super) fn forget(&mut self) {
        self.known = HashSet::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::event::TimingMetric;

    #[test]
    fn a_row_stays_what_it_was_and_the_bound_is_never_passed() {
        let mut rows = Rows::new(3);
        let row = |value| Row::breakdown(Dimension::City, 7, value);
        assert!((1..=3).all(|value| rows.admit(row(value))));
        assert!(!rows.admit(row(4)) && rows.admit(row(2)));
        assert!(!rows.admit_all([row(1), row(5)].into_iter()) && rows.admit_all([row(1), row(3)].into_iter()));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn no_two_rows_of_a_large_day_are_taken_for_one() {
        let mut rows = Rows::new(u32::MAX);
        let mut made = 0;
        for page in (0..40).map(|page| page * 250_000) {
            for number in 0..60u16 {
                for dimension in Dimension::ALL {
                    rows.admit(Row::breakdown(dimension, page, number * 1_000));
                }
                rows.admit(Row::action(page, number.into(), None));
                rows.admit(Row::action(page, number.into(), Some((3, number.into()))));
                rows.admit(Row::action(page, 3, Some((number.into(), 0))));
                let bucket = u8::try_from(number).unwrap();
                rows.admit(Row::timing(page, Hour(25), Timing { metric: TimingMetric::Load, bucket }));
                made += 13 + 4;
            }
        }
        assert_eq!(rows.len(), made);
    }
}
