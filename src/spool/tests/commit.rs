//! Group commit, rejection of events, and recovery after disk failures.

use super::*;
use crate::spool::SegmentInfo;
use crate::spool::commit_delay::ENOUGH;
use crate::spool::fault::{CrashSurvival, DiskOp, FaultDisk};
use crate::spool::queue::{SEGMENT_MAX, WAITING_MAX};
use crate::spool::segment::file_name;

#[test]
fn events_that_gather_before_the_writer_runs_cost_one_sync() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let before = (disk.count(DiskOp::Write), disk.count(DiskOp::Sync));
    let mut receipts: Vec<Receipt> = (0..500).map(|n| spool.append(&marked(n)).unwrap()).collect();
    assert!(receipts.iter_mut().all(|receipt| settled(receipt).is_none()), "durable before anything was written");
    writer.turn();
    assert!(receipts.iter_mut().all(|receipt| settled(receipt) == Some(Ok(()))));
    assert_eq!((disk.count(DiskOp::Write), disk.count(DiskOp::Sync)), (before.0 + 1, before.1 + 1));
    assert!(seal(&spool, &mut writer));
    assert_eq!(marks(&spool), (0..500).collect::<Vec<_>>());
}

#[test]
fn most_writes_go_where_zeros_were_and_the_file_grows_in_few_steps() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let (mut sizes, name) = (vec![0], file_name(1));
    for mark in 0..5_000 {
        spool.append(&marked(mark)).map(drop).unwrap();
        writer.turn();
        let (file, used) = (disk.bytes(&name), spool.bytes() as usize);
        assert!(file[used..].iter().all(|byte| *byte == 0), "no frame is longer than it says");
        sizes.push(file.len());
    }
    assert!(sizes.is_sorted());
    sizes.dedup();
    assert_eq!(sizes, [0, 4, 8, 16, 32, 64, 128].map(|size| size << 10));
    assert!(seal(&spool, &mut writer));
    let (again, _, recovery) = open(&disk.crash(CrashSurvival::Nothing));
    assert_eq!((recovery.events, recovery.torn_bytes, recovery.quarantined_frames), (5_000, 0, 0));
    let ours = |segment: &SegmentInfo| (segment.number, segment.bytes, segment.events);
    assert_eq!(again.sealed().iter().map(ours).next(), spool.sealed().iter().map(ours).next());
    assert_eq!(marks(&again), (0..5_000).collect::<Vec<_>>());
}

#[test]
fn a_resolved_receipt_means_that_its_event_survives_a_crash() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let mut receipt = spool.append(&marked(1)).unwrap();
    writer.turn();
    assert_eq!(settled(&mut receipt), Some(Ok(())));
    let (spool, _writer, recovery) = open(&disk.crash(CrashSurvival::Nothing));
    assert_eq!((recovery.segments, recovery.events), (1, 1));
    assert_eq!(marks(&spool), [1]);
}

#[test]
fn a_failed_sync_refuses_its_events_for_good_and_the_next_segment_takes_the_next() {
    for op in [DiskOp::Write, DiskOp::Sync] {
        let disk = FaultDisk::default();
        let (spool, mut writer, _) = open(&disk);
        let mut kept = spool.append(&marked(1)).unwrap();
        writer.turn();
        let mut refused = [spool.append(&marked(2)).unwrap(), spool.append(&marked(3)).unwrap()];
        disk.refuse(&[op]);
        writer.turn();
        assert_eq!(settled(&mut kept), Some(Ok(())));
        assert!(refused.iter_mut().all(|receipt| settled(receipt) == Some(Err(Unavailable))));
        assert!(spool.append(&marked(4)).is_err(), "taken while the disk fails");
        assert_eq!(marks(&spool), [1], "the segment ends at its last durable event");
        disk.refuse(&[]);
        writer.turn();
        let mut next = spool.append(&marked(5)).unwrap();
        assert!(seal(&spool, &mut writer));
        assert_eq!(settled(&mut next), Some(Ok(())));
        assert_eq!(marks(&spool), [1, 5]);
        let (spool, ..) = open(&disk.crash(CrashSurvival::All));
        assert_eq!(marks(&spool), [1, 5]);
    }
}

#[test]
fn one_failure_is_answered_by_a_new_segment_in_the_same_turn() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let mut refused = spool.append(&marked(1)).unwrap();
    let at = disk.operations().len() + 1;
    disk.fault(crate::spool::fault::Fault { at, happens: true, forever: false });
    writer.turn();
    assert_eq!(settled(&mut refused), Some(Err(Unavailable)));
    let mut kept = spool.append(&marked(2)).unwrap();
    writer.turn();
    assert_eq!(settled(&mut kept), Some(Ok(())));
    let (spool, ..) = open(&disk.crash(CrashSurvival::All));
    assert_eq!(marks(&spool), [2]);
}

