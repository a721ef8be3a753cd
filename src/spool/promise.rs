//! Durability promises, one per group of events written together. It must only be kept after a completed sync; a
//! dropped promise is broken, and its receipts resolve to [`Unavailable`].

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use crate::lock::lock;
use crate::spool::notifier::Notifier;

/// The spool cannot keep events now: the disk fails, is full, or is too slow for the load. Retry later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("spool: events rejected; disk full or failing")]
pub struct Unavailable;

/// Proof that an event is on the disk. Only a [`Receipt`](crate::spool::Receipt) makes one.
#[derive(Debug)]
pub struct Durable(());

/// The writer's side of a receipt group.
pub(super) struct Promise(Arc<ReceiptGroup>);

/// Shared state of one promise's receipts.
#[derive(Debug)]
pub(super) struct ReceiptGroup {
    state: AtomicU8,
    waiting: Mutex<GroupWaiters>,
}

/// Tasks that wait for a group.
#[derive(Debug, Default)]
pub(super) struct GroupWaiters {
    /// One notifier for each thread with a [`LocalWaker`](crate::spool::wake::LocalWaker).
    pub(super) notifiers: Vec<Arc<Notifier>>,
    /// One waker for each task on other threads.
    pub(super) wakers: Vec<Waker>,
}

const OPEN: u8 = 0;
const KEPT: u8 = 1;
const BROKEN: u8 = 2;

impl ReceiptGroup {
    /// Outcome of the group, once known.
    pub(super) fn settled(&self) -> Option<Result<Durable, Unavailable>> {
        match self.state.load(Ordering::Acquire) {
            OPEN => None,
            KEPT => Some(Ok(Durable(()))),
            _ => Some(Err(Unavailable)),
        }
    }

    pub(super) fn waiting(&self) -> MutexGuard<'_, GroupWaiters> {
        lock(&self.waiting)
    }

    fn settle(&self, state: u8) {
        let GroupWaiters { notifiers, wakers } = {
            let mut waiting = self.waiting();
            if self.state.load(Ordering::Acquire) != OPEN {
                return;
            }
            self.state.store(state, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        notifiers.iter().for_each(|notifier| notifier.notify());
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Promise {
    pub(super) fn new() -> Self {
        Self(Arc::new(ReceiptGroup { state: AtomicU8::new(OPEN), waiting: Mutex::default() }))
    }

    /// The group of the promise's receipts.
    pub(super) fn group(&self) -> Arc<ReceiptGroup> {
        Arc::clone(&self.0)
    }

    /// Keeps the promise: the events are on the disk.
    pub(super) fn keep(&self) {
        self.0.settle(KEPT);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.settle(BROKEN);
    }
}
