//! Batch files: encoding is lossless, damage is corrected or detected, and size is bounded.

use proptest::prelude::*;

use super::fixtures::{samples, samples_2, samples_3, samples_5};
use super::*;
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::ship::fold;
use crate::spool::batch;
use crate::spool::batch::BatchFile;
use crate::spool::batch_codec;
use crate::spool::segment::{FRAME_HEAD, HEADER, NodeName, SegmentHeader, file_name};

const NODE: NodeName = NodeName(*b"0123456789abcdef");

fn folded(events: &[Event<'_>]) -> Batch {
    let mut rollup = Rollup::default();
    events.iter().for_each(|event| rollup.add(event));
    rollup.finish(String::new())
}

/// The batch of the samples; its file is the fixture of format 4.
pub(super) fn sample() -> (Vec<u8>, Batch, NodeName) {
    let header = SegmentHeader::new(NODE, 7, Timestamp::from_second(NOW).unwrap());
    let rows = folded(&samples_5());
    (batch::write(&header, 11, &rows).unwrap(), rows, NODE)
}

#[test]
fn the_fixture_of_batch_format_1_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-1.batch"));
    let BatchFile { events, rows: got, mended, header } = batch::read(fixture, 7, NODE).unwrap().unwrap();
    assert_eq!((events, got, mended, header.created), (5, folded(&samples()), 0, NOW as u64));
}

#[test]
fn the_fixture_of_batch_format_2_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-2.batch"));
    let BatchFile { events, rows: got, mended, header } = batch::read(fixture, 7, NODE).unwrap().unwrap();
    assert_eq!((events, got, mended, header.created), (7, folded(&samples_2()), 0, NOW as u64));
}

#[test]
fn the_fixture_of_batch_format_3_is_read() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-3.batch"));
    let BatchFile { events, rows: got, mended, header } = batch::read(fixture, 7, NODE).unwrap().unwrap();
    assert_eq!((events, got, mended, header.created), (9, folded(&samples_3()), 0, NOW as u64));
}

#[test]
fn the_fixture_of_batch_format_4_is_read_and_still_written() {
    let fixture = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-4.batch"));
    let (bytes, rows, node) = sample();
    let BatchFile { events, rows: got, mended, header } = batch::read(fixture, 7, node).unwrap().unwrap();
    assert_eq!((events, got, mended, header.created), (11, rows, 0, NOW as u64));
    // Another release of the compressor may write different bytes for the same body.
    let body = |file: &[u8]| batch::body(&file[HEADER + FRAME_HEAD..]).unwrap();
    assert_eq!(body(fixture), body(&bytes), "a change of the format bumps its version and adds a fixture");
}

#[test]
fn a_spool_that_an_earlier_release_left_is_recovered() {
    let segment: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-1.seg"));
    let counters: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/spool/format-1.batch"));
    for (name, file) in [(file_name(7), segment), (batch::file_name(7), counters)] {
        let disk = FaultDisk::default();
        disk.put("node", format!("{NODE}\n").as_bytes());
        disk.put(&name, file);
        let (spool, _writer, recovery) = open(&disk);
        assert_eq!((recovery.segments + recovery.batches, recovery.quarantined_segments), (1, 0), "{name}");
        let waiting = spool.sealed()[0];
        if !waiting.folded {
            fold(&spool, &waiting).unwrap();
        }
        let kept = spool.batch(&spool.sealed()[0]).unwrap();
        assert_eq!(kept, Batch { token: spool.token(7), ..folded(&samples()) }, "{name}");
    }
}

#[test]
fn one_flipped_bit_of_a_batch_is_turned_back_wherever_it_is() {
    let (bytes, rows, node) = sample();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let kept = batch::read(&flipped, 7, node).unwrap().unwrap_or_else(|| panic!("bit {bit}"));
        assert_eq!(kept.rows, rows, "bit {bit}");
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(format in 1..5u16, body in prop::collection::vec(prop_oneof![0..6u8, any::<u8>()], 0..120)) {
        drop(batch_codec::read(&body, format));
    }
}

/// `count` views of 200 pages, a few of them popular, with values as varied as real visitors'.
fn views(count: u32, mut visit: impl FnMut(&Event<'_>)) {
    let texts: Vec<String> = (0..1_000).map(|n| format!("/journal/2026/a-page-{n}")).collect();
    let mut state = 1u64;
    let mut below = |bound: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Small numbers are frequent, as in real traffic.
        let (a, b) = ((state >> 33) as u32 % bound, (state >> 43) as u32 % bound);
        a * b / bound
    };
    for _ in 0..count {
        let mut term = |from: u32, bound: u32| {
            let id = from + below(bound);
            Term { id, text: &texts[id as usize] }
        };
        let (site, page) = (term(0, 1), term(1, 200));
        let [referrer, previous, country, region, city, device, browser] =
            [20, 200, 30, 60, 100, 3, 8].map(|bound| Some(term(if bound == 200 { 1 } else { 200 + bound }, bound)));
        let [version, system, system_version, screen, language, host] =
            [30, 6, 12, 4, 15, 1].map(|bound| Some(term(400 + 10 * bound, bound)));
        let new = term(0, 4).id == 0;
        let (referrer, previous) = if new { (referrer, None) } else { (None, previous) };
        let measured = [
            referrer,
            previous,
            country,
            region,
            city,
            device,
            browser,
            version,
            system,
            system_version,
            screen,
            language,
            host,
        ];
        let mut values = DimensionValues::default();
        values.iter_mut().zip(measured).for_each(|(value, measured)| *value = measured);
        let kind = EventKind::Pageview {
            new_visitor: new,
            new_page_visitor: true,
            opens_visit: new,
            exit: true,
            not_found: false,
            beyond: false,
        };
        let entry = (!new).then(|| EntryCorrection {
            day: Day(20_522),
            hour: Hour(492_538),
            page: term(1, 200),
            values: {
                let mut entry = values;
                entry[0] = Some(term(220, 20));
                entry[1] = None;
                entry
            },
            unbounce: term(0, 2).id == 0,
            visit_seconds: term(0, 300).id,
        });
        let left = (!new).then(|| LeftPage { day: Day(20_522), hour: Hour(492_538), page: term(1, 200) });
        visit(&Event { site, page, values, kind, entry, left, ..marked(0) });
    }
}

/// Bytes of a segment with `count` views, and of its batch.
fn sizes(count: u32) -> (u64, u64) {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    views(count, |event| drop(spool.append(event).unwrap()));
    assert!(seal(&spool, &mut writer));
    let segment = spool.sealed()[0];
    fold(&spool, &segment).unwrap();
    (segment.bytes, spool.sealed()[0].bytes)
}

#[test]
fn counters_take_less_room_than_events() {
    for (count, share) in [(1, 1), (20, 3), (200, 2), (2_000, 2), (20_000, 5)] {
        let (segment, batch) = sizes(count);
        println!("{count} views: segment {segment}, batch {batch} bytes");
        assert!(batch * share <= segment, "{count} views: {segment} to {batch} bytes");
    }
}
