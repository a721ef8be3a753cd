//! Receipts: futures that resolve when their event is on the disk. A receipt waits in its thread's
//! [`LocalWaker`](crate::spool::wake::LocalWaker) if there is one, and in its group otherwise. It must never resolve to
//! [`Durable`] before the sync.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::spool::promise::{Durable, Promise, ReceiptGroup, Unavailable};
use crate::spool::wake;
use crate::spool::wake::WaiterSlot;

/// Resolves once its event is on the disk or certainly lost.
#[derive(Debug)]
#[must_use = "an event is not durable before its receipt says so"]
pub struct Receipt {
    group: Arc<ReceiptGroup>,
    place: Option<WakerSlot>,
}

/// List and index of a receipt's waker.
#[derive(Debug, Clone, Copy)]
enum WakerSlot {
    /// In its thread's list.
    Thread(usize),
    /// In its group's list.
    Group(usize),
}

impl Promise {
    /// A receipt for one more event.
    pub(super) fn receipt(&self) -> Receipt {
        Receipt { group: self.group(), place: None }
    }
}

impl Future for Receipt {
    type Output = Result<Durable, Unavailable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let receipt = &mut *self;
        if let Some(settled) = receipt.group.settled() {
            return Poll::Ready(settled);
        }
        let slot_before =
            receipt.place.and_then(|place| if let WakerSlot::Thread(index) = place { Some(index) } else { None });
        let first = match wake::wait(&receipt.group, slot_before, context.waker()) {
            Some(WaiterSlot { index, first }) => {
                receipt.place = Some(WakerSlot::Thread(index));
                // The group notifies this thread: its task runs here, after this poll.
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
            (Some(first), _) => waiting.notifiers.push(first),
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

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
    fn every_waiter_is_woken_once_however_often_it_polled() {
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
    fn receipts_of_a_dropped_promise_resolve_to_unavailable() {
        let promise = Promise::new();
        let mut receipt = promise.receipt();
        drop(promise);
        let settled = Pin::new(&mut receipt).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(settled, Poll::Ready(Err(Unavailable))));
    }
}
