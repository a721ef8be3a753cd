//! Additions to simulated traffic beside pages, reading and actions: seasons, campaigns by consent, searches, load
//! times, script errors, dead links, objections and robots. Each has its own random sequence, so that the plain traffic
//! of a seed stays the same, byte for byte, whatever is added to it.

use std::net::IpAddr;

use jiff::civil::Date;

use crate::clock::DAY_SECONDS;
use crate::simulate::dice::Dice;
use crate::simulate::networks::{v4, within};
use crate::simulate::steps::{LoadTimes, Person, PersonKind, QueryText, StepKind, VisitStep};

/// Additions to the traffic; the default adds nothing.
#[derive(Debug, Clone, Default)]
pub struct TrafficExtras {
    /// Whether traffic varies: less in summer, more in autumn, slow growth and one busy week.
    pub seasons: bool,
    /// Percentage of people who consent to the measurement of campaigns.
    pub consent_percent: u64,
    /// Query strings that campaigns put on the first page of a visit, such as `utm_source=letter&utm_medium=email`.
    pub campaigns: Vec<String>,
    /// Query strings of searches, such as `q=lamp`; they are asked on [`Self::search_page`].
    pub searches: Vec<String>,
    /// Number of the page with the results of a search.
    pub search_page: usize,
    /// Whether most pageviews have load times.
    pub timings: bool,
    /// Percentage of pageviews with a script error.
    pub problems_percent: u64,
    /// Linked pages that do not exist.
    pub lost_pages: Vec<String>,
    /// Percentage of people whose browser sends `Sec-GPC: 1`.
    pub objections_percent: u64,
    /// Number of robots' requests per day.
    pub robot_hits_per_day: u64,
    /// Where these days lie in a longer time whose seasons and growth they follow: the number of the first, and how
    /// many there are in all. Without it they are the whole.
    pub part_of: Option<(u32, u32)>,
}

