//! Folding: counters equal the sums of their events, exactly once, after any crash or failure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::batch::sample;
use super::fixtures::samples;
use super::*;
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::ship::{fold, rows_of};
use crate::spool::batch;
use crate::spool::disk::{Disk, QUARANTINE};
use crate::spool::fault::{CrashSurvival, DiskOp, Fault, FaultDisk};
use crate::spool::segment::{HEADER, NodeName, SegmentHeader, file_name};
use crate::spool::{Quarantine, SET_ASIDE_SECONDS, SegmentInfo, SpoolError};

/// A database's batches by token; inserting a known token changes nothing.
#[derive(Debug, Default, Clone, PartialEq)]
struct Database(BTreeMap<String, Batch>);

impl Database {
    fn insert(&mut self, batch: Batch) {
        let again = batch.clone();
        let first = self.0.entry(batch.token.clone()).or_insert(batch);
        assert_eq!(*first, again, "the same token with other rows");
    }

    /// Inserts a shard's part: one that it has whole may come again, and then may have no rows.
    fn insert_part(&mut self, part: Batch) {
        if part.rows() > 0 {
            self.insert(part);
        }
    }

    /// All batches, without their tokens: each node's name is different.
    fn parts(self) -> Vec<Batch> {
        self.0.into_values().map(|batch| Batch { token: String::new(), ..batch }).collect()
    }

    /// Ships every readable segment.
    fn ship_all(&mut self, spool: &Spool) {
        for segment in spool.sealed() {
            if let Ok((batch, _)) = rows_of(spool, &segment) {
                self.insert(batch);
                spool.remove(segment.number).ok();
            }
        }
    }
}

/// A disk with three waiting segments, and their expected batches.
fn three_segments() -> (FaultDisk, Database) {
    let disk = FaultDisk::default();
    let (spool, mut writer, _) = open(&disk);
    let mut due = Database::default();
    for round in 1..=3 {
        let mut rollup = Rollup::default();
        for event in samples().into_iter().cycle().take(7 * round) {
            spool.append(&event).map(drop).unwrap();
        }
        assert!(seal(&spool, &mut writer));
        let segment = *spool.sealed().last().unwrap();
        spool.read(&segment).unwrap().for_each(|event| rollup.add(event)).unwrap();
        due.insert(rollup.finish(spool.token(segment.number)));
    }
    drop(writer);
    (disk.crash(CrashSurvival::All), due)
}

fn folded(spool: &Spool, segment: &SegmentInfo) {
    assert_eq!(fold(spool, segment).unwrap().damaged, 0);
}

/// Folds and ships, partly twice, until the disk fails.
fn script(disk: &FaultDisk, database: &mut Database) {
    let Ok((spool, mut writer, _)) = Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()) else { return };
    for segment in spool.sealed().into_iter().take(2) {
        fold(&spool, &segment).ok();
    }
    if let Some(segment) = spool.sealed().first()
        && let Ok((batch, _)) = rows_of(&spool, segment)
    {
        database.insert(batch);
        spool.remove(segment.number).ok();
    }
    writer.turn();
    for segment in spool.sealed() {
        fold(&spool, &segment).ok();
    }
}

#[test]
fn a_crash_or_a_failure_at_any_operation_of_folding_changes_no_figure() {
    let counting = three_segments().0;
    let (_, due) = three_segments();
    assert_eq!(due.0.len(), 3);
    script(&counting, &mut Database::default());
    let operations = counting.operations().len();
    assert!(operations > 25, "{operations}");
    for at in 0..operations {
        for (happens, forever) in [(false, true), (true, true), (false, false), (true, false)] {
            for survives in [CrashSurvival::Nothing, CrashSurvival::Half, CrashSurvival::All] {
                let (disk, mut due) = three_segments();
                // Each node's name is different.
                due.0.values_mut().for_each(|batch| batch.token.clear());
                let mut database = Database::default();
                disk.fault(Fault { at, happens, forever });
                script(&disk, &mut database);
                let disk = disk.crash(survives);
                let (spool, mut writer, recovery) = open(&disk);
                let quarantined =
                    recovery.quarantined_frames + recovery.quarantined_segments + recovery.quarantined_batches;
                assert_eq!(quarantined, 0, "at {at}");
                database.ship_all(&spool);
                let mut got: Vec<Batch> = database.0.into_values().collect();
                got.iter_mut().for_each(|batch| batch.token.clear());
                assert_eq!(got, due.0.into_values().collect::<Vec<_>>(), "at {at}, happens {happens}");
                spool.append(&marked(1)).map(drop).unwrap();
                assert!(seal(&spool, &mut writer));
                assert!(spool.sealed()[0].number > 3, "a number was given again");
            }
        }
    }
}

