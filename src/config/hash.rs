//! The hash that identifies a configuration in audits and notices. Must not help to guess secrets.

use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::hex::hex;

/// SHA-256 of the configuration as JSON with sorted keys, hexadecimal. Hashes of tokens, the secret of proxies, the
/// user in a URL and the recipients of mails are left out: the hash identifies the configuration, neither secrets
/// nor addresses.
pub fn config_hash(config: &Config) -> String {
    let mut config = config.clone();
    for token in config.console.tokens.iter_mut().chain(&mut config.collect.server_tokens) {
        token.sha256.clear();
    }
    config.collect.trusted_header_secret.clear();
    config.mail.report.iter_mut().for_each(|report| report.recipients.clear());
    config.mail.alert.iter_mut().for_each(|alert| alert.recipients.clear());
    let clickhouse = &mut config.clickhouse;
    for address in clickhouse.urls.iter_mut().chain([&mut clickhouse.url]) {
        if let Ok(mut url) = url::Url::parse(address) {
            // This fails only for a URL without a host, and such a URL has no user.
            url.set_username("").ok();
            url.set_password(None).ok();
            *address = url.into();
        }
    }
    // `serde_json::Value` sorts the keys of its objects.
    let text = serde_json::to_value(&config).map(|value| value.to_string()).unwrap_or_default();
    hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TokenConfig;

    #[test]
    fn the_hash_tells_configurations_apart_but_holds_no_secret() {
        let mut config = Config::default();
        config.clickhouse.url = "http://somebody:secret@db.example:8123/".into();
        config.console.tokens =
            vec![TokenConfig { name: "ops".into(), sha256: "ab".repeat(32), sites: vec!["*".into()], expires: None }];
        config.collect.server_tokens = config.console.tokens.clone();
        config.collect.trusted_header_secret = "a secret of a proxy".into();
        let hash = config_hash(&config);
        assert_eq!(hash.len(), 64);

        config.clickhouse.url = "http://db.example:8123/".into();
        config.console.tokens[0].sha256 = "cd".repeat(32);
        config.collect.server_tokens[0].sha256 = "ef".repeat(32);
        config.collect.trusted_header_secret = "another secret of a proxy".into();
        assert_eq!(config_hash(&config), hash);
        config.privacy.protection = crate::config::Protection::Exact;
        assert_ne!(config_hash(&config), hash);
    }
}
