//! Health for probes and the service manager: whether the program is alive, and whether it is ready. Must
//! never say "ready" while it stops, or before the database's tables are in their form.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use crate::lock::lock;

/// Longest wait for the database's answer to a probe: probe clients wait for some seconds themselves.
pub const PROBE_ANSWER_WAIT: Duration = Duration::from_secs(3);

/// Health state, set by start and stop.
#[derive(Debug)]
pub struct Health {
    formed: AtomicBool,
    draining: AtomicBool,
    beats: Mutex<Vec<Arc<AtomicBool>>>,
    filling: Mutex<Option<FillingProgress>>,
}

/// How far the demonstration's simulated past is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FillingProgress {
    /// Days that are counted.
    pub days: u32,
    /// Number of simulated days in all.
    pub of: u32,
}

/// By which a thread shows that it goes on.
#[derive(Debug)]
pub struct Heartbeat(Arc<AtomicBool>);

impl Default for Health {
    /// A running program with migrated tables.
    fn default() -> Self {
        Self {
            formed: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            beats: Mutex::default(),
            filling: Mutex::default(),
        }
    }
}

impl Health {
    /// A program whose tables are not migrated yet.
    pub fn starting() -> Self {
        Self { formed: AtomicBool::new(false), ..Self::default() }
    }

    /// Marks the tables as migrated.
    pub fn set_formed(&self) {
        self.formed.store(true, Ordering::Relaxed);
    }

    /// Whether the tables are migrated.
    pub fn is_formed(&self) -> bool {
        self.formed.load(Ordering::Relaxed)
    }

    /// The simulated past is counted so far; nothing when it is whole, or none is.
    pub fn set_filling(&self, progress: Option<FillingProgress>) {
        *lock(&self.filling) = progress;
    }

    /// How far the simulated past is counted, until it is whole.
    pub fn filling(&self) -> Option<FillingProgress> {
        *lock(&self.filling)
    }

    /// Marks the program as stopping: balancers send new connections elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the program is stopping.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A thread whose life counts from now on.
    pub fn heartbeat(&self) -> Heartbeat {
        let beat = Arc::new(AtomicBool::new(true));
        lock(&self.beats).push(beat.clone());
        Heartbeat(beat)
    }

    /// Whether every thread has gone on since this was asked last.
    pub fn all_alive(&self) -> bool {
        // Each is asked, whatever the others answer: all begin anew.
        let stuck = lock(&self.beats).iter().filter(|beat| !beat.swap(false, Ordering::Relaxed)).count();
        stuck == 0
    }
}

impl Heartbeat {
    /// The thread goes on.
    pub fn beat(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_that_stands_still_is_noticed_among_others() {
        let health = Health::default();
        let (one, other) = (health.heartbeat(), health.heartbeat());
        assert!(health.all_alive());
        one.beat();
        assert!(!health.all_alive(), "the other has not beaten");
        one.beat();
        other.beat();
        assert!(health.all_alive());
    }
}
