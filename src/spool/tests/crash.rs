//! Crashes and failures at every operation of a run, and random runs against a model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::spool::fault::{CrashSurvival, DiskOp, Fault, FaultDisk};

const SURVIVES: [CrashSurvival; 4] =
    [CrashSurvival::Nothing, CrashSurvival::Half, CrashSurvival::Scattered, CrashSurvival::All];

/// Results that a run has received.
#[derive(Debug, Default)]
struct RunResults {
    appended: Vec<u32>,
    acknowledged: BTreeSet<u32>,
    refused: BTreeSet<u32>,
    /// Marks in shipped segments, whether or not their removal is certain.
    shipped: BTreeSet<u32>,
    half_shipped: BTreeSet<u32>,
    waiting: Vec<(u32, Receipt)>,
}

impl RunResults {
    fn append(&mut self, spool: &Spool, mark: u32) {
        match spool.append(&marked(mark)) {
            Ok(receipt) => {
                self.appended.push(mark);
                self.waiting.push((mark, receipt));
            }
            Err(Unavailable) => {
                self.refused.insert(mark);
            }
        }
    }

    fn listen(&mut self) {
        let Self { waiting, acknowledged, refused, .. } = self;
        waiting.retain_mut(|(mark, receipt)| match settled(receipt) {
            None => true,
            Some(Ok(())) => !acknowledged.insert(*mark),
            Some(Err(Unavailable)) => !refused.insert(*mark),
        });
    }

    fn ship_oldest(&mut self, spool: &Spool) {
        let Some(segment) = spool.sealed().first().copied() else { return };
        let mut marks = Vec::new();
        // A segment without its file was shipped before: its removal took effect but reported failure.
        if let Ok(reader) = spool.read(&segment) {
            reader.for_each(|event| marks.push(mark(event))).unwrap();
        } else {
            assert!(!self.half_shipped.is_empty());
        }
        let shipped = if spool.remove(segment.number).is_ok() { &mut self.shipped } else { &mut self.half_shipped };
        shipped.extend(marks);
    }

    /// All acknowledged events are there, once, in order; shipped ones are not.
    fn check(&self, got: &[u32]) {
        assert!(got.is_sorted_by(|a, b| a < b), "twice or out of order: {got:?}");
        let there: BTreeSet<u32> = got.iter().copied().collect();
        let gone = |mark: &&u32| !self.shipped.contains(mark) && !self.half_shipped.contains(mark);
        let missing: Vec<&u32> = self.acknowledged.difference(&there).filter(gone).collect();
        assert!(missing.is_empty(), "acknowledged, and lost: {missing:?} of {self:?}");
        assert!(there.is_disjoint(&self.shipped), "shipped, and back: {got:?} {self:?}");
    }
}

/// A run with every kind of operation. Marks rise.
fn script(disk: &FaultDisk) -> RunResults {
    let mut results = RunResults::default();
    let mut marks = 0..;
    for _restart in 0..2 {
        let Ok((spool, mut writer, _)) = Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()) else {
            continue;
        };
        for appends in [3, 1, 4] {
            results.append_some(&spool, &mut marks, appends * appends * 4);
            writer.turn();
            results.listen();
            results.append_some(&spool, &mut marks, 2);
            let sealed = spool.end_segment();
            results.append_some(&spool, &mut marks, 2);
            writer.turn();
            results.listen();
            drop(sealed);
            if appends != 3 {
                results.ship_oldest(&spool);
            }
        }
    }
    results.listen();
    results
}

