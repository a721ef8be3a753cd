//! The traffic and its expected figures. A day of simulated people (`src/simulate`) is made once and sent repeatedly,
//! each time as other people: their addresses move on within their networks, and nothing else changes. So memory here
//! is a day's, the server sees millions of visitors, and the truth is known of every request by its number.
//!
//! The addresses are sent in the header of a trusted proxy.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use sillage::simulate;

/// The site that is measured, and its host.
pub(crate) const SITE: &str = "bench.example";

/// Number of addresses in each of the simulation's networks.
const PEOPLE: u64 = 1 << 21;
/// The simulation's factor: no two people have one address.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Plan of the day to make.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) people: u32,
    pub(crate) pages: usize,
    /// Number of sites that the day is spread over, person by person.
    pub(crate) sites: u64,
    /// Whether reading times and actions are sent too.
    pub(crate) all: bool,
    /// Number of times that the day is sent as other people, before the first ones return.
    pub(crate) rounds: u64,
}

impl Plan {
    /// The day of most measurements: pageviews of a site with 2,000 pages.
    pub(crate) const PAGEVIEWS: Self = Self { people: 20_000, pages: 2_000, sites: 1, all: false, rounds: u64::MAX };
}

/// The requests of a day.
pub(crate) struct Traffic {
    requests: Vec<Request>,
    texts: Vec<u8>,
    heads: Vec<Vec<u8>>,
    people: u64,
    pub(crate) plan: Plan,
}

struct Request {
    address: IpAddr,
    person: u32,
    head: u32,
    body: Range<u32>,
    what: RequestKind,
}

enum RequestKind {
    Pageview { page: Box<str> },
    Engagement { ms: u64 },
    Action,
}

/// Requests sent so far to one server, over all runs: each number is used once.
#[derive(Default)]
pub(crate) struct SentNumbers(Mutex<Numbers>);

#[derive(Default)]
struct Numbers {
    next: u64,
    /// A bit for every acknowledged number.
    acknowledged: Vec<u64>,
}

/// Figures that the database must hold.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Truth {
    pub(crate) pageviews: i64,
    pub(crate) visitors: i64,
    pub(crate) engaged_ms: i64,
    pub(crate) actions: i64,
    pub(crate) by_page: BTreeMap<String, i64>,
}

