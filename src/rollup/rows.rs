//! Sums as rows in key order, with text columns ordered by their bytes. It changes no figure, and its order does not
//! depend on the order of events or of hash tables.

use crate::event::{Day, Dimension, Hour, RobotKind, TimingMetric};
use crate::outcome::Outcome;
use crate::rollup::counters::{ActionsRow, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use crate::rollup::interner::{TextId, ranks};
use crate::rollup::sums::{
    ActionKey, ActionSums, BreakdownKey, CountLocation, LocationId, PageSums, Rollup, VisitSums,
};

/// Ranks of texts and other numbers in sort order.
pub(super) struct SortOrder {
    texts: Vec<u32>,
    places: Vec<RankedLocation>,
    dimensions: Vec<u32>,
    metrics: Vec<u32>,
}

/// A location with its texts as ranks.
#[derive(Clone, Copy, Default)]
struct RankedLocation {
    site: u32,
    page: u32,
    day: u16,
}

impl SortOrder {
    pub(super) fn new(rollup: &Rollup) -> Self {
        let texts = rollup.texts.ranks();
        let text_of = |text: TextId| texts.get(text as usize).copied().unwrap_or_default();
        let ranked = |place: &CountLocation| RankedLocation {
            site: text_of(place.site),
            page: text_of(place.page),
            day: place.day.0,
        };
        let places = rollup.places.iter().map(ranked).collect();
        let dimensions = ranks(Dimension::ALL.map(Dimension::name));
        let metrics = ranks(TimingMetric::ALL.map(TimingMetric::name));
        Self { texts, places, dimensions, metrics }
    }

    fn text(&self, text: TextId) -> u32 {
        self.texts.get(text as usize).copied().unwrap_or_default()
    }

    fn place(&self, place: LocationId) -> RankedLocation {
        self.places.get(place as usize).copied().unwrap_or_default()
    }

    /// Sort key: site, day, hour, page.
    fn within_hour(&self, place: LocationId, hour: Hour) -> u128 {
        let RankedLocation { site, page, day } = self.place(place);
        join(join(join(u128::from(site), day.into(), u16::BITS), hour.0, u32::BITS), page, u32::BITS)
    }

    /// Sort key: site, dimension, day, page, value.
    fn of_breakdown(&self, key: BreakdownKey) -> u128 {
        let RankedLocation { site, page, day } = self.place(key.place());
        let dimension = self.dimensions.get(key.dimension()).copied().unwrap_or_default();
        let group = join(join(u128::from(site), dimension, u8::BITS), day.into(), u16::BITS);
        join(join(group, page, u32::BITS), self.text(key.value()), u32::BITS)
    }
}

/// One number that sorts by `first`, then by `then`, which has `bits` bits.
fn join(first: u128, then: u32, bits: u32) -> u128 {
    first << bits | u128::from(then)
}

/// At most `count` rows sorted by their ranks, which are all distinct.
fn sorted<T, R>(count: usize, ranked: impl Iterator<Item = (u128, T)>, row: impl Fn(T) -> R) -> Vec<R> {
    let mut sorted = Vec::with_capacity(count);
    sorted.extend(ranked);
    sorted.sort_unstable_by_key(|(rank, _)| *rank);
    let mut rows = Vec::with_capacity(sorted.len());
    rows.extend(sorted.into_iter().map(|(_, sums)| row(sums)));
    rows
}

impl Rollup {
    pub(super) fn page_rows(&self, order: &SortOrder) -> Vec<PagesRow> {
        let counted = self.pages.iter().filter(|(_, sums)| **sums != PageSums::default());
        let ranked = counted.map(|(key, sums)| (order.within_hour(key.0, key.1), (key, sums)));
        sorted(self.pages.len(), ranked, |(&(place, hour), sums)| {
            let place = self.place_of(place);
            PagesRow {
                site: self.texts.of(place.site),
                day: place.day.0,
                hour: hour.0.saturating_mul(3_600),
                page: self.texts.of(place.page),
                pageviews: sums.visit.pageviews,
                visitors: sums.visit.visitors,
                page_visitors: sums.visit.page_visitors,
                visits: sums.visit.visits,
                exits: sums.exits,
                bounces: sums.visit.bounces,
                visit_seconds: sums.visit.visit_seconds,
                engaged_ms: sums.engaged_ms,
                engaged_views: sums.engaged_views,
                scroll_percent: sums.scroll_percent,
                scroll_views: sums.scroll_views,
                not_found: sums.not_found,
            }
        })
    }

    pub(super) fn breakdown_rows(&self, order: &SortOrder) -> Vec<BreakdownsRow> {
        let counted = self.breakdowns.iter().filter(|(_, sums)| **sums != VisitSums::default());
        let ranked = counted.map(|(key, sums)| (order.of_breakdown(*key), (key, sums)));
        sorted(self.breakdowns.len(), ranked, |(key, sums)| {
            let place = self.place_of(key.place());
            BreakdownsRow {
                site: self.texts.of(place.site),
                day: place.day.0,
                dimension: Dimension::ALL.get(key.dimension()).map_or("", |dimension| dimension.name()),
                page: self.texts.of(place.page),
                value: self.texts.of(key.value()),
                pageviews: sums.pageviews,
                visitors: sums.visitors,
                page_visitors: sums.page_visitors,
                visits: sums.visits,
                bounces: sums.bounces,
                visit_seconds: sums.visit_seconds,
            }
        })
    }

    pub(super) fn action_rows(&self, order: &SortOrder) -> Vec<ActionsRow> {
        let rank = |text: TextId| order.text(text);
        let mut rows: Vec<_> = self.actions.iter().collect();
        rows.sort_unstable_by_key(|((place, action, property), _)| {
            let RankedLocation { site, page, day } = order.place(*place);
            (site, day, rank(*action), property.map(|(name, value)| (rank(name), rank(value))), page)
        });
        let row = |(&(place, action, named), sums): (&ActionKey, &ActionSums)| {
            let place = self.place_of(place);
            let text = |text| self.texts.of(text);
            let (property, value) = named.map_or_else(Default::default, |(name, value)| (text(name), text(value)));
            ActionsRow {
                site: text(place.site),
                day: place.day.0,
                page: text(place.page),
                action: text(action),
                property,
                value,
                count: sums.count,
                visitors: sums.visitors,
            }
        };
        rows.into_iter().map(row).collect()
    }

    pub(super) fn timing_rows(&self, order: &SortOrder) -> Vec<TimingsRow> {
        let ranked = self.timings.iter().map(|(key, count)| {
            let (place, hour, metric, bucket) = *key;
            let metric = order.metrics.get(metric as usize).copied().unwrap_or_default();
            let rank = join(join(order.within_hour(place, hour), metric, u8::BITS), bucket.into(), u8::BITS);
            (rank, (key, *count))
        });
        sorted(self.timings.len(), ranked, |(&(place, hour, metric, bucket), count)| {
            let place = self.place_of(place);
            TimingsRow {
                site: self.texts.of(place.site),
                day: place.day.0,
                hour: hour.0.saturating_mul(3_600),
                page: self.texts.of(place.page),
                metric: metric.name(),
                bucket,
                count,
            }
        })
    }

    pub(super) fn robot_rows(&self, order: &SortOrder) -> Vec<RobotsRow> {
        let mut rows: Vec<_> = self.robots.iter().collect();
        rows.sort_unstable_by_key(|((place, kind), _)| {
            let RankedLocation { site, page, day } = order.place(*place);
            (site, kind.name(), day, page)
        });
        let row = |(&(place, kind), hits): (&(LocationId, RobotKind), &i64)| {
            let place = self.place_of(place);
            let (site, page) = (self.texts.of(place.site), self.texts.of(place.page));
            RobotsRow { site, day: place.day.0, page, kind: kind.name(), hits: *hits }
        };
        rows.into_iter().map(row).collect()
    }

    pub(super) fn outcome_rows(&self, order: &SortOrder) -> Vec<OutcomesRow> {
        let mut rows: Vec<_> = self.outcomes.iter().collect();
        rows.sort_unstable_by_key(|((site, day, outcome), _)| (order.text(*site), outcome.label(), *day));
        let row = |(&(site, day, outcome), hits): (&(TextId, Day, Outcome), &i64)| OutcomesRow {
            site: self.texts.of(site),
            day: day.0,
            outcome: outcome.label(),
            hits: *hits,
        };
        rows.into_iter().map(row).collect()
    }

    fn place_of(&self, place: LocationId) -> CountLocation {
        let nowhere = CountLocation { site: TextId::MAX, page: TextId::MAX, day: Day(0) };
        self.places.get(place as usize).copied().unwrap_or(nowhere)
    }
}
