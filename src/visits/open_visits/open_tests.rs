//! Open visits compared with a plain map and a queue.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use crate::clock::DAY_SECONDS;
use crate::visits::open_visits::*;

const DAY: Day = Day(20_522);

/// Reference implementation: a map and a queue.
#[derive(Default)]
struct Model {
    open: HashMap<u64, Visit>,
    expiring: VecDeque<(i64, u64)>,
}

impl Model {
    fn begin(&mut self, tag: u64, visit: Visit) {
        if self.open.insert(tag, visit).is_none() {
            self.expiring.push_back((visit.last_seen, tag));
        }
    }

    fn expire(&mut self, now: i64) {
        while let Some(&(looked_at, tag)) = self.expiring.front() {
            if looked_at + VISIT_GAP_SECONDS >= now {
                break;
            }
            self.expiring.pop_front();
            match self.open.get(&tag) {
                Some(visit) if visit.continues(now) => self.expiring.push_back((visit.last_seen, tag)),
                Some(_) => drop(self.open.remove(&tag)),
                None => {}
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Begin(u64, View, bool),
    GoOn(u64, View, Option<u8>),
    Take(u64),
    Expire,
}

/// A small set of tags, many of which share one half.
fn tag() -> impl Strategy<Value = u64> {
    (0..40u64, 0..5u64).prop_map(|(upper, lower)| crate::mix::mix(upper) >> 32 << 32 | lower)
}

fn view() -> impl Strategy<Value = View> {
    let day = prop_oneof![5 => Just(0u16), 1 => Just(1), 1 => 0..255u16];
    (day, any::<u32>(), 0..100u32, any::<bool>(), prop::option::of(0..=100u8)).prop_map(
        |(before, page, hour, timed, scrolled)| View {
            day: Day(DAY.0 - before),
            hour: Hour((u32::from(DAY.0 - before) + 1) * 24 - hour % 40),
            page,
            timed,
            scrolled,
        },
    )
}

fn visit(entry: View, at: i64, has_marketing: bool) -> Visit {
    let mut entry_values = [0; DIMENSIONS];
    for (number, value) in (1..).zip(&mut entry_values) {
        *value = number * 3_001 + u16::try_from(at % 100).unwrap();
    }
    if !has_marketing {
        entry_values[PLAIN..].fill(0);
    }
    let entry = View { timed: false, scrolled: None, ..entry };
    let weight = VisitWeight::of_one_view();
    Visit { entry, entry_values, last_seen: at, bounce: true, current: entry, previous: None, weight }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn they_are_those_of_a_plain_map_and_a_queue(
        steps in prop::collection::vec(
            (prop_oneof![
                6 => (tag(), view(), any::<bool>()).prop_map(|(tag, view, all)| Step::Begin(tag, view, all)),
                8 => (tag(), view(), prop::option::of(0..=100u8)).prop_map(|(tag, view, depth)| Step::GoOn(tag, view, depth)),
                1 => tag().prop_map(Step::Take),
                2 => Just(Step::Expire),
            ], prop::sample::select(vec![0i64, 1, 20, 200, 1_500, 1_801])),
            1..2_500,
        )
    ) {
        let (mut open, mut model) = (OpenVisits::new(DAY), Model::default());
        let mut now = i64::from(DAY.0) * DAY_SECONDS - 50_000;
        for (step, later) in steps {
            now += later;
            match step {
                Step::Begin(tag, view, all) => {
                    let visit = visit(view, now, all);
                    open.begin(tag, &visit);
                    model.begin(tag, visit);
                }
                Step::GoOn(tag, view, depth) => {
                    let known = model.open.get_mut(&tag);
                    prop_assert_eq!(open.find(tag).map(|(_, visit)| visit), known.as_deref().copied());
                    if let (Some((number, mut visit)), Some(known)) = (open.find(tag), known) {
                        visit.previous = Some(View { scrolled: visit.current.scrolled.max(depth), ..visit.current });
                        visit.current = view;
                        visit.bounce = depth.is_none();
                        visit.weight = VisitWeight(visit.weight.0.wrapping_mul(0x9e37_79b9));
                        visit.last_seen = visit.last_seen.max(now);
                        open.go_on(number, &visit);
                        *known = visit;
                    }
                }
                Step::Take(tag) => {
                    open.take(tag);
                    model.open.remove(&tag);
                }
                Step::Expire => {
                    open.expire(now);
                    model.expire(now);
                }
            }
            prop_assert_eq!(open.len(), model.open.len());
        }
        let kept: HashMap<u64, Visit> = open.iter().collect();
        prop_assert_eq!(&kept, &model.open);
        let mut bytes = Vec::new();
        open.numbers().for_each(|number| open.put(number, &mut bytes));
        let mut recalled = OpenVisits::new(DAY);
        recalled.recall(&bytes);
        prop_assert_eq!(&recalled.iter().collect::<HashMap<u64, Visit>>(), &model.open);
        now += 2 * VISIT_GAP_SECONDS;
        open.expire(now);
        prop_assert_eq!((open.len(), open.iter().count()), (0, 0));
        let records: usize = open.chunks.iter().map(Vec::len).sum();
        let mut free = 0;
        while let Some(record) = open.at(open.free) {
            (free, open.free) = (free + 1, record.next);
        }
        prop_assert_eq!(free, records, "every record is free again");
    }
}

#[test]
fn a_visit_that_goes_on_for_longer_than_can_be_told_is_let_go() {
    let view = |before: u16| View::new(Day(DAY.0 - before), Hour(u32::from(DAY.0 - before) * 24), 1);
    let at = i64::from(DAY.0) * DAY_SECONDS;
    let mut open = OpenVisits::new(DAY);
    open.begin(1, &visit(view(255), at, false));
    open.begin(2, &visit(view(256), at, false));
    assert_eq!((open.find(1).map(|(_, visit)| visit.entry), open.find(2).is_some()), (Some(view(255)), false));
}

#[test]
fn a_record_has_72_bytes_and_a_handful_of_visits_a_handful_of_records() {
    assert_eq!(size_of::<VisitRecord>(), 72);
    let mut open = OpenVisits::new(DAY);
    let at = i64::from(DAY.0) * DAY_SECONDS;
    (0..3u64).for_each(|tag| open.begin(tag, &visit(View::new(DAY, Hour(u32::from(DAY.0) * 24), 1), at, false)));
    assert_eq!((open.chunks.len(), open.chunks[0].capacity()), (1, 4));
    assert_eq!(open.marketing.len(), 0);
}

/// 72 of its record, some 10 of its entry in the index, and some 10 for each of its tags: of itself and of its pages.
#[test]
fn a_visitor_of_three_pages_takes_124_bytes_while_it_is_there_and_40_for_the_rest_of_the_day() {
    let (mut open, mut seen) = (OpenVisits::new(DAY), TagSet::default());
    let at = i64::from(DAY.0) * DAY_SECONDS;
    let visit = visit(View::new(DAY, Hour(u32::from(DAY.0) * 24), 1), at, false);
    let mut worst = (0, 0);
    for number in 1..=150_000u32 {
        let tag = |page: u32| crate::mix::mix(u64::from(number) << 8 | u64::from(page));
        open.begin(tag(0), &visit);
        (0..4).for_each(|page| assert!(seen.insert(tag(page))));
        if number > 100_000 && number % 5_000 == 0 {
            let each = |bytes: usize| bytes / number as usize;
            worst = worst.max((each(open.bytes() + seen.bytes()), each(seen.bytes())));
        }
    }
    assert!(worst.0 <= 126 && worst.1 <= 43, "{worst:?}");
}
