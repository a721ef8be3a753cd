//! Hosts of a site in normalised form: lower case, punycode, without `www.`, port and trailing dot.

use hashbrown::HashSet;

use crate::config::ConfigError;

/// Hosts that belong to a site, or are allowed beside its own.
#[derive(Debug, Default)]
pub struct SiteHosts {
    /// Listed hosts, or the site's name.
    listed: HashSet<String>,
    /// Every subdomain belongs to the site too, because no host was listed.
    with_subdomains: bool,
    /// Subdomains that belong to another site.
    others: Vec<String>,
    /// Hosts allowed beside its own, each with its subdomains; `*` stands for all.
    foreign: Vec<String>,
}

impl SiteHosts {
    /// Built from the listed hosts; if none is listed, from the site's name and all its subdomains, where the name is a
    /// host.
    ///
    /// # Errors
    /// When a listed host is malformed.
    pub(super) fn new(name: &str, listed: &[String], foreign: &[String]) -> Result<Self, ConfigError> {
        let named = || host_of_name(name).into_iter().collect();
        let form = |key: &str, host: &String| {
            let why = || format!("`{host}` is not a host; write one such as shop.example, without scheme and path");
            host_form(host).ok_or_else(|| ConfigError::Value { key: key.into(), why: why() })
        };
        let hosts = listed.iter().map(|host| form("site.hosts", host)).collect::<Result<HashSet<_>, _>>()?;
        let foreign = foreign.iter().map(|host| match host.as_str() {
            "*" => Ok("*".to_owned()),
            _ => form("site.foreign_hosts", host),
        });
        Ok(Self {
            with_subdomains: hosts.is_empty(),
            listed: if hosts.is_empty() { named() } else { hosts },
            others: Vec::new(),
            foreign: foreign.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a normalised host belongs to the site.
    pub fn contains(&self, host: &str) -> bool {
        let host = without_www(host);
        if self.listed.contains(host) {
            return true;
        }
        let is_below = |ours: &str| is_subdomain(host, ours);
        self.with_subdomains
            && self.listed.iter().any(|ours| is_below(ours))
            && !self.others.iter().any(|other| host == other || is_below(other))
    }

    /// Whether pages of this host may be counted for the site: its own hosts, allowed ones, or any host where the
    /// site's own are unknown.
    pub fn allows(&self, host: &str) -> bool {
        let host = without_www(host);
        let is_allowed = |allowed: &String| allowed == "*" || host == allowed || is_subdomain(host, allowed);
        self.listed.is_empty() || self.contains(host) || self.foreign.iter().any(is_allowed)
    }

    /// Whether a normalised host is listed beside the site's own; `*` lists none.
    pub(super) fn lists_foreign(&self, host: &str) -> bool {
        self.foreign.iter().any(|listed| host == listed || is_subdomain(host, listed))
    }

    /// Whether the site's own hosts are unknown.
    pub fn are_unknown(&self) -> bool {
        self.listed.is_empty()
    }

    /// The listed hosts, sorted.
    pub fn sorted(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.listed.iter().cloned().collect();
        hosts.sort();
        hosts
    }

    /// Excludes hosts of other sites.
    pub(super) fn leave(&mut self, others: &[String]) {
        let is_taken = |host: &&String| self.listed.iter().any(|ours| is_subdomain(host, ours));
        let taken: Vec<String> = others.iter().filter(is_taken).cloned().collect();
        self.others = taken;
    }
}

/// The normalised form of a host; `None` where the text is not a host.
pub fn host_form(written: &str) -> Option<String> {
    let written = written.trim();
    let host = match written.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => written,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let host = url::Host::parse(host).ok()?.to_string();
    Some(without_www(&host).to_owned())
}

/// The host that a site's name denotes; a name without a dot is not a host, except `localhost`.
fn host_of_name(name: &str) -> Option<String> {
    host_form(name).filter(|host| host.contains('.') || host == "localhost" || host.starts_with('['))
}

fn is_subdomain(host: &str, of: &str) -> bool {
    host.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'))
}

/// `host` without a leading `www.`.
pub fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_form_however_it_is_written() {
        for written in
            ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "www.bücher.example.", "bücher.example:8080"]
        {
            assert_eq!(host_form(written).as_deref(), Some("xn--bcher-kva.example"), "{written}");
        }
        assert_eq!(host_form("127.0.0.1").as_deref(), Some("127.0.0.1"));
        assert_eq!(host_form("[::1]").as_deref(), Some("[::1]"));
        for written in ["", "https://a.example", "a.example/b", "a b"] {
            assert_eq!(host_form(written), None, "{written}");
        }
    }

    #[test]
    fn without_listed_hosts_the_name_and_its_subdomains_are_the_site_s() {
        let hosts = SiteHosts::new("root.example", &[], &[]).unwrap();
        assert!(
            hosts.contains("root.example") && hosts.contains("blog.root.example") && hosts.contains("www.root.example")
        );
        assert!(!hosts.contains("otherroot.example") && !hosts.contains("example"));
        let listed = SiteHosts::new("root.example", &["a.example".into()], &["translate.goog".into()]).unwrap();
        assert!(listed.contains("a.example") && !listed.contains("root.example") && !listed.contains("b.a.example"));
        assert!(listed.allows("a-example.translate.goog") && !listed.allows("b.example"));
        let unnamed = SiteHosts::new("my-shop", &[], &[]).unwrap();
        assert!(unnamed.are_unknown() && unnamed.allows("any.example") && !unnamed.contains("my-shop"));
    }
}
