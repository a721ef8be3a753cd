//! Tokens of servers: a site's own server that holds one may say for which client it speaks. Without a token, or for a
//! site that the token does not name, nothing that a request says of an address or an agent is believed.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::TokenConfig;
use crate::hex::from_hex;
use crate::sites::Site;

/// How agents of libraries begin that servers send requests with: they say nothing of the client.
const LIBRARIES: &[&str] = &[
    "Apache-HttpClient/",
    "axios/",
    "curl/",
    "Go-http-client/",
    "got ",
    "GuzzleHttp/",
    "Java/",
    "Java-http-client/",
    "Mozilla/5.0 Umami/",
    "node",
    "node-fetch",
    "okhttp/",
    "python-httpx/",
    "Python-urllib/",
    "python-requests/",
    "Ruby",
    "undici",
];

/// Seconds by which the time that a server gives for a hit may differ from now.
const TIME_DIFFERENCE_MAX: i64 = 3_600;

/// The configured tokens (`collect.server_tokens`).
pub struct ServerTokens {
    tokens: ArcSwap<Vec<Arc<ServerToken>>>,
}

/// One token, as its hash.
pub(crate) struct ServerToken {
    digest: [u8; 32],
    expires: Option<Date>,
    sites: Vec<String>,
}

/// The client that a server names in another tool's fields, with the server's proof.
pub(crate) struct ReportedClient<'a> {
    pub(super) server: Arc<ServerToken>,
    pub(super) address: Option<IpAddr>,
    pub(super) agent: ReportedAgent<'a>,
}

/// The client's agent, as its server reports it.
pub(crate) enum ReportedAgent<'a> {
    Named(Cow<'a, str>),
    /// The server knows of none, and asks that the hit counts all the same.
    Unknown,
    /// Nothing: the request's own agent counts.
    Absent,
}

impl ServerTokens {
    /// Tokens whose hash is not one are left out; the configuration's check has refused them before.
    pub fn new(configured: &[TokenConfig]) -> Self {
        Self { tokens: ArcSwap::from_pointee(read(configured)) }
    }

    /// Knows other tokens from the next request on.
    pub fn reload(&self, configured: &[TokenConfig]) {
        self.tokens.store(Arc::new(read(configured)));
    }

    /// The token that a secret is, if it is one. Looks at all of them, so that the time taken tells nothing.
    pub(super) fn find(&self, secret: &str, now: Timestamp) -> Option<Arc<ServerToken>> {
        let tokens = self.tokens.load();
        if tokens.is_empty() {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let today = TimeZone::UTC.to_datetime(now).date();
        let mut found = None;
        for token in tokens.iter().filter(|token| token.expires.is_none_or(|last| today <= last)) {
            if bool::from(token.digest.ct_eq(&digest)) {
                found = Some(token.clone());
            }
        }
        found
    }

    /// The same for the value of an `Authorization` header.
    pub(super) fn find_bearer(&self, authorization: &str, now: Timestamp) -> Option<Arc<ServerToken>> {
        let (scheme, secret) = authorization.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") { self.find(secret.trim(), now) } else { None }
    }
}

impl ServerToken {
    /// Whether the server may speak for clients of a site.
    pub(super) fn speaks_for(&self, site: &Site) -> bool {
        self.sites.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(&site.name))
    }

    /// The site, where it is for one alone.
    pub(super) fn only_site(&self) -> Option<&str> {
        match self.sites.as_slice() {
            [site] if site != "*" => Some(site),
            _ => None,
        }
    }
}

/// Whether an agent is that of a server's own library, or none at all.
pub(super) fn is_library(agent: &str) -> bool {
    agent.is_empty() || LIBRARIES.iter().any(|library| agent.starts_with(library))
}

/// Whether a server's time for a hit is near enough to now: a hit of another hour would be counted in this one.
pub(super) fn is_recent(time: Timestamp, now: Timestamp) -> bool {
    (time.as_second() - now.as_second()).abs() <= TIME_DIFFERENCE_MAX
}

fn read(configured: &[TokenConfig]) -> Vec<Arc<ServerToken>> {
    let token = |written: &TokenConfig| {
        let (digest, sites) = (from_hex(&written.sha256)?, written.sites.clone());
        Some(Arc::new(ServerToken { digest, expires: written.expires, sites }))
    };
    configured.iter().filter_map(token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SiteConfig;
    use crate::hex::hex;
    use crate::sites::Sites;

    #[test]
    fn a_server_is_proven_by_its_own_token_until_its_last_day_and_for_its_sites() {
        let now: Timestamp = "2026-11-28T23:59:59Z".parse().unwrap();
        let past: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
        let sha256 = hex(&Sha256::digest("secret"));
        let configured = |sites: &[&str]| TokenConfig {
            name: "app".into(),
            sha256: sha256.clone(),
            sites: sites.iter().map(|site| (*site).to_owned()).collect(),
            expires: Some(Date::constant(2026, 11, 28)),
        };
        let tokens = ServerTokens::new(&[configured(&["a.example"])]);
        for (header, is_proven) in [
            ("Bearer secret", true),
            ("bearer  secret", true),
            ("Bearer other", false),
            ("Basic secret", false),
            ("secret", false),
            ("", false),
        ] {
            assert_eq!(tokens.find_bearer(header, now).is_some(), is_proven, "{header}");
        }
        assert!(tokens.find("secret", past).is_none(), "its last day is over");
        let sites = ["a.example", "b.example"].map(|name| SiteConfig { name: name.into(), ..Default::default() });
        let sites = Sites::new(&sites).unwrap();
        let speaks_for =
            |token: &ServerToken| ["a.example", "b.example"].map(|name| token.speaks_for(sites.find(name).unwrap()));
        let token = tokens.find("secret", now).unwrap();
        assert_eq!((speaks_for(&token), token.only_site()), ([true, false], Some("a.example")));
        tokens.reload(&[configured(&["*"])]);
        let token = tokens.find("secret", now).unwrap();
        assert_eq!((speaks_for(&token), token.only_site()), ([true, true], None));
        tokens.reload(&[]);
        assert!(tokens.find("secret", now).is_none());
    }
}
