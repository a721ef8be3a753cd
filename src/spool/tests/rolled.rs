//! Rollups compared with a reference implementation: maps whose keys are the texts themselves.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::format::{Dice, dice};
use super::*;
use crate::rollup::Rollup;
use crate::rollup::counters::{ActionsRow, Batch, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};

/// Reference sums, with figures in the order of the row's columns.
#[derive(Default)]
struct ReferenceSums {
    pages: BTreeMap<(String, u16, u32, String), [i64; 12]>,
    breakdowns: BTreeMap<(String, &'static str, u16, String, String), [i64; 6]>,
    actions: BTreeMap<ActionKey, [i64; 2]>,
    timings: BTreeMap<(String, u16, u32, String, &'static str, u8), i64>,
    robots: BTreeMap<(String, &'static str, u16, String), i64>,
    outcomes: BTreeMap<(String, &'static str, u16), i64>,
}

/// Site, day, action, property and value, page.
type ActionKey = (String, u16, String, Option<(String, String)>, String);

fn add<const N: usize>(sums: &mut [i64; N], figures: [i64; N]) {
    sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
}

impl ReferenceSums {
    fn page(&mut self, site: &str, (day, hour): (Day, Hour), page: &str, figures: [i64; 12]) {
        let key = (site.to_owned(), day.0, hour.0, page.to_owned());
        add(self.pages.entry(key).or_default(), figures);
    }

    fn visit(&mut self, site: &str, time: (Day, Hour), page: &str, values: &DimensionValues<'_>, figures: [i64; 6]) {
        let [pageviews, visitors, page_visitors, visits, bounces, seconds] = figures;
        let row = [pageviews, visitors, page_visitors, visits, 0, bounces, seconds, 0, 0, 0, 0, 0];
        self.page(site, time, page, row);
        for (dimension, value) in Dimension::ALL.into_iter().zip(values) {
            if let Some(value) = value {
                let key = (site.to_owned(), dimension.name(), time.0.0, page.to_owned(), value.text.to_owned());
                add(self.breakdowns.entry(key).or_default(), figures);
            }
        }
    }

    fn add(&mut self, event: &Event<'_>) {
        let (site, page, time) = (event.site.text, event.page.text, (event.day, event.hour));
        let one = |at: usize, figure: i64| std::array::from_fn(|index| if index == at { figure } else { 0 });
        match &event.kind {
            EventKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond } => {
                let [new, new_here, opens] = [*new_visitor, *new_page_visitor, *opens_visit].map(i64::from);
                self.visit(site, time, page, &event.values, [i64::from(!beyond), new, new_here, opens, opens, 0]);
                self.page(site, time, page, one(4, i64::from(*exit)));
                self.page(site, time, page, one(11, i64::from(*not_found)));
            }
            EventKind::Action { name, new_action_visitor, not_found, properties } => {
                let named = properties.iter().map(|property| {
                    (Some((property.name.text.to_owned(), property.value.text.to_owned())), property.new_visitor)
                });
                for (property, new) in [(None, *new_action_visitor)].into_iter().chain(named) {
                    let key = (site.to_owned(), event.day.0, name.text.to_owned(), property, page.to_owned());
                    add(self.actions.entry(key).or_default(), [1, i64::from(new)]);
                }
                if *not_found {
                    self.page(site, time, page, one(11, 1));
                }
            }
            EventKind::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view } => {
                let read = [i64::from(*engaged_ms), i64::from(*engaged_view)];
                let depth = [i64::from(*scroll_percent), i64::from(*scroll_view)];
                self.page(site, time, page, [0, 0, 0, 0, 0, 0, 0, read[0], read[1], depth[0], depth[1], 0]);
            }
            EventKind::Timing { timings } => {
                for timing in timings {
                    let key = (
                        site.to_owned(),
                        event.day.0,
                        event.hour.0,
                        page.to_owned(),
                        timing.metric.name(),
                        timing.bucket,
                    );
                    *self.timings.entry(key).or_default() += 1;
                }
            }
            EventKind::Robots { kind, hits } => {
                let key = (site.to_owned(), kind.name(), event.day.0, page.to_owned());
                *self.robots.entry(key).or_default() += i64::from(*hits);
            }
            EventKind::Outcomes { outcome, hits } => {
                let key = (site.to_owned(), outcome.label(), event.day.0);
                *self.outcomes.entry(key).or_default() += i64::from(*hits);
            }
        }
        if let Some(entry) = &event.entry {
            let figures = [0, 0, 0, 0, -i64::from(entry.unbounce), i64::from(entry.visit_seconds)];
            self.visit(site, (entry.day, entry.hour), entry.page.text, &entry.values, figures);
        }
        if let Some(left) = &event.left {
            self.page(site, (left.day, left.hour), left.page.text, one(4, -1));
        }
    }

    fn batch(self) -> Batch {
        let pages = self.pages.into_iter().filter(|(_, figures)| *figures != [0; 12]);
        let breakdowns = self.breakdowns.into_iter().filter(|(_, figures)| *figures != [0; 6]);
        Batch {
            token: "token".into(),
            origin: "".into(),
            pages: pages
                .map(|((site, day, hour, page), figures)| {
                    PagesRow::of((site.into(), day, hour.saturating_mul(3_600), page.into()), figures)
                })
                .collect(),
            breakdowns: breakdowns
                .map(|((site, dimension, day, page, value), figures)| {
                    BreakdownsRow::of((site.into(), day, dimension, page.into(), value.into()), figures)
                })
                .collect(),
            actions: (self.actions.into_iter())
                .map(|((site, day, action, named, page), [count, visitors])| {
                    let (site, page, action) = (site.into(), page.into(), action.into());
                    let (property, value) = named.unwrap_or_default();
                    ActionsRow {
                        site,
                        day,
                        page,
                        action,
                        property: property.into(),
                        value: value.into(),
                        count,
                        visitors,
                    }
                })
                .collect(),
            timings: (self.timings.into_iter())
                .map(|((site, day, hour, page, metric, bucket), count)| {
                    let (site, page) = (site.into(), page.into());
                    let hour = hour.saturating_mul(3_600);
                    TimingsRow { site, day, hour, page, metric, bucket, count }
                })
                .collect(),
            robots: (self.robots.into_iter())
                .map(|((site, kind, day, page), hits)| RobotsRow {
                    site: site.into(),
                    day,
                    page: page.into(),
                    kind,
                    hits,
                })
                .collect(),
            outcomes: (self.outcomes.into_iter())
                .map(|((site, outcome, day), hits)| OutcomesRow { site: site.into(), day, outcome, hits })
                .collect(),
        }
    }
}

/// Texts that are partly equal under different ids, and partly differ in a byte above 127.
fn texts() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        prop::collection::vec("[ab\u{e9}\u{10000}]{0,2}", 1..20),
        prop::collection::vec(".{0,12}", 1..40),
        prop::collection::vec("/p[0-9]{1,3}", 1..60),
    ]
}

