//! Ends of segments: torn writes, free zeros, and damage after the last frame.

use super::format::{header, read, read_said, segment};
use super::*;
use crate::spool::fault::FaultDisk;
use crate::spool::reader::ReadReport;
use crate::spool::segment::{HEADER, SECTOR, file_name};

#[test]
fn a_torn_tail_is_truncated_at_every_byte_and_append_continues() {
    let ends: Vec<usize> = (0..=5).map(|count| segment((0..count).map(marked)).len()).collect();
    let whole = segment((0..5).map(marked));
    for cut in 0..=whole.len() {
        let disk = FaultDisk::default();
        disk.put("node", format!("{}\n", header().node).as_bytes());
        disk.put(&file_name(7), &whole[..cut]);
        let (spool, mut writer, recovery) = open(&disk);
        let kept = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1);
        let end = if cut < HEADER { 0 } else { ends[kept] };
        assert_eq!((recovery.events, recovery.torn_bytes), (kept as u64, (cut - end) as u64), "cut at {cut}");
        assert_eq!((recovery.quarantined_frames, recovery.quarantined_segments), (0, 0), "cut at {cut}");
        assert_eq!(disk.names().contains(&file_name(7)), kept > 0, "cut at {cut}");
        if kept > 0 {
            assert_eq!(disk.bytes(&file_name(7)).len(), end);
        }
        let mut receipt = spool.append(&marked(77)).unwrap();
        assert!(seal(&spool, &mut writer));
        assert_eq!(settled(&mut receipt), Some(Ok(())));
        assert_eq!(marks(&spool), (0..kept as u32).chain([77]).collect::<Vec<_>>());
    }
}

#[test]
fn a_write_over_zeros_that_is_torn_at_any_sector_is_truncated_and_loses_no_earlier_frame() {
    let pages: &'static [String] = (0..90).map(|n| format!("/products/{n}")).collect::<Vec<_>>().leak();
    let events = || (0..5).map(marked).chain((1000..).zip(pages).map(|(id, page)| pageview(id, page)));
    let ends: Vec<usize> = (0..=95).map(|count| segment(events().take(count)).len()).collect();
    let whole = segment(events());
    for cut in (SECTOR..whole.len()).step_by(SECTOR) {
        let disk = FaultDisk::default();
        disk.put("node", format!("{}\n", header().node).as_bytes());
        disk.put(&file_name(7), &[&whole[..cut], &vec![0; 65_536 - cut]].concat());
        let (spool, mut writer, recovery) = open(&disk);
        let kept = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!((recovery.events, recovery.torn_bytes), (kept as u64, (cut - ends[kept]) as u64), "cut at {cut}");
        assert_eq!((recovery.quarantined_frames, recovery.quarantined_segments), (0, 0), "cut at {cut}");
        assert_eq!(disk.bytes(&file_name(7)).len(), ends[kept]);
        assert_eq!(spool.sealed()[0].bytes, ends[kept] as u64);
        spool.append(&marked(77)).map(drop).unwrap();
        assert!(seal(&spool, &mut writer));
        assert_eq!(spool.sealed().iter().map(|segment| segment.events).collect::<Vec<_>>(), [kept as u64, 1]);
    }
}

#[test]
fn zeros_after_the_last_frame_are_free_space_and_not_damage() {
    let whole = segment((0..5).map(marked));
    for free in [1, 7, 8, 9, 511, 512, 513, 4_096, 65_536] {
        let mut bytes = [&whole[..], &vec![0; free]].concat();
        let (got, report) = read_said(&bytes);
        let due = ReadReport { events: 5, free_bytes: free as u64, ..ReadReport::default() };
        assert_eq!((got.len(), report), (5, Some(due)));
        // A last frame that cannot be corrected is quarantined without them.
        let last = whole.len() - 12;
        bytes[last..last + 4].fill(0xee);
        let report = read(&bytes, |_| ()).unwrap();
        assert_eq!((report.events, report.damaged, report.torn_bytes), (4, 1, 0));
        assert!(free < 2 * SECTOR || report.free_bytes as usize > free - SECTOR);
    }
    let disk = FaultDisk::default();
    disk.put("node", format!("{}\n", header().node).as_bytes());
    disk.put(&file_name(7), &[0; 4_096]);
    let (spool, _writer, recovery) = open(&disk);
    assert_eq!((recovery.quarantined_segments, spool.sealed().len()), (0, 0), "a header that was not written");
    assert!(!disk.names().contains(&file_name(7)));
}

#[test]
fn a_flipped_bit_behind_the_last_frame_costs_no_frame() {
    let whole = segment((0..5).map(marked));
    for bit in whole.len() * 8..(whole.len() + 600) * 8 {
        let mut bytes = [&whole[..], &[0; 4_096]].concat();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let report = read(&bytes, |_| ()).unwrap();
        assert_eq!((report.events, report.mended), (5, 0), "bit {bit}");
    }
}
