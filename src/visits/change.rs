//! What a sighting changes, in numbers of its day; texts are looked up when nothing moves any more.

use crate::event::{DIMENSIONS, Timing};
use crate::visits::visit::{View, Visit};

/// Name of the action that flags its page as not found.
pub(super) const NOT_FOUND: &str = "404";

/// Bounds that a hit has met: a part of it counts as [`OTHER`](crate::visits::OTHER).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BoundsMet {
    /// `limits.pages_per_site_day`.
    pub pages: bool,
    /// `limits.values_per_dimension`.
    pub values: bool,
    /// `limits.rows_per_site_day`.
    pub rows: bool,
}

impl BoundsMet {
    /// Those that either of two has met.
    pub fn or(self, other: Self) -> Self {
        let Self { pages, values, rows } = other;
        Self { pages: self.pages | pages, values: self.values | values, rows: self.rows | rows }
    }
}

/// What one sighting changes.
pub(super) struct VisitChange {
    pub(super) page: u32,
    pub(super) values: [u16; DIMENSIONS],
    pub(super) kind: ChangeKind,
    /// The visit before the hit, whether its bounce is taken back, and the seconds that it grew by.
    pub(super) entry: Option<(Visit, bool, i64)>,
    pub(super) left: Option<View>,
    /// False when there was no room for the visitor's tag.
    pub(super) tagged: bool,
}

/// The same by kind of hit.
pub(super) enum ChangeKind {
    Pageview { new_visitor: bool, new_page_visitor: bool, opens_visit: bool, exit: bool, not_found: bool, beyond: bool },
    Action { name: u32, new: bool, not_found: bool, properties: Vec<(u32, u32, bool)> },
    Engagement { engaged_ms: u32, engaged_view: bool, scroll_percent: u8, scroll_view: bool },
    Timing(Vec<Timing>),
}
