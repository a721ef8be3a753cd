//! Histogram of response times that a hit updates with two additions. The exporter's own histogram stores every value
//! until it is aggregated: megabytes a second at high load. Each thread adds to a slot of its own, so that threads do
//! not contend for cache lines.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper bounds of `sillage_accept_seconds` and `sillage_flush_seconds`.
pub(super) const BOUNDS_SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Slots; further threads share them.
const PLACES: usize = 16;

/// A histogram of response times.
#[derive(Default)]
pub(super) struct WaitHistogram([PaddedCounts; PLACES]);

/// One slot, aligned to two cache lines because adjacent lines are prefetched.
#[derive(Default)]
#[repr(align(128))]
struct PaddedCounts {
    nanoseconds: AtomicU64,
    /// Counts by upper bound; the last bucket is unbounded.
    counts: [AtomicU64; BOUNDS_SECONDS.len() + 1],
}

/// Slot of the next thread.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
}

impl WaitHistogram {
    /// Adds one response time.
    pub(super) fn record(&self, waited: Duration) {
        let place = PLACE.get().unwrap_or_else(|| {
            let next = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
            PLACE.set(Some(next));
            next
        });
        let seconds = waited.as_secs_f64();
        let bucket = BOUNDS_SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS_SECONDS.len());
        let Some(place) = self.0.get(place) else { return };
        if let Some(count) = place.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        place.nanoseconds.fetch_add(u64::try_from(waited.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Writes the histogram in the exporter's text format.
    pub(super) fn write(&self, name: &str, what: &str) -> String {
        let sum = |of: &dyn Fn(&PaddedCounts) -> Option<&AtomicU64>| {
            self.0.iter().filter_map(of).map(|number| number.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
        };
        let mut text = format!("# HELP {name} {what}\n# TYPE {name} histogram\n");
        let bounds = BOUNDS_SECONDS.iter().map(f64::to_string).chain(["+Inf".into()]);
        let mut count = 0;
        for (bucket, bound) in bounds.enumerate() {
            count += sum(&|place| place.counts.get(bucket));
            // Writing to a `String` cannot fail.
            writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}").ok();
        }
        let seconds = Duration::from_nanos(sum(&|place| Some(&place.nanoseconds))).as_secs_f64();
        writeln!(text, "{name}_sum {seconds}\n{name}_count {count}\n").ok();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_all_threads_are_written_by_their_bounds() {
        let waits = WaitHistogram::default();
        let millis = [0, 1, 2, 3, 100, 101, 5_000, 6_000];
        std::thread::scope(|scope| {
            for wait in millis {
                let waits = &waits;
                scope.spawn(move || waits.record(Duration::from_millis(wait)));
            }
        });
        let text = waits.write("waits", "How long.");
        assert!(text.starts_with("# HELP waits How long.\n# TYPE waits histogram\nwaits_bucket{le=\"0.0001\"} 1\n"));
        for line in ["{le=\"0.001\"} 2", "{le=\"0.0025\"} 3", "{le=\"0.1\"} 5", "{le=\"5\"} 7", "{le=\"+Inf\"} 8"] {
            assert!(text.contains(&format!("waits_bucket{line}\n")), "{line} in {text}");
        }
        assert!(text.ends_with("waits_sum 11.207\nwaits_count 8\n\n"), "{text}");
    }

    #[test]
    fn it_is_written_as_the_exporter_would_write_it() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new();
        let recorder = recorder.set_buckets(&BOUNDS_SECONDS).unwrap().build_recorder();
        let waits = WaitHistogram::default();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_histogram!("waits", metrics::Unit::Seconds, "How long.");
            let exported = metrics::histogram!("waits");
            for millis in [1, 30, 7_500] {
                exported.record(Duration::from_millis(millis));
                waits.record(Duration::from_millis(millis));
            }
        });
        assert_eq!(waits.write("waits", "How long."), recorder.handle().render());
    }
}
