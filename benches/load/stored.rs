//! The database: its bytes, and its speed of answering over a year; and the speed of importing logs. Weeks are imported
//! and their figures compared with the truth; the year is that week, copied within the database.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use sillage::console::tokens;

use crate::Extent;
use crate::program::{Home, Program, Setup};
use crate::results::{Figure, Goal, Results, median};
use crate::run::location_files;
use crate::traffic::{Plan, SITE, SentNumbers, Traffic};
use crate::wire::{connected, on_a_runtime, one};

/// Queries of the console's page over twelve months: metrics, dimension.
const QUERIES: [(&str, &str); 14] = [
    ("visitors visits pageviews views_per_visit bounce_rate visit_duration time_on_page scroll_depth", ""),
    ("visitors visits pageviews views_per_visit bounce_rate visit_duration time_on_page scroll_depth", "time"),
    ("pageviews visitors time_on_page scroll_depth", "event:page"),
    ("visits bounce_rate visit_duration", "visit:entry_page"),
    ("visits", "visit:exit_page"),
    ("visits visitors bounce_rate", "visit:referrer"),
    ("pageviews", "event:previous_page"),
    ("visitors pageviews bounce_rate", "visit:country"),
    ("visitors pageviews bounce_rate", "visit:language"),
    ("visitors pageviews bounce_rate", "visit:device"),
    ("visitors pageviews bounce_rate", "visit:browser"),
    ("visitors pageviews bounce_rate", "visit:os"),
    ("visitors pageviews bounce_rate", "visit:screen"),
    ("events visitors", "event:name"),
];

/// Bytes of a pageview, at a site's traffic and at ten times that.
pub(crate) fn database(extent: &Extent, results: &mut Results) {
    let (token, sha256) = tokens::new_token().unwrap();
    let console = format!("tokens = [{{ name = \"bench\", sha256 = \"{sha256}\", sites = [\"*\"] }}]");
    let sites = format!("site = [{{ name = \"{SITE}\", properties = [\"plan\", \"file\"] }}]");
    let setup = || Setup { sites: sites.clone(), geo: location_files(), console: console.clone(), ..Setup::default() };
    let once = imported(Home::new(&setup()), extent, 1, extent.days, results);
    let of_month = once.pageviews as f64 / f64::from(extent.days) * 30.0 / 1e6;
    let name = format!("database, a pageview at {of_month:.1} million a month");
    let bytes_each = once.bytes_each();
    results.add(Figure::new(name, "bytes", bytes_each).goal(Goal::AtMost(25.0)));
    queries(once.program, extent, &token, results);
    let tenfold = imported(Home::new(&setup()), extent, 10, extent.days.min(2), results);
    let name = format!("database, a pageview at {:.1} million a month", 10.0 * of_month);
    results.add(Figure::new(name, "bytes", tenfold.bytes_each()));
    let factor = 10.0 * tenfold.bytes_each() / bytes_each;
    results
        .add(Figure::new("database, bytes of 10 × the traffic ÷ bytes of once", "×", factor).goal(Goal::AtMost(4.0)));
}

/// A database filled with days of traffic.
struct Filled {
    program: Program,
    pageviews: u64,
    bytes: f64,
}

impl Filled {
    fn bytes_each(&self) -> f64 {
        self.bytes / self.pageviews as f64
    }
}

/// A database with `times` the people per day, over `days` days.
fn imported(home: Home, extent: &Extent, times: u32, days: u32, results: &mut Results) -> Filled {
    let (mut pageviews, mut truths) = (0, Vec::new());
    // The simulation has at most a million people a day; twice as many are two simulations.
    for seed in 0..times.div_ceil(5) {
        let people = (extent.people_a_day * times / times.div_ceil(5)).to_string();
        results.say(format!("database: {people} people a day, {days} days"));
        let (events, truth) = (home.path("events.jsonl"), home.path("truth.json"));
        let arguments = ["simulate", "--site", SITE, "--pages", "2000", "--visitors-per-day", &people, "--truth"];
        let simulated = Command::new(env!("CARGO_BIN_EXE_sillage"))
            .args(arguments)
            .arg(&truth)
            .args(["--days", &days.to_string(), "--seed", &(seed + 1).to_string()])
            .stdout(File::create(&events).unwrap())
            .status();
        assert!(simulated.unwrap().success());
        let known: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
        let began = Instant::now();
        let mut import = home.command(&["import", "events", "--site", SITE, "--again"]);
        let import = import.arg(&events).output().unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        let rate = known["events"].as_f64().unwrap() / began.elapsed().as_secs_f64();
        results.add(Figure::new(format!("import of events, {people} people a day"), "/s", rate));
        std::fs::remove_file(events).unwrap();
        pageviews += known["pageviews"].as_u64().unwrap();
        truths.push(known);
    }
    let program = home.start();
    let sum = |of: &str| truths.iter().map(|truth| truth[of].as_i64().unwrap()).sum::<i64>();
    for of in ["pageviews", "visitors", "visits", "bounces", "visit_seconds", "engaged_ms"] {
        let counted = program.ask::<i64>(&format!("SELECT toInt64(sum({of})) FROM sillage.site_days"))[0];
        assert_eq!(counted, sum(of), "{of}");
    }
    for table in ["page_days", "dimension_days", "dimension_page_days", "action_page_days"] {
        program.tell(&format!("OPTIMIZE TABLE sillage.{table} FINAL"));
    }
    let bytes = program.database_bytes() as f64;
    Filled { program, pageviews, bytes }
}

