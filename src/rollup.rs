//! A segment's events into counter rows. Addition only, and sorted rows at the end: the same events give the same
//! batch, whoever folds them and however often.

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;

use crate::privacy::event::{
    Day, Dimension, EntryCorrection, Event, Hour, Kind, Property, Term, Timing, TimingMetric, Values,
};
use crate::store::rows::{ActionsRow, Batch, BreakdownsRow, PagesRow, TimingsRow};

type Sums<K, V> = HashMap<K, V, DefaultHashBuilder>;

/// Number of a text within one rollup: equal texts have equal numbers, whatever their terms' ids.
type Text = u32;

/// Events as they add up.
#[derive(Default)]
pub struct Rollup {
    texts: Texts,
    pages: Sums<PageKey, PageSums>,
    breakdowns: Sums<BreakdownKey, VisitSums>,
    actions: Sums<ActionKey, ActionSums>,
    timings: Sums<TimingKey, i64>,
    events: u64,
}

/// Fewest bytes of a segment that make one more row.
const ROW_BYTES_MIN: u64 = 2;

/// Site, day, hour, page.
type PageKey = (Text, Day, Hour, Text);
/// Site, day, dimension, page, value.
type BreakdownKey = (Text, Day, Dimension, Text, Text);
/// Site, day, page, action, property with its value.
type ActionKey = (Text, Day, Text, Text, Option<(Text, Text)>);
/// Site, day, hour, page, metric, bucket.
type TimingKey = (Text, Day, Hour, Text, TimingMetric, u8);

#[derive(Default, Clone, Copy, PartialEq)]
struct VisitSums {
    pageviews: i64,
    visitors: i64,
    page_visitors: i64,
    visits: i64,
    bounces: i64,
    visit_seconds: i64,
}

#[derive(Default, Clone, Copy, PartialEq)]
struct PageSums {
    visit: VisitSums,
    exits: i64,
    engaged_ms: i64,
    engaged_views: i64,
    scroll_percent: i64,
    scroll_views: i64,
    not_found: i64,
}

#[derive(Default, Clone, Copy, PartialEq)]
struct ActionSums {
    count: i64,
    visitors: i64,
}

impl VisitSums {
    fn add(&mut self, other: &VisitSums) {
        self.pageviews += other.pageviews;
        self.visitors += other.visitors;
        self.page_visitors += other.page_visitors;
        self.visits += other.visits;
        self.bounces += other.bounces;
        self.visit_seconds += other.visit_seconds;
    }
}

