//! Console tokens: made here, kept by their hash alone, each bound to its sites. A token is never logged or stored.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config;
use crate::hex::{from_hex, hex};

/// SHA-256 of a secret.
pub(super) type TokenDigest = [u8; 32];

/// Hash of a secret as it arrived.
pub(super) fn digest(secret: &str) -> TokenDigest {
    Sha256::digest(secret.as_bytes()).into()
}

/// A new token and the SHA-256 that stands for it in the configuration.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_token() -> Result<(String, String), getrandom::Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let token = format!("sillage_{}", hex(&secret));
    let hash = hex(&digest(&token));
    Ok((token, hash))
}

/// The lines for the configuration file that let the token of `sha256` read `sites`.
pub fn configuration_text(name: &str, sha256: &str, sites: &[String]) -> String {
    // JSON's strings are TOML's basic strings, for every character that both allow.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let sites: Vec<String> = sites.iter().map(|site| quoted(site)).collect();
    format!(
        "[console]\ntokens = [{{ name = {}, sha256 = \"{sha256}\", sites = [{}] }}]\n",
        quoted(name),
        sites.join(", ")
    )
}

/// The configured tokens.
pub(super) struct TokenSet(Vec<AccessToken>);

/// One configured token.
pub(super) struct AccessToken {
    pub(super) digest: TokenDigest,
    sites: Vec<String>,
}

impl TokenSet {
    /// Tokens whose hash is no hash are left out; the configuration's check has refused them before.
    pub(super) fn new(configured: &[config::TokenConfig]) -> Self {
        let token = |written: &config::TokenConfig| {
            Some(AccessToken { digest: from_hex(&written.sha256)?, sites: written.sites.clone() })
        };
        Self(configured.iter().filter_map(token).collect())
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &AccessToken> {
        self.0.iter()
    }

    /// The token of this hash. Looks at all of them, so that the time taken tells nothing.
    pub(super) fn find(&self, digest: &TokenDigest) -> Option<&AccessToken> {
        let mut found = None;
        for token in &self.0 {
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
        Self { digest: [0; 32], sites: vec![site.to_owned()] }
    }

    /// Whether the token may read every site.
    pub(super) fn reads_all(&self) -> bool {
        self.sites.iter().any(|allowed| allowed == "*")
    }

    /// Whether the token may read a site of this name, if there is one.
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
        let text = configuration_text("o\"ps", &sha256, &["a.example".into()]);
        let config = config::Config::from_toml(&text).unwrap();
        assert_eq!(config.console.tokens[0].name, "o\"ps");
        let tokens = TokenSet::new(&config.console.tokens);
        let found = tokens.find(&digest(&token)).unwrap();
        assert!(found.reads("a.example") && !found.reads("b.example"));
        assert!(tokens.find(&digest("sillage_")).is_none());
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(new_token().unwrap().0, new_token().unwrap().0);
    }
}
