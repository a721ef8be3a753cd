//! Reproducible random numbers: integers only, so that every machine gives the same.

use crate::mix::{GOLDEN, mix};

/// Random numbers from a seed (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    /// An independent sequence for each number.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ number.wrapping_mul(GOLDEN));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `bound`; 0 when that is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or_default()
    }

    /// A number from `low` to below `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// True in `cases` of a hundred cases, on average.
    pub(super) fn percent(&mut self, cases: u64) -> bool {
        self.below(100) < cases
    }

    /// An index below `length`.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }
}

/// A weighted choice, by cumulated weights.
pub(super) struct Wheel(Vec<u64>);

impl Wheel {
    /// A choice with these weights, in order.
    pub(super) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        Self(
            weights
                .into_iter()
                .scan(0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect(),
        )
    }

    /// The index of a random choice.
    pub(super) fn turn(&self, dice: &mut Dice) -> usize {
        let at = dice.below(self.0.last().copied().unwrap_or_default());
        self.0.partition_point(|sum| *sum <= at)
    }
}
