//! Admission of rows: the first half of a day's texts of a kind is first come, first served; the second is for texts
//! that visitors of two networks have sent. One sender of invented pages, referrers or values thus cannot displace real
//! ones. Pages listed in the site's configuration need no second network.
//!
//! The decision precedes journal entry and counting, so that a recovery counts the same; candidates are lost at a
//! restart.

use std::hash::{BuildHasher, RandomState};

/// Bounds below this are exempt: one visitor alone may reach them.
const BOUND_MIN: u32 = 100;

/// Texts of one kind that wait for a second network.
pub(crate) struct SeatGate {
    key: RandomState,
    /// Indexed by hash: another part of the text's hash, and its network. A newer candidate replaces an older one.
    candidates: Vec<(u32, u32)>,
}

/// Most bytes of a gate for `bound` texts.
pub(crate) fn gate_bytes(bound: u32) -> u64 {
    candidates_for(bound) as u64 * size_of::<(u32, u32)>() as u64
}

fn candidates_for(bound: u32) -> usize {
    (bound as usize).saturating_mul(2).next_power_of_two()
}

impl SeatGate {
    pub(crate) fn new() -> Self {
        Self { key: RandomState::new(), candidates: Vec::new() }
    }

    /// Whether a text without a row may have one, if `used` of `bound` are taken.
    pub(crate) fn admits(&mut self, text: &str, network: u32, used: u32, bound: u32) -> bool {
        if bound < BOUND_MIN || used < bound / 2 {
            return true;
        }
        if self.candidates.is_empty() {
            self.candidates = vec![(0, 0); candidates_for(bound)];
        }
        let hash = self.key.hash_one(text);
        let [a, b, c, d, low @ ..] = hash.to_le_bytes();
        let (mark, at) = (u32::from_le_bytes([a, b, c, d]) | 1, u32::from_le_bytes(low));
        let places = self.candidates.len();
        let Some(place) = self.candidates.get_mut(at as usize % places) else { return false };
        match *place {
            (known, from) if known == mark => from != network,
            _ => {
                *place = (mark, network);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_fills_half_of_the_rows_and_two_earn_the_rest() {
        let mut gate = SeatGate::new();
        assert!((0..500).all(|used| gate.admits(&format!("/{used}"), 1, used, 1_000)));
        assert!((0..50).all(|_| !gate.admits("/invented", 1, 500, 1_000)), "however often it is sent");
        assert!(!gate.admits("/read", 2, 500, 1_000) && gate.admits("/read", 3, 500, 1_000));
        assert!((0..99).all(|used| gate.admits("/small", 1, used, 99)), "a small bound has nothing to earn");
    }

    #[test]
    fn a_page_with_two_readers_is_found_among_invented_candidates() {
        let mut gate = SeatGate::new();
        // Between the two readers, one address invents as many texts as it may send in half a minute.
        gate.admits("/read", 2, 5_000, 10_000);
        (0..300).for_each(|page| assert!(!gate.admits(&format!("/invented/{page}"), 1, 5_000, 10_000)));
        let earned = (0..50).filter(|page| {
            let text = format!("/read/{page}");
            gate.admits(&text, 2, 5_000, 10_000);
            (0..300).for_each(|other| assert!(!gate.admits(&format!("/invented/{page}/{other}"), 1, 5_000, 10_000)));
            gate.admits(&text, 3, 5_000, 10_000)
        });
        assert!(earned.count() >= 45);
    }
}