proptest! {
    #[test]
    fn a_rollup_equals_sums_by_text_in_the_same_order(
        texts in texts(),
        rolls in prop::collection::vec(dice(), 0..60),
        id_step in prop_oneof![Just(1u32), Just(999), Just(1_000_003)],
    ) {
        let mut events: Vec<Event<'_>> = rolls.iter().map(|rolls| Dice(rolls.iter()).event(&texts)).collect();
        let (mut plain, mut rollup, mut other) = (ReferenceSums::default(), Rollup::default(), Rollup::default());
        events.iter().for_each(|event| plain.add(event));
        let due = plain.batch();
        for event in &mut events {
            each_term(event, &mut |term| term.id = term.id.wrapping_mul(id_step));
            rollup.add(event);
        }
        prop_assert_eq!(rollup.events(), events.len() as u64);
        prop_assert_eq!(&rollup.finish("token".into()), &due);
        events.iter().rev().for_each(|event| other.add(event));
        prop_assert_eq!(&other.finish("token".into()), &due, "in another order");
    }
}

fn each_term<'t>(event: &mut Event<'t>, change: &mut impl FnMut(&mut Term<'t>)) {
    change(&mut event.site);
    change(&mut event.page);
    event.values.iter_mut().flatten().for_each(&mut *change);
    if let EventKind::Action { name, properties, .. } = &mut event.kind {
        change(name);
        for property in properties {
            change(&mut property.name);
            change(&mut property.value);
        }
    }
    if let Some(entry) = &mut event.entry {
        change(&mut entry.page);
        entry.values.iter_mut().flatten().for_each(&mut *change);
    }
    if let Some(left) = &mut event.left {
        change(&mut left.page);
    }
}
