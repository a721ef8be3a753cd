//! Our own corrections to what uap-core's rules say of an agent, one row each with its reason; and agents of people that the list
//! of robots takes for robots, and the other way round.

use crate::privacy::lookup::agent::Agent;

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

/// Corrects what the rules have said.
pub(super) fn correct(agent: &mut Agent, header: &str) {
    for Correction { holds, lacks, fix } in TABLE {
        let applies = holds.iter().all(|word| header.contains(word)) && !lacks.iter().any(|word| header.contains(word));
        if !applies {
            continue;
        }
        match fix {
            Fix::Device(device) => agent.device = device,
            Fix::Browser(browser) => {
                agent.browser = (*browser).into();
                agent.browser_version = "".into();
            }
            Fix::System(system, mark) => {
                let digits = header.split_once(mark).map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
                let major = digits.flatten().filter(|digits| (1..=3).contains(&digits.len()));
                agent.system = (*system).into();
                agent.system_version = major.map_or_else(String::new, |major| format!("{system} {major}")).into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::privacy::hit::UserAgent;
    use crate::privacy::lookup::agent::Agents;

    /// Agent; browser, system and its version, device.
    const READ: &[(&str, [&str; 4])] = &[
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.2 Mobile/15E148 Safari/604.1",
            ["Mobile Safari", "iOS", "iOS 26", "mobile"],
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/27.0 Mobile/15E148 Safari/604.1",
            ["Mobile Safari", "iOS", "iOS 27", "tablet"],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
            ["Mobile Safari", "iOS", "iOS 18", "mobile"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
            ["Safari", "Mac OS X", "Mac OS X 10", "desktop"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            ["Mobile Safari UI/WKWebView", "iOS", "", "tablet"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
            ["Safari", "Mac OS X", "Mac OS X 10", "desktop"],
        ),
        (
            "[FBAN/FB4A;FBAV/420.0;FBBV/1;FBDM/{density=3.0};FBLC/fr_FR;FBDV/Pixel 7;FBSV/13;FBOP/1]",
            ["Facebook", "Android", "Android 13", "mobile"],
        ),
        ("AppleNews/608.0.1 Version/2.0.1", ["", "iOS", "", "mobile"]),
    ];

    #[test]
    fn corrected_agents_read_as_what_they_are() {
        let agents = Agents::new(100);
        for (header, [browser, system, version, device]) in READ {
            let read = agents.look_up(&UserAgent::new(header));
            assert!(!read.bot, "{header}");
            assert_eq!([&*read.system, &*read.system_version, read.device], [*system, *version, *device], "{header}");
            assert!(browser.is_empty() || *read.browser == **browser, "{header}: {}", read.browser);
        }
    }

    #[test]
    fn applications_of_people_count_and_screenshots_of_a_host_do_not() {
        let agents = Agents::new(100);
        let is_bot = |header: &str| agents.look_up(&UserAgent::new(header)).bot;
        assert!(!is_bot("Barcelona 350.0.0.28.110 (iPad14,1; iPadOS 18_2; en_US; en; scale=2.00; 1488x2266; 1)"));
        assert!(!is_bot("AppleNews/608"));
        for header in [
            "vercel-screenshot/1.0",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 vercel-screenshot/1.0",
            "AppleNewsBot/1.0 (+http://apple.com/bot)",
        ] {
            assert!(is_bot(header), "{header}");
        }
    }
}