impl RunResults {
    fn append_some(&mut self, spool: &Spool, marks: &mut impl Iterator<Item = u32>, count: usize) {
        for mark in marks.take(count) {
            self.append(spool, mark);
        }
    }
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_acknowledged() {
    let counting = FaultDisk::default();
    let clean = script(&counting);
    assert_eq!(clean.acknowledged.len(), clean.appended.len());
    let operations = counting.operations().len();
    assert!(operations > 60, "{operations}");
    for at in 0..operations {
        for happens in [false, true] {
            let disk = FaultDisk::default();
            disk.fault(Fault { at, happens, forever: true });
            let results = script(&disk);
            for survives in SURVIVES {
                let (spool, mut writer, recovery) = open(&disk.crash(survives));
                let got = marks(&spool);
                results.check(&got);
                if survives != CrashSurvival::Scattered {
                    assert_eq!((recovery.quarantined_frames, recovery.quarantined_segments), (0, 0));
                    let sure = |mark: &&u32| !results.shipped.contains(mark) && !results.half_shipped.contains(mark);
                    let got: Vec<&u32> = got.iter().filter(sure).collect();
                    let prefix = results.appended.iter().filter(sure).take(got.len()).eq(got.iter().copied());
                    assert!(prefix, "at {at}: {got:?} is no prefix of {results:?}");
                }
                spool.append(&marked(10_000)).map(drop).unwrap();
                assert!(seal(&spool, &mut writer));
            }
        }
    }
}

#[test]
fn one_failure_at_any_operation_loses_nothing_and_keeps_nothing_that_was_refused() {
    let counting = FaultDisk::default();
    script(&counting);
    for at in 0..counting.operations().len() {
        for happens in [false, true] {
            let disk = FaultDisk::default();
            disk.fault(Fault { at, happens, forever: false });
            let results = script(&disk);
            for survives in [CrashSurvival::Nothing, CrashSurvival::All] {
                let (spool, ..) = open(&disk.crash(survives));
                let got = marks(&spool);
                results.check(&got);
                assert!(got.iter().all(|mark| results.acknowledged.contains(mark)), "at {at}: refused, and kept");
            }
        }
    }
}

#[test]
fn a_crash_at_any_operation_of_a_recovery_changes_nothing() {
    let before = FaultDisk::default();
    let results = script(&before);
    let damaged = |survives| {
        let disk = before.crash(survives);
        disk.put("00000000000000000090.seg", &[7; 100]);
        disk
    };
    let counting = damaged(CrashSurvival::Half);
    let start = counting.operations().len();
    open(&counting);
    for at in start..counting.operations().len() {
        for happens in [false, true] {
            let disk = damaged(CrashSurvival::Half);
            disk.fault(Fault { at, happens, forever: true });
            drop(Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()));
            for survives in [CrashSurvival::Nothing, CrashSurvival::All] {
                let (spool, mut writer, _) = open(&disk.crash(survives));
                results.check(&marks(&spool));
                spool.append(&marked(10_000)).map(drop).unwrap();
                assert!(seal(&spool, &mut writer));
                assert!(spool.sealed().last().unwrap().number > 90);
            }
        }
    }
}

/// Events of one request in these tests.
const REQUEST_EVENTS: u32 = 5;

/// First marks of requests, each with the result of its receipt, if there was one.
type Requests = Vec<(u32, Option<Result<(), Unavailable>>)>;

/// A run of requests with several events each, over ends of segments and a restart. Marks rise.
fn requests(disk: &FaultDisk) -> Requests {
    let (mut waiting, mut results, mut first) = (Vec::new(), Vec::new(), 0);
    for _restart in 0..2 {
        let Ok((spool, mut writer, _)) = Spool::prepare(u64::MAX, Arc::new(disk.clone()), clock()) else {
            continue;
        };
        for number in 0..12 {
            if let Ok(mut turn) = spool.turn() {
                (first..first + REQUEST_EVENTS).for_each(|mark| turn.append(&marked(mark)).unwrap());
                waiting.push((first, turn.end()));
            }
            first += REQUEST_EVENTS;
            if number % 4 == 3 {
                drop(spool.end_segment());
            }
            if number % 3 == 2 {
                writer.turn();
            }
        }
        writer.turn();
    }
    for (first, mut receipt) in waiting {
        results.push((first, settled(&mut receipt)));
    }
    results
}

