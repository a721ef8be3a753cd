//! Segment bytes: encoding is lossless, and damage is corrected or detected, never misread.

use proptest::prelude::*;

use super::*;
use crate::event::{Property, RobotKind, Timing, TimingMetric};
use crate::outcome::Outcome;
use crate::spool::disk::Disk;
use crate::spool::fault::{DiskOp, FaultDisk};
use crate::spool::reader::{ReadReport, SegmentReader};
use crate::spool::segment::{
    FRAME_HEAD, HEADER, NodeName, PAYLOAD_MAX, SegmentEncoder, SegmentHeader, SegmentPiece, SegmentPieces, file_name,
};
use crate::spool::{SpoolError, recover};

pub(super) fn header() -> SegmentHeader {
    SegmentHeader::new(NodeName(*b"0123456789abcdef"), 7, Timestamp::from_second(NOW).unwrap())
}

pub(super) fn segment<'a>(events: impl IntoIterator<Item = Event<'a>>) -> Vec<u8> {
    let mut encoder = SegmentEncoder::new(header());
    let mut bytes = header().bytes();
    for event in events {
        assert!(encoder.append(&event, &mut bytes));
        assert_eq!(encoder.position, bytes.len() as u64);
    }
    bytes
}

pub(super) fn read(bytes: &[u8], visit: impl FnMut(&Event<'_>)) -> Option<ReadReport> {
    let disk: Arc<dyn Disk> = Arc::new(FaultDisk::default());
    let header = SegmentHeader::read(bytes)?;
    Some(SegmentReader { header, bytes: bytes.to_vec(), disk }.for_each(visit).unwrap())
}

/// All content of an event as text, without term ids, which depend on the source.
pub(super) fn said(event: &Event<'_>) -> String {
    let parts: Vec<String> = format!("{event:?}")
        .split("Term { id: ")
        .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
        .collect();
    parts.join("")
}

pub(super) fn read_said(bytes: &[u8]) -> (Vec<String>, Option<ReadReport>) {
    let mut events = Vec::new();
    let report = read(bytes, |event| events.push(said(event)));
    (events, report)
}

/// Numbers from which a random event is built.
pub(super) struct Dice<'a>(pub(super) std::slice::Iter<'a, u32>);

impl Dice<'_> {
    fn roll(&mut self) -> u32 {
        self.0.next().copied().unwrap_or(0)
    }

    fn flag(&mut self) -> bool {
        self.roll() % 2 == 1
    }

    fn term<'a>(&mut self, texts: &'a [String]) -> Term<'a> {
        let index = self.roll() as usize % texts.len();
        Term { id: index as u32, text: &texts[index] }
    }

    fn time(&mut self) -> (Day, Hour) {
        let hours = [0, 492_537, 492_538, 492_539, u32::MAX, self.roll()];
        (Day([0, 20_521, 20_522, u16::MAX][self.roll() as usize % 4]), Hour(hours[self.roll() as usize % 6]))
    }

    fn values<'a>(&mut self, texts: &'a [String]) -> DimensionValues<'a> {
        std::array::from_fn(|_| self.flag().then(|| self.term(texts)))
    }

    fn kind<'a>(&mut self, texts: &'a [String]) -> EventKind<'a> {
        match self.roll() % 6 {
            0 => EventKind::Pageview {
                new_visitor: self.flag(),
                new_page_visitor: self.flag(),
                opens_visit: self.flag(),
                exit: self.flag(),
                not_found: self.flag(),
                beyond: self.flag(),
            },
            1 => EventKind::Action {
                name: self.term(texts),
                new_action_visitor: self.flag(),
                not_found: self.flag(),
                properties: (0..self.roll() % 4)
                    .map(|_| Property { name: self.term(texts), value: self.term(texts), new_visitor: self.flag() })
                    .collect(),
            },
            2 => EventKind::Engagement {
                engaged_ms: self.roll(),
                engaged_view: self.flag(),
                scroll_percent: (self.roll() % 101) as u8,
                scroll_view: self.flag(),
            },
            3 => EventKind::Robots {
                kind: RobotKind::ALL[self.roll() as usize % RobotKind::ALL.len()],
                hits: self.roll(),
            },
            4 => EventKind::Outcomes {
                outcome: Outcome::ALL[self.roll() as usize % Outcome::ALL.len()],
                hits: self.roll(),
            },
            _ => EventKind::Timing {
                timings: (0..self.roll() % 8)
                    .map(|_| Timing {
                        metric: TimingMetric::ALL[self.roll() as usize % 7],
                        bucket: (self.roll() % 81) as u8,
                    })
                    .collect(),
            },
        }
    }

    pub(super) fn event<'a>(&mut self, texts: &'a [String]) -> Event<'a> {
        let (day, hour) = self.time();
        let (entry_day, entry_hour) = if self.flag() { (day, hour) } else { self.time() };
        let (left_day, left_hour) = if self.flag() { (day, hour) } else { self.time() };
        let values = self.values(texts);
        Event {
            site: self.term(texts),
            day,
            hour,
            page: self.term(texts),
            kind: self.kind(texts),
            entry: self.flag().then(|| EntryCorrection {
                day: entry_day,
                hour: entry_hour,
                page: self.term(texts),
                values: if self.flag() { values } else { self.values(texts) },
                unbounce: self.flag(),
                visit_seconds: self.roll(),
            }),
            left: self.flag().then(|| LeftPage { day: left_day, hour: left_hour, page: self.term(texts) }),
            values,
        }
    }
}

