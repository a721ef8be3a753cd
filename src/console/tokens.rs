//! Console tokens: generated here, stored only as hashes, each bound to its sites. A token is never logged or stored.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::clock::Clock;
use crate::config;
use crate::hex::{from_hex, hex};
use crate::store::scope::ReaderScope;

/// SHA-256 of a token.
pub(super) type TokenDigest = [u8; 32];

/// Hash of a secret as it was received.
pub(super) fn digest(secret: &str) -> TokenDigest {
    Sha256::digest(secret.as_bytes()).into()
}

/// A new token, and its SHA-256 for the configuration.
///
/// # Errors
/// When no random bytes from the operating system.
pub fn new_token() -> Result<(String, String), getrandom::Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let token = format!("sillage_{}", hex(&secret));
    let hash = hex(&digest(&token));
    Ok((token, hash))
}

/// The lines for the configuration file that let the token of `sha256` read `sites`, or, of a server, speak for their
/// clients.
pub fn configuration_text(name: &str, sha256: &str, sites: &[String], server: bool) -> String {
    // JSON's strings are TOML's basic strings, for every character that both allow.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let sites: Vec<String> = sites.iter().map(|site| quoted(site)).collect();
    let key = if server { "[collect]\nserver_tokens" } else { "[console]\ntokens" };
    format!("{key} = [{{ name = {}, sha256 = \"{sha256}\", sites = [{}] }}]\n", quoted(name), sites.join(", "))
}

/// All tokens of the configuration.
pub(super) struct TokenSet {
    tokens: Vec<AccessToken>,
    clock: Arc<dyn Clock>,
}

/// One token of the configuration.
pub(super) struct AccessToken {
    pub(super) digest: TokenDigest,
    pub(super) name: String,
    expires: Option<Date>,
    sites: Vec<String>,
}

impl TokenSet {
    /// Tokens with an invalid hash are skipped; the configuration's check has rejected them before.
    pub(super) fn new(configured: &[config::TokenConfig], clock: Arc<dyn Clock>) -> Self {
        let token = |written: &config::TokenConfig| {
            let config::TokenConfig { name, sha256, sites, expires } = written;
            let (digest, sites) = (from_hex(sha256)?, sites.clone());
            Some(AccessToken { digest, name: name.clone(), expires: *expires, sites })
        };
        Self { tokens: configured.iter().filter_map(token).collect(), clock }
    }

    /// All tokens that have not expired.
    pub(super) fn iter(&self) -> impl Iterator<Item = &AccessToken> {
        let today = TimeZone::UTC.to_datetime(self.clock.now()).date();
        self.tokens.iter().filter(move |token| token.expires.is_none_or(|last| today <= last))
    }

    /// The token with this hash. Compares with all of them, so that the time taken reveals nothing.
    pub(super) fn find(&self, digest: &TokenDigest) -> Option<&AccessToken> {
        let mut found = None;
        for token in self.iter() {
            if bool::from(token.digest.ct_eq(digest)) {
                found = Some(token);
            }
        }
        found
    }
}

impl AccessToken {
    /// Access to one site without a token: the site is public, or a link opens it.
    pub(super) fn for_site(site: &str) -> Self {
        Self { digest: [0; 32], name: "shared page".into(), expires: None, sites: vec![site.to_owned()] }
    }

    /// Its sites, as the database binds them. A request without a token sends no SQL: a report filters by its own site.
    pub(super) fn scope(&self) -> ReaderScope {
        if self.digest == [0; 32] { ReaderScope::All } else { ReaderScope::of(&self.sites) }
    }

    /// Whether the token may read every site.
    pub(super) fn reads_all(&self) -> bool {
        self.sites.iter().any(|allowed| allowed == "*")
    }

    /// Whether the token may read a site with this name, if it exists.
    pub(super) fn reads(&self, site: &str) -> bool {
        self.sites.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(site))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_opens_what_its_configuration_text_says() {
        let (token, sha256) = new_token().unwrap();
        let text = configuration_text("o\"ps", &sha256, &["a.example".into()], false);
        let config = config::Config::from_toml(&text).unwrap();
        assert_eq!(config.console.tokens[0].name, "o\"ps");
        let clock = Arc::new(crate::clock::SteadyClock::system());
        let tokens = TokenSet::new(&config.console.tokens, clock);
        let found = tokens.find(&digest(&token)).unwrap();
        assert!(found.reads("a.example") && !found.reads("b.example"));
        assert!(tokens.find(&digest("sillage_")).is_none());
    }

    #[test]
    fn the_configuration_text_of_a_server_s_token_lets_it_read_nothing() {
        let (_, sha256) = new_token().unwrap();
        let text = configuration_text("app", &sha256, &["a.example".into()], true);
        let config = config::Config::from_toml(&text).unwrap();
        assert_eq!((config.console.tokens.len(), config.collect.server_tokens[0].sha256 == sha256), (0, true));
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(new_token().unwrap().0, new_token().unwrap().0);
    }

    #[test]
    fn a_token_opens_on_its_last_day_and_not_after_it() {
        let (token, sha256) = new_token().unwrap();
        let text = format!(
            "[console]\ntokens = [{{ name = \"t\", sha256 = \"{sha256}\", sites = [\"*\"], expires = 2026-11-28 }}]"
        );
        let config = config::Config::from_toml(&text).unwrap();
        for (now, opens) in [("2026-11-28T23:59:59Z", true), ("2026-11-29T00:00:00Z", false)] {
            let clock = Arc::new(crate::clock::ManualClock::new(now.parse().unwrap()));
            let tokens = TokenSet::new(&config.console.tokens, clock);
            assert_eq!(tokens.find(&digest(&token)).is_some(), opens, "{now}");
            assert_eq!(tokens.iter().count(), usize::from(opens), "links of an expired token end with it");
        }
    }
}
