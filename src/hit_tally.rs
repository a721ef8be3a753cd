//! Counts of hits that are not a visitor's: robots by page, and every hit by its outcome. Such hits never
//! reach the spool one by one; they are added up here and written to it, as counts, before a segment is sealed. A crash
//! loses the counts since then. Must hold nothing of a hit except a robot's cleaned page.
//!
//! A page of robots has a row of its own as a page of visitors has one: up to a bound a site and day, of which one
//! network fills half at most. Hits without a row count as `(other)`.

use std::sync::{Arc, Mutex};

use hashbrown::HashMap;

use crate::event::{DIMENSIONS, Day, Event, EventKind, Hour, RobotKind, Term};
use crate::lock::lock;
use crate::outcome::Outcome;
use crate::privacy::RobotHit;
use crate::visits::interner::OTHER;
use crate::visits::seats::{SeatGate, gate_bytes};

/// Distinct pages of robots, a site and day. Robots read what people do not; the rows of a site's pages go first.
pub const ROBOT_PAGES_MAX: u32 = 2_000;

/// Longest page in bytes, and the size of its entry beside its text.
const PAGE_BYTES: u64 = 500 + 96;

/// Hits of one site and day, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyRow {
    /// Name of the site, as configured.
    pub site: Arc<str>,
    /// Day of the hit in the site's time zone.
    pub day: Day,
    /// Kind of the count.
    pub entry: TallyEntry,
    /// Number of hits since the last flush.
    pub hits: u32,
}

/// Key of a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TallyEntry {
    /// Robots of one kind on one page.
    Robots(Box<str>, RobotKind),
    /// Hits with this outcome, for the whole site.
    Outcome(Outcome),
}

/// Hits of all sites since the last flush.
#[derive(Default)]
pub struct HitTally {
    sites: Mutex<HashMap<Arc<str>, Vec<DayTally>>>,
}

/// Hits of one site's day. Pages stay when their hits are taken: each keeps its row.
struct DayTally {
    day: Day,
    outcomes: [u32; Outcome::ALL.len()],
    pages: HashMap<Box<str>, [u32; RobotKind::ALL.len()]>,
    gate: SeatGate,
}

impl HitTally {
    /// A hit of a site ended.
    pub fn ended(&self, site: &Arc<str>, day: Day, outcome: Outcome) {
        self.of_day(site, day, |tally| tally.add_outcome(outcome, 1));
    }

    /// It was a robot's.
    pub fn robot(&self, site: &Arc<str>, day: Day, hit: &RobotHit) {
        self.of_day(site, day, |tally| {
            let page = if tally.seats(&hit.page, hit.network) { &hit.page } else { OTHER };
            tally.add_robots(page, hit.kind, 1);
        });
    }

    /// Takes everything that was added up since the last call, ordered by site; days that are over are forgotten.
    pub fn take(&self) -> Vec<TallyRow> {
        let mut rows = Vec::new();
        for (site, days) in lock(&self.sites).iter_mut() {
            for tally in days.iter_mut() {
                let row = |entry, hits| TallyRow { site: site.clone(), day: tally.day, entry, hits };
                for (outcome, hits) in Outcome::ALL.into_iter().zip(&mut tally.outcomes) {
                    let hits = std::mem::take(hits);
                    rows.extend((hits > 0).then(|| row(TallyEntry::Outcome(outcome), hits)));
                }
                for (page, kinds) in &mut tally.pages {
                    for (kind, hits) in RobotKind::ALL.into_iter().zip(kinds) {
                        let hits = std::mem::take(hits);
                        rows.extend((hits > 0).then(|| row(TallyEntry::Robots(page.clone(), kind), hits)));
                    }
                }
            }
            let newest = days.iter().map(|tally| tally.day.0).max().unwrap_or_default();
            days.retain(|tally| tally.day.0.saturating_add(1) >= newest);
        }
        rows
    }

    /// Adds back counts that were taken and could not be written.
    pub fn put_back(&self, rows: Vec<TallyRow>) {
        for TallyRow { site, day, entry, hits } in rows {
            self.of_day(&site, day, |tally| match &entry {
                TallyEntry::Robots(page, kind) => tally.add_robots(page, *kind, hits),
                TallyEntry::Outcome(outcome) => tally.add_outcome(*outcome, hits),
            });
        }
    }

    /// Most bytes of this number of sites, two days each.
    pub(crate) fn bytes_max(sites: u64) -> u64 {
        sites * 2 * (u64::from(ROBOT_PAGES_MAX) * PAGE_BYTES * 2 + gate_bytes(ROBOT_PAGES_MAX))
    }