pub(super) fn dice() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![0..64u32, any::<u32>()], 0..90)
}

proptest! {
    #[test]
    fn every_event_comes_back_as_it_was(
        texts in prop::collection::vec(".{0,40}", 1..30),
        rolls in prop::collection::vec(dice(), 0..12),
    ) {
        let events: Vec<Event<'_>> = rolls.iter().map(|rolls| Dice(rolls.iter()).event(&texts)).collect();
        let wanted: Vec<String> = events.iter().map(said).collect();
        let (got, report) = read_said(&segment(events));
        prop_assert_eq!(&got, &wanted);
        let due = ReadReport { events: wanted.len() as u64, ..ReadReport::default() };
        prop_assert_eq!(report, Some(due));
    }

    #[test]
    fn no_payload_makes_the_reader_panic(payload in prop::collection::vec(any::<u8>(), 1..200), good in any::<bool>()) {
        let mut bytes = segment([pageview(1000, "/pricing"), marked(1)]);
        let start = bytes.len();
        bytes.extend(framed(&payload, start));
        if !good {
            bytes.extend(&payload);
        }
        let (events, report) = read_said(&bytes);
        prop_assert!(events.len() >= 2);
        prop_assert!(report.is_some());
    }

    #[test]
    fn two_flipped_bits_are_never_misread(first in 0..4096usize, second in 0..4096usize) {
        let events: Vec<Event<'_>> = (0..6).map(|n| pageview(1000 + n, "/pricing")).chain((0..6).map(marked)).collect();
        let wanted: Vec<String> = events.iter().map(said).collect();
        let mut bytes = segment(events);
        let bits = bytes.len() * 8;
        for bit in [first % bits, second % bits] {
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let (got, _) = read_said(&bytes);
        let mut rest = wanted.iter();
        prop_assert!(got.iter().all(|event| rest.any(|wanted| wanted == event)), "an event that was never written");
    }
}

/// A frame with a valid checksum around any payload.
fn framed(payload: &[u8], position: usize) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new_with_initial(header().seed());
    hasher.update(&(position as u64).to_le_bytes());
    hasher.update(&length);
    hasher.update(payload);
    [&length, &hasher.finalize().to_le_bytes(), payload].concat()
}

#[test]
fn a_pageview_with_known_texts_takes_at_most_60_bytes() {
    let pages: Vec<String> = (0..3000).map(|n| format!("/products/{n}")).collect();
    let mut encoder = SegmentEncoder::new(header());
    let mut bytes = Vec::new();
    for (id, page) in (1000..).zip(&pages) {
        assert!(encoder.append(&pageview(id, page), &mut bytes));
    }
    bytes.clear();
    assert!(encoder.append(&pageview(3998, "/products/2998"), &mut bytes));
    assert!(bytes.len() <= 60, "{} bytes", bytes.len());
}

#[test]
fn every_single_flipped_bit_is_mended() {
    let events: Vec<Event<'_>> = [pageview(1000, "/pricing")].into_iter().chain((0..5).map(marked)).collect();
    let wanted: Vec<String> = events.iter().map(said).collect();
    let good = segment(events);
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (got, report) = read_said(&bytes);
        assert_eq!(got, wanted, "bit {bit}");
        let mended = u64::from(bit >= HEADER * 8);
        assert_eq!(report, Some(ReadReport { events: 6, mended, ..ReadReport::default() }), "bit {bit}");
    }
}

#[test]
fn a_frame_in_another_place_or_segment_is_not_believed() {
    let bytes = segment([marked(1), marked(1)]);
    let other = SegmentHeader { number: 8, ..header() };
    let moved = [other.bytes(), bytes[HEADER..].to_vec()].concat();
    assert_eq!(read(&moved, |_| panic!("believed")).unwrap().events, 0);
    let last = bytes.len() - (bytes.len() - HEADER - FRAME_HEAD) / 3;
    let shifted = [&bytes[..], &bytes[last..]].concat();
    assert_eq!(read(&shifted, |_| ()).unwrap().events, 2);
}

