//! Our own corrections to what uap-core's rules say of an agent, one row each with its reason; and agents of people
//! that the list of robots takes for robots, and the other way round.

/// What a correction changes.
enum Fix {
    /// The system, with its major version as the words after this mark begin.
    System(&'static str, &'static str),
    /// The browser, without a version.
    Browser(&'static str),
    /// The device class.
    Device(&'static str),
}

/// Applies where the agent holds all of the first words and none of the second.
struct Correction {
    holds: &'static [&'static str],
    lacks: &'static [&'static str],
    fix: Fix,
}

const TABLE: &[Correction] = &[
    // Since Safari 26 the system in the agent stands still at 18; the browser's version is the system's.
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
    // Applications of Meta tell the system themselves.
    Correction { holds: &["FBAN/FBIOS", "FBSV/"], lacks: &[], fix: Fix::System("iOS", "FBSV/") },
    Correction { holds: &["FBAN/FB4A", "FBSV/"], lacks: &[], fix: Fix::System("Android", "FBSV/") },
    Correction { holds: &["FBAN/FB4A"], lacks: &["Tablet"], fix: Fix::Device("mobile") },
    Correction { holds: &["Instagram ", "; iOS "], lacks: &[], fix: Fix::System("iOS", "; iOS ") },
    // A view of the web inside an application of a Mac: the rules say Apple Mail.
    Correction {
        holds: &["Macintosh;", "AppleWebKit/", "(KHTML, like Gecko)"],
        lacks: &["Safari/", "Mobile/", "Chrome/", "Firefox/", "Version/"],
        fix: Fix::Browser("Safari"),
    },
    // The same of an iPad, which calls itself a Mac.
    Correction {
        holds: &["Macintosh;", "AppleWebKit/", " Mobile/"],
        lacks: &["Safari/"],
        fix: Fix::Browser("Mobile Safari UI/WKWebView"),
    },
    Correction { holds: &["Macintosh;", "AppleWebKit/", " Mobile/"], lacks: &[], fix: Fix::Device("tablet") },
    Correction { holds: &["Macintosh;", "AppleWebKit/", " Mobile/"], lacks: &[], fix: Fix::System("iOS", "\u{0}") },
    // Applications of people in which pages are read.
    Correction { holds: &["AppleNews/"], lacks: &[], fix: Fix::Device("mobile") },
    Correction { holds: &["AppleNews/"], lacks: &[], fix: Fix::System("iOS", "\u{0}") },
    Correction { holds: &["Barcelona ", "iPadOS"], lacks: &[], fix: Fix::Device("tablet") },
    Correction { holds: &["Barcelona ", "iPadOS"], lacks: &[], fix: Fix::System("iOS", "iPadOS ") },
    Correction { holds: &["Barcelona ", "Android"], lacks: &[], fix: Fix::Device("mobile") },
];

/// Words of applications that people read pages in, and that isbot's list takes for robots.
const PEOPLE: &[&str] = &["AppleNews/", "Barcelona "];

/// Words of robots that isbot's list does not know in every form.
const ROBOTS: &[&str] = &["vercel-screenshot", "vercelbot", "Vercelbot"];

/// Whether the agent is a robot's where isbot's list is wrong; nothing where it is to decide.
pub(super) fn robot(header: &str) -> Option<bool> {
    if ROBOTS.iter().any(|word| header.contains(word)) {
        return Some(true);
    }
    let is_app = PEOPLE.iter().any(|word| header.contains(word));
    (is_app && !header.contains("bot") && !header.contains("http")).then_some(false)
}

/// What is to be said in the place of the rules' words; nothing where they are right.
#[derive(Default)]
pub(super) struct AgentFix {
    /// Without a version.
    pub(super) browser: Option<&'static str>,
    /// With its major version, where the agent tells it.
    pub(super) system: Option<(&'static str, String)>,
    pub(super) device: Option<&'static str>,
}

/// The corrections of an agent.
pub(super) fn of(header: &str) -> AgentFix {
    let mut fixed = AgentFix::default();
    for Correction { holds, lacks, fix } in TABLE {
        let applies = holds.iter().all(|word| header.contains(word)) && !lacks.iter().any(|word| header.contains(word));
        if !applies {
            continue;
        }
        match fix {
            Fix::Device(device) => fixed.device = Some(device),
            Fix::Browser(browser) => fixed.browser = Some(browser),
            Fix::System(system, mark) => {
                let digits = header.split_once(mark).map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
                let major = digits.flatten().filter(|digits| (1..=3).contains(&digits.len()));
                fixed.system = Some((*system, major.map_or_else(String::new, |major| format!("{system} {major}"))));
            }
        }
    }
    fixed
}
