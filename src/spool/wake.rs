//! One wake-up for all that wait on a thread. Waking a task of another thread's runtime costs a system call; within the
//! thread it costs next to nothing. So where a thread has a bell, its receipts wait here, in memory that no other thread
//! touches; a promise rings the bell once, and the bell's own task wakes them. It must never forget anybody: whoever waits
//! when a bell goes is woken, to wait without one.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::spool::receipt::ReceiptGroup;

/// The bell of a thread, as the task that hears it: it ends by being dropped, on its thread.
#[must_use = "nobody hears a bell that is not polled"]
pub struct LocalWaker(Arc<Notifier>);

/// What rings a bell, from anywhere.
#[derive(Debug, Default)]
pub(super) struct Notifier(Mutex<Option<Waker>>);

/// All that waits on a thread.
struct ThreadWaiters {
    rope: Option<Arc<Notifier>>,
    /// Of the groups that are not on the disk yet, few at any time.
    waiting: Vec<(Arc<ReceiptGroup>, Vec<Waker>)>,
    /// Kept for the next group.
    spare: Vec<Waker>,
}

thread_local! {
    static HERE: RefCell<ThreadWaiters> = const { RefCell::new(ThreadWaiters { rope: None, waiting: Vec::new(), spare: Vec::new() }) };
}

/// A buffer that grew beyond this in a burst is given back.
const SPARE_MAX: usize = 1_024;

impl LocalWaker {
    /// From now on what waits on this thread waits for this bell.
    pub fn hang() -> Self {
        let rope = Arc::<Notifier>::default();
        HERE.with_borrow_mut(|here| here.rope = Some(rope.clone()));
        Self(rope)
    }
}

impl Future for LocalWaker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.heard_by(context.waker());
        // Nobody is woken while the list is held.
        while let Some(mut wakers) = HERE.with_borrow_mut(ThreadWaiters::take_settled) {
            wakers.drain(..).for_each(Waker::wake);
            if wakers.capacity() <= SPARE_MAX {
                HERE.with_borrow_mut(|here| here.spare = wakers);
            }
        }
        Poll::Pending
    }
}

impl Drop for LocalWaker {
    fn drop(&mut self) {
        // A thread that ends has nobody left to wake.
        let all = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            here.rope.take_if(|rope| Arc::ptr_eq(rope, &self.0));
            std::mem::take(&mut here.waiting)
        });
        all.into_iter().flatten().flat_map(|(_, wakers)| wakers).for_each(Waker::wake);
    }
}

