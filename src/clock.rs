//! The time of day as an argument: the system clock, a steady clock over it, or a manual clock for tests. No other file
//! reads the system's time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::lock::lock;
use crate::system_calls::BOOT_CLOCK;

/// Source of the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Present time in UTC.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock, with its leaps.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the home of the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A moment for durations and deadlines within the process. It moves with tokio's clock, which tests may pause.
#[allow(clippy::disallowed_methods, reason = "this is the home of the clock")]
pub fn monotonic_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Seconds in an hour.
pub const HOUR_SECONDS: i64 = 3_600;

/// Seconds in a day without a clock change.
pub const DAY_SECONDS: i64 = 86_400;

/// Largest step in milliseconds that is followed at once: a synchronised clock moves by less.
const STEP_FOLLOWED_MS: i64 = 2_000;

/// Milliseconds for which a checked base is trusted without the lock, as long as both clocks agree within
/// `CALM_STEP_MS`.
const CALM_MS: u64 = 1_000;
const CALM_STEP_MS: i64 = 10;

/// A larger step is followed once it has lasted this long.
const STEP_BELIEVED_AFTER: Duration = Duration::from_secs(600);

/// The system's time of day without short leaps. A clock that jumps back an hour, or ahead a day, would split visits or
/// destroy the keys of a day in progress. So time continues from the boot clock, and a leap is followed once it has
/// lasted ten minutes.
pub struct SteadyClock {
    wall: Box<dyn Fn() -> Timestamp + Send + Sync>,
    counted: Box<dyn Fn() -> Duration + Send + Sync>,
    calm: TrustedBase,
    steady: Mutex<SteadyState>,
}

/// Lock-free copy of `SteadyState`'s base while no leap is in doubt. Threads only read it; it is renewed once a second.
struct TrustedBase {
    wall: AtomicI64,
    /// Boot clock in milliseconds; [`u64::MAX`] while a leap is in doubt.
    counted: AtomicU64,
}

impl TrustedBase {
    /// Whether both clocks still match the base. A half-replaced base is off by the difference of the two, so it does
    /// not match.
    fn agrees(&self, wall: i64, counted: Duration) -> bool {
        let base = self.counted.load(Ordering::Relaxed);
        let Some(since) = millis(counted).checked_sub(base).filter(|since| *since < CALM_MS) else { return false };
        let expected = self.wall.load(Ordering::Relaxed).saturating_add_unsigned(since);
        wall.saturating_sub(expected).abs() <= CALM_STEP_MS
    }

