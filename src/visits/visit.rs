//! A visit in progress, and the page showings that it remembers. Texts are numbers of the visit's day.

use crate::event::{DIMENSIONS, Day, Hour};
use crate::privacy::tag::day_key::VISIT_GAP_SECONDS;

/// A visit in progress. Texts are numbers in its day's lexicon.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Visit {
    pub(super) entry: View,
    pub(super) entry_values: [u16; DIMENSIONS],
    pub(super) last_seen: i64,
    pub(super) bounce: bool,
    pub(super) current: View,
    pub(super) previous: Option<View>,
}

/// One showing of a page within a visit.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct View {
    pub(super) day: Day,
    pub(super) hour: Hour,
    pub(super) page: u32,
    pub(super) timed: bool,
    pub(super) scrolled: Option<u8>,
}

impl View {
    pub(super) fn new(day: Day, hour: Hour, page: u32) -> Self {
        Self { day, hour, page, timed: false, scrolled: None }
    }
}

impl Visit {
    /// Whole seconds since the visit's last hit; a hit that seems older counts 0.
    pub(super) fn gap(&self, at: i64) -> i64 {
        (at - self.last_seen).max(0)
    }

    /// Whether a hit at `at` still belongs to it.
    pub(super) fn continues(&self, at: i64) -> bool {
        self.gap(at) <= VISIT_GAP_SECONDS
    }

    /// The latest showing of `page` within the visit's last two.
    pub(super) fn view_of(&mut self, page: u32) -> Option<&mut View> {
        if self.current.page == page {
            return Some(&mut self.current);
        }
        self.previous.as_mut().filter(|view| view.page == page)
    }
}
