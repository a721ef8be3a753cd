//! The Content-Security-Policies of a page, as browsers apply them: every policy of every header and `<meta>` must
//! allow a request (CSP level 3, <https://www.w3.org/TR/CSP3/>).

use url::Url;

/// All policies of one page; empty where it has none.
#[derive(Debug, Default)]
pub(super) struct PagePolicies(Vec<SecurityPolicy>);

/// One policy: names of directives in lower case, each with its sources.
#[derive(Debug)]
struct SecurityPolicy(Vec<(String, Vec<String>)>);

/// A script's tag, as far as policies look at it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PolicyTag<'t> {
    pub(super) nonce: &'t str,
    pub(super) integrity: &'t str,
}

impl PagePolicies {
    /// Adds the policies of one header line or `<meta>`; commas separate several.
    pub(super) fn add(&mut self, written: &str) {
        self.0.extend(written.split(',').map(SecurityPolicy::read).filter(|policy| !policy.0.is_empty()));
    }

    /// The directive that keeps a script of the page's own markup from running.
    pub(super) fn blocking_script(&self, page: &Url, script: &Url, tag: PolicyTag<'_>) -> Option<String> {
        self.0.iter().find_map(|policy| {
            if policy.sources("sandbox").is_some_and(|allowed| !allowed.iter().any(|word| word == "allow-scripts")) {
                return Some("sandbox".to_owned());
            }
            let (name, sources) = policy.first(&["script-src-elem", "script-src", "default-src"])?;
            (!runs(sources, page, script, tag)).then(|| name.to_owned())
        })
    }

    /// The directive that keeps the page from sending to `target`.
    pub(super) fn blocking_request(&self, page: &Url, target: &Url) -> Option<String> {
        self.0.iter().find_map(|policy| {
            let (name, sources) = policy.first(&["connect-src", "default-src"])?;
            (!matches_any(sources, page, target)).then(|| name.to_owned())
        })
    }
}

impl SecurityPolicy {
    fn read(written: &str) -> Self {
        let mut directives: Vec<(String, Vec<String>)> = Vec::new();
        for directive in written.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            // The first of a name counts.
            if directives.iter().all(|(known, _)| *known != name) {
                directives.push((name, words.map(str::to_owned).collect()));
            }
        }
        Self(directives)
    }

    fn sources(&self, name: &str) -> Option<&[String]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, sources)| sources.as_slice())
    }

    fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &[String])> {
        names.iter().find_map(|name| Some((*name, self.sources(name)?)))
    }
}

/// Whether a script may run: by its nonce, by its hashes, or by its address.
fn runs(sources: &[String], page: &Url, script: &Url, tag: PolicyTag<'_>) -> bool {
    let has = |wanted: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(wanted));
    let quoted = |prefix: &str, value: &str| {
        let exact = |source: &String| {
            let inner = source.strip_prefix('\'').and_then(|source| source.strip_suffix('\''));
            let inner = inner.filter(|inner| inner.len() >= prefix.len() && inner.is_char_boundary(prefix.len()));
            inner
                .map(|inner| inner.split_at(prefix.len()))
                .is_some_and(|(kind, rest)| kind.eq_ignore_ascii_case(prefix) && rest == value)
        };
        sources.iter().any(exact)
    };
    let is_hashed = |hash: &str| quoted("", hash);
    let mut hashes = tag.integrity.split_ascii_whitespace().peekable();
    (!tag.nonce.is_empty() && quoted("nonce-", tag.nonce))
        || (hashes.peek().is_some() && hashes.all(is_hashed))
        || (!has("'strict-dynamic'") && matches_any(sources, page, script))
}

fn matches_any(sources: &[String], page: &Url, target: &Url) -> bool {
    sources.iter().any(|source| matches(source, page, target))
}

/// Whether one source of a list covers `target`.
fn matches(source: &str, page: &Url, target: &Url) -> bool {
    if source == "*" {
        return matches!(target.scheme(), "http" | "https" | "ws" | "wss") || target.scheme() == page.scheme();
    }
    if source.eq_ignore_ascii_case("'self'") {
        let ports = |url: &Url| url.port_or_known_default();
        let upgraded = ports(page) == Some(80) && ports(target) == Some(443);
        return page.host() == target.host()
            && covers_scheme(page.scheme(), target.scheme())
            && (ports(page) == ports(target) || upgraded);
    }
    if source.starts_with('\'') {
        return false;
    }
    if let Some(scheme) = source.strip_suffix(':') {
        return covers_scheme(&scheme.to_ascii_lowercase(), target.scheme());
    }
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => (page.scheme().to_owned(), source),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    covers_scheme(&scheme, target.scheme())
        && covers_host(&host.to_ascii_lowercase(), target.host_str().unwrap_or_default())
        && covers_port(port, target)
        && covers_path(path, target.path())
}

/// `http` covers `https`, never the reverse.
fn covers_scheme(source: &str, target: &str) -> bool {
    source == target || (source == "http" && target == "https")
}

/// `*.shop.example` covers its subdomains, not itself.
fn covers_host(source: &str, target: &str) -> bool {
    match source.strip_prefix('*') {
        Some("") => true,
        Some(suffix) => suffix.starts_with('.') && target.ends_with(suffix) && target.len() > suffix.len(),
        None => source == target,
    }
}

fn covers_port(source: Option<&str>, target: &Url) -> bool {
    match source {
        Some("*") => true,
        Some(port) => {
            let port = port.parse().ok();
            port.is_some()
                && (port == target.port_or_known_default() || (port == Some(80) && target.scheme() == "https"))
        }
        None => target.port().is_none(),
    }
}

