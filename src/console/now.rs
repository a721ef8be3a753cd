//! Visitors and pageviews of the last half hour, from memory. With `protection = "tens"` a number is drawn like a
//! published one, with a draw that holds for ten minutes: asking again averages nothing away. Must never tell the count
//! itself.

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Protection;

/// How long a draw stays the same, in seconds.
const WINDOW_SECONDS: i64 = 600;

/// Smallest number that is shown; below it the answer is zero.
const GATE: i64 = 20;

/// Figures of a site's last half hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct NowFigures {
    /// Visitors with a visit in progress.
    pub(super) visitors: i64,
    /// Pageviews; none are told where no visitor is.
    pub(super) pageviews: i64,
}

/// Key of the draws; made at the start and never stored.
pub(super) struct NowDraw([u8; 32]);

impl NowDraw {
    /// A new key; `None` without randomness from the system, and then the number is always zero.
    pub(super) fn new() -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok().map(|()| Self(key))
    }

    /// Counts of `site`, as they may be told at `now`.
    pub(super) fn told(
        draw: Option<&Self>,
        protection: Protection,
        site: &str,
        (visitors, pageviews): (usize, u32),
        now: Timestamp,
    ) -> NowFigures {
        let visitors = i64::try_from(visitors).unwrap_or(i64::MAX / 2);
        let pageviews = i64::from(pageviews);
        match (protection, draw) {
            (Protection::Exact, _) => NowFigures { visitors, pageviews },
            (Protection::Tens, None) => NowFigures { visitors: 0, pageviews: 0 },
            (Protection::Tens, Some(draw)) => {
                let window = now.as_second().div_euclid(WINDOW_SECONDS);
                let visitors = draw.drawn(site, "visitors", visitors, window);
                let pageviews = draw.drawn(site, "pageviews", pageviews, window);
                let shown = visitors >= GATE;
                NowFigures {
                    visitors: if shown { visitors } else { 0 },
                    pageviews: if shown { pageviews.max(0) } else { 0 },
                }
            }
        }
    }

    fn drawn(&self, site: &str, figure: &str, count: i64, window: i64) -> i64 {
        let mut hash = blake3::Hasher::new_keyed(&self.0);
        hash.update(&window.to_le_bytes());
        hash.update(figure.as_bytes());
        hash.update(&[0]);
        hash.update(site.as_bytes());
        let digits: i64 = hash.finalize().as_bytes().chunks_exact(8).take(3).map(digit).sum();
        let moved = count.saturating_add(digits - 9);
        moved - moved.rem_euclid(10)
    }
}

/// A decimal digit from eight bytes; its bias is below one in 10^17.
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
            let told = draw.drawn("a.example", "visitors", 43, window);
            assert_eq!(told, draw.drawn("a.example", "visitors", 43, window));
            assert_eq!(told % 10, 0);
            sum += told;
        }
        assert!((2_000 * 42..2_000 * 44).contains(&sum), "{sum}");
    }

    #[test]
    fn fewer_visitors_than_the_gate_count_as_none_whatever_their_pages() {
        let draw = NowDraw([7; 32]);
        let at = |window: i64| Timestamp::from_second(window * WINDOW_SECONDS).unwrap();
        let none = NowFigures { visitors: 0, pageviews: 0 };
        for window in 0..200 {
            assert_eq!(NowDraw::told(Some(&draw), Protection::Tens, "a.example", (1, 500), at(window)), none);
        }
        assert_eq!(NowDraw::told(None, Protection::Tens, "a.example", (500, 900), at(0)), none);
        let exact = NowFigures { visitors: 3, pageviews: 7 };
        assert_eq!(NowDraw::told(None, Protection::Exact, "a.example", (3, 7), at(0)), exact);
    }
}