/// User agents of robots, with weights.
const ROBOTS: &[(u64, &str)] = &[
    (26, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    (14, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    (17, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"),
    (12, "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)"),
    (9, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot"),
    (
        6,
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    ),
    (9, "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"),
    (7, "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)"),
];

/// People of a month against an average one, in percent.
const SEASONS: [u64; 12] = [104, 101, 103, 99, 96, 90, 72, 68, 101, 112, 120, 110];

/// Kinds of script errors.
const PROBLEMS: [&str; 4] = ["TypeError", "resource", "NetworkError", "ReferenceError"];

impl TrafficExtras {
    /// Some of every addition, for a demonstration.
    pub fn lively() -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            seasons: true,
            consent_percent: 46,
            campaigns: owned(&[
                "utm_source=newsletter&utm_medium=email&utm_campaign=autumn-letter",
                "utm_source=newsletter&utm_medium=email&utm_campaign=new-arrivals",
                "utm_source=mastodon&utm_medium=social&utm_campaign=autumn-letter",
                "utm_source=partner.example&utm_medium=referral&utm_campaign=guest-post",
            ]),
            searches: Vec::new(),
            search_page: 0,
            timings: true,
            problems_percent: 1,
            lost_pages: Vec::new(),
            objections_percent: 6,
            robot_hits_per_day: 90,
            part_of: None,
        }
    }

    /// People of a day in percent of their number without seasons. `day` counts from the first of `days`.
    pub(super) fn season_percent(&self, date: Date, day: u32, days: u32) -> u64 {
        if !self.seasons {
            return 100;
        }
        let month = usize::try_from(date.month().saturating_sub(1)).unwrap_or_default();
        let (first, days) = self.part_of.unwrap_or((0, days));
        let (day, days) = (u64::from(first + day), u64::from(days.max(1)));
        let growth = 85 + 30 * day / days;
        let busy_week = days * 2 / 3..days * 2 / 3 + 7;
        let busy = if busy_week.contains(&day) && days >= 60 { 160 } else { 100 };
        SEASONS.get(month).copied().unwrap_or(100) * growth * busy / 10_000
    }

    /// Applies the additions to one person's steps.
    pub(super) fn enrich(&self, person: &mut Person, steps: &mut Vec<VisitStep>, pages: usize, dice: &mut Dice) {
        if dice.percent(self.objections_percent) {
            person.kind = PersonKind::Objecting;
        } else if dice.percent(self.consent_percent) {
            person.kind = PersonKind::Consenting;
        }
        self.lose_way(steps, pages, dice);
        let mut enriched = Vec::with_capacity(steps.len() * 2);
        let mut rest = steps.drain(..).peekable();
        while let Some(mut step) = rest.next() {
            let next_at = rest.peek().map_or(i64::MAX, |next| next.at);
            self.query(&mut step, person.kind, dice);
            enriched.push(step);
            if matches!(step.what, StepKind::View { .. }) && step.page < pages {
                let at = (step.at + 2).min(next_at);
                if self.timings && next_at > step.at && dice.percent(80) {
                    enriched.push(VisitStep { at, page: step.page, what: StepKind::Timing(load_times(dice)) });
                }
                if dice.percent(self.problems_percent) {
                    let kind = PROBLEMS.get(dice.index(PROBLEMS.len())).copied().unwrap_or("Error");
                    enriched.push(VisitStep { at, page: step.page, what: StepKind::Problem(kind) });
                }
            }
        }
        drop(rest);
        *steps = enriched;
    }

    /// Adds a campaign at the start of a visit, or a search on the search page.
    fn query(&self, step: &mut VisitStep, kind: PersonKind, dice: &mut Dice) {
        let page = step.page;
        let StepKind::View { from, outside, query } = &mut step.what else { return };
        if !self.searches.is_empty() && page == self.search_page && dice.percent(70) {
            *query = Some(QueryText::Search(dice.index(self.searches.len())));
        } else if !self.campaigns.is_empty() && from.is_none() && outside.is_none() && dice.percent(22) {
            let number = dice.index(self.campaigns.len());
            *query = matches!(kind, PersonKind::Consenting | PersonKind::Usual).then_some(QueryText::Campaign(number));
        }
    }

    /// Leads some people from other sites who see one page to a missing page.
    fn lose_way(&self, steps: &mut Vec<VisitStep>, pages: usize, dice: &mut Dice) {
        let views = steps.iter().filter(|step| matches!(step.what, StepKind::View { .. })).count();
        let from_outside =
            matches!(steps.first(), Some(VisitStep { what: StepKind::View { outside: Some(_), .. }, .. }));
        if self.lost_pages.is_empty() || views != 1 || !from_outside || !dice.percent(9) {
            return;
        }
        let Some(first) = steps.first_mut() else { return };
        first.page = pages + dice.index(self.lost_pages.len());
        let (at, page) = (first.at, first.page);
        steps.truncate(1);
        steps.push(VisitStep { at: at + 1, page, what: StepKind::NotFound });
    }

    /// Robots' requests on a day that starts at `midnight` and ends at `next`.
    pub(super) fn robots(&self, midnight: i64, next: i64, pages: usize, dice: &mut Dice) -> Vec<(Person, VisitStep)> {
        let weights: u64 = ROBOTS.iter().map(|(weight, _)| weight).sum();
        let count = self.robot_hits_per_day * (80 + dice.below(41)) / 100;
        let mut hits: Vec<(Person, VisitStep)> = (0..count)
            .map(|_| {
                let mut turn = dice.below(weights);
                let agent = ROBOTS.iter().position(|(weight, _)| {
                    let is_chosen = turn < *weight;
                    turn = turn.saturating_sub(*weight);
                    is_chosen
                });
                let agent = agent.unwrap_or_default();
                let length = u64::try_from(next - midnight).unwrap_or(DAY_SECONDS.unsigned_abs());
                let at = midnight + i64::try_from(dice.below(length)).unwrap_or_default();
                let page = dice.index(pages.min(60));
                let person = Person {
                    address: robot_address(agent, dice),
                    language: "",
                    width: 1_280,
                    agent,
                    kind: PersonKind::Robot,
                };
                (person, VisitStep { at, page, what: StepKind::View { from: None, outside: None, query: None } })
            })
            .collect();
        hits.sort_by_key(|(_, step)| step.at);
        hits
    }

    /// The query string of a step's page.
    pub(super) fn query_text(&self, query: QueryText) -> &str {
        let texts = match query {
            QueryText::Campaign(number) => self.campaigns.get(number),
            QueryText::Search(number) => self.searches.get(number),
        };
        texts.map_or("", String::as_str)
    }
}

/// The user agent of a robot.
pub(super) fn robot_agent(number: usize) -> &'static str {
    ROBOTS.get(number).map_or("bot", |(_, agent)| agent)
}

/// Load times of a page: mostly fast, sometimes slow.
fn load_times(dice: &mut Dice) -> LoadTimes {
    let slow = if dice.percent(12) { 3 } else { 1 };
    let mut part = |low: u64, high: u64| u32::try_from(dice.between(low, high) * slow).unwrap_or(u32::MAX);
    let ttfb = part(40, 420);
    let fcp = ttfb + part(120, 900);
    let lcp = fcp + part(0, 1_300);
    let dom = ttfb + part(150, 800);
    LoadTimes { ttfb, fcp, lcp, inp: part(16, 180), dom, load: dom.max(lcp) + part(30, 900) }
}

/// An address for the robot with this number, in a network of a hosting provider.
fn robot_address(robot: usize, dice: &mut Dice) -> IpAddr {
    const NETWORKS: [IpAddr; 4] = [v4(66, 249), v4(40, 77), v4(20, 15), v4(52, 70)];
    let network = NETWORKS.get(robot % NETWORKS.len()).copied().unwrap_or(v4(66, 249));
    within(network, 8, dice.below(64))
}
