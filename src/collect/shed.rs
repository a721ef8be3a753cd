//! Load shedding per thread. When a thread cannot keep up, a part of the hits is rejected at once, so that their
//! senders slow down. Only a part: a rejection costs as much as any HTTP response, half to two thirds of a hit
//! (tests/overload), so that rejecting the whole excess would use up the thread. The rest waits unread in the system's
//! buffers, at no cost here, and is bounded by the connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::monotonic_now;
use crate::health::Heartbeat;

/// Interval of measurements while the thread is late.
const EVERY: Duration = Duration::from_millis(20);

/// Interval otherwise: an idle thread wakes for this alone.
const EVERY_ON_TIME: Duration = Duration::from_millis(100);

/// Longest delay of a task before hits are rejected: a browser that leaves a page still sends within it.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// While the thread is late, one hit in this many is rejected: at the cost above, some 6 % of its time.
const REFUSED_ONE_IN: u32 = 8;

/// Lateness of one collecting thread.
#[derive(Debug, Default)]
pub(super) struct LoadShed {
    late: AtomicBool,
    hits: AtomicU32,
}

impl LoadShed {
    /// Whether to reject this hit: every n-th since the thread became late. The few hits after a short standstill are
    /// accepted.
    pub(super) fn refuses(&self) -> bool {
        self.is_late() && (self.hits.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(REFUSED_ONE_IN)
    }

    /// Whether tasks are delayed too long.
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
        // Requests still open on shutdown are served, not rejected.
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
