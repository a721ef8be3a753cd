//! Contents of the journal of a run, and the state recovered from it after a crash.

use super::*;

/// Whether any file of the journal holds these bytes.
fn journal_holds(run: &Run, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(run.runtime.path()).unwrap();
    files.flatten().any(|file| {
        let held = std::fs::read(file.path()).unwrap();
        held.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn a_day_s_key_and_tags_are_gone_from_the_journal_half_an_hour_past_midnight() {
    let mut run = Run::new();
    let site = run.anonymiser.sites().find("a.example").unwrap().clone();
    run.step(&Step::Hit { visitor: 1, gap: 0, what: SentKind::Pageview });
    run.step(&Step::Wait);
    let day = site.day(run.now());
    let key = *run.anonymiser.keys().of(&site, day).unwrap().for_journal();
    assert!(journal_holds(&run, &key), "the journal keeps the key of today");
    // Paris' midnight is at 23:00 UTC.
    run.clock.set("2026-03-28T23:29:59Z".parse().unwrap());
    run.step(&Step::Forget);
    assert!(journal_holds(&run, &key), "a visit could still go on");
    run.clock.set("2026-03-28T23:30:01Z".parse().unwrap());
    run.step(&Step::Forget);
    assert!(!journal_holds(&run, &key));
    assert_eq!(run.anonymiser.keys().count(), 0);
}

#[test]
fn a_full_generation_is_followed_by_another_and_nothing_is_forgotten() {
    let mut run = Run::new();
    // Some 60 000 notes of 150 bytes are more than a generation holds.
    for number in 0..60_000u32 {
        run.step(&Step::Hit { visitor: u8::try_from(number % 200).unwrap(), gap: 0, what: SentKind::Pageview });
        if number % 5_000 == 0 {
            run.step(&Step::Wait);
        }
    }
    run.step(&Step::Wait);
    run.step(&Step::Crash(CrashSurvival::Nothing));
    assert_eq!(run.ledger.as_ref().unwrap().lock().visits.open_visits(), 200);
    let first_again = Step::Hit { visitor: 7, gap: 1, what: SentKind::Pageview };
    run.step(&first_again);
    run.finish();
    let visitors: i64 = run
        .sums
        .iter()
        .filter(|(name, _)| name.starts_with("pages") && name.ends_with(" visitors"))
        .map(|(_, sum)| sum)
        .sum();
    assert_eq!(visitors, 200);
}

#[test]
fn a_visit_that_found_room_is_in_progress_after_a_crash_and_one_that_found_none_is_not() {
    let mut run = Run::with(LimitsConfig { visits: 1, ..LimitsConfig::default() });
    run.clock.set("2026-03-28T10:00:00Z".parse().unwrap());
    let hit = |visitor, gap| Step::Hit { visitor, gap, what: SentKind::Pageview };
    for step in [hit(1, 0), hit(2, 1), hit(5, 1_900), Step::Forget, hit(3, 1), hit(4, 1), Step::Wait] {
        run.step(&step);
    }
    run.step(&Step::Crash(CrashSurvival::All));
    for step in [hit(3, 10), hit(4, 10), hit(3, 10)] {
        run.step(&step);
    }
    run.finish();
    let sum = |figure: &str| -> i64 {
        let of = run.sums.iter().filter(|(name, _)| name.starts_with("pages") && name.ends_with(figure));
        of.map(|(_, sum)| sum).sum()
    };
    assert_eq!((sum(" pageviews"), sum(" visitors"), sum(" visits"), sum(" bounces")), (8, 2, 2, 1));
    assert!(run.sums.iter().all(|(_, sum)| *sum >= 0), "{:?}", run.sums);
}

#[test]
fn a_tally_that_the_disk_refuses_is_written_with_the_next_segment_once() {
    let run = Run::new();
    let ledger = run.ledger.as_ref().unwrap();
    let (site, day) = (Arc::from("a.example"), Day(20_540));
    let robot = RobotHit { page: "/read".into(), kind: RobotKind::AiCrawler, network: 1 };
    for _ in 0..300 {
        ledger.tally().ended(&site, day, Outcome::Dropped(Dropped::Bot));
        ledger.tally().robot(&site, day, &robot);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    run.disk.fault(Fault { at: run.disk.operations().len(), happens: false, forever: true });
    assert!(runtime.block_on(ledger.seal()).is_err());
    run.disk.fault(Fault { at: usize::MAX, happens: true, forever: false });
    while runtime.block_on(ledger.seal()).is_err() {}
    runtime.block_on(ledger.seal()).unwrap();
    let mut rollup = Rollup::default();
    for segment in ledger.sealed() {
        ledger.spool().read(&segment).unwrap().for_each(|event| rollup.add(event)).unwrap();
    }
    let batch = rollup.finish(String::new());
    assert_eq!(batch.robots.iter().map(|row| (&*row.page, row.hits)).collect::<Vec<_>>(), [("/read", 300)]);
    assert_eq!(batch.outcomes.iter().map(|row| (row.outcome, row.hits)).collect::<Vec<_>>(), [("bot", 300)]);
}
