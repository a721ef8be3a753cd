//! Segments of every format that was written: each is read, and the newest is still written byte for byte.

use super::format::{header, read_said, said, segment};
use super::*;
use crate::event::{Property, RobotKind, Timing, TimingMetric};
use crate::outcome::{Dropped, Outcome};
use crate::spool::reader::ReadReport;
use crate::spool::segment::{FRAME_HEAD, HEADER, SegmentHeader, checksum, file_name};

/// One event of each kind; must never change, because fixtures depend on it.
pub(super) fn samples() -> Vec<Event<'static>> {
    let mut events = vec![pageview(1000, "/pricing"), marked(6)];
    let term = |id, text| Term { id, text };
    let property = Property { name: term(201, "plan"), value: term(202, "gold"), new_visitor: true };
    let mut action = marked(0);
    action.kind = EventKind::Action {
        name: term(200, "Signup"),
        new_action_visitor: true,
        not_found: false,
        properties: vec![property, Property { new_visitor: false, ..property }],
    };
    let mut timing = pageview(1000, "/pricing");
    timing.kind = EventKind::Timing {
        timings: vec![
            Timing { metric: TimingMetric::Ttfb, bucket: 27 },
            Timing { metric: TimingMetric::Load, bucket: 80 },
        ],
    };
    timing.entry = None;
    timing.left = Some(LeftPage { day: Day(20_521), hour: Hour(492_520), page: term(117, "/about") });
    let mut night = pageview(1000, "/pricing");
    night.day = Day(20_523);
    night.hour = Hour(492_551);
    events.extend([action, timing, night]);
    events
}

/// The samples with a visit from a campaign; must never change either.
pub(super) fn samples_2() -> Vec<Event<'static>> {
    let mut events = samples();
    let mut come = pageview(1000, "/pricing");
    let texts = ["Google", "Paid Search", "google", "cpc", "spring", "red shoes", "banner"];
    for (value, (id, text)) in come.values.iter_mut().skip(13).zip((300..).zip(texts)) {
        *value = Some(Term { id, text });
    }
    come.entry = None;
    come.left = None;
    let mut next = pageview(1000, "/pricing");
    next.entry.as_mut().unwrap().values = come.values;
    events.extend([come, next]);
    events
}

/// The same, and hits that are not a visitor's; never changed either.
pub(super) fn samples_3() -> Vec<Event<'static>> {
    let mut events = samples_2();
    let tally = |kind| Event {
        values: DimensionValues::default(),
        entry: None,
        left: None,
        kind,
        ..pageview(1000, "/pricing")
    };
    events.push(tally(EventKind::Robots { kind: RobotKind::AiCrawler, hits: 300 }));
    let mut outcomes = tally(EventKind::Outcomes { outcome: Outcome::Dropped(Dropped::Bot), hits: 70_000 });
    outcomes.page = outcomes.site;
    events.push(outcomes);
    events
}

/// The same, and a visit with the model of its device; never changed either.
pub(super) fn samples_5() -> Vec<Event<'static>> {
    let mut events = samples_3();
    let mut modelled = events[5].clone();
    *modelled.values.last_mut().unwrap() = Some(Term { id: 400, text: "Google Pixel 8" });
    let mut next = events[6].clone();
    next.entry.as_mut().unwrap().values = modelled.values;
    events.extend([modelled, next]);
    events
}

#[test]
fn the_fixture_of_format_1_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-1.seg"));
    let (got, report) = read_said(fixture);
    assert_eq!(got, samples().iter().map(said).collect::<Vec<_>>());
    assert_eq!(report, Some(ReadReport { events: 5, ..ReadReport::default() }));
}

#[test]
fn the_fixture_of_format_2_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-2.seg"));
    let (got, report) = read_said(fixture);
    assert_eq!(got, samples_2().iter().map(said).collect::<Vec<_>>());
    assert_eq!(report, Some(ReadReport { events: 7, ..ReadReport::default() }));
}

#[test]
fn the_fixture_of_format_3_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-3.seg"));
    let (got, report) = read_said(fixture);
    assert_eq!(got, samples_2().iter().map(said).collect::<Vec<_>>());
    assert_eq!(report.map(|report| (report.events, report.damaged)), Some((7, 0)));
}

#[test]
fn the_fixture_of_format_4_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-4.seg"));
    let (got, report) = read_said(fixture);
    assert_eq!(got, samples_3().iter().map(said).collect::<Vec<_>>());
    assert_eq!(report.map(|report| (report.events, report.damaged)), Some((9, 0)));
}

#[test]
fn the_fixture_of_format_5_is_read_and_still_written() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-5.seg"));
    let (got, report) = read_said(fixture);
    assert_eq!(got, samples_5().iter().map(said).collect::<Vec<_>>());
    let used = segment(samples_5());
    let free_bytes = (fixture.len() - used.len()) as u64;
    assert_eq!(report, Some(ReadReport { events: 11, free_bytes, ..ReadReport::default() }));
    assert_eq!(fixture[..used.len()], used, "a change of the format bumps its version and adds a fixture");
    let disk = FaultDisk::default();
    disk.put("node", format!("{}\n", header().node).as_bytes());
    disk.put(&file_name(6), &SegmentHeader { number: 6, ..header() }.bytes());
    let (spool, mut writer, _) = open(&disk);
    samples_5().iter().for_each(|event| drop(spool.append(event).unwrap()));
    writer.turn();
    assert_eq!(disk.bytes(&file_name(7)), fixture);
}

#[test]
fn a_segment_of_format_3_holds_no_hits_of_robots_and_one_of_format_4_no_device_models() {
    for (version, event) in [(3, samples_3().pop().unwrap()), (4, samples_5()[9].clone()), (4, samples_5()[10].clone())]
    {
        let (events, report) = read_as(version, event);
        assert_eq!((events, report.map(|report| report.damaged)), (0, Some(1)), "format {version}");
    }
}

/// Number of events that a segment of this version with this event's frame gives.
fn read_as(version: u16, event: Event<'_>) -> (usize, Option<ReadReport>) {
    let old = SegmentHeader { version, ..header() };
    let frame = segment([event]).split_off(HEADER);
    let payload = &frame[FRAME_HEAD..];
    let mut bytes = old.bytes();
    let length = payload.len() as u32;
    bytes.extend(length.to_le_bytes());
    bytes.extend(checksum(old.seed(), HEADER as u64, length, payload).to_le_bytes());
    bytes.extend(payload);
    let (got, report) = read_said(&bytes);
    (got.len(), report)
}

#[test]
fn absent_dimension_values_take_no_room_in_a_payload() {
    let without = segment([pageview(1000, "/pricing")]).len();
    let old = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-1.seg"));
    let first = HEADER + FRAME_HEAD + u32::from_le_bytes(*old[HEADER..].first_chunk().unwrap()) as usize;
    assert!(without <= first, "{without} bytes, {first} in format 1");
}
