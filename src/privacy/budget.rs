//! Bound on the work of one hit: all of its texts together are cleaned up to a number of bytes. Each text has a limit
//! of its own besides; this one holds where every text of a hit is as long and as dear as its limit allows.

use std::cell::Cell;

use crate::privacy::url::percent;

/// Bytes of all texts of a hit that are cleaned for one site: page, previous page, property values, campaign tags,
/// search. An action's name, of at most 120 characters, does not count. Two pages of the longest kind fit, or an
/// ordinary page and two property values of the longest kind.
/// `fuzz/targets/cost.rs` looks for the dearest hit within it.
const HIT_BYTES_MAX: usize = 1_200;

/// Bytes that are left to a hit at one site.
pub(in crate::privacy) struct CleaningBudget(Cell<usize>);

impl Default for CleaningBudget {
    fn default() -> Self {
        Self(Cell::new(HIT_BYTES_MAX))
    }
}

impl CleaningBudget {
    /// The beginning of `text` that is cleaned: at most `bytes_max` bytes, and no more than are left. A percent-encoded
    /// byte of a letter beyond ASCII counts once.
    pub(in crate::privacy) fn take<'t>(&self, text: &'t str, bytes_max: usize) -> &'t str {
        let bytes_max = bytes_max.min(self.0.get());
        let taken = percent::cut_decoded(text, bytes_max);
        self.0.set(self.0.get().saturating_sub(taken.len().min(bytes_max)));
        taken
    }

    /// Takes the beginning of a text that is cut at `bytes_max` later; false if less than that is left.
    pub(in crate::privacy) fn holds(&self, text: &str, bytes_max: usize) -> bool {
        let bytes = text.len().min(bytes_max);
        let left = self.0.get();
        self.0.set(left.saturating_sub(bytes));
        bytes <= left
    }

    /// The whole text, or `None` if it does not fit.
    pub(in crate::privacy) fn take_whole<'t>(&self, text: &'t str, bytes_max: usize) -> Option<&'t str> {
        let is_whole = percent::cut_decoded(text, bytes_max.min(self.0.get())).len() == text.len();
        is_whole.then(|| self.take(text, bytes_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_hit_share_its_bytes_and_later_ones_are_cut() {
        let (budget, long) = (CleaningBudget::default(), "a".repeat(2 * HIT_BYTES_MAX));
        assert_eq!(budget.take(&long, 600).len(), 600);
        assert_eq!(budget.take_whole(&long, 600), None);
        assert_eq!(budget.take("short", 500), "short");
        assert_eq!(budget.take(&long, 600).len(), HIT_BYTES_MAX - 605);
        assert_eq!((budget.take("more", 600), budget.take_whole("more", 600)), ("", None));
        assert_eq!(budget.take_whole("", 600), Some(""));
        assert!(budget.holds("", 600) && !budget.holds("more", 600));
    }

    #[test]
    fn an_encoded_letter_counts_as_its_bytes() {
        let budget = CleaningBudget::default();
        assert_eq!(budget.take(&"%C3%A9".repeat(300), 600).len(), 1_800);
        assert_eq!(budget.take(&"a".repeat(HIT_BYTES_MAX), HIT_BYTES_MAX).len(), HIT_BYTES_MAX - 600);
    }
}
