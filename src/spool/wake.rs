//! One wake-up for all receipts that wait on a thread. Waking a task of another thread's runtime costs a system call;
//! waking one on the same thread costs almost nothing. So where a thread has a [`LocalWaker`], its receipts wait in
//! memory local to the thread: a promise notifies the thread once, and the `LocalWaker`'s task wakes the rest. No
//! waiter is ever lost: on drop the `LocalWaker` wakes all of them, to wait in their groups instead.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::spool::notifier::Notifier;
use crate::spool::promise::ReceiptGroup;

/// The task that wakes a thread's receipts: spawned on the thread, ended by dropping it there.
#[must_use = "a `LocalWaker` that is not polled wakes nothing"]
pub struct LocalWaker(Arc<Notifier>);

/// Receipts that wait on a thread.
struct ThreadWaiters {
    notifier: Option<Arc<Notifier>>,
    /// One entry for each group that is not on the disk yet; few at any time.
    waiting: Vec<(Arc<ReceiptGroup>, Vec<Waker>)>,
    /// Spare buffer for the next group.
    spare: Vec<Waker>,
}

thread_local! {
    static HERE: RefCell<ThreadWaiters> = const { RefCell::new(ThreadWaiters { notifier: None, waiting: Vec::new(), spare: Vec::new() }) };
}

/// Largest spare buffer, in wakers; larger ones are freed after a burst.
const SPARE_MAX: usize = 1_024;

impl LocalWaker {
    /// Registers this task: from now on the thread's receipts wait for it.
    pub fn register() -> Self {
        let notifier = Arc::<Notifier>::default();
        HERE.with_borrow_mut(|local| local.notifier = Some(notifier.clone()));
        Self(notifier)
    }
}

impl Future for LocalWaker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.set_waker(context.waker());
        // The list must not be borrowed while a task is woken.
        while let Some(mut wakers) = HERE.with_borrow_mut(ThreadWaiters::take_settled) {
            wakers.drain(..).for_each(Waker::wake);
            if wakers.capacity() <= SPARE_MAX {
                HERE.with_borrow_mut(|local| local.spare = wakers);
            }
        }
        Poll::Pending
    }
}

impl Drop for LocalWaker {
    fn drop(&mut self) {
        // An ending thread has no tasks left to wake.
        let all = HERE.try_with(|local| {
            let mut local = local.borrow_mut();
            local.notifier.take_if(|notifier| Arc::ptr_eq(notifier, &self.0));
            std::mem::take(&mut local.waiting)
        });
        all.into_iter().flatten().flat_map(|(_, wakers)| wakers).for_each(Waker::wake);
    }
}

impl ThreadWaiters {
    /// Removes the wakers of a settled group.
    fn take_settled(&mut self) -> Option<Vec<Waker>> {
        let settled = self.waiting.iter().position(|(group, _)| group.settled().is_some())?;
        Some(self.waiting.swap_remove(settled).1)
    }
}

/// A waiter's index in its thread's list, and the notifier that its group does not know yet.
pub(super) struct WaiterSlot {
    pub(super) index: usize,
    pub(super) first: Option<Arc<Notifier>>,
}

/// Registers `waker` for `group` on this thread, once however often it is polled; `index` is its index from the last
/// poll. `None` if the thread has no [`LocalWaker`].
pub(super) fn wait(group: &Arc<ReceiptGroup>, index: Option<usize>, waker: &Waker) -> Option<WaiterSlot> {
    HERE.try_with(|local| local.borrow_mut().wait(group, index, waker)).ok().flatten()
}

