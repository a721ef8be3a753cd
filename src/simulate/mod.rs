//! Traffic with known totals, for demonstrations, tests and benchmarks: lines of native events as `import events` reads
//! them, in the order of their times, and the figures that counting them must give. The same plan gives the same lines,
//! byte for byte. Memory holds only the people active at the moment, however long the traffic is.
//!
//! The people are invented. Their addresses are in networks of large providers, so that they have a country; they are
//! drawn evenly and stand for no particular person. The truth is counted person by person, by the plain rules of
//! [`visits`](crate::visits) and without any of its code.

mod dice;
mod extras;
mod networks;
mod people;
mod steps;
mod traffic;
mod truth;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use crate::clock::{DAY_SECONDS, HOUR_SECONDS};
use crate::simulate::people::Population;
use crate::simulate::steps::{LoadTimes, Person, PersonKind, StepKind, VisitStep};
use dice::Dice;
pub use extras::TrafficExtras;
use jiff::Timestamp;
use jiff::civil::Weekday;
use serde::Serialize;
pub use traffic::{SiteUse, Traffic};
pub use truth::Truth;

/// Most people of a day with an address each.
pub const VISITORS_A_DAY_MAX: u32 = 1_000_000;

/// Share of an average day's people per hour, in thousandths: quiet nights, a long evening.
const HOURS: [u64; 24] = [15, 9, 6, 5, 5, 7, 14, 27, 43, 54, 59, 58, 55, 57, 60, 60, 58, 56, 57, 62, 68, 67, 58, 40];

impl Traffic {
    /// Writes all lines; returns their totals.
    ///
    /// # Errors
    /// When `out` fails, or a day is outside the range of timestamps.
    pub fn write(&self, mut out: impl Write) -> io::Result<Truth> {
        let people = Population::new(self);
        let end = self.midnight(self.days)?;
        let mut truth = Truth::default();
        let mut coming: BinaryHeap<Reverse<QueuedStep>> = BinaryHeap::new();
        let mut serial = 0;
        for day in 0..self.days {
            let (midnight, next) = (self.midnight(day)?, self.midnight(day + 1)?);
            let mut dice = Dice::new(self.seed, u64::from(day));
            let count = self.people_of(day, &mut dice);
            let robots =
                self.extras.robots(midnight, next, self.pages.len(), &mut Dice::new(self.seed ^ 0xb07, u64::from(day)));
            truth.robots += robots.len() as u64;
            truth.events += robots.len() as u64;
            for (person, step) in robots {
                serial += 1;
                coming.push(Reverse(QueuedStep { at: step.at, serial, number: 0, person, step }));
            }
            for number in 0..count {
                serial += 1;
                let mut dice = Dice::new(self.seed ^ 0x5eed, serial);
                let begin = midnight + second_of_day(number, count, &mut dice) * (next - midnight) / DAY_SECONDS;
                while coming.peek().is_some_and(|Reverse(due)| due.at < begin)
                    && let Some(Reverse(due)) = coming.pop()
                {
                    self.line(&mut out, &people, &due)?;
                }
                let (mut person, mut steps) = people.person(serial, begin, end, &mut dice);
                self.extras.enrich(
                    &mut person,
                    &mut steps,
                    self.pages.len(),
                    &mut Dice::new(self.seed ^ 0xe47a, serial),
                );
                match person.kind {
                    PersonKind::Objecting => truth.note_objection(&steps),
                    PersonKind::Usual | PersonKind::Consenting | PersonKind::Robot => {
                        truth.note(&steps, &self.timezone)
                    }
                }
                for (number, step) in steps.into_iter().enumerate() {
                    coming.push(Reverse(QueuedStep { at: step.at, serial, number, person, step }));
                }
            }
        }
        while let Some(Reverse(due)) = coming.pop() {
            self.line(&mut out, &people, &due)?;
        }
        out.flush()?;
        Ok(truth)
    }

    /// Start of the day with this number, in seconds since 1970.
    fn midnight(&self, day: u32) -> io::Result<i64> {
        let too_far = |_| io::Error::other("a day that no clock shows");
        let date = self.first.checked_add(jiff::Span::new().days(i64::from(day))).map_err(too_far)?;
        Ok(date.to_zoned(self.timezone.clone()).map_err(too_far)?.timestamp().as_second())
    }

