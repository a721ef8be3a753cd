//! Whether the writer waits a moment for company before it syncs. A sync and the wake-ups around it cost the same for
//! one event as for many, and where hits come a thousand a second each would have its own. Nobody who sends a hit looks
//! at a clock; still, a pause that brings nothing is not repeated soon: senders that wait for one answer before the
//! next hit (a script that posts line by line) keep their pace.

use std::time::Duration;

/// So many events are company enough: they go at once.
pub(super) const ENOUGH: u64 = 32;
/// Half of the longest pause; a first half that brings nothing ends it.
const HALF: Duration = Duration::from_millis(2);
/// Most turns without a pause, behind pauses in vain: a sender that waits for each answer has a turn in some 70 µs, and
/// loses a thirtieth of its time.
const REST_MAX: u32 = 1_024;

/// What earlier pauses have taught.
#[derive(Debug)]
pub(super) struct CommitDelay {
    /// Half of the longest pause.
    pub(super) half: Duration,
    /// Turns without a pause to come.
    rest: u32,
    /// Length of the next such row.
    vain: u32,
}

impl Default for CommitDelay {
    fn default() -> Self {
        Self { half: HALF, rest: 0, vain: 0 }
    }
}

impl CommitDelay {
    /// Whether this turn may begin with a pause.
    pub(super) fn pauses(&mut self) -> bool {
        let pauses = self.rest == 0;
        self.rest = self.rest.saturating_sub(1);
        pauses
    }

    /// A pause is over. It was worth its while if events still came in its second half: those that wait for each other
    /// come all at once and then no more.
    pub(super) fn learn(&mut self, worth: bool) {
        self.vain = if worth { 0 } else { (self.vain * 2).clamp(1, REST_MAX) };
        self.rest = self.vain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a thousand turns pause, when each pause ends so.
    fn pauses(worth: bool) -> u32 {
        let mut patience = CommitDelay::default();
        let turns = (0..1_000).map(|_| {
            let pauses = patience.pauses();
            if pauses {
                patience.learn(worth);
            }
            u32::from(pauses)
        });
        turns.sum()
    }

    #[test]
    fn pauses_that_bring_company_go_on_and_vain_ones_become_rare() {
        assert_eq!(pauses(true), 1_000);
        assert_eq!(pauses(false), 10);
    }

    #[test]
    fn one_pause_that_was_worth_its_while_makes_up_for_all_vain_ones() {
        let mut patience = CommitDelay::default();
        (0..12).for_each(|_| patience.learn(false));
        assert_eq!((0..REST_MAX).filter(|_| patience.pauses()).count(), 0);
        assert!(patience.pauses());
        patience.learn(true);
        assert!(patience.pauses());
    }
}
