//! What leaves is made of rounded sums and of nothing else: one person more or less, within a rounding, changes no
//! answer by a byte; and on random figures every answer is what a plain model makes of rounded sums alone.

use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sillage::event::Dimension;
use sillage::rollup::counters::{Batch, TimingsRow};
use sillage::store::report::{Filter, Grain, Operator, ROWS_MAX, Report, Role, Subject};
use sillage::store::reports::{ReportRow, Reports};

use crate::query::{DAY, TEN, action, breakdown, page, store};

const PAGES: [&str; 4] = ["/", "/a", "/ab", "/b"];
const ROUNDING: i64 = 10;

fn report(subject: Subject) -> Report {
    Report {
        site: "shop.example".into(),
        from: date(2026, 3, 10),
        to: date(2026, 3, 11),
        timezone: "UTC".into(),
        grain: Grain::Whole,
        subject,
        by_page: false,
        by_value: false,
        page: None,
        value: None,
        order: Vec::new(),
        limit: ROWS_MAX,
        offset: 0,
    }
}

fn filters() -> Vec<Option<Filter>> {
    let filter = |operator, values: &[&str]| {
        Some(Filter { operator, values: values.iter().map(|value| (*value).to_owned()).collect() })
    };
    vec![
        None,
        filter(Operator::Is, &["/a", "/b"]),
        filter(Operator::IsNot, &["/a"]),
        filter(Operator::Contains, &["a"]),
        filter(Operator::Matches, &["^/a$", "^/b"]),
    ]
}

/// Every question that the tests ask: subjects, periods, with pages apart or filtered.
fn questions() -> Vec<Report> {
    let action = |property: &str| Subject::Actions { property: Some(property.into()), action: None };
    let subjects = [
        Subject::Pages(Role::Viewed),
        Subject::Pages(Role::Entry),
        Subject::Pages(Role::Exit),
        Subject::Breakdown(Dimension::Country),
        Subject::Breakdown(Dimension::Referrer),
        Subject::Actions { property: None, action: None },
        action("plan"),
        Subject::Timings,
    ];
    let mut questions = Vec::new();
    for subject in subjects {
        for page in filters() {
            for (grain, apart) in [(Grain::Whole, false), (Grain::Whole, true), (Grain::Day, false)] {
                let whole = report(subject.clone());
                let by_value = apart && !matches!(subject, Subject::Pages(_) | Subject::Timings);
                questions.push(Report { grain, by_page: apart, by_value, page: page.clone(), ..whole });
            }
        }
    }
    questions
}

/// One visitor's day on `/a`, who came, read and left, in all tables.
fn person() -> Batch {
    Batch {
        token: "person".into(),
        origin: "".into(),
        pages: vec![page("shop.example", TEN, "/a", [1, 1, 1, 1, 1, 1, 40, 20_000, 1, 60, 1, 0])],
        breakdowns: vec![
            breakdown("country", "/a", "FR", [1, 1, 1, 1, 1, 40]),
            breakdown("referrer", "/a", "(direct)", [1, 1, 1, 1, 1, 40]),
        ],
        actions: vec![action("", "", 1, 1), action("plan", "pro", 1, 1)],
        timings: vec![timing(30, 1)],
    }
}

fn timing(bucket: u8, count: i64) -> TimingsRow {
    let (site, page, day) = ("shop.example".into(), "/a".into(), DAY.0);
    TimingsRow { site, day, hour: TEN, page, metric: "lcp", bucket, count }
}

/// Everything that a reader can be told about the questions above, as text.
async fn answers(batches: &[&Batch]) -> String {
    let store = store(10, batches[0]).await;
    for more in &batches[1..] {
        store.insert(more).await.unwrap();
    }
    let reports = Reports::new(store.clone());
    let mut text = String::new();
    for question in questions() {
        let rows = reports.rows(&question).await.unwrap();
        text.push_str(&format!("{question:?}\n{} {rows:?}\n", reports.total(&question).await.unwrap()));
    }
    text
}

#[tokio::test]
async fn one_person_more_changes_no_answer_by_a_byte() {
    let sums = [60, 50, 60, 60, 60, 30, 6_000, 1_200_000, 60, 3_000, 60, 0];
    let of_value = [60, 50, 60, 60, 30, 6_000];
    let others = Batch {
        token: "others".into(),
        origin: "".into(),
        pages: ["/", "/a", "/b"].map(|path| page("shop.example", TEN, path, sums)).to_vec(),
        breakdowns: vec![
            breakdown("country", "/a", "FR", of_value),
            breakdown("country", "/b", "DE", of_value),
            breakdown("referrer", "/a", "(direct)", of_value),
        ],
        actions: vec![action("", "", 60, 40), action("plan", "pro", 60, 40)],
        timings: vec![timing(20, 30), timing(30, 20), timing(44, 10)],
    };
    let without = answers(&[&others]).await;
    assert!(without.contains("bounce_rate: Some(50)") && without.contains("time_on_page: Some(20)"), "{without}");
    assert!(without.contains("p50: Some(32), p75: Some(181), p95: Some(2048)"));
    assert!(without.contains("scroll_depth: Some(50)") && without.contains("visit_duration: Some(100)"));
    let with = answers(&[&others, &person()]).await;
    assert_eq!(without, with);
}

/// What a model may know of one row: rounded sums.
#[derive(Debug, Default, Clone, Copy)]
struct Rounded([i64; 12]);