/// Rows of one shard of two, as a cluster's shipping cuts them.
fn of_shard(batch: &Batch, first: bool) -> Batch {
    batch.part(|_, day| (day % 2 == 0) == first)
}

/// Ships the first shard's rows of every batch, keeps the rest, then ships what is left.
fn ship_by_shard(disk: &FaultDisk, first: &mut Database, second: &mut Database, away: bool) {
    let Ok((spool, mut writer, _)) = Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()) else { return };
    for segment in spool.sealed() {
        fold(&spool, &segment).ok();
        let Some(segment) = spool.sealed().into_iter().find(|info| info.number == segment.number) else { return };
        let Ok((batch, _)) = rows_of(&spool, &segment) else { return };
        first.insert_part(of_shard(&batch, true));
        if away {
            // As the shipper: the next segment is offered once the rest of this one is safe.
            if spool.keep_rest(segment.number, &of_shard(&batch, false)).is_err() {
                return;
            }
        } else {
            second.insert_part(of_shard(&batch, false));
            spool.remove(segment.number).ok();
        }
    }
    writer.turn();
}

#[test]
fn a_crash_at_any_operation_while_one_shard_is_away_gives_each_shard_its_rows_once() {
    let (counting, due) = three_segments();
    let whole = |first: bool| {
        let parts = due.0.values().map(|batch| of_shard(batch, first)).filter(|part| part.rows() > 0);
        parts.map(|part| Batch { token: String::new(), ..part }).collect::<Vec<_>>()
    };
    assert!(!whole(true).is_empty() && !whole(false).is_empty());
    ship_by_shard(&counting, &mut Database::default(), &mut Database::default(), true);
    let operations = counting.operations().len();
    assert!(operations > 25, "{operations}");
    for at in 0..operations {
        for (happens, forever) in [(false, true), (true, true), (false, false), (true, false)] {
            for survives in [CrashSurvival::Nothing, CrashSurvival::Half, CrashSurvival::All] {
                let disk = three_segments().0;
                let (mut first, mut second) = (Database::default(), Database::default());
                disk.fault(Fault { at, happens, forever });
                ship_by_shard(&disk, &mut first, &mut second, true);
                let disk = disk.crash(survives);
                ship_by_shard(&disk, &mut first, &mut second, false);
                let (spool, ..) = open(&disk);
                assert_eq!(spool.sealed().len(), 0, "at {at}");
                assert_eq!(first.parts(), whole(true), "at {at}, happens {happens}");
                assert_eq!(second.parts(), whole(false), "at {at}, happens {happens}");
            }
        }
    }
}

