//! Every metric, declared in one place, and the log set-up. Both describe the process; no label and no field ever
//! comes from a visitor.

pub mod arrivals;
mod waits;

use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use metrics::{Counter, Gauge, Histogram, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::clock::monotonic_now;
use crate::observe::arrivals::Arrivals;
use crate::observe::waits::{BOUNDS_SECONDS, WaitHistogram};
use crate::outcome::Outcome;
use crate::sites::{Site, Sites};
use crate::visits::BoundsMet;

/// Label of hits whose site is not configured or whose body was not understood.
const NO_SITE: &str = "";

/// All metrics of one collector.
pub struct Meters {
    handle: PrometheusHandle,
    /// Metrics of the collecting threads.
    pub hits: Arc<HitMeters>,
    /// Metrics of spool, shipping and memory.
    pub ship: ShipMeters,
    /// Of mails and webhooks.
    pub mail: MailMeters,
}

/// Metrics of mails and webhooks; none names a recipient.
pub struct MailMeters([Counter; 3]);

/// How an attempt to send a mail or to tell a webhook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// The server accepted it.
    Sent,
    /// Not taken; another attempt may follow.
    Failed,
    /// Never to be taken.
    Rejected,
}

/// Counters of hits and gauges of the public listener.
pub struct HitMeters {
    recorder: Arc<PrometheusRecorder>,
    received: Counter,
    outcomes: ArcSwap<HashMap<Arc<str>, OutcomeCounters>>,
    no_site: OutcomeCounters,
    accept_seconds: WaitHistogram,
    /// Outcomes of the last half hour, for the console.
    pub arrivals: Arrivals,
    /// Overflow counters in the order of [`BoundsMet`]'s fields.
    other: [Counter; 3],
}

type OutcomeCounters = [Counter; Outcome::ALL.len()];

/// Metrics of spool, shipping, database and visit memory.
pub struct ShipMeters {
    /// Size of the spool in bytes.
    pub spool_bytes: Gauge,
    /// Number of segments in the spool.
    pub spool_segments: Gauge,
    /// Age of the oldest segment, seconds.
    pub spool_oldest_seconds: Gauge,
    /// Seconds from sealing a segment to its insert.
    pub flush_seconds: Histogram,
    /// Inserted rows by table, in the order of [`TABLES`].
    pub flush_rows: [Counter; TABLES.len()],
    /// Failed inserts that are retried.
    pub store_retryable: Counter,
    /// Inserts that the database rejected.
    pub store_refused: Counter,
    /// Visits in progress on all sites.
    pub visits_active: Gauge,
    /// Visitor, page and action tags in memory.
    pub tags: Gauge,
    /// Rows of breakdowns, actions and timings of the days in memory.
    pub rows: Gauge,
    /// Age of the first location file, seconds.
    pub geo_age_seconds: Gauge,
    /// 1 while the database answers, else 0.
    pub engine_up: Gauge,
    /// Damaged parts of segments moved to quarantine.
    pub quarantined: Counter,
    /// Journal generations that did not match the spool.
    pub journal_discarded: Counter,
    /// Quarantined files removed after their retention.
    pub set_aside_forgotten: Counter,
    /// Segments folded on disk because they could not be shipped.
    pub folded: Counter,
}

/// The tables of [`ShipMeters::flush_rows`], in its order.
pub const TABLES: [&str; 6] = ["pages", "breakdowns", "actions", "timings", "robots", "outcomes"];

impl Meters {
    /// Declares every metric, each with every label that it will ever have.
    ///
    /// # Panics
    /// Never: the exporter rejects only empty buckets, and the buckets above are not empty.
    pub fn new(sites: &Sites) -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BOUNDS_SECONDS)
            .unwrap_or_else(|_| PrometheusBuilder::new())
            .build_recorder();
        let recorder = Arc::new(recorder);
        let made = || (HitMeters::new(recorder.clone(), sites), ShipMeters::new(), MailMeters::new());
        let (hits, ship, mail) = metrics::with_local_recorder(&*recorder, made);
        Self { handle: recorder.handle(), hits: Arc::new(hits), ship, mail }
    }

    /// All metrics in the Prometheus text format.
    pub fn written(&self) -> String {
        let waits = self.hits.accept_seconds.write("sillage_accept_seconds", "From a request's head to its answer.");
        self.handle.render() + &waits
    }

    /// Aggregates gathered histogram values; to be called every few seconds.
    pub fn tidy(&self) {
        self.handle.run_upkeep();
    }
}

