//! Whether a thread keeps up. When more comes than it can take, waiting hits would only grow old together: beyond a
//! bounded wait new ones are refused at once, which costs little, and those that were taken go on at full speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the wait is measured.
const EVERY: Duration = Duration::from_millis(20);

/// Longest wait of a task for its turn before hits are refused: a browser that leaves a page still sends within it.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// How one collecting thread keeps up.
#[derive(Debug, Default)]
pub(super) struct Load {
    late: AtomicBool,
}

impl Load {
    /// Whether tasks wait too long now.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// Measures on this thread how long a task waits for its turn, until `shutdown`.
    pub(super) async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let due = Instant::now() + EVERY;
            tokio::time::sleep_until(due).await;
            self.late.store(due.elapsed() > WAIT_MAX, Ordering::Relaxed);
        }
        // What is still open is finished, not refused.
        self.late.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_is_kept_busy_is_late_and_recovers_by_itself() {
        let load = Arc::new(Load::default());
        let shutdown = CancellationToken::new();
        let watching = load.clone().watch(shutdown.clone());
        let working = async {
            let busy_until = Instant::now() + WAIT_MAX + EVERY * 5;
            tokio::task::yield_now().await;
            while Instant::now() < busy_until {
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