#[test]
fn folded_segments_leave_batches_alone_and_the_events_are_gone_from_the_disk() {
    let (disk, mut due) = three_segments();
    let (spool, ..) = open(&disk);
    let (before, segments) = (spool.bytes(), spool.sealed());
    segments.iter().for_each(|segment| folded(&spool, segment));
    let names: Vec<String> = disk.names().into_iter().filter(|name| name != "node").collect();
    let batches = [1, 2, 3].map(batch::file_name);
    assert_eq!(names, [batches.to_vec(), vec![file_name(5)]].concat());
    let bytes: usize = batches.iter().map(|name| disk.bytes(name).len()).sum();
    assert_eq!(spool.bytes(), (bytes + HEADER) as u64);
    assert!(spool.bytes() < before);
    assert_eq!(disk.crash(CrashSurvival::Nothing).names(), disk.names(), "all of it is durable");
    for (segment, info) in segments.iter().zip(spool.sealed()) {
        assert_eq!(
            (info.number, info.events, info.since, info.folded),
            (segment.number, segment.events, NOW as u64, true)
        );
        assert!(matches!(spool.read(&info).err(), Some(SpoolError::Segment(_))));
        assert!(matches!(fold(&spool, &info), Err(SpoolError::Segment(_))));
    }
    let (spool, _, recovery) = open(&disk.crash(CrashSurvival::Nothing));
    assert_eq!((recovery.batches, recovery.segments, recovery.events), (3, 0, 0));
    assert_eq!(spool.sealed().iter().map(|info| info.events).collect::<Vec<_>>(), [7, 14, 21]);
    let mut database = Database::default();
    database.ship_all(&spool);
    let tokens: Vec<String> = database.0.keys().cloned().collect();
    due.0.clear();
    assert_eq!(tokens, (1..=3).map(|number| spool.token(number)).collect::<Vec<_>>());
    assert_eq!((spool.sealed().len(), spool.bytes()), (0, HEADER as u64));
}

#[test]
fn a_segment_folds_to_the_same_bytes_at_any_time() {
    let (disk, _) = three_segments();
    let twin = disk.crash(CrashSurvival::All);
    let bytes = |disk: &FaultDisk| {
        let (spool, ..) = open(disk);
        spool.sealed().iter().for_each(|segment| folded(&spool, segment));
        [1, 2, 3].map(|number| disk.bytes(&batch::file_name(number)))
    };
    let first = bytes(&disk);
    let later: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_second(NOW + 86_400).unwrap()));
    drop(Spool::prepare(u64::MAX, Arc::new(twin.clone()), later).unwrap());
    assert_eq!(bytes(&twin.crash(CrashSurvival::All)), first);
}

#[test]
fn a_batch_that_is_written_again_after_a_failure_is_the_same() {
    let (disk, _) = three_segments();
    let (spool, ..) = open(&disk);
    let segment = spool.sealed()[0];
    for refused in [DiskOp::Create, DiskOp::Write, DiskOp::Sync, DiskOp::SyncNames] {
        disk.refuse(&[refused]);
        assert!(matches!(fold(&spool, &segment), Err(SpoolError::Disk(_))), "{refused:?}");
        assert!(!disk.names().contains(&batch::file_name(1)), "{refused:?}");
        assert_eq!(spool.sealed()[0], segment);
    }
    disk.refuse(&[DiskOp::Remove]);
    fold(&spool, &segment).unwrap();
    assert!(spool.sealed()[0].folded && disk.names().contains(&file_name(1)));
    disk.refuse(&[]);
    fold(&spool, &spool.sealed()[1]).unwrap();
    assert!(!disk.names().contains(&file_name(1)), "the removal is made good with the next one");
}

#[test]
fn the_highest_number_is_not_given_again_when_its_batch_was_shipped() {
    let (disk, _) = three_segments();
    disk.remove(&file_name(4)).unwrap();
    disk.sync_names().unwrap();
    disk.refuse(&[DiskOp::Create]);
    let (spool, mut writer, _) = open(&disk);
    disk.refuse(&[]);
    // The writer has not recovered from the disk failure: a segment after the third does not exist yet.
    folded(&spool, &spool.sealed()[2]);
    spool.remove(3).unwrap();
    assert_eq!(disk.bytes(&batch::file_name(3)).len(), HEADER);
    assert_eq!(disk.crash(CrashSurvival::Nothing).names(), disk.names());
    let disk = disk.crash(CrashSurvival::Nothing);
    writer.turn();
    let (spool, mut writer, recovery) = open(&disk);
    assert_eq!((recovery.quarantined_batches, recovery.batches, spool.sealed().len()), (0, 0, 2));
    assert!(!disk.names().contains(&batch::file_name(3)));
    spool.append(&marked(1)).map(drop).unwrap();
    assert!(seal(&spool, &mut writer));
    assert_eq!(spool.sealed().last().unwrap().number, 4);
}