impl Rollup {
    /// Adds one event, which must come from the same source as those before it.
    pub fn add(&mut self, event: &Event<'_>) {
        self.events += 1;
        let site = self.text(event.site);
        let page = self.text(event.page);
        match &event.kind {
            Kind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found } => {
                let opened = i64::from(*opens_visit);
                let sums = VisitSums {
                    pageviews: 1,
                    visitors: i64::from(*new_visitor),
                    page_visitors: i64::from(*new_page_visitor),
                    visits: opened,
                    bounces: opened,
                    visit_seconds: 0,
                };
                let row = self.page(site, event.day, event.hour, page);
                row.visit.add(&sums);
                row.exits += i64::from(*exit);
                row.not_found += i64::from(*not_found);
                self.break_down(site, event.day, page, &event.values, &sums);
            }
            Kind::Action { name, new_action_visitor, not_found, properties } => {
                self.action((site, event.day, page), *name, *new_action_visitor, properties);
                if *not_found {
                    self.page(site, event.day, event.hour, page).not_found += 1;
                }
            }
            Kind::Engagement { engaged_ms, engaged_view, scroll_percent, scroll_view } => {
                let row = self.page(site, event.day, event.hour, page);
                row.engaged_ms += i64::from(*engaged_ms);
                row.engaged_views += i64::from(*engaged_view);
                row.scroll_percent += i64::from(*scroll_percent);
                row.scroll_views += i64::from(*scroll_view);
            }
            Kind::Timing { timings } => {
                for Timing { metric, bucket } in timings {
                    *self.timings.entry((site, event.day, event.hour, page, *metric, *bucket)).or_default() += 1;
                }
            }
        }
        if let Some(entry) = &event.entry {
            self.correct_entry(site, entry);
        }
        if let Some(left) = &event.left {
            let page = self.text(left.page);
            self.page(site, left.day, left.hour, page).exits -= 1;
        }
    }

    /// Events added so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Most bytes that folding a segment of `bytes` takes. The shortest way to a new row takes nearly three bytes of a
    /// segment (a visit's entry with its thirteen values); each is kept as a sum, in a table that may be half empty or
    /// growing, is sorted beside it, and becomes a row when the table is gone.
    pub const fn bytes_max(bytes: u64) -> u64 {
        bytes / ROW_BYTES_MIN * (size_of::<(BreakdownKey, VisitSums)>() as u64 * 2 + size_of::<BreakdownsRow>() as u64)
    }

    /// Rows so far; some may yet turn out to be zero.
    pub fn rows(&self) -> usize {
        self.pages.len() + self.breakdowns.len() + self.actions.len() + self.timings.len()
    }

    /// The rows, sorted by their keys; those that came to nothing are left out. Texts are compared once, rows by the
    /// places that their texts came to: two fifths of the instructions that comparing the rows' texts took.
    pub fn finish(self, token: String) -> Batch {
        let Self { texts, pages, breakdowns, actions, timings, .. } = self;
        let places = texts.places();
        let at = |text: Text| places.get(text as usize).copied().unwrap_or_default();
        let pages = sorted(pages, |(site, day, hour, page)| (at(*site), *day, *hour, at(*page)));
        let dimensions = places_of(Dimension::ALL.map(Dimension::name));
        let breakdowns = sorted(breakdowns, |(site, day, dimension, page, value)| {
            (at(*site), dimensions.get(*dimension as usize).copied(), *day, at(*page), at(*value))
        });
        let actions = sorted(actions, |(site, day, page, action, property)| {
            (at(*site), *day, at(*action), property.map(|(name, value)| (at(name), at(value))), at(*page))
        });
        let timings = sorted(timings, |(site, day, hour, page, metric, bucket)| {
            (at(*site), *day, *hour, at(*page), metric.name(), *bucket)
        });
        Batch {
            token,
            pages: pages.filter_map(|(key, sums)| texts.page_row(key, &sums)).collect(),
            breakdowns: breakdowns.filter_map(|(key, sums)| texts.breakdown_row(key, &sums)).collect(),
            actions: actions.map(|(key, sums)| texts.action_row(key, sums)).collect(),
            timings: timings.map(|(key, count)| texts.timing_row(key, count)).collect(),
        }
    }

    fn text(&mut self, term: Term<'_>) -> Text {
        self.texts.number(term)
    }

    fn page(&mut self, site: Text, day: Day, hour: Hour, page: Text) -> &mut PageSums {
        self.pages.entry((site, day, hour, page)).or_default()
    }

    fn break_down(&mut self, site: Text, day: Day, page: Text, values: &Values<'_>, sums: &VisitSums) {
        for (dimension, value) in Dimension::ALL.into_iter().zip(values) {
            if let Some(value) = value {
                let value = self.text(*value);
                self.breakdowns.entry((site, day, dimension, page, value)).or_default().add(sums);
            }
        }
    }

    fn action(&mut self, (site, day, page): (Text, Day, Text), name: Term<'_>, new: bool, properties: &[Property<'_>]) {
        let name = self.text(name);
        let mut add = |property, new| {
            let sums: &mut ActionSums = self.actions.entry((site, day, page, name, property)).or_default();
            sums.count += 1;
            sums.visitors += i64::from(new);
        };
        add(None, new);
        for property in properties {
            let named = (self.texts.number(property.name), self.texts.number(property.value));
            add(Some(named), property.new_visitor);
        }
    }

    fn correct_entry(&mut self, site: Text, entry: &EntryCorrection<'_>) {
        let page = self.text(entry.page);
        let sums = VisitSums {
            bounces: -i64::from(entry.unbounce),
            visit_seconds: i64::from(entry.visit_seconds),
            ..VisitSums::default()
        };
        self.page(site, entry.day, entry.hour, page).visit.add(&sums);
        self.break_down(site, entry.day, page, &entry.values, &sums);
    }
}