#[test]
fn while_the_cut_fails_nothing_is_taken() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let mut refused = spool.append(&marked(1)).unwrap();
    disk.refuse(&[DiskOp::Sync, DiskOp::Truncate]);
    writer.turn();
    assert_eq!(settled(&mut refused), Some(Err(Unavailable)));
    disk.refuse(&[DiskOp::Truncate]);
    writer.turn();
    assert!(spool.append(&marked(2)).is_err());
    assert!(spool.end_segment().is_err());
    disk.refuse(&[]);
    writer.turn();
    assert!(spool.append(&marked(3)).is_ok());
    assert!(seal(&spool, &mut writer));
    assert_eq!(marks(&spool), [3]);
}

#[test]
fn a_full_disk_refuses_until_it_is_freed_and_leaves_no_files_behind() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let mut acknowledged = Vec::new();
    let mut number = 0;
    disk.room(Some(10_000));
    for _ in 0..2_000 {
        number += 1;
        let Ok(mut receipt) = spool.append(&marked(number)) else {
            writer.turn();
            continue;
        };
        writer.turn();
        if settled(&mut receipt) == Some(Ok(())) {
            acknowledged.push(number);
        }
    }
    assert!(!acknowledged.is_empty() && acknowledged.len() < 1_000);
    assert!(disk.names().len() <= 4, "{:?}", disk.names());
    disk.room(None);
    writer.turn();
    let mut receipt = spool.append(&marked(9_000)).unwrap();
    assert!(seal(&spool, &mut writer));
    assert_eq!(settled(&mut receipt), Some(Ok(())));
    acknowledged.push(9_000);
    assert_eq!(marks(&spool), acknowledged);
}

#[test]
fn a_start_on_a_full_disk_ships_old_segments_and_takes_events_once_there_is_room() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    spool.append(&marked(1)).map(drop).unwrap();
    writer.turn();
    let disk = disk.crash(CrashSurvival::All);
    disk.room(Some(10));
    let (spool, mut writer, recovery) = open(&disk);
    assert_eq!(recovery.events, 1);
    assert_eq!(marks(&spool), [1]);
    assert!(spool.append(&marked(2)).is_err());
    let first = spool.sealed()[0].number;
    spool.remove(first).unwrap();
    disk.room(None);
    writer.turn();
    assert!(spool.append(&marked(3)).is_ok());
    assert!(seal(&spool, &mut writer));
    assert_eq!(marks(&spool), [3]);
    assert!(spool.sealed()[0].number > first);
}

#[test]
fn numbers_never_repeat_even_when_all_segments_are_gone() {
    let mut disk = FaultDisk::default();
    let mut numbers = Vec::new();
    for round in 0..6 {
        let (spool, mut writer, _) = open(&disk);
        for mark in 0..2 {
            spool.append(&marked(mark)).map(drop).unwrap();
            // Every other round the next segment cannot begin, so that the shipped one is the newest.
            if mark == 1 && round % 2 == 0 {
                disk.refuse(&[DiskOp::Create]);
            }
            assert!(seal(&spool, &mut writer));
        }
        for segment in spool.sealed() {
            numbers.push(segment.number);
            spool.remove(segment.number).unwrap();
        }
        assert_eq!(spool.sealed(), []);
        drop(writer);
        disk = disk.crash(CrashSurvival::Nothing);
    }
    assert_eq!(numbers.len(), 12);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn the_token_is_the_nodes_and_stays() {
    let disk = FaultDisk::default();
    let (spool, ..) = open(&disk);
    let token = spool.token(3);
    let (again, ..) = open(&disk.crash(CrashSurvival::Nothing));
    assert_eq!(again.token(3), token);
    let (node, number) = token.split_once('-').unwrap();
    assert_eq!((node.len(), number), (32, "3"));
    let (other, ..) = open(&FaultDisk::default());
    assert_ne!(other.token(3), token);
}

#[test]
fn a_segment_without_events_is_not_sealed() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let before = disk.operations().len();
    assert!(seal(&spool, &mut writer));
    assert_eq!((disk.operations().len(), spool.segments()), (before, 1));
    assert_eq!(spool.sealed(), []);
}

#[test]
fn the_spool_is_bounded_and_takes_again_once_a_segment_is_shipped() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open_within(&disk, 500);
    let mut count = 0;
    while spool.append(&marked(count)).is_ok() {
        count += 1;
    }
    assert!((10..30).contains(&count), "{count}");
    assert!(seal(&spool, &mut writer));
    assert!(spool.append(&marked(count)).is_err());
    assert_eq!(spool.segments(), 2);
    spool.remove(spool.sealed()[0].number).unwrap();
    assert!(spool.append(&marked(count)).is_ok());
    assert!(spool.bytes() < 150, "{}", spool.bytes());
}

