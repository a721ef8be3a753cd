//! Corrections to uap-core's rules, one row each with its reason; and to isbot's list, for people's agents that it
//! takes for robots and for robots that it misses.

use crate::privacy::lookup::words::{WordNumbers, WordSet};

/// Field that a correction changes.
enum Fix {
    /// The system; its major version follows this mark in the agent.
    System(&'static str, &'static str),
    /// The browser family, without a version.
    Browser(&'static str),
    /// The device class of the agent.
    Device(&'static str),
}

/// Applies if the agent contains all words of `holds` and none of `lacks`.
struct Correction {
    holds: &'static [&'static str],
    lacks: &'static [&'static str],
    fix: Fix,
}

const TABLE: &[Correction] = &[
    // Since Safari 26, the system version in the agent is frozen at 18; the browser's version is the system's.
    Correction {
        holds: &["iPhone OS 18_", " Version/", " Safari/"],
        lacks: &["Version/18", "Version/17"],
        fix: Fix::System("iOS", " Version/"),
    },
    Correction {
        holds: &["CPU OS 18_", " Version/", " Safari/"],
        lacks: &["Version/18", "Version/17"],
        fix: Fix::System("iOS", " Version/"),
    },
    // Meta's applications state the system themselves.
    Correction { holds: &["FBAN/FBIOS", "FBSV/"], lacks: &[], fix: Fix::System("iOS", "FBSV/") },
    Correction { holds: &["FBAN/FB4A", "FBSV/"], lacks: &[], fix: Fix::System("Android", "FBSV/") },
    Correction { holds: &["FBAN/FB4A"], lacks: &["Tablet"], fix: Fix::Device("mobile") },
    Correction { holds: &["Instagram ", "; iOS "], lacks: &[], fix: Fix::System("iOS", "; iOS ") },
    // A web view inside a Mac application: the rules say Apple Mail.
    Correction {
        holds: &["Macintosh;", "AppleWebKit/", "(KHTML, like Gecko)"],
        lacks: &["Safari/", "Mobile/", "Chrome/", "Firefox/", "Version/"],
        fix: Fix::Browser("Safari"),
    },
    // A web view on an iPad, whose agent claims a Mac.
    Correction {
        holds: &["Macintosh;", "AppleWebKit/", " Mobile/"],
        lacks: &["Safari/"],
        fix: Fix::Browser("Mobile Safari UI/WKWebView"),
    },
    Correction { holds: &["Macintosh;", "AppleWebKit/", " Mobile/"], lacks: &[], fix: Fix::Device("tablet") },
    Correction { holds: &["Macintosh;", "AppleWebKit/", " Mobile/"], lacks: &[], fix: Fix::System("iOS", "\u{0}") },
    // A headset, whose agent claims a desktop.
    Correction { holds: &["OculusBrowser/", " VR "], lacks: &[], fix: Fix::Device("other") },
    // Applications in which people read pages.
    Correction { holds: &["AppleNews/"], lacks: &[], fix: Fix::Device("mobile") },
    Correction { holds: &["AppleNews/"], lacks: &[], fix: Fix::System("iOS", "\u{0}") },
    Correction { holds: &["Barcelona ", "iPadOS"], lacks: &[], fix: Fix::Device("tablet") },
    Correction { holds: &["Barcelona ", "iPadOS"], lacks: &[], fix: Fix::System("iOS", "iPadOS ") },
    Correction { holds: &["Barcelona ", "Android"], lacks: &[], fix: Fix::Device("mobile") },
];

/// Words of applications in which people read pages and that isbot's list takes for robots.
const PEOPLE: &[&str] = &["AppleNews/", "Barcelona "];

/// Words of robots that isbot's list misses in some forms.
const ROBOTS: &[&str] = &["vercel-screenshot", "vercelbot", "Vercelbot", " GTmetrix", "(dart:io)"];

/// Words without which an agent with a word of [`PEOPLE`] is an application.
const ROBOTS_OF_APPLICATIONS: &[&str] = &["bot", "http"];

/// The table and lists above, compiled.
pub(super) struct Corrections {
    /// Words that an agent holds, words that it lacks, and the correction.
    table: Vec<(WordSet, WordSet, &'static Fix)>,
    robots: WordSet,
    people: WordSet,
    robots_of_applications: WordSet,
}

/// Replacements for the rules' values; `None` where the rules are right.
#[derive(Default)]
pub(super) struct AgentFix {
    /// Browser family, without a version.
    pub(super) browser: Option<&'static str>,
    /// System with its major version, if the agent states it.
    pub(super) system: Option<(&'static str, String)>,
    pub(super) device: Option<&'static str>,
}

impl Corrections {
    pub(super) fn new(numbers: &mut WordNumbers) -> Self {
        let rows = TABLE.iter().map(|row| (numbers.set(row.holds), numbers.set(row.lacks), &row.fix));
        Self {
            table: rows.collect(),
            robots: numbers.set(ROBOTS),
            people: numbers.set(PEOPLE),
            robots_of_applications: numbers.set(ROBOTS_OF_APPLICATIONS),
        }
    }

    /// Overrides isbot's list; `None` where the list decides.
    pub(super) fn robot(&self, said: WordSet) -> Option<bool> {
        if said.has_any(self.robots) {
            return Some(true);
        }
        (said.has_any(self.people) && !said.has_any(self.robots_of_applications)).then_some(false)
    }

    /// All corrections of an agent with these words.
    pub(super) fn of(&self, header: &str, said: WordSet) -> AgentFix {
        let mut fixed = AgentFix::default();
        for (_, _, fix) in self.table.iter().filter(|(holds, lacks, _)| said.has_all(*holds) && !said.has_any(*lacks)) {
            match fix {
                Fix::Device(device) => fixed.device = Some(device),
                Fix::Browser(browser) => fixed.browser = Some(browser),
                Fix::System(system, mark) => fixed.system = Some((system, versioned(system, mark, header))),
            }
        }
        fixed
    }
}

/// A system with the major version that follows `mark` in the agent, or an empty text.
fn versioned(system: &str, mark: &str, header: &str) -> String {
    let digits = header.split_once(mark).map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
    let major = digits.flatten().filter(|digits| (1..=3).contains(&digits.len()));
    major.map_or_else(String::new, |major| format!("{system} {major}"))
}