#[test]
fn a_crash_at_any_operation_keeps_all_of_an_acknowledged_request_and_no_event_twice() {
    let counting = FaultDisk::default();
    assert!(requests(&counting).iter().all(|(_, result)| *result == Some(Ok(()))));
    for at in 0..counting.operations().len() {
        for (happens, forever) in [(false, true), (true, true), (false, false), (true, false)] {
            let disk = FaultDisk::default();
            disk.fault(Fault { at, happens, forever });
            let results = requests(&disk);
            for survives in SURVIVES {
                let (spool, ..) = open(&disk.crash(survives));
                let got = marks(&spool);
                assert!(got.is_sorted_by(|a, b| a < b), "at {at}: twice or out of order: {got:?}");
                for (first, result) in &results {
                    let of_request = got.iter().filter(|mark| (*first..first + REQUEST_EVENTS).contains(mark)).count();
                    let kept = u32::try_from(of_request).unwrap();
                    match result {
                        Some(Ok(())) => assert_eq!(kept, REQUEST_EVENTS, "at {at}, {survives:?}: acknowledged {first}"),
                        Some(Err(Unavailable)) if !forever => assert_eq!(kept, 0, "at {at}: refused {first}, and kept"),
                        Some(Err(Unavailable)) | None => {}
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Turn,
    Seal,
    Ship,
    Refuse(Vec<DiskOp>),
    Crash(CrashSurvival),
}

fn step() -> impl Strategy<Value = Step> {
    let op = prop::sample::select(vec![DiskOp::Create, DiskOp::Write, DiskOp::Sync, DiskOp::Remove, DiskOp::SyncNames]);
    prop_oneof![
        6 => prop_oneof![1..5usize, 1..100usize].prop_map(Step::Append),
        6 => Just(Step::Turn),
        3 => Just(Step::Seal),
        2 => Just(Step::Ship),
        1 => prop::collection::vec(op, 0..2).prop_map(Step::Refuse),
        1 => Just(Step::Refuse(Vec::new())),
        1 => prop::sample::select(SURVIVES.to_vec()).prop_map(Step::Crash),
    ]
}

proptest! {
    #[test]
    fn any_run_keeps_exactly_the_events_that_it_acknowledged(steps in prop::collection::vec(step(), 1..60)) {
        let mut disk = FaultDisk::default();
        let (mut spool, mut writer, _) = open(&disk);
        let mut results = RunResults::default();
        let mut marks_to_come = 0..;
        let mut numbers = BTreeSet::new();
        for step in steps.into_iter().chain([Step::Refuse(Vec::new()), Step::Turn, Step::Crash(CrashSurvival::Nothing)]) {
            match step {
                Step::Append(count) => results.append_some(&spool, &mut marks_to_come, count),
                Step::Turn => writer.turn(),
                Step::Seal => drop(spool.end_segment()),
                Step::Ship => {
                    let before: BTreeSet<u64> = spool.sealed().iter().map(|segment| segment.number).collect();
                    results.ship_oldest(&spool);
                    let after: BTreeSet<u64> = spool.sealed().iter().map(|segment| segment.number).collect();
                    let half = !results.half_shipped.is_empty();
                    for number in before.difference(&after) {
                        prop_assert!(numbers.insert(*number) || half, "number {} was given again", number);
                    }
                }
                Step::Refuse(ops) => disk.refuse(&ops),
                Step::Crash(survives) => {
                    results.listen();
                    disk = disk.crash(survives);
                    (spool, writer, _) = open(&disk);
                    let got = marks(&spool);
                    results.check(&got);
                    prop_assert!(got.iter().all(|mark| !results.refused.contains(mark)), "refused, and kept");
                    // Events that were unanswered at the crash are now acknowledged or lost for good.
                    results.acknowledged.extend(got);
                    results.waiting.clear();
                }
            }
            results.listen();
        }
    }
}