/// The sums in the order of what `place` makes of their keys, which tells any two of them apart.
fn sorted<K, V, P: Ord>(sums: Sums<K, V>, place: impl Fn(&K) -> P) -> impl Iterator<Item = (K, V)> {
    let mut sums: Vec<(P, (K, V))> = sums.into_iter().map(|(key, sum)| (place(&key), (key, sum))).collect();
    sums.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    sums.into_iter().map(|(_, sum)| sum)
}

/// Of each text, its place among all of them in order.
fn places_of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<u32> {
    let mut sorted: Vec<(Text, T)> = (0..).zip(texts).collect();
    sorted.sort_unstable_by(|(_, a), (_, b)| a.as_ref().cmp(b.as_ref()));
    let mut places = vec![0; sorted.len()];
    for (place, (text, _)) in (0..).zip(sorted) {
        if let Some(of_text) = places.get_mut(text as usize) {
            *of_text = place;
        }
    }
    places
}

/// The texts behind the numbers.
#[derive(Default)]
struct Texts {
    by_id: Sums<u32, Text>,
    by_text: Sums<Arc<str>, Text>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    fn number(&mut self, term: Term<'_>) -> Text {
        if let Some(number) = self.by_id.get(&term.id) {
            return *number;
        }
        let number = match self.by_text.get(term.text) {
            Some(number) => *number,
            None => {
                // A segment holds some millions of texts at the most.
                let number = Text::try_from(self.texts.len()).unwrap_or(Text::MAX);
                let text: Arc<str> = term.text.into();
                self.texts.push(text.clone());
                self.by_text.insert(text, number);
                number
            }
        };
        self.by_id.insert(term.id, number);
        number
    }

    fn places(&self) -> Vec<u32> {
        places_of(&self.texts)
    }

    fn of(&self, text: Text) -> Arc<str> {
        self.texts.get(text as usize).cloned().unwrap_or_default()
    }

    fn page_row(&self, (site, day, hour, page): PageKey, sums: &PageSums) -> Option<PagesRow> {
        (*sums != PageSums::default()).then(|| PagesRow {
            site: self.of(site),
            day: day.0,
            hour: hour.0.saturating_mul(3_600),
            page: self.of(page),
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
        })
    }

    fn breakdown_row(
        &self,
        (site, day, dimension, page, value): BreakdownKey,
        sums: &VisitSums,
    ) -> Option<BreakdownsRow> {
        (*sums != VisitSums::default()).then(|| BreakdownsRow {
            site: self.of(site),
            day: day.0,
            dimension: dimension.name(),
            page: self.of(page),
            value: self.of(value),
            pageviews: sums.pageviews,
            visitors: sums.visitors,
            page_visitors: sums.page_visitors,
            visits: sums.visits,
            bounces: sums.bounces,
            visit_seconds: sums.visit_seconds,
        })
    }

    fn action_row(&self, (site, day, page, action, property): ActionKey, sums: ActionSums) -> ActionsRow {
        let (property, value) = property.map_or_else(Default::default, |(name, value)| (self.of(name), self.of(value)));
        ActionsRow {
            site: self.of(site),
            day: day.0,
            page: self.of(page),
            action: self.of(action),
            property,
            value,
            count: sums.count,
            visitors: sums.visitors,
        }
    }

    fn timing_row(&self, (site, day, hour, page, metric, bucket): TimingKey, count: i64) -> TimingsRow {
        TimingsRow {
            site: self.of(site),
            day: day.0,
            hour: hour.0.saturating_mul(3_600),
            page: self.of(page),
            metric: metric.name(),
            bucket,
            count,
        }
    }
}