/// A path that ends with `/` covers all below it, any other itself.
fn covers_path(source: &str, target: &str) -> bool {
    source.is_empty() || source == "/" || source == target || (source.ends_with('/') && target.starts_with(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(written: &[&str]) -> PagePolicies {
        let mut policies = PagePolicies::default();
        written.iter().for_each(|line| policies.add(line));
        policies
    }

    fn url(written: &str) -> Url {
        written.parse().unwrap()
    }

    /// Directives that block a script of the page's own origin, and a hit to it.
    fn blocked(written: &[&str], tag: PolicyTag<'_>) -> (Option<String>, Option<String>) {
        let (page, script) = (url("https://shop.example/a"), url("https://shop.example/js/sillage.js"));
        let policies = policies(written);
        (
            policies.blocking_script(&page, &script, tag),
            policies.blocking_request(&page, &url("https://shop.example/api/event")),
        )
    }

    #[test]
    fn a_script_and_a_hit_of_the_page_s_origin_are_judged_as_browsers_do() {
        for (policy, script, hit) in [
            ("script-src 'self'; connect-src 'self'", "", ""),
            ("default-src 'self'", "", ""),
            ("DEFAULT-SRC 'SELF'", "", ""),
            ("default-src 'none'; script-src 'self'", "", "default-src"),
            ("default-src 'none'", "default-src", "default-src"),
            ("script-src 'none'", "script-src", ""),
            ("script-src", "script-src", ""),
            ("script-src 'self'; script-src-elem https://cdn.example", "script-src-elem", ""),
            ("script-src https://cdn.example; script-src-elem 'self'", "", ""),
            ("script-src https://cdn.example", "script-src", ""),
            ("script-src https:", "", ""),
            ("script-src http:", "", ""),
            ("script-src *", "", ""),
            ("script-src 'unsafe-inline'", "script-src", ""),
            ("script-src data: blob:", "script-src", ""),
            ("script-src shop.example", "", ""),
            ("script-src https://shop.example", "", ""),
            ("script-src http://shop.example", "", ""),
            ("script-src http://shop.example:80", "", ""),
            ("script-src https://shop.example:443", "", ""),
            ("script-src https://shop.example:8443", "script-src", ""),
            ("script-src https://shop.example:*", "", ""),
            ("script-src *.shop.example", "script-src", ""),
            ("script-src https://*.example", "", ""),
            ("script-src https://shop.example/js/", "", ""),
            ("script-src https://shop.example/js", "script-src", ""),
            ("script-src https://shop.example/js/sillage.js", "", ""),
            ("script-src https://shop.example/other/", "script-src", ""),
            ("script-src 'nonce-abc'", "script-src", ""),
            ("script-src 'self' 'strict-dynamic' 'nonce-abc'", "script-src", ""),
            ("connect-src https://api.example", "", "connect-src"),
            ("connect-src 'none'", "", "connect-src"),
            ("connect-src https://shop.example/api/", "", ""),
            ("script-src 'none'; script-src 'self'", "script-src", ""),
            ("sandbox", "sandbox", ""),
            ("sandbox allow-scripts", "", ""),
            ("img-src 'none'; frame-ancestors 'none'", "", ""),
            ("", "", ""),
        ] {
            let (by_script, by_hit) = blocked(&[policy], PolicyTag::default());
            assert_eq!(
                (by_script.unwrap_or_default(), by_hit.unwrap_or_default()),
                (script.into(), hit.into()),
                "{policy}"
            );
        }
    }

    #[test]
    fn every_policy_of_every_line_must_allow_the_script() {
        assert!(blocked(&["script-src 'self'", "script-src *"], PolicyTag::default()).0.is_none());
        for written in [vec!["script-src 'self'", "script-src 'none'"], vec!["script-src 'self', default-src 'none'"]] {
            assert!(blocked(&written, PolicyTag::default()).0.is_some(), "{written:?}");
        }
    }

    #[test]
    fn a_nonce_or_the_hash_of_its_integrity_lets_the_script_run() {
        let nonce = PolicyTag { nonce: "aBc", integrity: "" };
        assert!(blocked(&["script-src 'nonce-aBc' 'strict-dynamic'"], nonce).0.is_none());
        assert!(blocked(&["script-src 'nonce-abc'"], nonce).0.is_some());
        let hashed = PolicyTag { nonce: "", integrity: "sha256-AAAA sha384-BBBB" };
        assert!(blocked(&["script-src 'sha256-AAAA' 'sha384-BBBB'"], hashed).0.is_none());
        assert!(blocked(&["script-src 'sha256-AAAA'"], hashed).0.is_some());
    }

    #[test]
    fn another_origin_needs_a_source_that_covers_it() {
        let (page, script) = (url("https://shop.example/"), url("https://stats.shop.example:8443/js/sillage.js"));
        for (policy, allowed) in [
            ("script-src 'self'", false),
            ("script-src https://stats.shop.example", false),
            ("script-src https://stats.shop.example:8443", true),
            ("script-src https://*.shop.example:*", true),
            ("script-src http://stats.shop.example:8443", true),
            ("script-src ws://stats.shop.example:8443", false),
        ] {
            let blocked = policies(&[policy]).blocking_script(&page, &script, PolicyTag::default());
            assert_eq!(blocked.is_none(), allowed, "{policy}");
        }
        let (plain, secure) = (url("http://shop.example/"), url("https://shop.example/js/sillage.js"));
        assert!(policies(&["script-src 'self'"]).blocking_script(&plain, &secure, PolicyTag::default()).is_none());
        let back = policies(&["script-src 'self'"]).blocking_script(&secure, &plain, PolicyTag::default());
        assert!(back.is_some(), "a secure page may not load in clear");
    }
}
