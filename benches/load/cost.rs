//! Cost of a pageview: processor time until it is queryable, bytes in the spool, memory; and time from the start of the
//! program to its first hit.

use std::time::{Duration, Instant};

use crate::Extent;
use crate::program::{Home, Program, Setup};
use crate::results::{Figure, Goal, Results, median};
use crate::run::{LoadProfile, Subject, location_files};
use crate::traffic::{Plan, SentNumbers, Traffic};
use crate::wire::{connected, on_a_runtime, one};

/// Cost of a pageview at some rate; microseconds and MiB.
pub(crate) struct Cost {
    pub(crate) collector_us: f64,
    pub(crate) engine_us: f64,
    pub(crate) p99_ms: f64,
    pub(crate) anon_mib: f64,
    pub(crate) database_bytes: f64,
}

/// Processor time of collector and engine, including the engine's merges after an insert.
pub(crate) fn until_queryable(extent: &Extent, results: &mut Results) {
    for (number, rate) in extent.rates.iter().copied().enumerate() {
        let time =
            if number + 1 == extent.rates.len() { extent.sustained } else { extent.sustained.min(extent.shorter) };
        let name = format!("{rate}/s for {:.0} s", time.as_secs_f64());
        let plan = Plan { people: extent.people, ..Plan::PAGEVIEWS };
        let cost = at_rate(&name, (plan, extent.setup(15)), rate, time, results);
        let goal = (number + 1 == extent.rates.len()).then_some(Goal::AtMost(30.0));
        let all = Figure::new(format!("CPU until queryable, {name}"), "µs", cost.collector_us + cost.engine_us);
        results.add(Figure { goal, ..all });
        results.add(Figure::new(format!("– of the engine, {name}"), "µs", cost.engine_us));
    }
}

/// Sends at this rate for `time` to a program of its own, and waits until the engine is idle.
pub(crate) fn at_rate(
    name: &str,
    (plan, setup): (Plan, Setup),
    rate: f64,
    time: Duration,
    results: &mut Results,
) -> Cost {
    results.say(name);
    let mut subject = Subject::start(plan, setup);
    let measured = subject.load(LoadProfile::Open { connections: 256, rate }, time);
    results.run(name, "collector", &measured);
    let engine = subject.program.engine();
    let before = engine.cpu();
    subject.program.merged();
    let engine_cpu = measured.engine_cpu + engine.cpu() - before;
    subject.check();
    let each = |of: f64| of / measured.pageviews.max(1) as f64;
    Cost {
        collector_us: each(measured.cpu_until_shipped.as_secs_f64() * 1e6),
        engine_us: each(engine_cpu.as_secs_f64() * 1e6),
        p99_ms: measured.wait_ms(0.99),
        anon_mib: measured.memory.1,
        database_bytes: each(subject.program.database_bytes() as f64),
    }
}

/// Bytes of a pageview in the spool.
pub(crate) fn spool(extent: &Extent, results: &mut Results) {
    for (name, all, goal) in [
        ("spool, a pageview", false, Some(Goal::AtMost(150.0))),
        ("spool, a pageview with its reading time and actions", true, None),
    ] {
        results.say(name);
        let kept = Setup { spool: "flush_seconds = 3600".into(), ..Setup::default() };
        let mut subject = Subject::start(Plan { people: extent.people, all, ..Plan::PAGEVIEWS }, kept);
        let measured =
            subject.load_only(LoadProfile::Closed { connections: extent.connections[0] }, extent.seconds / 2);
        let bytes = subject.program.bytes("spool") as f64 / measured.pageviews as f64;
        results.add(Figure { goal, ..Figure::new(name, "bytes", bytes) });
        // The stop ships the waiting events.
        let subject = subject.restarted();
        subject.check();
    }
}

/// Memory of the idle program, and per visitor of the day.
pub(crate) fn memory(extent: &Extent, results: &mut Results) {
    results.say("memory without traffic");
    let plan = Plan { people: extent.people, ..Plan::PAGEVIEWS };
    let mut subject = Subject::start(plan, extent.setup(15));
    std::thread::sleep(extent.rest);
    let process = subject.program.process;
    results.add(Figure::new("memory idle, resident", "MiB", process.mib("VmRSS")).goal(Goal::AtMost(40.0)));
    results.add(Figure::new("– of that its own", "MiB", process.mib("RssAnon")));
    let connections = extent.connections[0];
    let profile = |views: f64| LoadProfile::Open { connections, rate: views };
    let rate = extent.filling_rate;
    subject.load(profile(rate), Duration::from_secs_f64(f64::from(extent.people) / rate));
    std::thread::sleep(extent.rest);
    let (anon, journal, known) = (process.mib("RssAnon"), process.mib("RssShmem"), subject.visitors());
    let views = extent.visitors as f64 * subject.traffic.views_each();
    results.say(format!("memory with {} visitors", extent.visitors));
    subject.load(profile(rate), Duration::from_secs_f64(views / rate));
    std::thread::sleep(extent.rest);
    let visitors = (subject.visitors() - known) as f64;
    let each = |mib: f64| mib * 1_048_576.0 / visitors;
    let own = each(process.mib("RssAnon") - anon);
    results.add(Figure::new(format!("memory, each of {visitors} visitors"), "bytes", own).goal(Goal::AtMost(120.0)));
    results.add(Figure::new("– and in the journal's files", "bytes", each(process.mib("RssShmem") - journal)));
    results.add(Figure::new("memory, the most in its life", "MiB", process.mib("VmHWM")));
    subject.check();
}

/// Time from the start of the process to the first `202`, with an empty spool.
pub(crate) fn start(extent: &Extent, results: &mut Results) {
    let traffic = Traffic::new(Plan { people: 20, ..Plan::PAGEVIEWS });
    let setup = || Setup { sites: traffic.sites(), geo: location_files(), ..Setup::default() };
    let mut times = Vec::new();
    for number in 0..extent.starts {
        results.say(format!("start {} of {}", number + 1, extent.starts));
        let mut program = Home::new(&setup()).spawn();
        let sent = SentNumbers::default();
        times.push(first_hit(&program, &traffic, &sent).as_secs_f64() * 1e3);
        program.wait();
        assert_eq!(program.pageviews(1), 1, "what was taken before the engine was up is counted");
    }
    results.add(Figure::new("start to the first 202", "ms", median(times)).goal(Goal::AtMost(100.0)));
}

fn first_hit(program: &Program, traffic: &Traffic, sent: &SentNumbers) -> Duration {
    let mut request = Vec::new();
    traffic.write(sent.next(), &mut request);
    let listens = || std::net::TcpStream::connect(program.collect).is_ok();
    while !listens() {
        assert!(program.began.elapsed() < Duration::from_secs(60), "it does not listen: {}", program.log());
        std::thread::sleep(Duration::from_micros(200));
    }
    on_a_runtime(async {
        let mut stream = connected(program.collect).await;
        let answer = one(&mut stream, &mut Vec::new(), &request).await.unwrap();
        assert!(answer.status == 202 && !answer.dropped, "the first hit is taken");
    });
    Instant::now() - program.began
}