#[test]
fn a_damaged_event_is_quarantined_with_all_events_that_refer_to_it() {
    // The first event defines the site, the second refers to it; the others define all their own texts.
    let first = segment([marked(0)]).len();
    let mut alone = pageview(1000, "/pricing");
    alone.site.id = 101;
    alone.entry = None;
    let mut bytes = segment([marked(0), marked(1), alone.clone(), alone]);
    bytes[first - 4..first].fill(0xee);
    let disk = FaultDisk::default();
    disk.put(&file_name(7), &bytes);
    disk.put("node", format!("{}\n", header().node).as_bytes());
    let (spool, _writer, recovery) = open(&disk);
    assert_eq!((recovery.events, recovery.quarantined_frames, recovery.segments), (2, 2, 1));
    assert_eq!(
        spool
            .read(&spool.sealed()[0])
            .unwrap()
            .for_each(|event| {
                assert_eq!(event.page.text, "/pricing");
            })
            .unwrap()
            .events,
        2
    );
    let aside = disk.bytes("quarantine/00000000000000000007.damaged");
    assert_eq!(aside[..8], (HEADER as u64).to_le_bytes());
    assert_eq!(aside[8..16], ((first - HEADER) as u64).to_le_bytes());
    assert_eq!(aside[16..16 + first - HEADER], bytes[HEADER..first]);
}

#[test]
fn damage_that_cannot_be_copied_yet_keeps_its_segment() {
    let disk = FaultDisk::default();
    disk.put("node", format!("{}\n", header().node).as_bytes());
    for (number, events) in [(7, 1), (8, 2)] {
        let mut encoder = SegmentEncoder::new(SegmentHeader { number, ..header() });
        let mut bytes = encoder.header.bytes();
        for mark in 0..events {
            let mut event = marked(mark);
            event.site.id = 300 + mark;
            assert!(encoder.append(&event, &mut bytes));
        }
        bytes[HEADER + FRAME_HEAD..HEADER + FRAME_HEAD + 4].fill(0xee);
        disk.put(&file_name(number), &bytes);
    }
    disk.refuse(&[DiskOp::Create]);
    let (spool, writer, recovery) = open(&disk);
    assert_eq!((recovery.events, recovery.quarantined_frames), (1, 2));
    assert!(spool.read(&spool.sealed()[0]).unwrap().for_each(|_| ()).is_err(), "shipped before it was copied");
    drop(writer);
    disk.refuse(&[]);
    let (_spool, _writer, recovery) = open(&disk);
    assert_eq!((recovery.events, recovery.quarantined_frames), (1, 2));
    let names = disk.names();
    assert!(names.iter().any(|name| name == "quarantine/00000000000000000007.damaged"), "{names:?}");
    assert!(names.iter().any(|name| name == "quarantine/00000000000000000008.damaged"), "{names:?}");
    assert!(!names.contains(&file_name(7)), "{names:?}");
}

#[test]
fn a_file_that_is_not_a_segment_is_quarantined_and_its_number_not_reused() {
    let disk = FaultDisk::default();
    disk.put(&file_name(41), &[0x55; 300]);
    disk.put("00000000000000000099.seg.bak", b"not ours");
    let (mut spool, mut writer, recovery) = open(&disk);
    assert_eq!(recovery, Recovery { quarantined_segments: 1, ..Recovery::default() });
    assert_eq!(disk.bytes("quarantine/00000000000000000041.seg"), [0x55; 300]);
    for _ in 0..2 {
        drop(writer);
        (spool, writer, _) = open(&disk);
    }
    let mut receipt = spool.append(&marked(1)).unwrap();
    assert!(seal(&spool, &mut writer));
    assert_eq!(settled(&mut receipt), Some(Ok(())));
    assert!(spool.sealed()[0].number > 41);
}

#[test]
fn a_segment_of_a_later_release_or_another_spool_is_left_alone() {
    let disk = FaultDisk::default();
    disk.put(&file_name(7), &segment([marked(1)]));
    let refused = Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()).err();
    assert!(matches!(refused, Some(SpoolError::Foreign { number: 7, .. })), "{refused:?}");
    disk.put("node", format!("{}\n", header().node).as_bytes());
    disk.put(&file_name(8), &SegmentHeader { number: 8, version: 6, ..header() }.bytes());
    let refused = Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()).err();
    assert!(matches!(refused, Some(SpoolError::Version { number: 8, version: 6 })), "{refused:?}");
    assert_eq!(disk.names(), [file_name(7), file_name(8), "node".into()]);
    disk.put("node", b"not hexadecimal");
    assert!(matches!(recover::node(&disk), Err(SpoolError::Node)));
}

#[test]
fn an_event_longer_than_a_frame_is_refused_and_leaves_nothing() {
    let long = "x".repeat(PAYLOAD_MAX);
    let mut encoder = SegmentEncoder::new(header());
    let mut bytes = header().bytes();
    let mut event = marked(1);
    event.page = Term { id: 55, text: &long };
    assert!(!encoder.append(&event, &mut bytes));
    assert!(encoder.append(&marked(1), &mut bytes));
    event.page.text = "short now";
    assert!(encoder.append(&event, &mut bytes));
    let pieces: Vec<SegmentPiece<'_>> = SegmentPieces::new(&bytes, &header()).collect();
    assert_eq!(pieces.len(), 2);
    let mut pages = Vec::new();
    read(&bytes, |event| pages.push(event.page.text.to_owned()));
    assert_eq!(pages, ["/pricing", "short now"]);
}