#[test]
fn events_waiting_for_the_disk_are_bounded() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let text = "x".repeat(100_000);
    let mut taken = 0;
    let mut event = marked(1);
    loop {
        event.page = Term { id: 1000 + taken, text: &text };
        if spool.append(&event).is_err() {
            break;
        }
        taken += 1;
    }
    assert_eq!(taken as usize, WAITING_MAX.div_ceil(100_000));
    writer.turn();
    assert!(spool.append(&event).is_ok());
}

#[test]
fn a_segment_ends_by_itself_when_it_is_long() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let text = "x".repeat(130_000);
    let mut event = marked(1);
    for id in 0..(SEGMENT_MAX as u32 / 130_000 + 3) {
        event.page = Term { id: 1000 + id, text: &text };
        spool.append(&event).map(drop).unwrap();
        writer.turn();
    }
    let sealed = spool.sealed();
    assert_eq!(sealed.len(), 1);
    assert!((SEGMENT_MAX..SEGMENT_MAX + 131_072).contains(&sealed[0].bytes));
    assert_eq!(disk.bytes(&file_name(sealed[0].number)).len() as u64, sealed[0].bytes);
}

#[test]
fn the_gauges_say_how_much_waits_and_how_long() {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let later = Timestamp::from_second(NOW + 90).unwrap();
    assert_eq!((spool.oldest_seconds(later), spool.bytes()), (0, 48));
    spool.append(&marked(1)).map(drop).unwrap();
    writer.turn();
    assert_eq!(spool.oldest_seconds(later), 90);
    assert!(seal(&spool, &mut writer));
    assert_eq!((spool.oldest_seconds(later), spool.segments()), (90, 2));
    let segments: Vec<Vec<u8>> = disk.names().iter().filter(|n| n.ends_with(".seg")).map(|n| disk.bytes(n)).collect();
    let used = |file: &Vec<u8>| file.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert_eq!(spool.bytes() as usize, segments.iter().map(used).sum::<usize>());
    spool.remove(spool.sealed()[0].number).unwrap();
    assert_eq!((spool.oldest_seconds(later), spool.segments(), spool.bytes()), (0, 1, 48));
}

#[test]
fn a_dropped_writer_resolves_every_waiting_receipt() {
    let disk = FaultDisk::default();
    let (spool, writer, _) = open(&disk);
    let mut receipt = spool.append(&marked(1)).unwrap();
    drop(writer);
    assert_eq!(settled(&mut receipt), Some(Err(Unavailable)));
    assert!(spool.append(&marked(2)).is_err());
}

/// A spool whose writer pauses for two minutes.
fn patient(disk: &FaultDisk) -> (Arc<Spool>, std::thread::JoinHandle<()>) {
    let (spool, mut writer, _) = open(disk);
    writer.commit_delay.half = std::time::Duration::from_secs(60);
    (Arc::new(spool), std::thread::spawn(|| writer.run()))
}

#[test]
fn enough_company_ends_a_pause_and_is_one_write_and_one_sync() {
    let disk = FaultDisk::default();
    let (spool, thread) = patient(&disk);
    for round in 1..=3 {
        let before = (disk.count(DiskOp::Write), disk.count(DiskOp::Sync));
        let receipts: Vec<Receipt> = (0..ENOUGH).map(|n| spool.append(&marked(n as u32)).unwrap()).collect();
        receipts.into_iter().for_each(|receipt| block_on(receipt).map(drop).unwrap());
        assert_eq!(
            (disk.count(DiskOp::Write), disk.count(DiskOp::Sync)),
            (before.0 + 1, before.1 + 1),
            "round {round}"
        );
    }
    spool.close();
    thread.join().unwrap();
}

#[test]
fn the_end_of_a_segment_and_of_the_spool_end_a_pause() {
    let disk = FaultDisk::default();
    let (spool, thread) = patient(&disk);
    let receipt = spool.append(&marked(1)).unwrap();
    block_on(spool.seal()).unwrap();
    block_on(receipt).map(drop).unwrap();
    let receipt = spool.append(&marked(2)).unwrap();
    spool.close();
    thread.join().unwrap();
    block_on(receipt).map(drop).unwrap();
}

/// Waits for at most less than a pause.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let waiting = async { tokio::time::timeout(std::time::Duration::from_secs(50), future).await };
    runtime.block_on(waiting).expect("the pause goes on")
}