/// Times of the console's queries, over a year that repeats the imported days.
fn queries(program: Program, extent: &Extent, token: &str, results: &mut Results) {
    let days = extent.days;
    for table in sillage::store::published::TABLES.iter().filter(|table| !table.figures.is_empty()) {
        let (table, hour) = (table.name, table.is_hourly());
        let first = program.ask::<u16>(&format!("SELECT toUInt16(min(day)) FROM sillage.{table}"))[0];
        if first == 0 {
            continue;
        }
        for copy in 1..=(364 / days).min(extent.copies) {
            results.say(format!("database: {table}, {} days", (copy + 1) * days));
            let hours = if hour { format!(", hour - {} AS hour", copy * days * 86_400) } else { String::new() };
            program.tell(&format!(
                "INSERT INTO sillage.{table} SELECT * REPLACE (day - {} AS day{hours}) FROM sillage.{table} \
                 WHERE toUInt16(day) >= {first}",
                copy * days
            ));
        }
    }
    program.merged();
    let mut program = program;
    let (mut slowest_warm, mut slowest_cold) = ((0.0, ""), (0.0, ""));
    for (metrics, dimension) in QUERIES.into_iter().take(extent.queries) {
        results.say(format!("queries over twelve months: {metrics} {dimension}"));
        program = program.end().start_cold();
        let cold = asked(&program, token, metrics, dimension);
        let warm = median((0..5).map(|_| asked(&program, token, metrics, dimension)));
        let word = if dimension.is_empty() { "the whole site" } else { dimension };
        results.add(Figure::new(format!("query over 12 months, {word}, warm"), "ms", warm));
        results.add(Figure::new(format!("query over 12 months, {word}, cold"), "ms", cold));
        slowest_warm = if warm > slowest_warm.0 { (warm, word) } else { slowest_warm };
        slowest_cold = if cold > slowest_cold.0 { (cold, word) } else { slowest_cold };
    }
    for ((ms, word), name, most) in [(slowest_warm, "warm", 100.0), (slowest_cold, "cold", 300.0)] {
        let name = format!("slowest query over 12 months, {name} ({word})");
        results.add(Figure::new(name, "ms", ms).goal(Goal::AtMost(most)));
    }
}

/// Milliseconds to the answer of one query.
fn asked(program: &Program, token: &str, metrics: &str, dimension: &str) -> f64 {
    let mut query = json!({
        "site_id": SITE,
        "metrics": metrics.split(' ').collect::<Vec<_>>(),
        "date_range": "12mo",
        "pagination": { "limit": 9 },
    });
    if !dimension.is_empty() {
        query["dimensions"] = json!([dimension]);
    }
    let (body, to) = (query.to_string(), program.home().console);
    let request = format!(
        "POST /api/v2/query HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    on_a_runtime(async {
        let mut stream = connected(to).await;
        let began = Instant::now();
        let answer = one(&mut stream, &mut Vec::new(), request.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{metrics} {dimension}");
        began.elapsed().as_secs_f64() * 1e3
    })
}

/// Lines of an access log per second: of a given file, or of a generated one with three other requests per page.
pub(crate) fn import(extent: &Extent, log: Option<&Path>, results: &mut Results) {
    let traffic = Traffic::new(Plan { people: extent.people, ..Plan::PAGEVIEWS });
    let home = Home::new(&Setup { sites: traffic.sites(), geo: location_files(), ..Setup::default() });
    let made = home.path("access.log");
    let (file, lines) = match log {
        Some(file) => (file, None),
        None => {
            results.say("writing an access log");
            write_log(&made, &traffic, extent.log_lines).unwrap();
            (&*made, Some(extent.log_lines))
        }
    };
    results.say("importing an access log");
    let began = Instant::now();
    let output = home.command(&["import", "access-log", "--site", SITE]).arg(file).output().unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let figure =
        |of: &str| -> Option<u64> { said.lines().find_map(|line| line.trim().strip_suffix(of)?.trim().parse().ok()) };
    let read = figure("lines read").unwrap();
    if let Some(lines) = lines {
        assert_eq!((read, figure("pageviews counted")), (lines, Some(lines / 4)), "{said}");
    }
    results.add(Figure::new("access log, lines a second", "/s", read as f64 / seconds).goal(Goal::AtLeast(200_000.0)));
}

fn write_log(file: &Path, traffic: &Traffic, lines: u64) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48);
    let sent = SentNumbers::default();
    for page in 0..lines / 4 {
        let time = yesterday + jiff::SignedDuration::from_secs((page * 4 * 80_000 / lines) as i64);
        let time = jiff::tz::TimeZone::UTC.to_datetime(time).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        let number = sent.next();
        traffic.log_line(number, &time, None, &mut out)?;
        for asset in ["/assets/site.css", "/assets/site.js", "/images/head.webp"] {
            traffic.log_line(number, &time, Some(asset), &mut out)?;
        }
    }
    out.flush()
}
