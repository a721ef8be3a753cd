//! Kinds of robots, by the names that they state. A closed list: the agent's own words never come out.

use aho_corasick::AhoCorasick;

use crate::event::RobotKind;

/// The words of [`KINDS`], found in one pass in either letter case.
pub(super) struct RobotNames {
    words: AhoCorasick,
    /// Position in [`KINDS`] of each word's kind.
    kinds: Vec<usize>,
}

impl RobotNames {
    pub(super) fn new() -> Self {
        let words = KINDS.iter().flat_map(|(_, words)| *words);
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(words);
        let kinds = KINDS.iter().enumerate().flat_map(|(at, (_, words))| std::iter::repeat_n(at, words.len()));
        Self { words: words.expect("because the list of the program is short"), kinds: kinds.collect() }
    }

    /// The kind of a robot's agent; the first list that has one of its words decides.
    pub(super) fn kind_of(&self, agent: &str) -> RobotKind {
        let found = self.words.find_overlapping_iter(agent);
        let first = found.filter_map(|word| self.kinds.get(word.pattern().as_usize())).min();
        first.and_then(|first| KINDS.get(*first)).map_or(RobotKind::Other, |(kind, _)| *kind)
    }
}

const KINDS: &[(RobotKind, &[&str])] = &[
    (
        RobotKind::AiAssistant,
        &[
            "chatgpt-user",
            "oai-searchbot",
            "perplexity",
            "claude-user",
            "claude-searchbot",
            "mistralai-user",
            "duckassistbot",
            "meta-externalfetcher",
            "google-notebooklm",
            "youbot",
            "phindbot",
            "gemini-deep-research",
            "google-agent",
            "novaact",
            "devin/",
            "manus-user",
            "linkupbot",
            "azureai-searchbot",
            "amzn-searchbot",
            "amzn-user",
            "cloudvertexbot",
            "kagi-fetcher",
        ],
    ),
    (
        RobotKind::AiCrawler,
        &[
            "gptbot",
            "claudebot",
            "claude-web",
            "anthropic-ai",
            "ccbot",
            "bytespider",
            "google-extended",
            "meta-externalagent",
            "facebookbot",
            "amazonbot",
            "applebot-extended",
            "cohere-",
            "diffbot",
            "ai2bot",
            "omgili",
            "timpibot",
            "deepseekbot",
            "pangubot",
            "imagesiftbot",
            "img2dataset",
            "tiktokspider",
            "bedrockbot",
            "firecrawl",
            "panscient",
            "webzio",
            "cotoyogi",
            "icc-crawler",
        ],
    ),
    (
        RobotKind::Search,
        &[
            "googlebot",
            "google-inspectiontool",
            "storebot-google",
            "googleother",
            "bingbot",
            "bingpreview",
            "msnbot",
            "yandex",
            "baiduspider",
            "duckduckbot",
            "applebot",
            "slurp",
            "qwant",
            "seznambot",
            "petalbot",
            "sogou",
            "yeti/",
            "exabot",
            "mojeekbot",
            "bravebot",
            "naverbot",
            "coccocbot",
            "ecosiabot",
        ],
    ),
    (
        RobotKind::Monitoring,
        &[
            "uptime",
            "pingdom",
            "statuscake",
            "site24x7",
            "newrelic",
            "new relic",
            "datadog",
            "check_http",
            "nagios",
            "zabbix",
            "kube-probe",
            "prometheus",
            "blackbox",
            "better stack",
            "betterstack",
            "hetrixtools",
            "freshping",
            "updown.io",
            "checkly",
            "lighthouse",
            "gtmetrix",
            "elb-healthchecker",
            "googlehc",
            "monit/",
            "catchpoint",
            "dareboost",
            "speedcurve",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_are_told_apart_by_their_purpose() {
        let names = RobotNames::new();
        for (agent, kind) in [
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0; +https://openai.com/bot)",
                RobotKind::AiAssistant,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                RobotKind::AiCrawler,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
                RobotKind::AiCrawler,
            ),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", RobotKind::Search),
            ("Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", RobotKind::Monitoring),
            ("kube-probe/1.28", RobotKind::Monitoring),
            ("curl/8.5.0", RobotKind::Other),
            ("", RobotKind::Other),
        ] {
            assert_eq!(names.kind_of(agent), kind, "{agent}");
        }
    }
}
