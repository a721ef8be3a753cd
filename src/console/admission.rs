//! Limits of concurrent queries, per token and in all. A query beyond them waits for a moment, in the order of
//! arrival; a token with too many waiting is rejected. Must never let one token's queries take another's share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::console::tokens::TokenDigest;
use crate::lock::lock;

/// Most queries of one token that run at once: a page of panels asks about ten, each for milliseconds.
const RUNNING_PER_TOKEN: usize = 4;

/// Most queries of all tokens that run at once: the engine has two threads, and some queries wait for a disk.
const RUNNING_MAX: usize = 12;

/// Most waiting queries of one token: the largest page of panels has forty.
const WAITING_PER_TOKEN: usize = 60;

/// Longest wait for admission: a page has given up by then.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// Admission of queries, for all tokens.
pub(super) struct Admission {
    tokens: Mutex<HashMap<TokenDigest, Arc<TokenRoom>>>,
    all: Arc<Semaphore>,
}

/// Semaphores of one token.
struct TokenRoom {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Permit to run a query; released when its last clone is dropped.
#[derive(Clone)]
pub(super) struct QueryPermit(
    #[expect(dead_code, reason = "held while the query runs")] Arc<[OwnedSemaphorePermit; 2]>,
);

impl Default for Admission {
    fn default() -> Self {
        Self { tokens: Mutex::default(), all: Arc::new(Semaphore::new(RUNNING_MAX)) }
    }
}

impl Admission {
    /// Admits a query of the known `token`; `None` if there is no permit in time.
    pub(super) async fn enter(&self, token: TokenDigest) -> Option<QueryPermit> {
        let room = lock(&self.tokens).entry(token).or_default().clone();
        let _waiting = room.waiting.clone().try_acquire_owned().ok()?;
        let permits = async {
            let own = room.running.clone().acquire_owned().await.ok()?;
            Some([own, self.all.clone().acquire_owned().await.ok()?])
        };
        tokio::time::timeout(WAIT_MAX, permits).await.ok()?.map(|permits| QueryPermit(Arc::new(permits)))
    }

    /// Forgets the semaphores of tokens that are not among `known`.
    pub(super) fn keep(&self, known: impl Fn(&TokenDigest) -> bool) {
        lock(&self.tokens).retain(|token, _| known(token));
    }
}

impl Default for TokenRoom {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(RUNNING_PER_TOKEN)),
            waiting: Arc::new(Semaphore::new(WAITING_PER_TOKEN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_that_asks_too_much_waits_and_another_does_not() {
        let admission = Arc::new(Admission::default());
        let mut held = Vec::new();
        for _ in 0..RUNNING_PER_TOKEN {
            held.push(admission.enter([1; 32]).await.unwrap());
        }
        let waiting: Vec<_> = (0..WAITING_PER_TOKEN)
            .map(|_| {
                tokio::spawn({
                    let admission = admission.clone();
                    async move { admission.enter([1; 32]).await.is_some() }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(admission.enter([1; 32]).await.is_none(), "the queue is full");
        assert!(admission.enter([2; 32]).await.is_some(), "another token has room");
        held.pop();
        let mut entered = 0;
        for waiting in waiting {
            entered += usize::from(waiting.await.unwrap());
        }
        assert_eq!(entered, WAITING_PER_TOKEN, "each runs when the one before has ended");
    }
}
