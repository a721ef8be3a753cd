//! Faults, and how the harness injects them.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tokio::time::sleep;

use crate::bench::Bench;
use crate::chance::Chance;
use crate::collector::BALLAST;
use crate::control::Disk;
use crate::proxy::Way;

/// One kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fault {
    Calm,
    Kill,
    KillInFlush,
    KillTwice,
    KillWhileAway,
    MemoryLost,
    Terminate,
    TerminateInStart,
    EngineKilled,
    EngineAndCollectorKilled,
    Away,
    Slow,
    Broken,
    Cut,
    AnswerLost,
    AnswerLostAndKill,
    DiskFull,
    DiskFullAndKill,
    WritesFail,
    SyncsFail,
    TornTail,
    FlippedBit,
    LeapOn,
    LeapBack,
    DownLong,
    Midnight,
    MidnightAndKill,
    DownADay,
}

/// Effect of a fault on the memory of visitors and visits.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Memory {
    /// No effect: the process continues.
    Kept,
    /// The process ends; the next one recovers from the runtime folder.
    Restored,
    /// It has counted hits that the disk then refused; it must roll them back.
    Ahead,
    /// The runtime folder is lost too, as by a power cut: people may be counted again.
    Lost,
}

impl Memory {
    /// Whether visitors and visits equal those without the fault; `restored` tells whether the state in the runtime
    /// folder is recovered.
    pub(crate) fn is_exact(self, restored: bool) -> bool {
        match self {
            Self::Kept => true,
            Self::Restored | Self::Ahead => restored,
            Self::Lost => false,
        }
    }
}

/// Longest wait for the operation that a fault strikes: the collector flushes every second.
const PATIENCE: Duration = Duration::from_secs(3);
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const MINUTE: i64 = 60;

