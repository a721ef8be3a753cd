//! The people of simulated traffic: their network, their browser, and their steps on a day.

use std::net::IpAddr;

use super::dice::{Dice, Wheel};
use super::networks::{v4, v6, within};
use super::steps::{Person, PersonKind, StepKind, VisitStep};
use super::traffic::Traffic;

/// Networks: weight, first address, bits that number the people, language. At least 21 bits: at a million people a day,
/// no two of the same or the next day share an address.
const NETWORKS: &[(u64, IpAddr, u32, &str)] = &[
    (26, v4(92, 128), 22, "fr-FR,fr;q=0.9,en;q=0.6"),
    (8, v6(0x2a01, 0x0e00), 38, "fr-FR,fr;q=0.9,en-US;q=0.8"),
    (15, v4(91, 0), 22, "de-DE,de;q=0.9,en;q=0.7"),
    (3, v6(0x2003, 0), 45, "de,en-US;q=0.7,en;q=0.3"),
    (14, v4(73, 0), 24, "en-US,en;q=0.9"),
    (3, v6(0x2600, 0x1700), 36, "en-US,en;q=0.9,es;q=0.8"),
    (9, v4(86, 128), 22, "en-GB,en;q=0.9"),
    (6, v4(88, 0), 21, "es-ES,es;q=0.9"),
    (5, v4(79, 0), 22, "it-IT,it;q=0.9,en;q=0.6"),
    (4, v4(117, 192), 22, "en-IN,en;q=0.9,hi;q=0.8"),
    (3, v4(83, 0), 21, "pl-PL,pl;q=0.9,en;q=0.5"),
    (2, v4(99, 224), 21, "en-CA,en;q=0.9,fr-CA;q=0.8"),
    (1, v4(189, 128), 21, "es-MX,es;q=0.9"),
    (1, v4(1, 128), 21, "en-AU,en;q=0.9"),
];

const DESKTOP: &[u16] = &[1920, 1536, 1440, 1366, 1280, 2560, 1728];
const MOBILE: &[u16] = &[390, 360, 393, 412, 430, 384];
const TABLET: &[u16] = &[768, 820, 1024, 800];