#[test]
fn a_torn_or_damaged_batch_gives_way_to_its_events_and_is_quarantined_alone() {
    let (whole, _) = three_segments();
    let segment = whole.bytes(&file_name(2));
    let (spool, ..) = open(&whole);
    fold(&spool, &spool.sealed()[1]).unwrap();
    let batch = whole.bytes(&batch::file_name(2));
    let damaged = (0..batch.len()).map(|length| batch[..length].to_vec());
    let zeroed = (0..batch.len() - 8).map(|at| [&batch[..at], &[0xaa; 8], &batch[at + 8..]].concat());
    for file in damaged.chain(zeroed).filter(|file| *file != batch) {
        let disk = whole.crash(CrashSurvival::All);
        disk.put(&batch::file_name(2), &file);
        let (_, _, recovery) = open(&disk);
        let spent = file.len() == HEADER;
        assert_eq!((recovery.quarantined_batches, recovery.batches), (u64::from(!spent), 0), "{}", file.len());
        assert_eq!(disk.names().contains(&format!("{QUARANTINE}/{}", batch::file_name(2))), !spent);

        let disk = whole.crash(CrashSurvival::All);
        disk.put(&batch::file_name(2), &file);
        disk.put(&file_name(2), &segment);
        let (spool, _, recovery) = open(&disk);
        assert_eq!((recovery.quarantined_batches, recovery.batches, recovery.segments), (0, 0, 3));
        assert!(!disk.names().contains(&batch::file_name(2)));
        fold(&spool, &spool.sealed()[1]).unwrap();
        assert_eq!(disk.bytes(&batch::file_name(2)), batch);
    }
}

#[test]
fn a_batch_that_is_damaged_while_it_waits_goes_to_quarantine_and_the_rest_is_shipped() {
    let (disk, _) = three_segments();
    let (spool, ..) = open(&disk);
    spool.sealed().iter().for_each(|segment| folded(&spool, segment));
    let bytes = disk.bytes(&batch::file_name(2));
    disk.put(&batch::file_name(2), &bytes[..bytes.len() - 9]);
    let results: Vec<_> = spool.sealed().iter().map(|segment| rows_of(&spool, segment)).collect();
    assert!(matches!(&results[..], [Ok(_), Err(SpoolError::Damaged(2)), Ok(_)]));
    assert!(disk.names().contains(&format!("{QUARANTINE}/{}", batch::file_name(2))));
    assert_eq!(spool.sealed().iter().map(|segment| segment.number).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn batches_of_a_later_release_or_another_spool_are_not_touched() {
    let (disk, _) = three_segments();
    let (spool, ..) = open(&disk);
    fold(&spool, &spool.sealed()[0]).unwrap();
    let (foreign, ..) = sample();
    disk.put(&batch::file_name(7), &foreign);
    let opened = |disk: &FaultDisk| Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()).err();
    assert!(matches!(opened(&disk.crash(CrashSurvival::All)), Some(SpoolError::Foreign { number: 7, .. })));
    let node = NodeName(u128::from_str_radix(&spool.token(0)[..32], 16).unwrap().to_be_bytes());
    let later = SegmentHeader { version: 5, magic: *b"counters", node, number: 7, created: 0 };
    disk.put(&batch::file_name(7), &later.bytes());
    assert!(matches!(opened(&disk), Some(SpoolError::Version { number: 7, version: 5 })));
}

#[test]
fn quarantined_files_are_removed_after_a_week() {
    let disk = FaultDisk::default();
    let (spool, ..) = open(&disk);
    let (start, week) = (NOW as u64, i64::try_from(SET_ASIDE_SECONDS).unwrap());
    disk.at(start);
    disk.put("quarantine/00000000000000000001.damaged", b"x");
    disk.at(start + 1);
    disk.put("quarantine/00000000000000000002.seg", b"x");
    let forget = |second| spool.forget_set_aside(Timestamp::from_second(second).unwrap()).unwrap();
    assert_eq!(forget(NOW - 3_600), Quarantine { files: 2, forgotten: 0 });
    assert_eq!(forget(NOW + week - 1), Quarantine { files: 2, forgotten: 0 });
    assert_eq!(forget(NOW + week), Quarantine { files: 1, forgotten: 1 });
    assert_eq!(forget(NOW + week + 1), Quarantine { files: 0, forgotten: 1 });
    assert_eq!(disk.crash(CrashSurvival::Nothing).list_set_aside().unwrap(), []);
}

/// Names of actions, one event each.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| (0..1_000).map(|n| format!("mark {n}")).collect());

fn action(mark: usize) -> Event<'static> {
    let name = Term { id: 1_000 + mark as u32, text: &NAMES[mark] };
    let kind = EventKind::Action { name, new_action_visitor: false, not_found: false, properties: Vec::new() };
    Event { kind, ..marked(mark as u32) }
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Seal,
    Fold(usize),
    Ship,
    /// The insert takes effect, and the segment stays.
    ShipHalf,
    Refuse(Vec<DiskOp>),
    Crash(CrashSurvival),
}