impl Notifier {
    /// Whoever waits on that thread is woken soon.
    pub(super) fn pull(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn heard_by(&self, waker: &Waker) {
        let mut heard_by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *heard_by {
            Some(known) => known.clone_from(waker),
            None => *heard_by = Some(waker.clone()),
        }
    }
}

impl ThreadWaiters {
    /// Those who wait for a group that is settled.
    fn take_settled(&mut self) -> Option<Vec<Waker>> {
        let settled = self.waiting.iter().position(|(group, _)| group.settled().is_some())?;
        Some(self.waiting.swap_remove(settled).1)
    }
}

/// Where a waiter stands, and the bell that the group does not know yet.
pub(super) struct WaiterSlot {
    pub(super) index: usize,
    pub(super) first: Option<Arc<Notifier>>,
}

/// Has `waker` wait for `group` on this thread, once however often it asks; `index` says where it stood last. Nothing
/// where the thread has no bell.
pub(super) fn wait(group: &Arc<ReceiptGroup>, index: Option<usize>, waker: &Waker) -> Option<WaiterSlot> {
    HERE.try_with(|here| here.borrow_mut().wait(group, index, waker)).ok().flatten()
}

impl ThreadWaiters {
    fn wait(&mut self, group: &Arc<ReceiptGroup>, index: Option<usize>, waker: &Waker) -> Option<WaiterSlot> {
        let rope = self.rope.as_ref()?;
        let Some((_, wakers)) = self.waiting.iter_mut().rev().find(|(known, _)| Arc::ptr_eq(known, group)) else {
            let mut wakers = std::mem::take(&mut self.spare);
            wakers.push(waker.clone());
            self.waiting.push((group.clone(), wakers));
            return Some(WaiterSlot { index: 0, first: Some(rope.clone()) });
        };
        // An index may be of another thread, or of before: nobody else's is ever overwritten.
        let stands = index.filter(|index| wakers.get(*index).is_some_and(|known| known.will_wake(waker)));
        let index = stands.unwrap_or_else(|| {
            wakers.push(waker.clone());
            wakers.len() - 1
        });
        Some(WaiterSlot { index, first: None })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread;

    use super::*;
    use crate::spool::receipt::{Promise, Receipt};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Who waits, and how often it was woken.
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

    /// Lets the bell's task run; `hears` counts how often it was woken.
    fn hear(bell: &mut LocalWaker, hears: &Arc<Count>) {
        assert!(Pin::new(bell).poll(&mut Context::from_waker(&Waker::from(hears.clone()))).is_pending());
    }

    #[test]
    fn a_promise_rings_once_and_its_thread_wakes_all_who_wait_for_it_and_nobody_else() {
        let (mut bell, hears) = (LocalWaker::hang(), Arc::<Count>::default());
        hear(&mut bell, &hears);
        let (kept, open) = (Promise::new(), Promise::new());
        let mut waiters: Vec<Waiter> = (0..300).map(|_| Waiter::of(&kept)).collect();
        let mut others: Vec<Waiter> = (0..3).map(|_| Waiter::of(&open)).collect();
        for _ in 0..3 {
            assert!(waiters.iter_mut().chain(&mut others).all(Waiter::is_pending));
        }
        thread::scope(|scope| scope.spawn(|| kept.keep()).join().unwrap());
        assert_eq!(hears.0.load(Ordering::SeqCst), 1);
        assert!(waiters.iter().all(|waiter| waiter.woken() == 0), "each would have cost a system call");
        hear(&mut bell, &hears);
        assert!(waiters.iter().all(|waiter| waiter.woken() == 1) && others.iter().all(|other| other.woken() == 0));
        assert!(!waiters.iter_mut().any(Waiter::is_pending) && others.iter_mut().all(Waiter::is_pending));
        drop(open);
        hear(&mut bell, &hears);
        assert!(others.iter().all(|other| other.woken() == 1) && !others.iter_mut().any(Waiter::is_pending));
    }

    #[test]
    fn a_receipt_that_moves_to_another_task_is_woken_there_and_takes_nobody_s_place() {
        let (mut bell, hears) = (LocalWaker::hang(), Arc::<Count>::default());
        hear(&mut bell, &hears);
        let promise = Promise::new();
        let (mut moved, mut stays) = (Waiter::of(&promise), Waiter::of(&promise));
        assert!(moved.is_pending() && stays.is_pending());
        moved.1 = Arc::default();
        assert!(moved.is_pending() && stays.is_pending());
        promise.keep();
        hear(&mut bell, &hears);
        assert_eq!((moved.woken(), stays.woken()), (1, 1));
    }

    #[test]
    fn who_waits_for_a_bell_that_goes_is_woken_and_then_waits_without_one() {
        let (mut bell, hears) = (LocalWaker::hang(), Arc::<Count>::default());
        hear(&mut bell, &hears);
        let promise = Promise::new();
        let mut waiters = [Waiter::of(&promise), Waiter::of(&promise)];
        assert!(waiters.iter_mut().all(Waiter::is_pending));
        drop(bell);
        assert!(waiters.iter().all(|waiter| waiter.woken() == 1));
        assert!(waiters.iter_mut().all(Waiter::is_pending));
        promise.keep();
        assert!(waiters.iter().all(|waiter| waiter.woken() == 2) && !waiters.iter_mut().any(Waiter::is_pending));
    }

    #[test]
    fn nobody_waits_for_ever_however_threads_meet() {
        let (gathering, over) = (Mutex::new(Promise::new()), AtomicBool::new(false));
        let receipts = |number: usize| {
            let gathering = gathering.lock().unwrap();
            (0..number).map(|_| gathering.receipt()).collect::<Vec<_>>()
        };
        let wait = || {
            let tasks = async {
                let bell = tokio::spawn(LocalWaker::hang());
                for round in 0..2_000_usize {
                    let tasks: Vec<_> = receipts(round % 5).into_iter().map(tokio::spawn).collect();
                    if round % 3 == 0 {
                        tokio::task::yield_now().await;
                    }
                    for task in tasks {
                        assert!(task.await.unwrap().is_ok());
                    }
                }
                bell.abort();
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
