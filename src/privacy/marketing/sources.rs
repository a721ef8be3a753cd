//! Known sources, from `sources/`: a host, or a word of `utm_source`, mapped to a name and a kind. Must never examine
//! more of a referrer than its host.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Kind of a traffic source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceKind {
    Search,
    Social,
    Video,
    Mail,
    Assistant,
}

/// A source with name and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownSource {
    pub(super) kind: SourceKind,
    pub(super) name: &'static str,
}

/// Our list comes first: it overrides entries of the other.
const LISTS: [&str; 2] = [
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sources/more.tsv")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sources/matomo/hosts.tsv")),
];

static SOURCES: LazyLock<HashMap<String, KnownSource>> = LazyLock::new(|| {
    let mut sources = HashMap::new();
    let known = || LISTS.iter().flat_map(|list| list.lines()).filter_map(read);
    for (source, host) in known() {
        sources.entry(host.to_owned()).or_insert(source);
    }
    for (source, _) in known() {
        sources.entry(source.name.to_lowercase()).or_insert(source);
    }
    sources
});

/// Parses one line of a list.
fn read(line: &'static str) -> Option<(KnownSource, &'static str)> {
    let mut columns = line.split('\t');
    let kind = match columns.next()? {
        "search" => SourceKind::Search,
        "social" => SourceKind::Social,
        "video" => SourceKind::Video,
        "mail" => SourceKind::Mail,
        "assistant" => SourceKind::Assistant,
        _ => return None,
    };
    Some((KnownSource { kind, name: columns.next()? }, columns.next()?))
}

/// The source of this host, in lower case and without `www.`. Sources other than search engines also match by their
/// subdomains; an engine's subdomains serve other purposes.
pub(super) fn of_host(host: &str) -> Option<KnownSource> {
    if let Some(found) = SOURCES.get(host).or_else(|| of_country(host)) {
        return Some(*found);
    }
    let mut rest = host;
    while let Some((_, parent)) = rest.split_once('.').filter(|(_, parent)| parent.contains('.')) {
        if let Some(found) = SOURCES.get(parent) {
            return (found.kind != SourceKind::Search).then_some(*found);
        }
        rest = parent;
    }
    None
}

/// The source of a `utm_source` in lower case: a host, a name, or a common short form.
pub(super) fn of_word(word: &str) -> Option<KnownSource> {
    SOURCES.get(word).copied().or_else(|| word.contains('.').then(|| of_host(word)).flatten())
}

/// A search engine with a country in its host: `google.fr`, `google.co.uk`, `fr.search.yahoo.com`.
fn of_country(host: &str) -> Option<&'static KnownSource> {
    let labels: Vec<&str> = host.split('.').collect();
    let is_country = |label: &&str| label.len() == 2 && label.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_second = |label: &&str| matches!(*label, "com" | "co" | "org" | "net");
    let gap = |from: usize, to: usize| {
        let (before, after) = (labels.get(..from)?, labels.get(to + 1..)?);
        SOURCES.get(&[before, &["{}"], after].concat().join("."))
    };
    (0..labels.len()).filter(|at| labels.get(*at).is_some_and(is_country)).find_map(|at| {
        let second = at.checked_sub(1).filter(|second| labels.get(*second).is_some_and(is_second));
        gap(at, at).or_else(|| gap(second?, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_sources_are_known_by_their_hosts() {
        for (host, kind, name) in [
            ("google.com", SourceKind::Search, "Google"),
            ("google.fr", SourceKind::Search, "Google"),
            ("google.co.uk", SourceKind::Search, "Google"),
            ("google.com.br", SourceKind::Search, "Google"),
            ("com.google.android.googlequicksearchbox", SourceKind::Search, "Google"),
            ("bing.com", SourceKind::Search, "Bing"),
            ("cn.bing.com", SourceKind::Search, "Bing"),
            ("fr.search.yahoo.com", SourceKind::Search, "Yahoo!"),
            ("duckduckgo.com", SourceKind::Search, "DuckDuckGo"),
            ("qwant.com", SourceKind::Search, "Qwant"),
            ("ecosia.org", SourceKind::Search, "Ecosia"),
            ("search.brave.com", SourceKind::Search, "Brave"),
            ("yandex.ru", SourceKind::Search, "Yandex"),
            ("facebook.com", SourceKind::Social, "Facebook"),
            ("l.facebook.com", SourceKind::Social, "Facebook"),
            ("t.co", SourceKind::Social, "Twitter"),
            ("x.com", SourceKind::Social, "Twitter"),
            ("fr.linkedin.com", SourceKind::Social, "LinkedIn"),
            ("old.reddit.com", SourceKind::Social, "reddit"),
            ("news.ycombinator.com", SourceKind::Social, "Hacker News"),
            ("m.youtube.com", SourceKind::Video, "YouTube"),
            ("mail.google.com", SourceKind::Mail, "Gmail"),
            ("eu.mail.yahoo.com", SourceKind::Mail, "Yahoo! Mail"),
            ("chatgpt.com", SourceKind::Assistant, "ChatGPT"),
            ("plus.google.com", SourceKind::Social, "Google+"),
        ] {
            assert_eq!(of_host(host), Some(KnownSource { kind, name }), "{host}");
        }
        for host in ["docs.google.com", "news.example", "google.example", "com", "notfacebook.com", "", "."] {
            assert_eq!(of_host(host), None, "{host}");
        }
    }

    #[test]
    fn a_word_is_a_host_a_name_or_a_short_form() {
        for (word, name) in [
            ("google", "Google"),
            ("hacker news", "Hacker News"),
            ("fb", "Facebook"),
            ("twitter.com", "Twitter"),
            ("m.facebook.com", "Facebook"),
        ] {
            assert_eq!(of_word(word).map(|source| source.name), Some(name), "{word}");
        }
        assert_eq!(of_word("newsletter-march"), None);
    }

    #[test]
    fn every_line_of_the_lists_is_read() {
        for list in LISTS {
            for line in list.lines() {
                let (source, host) = read(line).unwrap_or_else(|| panic!("{line}"));
                assert_eq!(line.split('\t').count(), 3, "{line}");
                assert!(!host.is_empty() && !source.name.is_empty() && !host.starts_with("www."), "{line}");
            }
        }
    }
}