fn step() -> impl Strategy<Value = Step> {
    let op = prop::sample::select(vec![
        DiskOp::Create,
        DiskOp::Write,
        DiskOp::Sync,
        DiskOp::Truncate,
        DiskOp::Rename,
        DiskOp::Remove,
        DiskOp::SyncNames,
    ]);
    prop_oneof![
        6 => (1..5usize).prop_map(Step::Append),
        4 => Just(Step::Seal),
        5 => (0..4usize).prop_map(Step::Fold),
        2 => Just(Step::Ship),
        1 => Just(Step::ShipHalf),
        2 => prop::collection::vec(op, 0..2).prop_map(Step::Refuse),
        2 => Just(Step::Refuse(Vec::new())),
        2 => prop::sample::select(vec![CrashSurvival::Nothing, CrashSurvival::Half, CrashSurvival::Scattered, CrashSurvival::All]).prop_map(Step::Crash),
    ]
}

proptest! {
    #[test]
    fn any_run_with_folding_counts_every_acknowledged_event_once(steps in prop::collection::vec(step(), 1..60)) {
        let mut disk = FaultDisk::default();
        let (mut spool, mut writer, _) = open(&disk);
        let (mut database, mut marks, mut waiting) = (Database::default(), 0.., Vec::new());
        let mut acknowledged = BTreeMap::new();
        for step in steps.into_iter().chain([Step::Refuse(Vec::new()), Step::Crash(CrashSurvival::All), Step::Ship]) {
            match step {
                Step::Append(count) => for mark in marks.by_ref().take(count) {
                    waiting.extend(spool.append(&action(mark)).ok().map(|receipt| (mark, receipt)));
                },
                Step::Seal => drop(spool.end_segment()),
                Step::Fold(which) => if let Some(segment) = spool.sealed().get(which) {
                    fold(&spool, segment).ok();
                },
                Step::Ship => database.ship_all(&spool),
                Step::ShipHalf => if let Some(Ok((batch, _))) = spool.sealed().first().map(|first| rows_of(&spool, first)) {
                    database.insert(batch);
                },
                Step::Refuse(ops) => disk.refuse(&ops),
                Step::Crash(survives) => {
                    disk = disk.crash(survives);
                    (spool, writer, _) = open(&disk);
                }
            }
            writer.turn();
            waiting.retain_mut(|(mark, receipt)| match settled(receipt) {
                None => true,
                Some(result) => {
                    acknowledged.extend(result.ok().map(|()| (NAMES[*mark].clone(), 1)));
                    false
                }
            });
        }
        let mut counted: BTreeMap<String, i64> = BTreeMap::new();
        for row in database.0.values().flat_map(|batch| &batch.actions) {
            *counted.entry(row.action.to_string()).or_default() += row.count;
        }
        prop_assert!(counted.values().all(|count| *count == 1), "twice: {:?}", counted);
        let missing: Vec<_> = acknowledged.keys().filter(|mark| !counted.contains_key(*mark)).collect();
        prop_assert!(missing.is_empty(), "missing: {:?}", missing);
    }
}