    fn of_day(&self, site: &Arc<str>, day: Day, change: impl FnOnce(&mut DayTally)) {
        let mut sites = lock(&self.sites);
        let days = match sites.get_mut(site) {
            Some(days) => days,
            None => sites.entry(site.clone()).or_default(),
        };
        let at = days.iter().position(|tally| tally.day == day).unwrap_or_else(|| {
            days.push(DayTally::new(day));
            days.len() - 1
        });
        if let Some(tally) = days.get_mut(at) {
            change(tally);
        }
    }
}

impl DayTally {
    fn new(day: Day) -> Self {
        Self { day, outcomes: [0; Outcome::ALL.len()], pages: HashMap::new(), gate: SeatGate::new() }
    }

    /// Whether the page has a row of its own, or gets one.
    fn seats(&mut self, page: &str, network: u32) -> bool {
        let used = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
        self.pages.contains_key(page)
            || used < ROBOT_PAGES_MAX && self.gate.admits(page, network, used, ROBOT_PAGES_MAX)
    }

    fn add_outcome(&mut self, outcome: Outcome, hits: u32) {
        if let Some(sum) = self.outcomes.get_mut(outcome.number()) {
            *sum = sum.saturating_add(hits);
        }
    }

    fn add_robots(&mut self, page: &str, kind: RobotKind, hits: u32) {
        let known = self.pages.get_mut(page);
        let kinds = match known {
            Some(kinds) => kinds,
            None => self.pages.entry(page.into()).or_default(),
        };
        if let Some(sum) = kinds.get_mut(kind as usize) {
            *sum = sum.saturating_add(hits);
        }
    }
}

impl TallyRow {
    /// The row as an event; `site` and `page` are the numbers of its texts in the event's source.
    pub(crate) fn event(&self, site: u32, page: u32) -> Event<'_> {
        let site = Term { id: site, text: &self.site };
        let hits = self.hits;
        let (page, kind) = match &self.entry {
            TallyEntry::Robots(text, kind) => (Term { id: page, text }, EventKind::Robots { kind: *kind, hits }),
            TallyEntry::Outcome(outcome) => (site, EventKind::Outcomes { outcome: *outcome, hits }),
        };
        let hour = Hour(u32::from(self.day.0) * 24);
        Event { site, day: self.day, hour, page, values: [None; DIMENSIONS], kind, entry: None, left: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Dropped;

    fn hit(page: &str, network: u32) -> RobotHit {
        RobotHit { page: page.into(), kind: RobotKind::AiCrawler, network }
    }

    fn robots(rows: &[TallyRow]) -> Vec<(&str, u32)> {
        let mut found: Vec<(&str, u32)> = rows
            .iter()
            .filter_map(|row| match &row.entry {
                TallyEntry::Robots(page, _) => Some((&**page, row.hits)),
                TallyEntry::Outcome(_) => None,
            })
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn taken_counts_are_not_taken_again_unless_put_back() {
        let (tally, site) = (HitTally::default(), Arc::from("shop.example"));
        tally.ended(&site, Day(20_000), Outcome::Dropped(Dropped::Bot));
        tally.robot(&site, Day(20_000), &hit("/", 1));
        tally.robot(&site, Day(20_000), &hit("/", 2));
        let rows = tally.take();
        assert_eq!((rows.len(), robots(&rows)), (2, vec![("/", 2)]));
        assert_eq!(tally.take(), []);
        tally.put_back(rows.clone());
        tally.robot(&site, Day(20_000), &hit("/", 3));
        assert_eq!(robots(&tally.take()), [("/", 3)]);
    }

    #[test]
    fn invented_pages_of_one_network_leave_half_of_the_rows_to_others() {
        let (tally, site) = (HitTally::default(), Arc::from("shop.example"));
        for number in 0..3 * ROBOT_PAGES_MAX {
            tally.robot(&site, Day(20_000), &hit(&format!("/invented/{number}"), 1));
            if number % 500 == 0 {
                tally.take();
            }
        }
        tally.take();
        (2..4).for_each(|network| tally.robot(&site, Day(20_000), &hit("/read", network)));
        assert_eq!(robots(&tally.take()), [("(other)", 1), ("/read", 1)]);
        let pages = lock(&tally.sites).values().flatten().map(|day| day.pages.len()).sum::<usize>();
        assert_eq!(pages, ROBOT_PAGES_MAX as usize / 2 + 2, "its half, `(other)` and the page of two networks");
    }

    #[test]
    fn a_day_that_is_over_is_forgotten_with_its_pages() {
        let (tally, site) = (HitTally::default(), Arc::from("shop.example"));
        for day in 20_000..20_010 {
            tally.robot(&site, Day(day), &hit("/", 1));
        }
        assert_eq!(tally.take().len(), 10);
        assert_eq!(lock(&tally.sites).values().flatten().count(), 2);
    }
}
