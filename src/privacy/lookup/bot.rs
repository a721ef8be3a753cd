//! Detection of robots, by isbot's list (`agents/isbot/`). Holds patterns only, never an agent.

use fancy_regex::Regex;

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/agents/isbot/patterns.txt"));

/// A look-ahead or look-behind with at most one inner group.
const LOOK_AROUND: &str = r"\(\?<?[!=](?:[^()]|\([^()]*\))*\)";

/// The compiled list. Most patterns make one ordinary expression. The few with look-around would need a backtracking
/// engine, some 5 to 10 µs each; their conditions are texts beside a match, and are compared as such. They run only if
/// one of the patterns without its look-around matches.
pub(in crate::privacy) struct Bots {
    plain: Regex,
    stems: Regex,
    conditional: Vec<ConditionalPattern>,
}

/// A pattern `(?<!behind)stem(?!ahead)`, either condition of which may be absent.
struct ConditionalPattern {
    stem: Regex,
    behind: Vec<String>,
    ahead: Vec<String>,
}

impl Bots {
    pub(in crate::privacy) fn new() -> Self {
        let look_around = compile(LOOK_AROUND);
        let looks_around = |pattern: &&str| look_around.is_match(pattern).unwrap_or(true);
        let (conditional, plain): (Vec<&str>, Vec<&str>) = LIST.lines().partition(looks_around);
        let stems = look_around.replace_all(&conditional.join("|"), "").into_owned();
        Self {
            plain: compile(&plain.join("|")),
            stems: compile(&stems),
            conditional: conditional.into_iter().map(ConditionalPattern::new).collect(),
        }
    }

    /// Whether `agent` is a robot's. An empty agent, or an expression that exceeds its limit, counts as one.
    pub(in crate::privacy) fn is_bot(&self, agent: &str) -> bool {
        let matches = |pattern: &Regex| pattern.is_match(agent).unwrap_or(true);
        agent.trim().is_empty()
            || matches(&self.plain)
            || (matches(&self.stems) && self.conditional.iter().any(|pattern| pattern.matches(agent)))
    }
}

impl ConditionalPattern {
    fn new(pattern: &str) -> Self {
        let behind = pattern.strip_prefix("(?<!").and_then(|rest| rest.split_once(')'));
        let (behind, rest) = behind.unwrap_or(("", pattern));
        let (stem, ahead) = rest.split_once("(?!").unwrap_or((rest, ""));
        let ahead = ahead.strip_suffix(')').unwrap_or(ahead);
        let ahead = ahead.strip_prefix("(?:").and_then(|inner| inner.strip_suffix(')')).unwrap_or(ahead);
        let texts = |alternatives: &str| {
            alternatives.split('|').filter(|text| !text.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        Self { stem: compile(stem), behind: texts(behind), ahead: texts(ahead) }
    }

    fn matches(&self, agent: &str) -> bool {
        self.stem.find_iter(agent).any(|found| {
            // Exceeds its limit.
            let Ok(found) = found else { return true };
            let (before, after) = (agent.as_bytes().get(..found.start()), agent.as_bytes().get(found.end()..));
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            let is_behind = |text: &String| {
                let from = before.len().checked_sub(text.len());
                from.and_then(|from| before.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(text.as_bytes()))
            };
            let is_ahead = |text: &String| {
                after.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
            };
            !self.behind.iter().any(is_behind) && !self.ahead.iter().any(is_ahead)
        })
    }
}

fn compile(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the vendored patterns compile, as this module's tests show")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTS: &[&str] = &[
        "",
        " ",
        "-",
        "curl/8.5.0",
        "Wget/1.21.4",
        "python-requests/2.31.0",
        "Python/3.11 aiohttp/3.9.1",
        "Go-http-client/2.0",
        "okhttp/4.12.0",
        "axios/1.6.2",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        "Java/17.0.9",
        "Apache-HttpClient/4.5.14 (Java/17.0.9)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.109 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.6099.71 Safari/537.36",
        "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
        "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Twitterbot/1.0",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "Mozilla/5.0 (compatible; StatusCake)",
        "check_http/v2.3.3 (nagios-plugins 2.3.3)",
        "kube-probe/1.28",
        "Prometheus/2.48.0",
        "Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)",
        "Mozilla/5.0 zgrab/0.x",
        "masscan/1.3 (https://github.com/robertdavidgraham/masscan)",
    ];

    const PEOPLE: &[&str] = &[
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 312.0.0.16.109 (iPhone14,5; iOS 17_2; fr_FR; fr; scale=3.00; 1170x2532; 548339486)",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0",
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 OPR/106.0.0.0",
    ];

    #[test]
    fn crawlers_tools_monitors_previews_and_headless_browsers_are_bots() {
        let bots = Bots::new();
        for agent in BOTS {
            assert!(bots.is_bot(agent), "{agent:?} is a robot");
        }
    }

    #[test]
    fn browsers_of_people_are_not_classified_as_bots() {
        let bots = Bots::new();
        for agent in PEOPLE {
            assert!(!bots.is_bot(agent), "{agent:?} is a person's");
        }
    }

    #[test]
    fn a_pattern_taken_apart_matches_what_its_expression_matches() {
        let looks_around = compile(LOOK_AROUND);
        let patterns: Vec<&str> = LIST.lines().filter(|pattern| looks_around.is_match(pattern).unwrap()).collect();
        let is_literal = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || " /;".contains(c));
        let pieces = ["", "g", " cu", "cam", "lib", "channel/", " channel/", "google/", "x", "_", " ", ";", "é"];
        let ends = ["", "sapphire", "wv", "app", "/google", " pixel", "s", "s_", "_", ";", "x", "é", " "];
        let stems = ["news", "Google", "bot", "bots", "SCAN", "http", "java", "newsnews", "googlegoogle", "javajava"];
        for pattern in patterns {
            let (whole, apart) = (compile(pattern), ConditionalPattern::new(pattern));
            assert!(apart.behind.iter().chain(&apart.ahead).all(is_literal), "{pattern}");
            assert!(!apart.stem.as_str().contains("(?<") && !apart.stem.as_str().contains("(?!"), "{pattern}");
            for (before, stem, after) in agents_of(&pieces, &stems, &ends) {
                for agent in [format!("{before}{stem}{after}"), format!("a {before}{stem}{after}{stem}{after} b")] {
                    assert_eq!(apart.matches(&agent), whole.is_match(&agent).unwrap(), "{pattern}: {agent}");
                }
            }
            for agent in BOTS.iter().chain(PEOPLE) {
                assert_eq!(apart.matches(agent), whole.is_match(agent).unwrap(), "{pattern}: {agent}");
            }
        }
    }

    fn agents_of<'t>(
        pieces: &'t [&str],
        stems: &'t [&str],
        ends: &'t [&str],
    ) -> impl Iterator<Item = (&'t str, &'t str, &'t str)> {
        pieces.iter().flat_map(move |before| {
            stems.iter().flat_map(move |stem| ends.iter().map(move |after| (*before, *stem, *after)))
        })
    }

    #[test]
    fn patterns_that_look_around_keep_their_conditions() {
        let bots = Bots::new();
        assert_eq!(bots.conditional.len(), 6);
        let chrome = "Mozilla/5.0 (Linux; Android 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0";
        assert!(bots.is_bot(&format!("{chrome} Google")));
        assert!(!bots.is_bot(&format!("{chrome} GoogleApp")));
    }
}
