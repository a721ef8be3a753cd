//! Browser, system, device class and bots, from the `User-Agent` header, by uap-core's rules (`agents/uap-core/`).
//! Must never keep the header, nor any words of it: families come from a closed vocabulary, versions are a major
//! number, and the cache knows a header by a hash whose random key dies with the process.
//!
//! | device | told by |
//! |---|---|
//! | `tv` | televisions, their boxes and sticks |
//! | `other` | consoles, headsets, watches, cars; agents that match none of these rules |
//! | `tablet` | iPad, `Tablet`, Kindle, Android without `Mobile` |
//! | `mobile` | `Mobile`, iPhone, iPod, other telephones |
//! | `desktop` | Windows, Macintosh, X11, ChromeOS |
//!
//! An iPad that requests desktop pages sends a Macintosh's agent, and counts as one.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use quick_cache::sync::Cache;
use regex_syntax::hir::{Hir, HirKind, literal::Extractor};
use serde::Deserialize;
use ua_parser::{os, user_agent};

use crate::event::RobotKind;
use crate::privacy::hit::{NOT_LOGGED, UserAgent};
use crate::privacy::interned::Interned;
use crate::privacy::lookup::bot::Bots;
use crate::privacy::lookup::corrections::Corrections;
use crate::privacy::lookup::device::DeviceWords;
use crate::privacy::lookup::robot::RobotNames;
use crate::privacy::lookup::words::{WordFinder, WordNumbers, WordSet};

const RULES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/agents/uap-core/regexes.json"));

/// Bytes of one cached agent with its slot.
pub(crate) const AGENT_BYTES: u64 = 400;

/// Bytes of an agent in which the rules look for browser and system, since each rule reads all of them: behind them
/// stand names of robots and the lists that applications add, which are read by their words.
const RULE_BYTES_MAX: usize = 256;

/// Family name of agents that no rule of the closed vocabulary names.
const UNNAMED: &str = "Other";

/// Coarse values of a `User-Agent` header. Empty texts mean unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Browser family, such as `Firefox`.
    pub browser: Box<str>,
    /// Browser family with major version, at most four digits: versions of two browsers stay distinct.
    pub browser_version: Box<str>,
    /// Operating system family, such as `Windows`.
    pub system: Box<str>,
    /// Operating system family with major version.
    pub system_version: Box<str>,
    /// `desktop`, `mobile`, `tablet`, `tv` or `other`.
    pub device: &'static str,
    /// A robot, or an empty header. The other fields are then empty.
    pub bot: bool,
    /// Purpose of the robot, by its name.
    pub robot: RobotKind,
}

/// Reads agents and caches the results.
pub struct Agents {
    key: RandomState,
    read: Cache<u64, Arc<Interned<Agent>>>,
    words: WordFinder,
    devices: DeviceWords,
    corrections: Corrections,
    bots: Bots,
    names: RobotNames,
    /// Robots in the order of [`RobotKind::ALL`].
    robots: [Arc<Interned<Agent>>; RobotKind::ALL.len()],
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

impl Agents {
    /// Compiles the vendored rules, with a cache of `entries` agents.
    pub fn new(entries: usize) -> Self {
        let (browsers, systems) = rules();
        let mut numbers = WordNumbers::default();
        let (devices, corrections) = (DeviceWords::new(&mut numbers), Corrections::new(&mut numbers));
        Self {
            key: RandomState::new(),
            read: Cache::new(entries),
            words: numbers.finder(),
            devices,
            corrections,
            bots: Bots::new(),
            names: RobotNames::new(),
            robots: RobotKind::ALL
                .map(|robot| Arc::new(Interned::new(Agent { bot: true, robot, ..Agent::unknown("other") }))),
            browsers,
            systems,
        }
    }

    /// Coarse values of this header, from the cache or parsed.
    pub fn look_up(&self, agent: &UserAgent<'_>) -> Arc<Interned<Agent>> {
        let hash = self.key.hash_one(agent.0);
        if let Some(known) = self.read.get(&hash) {
            return known;
        }
        let header = &*ascii_only(agent.0);
        let said = self.words.words_of(header);
        let is_robot = || self.corrections.robot(said).unwrap_or_else(|| self.bots.is_bot(header));
        let agent = if header != NOT_LOGGED && is_robot() {
            self.robot(self.names.kind_of(header))
        } else {
            Arc::new(Interned::new(self.read(header, said)))
        };
        self.read.insert(hash, agent.clone());
        agent
    }

    /// Number of cached headers.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.read.len()
    }

    fn robot(&self, kind: RobotKind) -> Arc<Interned<Agent>> {
        self.robots.get(kind as usize).expect("because kinds are numbered from 0 without a gap").clone()
    }