impl Fault {
    /// Faults with a remote database, the most telling first.
    pub(crate) const REMOTE: &[Self] = &[
        Self::Kill,
        Self::AnswerLostAndKill,
        Self::KillInFlush,
        Self::EngineKilled,
        Self::Cut,
        Self::DiskFull,
        Self::Midnight,
        Self::Terminate,
        Self::FlippedBit,
        Self::SyncsFail,
        Self::MidnightAndKill,
        Self::KillTwice,
        Self::TornTail,
        Self::AnswerLost,
        Self::Away,
        Self::DiskFullAndKill,
        Self::DownLong,
        Self::Broken,
        Self::LeapOn,
        Self::LeapBack,
        Self::WritesFail,
        Self::KillWhileAway,
        Self::TerminateInStart,
        Self::MemoryLost,
        Self::Slow,
        Self::DownADay,
        Self::Calm,
    ];
    /// Faults with the collector's own engine.
    pub(crate) const EMBEDDED: &[Self] = &[
        Self::EngineKilled,
        Self::Kill,
        Self::TerminateInStart,
        Self::EngineAndCollectorKilled,
        Self::Terminate,
        Self::KillTwice,
        Self::Calm,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Calm => "no fault",
            Self::Kill => "kill -9 under load",
            Self::KillInFlush => "kill -9 in a flush",
            Self::KillTwice => "kill -9 twice in a row",
            Self::KillWhileAway => "kill -9, database away",
            Self::MemoryLost => "kill -9, runtime folder lost",
            Self::Terminate => "SIGTERM under load",
            Self::TerminateInStart => "SIGTERM while starting",
            Self::EngineKilled => "engine kill -9",
            Self::EngineAndCollectorKilled => "engine and collector kill -9",
            Self::Away => "database away",
            Self::Slow => "database slow",
            Self::Broken => "database answers 500",
            Self::Cut => "cut in mid-insert",
            Self::AnswerLost => "answer of an insert lost",
            Self::AnswerLostAndKill => "answer lost, then kill -9",
            Self::DiskFull => "disk full",
            Self::DiskFullAndKill => "disk full, then kill -9",
            Self::WritesFail => "writes fail",
            Self::SyncsFail => "syncs fail",
            Self::TornTail => "torn tail, then start",
            Self::FlippedBit => "flipped bit, then start",
            Self::LeapOn => "clock leaps a day ahead",
            Self::LeapBack => "clock leaps back an hour",
            Self::DownLong => "kill -9, down 25 or 31 minutes",
            Self::Midnight => "midnight",
            Self::MidnightAndKill => "kill -9 across midnight",
            Self::DownADay => "kill -9, down a day",
        }
    }

    /// Effect on the collector's memory of visitors and visits.
    pub(crate) fn memory(self) -> Memory {
        match self {
            Self::Kill | Self::KillInFlush | Self::KillTwice | Self::KillWhileAway => Memory::Restored,
            Self::Terminate | Self::TerminateInStart | Self::EngineAndCollectorKilled => Memory::Restored,
            Self::AnswerLostAndKill | Self::DiskFullAndKill | Self::MidnightAndKill => Memory::Restored,
            Self::TornTail | Self::FlippedBit => Memory::Restored,
            Self::MemoryLost => Memory::Lost,
            Self::Calm | Self::EngineKilled | Self::Away | Self::Slow | Self::Broken | Self::Cut => Memory::Kept,
            Self::Midnight | Self::DownLong | Self::DownADay => Memory::Restored,
            Self::AnswerLost | Self::LeapOn | Self::LeapBack => Memory::Kept,
            Self::DiskFull | Self::WritesFail | Self::SyncsFail => Memory::Ahead,
        }
    }

    /// Number of strikes in one round; a third of it in a short run, so that more kinds run.
    pub(crate) fn strikes(self, short: bool) -> u32 {
        let long: u32 = match self {
            Self::Kill => 16,
            Self::KillInFlush | Self::TornTail | Self::FlippedBit => 6,
            Self::EngineKilled | Self::EngineAndCollectorKilled => 1,
            Self::Calm | Self::Midnight | Self::MidnightAndKill | Self::DownADay => 1,
            Self::KillTwice | Self::KillWhileAway | Self::MemoryLost | Self::Terminate | Self::TerminateInStart => 2,
            Self::Away | Self::Slow | Self::Broken => 2,
            Self::Cut | Self::AnswerLost | Self::AnswerLostAndKill => 4,
            Self::DiskFull | Self::DiskFullAndKill | Self::WritesFail | Self::SyncsFail => 2,
            Self::DownLong | Self::LeapOn | Self::LeapBack => 2,
        };
        if short { long.div_ceil(3) } else { long }
    }

    /// Injects the fault once, under load; returns how often it struck.
    pub(crate) async fn strike(self, bench: &mut Bench, chance: &mut Chance) -> u64 {
        match self {
            Self::Calm => sleep(chance.millis(300, 900)).await,
            Self::Kill => bench.again().await,
            Self::KillInFlush => {
                bench.proxy.request(PATIENCE).await;
                sleep(chance.millis(0, 12)).await;
                bench.again().await;
            }
            Self::KillTwice => {
                bench.collector.kill().await;
                bench.collector.spawn();
                sleep(chance.millis(0, 400)).await;
                bench.again().await;
                return 2;
            }
            Self::MemoryLost => {
                bench.collector.kill().await;
                std::fs::remove_dir_all(&bench.collector.runtime).ok();
                bench.collector.start().await;
            }
            Self::TornTail | Self::FlippedBit => {
                bench.collector.kill().await;
                let done = if self == Self::TornTail { tear(bench, chance) } else { flip(bench, chance) };
                bench.collector.start().await;
                return done;
            }
            Self::Terminate => bench.terminate().await,
            Self::TerminateInStart => {
                bench.terminate().await;
                sleep(chance.millis(0, 300)).await;
                bench.terminate().await;
            }
            Self::EngineKilled => bench.kill_engine(),
            Self::EngineAndCollectorKilled => {
                bench.kill_engine();
                sleep(chance.millis(0, 150)).await;
                bench.again().await;
            }
            Self::Away => return bench.way(Way::Away, chance.millis(100, 700)).await,
            Self::Slow => return bench.way(Way::Slow(chance.millis(30, 150)), chance.millis(100, 700)).await,
            Self::Broken => return bench.way(Way::Broken, chance.millis(100, 700)).await,
            Self::Cut => return bench.way(Way::Cut(chance.below(100)), Duration::ZERO).await,
            Self::AnswerLost => return bench.way(Way::Deaf, Duration::ZERO).await,
            Self::AnswerLostAndKill | Self::KillWhileAway => {
                let away = self == Self::KillWhileAway;
                bench.proxy.set(if away { Way::Away } else { Way::Deaf });
                bench.proxy.bitten(PATIENCE).await;
                sleep(chance.millis(0, 10)).await;
                bench.again().await;
                sleep(if away { chance.millis(300, 900) } else { Duration::ZERO }).await;
                bench.proxy.set(Way::Open);
            }
            Self::WritesFail => bench.disk(Disk::WritesFail, false, chance).await,
            Self::SyncsFail => bench.disk(Disk::SyncsFail, false, chance).await,
            Self::DiskFull => bench.disk(Disk::Full, false, chance).await,
            Self::DiskFullAndKill => bench.disk(Disk::Full, true, chance).await,
            Self::LeapOn => bench.leap(DAY, chance).await,
            Self::LeapBack => bench.leap(-HOUR, chance).await,
            Self::DownLong => bench.down(MINUTE * if chance.percent(50) { 25 } else { 31 }).await,
            Self::DownADay => bench.down(DAY).await,
            Self::Midnight => bench.midnight(false, chance).await,
            Self::MidnightAndKill => bench.midnight(true, chance).await,
        }
        1
    }
}

