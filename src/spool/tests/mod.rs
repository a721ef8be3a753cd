//! Guarantees of the spool, tested on a fault-injecting disk.
#![allow(clippy::cast_possible_truncation, reason = "the numbers of these tests are small")]

mod batch;
mod commit;
mod crash;
mod ends;
mod fixtures;
mod fold;
mod format;
mod real;
mod rolled;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::fault::FaultDisk;
use super::writer::Writer;
use super::{Receipt, Unavailable};
use super::{Recovery, Spool};
use crate::clock::{Clock, ManualClock};
use crate::event::{Day, Dimension, DimensionValues, EntryCorrection, Event, EventKind, Hour, LeftPage, Term};

const NOW: i64 = 1_773_136_800; // 2026-03-10T10:00:00Z
const PAGES: [&str; 8] = ["/", "/pricing", "/docs", "/docs/a", "/docs/b", "/blog", "/blog/été", "/about"];

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(Timestamp::from_second(NOW).unwrap()))
}

/// A spool whose writer takes its turns when the test calls it.
fn open(disk: &FaultDisk) -> (Spool, Writer, Recovery) {
    open_within(disk, u64::MAX)
}

fn open_within(disk: &FaultDisk, bytes_max: u64) -> (Spool, Writer, Recovery) {
    Spool::prepare(bytes_max, Arc::new(disk.clone()), clock()).unwrap()
}

/// An event identified by its number, which also decides its page.
fn marked(number: u32) -> Event<'static> {
    let page = number % 8;
    Event {
        site: Term { id: 100, text: "shop.example" },
        day: Day(20_522),
        hour: Hour(492_538),
        page: Term { id: 110 + page, text: PAGES[page as usize] },
        values: DimensionValues::default(),
        kind: EventKind::Engagement { engaged_ms: number, engaged_view: true, scroll_percent: 80, scroll_view: false },
        entry: None,
        left: None,
    }
}

fn mark(event: &Event<'_>) -> u32 {
    let EventKind::Engagement { engaged_ms, .. } = event.kind else { panic!("not a marked event") };
    assert_eq!(event.page.text, PAGES[engaged_ms as usize % 8], "a text was taken for another");
    assert_eq!(event.site.text, "shop.example");
    engaged_ms
}

/// A pageview on a busy site that leaves its visit's entry page. `page` is at least 1000.
fn pageview(page: u32, text: &str) -> Event<'_> {
    let mut values = DimensionValues::default();
    let texts =
        ["FR", "Île-de-France", "Paris", "mobile", "Firefox", "140", "Android", "15", "md", "fr", "shop.example"];
    for (value, (id, text)) in values.iter_mut().skip(2).zip((10..).zip(texts)) {
        *value = Some(Term { id, text });
    }
    let mut entry = values;
    entry[Dimension::Referrer as usize] = Some(Term { id: 9, text: "news.example" });
    values[Dimension::PreviousPage as usize] = Some(Term { id: 21, text: "/before" });
    let left = Term { id: 21, text: "/before" };
    Event {
        site: Term { id: 100, text: "shop.example" },
        day: Day(20_522),
        hour: Hour(492_538),
        page: Term { id: page, text },
        values,
        kind: EventKind::Pageview {
            new_visitor: false,
            new_page_visitor: true,
            opens_visit: false,
            exit: true,
            not_found: false,
            beyond: false,
        },
        entry: Some(EntryCorrection {
            day: Day(20_522),
            hour: Hour(492_537),
            page: Term { id: 110, text: "/" },
            values: entry,
            unbounce: true,
            visit_seconds: 340,
        }),
        left: Some(LeftPage { day: Day(20_522), hour: Hour(492_538), page: left }),
    }
}

fn settled(receipt: &mut Receipt) -> Option<Result<(), Unavailable>> {
    match Pin::new(receipt).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => None,
        Poll::Ready(result) => Some(result.map(|_| ())),
    }
}

/// Seals the open segment unless the disk fails.
fn seal(spool: &Spool, writer: &mut Writer) -> bool {
    match spool.end_segment() {
        Err(Unavailable) => false,
        Ok(None) => true,
        Ok(Some(mut sealed)) => {
            writer.turn();
            settled(&mut sealed) == Some(Ok(()))
        }
    }
}

/// Marks of all sealed events, in order.
fn marks(spool: &Spool) -> Vec<u32> {
    let mut marks = Vec::new();
    for segment in spool.sealed() {
        let report = spool.read(&segment).unwrap().for_each(|event| marks.push(mark(event))).unwrap();
        assert_eq!(report.events, segment.events);
    }
    marks
}