    /// Number of people on a day: more on working days, and random.
    fn people_of(&self, day: u32, dice: &mut Dice) -> u64 {
        let date = self.first.saturating_add(jiff::Span::new().days(i64::from(day)));
        let percent = match date.weekday() {
            Weekday::Saturday => 74,
            Weekday::Sunday => 82,
            Weekday::Friday => 99,
            Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => 111,
        };
        let people =
            u64::from(self.visitors_per_day.min(VISITORS_A_DAY_MAX)) * percent * (920 + dice.below(161)) / 100_000;
        people * self.extras.season_percent(date, day, self.days) / 100
    }

    fn line(&self, out: &mut impl Write, people: &Population, due: &QueuedStep) -> io::Result<()> {
        let page = |page: usize| {
            let lost = || self.extras.lost_pages.get(page.checked_sub(self.pages.len())?);
            self.pages.get(page).or_else(lost).map_or("/", String::as_str)
        };
        let mut url = format!("{}{}", self.origin, page(due.step.page));
        if let StepKind::View { query: Some(query), .. } = due.step.what {
            url.push('?');
            url.push_str(self.extras.query_text(query));
        }
        let previous;
        let mut line = SimulatedLine {
            time: Timestamp::from_second(due.at).unwrap_or_default(),
            address: due.person.address,
            user_agent: match due.person.kind {
                PersonKind::Robot => extras::robot_agent(due.person.agent),
                PersonKind::Usual | PersonKind::Consenting | PersonKind::Objecting => people.agent(due.person),
            },
            accept_language: due.person.language,
            sec_gpc: due.person.kind == PersonKind::Objecting,
            c: (due.person.kind == PersonKind::Consenting).then_some(1),
            n: "pageview",
            u: &url,
            r: None,
            w: due.person.width,
            i: None,
            e: None,
            sd: None,
            p: None,
            t: None,
        };
        match due.step.what {
            StepKind::View { from: None, outside, .. } => line.r = outside,
            StepKind::View { from: Some(from), .. } => {
                previous = format!("{}{}", self.origin, page(from));
                line.r = Some(&previous);
            }
            StepKind::Reading { engaged_ms, depth } => {
                (line.n, line.e, line.sd) = ("engagement", Some(engaged_ms), Some(depth));
            }
            StepKind::Use { number, value } => {
                if let Some(used) = self.uses.get(number) {
                    let value = used.values.get(value).map_or("", String::as_str);
                    line.n = &used.action;
                    line.p = Some(std::iter::once((&*used.property, value)).collect());
                }
            }
            StepKind::Timing(times) => (line.n, line.t) = ("timing", Some(times)),
            StepKind::NotFound => (line.n, line.i) = ("404", Some(false)),
            StepKind::Problem(kind) => {
                (line.n, line.i) = ("problem", Some(false));
                line.p = Some(std::iter::once(("kind", kind)).collect());
            }
        }
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    }
}