impl ThreadWaiters {
    fn wait(&mut self, group: &Arc<ReceiptGroup>, index: Option<usize>, waker: &Waker) -> Option<WaiterSlot> {
        let notifier = self.notifier.as_ref()?;
        let Some((_, wakers)) = self.waiting.iter_mut().rev().find(|(known, _)| Arc::ptr_eq(known, group)) else {
            let mut wakers = std::mem::take(&mut self.spare);
            wakers.push(waker.clone());
            self.waiting.push((group.clone(), wakers));
            return Some(WaiterSlot { index: 0, first: Some(notifier.clone()) });
        };
        // The index may belong to another thread or an earlier list: another task's waker must not be overwritten.
        let known_index = index.filter(|index| wakers.get(*index).is_some_and(|known| known.will_wake(waker)));
        let index = known_index.unwrap_or_else(|| {
            wakers.push(waker.clone());
            wakers.len() - 1
        });
        Some(WaiterSlot { index, first: None })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread;

    use super::*;
    use crate::spool::promise::Promise;
    use crate::spool::receipt::Receipt;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A receipt with the number of its task's wake-ups.
    struct Waiter(Receipt, Arc<Count>);

    impl Waiter {
        fn of(promise: &Promise) -> Self {
            Self(promise.receipt(), Arc::default())
        }

        fn is_pending(&mut self) -> bool {
            let waker = Waker::from(self.1.clone());
            Pin::new(&mut self.0).poll(&mut Context::from_waker(&waker)).is_pending()
        }

        fn woken(&self) -> usize {
            self.1.0.load(Ordering::SeqCst)
        }
    }

    /// Polls the task; `wakes` counts its wake-ups.
    fn poll(task: &mut LocalWaker, wakes: &Arc<Count>) {
        assert!(Pin::new(task).poll(&mut Context::from_waker(&Waker::from(wakes.clone()))).is_pending());
    }

    #[test]
    fn a_promise_notifies_once_and_its_thread_wakes_all_its_receipts_and_no_other() {
        let (mut task, wakes) = (LocalWaker::register(), Arc::<Count>::default());
        poll(&mut task, &wakes);
        let (kept, open) = (Promise::new(), Promise::new());
        let mut waiters: Vec<Waiter> = (0..300).map(|_| Waiter::of(&kept)).collect();
        let mut others: Vec<Waiter> = (0..3).map(|_| Waiter::of(&open)).collect();
        for _ in 0..3 {
            assert!(waiters.iter_mut().chain(&mut others).all(Waiter::is_pending));
        }
        thread::scope(|scope| scope.spawn(|| kept.keep()).join().unwrap());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        assert!(waiters.iter().all(|waiter| waiter.woken() == 0), "each would have cost a system call");
        poll(&mut task, &wakes);
        assert!(waiters.iter().all(|waiter| waiter.woken() == 1) && others.iter().all(|other| other.woken() == 0));
        assert!(!waiters.iter_mut().any(Waiter::is_pending) && others.iter_mut().all(Waiter::is_pending));
        drop(open);
        poll(&mut task, &wakes);
        assert!(others.iter().all(|other| other.woken() == 1) && !others.iter_mut().any(Waiter::is_pending));
    }

    #[test]
    fn a_receipt_that_moves_to_another_task_is_woken_there() {
        let (mut task, wakes) = (LocalWaker::register(), Arc::<Count>::default());
        poll(&mut task, &wakes);
        let promise = Promise::new();
        let (mut moved, mut stays) = (Waiter::of(&promise), Waiter::of(&promise));
        assert!(moved.is_pending() && stays.is_pending());
        moved.1 = Arc::default();
        assert!(moved.is_pending() && stays.is_pending());
        promise.keep();
        poll(&mut task, &wakes);
        assert_eq!((moved.woken(), stays.woken()), (1, 1));
    }

    #[test]
    fn receipts_of_a_dropped_local_waker_are_woken_and_wait_in_their_group() {
        let (mut task, wakes) = (LocalWaker::register(), Arc::<Count>::default());
        poll(&mut task, &wakes);
        let promise = Promise::new();
        let mut waiters = [Waiter::of(&promise), Waiter::of(&promise)];
        assert!(waiters.iter_mut().all(Waiter::is_pending));
        drop(task);
        assert!(waiters.iter().all(|waiter| waiter.woken() == 1));
        assert!(waiters.iter_mut().all(Waiter::is_pending));
        promise.keep();
        assert!(waiters.iter().all(|waiter| waiter.woken() == 2) && !waiters.iter_mut().any(Waiter::is_pending));
    }

    #[test]
    fn no_receipt_waits_for_ever_however_threads_interleave() {
        let (gathering, over) = (Mutex::new(Promise::new()), AtomicBool::new(false));
        let receipts = |number: usize| {
            let gathering = gathering.lock().unwrap();
            (0..number).map(|_| gathering.receipt()).collect::<Vec<_>>()
        };
        let wait = || {
            let tasks = async {
                let waker = tokio::spawn(LocalWaker::register());
                for round in 0..2_000_usize {
                    let tasks: Vec<_> = receipts(round % 5).into_iter().map(tokio::spawn).collect();
                    if round % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                    for task in tasks {
                        assert!(task.await.unwrap().is_ok());
                    }
                }
                waker.abort();
            };
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(tasks);
        };
        thread::scope(|scope| {
            let waiting = [scope.spawn(wait), scope.spawn(wait)];
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let promise = std::mem::replace(&mut *gathering.lock().unwrap(), Promise::new());
                    promise.keep();
                }
            });
            let ended = waiting.map(thread::ScopedJoinHandle::join);
            over.store(true, Ordering::SeqCst);
            assert!(ended.iter().all(Result::is_ok));
        });
    }
}
