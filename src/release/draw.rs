//! The draw of one cell in memory, by the rules and hashes of `sql/stage.sql`: the same key gives the same figures.
//! Must never keep a key beyond its release.

use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

use crate::release::rules::{GATE, PAGE_OPENS_AT, RAISED_MAX, TEXT_DIMENSIONS, TEXT_OPENS_AT};
use crate::release::statements::Level;
use crate::rollup::levels::cells::FIGURES;

/// Sums of a cell in the order of [`UNITS`](crate::release::rules::UNITS).
pub(crate) type CellSums = [i64; FIGURES];

/// Largest decimal digit.
const DIGIT_MAX: i64 = 9;

/// Key of the draws of one release, deleted on drop.
pub struct DrawKey(Zeroizing<[u64; 2]>);

impl DrawKey {
    /// A key of random bits from the operating system.
    ///
    /// # Errors
    /// When the operating system has no random bits.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self::of([getrandom::u64()?, getrandom::u64()?]))
    }

    /// The key of these bits.
    pub fn of(bits: [u64; 2]) -> Self {
        Self(Zeroizing::new(bits))
    }

    /// Both halves, as a statement takes them.
    pub(super) fn halves(&self) -> [u64; 2] {
        *self.0
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        let [first, second] = *self.0;
        SipHasher24::new_with_keys(first, second).hash(bytes)
    }

    /// Hash of the texts behind `before`, one by one, as ClickHouse hashes arguments behind each other.
    pub(super) fn hash_texts<'t>(&self, before: Option<u64>, texts: impl IntoIterator<Item = &'t str>) -> u64 {
        let join = |before: Option<u64>, text: &str| {
            let hash = self.hash(text.as_bytes());
            Some(before.map_or(hash, |before| self.join(before, hash)))
        };
        texts.into_iter().fold(before, join).unwrap_or_default()
    }

    fn join(&self, first: u64, second: u64) -> u64 {
        let mut bytes = [0; 16];
        let (low, high) = bytes.split_at_mut(8);
        low.copy_from_slice(&first.to_le_bytes());
        high.copy_from_slice(&second.to_le_bytes());
        self.hash(&bytes)
    }

    /// The random number of one figure of a cell; 0 is that of its busiest day.
    fn chance(&self, cell: u64, number: u32) -> u64 {
        self.join(self.hash(&cell.to_le_bytes()), self.hash(&number.to_le_bytes()))
    }
}

/// What is known of a cell when its period ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CellState {
    /// Sums that were not published.
    pub(super) sums: CellSums,
    /// Visitors that decide whether the cell is published.
    pub(super) gate: i64,
    /// Part of the gate already published in the same week or month.
    pub(super) published: i64,
    /// Days that were busy enough to open the cell.
    pub(super) days_reached: i64,
}

/// A cell that is published, and what is left of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellDraw {
    /// Drawn figures; `None` where the cell is not shown.
    pub(super) drawn: Option<CellSums>,
    /// State in which the rest goes to the next bucket.
    pub(super) rest: CellState,
}

/// Whether a cell's period is a day or a bucket, and whether the page of a load time is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellPeriod {
    /// A day or an hour: no bucket that days had to open.
    pub(super) is_day: bool,
    /// Whether the cell may be shown at all.
    pub(super) is_open: bool,
}

impl CellState {
    /// Adds the rest of another period of the cell.
    pub(super) fn add(&mut self, other: &Self) {
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, figure)| *sum += figure);
        self.gate += other.gate;
        self.published += other.published;
        self.days_reached += other.days_reached;
    }

    /// Draws a cell once; `cell` hashes its names, and is called for cells that may be shown or opened alone.
    pub(super) fn draw(
        &self,
        key: &DrawKey,
        cell: impl FnOnce() -> u64,
        (level, name): (&Level, &str),
        period: CellPeriod,
    ) -> CellDraw {
        let opens_at = if period.is_day { opens_at(level.name, name) } else { i64::MAX };
        let may_open = opens_at > 0 && self.gate.saturating_add(DIGIT_MAX) >= opens_at;
        let may_show = period.is_open && self.published + self.gate + RAISED_MAX >= GATE;
        let mut rest = Self { days_reached: self.days_reached + i64::from(opens_at <= 0), ..*self };
        if !may_open && !may_show {
            return CellDraw { drawn: None, rest };
        }
        let cell = cell();
        rest.days_reached += i64::from(may_open && self.gate + digit(key.chance(cell, 0)) >= opens_at);
        let gate_drawn = drawn(self.gate, 1, key.chance(cell, 1));
        let is_reached = period.is_day || rest.days_reached > 0;
        if !(may_show && is_reached && self.published + gate_drawn >= GATE) {
            return CellDraw { drawn: None, rest };
        }
        let mut outs = [0; FIGURES];
        for ((number, unit), (out, rest)) in (1..).zip(level.units()).zip(outs.iter_mut().zip(&mut rest.sums)) {
            *out = drawn(*rest, unit, key.chance(cell, number));
            *rest -= *out;
        }
        (rest.gate, rest.published) = (self.gate - gate_drawn, self.published + gate_drawn);
        CellDraw { drawn: Some(outs), rest }
    }
}

/// Visitors from which a day opens the buckets of a cell; 0: always.
fn opens_at(level: &str, name: &str) -> i64 {
    match level {
        "page" | "action" | "action_page" | "timing_page" | "robot" => PAGE_OPENS_AT,
        "dimension" if name == "previous_page" => PAGE_OPENS_AT,
        "dimension" if TEXT_DIMENSIONS.contains(&name) => TEXT_OPENS_AT,
        "action_value" => TEXT_OPENS_AT,
        _ => 0,
    }
}

/// A figure drawn to ten units: a fraction of a unit is rounded at random, three random digits are added, and the
/// result is cut to tens.
fn drawn(figure: i64, unit: i64, chance: u64) -> i64 {
    let fraction = i64::try_from(chance / 1_000 % unit.unsigned_abs().max(1)).unwrap_or_default();
    let units = (figure + fraction).div_euclid(unit) + digit(chance) + digit(chance / 10) + digit(chance / 100) - 9;
    units.div_euclid(10) * 10 * unit
}

/// The last decimal digit.
fn digit(chance: u64) -> i64 {
    i64::try_from(chance % 10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_releases_draw_with_one_key() {
        let keys: std::collections::HashSet<_> = (0..100).map(|_| DrawKey::random().unwrap().halves()).collect();
        assert_eq!(keys.len(), 100);
        assert!(keys.iter().all(|[first, second]| first != second));
    }

    #[test]
    fn a_figure_is_drawn_to_one_of_its_tens_without_bias() {
        for (figure, unit) in [(0_i64, 1_i64), (-7, 1), (143, 2), (-5_400, 180), (1_234, 100)] {
            let outs: Vec<i64> = (0..1_000 * unit.unsigned_abs()).map(|chance| drawn(figure, unit, chance)).collect();
            let step = 10 * unit;
            assert!(outs.iter().all(|out| out % step == 0 && (out - figure).abs() < 2 * step), "{figure}");
            assert_eq!(outs.iter().sum::<i64>(), figure * 1_000 * unit, "{figure} in units of {unit}");
        }
    }
}
