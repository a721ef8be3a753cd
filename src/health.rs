//! What probes are told, on both listeners: whether the program lives, and whether it can do its work now. Must never
//! say "ready" while it stops, or before the database's tables are in their form.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest wait for the database's answer to a probe: those who probe wait for some seconds themselves.
pub const PROBE_ANSWER_WAIT: Duration = Duration::from_secs(3);

/// The state that start and stop decide.
#[derive(Debug)]
pub struct Health {
    formed: AtomicBool,
    draining: AtomicBool,
}

impl Default for Health {
    /// Running, with its tables.
    fn default() -> Self {
        Self { formed: AtomicBool::new(true), draining: AtomicBool::new(false) }
    }
}

impl Health {
    /// A program that has not found its tables yet.
    pub fn starting() -> Self {
        Self { formed: AtomicBool::new(false), ..Self::default() }
    }

    /// The tables are in their form.
    pub fn set_formed(&self) {
        self.formed.store(true, Ordering::Relaxed);
    }

    /// Whether the tables are in their form.
    pub fn is_formed(&self) -> bool {
        self.formed.load(Ordering::Relaxed)
    }

    /// The program stops soon: balancers send elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the program stops soon.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