const PAGEVIEWS: usize = 0;
const VISITORS: usize = 1;
const PAGE_VISITORS: usize = 2;
const VISITS: usize = 3;
const EXITS: usize = 4;
const BOUNCES: usize = 5;
const SECONDS: usize = 6;
const ENGAGED_MS: usize = 7;
const ENGAGED_VIEWS: usize = 8;
const SCROLL: usize = 9;
const SCROLL_VIEWS: usize = 10;

impl Rounded {
    fn of(sums: [i64; 12]) -> Self {
        let steps = [1, 1, 1, 1, 1, 1, 60, 60_000, 1, 100, 1, 1].map(|step| step * ROUNDING);
        Self(std::array::from_fn(|at| (sums[at] + steps[at] / 2) / steps[at] * steps[at]))
    }

    /// Above over below, a multiple of it, to the nearest whole.
    fn rate(&self, above: usize, below: usize, (times, over): (i64, i64)) -> Option<i64> {
        let (above, below) = (self.0[above] * times, self.0[below] * over);
        (below / over >= 5 * ROUNDING).then(|| (2 * above + below) / (2 * below))
    }

    /// The figures of a row of pages; nothing when all rounds to nothing.
    fn row(&self, time: &str, path: &str, role: Role, whole_site: bool) -> Option<ReportRow> {
        let viewed = role == Role::Viewed;
        let visitors = self.0[if whole_site { VISITORS } else { PAGE_VISITORS }];
        let visits = self.0[if role == Role::Exit { EXITS } else { VISITS }];
        let rate = |allowed: bool, above, below, factor| self.rate(above, below, factor).filter(|_| allowed);
        let views = self.0[PAGEVIEWS] as f64 / self.0[VISITS] as f64;
        let shown = visits > 0 || (viewed && (self.0[PAGEVIEWS] > 0 || visitors > 0));
        shown.then(|| ReportRow {
            time: time.into(),
            page: path.into(),
            visitors: viewed.then_some(visitors),
            pageviews: viewed.then_some(self.0[PAGEVIEWS]),
            visits: Some(visits),
            views_per_visit: (viewed && whole_site && visits >= 5 * ROUNDING)
                .then(|| (views * 10.0 + 0.5).floor() / 10.0),
            bounce_rate: rate(role != Role::Exit, BOUNCES, VISITS, (100, 1)),
            visit_duration: rate(role != Role::Exit, SECONDS, VISITS, (1, 1)),
            time_on_page: rate(viewed, ENGAGED_MS, ENGAGED_VIEWS, (1, 1_000)),
            scroll_depth: rate(viewed, SCROLL, SCROLL_VIEWS, (1, 1)),
            ..ReportRow::default()
        })
    }
}

/// Figures of every page on two days, as a site may have them.
fn figures() -> impl Strategy<Value = Vec<[[i64; 12]; 4]>> {
    let of_page =
        (0..40i64, 0..60i64, 0..400i64, 0..100i64, 0..5_000i64).prop_map(|(visits, more, seconds, depth, ms)| {
            let views = visits + more;
            let bounces = visits * depth / 100;
            [
                views,
                visits,
                views - more / 2,
                visits,
                visits,
                bounces,
                visits * seconds,
                views * ms,
                views,
                views * depth,
                views,
                0,
            ]
        });
    prop::collection::vec(prop::array::uniform4(of_page), 2)
}

fn lets_through(filter: Option<&Filter>, path: &str) -> bool {
    let Some(Filter { operator, values }) = filter else { return true };
    match operator {
        Operator::Is => values.iter().any(|value| value == path),
        Operator::IsNot => values.iter().all(|value| value != path),
        Operator::Contains => values.iter().any(|value| path.contains(value.as_str())),
        Operator::Matches => path == "/a" || path.starts_with("/b"),
    }
}

#[tokio::test]
async fn on_random_figures_every_answer_is_made_of_rounded_sums() {
    let mut runner = TestRunner::deterministic();
    for round in 0..3 {
        let figures = figures().new_tree(&mut runner).unwrap().current();
        let row = |day: u16, at: usize| {
            let mut row = page("shop.example", TEN, PAGES[at], figures[usize::from(day)][at]);
            row.day += day;
            row
        };
        let rows = [0, 1].into_iter().flat_map(|day| (0..PAGES.len()).map(move |at| (day, at)));
        let pages = rows.map(|(day, at)| row(day, at)).collect();
        let store = store(10, &Batch { token: format!("{round}"), pages, ..Batch::default() }).await;
        let reports = Reports::new(store);
        for question in questions() {
            let Subject::Pages(role) = question.subject else { continue };
            let mut sums: BTreeMap<(&str, &str), [i64; 12]> = BTreeMap::new();
            for (day, name) in figures.iter().zip(["2026-03-10", "2026-03-11"]) {
                for (path, figures) in
                    PAGES.into_iter().zip(day).filter(|(path, _)| lets_through(question.page.as_ref(), path))
                {
                    let time = if question.grain == Grain::Day { name } else { "" };
                    let sum = sums.entry((time, if question.by_page { path } else { "" })).or_default();
                    sum.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
                }
            }
            let whole_site = !question.by_page && question.page.is_none();
            let expected: Vec<_> = sums
                .into_iter()
                .filter_map(|((time, path), sums)| Rounded::of(sums).row(time, path, role, whole_site))
                .collect();
            let told = reports.rows(&question).await.unwrap();
            assert_eq!(told, expected, "{question:?}");
            for count in told.iter().flat_map(|row| [row.visitors, row.pageviews, row.visits]).flatten() {
                assert_eq!(count % ROUNDING, 0, "{question:?}");
            }
        }
    }
}
