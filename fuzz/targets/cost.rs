//! Searches for the most expensive hit within the limits, by hill climbing: a hit is a body and two headers, a step
//! changes one of them, and the more expensive of two hits is kept. The cost is the processing time of a hit relative
//! to a plain one, the least of several tries. Exits 1 if a hit costs more than [`RATIO_MAX`] plain ones; its findings
//! belong into `benches/hot/stages/worst.rs`, which counts instructions.
//!
//! `cargo run --release --bin cost -- [SECONDS] [SEED]`; needs no nightly toolchain.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use sillage::collect::formats::native::NativeEvent;
use sillage::rollup::Rollup;
use sillage_fuzz::Counter;

/// Twice the budget of the instruction benchmark, since time also measures other load.
const RATIO_MAX: f64 = 15.0;

/// `collect.max_body_bytes` and `collect.max_header_bytes`, by default.
const BODY_BYTES_MAX: usize = 8_192;
const HEADER_BYTES_MAX: usize = 16_384;

/// Hits of one try: enough for the clock, and no value of theirs is remembered from one to the next.
const HITS: u32 = 20;
/// The least of this number of tries counts: other load of the machine only adds.
const TRIES: u32 = 5;
/// Turns of a plain hit and the dearest one at the end.
const TURNS: u32 = 15;

/// Pieces that inputs are made of: what redaction, parsing and lookups look for. `#` is a number of its own each time.
const PIECES: &[&str] = &[
    "a",
    "Z",
    "0",
    "#",
    "/",
    "-",
    "_",
    ".",
    "@",
    "%",
    "%C3%A9",
    "%40",
    "%25",
    "é",
    "e\u{301}",
    " ",
    ",",
    ";",
    "=",
    "&",
    "?",
    "\\",
    "\\u00e9",
    "x@y.example",
    "d41d8cd98f00b204",
    "+33 6 12 34 56 78",
    "FR76 3000 6000 0112 3456 7890 189",
    "192.0.2.1",
    "eyJhbGciOi.eyJzdWIi.c2ln",
    "utm_source=a&",
    "q=a&",
    "page=1&",
    "a.example",
    "https://a.example/",
    "Mozilla/5.0 ",
    "(Linux; Android 10; K) ",
    "Chrome/120.0 ",
    "Safari/537.36 ",
    "Version/17.2 ",
    "*;q=0,",
    "fr-CA;q=0.8,",
];

/// One input, by the places where a stranger writes.
#[derive(Clone, Default)]
struct HitText {
    path: String,
    query: String,
    referrer: String,
    name: String,
    value: String,
    sites: usize,
    agent: String,
    language: String,
}

/// An agent that was never read: with the number behind it, or before it where the end of the agent is not read.
fn numbered_agent(agent: &str, number: u32) -> String {
    if agent.len() < 400 { format!("{agent}{number}") } else { format!("{number} {agent}") }
}

/// Numbers that look random, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

impl HitText {
    fn fields(&mut self) -> [(&mut String, usize); 7] {
        [
            (&mut self.path, 1_900),
            (&mut self.query, 6_000),
            (&mut self.referrer, 6_000),
            (&mut self.name, 120),
            (&mut self.value, 7_500),
            (&mut self.agent, HEADER_BYTES_MAX / 2),
            (&mut self.language, HEADER_BYTES_MAX / 2),
        ]
    }

    /// Adds, repeats, cuts or empties a piece of one field.
    fn step(&mut self, chance: &mut Chance) {
        if chance.below(12) == 0 {
            self.sites = chance.below(9);
        }
        let mut fields = self.fields();
        let index = chance.below(fields.len());
        let (field, bytes_max) = &mut fields[index];
        let at = field.floor_char_boundary(chance.below(field.len() + 1));
        let piece = PIECES[chance.below(PIECES.len())];
        match chance.below(6) {
            0 => field.insert_str(at, piece),
            1 => field.insert_str(at, &piece.repeat(1 + chance.below(*bytes_max / piece.len()))),
            2 => **field = field.repeat(2),
            3 => **field = piece.repeat(*bytes_max / piece.len()),
            4 => field.truncate(at),
            _ => {
                let second = PIECES[chance.below(PIECES.len())];
                **field = [piece, second].concat().repeat(*bytes_max / (piece.len() + second.len()));
            }
        }
        let end = field.floor_char_boundary(*bytes_max);
        field.truncate(end);
    }

