//! Whether a thread keeps up. When more comes than it can take, a part of the hits is refused at once, so that their
//! senders slow down. Only a part: a refusal costs what an answer over HTTP costs, half to two thirds of a hit
//! (tests/overload), so that a thread which refused all that is too much for it would, by that reckoning, do little
//! else. The rest waits unread in the system's buffers, at no cost here; how much can wait is bounded by the
//! connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::monotonic_now;
use crate::health::Heartbeat;

/// How often the wait is measured while it is too long.
const EVERY: Duration = Duration::from_millis(20);

/// And while it is not: a thread with nothing to do is woken for this alone.
const EVERY_ON_TIME: Duration = Duration::from_millis(100);

/// Longest wait of a task for its turn before hits are refused: a browser that leaves a page still sends within it.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// While tasks wait too long one hit in so many is refused: by those costs, that takes some 6 % from the others.
const REFUSED_ONE_IN: u32 = 8;

/// How one collecting thread keeps up.
#[derive(Debug, Default)]
pub(super) struct LoadShed {
    late: AtomicBool,
    hits: AtomicU32,
}

impl LoadShed {
    /// Whether this hit is to be refused: of those since the thread was late, every last of so many. The few hits of a
    /// machine that stood still for a moment are taken.
    pub(super) fn refuses(&self) -> bool {
        self.is_late() && (self.hits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(REFUSED_ONE_IN)
    }

    /// Whether tasks wait too long now.
    fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// Measures on this thread how long a task waits for its turn, until `shutdown`; each time the thread shows that it
    /// lives.
    pub(super) async fn watch(self: Arc<Self>, alive: Heartbeat, shutdown: CancellationToken) {
        loop {
            alive.beat();
            let due = monotonic_now() + if self.is_late() { EVERY } else { EVERY_ON_TIME };
            if shutdown.run_until_cancelled(tokio::time::sleep_until(due)).await.is_none() {
                break;
            }
            let late = due.elapsed() > WAIT_MAX;
            if !self.late.swap(late, Ordering::Relaxed) {
                self.hits.store(0, Ordering::Relaxed);
            }
        }
        // What is still open is finished, not refused.
        self.late.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_thread_refuses_a_part_and_takes_the_rest() {
        let load = LoadShed::default();
        assert!((0..80).all(|_| !load.refuses()));
        load.late.store(true, Ordering::Relaxed);
        assert!((0..7).all(|_| !load.refuses()) && load.refuses());
        assert_eq!((0..80).filter(|_| load.refuses()).count(), 10);
    }

    #[tokio::test]
    async fn a_thread_that_is_kept_busy_is_late_and_recovers_by_itself() {
        let load = Arc::new(LoadShed::default());
        let shutdown = CancellationToken::new();
        let watching = load.clone().watch(crate::health::Health::default().heartbeat(), shutdown.clone());
        let working = async {
            let busy_until = monotonic_now() + WAIT_MAX + EVERY_ON_TIME * 5;
            tokio::task::yield_now().await;
            while monotonic_now() < busy_until {
                std::hint::spin_loop();
            }
            while !load.is_late() {
                tokio::task::yield_now().await;
            }
            while load.is_late() {
                tokio::task::yield_now().await;
            }
            shutdown.cancel();
        };
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(watching, working) }).await.unwrap();
    }
}