impl Traffic {
    pub(crate) fn new(plan: Plan) -> Self {
        let day = simulate::Traffic {
            origin: format!("https://{SITE}"),
            pages: simulate::pages(plan.pages),
            uses: simulate::uses(),
            first: jiff::civil::date(2026, 3, 10),
            days: 1,
            timezone: jiff::tz::TimeZone::UTC,
            visitors_per_day: plan.people,
            seed: 5,
            extras: simulate::TrafficExtras::default(),
        };
        let mut lines = Vec::new();
        day.write(&mut lines).unwrap();
        let (mut people, mut heads) = (HashMap::new(), HashMap::new());
        let mut traffic = Self { requests: Vec::new(), texts: Vec::new(), heads: Vec::new(), people: 0, plan };
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Map<String, Value> = serde_json::from_slice(line).unwrap();
            if plan.all || line["n"] == "pageview" {
                traffic.add(line, &mut people, &mut heads);
            }
        }
        traffic.people = people.len() as u64;
        traffic
    }

    fn add(
        &mut self,
        mut line: Map<String, Value>,
        people: &mut HashMap<IpAddr, u32>,
        heads: &mut HashMap<String, u32>,
    ) {
        let mut taken = |name: &str| line.remove(name).unwrap().as_str().unwrap().to_owned();
        let (_, address, agent, language) =
            (taken("time"), taken("address"), taken("user_agent"), taken("accept_language"));
        let address: IpAddr = address.parse().unwrap();
        let known = people.len() as u32;
        let person = *people.entry(address).or_insert(known);
        let head = format!("User-Agent: {agent}\r\nAccept-Language: {language}\r\n");
        let known = heads.len() as u32;
        let head = *heads.entry(head).or_insert_with_key(|head| {
            self.heads.push(head.clone().into_bytes());
            known
        });
        let page = line["u"].as_str().unwrap().strip_prefix("https://bench.example").unwrap().into();
        let what = match line["n"].as_str().unwrap() {
            "pageview" => RequestKind::Pageview { page },
            "engagement" => RequestKind::Engagement { ms: line["e"].as_u64().unwrap() },
            _ => RequestKind::Action,
        };
        let site = site_name(u64::from(person) % self.plan.sites);
        for name in ["u", "r"] {
            if let Some(Value::String(url)) = line.get_mut(name) {
                *url = url.replacen(SITE, &site, 1);
            }
        }
        line.insert("d".into(), site.into());
        let begin = self.texts.len() as u32;
        serde_json::to_writer(&mut self.texts, &line).unwrap();
        self.requests.push(Request { address, person, head, body: begin..self.texts.len() as u32, what });
    }

    /// Configuration blocks of all sites; their midnight is half a day from now.
    pub(crate) fn sites(&self) -> String {
        let hour = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).hour();
        let sign = if hour < 12 { '-' } else { '+' };
        let zone = format!("Etc/GMT{sign}{}", (hour - 12).abs());
        let site = |number| {
            format!(
                "[[site]]\nname = {:?}\ntimezone = \"{zone}\"\nproperties = [\"plan\", \"file\"]\n",
                site_name(number)
            )
        };
        (0..self.plan.sites).map(site).collect()
    }

    /// The request with this number: its address and its other parts.
    fn request(&self, number: u64) -> (IpAddr, &Request) {
        let length = self.requests.len() as u64;
        let request = &self.requests[(number % length) as usize];
        (elsewhere(request.address, self.round(number) * self.people), request)
    }

    /// The round of a number; the first people return when all addresses were used.
    fn round(&self, number: u64) -> u64 {
        (number / self.requests.len() as u64) % self.plan.rounds.min(PEOPLE / self.people)
    }

    /// Whether the request with this number is a pageview.
    pub(crate) fn is_pageview(&self, number: u64) -> bool {
        matches!(self.request(number).1.what, RequestKind::Pageview { .. })
    }

    /// Writes a request as HTTP/1.1.
    pub(crate) fn write(&self, number: u64, out: &mut Vec<u8>) {
        let (address, request) = self.request(number);
        let body = &self.texts[request.body.start as usize..request.body.end as usize];
        out.extend_from_slice(b"POST /api/event HTTP/1.1\r\nHost: stats.bench.example\r\nX-Forwarded-For: ");
        write!(out, "{address}\r\nContent-Length: {}\r\nContent-Type: text/plain\r\n", body.len()).unwrap();
        out.extend_from_slice(&self.heads[request.head as usize]);
        out.extend_from_slice(
            b"Accept: */*\r\nOrigin: https://bench.example\r\nReferer: https://bench.example/\r\n\r\n",
        );
        out.extend_from_slice(body);
    }

    /// The same request for hyper's client.
    pub(crate) fn hyper(&self, number: u64) -> hyper::Request<http_body_util::Full<bytes::Bytes>> {
        let (address, agent, language, body) = self.parts(number);
        let asked = hyper::Request::post("http://stats.bench.example/api/event")
            .header("x-forwarded-for", address.to_string())
            .header("content-type", "text/plain")
            .header("user-agent", agent)
            .header("accept-language", language);
        asked.body(bytes::Bytes::copy_from_slice(body).into()).unwrap()
    }

    /// The pageview with this number as a line of an access log, or another request of the same person.
    pub(crate) fn log_line(
        &self,
        number: u64,
        time: &str,
        asset: Option<&str>,
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        let (address, request) = self.request(number);
        let page = match (&request.what, asset) {
            (_, Some(asset)) => asset,
            (RequestKind::Pageview { page }, None) => page,
            (RequestKind::Engagement { .. } | RequestKind::Action, None) => "/",
        };
        let agent = self.parts(number).1;
        writeln!(out, "{address} - - [{time}] \"GET {page} HTTP/1.1\" 200 5120 \"https://{SITE}/\" \"{agent}\"")
    }

    /// Address, agent, language and body.
    pub(crate) fn parts(&self, number: u64) -> (IpAddr, &str, &str, &[u8]) {
        let (address, request) = self.request(number);
        let head = std::str::from_utf8(&self.heads[request.head as usize]).unwrap();
        let mut lines = head.lines().map(|line| line.split_once(": ").unwrap().1);
        let body = &self.texts[request.body.start as usize..request.body.end as usize];
        (address, lines.next().unwrap(), lines.next().unwrap(), body)
    }

    /// Pageviews per person, on average.
    pub(crate) fn views_each(&self) -> f64 {
        let views = self.requests.iter().filter(|request| matches!(request.what, RequestKind::Pageview { .. })).count();
        views as f64 / self.people as f64
    }

    /// Expected figures of the acknowledged requests.
    pub(crate) fn truth(&self, sent: &SentNumbers) -> Truth {
        let numbers = sent.lock();
        let mut truth = Truth::default();
        let mut people = HashSet::new();
        for number in (0..numbers.next).filter(|number| numbers.is_acknowledged(*number)) {
            match &self.request(number).1 {
                Request { what: RequestKind::Pageview { page }, person, .. } => {
                    truth.pageviews += 1;
                    people.insert((self.round(number), *person));
                    match truth.by_page.get_mut(&**page) {
                        Some(views) => *views += 1,
                        None => drop(truth.by_page.insert(page.to_string(), 1)),
                    }
                }
                Request { what: RequestKind::Engagement { ms }, .. } => truth.engaged_ms += *ms as i64,
                Request { what: RequestKind::Action, .. } => truth.actions += 1,
            }
        }
        truth.visitors = people.len() as i64;
        truth
    }
}

impl SentNumbers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next unused number.
    pub(crate) fn next(&self) -> u64 {
        let mut numbers = self.lock();
        numbers.next += 1;
        numbers.next - 1
    }

    /// Records that the request with this number was answered `202`.
    pub(crate) fn acknowledge(&self, number: u64) {
        let mut numbers = self.lock();
        let word = (number / 64) as usize;
        if word >= numbers.acknowledged.len() {
            numbers.acknowledged.resize(word + 1_024, 0);
        }
        numbers.acknowledged[word] |= 1 << (number % 64);
    }
}

impl Numbers {
    fn is_acknowledged(&self, number: u64) -> bool {
        self.acknowledged.get((number / 64) as usize).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

fn site_name(number: u64) -> String {
    if number == 0 { SITE.to_owned() } else { format!("{number}.{SITE}") }
}

/// The address of another person in the same network, `people` numbers further.
fn elsewhere(address: IpAddr, people: u64) -> IpAddr {
    let moved = |bits: u64| (bits & !(PEOPLE - 1)) | (bits.wrapping_add(people.wrapping_mul(SCATTER)) & (PEOPLE - 1));
    match address {
        IpAddr::V4(address) => IpAddr::V4(((moved(u64::from(address.to_bits()))) as u32).into()),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            IpAddr::V6(((u128::from(moved((bits >> 64) as u64)) << 64) | u128::from(bits as u64)).into())
        }
    }
}