    fn read(&self, header: &str, said: WordSet) -> Agent {
        let mut agent = Agent::unknown(self.devices.class_of(said));
        let beginning = header.get(..header.floor_char_boundary(RULE_BYTES_MAX)).unwrap_or_default();
        if let Some(browser) = self.browsers.extract(beginning).filter(|browser| browser.family != UNNAMED) {
            agent.browser_version = versioned(&browser.family, browser.major);
            agent.browser = browser.family.into();
        }
        if let Some(system) = self.systems.extract(beginning).filter(|system| system.os != UNNAMED) {
            agent.system_version = versioned(&system.os, system.major.as_deref());
            agent.system = system.os.into();
        }
        let fix = self.corrections.of(header, said);
        if let Some(browser) = fix.browser {
            agent.browser = browser.into();
            agent.browser_version = "".into();
        }
        if let Some((system, version)) = fix.system {
            agent.system = system.into();
            agent.system_version = version.into();
        }
        agent.device = fix.device.unwrap_or(agent.device);
        agent
    }
}

/// A header in ASCII: the rules name ASCII alone, and expressions with `\b` leave their fast automaton at a character
/// beyond it, so that 461 bytes took 0.6 ms.
fn ascii_only(header: &str) -> Cow<'_, str> {
    if header.is_ascii() {
        return header.into();
    }
    let mut ascii = String::with_capacity(header.len());
    // One `?` a character: its first byte is none that goes on.
    let bytes = header.bytes().filter(|byte| byte & 0b1100_0000 != 0b1000_0000);
    ascii.extend(bytes.map(|byte| if byte.is_ascii() { char::from(byte) } else { '?' }));
    ascii.into()
}

impl Agent {
    fn unknown(device: &'static str) -> Self {
        Self {
            browser: "".into(),
            browser_version: "".into(),
            system: "".into(),
            system_version: "".into(),
            device,
            bot: false,
            robot: RobotKind::Other,
        }
    }
}

/// A family with its major version of at most four digits, or an empty text.
fn versioned(family: &str, version: Option<&str>) -> Box<str> {
    let digits = |text: &&str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    version.filter(digits).map_or_else(String::new, |major| format!("{family} {major}")).into()
}

fn rules() -> (user_agent::Extractor<'static>, os::Extractor<'static>) {
    #[derive(Deserialize)]
    struct Rules {
        user_agent_parsers: Vec<user_agent::Parser<'static>>,
        os_parsers: Vec<os::Parser<'static>>,
    }
    const COMPILE: &str = "the vendored rules compile, as this module's tests show";

    let mut rules: Rules = serde_json::from_str(RULES).expect(COMPILE);
    for rule in &mut rules.user_agent_parsers {
        close(&rule.regex, &mut rule.family_replacement);
    }
    for rule in &mut rules.os_parsers {
        close(&rule.regex, &mut rule.os_replacement);
    }
    let browsers = user_agent::Builder::new().push_all(rules.user_agent_parsers).expect(COMPILE);
    let systems = os::Builder::new().push_all(rules.os_parsers).expect(COMPILE);
    (browsers.build().expect(COMPILE), systems.build().expect(COMPILE))
}

/// Replaces a rule's family by [`UNNAMED`] if it would copy arbitrary words of the header. A rule whose captures are
/// finite (`(Firefox|Fennec)`) stays: it can only produce words of the vendored file.
fn close(regex: &str, family: &mut Option<Cow<'static, str>>) {
    let captured: Vec<u32> = match family.as_deref() {
        None | Some("") => vec![1],
        Some(template) => (1..=9).filter(|group| template.contains(&format!("${group}"))).collect(),
    };
    let rule = regex_syntax::parse(regex);
    let is_finite = |group: &u32| {
        let captured = rule.as_ref().ok().and_then(|rule| group_of(rule, *group));
        captured.is_some_and(|words| Extractor::new().extract(words).is_exact())
    };
    if !captured.iter().all(is_finite) {
        *family = Some(Cow::Borrowed(UNNAMED));
    }
}

