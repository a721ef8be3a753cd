//! Changes of a sighting, in numbers of its day's interner; texts are looked up at the end.

use crate::event::{DIMENSIONS, Timing};
use crate::visits::visit::{View, Visit};

/// Name of the action that flags its page as not found.
pub(super) const NOT_FOUND: &str = "404";

/// Bounds that a hit exceeded: a part of it counts as [`OTHER`](crate::visits::OTHER).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BoundsMet {
    /// Bound `limits.pages_per_site_day` was met.
    pub pages: bool,
    /// Bound `limits.values_per_dimension` was met.
    pub values: bool,
    /// Bound `limits.rows_per_site_day` was met.
    pub rows: bool,
}

impl BoundsMet {
    /// Bounds met by either of the two.
    pub fn or(self, other: Self) -> Self {
        let Self { pages, values, rows } = other;
        Self { pages: self.pages | pages, values: self.values | values, rows: self.rows | rows }
    }
}

/// Changes that one sighting causes.
pub(super) struct VisitChange {
    /// Number of the page.
    pub(super) page: u32,
    /// Numbers of the dimensions' values; 0 where there is none.
    pub(super) values: [u16; DIMENSIONS],
    pub(super) kind: ChangeKind,
    /// Correction of the visit's entry; `None` if nothing of it changes.
    pub(super) entry: Option<EntryChange>,
    /// The view that the visit leaves, and whose exit moves.
    pub(super) left: Option<View>,
    /// False if memory for tags was full.
    pub(super) tagged: bool,
}

/// Correction of the entry of a visit.
pub(super) struct EntryChange {
    /// The visit before the hit.
    pub(super) visit: Visit,
    /// Whether the visit is no longer a bounce.
    pub(super) unbounce: bool,
    /// Seconds that the visit grew by.
    pub(super) seconds: i64,
}

/// The change by kind of hit.
pub(super) enum ChangeKind {
    Pageview { new_visitor: bool, new_page_visitor: bool, opens_visit: bool, exit: bool, not_found: bool, beyond: bool },
    Action { name: u32, new: bool, not_found: bool, properties: Vec<(u32, u32, bool)> },
    Engagement { engaged_ms: u32, engaged_view: bool, scroll_percent: u8, scroll_view: bool },
    Timing(Vec<Timing>),
}