/// Pages of an invented site: a front page, some for navigation, and articles.
pub fn pages(count: usize) -> Vec<String> {
    const WAYS: [&str; 6] = ["/", "/pricing", "/features", "/docs", "/about", "/contact"];
    const KINDS: [&str; 3] = ["articles", "guides", "notes"];
    const HOW: [&str; 16] = [
        "quiet", "early", "plain", "narrow", "bright", "slow", "hidden", "open", "salt", "winter", "paper", "copper",
        "distant", "second", "borrowed", "last",
    ];
    const WHAT: [&str; 16] = [
        "river",
        "garden",
        "signal",
        "harbour",
        "window",
        "letter",
        "engine",
        "orchard",
        "bridge",
        "morning",
        "map",
        "kitchen",
        "lantern",
        "station",
        "field",
        "staircase",
    ];
    let articles = (0..).map(|number: usize| {
        let word = |words: [&'static str; 16], at: usize| words.get(at % 16).copied().unwrap_or_default();
        let kind = KINDS.get(number % 3).copied().unwrap_or_default();
        let series = number / 256;
        let (how, what) = (word(HOW, number), word(WHAT, number / 16 + number % 16));
        if series == 0 { format!("/{kind}/{how}-{what}") } else { format!("/{kind}/{how}-{what}-part-{}", series + 1) }
    });
    WAYS.into_iter().map(str::to_owned).chain(articles).take(count.max(1)).collect()
}

/// Actions on an invented site.
pub fn uses() -> Vec<SiteUse> {
    let site_use = |on: &str, action: &str, property: &str, values: &[&str]| SiteUse {
        on: on.into(),
        action: action.into(),
        property: property.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    vec![
        site_use("/pricing", "Signup", "plan", &["free", "team", "house"]),
        site_use("/", "Download", "file", &["guide.pdf", "prices.pdf"]),
    ]
}

/// The second of the day at which the person with this number comes; later numbers never come earlier.
fn second_of_day(number: u64, count: u64, dice: &mut Dice) -> i64 {
    let weights: u64 = HOURS.iter().sum::<u64>() * HOUR_SECONDS.unsigned_abs();
    let mut at = (number * weights + dice.below(weights)) / count;
    for (hour, weight) in (0..).zip(HOURS) {
        if at < weight * HOUR_SECONDS.unsigned_abs() {
            return i64::try_from(hour * HOUR_SECONDS.unsigned_abs() + at / weight).unwrap_or_default();
        }
        at -= weight * HOUR_SECONDS.unsigned_abs();
    }
    86_399
}

/// A step that is still to be written; ordered by its time.
#[derive(Clone, Copy)]
struct QueuedStep {
    at: i64,
    serial: u64,
    number: usize,
    person: Person,
    step: VisitStep,
}

impl QueuedStep {
    fn key(&self) -> (i64, u64, usize) {
        (self.at, self.serial, self.number)
    }
}

impl PartialEq for QueuedStep {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for QueuedStep {}

impl PartialOrd for QueuedStep {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for QueuedStep {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// One line, in the fields of the native event.
#[derive(Serialize)]
struct SimulatedLine<'l> {
    time: Timestamp,
    address: std::net::IpAddr,
    user_agent: &'l str,
    accept_language: &'l str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sec_gpc: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<u8>,
    n: &'l str,
    u: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<&'l str>,
    w: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sd: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<std::collections::BTreeMap<&'l str, &'l str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    t: Option<LoadTimes>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::privacy::hit::UserAgent;
    use crate::privacy::lookup::agent::Agents;

    fn traffic(seed: u64) -> Traffic {
        Traffic {
            origin: "https://shop.example".into(),
            pages: pages(40),
            uses: uses(),
            first: jiff::civil::date(2026, 3, 27),
            days: 4,
            timezone: TimeZone::get("Europe/Paris").unwrap(),
            visitors_per_day: 300,
            seed,
            extras: TrafficExtras::default(),
        }
    }

    fn written(traffic: &Traffic) -> (String, Truth) {
        let mut out = Vec::new();
        let truth = traffic.write(&mut out).unwrap();
        (String::from_utf8(out).unwrap(), truth)
    }

    #[test]
    fn the_same_plan_gives_the_same_lines_and_another_seed_others() {
        let (one, truth) = written(&traffic(7));
        assert_eq!(written(&traffic(7)), (one.clone(), truth.clone()));
        assert_ne!(written(&traffic(8)).0, one);
        assert_eq!(truth.events, one.lines().count() as u64);
    }

    #[test]
    fn lines_come_in_the_order_of_their_times_within_the_days_asked_for() {
        let (text, _) = written(&traffic(7));
        let times: Vec<Timestamp> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["time"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(times.is_sorted());
        // The last Sunday of March has 23 hours in Paris.
        assert!(times[0] >= "2026-03-26T23:00:00Z".parse().unwrap());
        assert!(*times.last().unwrap() < "2026-03-30T22:00:00Z".parse().unwrap());
    }

    #[test]
    fn people_have_addresses_of_their_own_and_no_browser_of_a_robot() {
        let (text, truth) = written(&traffic(7));
        let mut agents: HashMap<String, String> = HashMap::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let of = |name: &str| line[name].as_str().unwrap().to_owned();
            let agent = agents.entry(of("address")).or_insert_with(|| of("user_agent"));
            assert_eq!(*agent, of("user_agent"));
        }
        let people = agents.len() as u64;
        assert!(people <= truth.visitors && truth.visitors < people + people / 20);
        let known = Agents::new(100);
        assert!(agents.values().all(|agent| !known.look_up(&UserAgent::new(agent)).bot));
    }

    #[test]
    fn the_truth_of_a_few_steps_is_what_the_rules_say() {
        let view = |at| VisitStep { at, page: 0, what: StepKind::View { from: None, outside: None, query: None } };
        let used = |at| VisitStep { at, page: 0, what: StepKind::Use { number: 0, value: 0 } };
        let mut truth = Truth::default();
        // Two pages over midnight; half an hour and a second later a bounce; then one page that was used.
        truth.note(&[view(86_000), view(86_500), view(88_301), view(91_000), used(91_010)], &TimeZone::UTC);
        let figures = (truth.pageviews, truth.visitors, truth.visits, truth.bounces, truth.visit_seconds);
        assert_eq!(figures, (4, 2, 3, 1, 510));
    }

    #[test]
    fn pages_have_names_of_their_own() {
        let all = pages(2_000);
        let distinct: std::collections::HashSet<&String> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (2_000, 2_000));
    }
}
