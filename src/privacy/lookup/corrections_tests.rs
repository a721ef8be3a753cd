//! Agents that need a correction, each with the expected reading.

use crate::privacy::hit::UserAgent;
use crate::privacy::lookup::agent::Agents;

/// Agent header; expected browser, system and its version, device.
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
fn corrected_agents_read_as_their_real_browser_system_and_device() {
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
