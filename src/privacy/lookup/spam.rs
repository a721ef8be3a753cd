//! Referrer spam: referrers that robots send to appear in figures (`sources/spam.txt`). Hits with one are dropped.

use std::sync::LazyLock;

use hashbrown::HashSet;

use crate::sites::host_form;

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sources/spam.txt"));

static HOSTS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect());

/// Labels of a host that are compared: entries of the list have at most four.
const LABELS_MAX: usize = 8;

/// Whether a referrer's host, or a parent domain of it, is on the list.
pub(in crate::privacy) fn is_spam(referrer: &str) -> bool {
    let Some((_, rest)) = referrer.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain =
        authority.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
    match is_plain {
        true => is_listed(authority),
        false => host_form(authority).is_some_and(|host| is_listed(&host)),
    }
}

fn is_listed(host: &str) -> bool {
    let parents = std::iter::successors(Some(host), |host| Some(host.split_once('.')?.1));
    parents.take(LABELS_MAX).any(|host| HOSTS.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spammers_and_their_subdomains_are_known_and_others_are_not() {
        for referrer in ["http://semalt.com/", "https://semalt.semalt.com/crawler.php?u=x", "http://WWW.Darodar.com:80"]
        {
            assert!(is_spam(referrer), "{referrer}");
        }
        for referrer in
            ["https://news.example/semalt.com", "https://notsemalt.com/", "semalt.com", "", "https://www.google.com/"]
        {
            assert!(!is_spam(referrer), "{referrer}");
        }
    }

    #[test]
    fn the_list_holds_hosts_in_their_one_form_sorted_and_once() {
        let hosts: Vec<&str> = LIST.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(hosts.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(hosts.iter().all(|host| host_form(host).as_deref() == Some(*host)));
    }
}