/// Browsers: weight, header with `#` for the version, newest version, widths. The newest and the two versions before it
/// are in use.
const BROWSERS: &[(u64, &str, u32, &[u16])] = &[
    (
        24,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Safari/537.36",
        142,
        DESKTOP,
    ),
    (
        22,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Mobile Safari/537.36",
        142,
        MOBILE,
    ),
    (
        17,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/#.0 Mobile/15E148 Safari/604.1",
        26,
        MOBILE,
    ),
    (
        7,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Safari/537.36",
        142,
        DESKTOP,
    ),
    (
        6,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/#.0.0.0",
        142,
        DESKTOP,
    ),
    (5, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:#.0) Gecko/20100101 Firefox/#.0", 145, DESKTOP),
    (
        5,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/#.0 Safari/605.1.15",
        26,
        DESKTOP,
    ),
    (
        4,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/#.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        28,
        MOBILE,
    ),
    (2, "Mozilla/5.0 (X11; Linux x86_64; rv:#.0) Gecko/20100101 Firefox/#.0", 145, DESKTOP),
    (2, "Mozilla/5.0 (Android 15; Mobile; rv:#.0) Gecko/#.0 Firefox/#.0", 145, MOBILE),
    (
        2,
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/#.0.7444.46 Mobile/15E148 Safari/604.1",
        142,
        TABLET,
    ),
    (
        1,
        "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Safari/537.36",
        142,
        TABLET,
    ),
    (
        1,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/#.0.0.0",
        124,
        DESKTOP,
    ),
    (
        1,
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/#.0.0.0 Safari/537.36",
        142,
        DESKTOP,
    ),
];

/// Origins of visits: weight and referrer.
const REFERRERS: &[(u64, Option<&str>)] = &[
    (44, None),
    (27, Some("https://www.google.com/")),
    (5, Some("https://www.bing.com/")),
    (4, Some("https://duckduckgo.com/")),
    (4, Some("https://www.ecosia.org/")),
    (4, Some("https://news.ycombinator.com/item?id=1")),
    (3, Some("https://www.reddit.com/")),
    (3, Some("android-app://com.google.android.gm/")),
    (2, Some("https://mastodon.social/")),
    (2, Some("https://fr.wikipedia.org/wiki/Sillage")),
    (1, Some("https://lobste.rs/")),
    (1, Some("https://www.linkedin.com/")),
];

/// Weights of the number of pages of a visit, from one on.
const VIEWS: &[u64] = &[46, 19, 12, 8, 5, 4, 2, 2, 1, 1];

/// Seconds on a page: every interval between two of these is equally likely. The longest still keeps a visit together.
const DWELL: &[u64] = &[1, 3, 5, 8, 11, 15, 20, 26, 33, 42, 54, 70, 95, 140, 260, 900, 1_700];

/// Distributions that people are drawn from.
pub(super) struct Population {
    networks: Wheel,
    agents: Vec<(String, &'static [u16])>,
    agent: Wheel,
    referrer: Wheel,
    views: Wheel,
    pages: Wheel,
    /// Actions of each page: their numbers, and how many values each has.
    uses: Vec<Vec<(usize, usize)>>,
}

impl Population {
    pub(super) fn new(traffic: &Traffic) -> Self {
        let versions = |(weight, header, newest, widths): &(u64, &str, u32, &'static [u16])| {
            let version = |(share, back)| {
                let header = header.replace('#', &newest.saturating_sub(back).to_string());
                (weight * share, (header, *widths))
            };
            [(7, 0), (2, 1), (1, 2)].map(version)
        };
        let (weights, agents): (Vec<u64>, Vec<_>) = BROWSERS.iter().flat_map(versions).unzip();
        Self {
            networks: Wheel::new(NETWORKS.iter().map(|(weight, ..)| *weight)),
            agents,
            agent: Wheel::new(weights),
            referrer: Wheel::new(REFERRERS.iter().map(|(weight, _)| *weight)),
            views: Wheel::new(VIEWS.iter().copied()),
            // Zipf: the page of rank n is read 1/n as often as the first.
            pages: Wheel::new((1..=traffic.pages.len() as u64).map(|rank| 1_000_000 / rank)),
            uses: traffic.pages.iter().map(|page| offered(traffic, page)).collect(),
        }
    }

    pub(super) fn agent(&self, person: Person) -> &str {
        self.agents.get(person.agent).map_or("", |(header, _)| header)
    }

    /// A person who comes at `begin`, and all their steps before `end`, in order. Numbers less than two million apart
    /// give different addresses.
    pub(super) fn person(&self, number: u64, begin: i64, end: i64, dice: &mut Dice) -> (Person, Vec<VisitStep>) {
        let (address, language) = match NETWORKS.get(self.networks.turn(dice)) {
            Some((_, network, bits, language)) => (within(*network, *bits, number), *language),
            None => (v4(92, 128), "fr"),
        };
        let agent = self.agent.turn(dice);
        let widths = self.agents.get(agent).map_or(DESKTOP, |(_, widths)| widths);
        let width = widths.get(dice.index(widths.len())).copied().unwrap_or(1_280);
        let mut steps = Vec::new();
        let mut at = begin;
        loop {
            self.visit(&mut steps, &mut at, end, dice);
            at += i64::try_from(dice.between(1_801, 14_400)).unwrap_or_default();
            if at >= end || !dice.percent(11) {
                return (Person { address, language, width, agent, kind: PersonKind::Usual }, steps);
            }
        }
    }

    /// One visit: no gap in it is over 1,800 seconds. Sets `at` to its last step.
    fn visit(&self, steps: &mut Vec<VisitStep>, at: &mut i64, end: i64, dice: &mut Dice) {
        let (_, outside) = REFERRERS.get(self.referrer.turn(dice)).copied().unwrap_or_default();
        let mut page = if dice.percent(50) { 0 } else { self.pages.turn(dice) };
        let mut from = None;
        for _ in 0..=self.views.turn(dice) {
            if *at >= end {
                break;
            }
            steps.push(VisitStep { at: *at, page, what: StepKind::View { from, outside, query: None } });
            let seconds = dwell(dice);
            let left_at = *at + i64::try_from(seconds).unwrap_or_default();
            if left_at < end {
                let uses = self.uses.get(page).map_or(&[][..], Vec::as_slice);
                if let Some((number, values)) = uses.get(dice.index(uses.len())).copied()
                    && dice.percent(8)
                {
                    let value = dice.index(values);
                    let used = *at + (left_at - *at) / 2;
                    steps.push(VisitStep { at: used, page, what: StepKind::Use { number, value } });
                }
                if dice.percent(92) {
                    let engaged_ms = u32::try_from(seconds * dice.between(550, 1_001)).unwrap_or_default();
                    let depth = u8::try_from(dice.between(10, 101)).unwrap_or_default();
                    steps.push(VisitStep { at: left_at, page, what: StepKind::Reading { engaged_ms, depth } });
                }
            }
            *at = left_at;
            // Some pages send no referrer.
            from = (!dice.percent(7)).then_some(page);
            page = self.pages.turn(dice);
        }
        if let Some(last) = steps.last() {
            *at = last.at;
        }
    }
}

fn offered(traffic: &Traffic, page: &str) -> Vec<(usize, usize)> {
    let uses = traffic.uses.iter().enumerate().filter(|(_, used)| page.starts_with(&*used.on));
    uses.map(|(number, used)| (number, used.values.len())).collect()
}

fn dwell(dice: &mut Dice) -> u64 {
    let step = dice.index(DWELL.len() - 1);
    let dwell_of = |step: usize| DWELL.get(step).copied().unwrap_or(1);
    dice.between(dwell_of(step), dwell_of(step + 1))
}