impl HitMeters {
    fn new(recorder: Arc<PrometheusRecorder>, sites: &Sites) -> Self {
        metrics::describe_counter!("sillage_received_total", "Hits received: the sum of all outcomes.");
        metrics::describe_counter!("sillage_hits_total", "Hits by outcome; each hit has exactly one.");
        metrics::describe_counter!(
            "sillage_other_total",
            "Hits with a value counted as (other), by the limit reached."
        );
        metrics::describe_counter!(
            "sillage_handshakes_failed_total",
            "Connections closed before HTTP: TLS or the PROXY header failed."
        );
        metrics::describe_gauge!("sillage_connections", "Open connections of the public listener, by thread.");
        Self {
            recorder,
            received: metrics::counter!("sillage_received_total"),
            outcomes: ArcSwap::from_pointee(outcomes_of(sites)),
            no_site: outcomes(NO_SITE),
            accept_seconds: WaitHistogram::default(),
            arrivals: Arrivals::new(sites),
            other: ["pages", "values", "rows"].map(|bound| metrics::counter!("sillage_other_total", "bound" => bound)),
        }
    }

    /// Declares the outcomes of new sites; metrics of known sites are kept.
    pub fn reload(&self, sites: &Sites) {
        let outcomes = metrics::with_local_recorder(&*self.recorder, || outcomes_of(sites));
        self.outcomes.store(Arc::new(outcomes));
        self.arrivals.reload(sites);
    }

    /// Gauge of a thread's open connections.
    pub fn connections(&self, thread: usize) -> Gauge {
        let gauge = || metrics::gauge!("sillage_connections", "thread" => thread.to_string());
        metrics::with_local_recorder(&*self.recorder, gauge)
    }

    /// Counts connections of a listener that were closed before HTTP.
    pub fn handshakes_failed(&self, listener: &'static str) -> Counter {
        let counter = || metrics::counter!("sillage_handshakes_failed_total", "listener" => listener);
        metrics::with_local_recorder(&*self.recorder, counter)
    }

    /// Notes the start of a request.
    pub fn start(&self) -> Instant {
        monotonic_now()
    }

    /// Records the time until the answer was ready.
    pub fn answered(&self, started: Instant) {
        self.accept_seconds.record(started.elapsed());
    }

    /// Counts a received hit.
    pub fn received(&self) {
        self.received.increment(1);
    }

    /// Counts the bounds that a counted hit exceeded.
    pub fn met(&self, met: BoundsMet) {
        for (counter, met) in self.other.iter().zip([met.pages, met.values, met.rows]) {
            if met {
                counter.increment(1);
            }
        }
    }

    /// Counts a hit's outcome.
    pub fn ended(&self, site: Option<&Arc<Site>>, outcome: Outcome) {
        let outcomes = self.outcomes.load();
        let known = site.and_then(|site| outcomes.get(&site.name)).unwrap_or(&self.no_site);
        let index = outcome.number();
        if let Some(counter) = known.get(index) {
            counter.increment(1);
            self.arrivals.ended(site.map(|site| &site.name), index);
        }
    }

    /// A hit ended; `counted` says whether it is a pageview that counts.
    pub fn viewed(&self, site: &Site, counted: bool) {
        if counted {
            self.arrivals.viewed(&site.name);
        }
    }
}

fn outcomes(site: &str) -> OutcomeCounters {
    let counter_of = |outcome: Outcome| metrics::counter!("sillage_hits_total", "site" => site.to_owned(), "outcome" => outcome.label());
    Outcome::ALL.map(counter_of)
}

fn outcomes_of(sites: &Sites) -> HashMap<Arc<str>, OutcomeCounters> {
    sites.iter().map(|site| (site.name.clone(), outcomes(&site.name))).collect()
}

impl MailMeters {
    fn new() -> Self {
        metrics::describe_counter!("sillage_mails_total", "Attempts to send a mail or to call a webhook, by outcome.");
        let of = |outcome: &'static str| metrics::counter!("sillage_mails_total", "outcome" => outcome);
        Self(["sent", "failed", "rejected"].map(of))
    }

