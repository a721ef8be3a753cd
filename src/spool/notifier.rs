//! Wakes the task that polls a thread's receipts, from any thread.

use std::sync::Mutex;
use std::task::Waker;

use crate::lock::lock;

/// Holds the waker of one thread's [`LocalWaker`](crate::spool::wake::LocalWaker).
#[derive(Debug, Default)]
pub(super) struct Notifier(Mutex<Option<Waker>>);

impl Notifier {
    /// Wakes the task that waits on that thread.
    pub(super) fn notify(&self) {
        let waker = lock(&self.0).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sets the waker for later calls of [`Notifier::notify`].
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut registered = lock(&self.0);
        match &mut *registered {
            Some(known) => known.clone_from(waker),
            None => *registered = Some(waker.clone()),
        }
    }
}
