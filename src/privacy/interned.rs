//! Interned coarse values: a value that many visitors share, with a number unique in this process. Numbers are compared
//! instead of texts. They must never reach a disk: they mean nothing in another process.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value with a number that is never reused in this process.
#[derive(Debug)]
pub struct Interned<T> {
    id: u64,
    value: T,
}

impl<T> Interned<T> {
    /// Assigns the next number. Equal values interned separately get different numbers.
    pub(in crate::privacy) fn new(value: T) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), value }
    }

    /// The value's number: equal numbers mean equal values.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl<T> Deref for Interned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice_not_even_to_equal_values() {
        let values: Vec<Interned<&str>> = (0..100).map(|_| Interned::new("Paris")).collect();
        let ids: std::collections::HashSet<u64> = values.iter().map(Interned::id).collect();
        assert_eq!(ids.len(), values.len());
        assert!(values.iter().all(|value| **value == "Paris"));
    }
}
