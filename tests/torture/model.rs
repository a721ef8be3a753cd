//! Expected figures, computed afterwards from the counted hits: a list of hits for each visitor, which no crash can
//! affect. Where only the collector knows the second, a range.

use std::collections::{BTreeMap, BTreeSet};

use crate::load::{Hit, HitKind};

/// Sums by row and column, each between two bounds. Sums that can only be zero are absent.
pub(crate) type ExpectedFigures = BTreeMap<Key, (i64, i64)>;

/// A row and a column of one of the tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    /// `pages`, `actions`, the dimension of values on a page, `site`, or `site ` and the dimension of values.
    pub(crate) table: String,
    pub(crate) site: String,
    pub(crate) day: i64,
    /// Empty for a whole site.
    pub(crate) page: String,
    /// Value of the dimension; empty elsewhere.
    pub(crate) value: String,
    pub(crate) column: &'static str,
}

const GAP_SECONDS: i64 = 1_800;
const DAY_MS: i64 = 86_400_000;

struct Visit<'h> {
    hits: Vec<&'h Hit>,
}

impl Visit<'_> {
    /// Range of whole seconds in which the visit's latest hit was received.
    fn latest(&self) -> (i64, i64) {
        let latest = |at: fn(&Hit) -> i64| self.hits.iter().map(|hit| at(hit).div_euclid(1_000)).max().unwrap_or(0);
        (latest(|hit| hit.sent), latest(|hit| hit.answered))
    }

    fn continues(&self, hit: &Hit) -> bool {
        let (from, to) = self.latest();
        let within = hit.answered.div_euclid(1_000) - from <= GAP_SECONDS;
        assert_eq!(within, hit.sent.div_euclid(1_000) - to <= GAP_SECONDS, "the harness cut it too fine");
        within
    }

    fn pageviews(&self) -> impl DoubleEndedIterator<Item = &&Hit> {
        self.hits.iter().filter(|hit| matches!(hit.kind, HitKind::Pageview { .. } | HitKind::Search))
    }
}

/// The figures of `hits`, which are in the order in which each visitor sent them.
pub(crate) fn expected_figures(hits: &[&Hit]) -> ExpectedFigures {
    let mut expected = ExpectedFigures::new();
    let mut visitors: BTreeMap<u32, Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        visitors.entry(hit.visitor).or_default().push(hit);
    }
    for hits in visitors.values() {
        add_visitor(hits, &mut expected);
    }
    expected.retain(|_, bounds| *bounds != (0, 0));
    expected
}

fn add_visitor(hits: &[&Hit], expected: &mut ExpectedFigures) {
    let mut seen = BTreeSet::new();
    let mut visits: Vec<Visit<'_>> = Vec::new();
    for hit in hits {
        let open = visits.last_mut().filter(|visit| visit.continues(hit));
        let mut add = |table: &str, value: &str, column, amount: bool| {
            let sum = expected.entry(key(hit, table, value, column)).or_default();
            *sum = (sum.0 + i64::from(amount), sum.1 + i64::from(amount));
        };
        match hit.kind {
            HitKind::Pageview { .. } | HitKind::Search => {
                if hit.kind == HitKind::Search {
                    add("actions", "", "count", true);
                    add("actions", "", "visitors", seen.insert((day(hit), "search", "")));
                }
                let new = seen.insert((day(hit), "visitor", ""));
                let new_page = seen.insert((day(hit), "page", &*hit.page));
                add("pages", "", "pageviews", true);
                add("pages", "", "page_visitors", new_page);
                add("site", "", "pageviews", true);
                add("site", "", "visitors", new);
                for (dimension, value) in values(hit, open.is_some()) {
                    add(dimension, &value, "pageviews", true);
                    add(dimension, &value, "page_visitors", new_page);
                    let of_site = format!("site {dimension}");
                    add(&of_site, &value, "pageviews", true);
                    add(&of_site, &value, "visitors", new);
                }
                match open {
                    Some(visit) => visit.hits.push(hit),
                    None => visits.push(Visit { hits: vec![hit] }),
                }
                continue;
            }
            HitKind::Action { .. } => {
                add("actions", "", "count", true);
                add("actions", "", "visitors", seen.insert((day(hit), "action", "")));
            }
            HitKind::Engagement { ms } => {
                add("pages", "", "engaged_views", true);
                expected.insert(key(hit, "pages", "", "engaged_ms"), (ms, ms));
            }
        }
        if let Some(visit) = open {
            visit.hits.push(hit);
        }
    }
    for visit in &visits {
        add_visit(visit, expected);
    }
}

fn add_visit(visit: &Visit<'_>, expected: &mut ExpectedFigures) {
    let (Some(entry), Some(last)) = (visit.hits.first(), visit.pageviews().next_back()) else { return };
    let acted = visit.hits.iter().any(|hit| hit.kind == HitKind::Action { interactive: true });
    let bounce = i64::from(visit.pageviews().count() == 1 && !acted);
    let (from, to) = visit.latest();
    let least = (from - entry.answered.div_euclid(1_000)).max(0);
    let seconds = (least, to - entry.sent.div_euclid(1_000));
    let mut add = |key: Key, (low, high): (i64, i64)| {
        let sum = expected.entry(key).or_default();
        *sum = (sum.0 + low, sum.1 + high);
    };
    let first = values(entry, false).into_iter().map(|(dimension, value)| (format!("site {dimension}"), value));
    let whole = ["pages", "site"].map(|table| (table.to_owned(), String::new()));
    for (table, value) in whole.into_iter().chain(first) {
        add(key(entry, &table, &value, "visits"), (1, 1));
        add(key(entry, &table, &value, "bounces"), (bounce, bounce));
        add(key(entry, &table, &value, "visit_seconds"), seconds);
    }
    add(key(last, "pages", "", "exits"), (1, 1));
}

/// Dimensions of a pageview and their values; `in_visit` unless it is a visit's first.
fn values(hit: &Hit, in_visit: bool) -> Vec<(&'static str, String)> {
    let mut values = vec![("browser", hit.browser().to_owned())];
    match (hit.kind, in_visit) {
        (HitKind::Pageview { shared: true }, _) => values.push(("referrer", hit.referrer())),
        // A previous page comes from a referrer, and these hits have none.
        (_, true) => {}
        (_, false) => values.push(("referrer", "(direct)".to_owned())),
    }
    values
}

fn key(hit: &Hit, table: &str, value: &str, column: &'static str) -> Key {
    Key {
        table: table.into(),
        site: hit.site().into(),
        day: day(hit),
        page: if table.starts_with("site") { String::new() } else { hit.page.clone() },
        value: value.into(),
        column,
    }
}

/// Days since 1970; both sites are in UTC.
fn day(hit: &Hit) -> i64 {
    hit.sent.div_euclid(DAY_MS)
}