/// Content of the capture group with this number.
fn group_of(rule: &Hir, number: u32) -> Option<&Hir> {
    match rule.kind() {
        HirKind::Capture(group) if group.index == number => Some(&group.sub),
        HirKind::Capture(group) => group_of(&group.sub, number),
        HirKind::Repetition(repeated) => group_of(&repeated.sub, number),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(|part| group_of(part, number)),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

#[cfg(test)]
#[path = "corrections_tests.rs"]
mod corrected;

#[cfg(test)]
mod tests {
    use super::*;

    /// Agent header; expected browser and version, system and version, device.
    const READ: &[(&str, [&str; 5])] = &[
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            ["Chrome", "120", "Windows", "10", "desktop"],
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
            ["Edge", "120", "Windows", "10", "desktop"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
            ["Safari", "17", "Mac OS X", "10", "desktop"],
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
            ["Firefox", "121", "Ubuntu", "", "desktop"],
        ),
        (
            "Mozilla/5.0 (Windows NT 6.0; Tablet PC 2.0; Trident/7.0; rv:11.0) like Gecko",
            ["IE", "11", "Windows", "", "desktop"],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
            ["Mobile Safari", "17", "iOS", "17", "mobile"],
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1",
            ["Chrome Mobile iOS", "120", "iOS", "16", "tablet"],
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0",
            ["Firefox Mobile", "121", "Android", "14", "mobile"],
        ),
        (
            "Mozilla/5.0 (Android 13; Tablet; rv:121.0) Gecko/121.0 Firefox/121.0",
            ["Firefox Mobile", "121", "Android", "13", "tablet"],
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            ["Chrome", "120", "Android", "10", "tablet"],
        ),
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36",
            ["Safari", "", "Tizen", "6", "tv"],
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/5.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
            ["Safari", "13", "", "", "other"],
        ),
    ];

    #[test]
    fn known_browsers_are_read_to_their_major_versions() {
        let agents = Agents::new(100);
        for (header, expected) in READ {
            let read = agents.look_up(&UserAgent::new(header));
            let [browser, major, system, system_major, device] = *expected;
            assert_eq!((&*read.browser, &*read.system, read.device, read.bot), (browser, system, device, false));
            assert_eq!(read.browser_version, versioned(browser, Some(major)), "{header}");
            assert_eq!(read.system_version, versioned(system, Some(system_major)), "{header}");
        }
    }

    #[test]
    fn nothing_and_robots_are_bots_and_say_nothing_else() {
        let agents = Agents::new(100);
        for header in
            ["", "-", "curl/8.5.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"]
        {
            let read = agents.look_up(&UserAgent::new(header));
            assert_eq!(**read, Agent { bot: true, robot: read.robot, ..Agent::unknown("other") }, "{header}");
        }
    }

    #[test]
    fn words_that_no_rule_foresaw_never_come_out() {
        let agents = Agents::new(100);
        for header in [
            "Canary/7 CFNetwork/1474 Darwin/23.0.0",
            "Canary-iPhone/7.1 CFNetwork/1474 Darwin/23.0.0",
            "Mozilla/5.0 (Canary 7; Windows NT 10.0) Canary/7.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Canary/Canary",
            "HbbTV/1.2.1 (;Canary;Canary;2013;Canary)",
            "Mozilla/5.0 (X11; Canary) AppleWebKit/537.36 (KHTML, like Gecko) Canary/120.0.0.0 Safari/537.36",
        ] {
            let read = format!("{:?}", agents.read(header, agents.words.words_of(header)));
            assert!(!read.contains("Canary") && !read.contains("canary"), "{read}");
        }
    }

    #[test]
    fn few_rules_are_left_without_a_name() {
        let mut family = None;
        close("(Firefox|Fennec(?: Alpha|))/([0-9]+)", &mut family);
        assert_eq!(family, None);
        close("^(.*)/([0-9]+) CFNetwork", &mut family);
        assert_eq!(family.as_deref(), Some(UNNAMED));
        let rules: serde_json::Value = serde_json::from_str(RULES).unwrap();
        let unnamed = |section: &str, name: &str| {
            let closed = |rule: &&serde_json::Value| {
                let mut family = rule[name].as_str().map(|text| Cow::Owned(text.to_owned()));
                close(rule["regex"].as_str().unwrap(), &mut family);
                family.as_deref() == Some(UNNAMED)
            };
            rules[section].as_array().unwrap().iter().filter(closed).count()
        };
        assert!(unnamed("user_agent_parsers", "family_replacement") <= 12);
        assert!(unnamed("os_parsers", "os_replacement") <= 4);
    }

    #[test]
    fn a_header_is_cut_within_its_characters() {
        let agents = Agents::new(100);
        let long = "é".repeat(10_000);
        assert_eq!(agents.look_up(&UserAgent::new(&format!("x{long}"))).browser, "".into());
    }

    #[test]
    fn characters_beyond_ascii_change_nothing_of_what_an_agent_is() {
        let agents = Agents::new(100);
        let read = |device: &str| {
            let header = format!("Mozilla/5.0 (Linux; Android 14; {device}) AppleWebKit/537.36 Chrome/120.0 Mobile");
            let agent = agents.look_up(&UserAgent::new(&header));
            (agent.browser.clone(), agent.system_version.clone(), agent.device, agent.bot)
        };
        assert_eq!(read("K"), ("Chrome".into(), "Android 14".into(), "mobile", false));
        assert_eq!(read("小米 é"), read("K"));
    }

    #[test]
    fn the_same_header_is_read_once() {
        let agents = Agents::new(100);
        let first = agents.look_up(&UserAgent::new(READ[0].0));
        assert!(Arc::ptr_eq(&first, &agents.look_up(&UserAgent::new(READ[0].0))));
    }
}
