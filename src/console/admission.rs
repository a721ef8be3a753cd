//! How many questions run at once: so many of each token, and so many in all. What has no room waits for a moment, in
//! the order of arrival; a token that has too many waiting is told so. Must never let one token's questions take the
//! room of another's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::console::tokens::TokenDigest;
use crate::lock::lock;

/// Questions of one token that run at once: a page of panels asks some ten, each for milliseconds.
const RUNNING_PER_TOKEN: usize = 4;

/// Questions that run at once, of all tokens: the engine has two threads, and some of them wait for a disk.
const RUNNING_MAX: usize = 12;

/// Questions of one token that wait: the largest page of panels has forty.
const WAITING_PER_TOKEN: usize = 60;

/// Longest wait for room: beyond it a page has given up.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// The rooms of all tokens.
pub(super) struct Admission {
    tokens: Mutex<HashMap<TokenDigest, Arc<TokenRoom>>>,
    all: Arc<Semaphore>,
}

/// The room of one token.
struct TokenRoom {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A question that may run, until the last copy is dropped.
#[derive(Clone)]
pub(super) struct QuestionPermit(
    #[expect(dead_code, reason = "held while the question runs")] Arc<[OwnedSemaphorePermit; 2]>,
);

impl Default for Admission {
    fn default() -> Self {
        Self { tokens: Mutex::default(), all: Arc::new(Semaphore::new(RUNNING_MAX)) }
    }
}

impl Admission {
    /// Room for a question of `token`, which is known; `None` where there is none in time.
    pub(super) async fn enter(&self, token: TokenDigest) -> Option<QuestionPermit> {
        let room = lock(&self.tokens).entry(token).or_default().clone();
        let _waiting = room.waiting.clone().try_acquire_owned().ok()?;
        let both = async {
            let own = room.running.clone().acquire_owned().await.ok()?;
            Some([own, self.all.clone().acquire_owned().await.ok()?])
        };
        tokio::time::timeout(WAIT_MAX, both).await.ok()?.map(|both| QuestionPermit(Arc::new(both)))
    }

    /// Forgets the rooms of tokens that are not among `known`.
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
