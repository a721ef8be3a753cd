//! Group-commit delay: whether the writer waits for more events before it syncs. A sync with its wake-ups costs the
//! same for one event as for many, and at a thousand hits a second each hit would otherwise have its own. After a pause
//! that gathers no events, the next ones are skipped: a sender that waits for each answer (a script that posts line by
//! line) keeps its pace.

use std::time::Duration;

/// Events gathered that make a pause unnecessary.
pub(super) const ENOUGH: u64 = 32;
/// Half of the longest pause; a first half without events ends it.
const HALF: Duration = Duration::from_millis(2);
/// Most turns without a pause after unproductive pauses: a sender that waits for each answer has a turn in some 70 µs
/// and loses a thirtieth of its time.
const REST_MAX: u32 = 1_024;

/// Statistics of earlier pauses.
#[derive(Debug)]
pub(super) struct CommitDelay {
    /// Half of the longest pause.
    pub(super) half: Duration,
    /// Remaining turns without a pause.
    rest: u32,
    /// Turns to skip after the next unproductive pause.
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

    /// Records the end of a pause. It was productive if events still arrived in its second half: senders that wait for
    /// each other arrive all at once and then stop.
    pub(super) fn learn(&mut self, worth: bool) {
        self.vain = if worth { 0 } else { (self.vain * 2).clamp(1, REST_MAX) };
        self.rest = self.vain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses in a thousand turns, if each pause ends as `worth`.
    fn pauses(worth: bool) -> u32 {
        let mut commit_delay = CommitDelay::default();
        let turns = (0..1_000).map(|_| {
            let pauses = commit_delay.pauses();
            if pauses {
                commit_delay.learn(worth);
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
        let mut commit_delay = CommitDelay::default();
        (0..12).for_each(|_| commit_delay.learn(false));
        assert_eq!((0..REST_MAX).filter(|_| commit_delay.pauses()).count(), 0);
        assert!(commit_delay.pauses());
        commit_delay.learn(true);
        assert!(commit_delay.pauses());
    }
}