    /// An attempt has ended.
    pub fn ended(&self, outcome: MailOutcome) {
        let [sent, failed, rejected] = &self.0;
        match outcome {
            MailOutcome::Sent => sent.increment(1),
            MailOutcome::Failed => failed.increment(1),
            MailOutcome::Rejected => rejected.increment(1),
        }
    }
}

impl ShipMeters {
    fn new() -> Self {
        use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
        describe_gauge!("sillage_spool_bytes", Unit::Bytes, "Size of all segments in the spool.");
        describe_gauge!("sillage_spool_segments", "Segments in the spool, the open one included.");
        describe_gauge!("sillage_spool_oldest_seconds", Unit::Seconds, "Age of the oldest waiting segment.");
        describe_histogram!(
            "sillage_flush_seconds",
            Unit::Seconds,
            "Time from sealing a segment to its rows being stored."
        );
        describe_counter!("sillage_flush_rows_total", "Counter rows stored, by table.");
        describe_counter!("sillage_store_errors_total", "Failed inserts, by remedy.");
        describe_gauge!("sillage_visits_active", "Visits in progress.");
        describe_gauge!("sillage_tags", "Visitor, page and action tags in memory.");
        describe_gauge!("sillage_rows", "Rows of breakdowns, actions and timings of the days in memory.");
        describe_gauge!("sillage_geo_age_seconds", Unit::Seconds, "Age of the first location file.");
        describe_gauge!("sillage_engine_up", "1 while the database answers.");
        describe_counter!("sillage_quarantined_total", "Damaged parts of segments moved to quarantine.");
        describe_counter!("sillage_quarantine_forgotten_total", "Quarantined files removed after seven days.");
        describe_counter!(
            "sillage_journal_discarded_total",
            "Journal generations discarded at the start because they do not match the spool; visitors count again."
        );
        describe_counter!(
            "sillage_folded_total",
            "Segments folded to batches on disk while the database was unreachable."
        );
        describe_gauge!("sillage_build_info", "Always 1; the version is a label.");
        gauge!("sillage_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self {
            spool_bytes: gauge!("sillage_spool_bytes"),
            spool_segments: gauge!("sillage_spool_segments"),
            spool_oldest_seconds: gauge!("sillage_spool_oldest_seconds"),
            flush_seconds: histogram!("sillage_flush_seconds"),
            flush_rows: TABLES.map(|table| counter!("sillage_flush_rows_total", "table" => table)),
            store_retryable: counter!("sillage_store_errors_total", "kind" => "retryable"),
            store_refused: counter!("sillage_store_errors_total", "kind" => "refused"),
            visits_active: gauge!("sillage_visits_active"),
            tags: gauge!("sillage_tags"),
            rows: gauge!("sillage_rows"),
            geo_age_seconds: gauge!("sillage_geo_age_seconds"),
            engine_up: gauge!("sillage_engine_up"),
            quarantined: counter!("sillage_quarantined_total"),
            journal_discarded: counter!("sillage_journal_discarded_total"),
            set_aside_forgotten: counter!("sillage_quarantine_forgotten_total"),
            folded: counter!("sillage_folded_total"),
        }
    }
}

/// Starts logging to standard error from `level` on.
pub fn start_logs(level: LevelFilter) {
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt().with_env_filter(ours(level)).with_target(false);
    // A second start in one process, as in tests, keeps the first subscriber.
    log.with_writer(std::io::stderr).with_ansi(colours).try_init().ok();
}

/// Filter that admits only this crate's log lines. Libraries are silenced at every level because they log data in
/// transit: the `clickhouse` client logs the server's error text, which may quote rows, and HTTP libraries log headers.
fn ours(level: LevelFilter) -> EnvFilter {
    EnvFilter::new(format!("off,clickhouse=off,sillage={level}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn libraries_are_silent_at_every_level() {
        let log_buffer = LogBuffer::default();
        let writer = log_buffer.clone();
        let log = tracing_subscriber::fmt().with_env_filter(ours(LevelFilter::TRACE));
        tracing::subscriber::with_default(log.with_writer(move || writer.clone()).finish(), || {
            let span = tracing::error_span!(target: "clickhouse::query", "query", error = "theirs");
            span.in_scope(|| tracing::trace!(target: "sillage::ship", "our words"));
            tracing::error!(target: "clickhouse", "theirs");
            tracing::error!(target: "h2::codec", "theirs");
        });
        let log = String::from_utf8(log_buffer.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("our words") && !log.contains("theirs"), "{log}");
    }
}
