//! The promise of durability, one for each group of events that are written together. It must never be kept for
//! anything but a finished sync; a promise that is dropped is broken, and those who wait for it are told: by the bell of
//! their thread, or one by one where it has none.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::spool::wake;
use crate::spool::wake::{Notifier, WaiterSlot};

/// The spool cannot keep events now: the disk fails, is full, or is too slow for what comes. Try again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the spool cannot keep events now")]
pub struct Unavailable;

/// Proof that an event is on the disk. Only a [`Receipt`] makes one.
#[derive(Debug)]
pub struct Durable(());

/// Resolves once the event that it was given for is on the disk, or surely refused.
#[derive(Debug)]
#[must_use = "an event is not durable before its receipt says so"]
pub struct Receipt {
    group: Arc<ReceiptGroup>,
    place: Option<WakerSlot>,
}

/// Where a receipt's waker stands.
#[derive(Debug, Clone, Copy)]
enum WakerSlot {
    /// Among those that its thread's bell wakes.
    Thread(usize),
    /// In its group.
    Group(usize),
}

/// The writer's side of a group of receipts.
pub(super) struct Promise(Arc<ReceiptGroup>);

#[derive(Debug)]
pub(super) struct ReceiptGroup {
    state: AtomicU8,
    waiting: Mutex<GroupWaiters>,
}

/// Whom a group tells.
#[derive(Debug, Default)]
struct GroupWaiters {
    /// Of threads on which somebody waits.
    bells: Vec<Arc<Notifier>>,
    /// Of threads without a bell.
    wakers: Vec<Waker>,
}

const OPEN: u8 = 0;
const KEPT: u8 = 1;
const BROKEN: u8 = 2;

impl ReceiptGroup {
    /// What became of it, once that is known.
    pub(super) fn settled(&self) -> Option<Result<Durable, Unavailable>> {
        match self.state.load(Ordering::Acquire) {
            OPEN => None,
            KEPT => Some(Ok(Durable(()))),
            _ => Some(Err(Unavailable)),
        }
    }

    fn settle(&self, state: u8) {
        let GroupWaiters { bells, wakers } = {
            let mut waiting = self.waiting();
            if self.state.load(Ordering::Acquire) != OPEN {
                return;
            }
            self.state.store(state, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        bells.iter().for_each(|bell| bell.pull());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn waiting(&self) -> MutexGuard<'_, GroupWaiters> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Promise {
    pub(super) fn new() -> Self {
        Self(Arc::new(ReceiptGroup { state: AtomicU8::new(OPEN), waiting: Mutex::default() }))
    }

    pub(super) fn receipt(&self) -> Receipt {
        Receipt { group: Arc::clone(&self.0), place: None }
    }

    /// What was promised is on the disk.
    pub(super) fn keep(&self) {
        self.0.settle(KEPT);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.settle(BROKEN);
    }
}

impl Future for Receipt {
    type Output = Result<Durable, Unavailable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let receipt = &mut *self;
        if let Some(settled) = receipt.group.settled() {
            return Poll::Ready(settled);
        }
        let stood =
            receipt.place.and_then(|place| if let WakerSlot::Thread(index) = place { Some(index) } else { None });
        let first = match wake::wait(&receipt.group, stood, context.waker()) {
            Some(WaiterSlot { index, first }) => {
                receipt.place = Some(WakerSlot::Thread(index));
                // A bell that the group knows will be rung, and is heard on this thread, so behind this.
                let Some(first) = first else { return Poll::Pending };
                Some(first)
            }
            None => None,
        };
        let mut waiting = receipt.group.waiting();
        if let Some(settled) = receipt.group.settled() {
            return Poll::Ready(settled);
        }
        match (first, receipt.place) {
            (Some(first), _) => waiting.bells.push(first),
            (None, Some(WakerSlot::Group(index))) if let Some(waker) = waiting.wakers.get_mut(index) => {
                waker.clone_from(context.waker());
            }
            (None, _) => {
                receipt.place = Some(WakerSlot::Group(waiting.wakers.len()));
                waiting.wakers.push(context.waker().clone());
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    static_assertions::assert_eq_size!(Durable, ());
    static_assertions::assert_not_impl_any!(Durable: Clone, Default);

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn every_waiter_is_woken_once_however_often_it_asked() {
        let promise = Promise::new();
        let counts: Vec<Arc<Count>> = (0..300).map(|_| Arc::default()).collect();
        let mut receipts: Vec<Receipt> = counts.iter().map(|_| promise.receipt()).collect();
        for _ in 0..3 {
            for (receipt, count) in receipts.iter_mut().zip(&counts) {
                let waker = Waker::from(Arc::clone(count));
                assert!(Pin::new(receipt).poll(&mut Context::from_waker(&waker)).is_pending());
            }
        }
        promise.keep();
        assert!(counts.iter().all(|count| count.0.load(Ordering::SeqCst) == 1));
        for receipt in &mut receipts {
            let settled = Pin::new(receipt).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(settled, Poll::Ready(Ok(_))));
        }
    }

    #[test]
    fn a_promise_that_is_dropped_is_broken() {
        let promise = Promise::new();
        let mut receipt = promise.receipt();
        drop(promise);
        let settled = Pin::new(&mut receipt).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(settled, Poll::Ready(Err(Unavailable))));
    }
}