    fn set(&self, steady: &SteadyState) {
        let counted = if steady.doubt.is_none() { millis(steady.base.1) } else { u64::MAX };
        self.wall.store(steady.base.0, Ordering::Relaxed);
        self.counted.store(counted, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct SteadyState {
    /// Wall clock in milliseconds, and the boot clock at the same moment.
    base: (i64, Duration),
    /// A leap in doubt: its size in milliseconds, and the boot clock at its start.
    doubt: Option<(i64, Duration)>,
}

impl SteadyClock {
    /// A steady clock over the operating system's clocks; the boot clock also counts time in suspend.
    pub fn system() -> Self {
        let counted = || {
            let time = rustix::time::clock_gettime(BOOT_CLOCK);
            Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
        };
        Self::over(|| SystemClock.now(), counted)
    }

    /// A steady clock over a wall clock and a monotonic counter.
    pub fn over(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        counted: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let base = (wall().as_millisecond(), counted());
        // In doubt until the first call of `now`.
        let calm = TrustedBase { wall: AtomicI64::new(0), counted: AtomicU64::new(u64::MAX) };
        let steady = Mutex::new(SteadyState { base, doubt: None });
        Self { wall: Box::new(wall), counted: Box::new(counted), calm, steady }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let (wall, counted) = ((self.wall)().as_millisecond(), (self.counted)());
        let shown = if self.calm.agrees(wall, counted) {
            wall
        } else {
            let mut steady = lock(&self.steady);
            let shown = steady.shown(wall, counted);
            self.calm.set(&steady);
            shown
        };
        Timestamp::from_millisecond(shown).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl SteadyState {
    fn shown(&mut self, wall: i64, counted: Duration) -> i64 {
        let since = counted.saturating_sub(self.base.1);
        let expected = self.base.0.saturating_add(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let leap = wall.saturating_sub(expected);
        if leap.abs() <= STEP_FOLLOWED_MS {
            *self = Self { base: (wall, counted), doubt: None };
            return wall;
        }
        let (far, from) = match self.doubt {
            Some((far, from)) if (far - leap).abs() <= STEP_FOLLOWED_MS => (far, from),
            Some(_) | None => {
                tracing::warn!(seconds = leap / 1_000, "clock: system clock jumped; adopted after ten minutes");
                (leap, counted)
            }
        };
        self.doubt = Some((far, from));
        if counted.saturating_sub(from) < STEP_BELIEVED_AFTER {
            return expected;
        }
        tracing::warn!(seconds = leap / 1_000, "clock: system clock stable again; followed");
        *self = Self { base: (wall, counted), doubt: None };
        wall
    }
}

/// A clock that stands still until [`ManualClock::set`].
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that starts at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_millisecond()))
    }

    /// Sets the time to `now`, which may lie before the previous time.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NOON: i64 = 1_773_144_000;
    const HOUR: i64 = HOUR_SECONDS;
    const DAY: i64 = DAY_SECONDS;

    /// Seconds from noon that a steady clock shows. Each reading is the boot clock and the wall clock's offset, in
    /// seconds.
    fn shown(readings: &[(i64, i64)]) -> Vec<i64> {
        let (wall, counted) = (Arc::new(AtomicI64::new(NOON)), Arc::new(AtomicI64::new(0)));
        let (read_wall, read_counted) = (wall.clone(), counted.clone());
        let clock = SteadyClock::over(
            move || Timestamp::from_second(read_wall.load(Ordering::SeqCst)).unwrap(),
            move || Duration::from_secs(read_counted.load(Ordering::SeqCst).unsigned_abs()),
        );
        let show = |(seconds, off): &(i64, i64)| {
            counted.store(*seconds, Ordering::SeqCst);
            wall.store(NOON + seconds + off, Ordering::SeqCst);
            clock.now().as_second() - NOON
        };
        readings.iter().map(show).collect()
    }

    #[test]
    fn an_hour_back_or_a_day_ahead_for_a_while_changes_nothing() {
        assert_eq!(shown(&[(0, 0), (10, -HOUR), (400, -HOUR), (410, 0)]), [0, 10, 400, 410]);
        assert_eq!(shown(&[(0, 0), (10, DAY), (609, DAY), (700, 0)]), [0, 10, 609, 700]);
        assert_eq!(shown(&[(0, 0), (10, DAY), (500, -HOUR), (1_000, DAY)]), [0, 10, 500, 1_000]);
    }

    #[test]
    fn a_leap_that_lasts_ten_minutes_is_followed() {
        assert_eq!(shown(&[(10, DAY), (609, DAY), (610, DAY), (620, DAY)]), [10, 609, 610 + DAY, 620 + DAY]);
    }

    #[test]
    fn the_steady_clock_shows_frequent_and_rare_callers_the_same_time() {
        // Every 7 ms for 20 minutes; the wall clock steps, drifts, leaps, and leaps back.
        let off = |ms: i64| match ms {
            ..100_000 => ms / 2_000,
            100_000..200_000 => -1_500,
            200_000..260_000 => 3_600_000 + ms / 3_000,
            260_000..300_000 => -1_500,
            _ => 86_400_000,
        };
        let (wall, counted) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
        let (read_wall, read_counted) = (wall.clone(), counted.clone());
        let clock = SteadyClock::over(
            move || Timestamp::from_millisecond(read_wall.load(Ordering::SeqCst)).unwrap(),
            move || Duration::from_millis(read_counted.load(Ordering::SeqCst).unsigned_abs()),
        );
        let mut slow = SteadyState { base: (0, Duration::ZERO), doubt: None };
        for ms in (0..1_200_000_i64).step_by(7) {
            wall.store(ms + off(ms), Ordering::SeqCst);
            counted.store(ms, Ordering::SeqCst);
            let expected = slow.shown(ms + off(ms), Duration::from_millis(ms.unsigned_abs()));
            assert!((clock.now().as_millisecond() - expected).abs() <= 2 * CALM_STEP_MS, "at {ms}");
        }
    }

    #[test]
    fn a_clock_that_is_kept_right_by_small_steps_is_followed_at_once() {
        assert_eq!(shown(&[(10, 1), (20, 2), (30, 1), (40, -1)]), [11, 22, 31, 39]);
    }
}