    /// The body of the hit with a number; nothing where it is longer than a collector takes.
    fn body(&self, number: u32) -> Option<String> {
        let numbered = |text: &str| text.replace('#', &number.to_string());
        let url = format!("https://a.example/{number}{}?{}", numbered(&self.path), numbered(&self.query));
        let mut event = serde_json::json!({ "u": url, "r": numbered(&self.referrer), "w": 1920 });
        event["n"] = if self.name.is_empty() { "pageview".into() } else { self.name.clone().into() };
        if !self.value.is_empty() {
            event["p"] = serde_json::json!({ "plan": numbered(&self.value), "size": "x" });
        }
        if self.sites > 0 {
            event["d"] = ["a.example"; 8][..self.sites.min(8)].join(",").into();
        }
        Some(event.to_string()).filter(|body| body.len() <= BODY_BYTES_MAX)
    }

    /// Time of one hit; nothing where it is not read at all.
    fn cost(&self, counter: &mut Counter, next: &mut u32) -> Option<Duration> {
        if self.agent.len() + self.language.len() > HEADER_BYTES_MAX {
            return None;
        }
        let mut least = Duration::MAX;
        for _ in 0..TRIES {
            counter.fresh();
            let bodies: Option<Vec<(String, String)>> = (0..HITS)
                .map(|_| {
                    *next += 1;
                    // The number stands where no limit cuts it, so that no agent is known.
                    Some((self.body(*next)?, numbered_agent(&self.agent, *next)))
                })
                .collect();
            let bodies = bodies?;
            let mut rollup = Rollup::default();
            let began = Instant::now();
            for (body, agent) in &bodies {
                let message = NativeEvent::parse(body.as_bytes()).ok()?;
                counter.count_as(&message, agent, &self.language, &mut rollup);
            }
            least = least.min(began.elapsed() / HITS);
        }
        Some(least)
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number(60), number(1));
    let (mut counter, mut next, mut chance) = (Counter::default(), 0, Chance(seed.max(1)));
    let plain = HitText {
        agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/".into(),
        ..HitText::default()
    };
    let Some(of_plain) = plain.cost(&mut counter, &mut next) else { return ExitCode::from(2) };
    let ratio = |cost: Duration| cost.as_secs_f64() / of_plain.as_secs_f64();
    println!("plain hit: {of_plain:?}");
    let (mut best, mut dearest) = (plain.clone(), of_plain);
    let (mut current, mut cost, mut stale) = (plain.clone(), of_plain, 0);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut steps = 0_u64;
    while Instant::now() < end {
        steps += 1;
        let mut changed = current.clone();
        (0..=chance.below(3)).for_each(|_| changed.step(&mut chance));
        // A dearer hit is measured again, since a disturbed machine makes any hit look dear.
        let first = changed.cost(&mut counter, &mut next).filter(|dearer| *dearer > cost);
        let again = first.and_then(|first| Some(changed.cost(&mut counter, &mut next)?.min(first)));
        match again {
            Some(dearer) if dearer > cost => (current, cost, stale) = (changed, dearer, 0),
            Some(_) | None => stale += 1,
        }
        if cost > dearest {
            (best, dearest) = (current.clone(), cost);
            println!("step {steps}: {dearest:?}, {:.1} plain hits", ratio(dearest));
        }
        // A hill without a higher neighbour: begin anew.
        if stale > 400 {
            (current, cost, stale) = (plain.clone(), of_plain, 0);
        }
    }
    // Both in turns: the machine's speed changes within the search.
    let mut ratios: Vec<f64> = (0..TURNS)
        .filter_map(|_| {
            let of_plain = plain.cost(&mut counter, &mut next)?;
            Some(best.cost(&mut counter, &mut next)?.as_secs_f64() / of_plain.as_secs_f64())
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_else(|| ratio(dearest));
    println!("{steps} steps; dearest hit: {ratio:.1} plain hits, the median of {} turns", ratios.len());
    println!("body: {}\nagent: {}\nlanguage: {}", best.body(next).unwrap_or_default(), best.agent, best.language);
    if ratio > RATIO_MAX { ExitCode::from(1) } else { ExitCode::SUCCESS }
}
