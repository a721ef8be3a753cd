//! Keys of shared links: signed with the hash of the token that made them, so that they end with that token. Nothing is
//! stored. Must never open more than one site.

use hyper::HeaderMap;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::console::state::{AccessRules, ConsoleState};
use crate::console::tokens::{AccessToken, TokenDigest};
use crate::hex::hex;
use crate::sites::Site;

/// Header of a shared page's requests: `SITE` of a public site, or `SITE KEY` of a link.
const HEADER: &str = "x-sillage-share";

/// Purpose of a link's key, so that no other use of a token's hash gives the same bytes.
const PURPOSE: &str = "sillage share link 1";

/// Access of a request by a link, or because the site is public.
pub(super) fn token(console: &ConsoleState, access: &AccessRules, headers: &HeaderMap) -> Option<AccessToken> {
    let written = headers.get(HEADER)?.to_str().ok()?;
    let (name, key) = written.split_once(' ').unwrap_or((written, ""));
    let site = opened(access, &name.to_ascii_lowercase(), key, console.clock.now())?;
    Some(AccessToken::for_site(&site.name))
}

/// The site that this name and key open.
pub(super) fn opened<'a>(access: &'a AccessRules, name: &str, key: &str, now: Timestamp) -> Option<&'a Site> {
    let site = access.sites.find(name)?;
    (site.shown.public || valid(access, site, key, now)).then_some(site)
}

fn valid(access: &AccessRules, site: &Site, written: &str, now: Timestamp) -> bool {
    let Some(until) = written.split_once('-').and_then(|(until, _)| until.parse::<i64>().ok()) else { return false };
    let of_token =
        |token: &AccessToken| token.reads(&site.name) && same(&key(&token.digest, &site.name, until), written);
    until > now.as_second() && access.tokens.iter().any(of_token)
}

fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

pub(super) fn key(token: &TokenDigest, site: &str, until: i64) -> String {
    let secret = blake3::derive_key(PURPOSE, token);
    let mac = blake3::keyed_hash(&secret, format!("{until} {site}").as_bytes());
    format!("{until}-{}", hex(mac.as_bytes().get(..16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_own_site_until_its_own_moment() {
        let token = [7; 32];
        assert_eq!(key(&token, "a.example", 100), key(&token, "a.example", 100));
        assert_ne!(key(&token, "a.example", 100), key(&token, "a.example", 101));
        assert_ne!(key(&token, "a.example", 100), key(&token, "b.example", 100));
        assert_ne!(key(&token, "a.example", 100), key(&[8; 32], "a.example", 100));
    }
}