impl Bench {
    async fn again(&mut self) {
        self.collector.kill().await;
        self.collector.start().await;
    }

    async fn terminate(&mut self) {
        self.collector.terminate().await;
        self.collector.start().await;
    }

    fn kill_engine(&self) {
        let pid = match &self.engine {
            Some(engine) => engine.process().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)),
            None => self.collector.engine(),
        };
        if let Some(pid) = pid {
            // It may have died a moment ago; then there is nothing to kill.
            kill_process(pid, Signal::KILL).ok();
        }
    }

    /// Injects a network fault from the next request on; returns how often it struck.
    async fn way(&self, way: Way, longer: Duration) -> u64 {
        let before = self.proxy.bites();
        self.proxy.set(way);
        self.proxy.bitten(PATIENCE).await;
        sleep(longer).await;
        self.proxy.set(Way::Open);
        self.proxy.bites() - before
    }

    /// The disk under the spool fails for a while; a full disk is real where the spool has its own.
    async fn disk(&mut self, disk: Disk, kill: bool, chance: &mut Chance) {
        if self.small_disk && disk == Disk::Full {
            fill(&self.collector.spool.join(BALLAST));
        } else {
            self.control.disk(disk);
        }
        sleep(chance.millis(100, 700)).await;
        if kill {
            self.again().await;
            sleep(chance.millis(50, 300)).await;
        }
        self.heal();
        // The spool retries within seconds.
        sleep(chance.millis(300, 900)).await;
    }

    /// The system's clock is wrong for a while. No figure may show it.
    async fn leap(&self, seconds: i64, chance: &mut Chance) {
        self.control.leap(seconds);
        sleep(chance.millis(300, 900)).await;
        self.control.leap(0);
    }

    /// A midnight between two hits, with or without a kill during it.
    async fn midnight(&mut self, kill: bool, chance: &mut Chance) {
        self.down(self.until_midnight() - if kill { 30 } else { 2 }).await;
        if kill {
            sleep(chance.millis(600, 1_500)).await;
            self.down(self.until_midnight() + 2).await;
        } else {
            self.pass_midnight().await;
        }
        sleep(chance.millis(400, 900)).await;
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        self.proxy.set(Way::Open);
        self.control.disk(Disk::Well);
        std::fs::remove_file(self.collector.spool.join(BALLAST)).ok();
    }
}

/// Fills all free space of a disk.
fn fill(path: &std::path::Path) {
    let mut ballast = File::create(path).unwrap();
    let mut piece = vec![0; 65_536];
    while !piece.is_empty() {
        if ballast.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
}

/// Appends the start of another frame to the last segment, up to the end of a sector or of the file.
fn tear(bench: &Bench, chance: &mut Chance) -> u64 {
    let Some(path) = bench.collector.segments().pop() else { return 0 };
    let bytes = std::fs::read(&path).unwrap();
    let used = used(&bytes);
    let length =
        if chance.below(2) == 0 { 512 - used % 512 } else { 1 + usize::try_from(chance.below(60)).unwrap_or(0) };
    let piece = [&2_000u32.to_le_bytes()[..], &[0xa5; 512]].concat();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&piece[..length], used as u64).unwrap();
    if !(used + length).is_multiple_of(512) {
        file.set_len((used + length) as u64).unwrap();
    }
    1
}

/// End of the frames of a segment, before its zeros; within the file, since lengths may have been flipped.
fn used(bytes: &[u8]) -> usize {
    let length = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let mut at = 48.min(bytes.len());
    while let Some(length) = length(at).filter(|length| *length > 0) {
        at += 8 + length;
    }
    at.min(bytes.len())
}

/// Flips one bit of a segment with events.
fn flip(bench: &Bench, chance: &mut Chance) -> u64 {
    let with_events = |path: &std::path::PathBuf| std::fs::read(path).is_ok_and(|bytes| used(&bytes) > 60);
    let segments: Vec<_> = bench.collector.segments().into_iter().filter(with_events).collect();
    let Some(path) = segments.get(usize::try_from(chance.below(segments.len() as u64)).unwrap_or(0)) else { return 0 };
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let at = chance.below(used(&std::fs::read(path).unwrap()) as u64);
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << chance.below(8)], at).unwrap();
    1
}
