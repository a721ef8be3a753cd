//! Visitors of the last half hour, from memory. With `protection = "tens"` a number is drawn like a published one, with
//! a draw that holds for ten minutes: asking again averages nothing away. Must never tell the count itself.

use jiff::Timestamp;

use crate::config::Protection;

/// How long a draw holds.
const WINDOW_SECONDS: i64 = 600;

/// Smallest number that is told: below it, nobody.
const GATE: i64 = 20;

/// The key of the draws; it lives and ends with the process.
pub(super) struct NowDraw([u8; 32]);

impl NowDraw {
    /// A fresh key; without randomness from the system nothing is told.
    pub(super) fn new() -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok().map(|()| Self(key))
    }

    /// `count` visits of `site`, as they may be told at `now`.
    pub(super) fn told(draw: Option<&Self>, protection: Protection, site: &str, count: usize, now: Timestamp) -> i64 {
        let count = i64::try_from(count).unwrap_or(i64::MAX / 2);
        match (protection, draw) {
            (Protection::Exact, _) => count,
            (Protection::Tens, None) => 0,
            (Protection::Tens, Some(draw)) => draw.drawn(site, count, now.as_second().div_euclid(WINDOW_SECONDS)),
        }
    }

    fn drawn(&self, site: &str, count: i64, window: i64) -> i64 {
        let mut hash = blake3::Hasher::new_keyed(&self.0);
        hash.update(&window.to_le_bytes());
        hash.update(site.as_bytes());
        let digits: i64 = hash.finalize().as_bytes().chunks_exact(8).take(3).map(digit).sum();
        let moved = count.saturating_add(digits - 9);
        let drawn = moved - moved.rem_euclid(10);
        if drawn < GATE { 0 } else { drawn }
    }
}

/// A digit of eight bytes: off from even by less than one in 10^17.
fn digit(bytes: &[u8]) -> i64 {
    let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    i64::try_from(number % 10).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_drawn_once_in_ten_minutes_and_is_right_on_average() {
        let draw = NowDraw([7; 32]);
        let mut sum = 0;
        for window in 0..2_000 {
            let told = draw.drawn("a.example", 43, window);
            assert_eq!(told, draw.drawn("a.example", 43, window));
            assert_eq!(told % 10, 0);
            sum += told;
        }
        assert!((2_000 * 42..2_000 * 44).contains(&sum), "{sum}");
    }

    #[test]
    fn a_few_visitors_are_nobody() {
        let draw = NowDraw([7; 32]);
        assert!((0..200).all(|window| draw.drawn("a.example", 1, window) == 0));
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(NowDraw::told(None, Protection::Tens, "a.example", 500, now), 0);
        assert_eq!(NowDraw::told(None, Protection::Exact, "a.example", 3, now), 3);
    }
}
