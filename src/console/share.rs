//! Figures for people without a token: the page of a public site, links that expire, the counter. A link is signed with
//! the hash of the token that made it, so it ends with that token; nothing is kept. Must never open more than one site,
//! and nothing but reading.

use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::clock::DAY_SECONDS;
use crate::console::reply::{self, ConsoleResponse};
use crate::console::route::{no_such_site, query_value, readable, token_digest};
use crate::console::state::{AccessRules, ConsoleState};
use crate::console::tokens::{AccessToken, TokenDigest};
use crate::console::{assets, query};
use crate::hex::hex;
use crate::sites::Site;
use crate::store::uncounted::PublishedQuestion;

/// The header with which a shared page asks: `SITE` of a public site, or `SITE KEY` of a link.
const HEADER: &str = "x-sillage-share";

/// Longest life of a link.
const DAYS_MAX: i64 = 90;

/// What a link's key is made for, so that no other use of a token's hash gives the same bytes.
const PURPOSE: &str = "sillage share link 1";

/// Makes a link: `POST /api/share` with `site_id` and `days`.
pub(super) fn make(console: &ConsoleState, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let access = console.access.load_full();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = body.get("site_id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let Some(site) = readable(console, &access, &head.headers, &name) else { return no_such_site() };
    let days = body.get("days").and_then(Value::as_i64).filter(|days| (1..=DAYS_MAX).contains(days));
    let (Some(days), Some(token)) = (days, token_digest(console, &head.headers)) else {
        return reply::error(StatusCode::BAD_REQUEST, "write {\"site_id\", \"days\": 1 to 90}");
    };
    let until = console.clock.now().as_second() + days * DAY_SECONDS;
    let path = format!("/share/{}?key={}", site.name, key(&token, &site.name, until));
    reply::json(StatusCode::CREATED, &json!({ "path": path, "until": until }))
}

/// The page behind `/share/SITE`: the console's own, which then asks with [`HEADER`].
pub(super) fn page(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    let name = head.uri.path().trim_start_matches("/share/").to_ascii_lowercase();
    let key = query_value(head, "key").unwrap_or_default();
    let Some(site) = opened(&access, &name, &key, console.clock.now()) else { return no_link() };
    let Some(index) = assets::find("/") else { return no_link() };
    let mut reply = index.answer(&HeaderMap::new());
    let ancestors = if site.shown.embed_on.is_empty() { "'none'".into() } else { site.shown.embed_on.join(" ") };
    let policy = reply::policy(&ancestors);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        reply.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// What a request may read by a link or because the site is public.
pub(super) fn token(console: &ConsoleState, access: &AccessRules, headers: &HeaderMap) -> Option<AccessToken> {
    let written = headers.get(HEADER)?.to_str().ok()?;
    let (name, key) = written.split_once(' ').unwrap_or((written, ""));
    let site = opened(access, &name.to_ascii_lowercase(), key, console.clock.now())?;
    Some(AccessToken::for_site(&site.name))
}

/// The site that this name and key open.
fn opened<'a>(access: &'a AccessRules, name: &str, key: &str, now: Timestamp) -> Option<&'a Site> {
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

fn key(token: &TokenDigest, site: &str, until: i64) -> String {
    let secret = blake3::derive_key(PURPOSE, token);
    let mac = blake3::keyed_hash(&secret, format!("{until} {site}").as_bytes());
    format!("{until}-{}", hex(mac.as_bytes().get(..16).unwrap_or_default()))
}

/// `GET /counter/SITE.svg` and `.json`: the pageviews of a public site, as published, since figures are kept.
pub(super) async fn counter(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    let file = head.uri.path().trim_start_matches("/counter/");
    let Some((name, form)) = file.rsplit_once('.').filter(|(_, form)| matches!(*form, "svg" | "json")) else {
        return no_link();
    };
    let Some(site) = access.sites.find(&name.to_ascii_lowercase()).filter(|site| site.shown.public) else {
        return no_link();
    };
    let Ok(days) = query::days(&json!("all"), site, console.clock.now()) else { return reply::no_database() };
    let Ok(rows) = console.reports.published(PublishedQuestion::Total, &site.name, days, "").await else {
        return reply::no_database();
    };
    let pageviews = rows.first().and_then(|row| row.get("pageviews")).and_then(Value::as_i64).unwrap_or(0);
    let (content_type, text) = match form {
        "svg" => ("image/svg+xml", picture(pageviews)),
        _ => ("application/json", json!({ "site": &*site.name, "pageviews": pageviews }).to_string()),
    };
    let mut reply = Response::new(reply::whole(text));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    reply
}

fn picture(pageviews: i64) -> String {
    let text = pageviews.to_string();
    let width = 84 + 8 * text.len();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"22\" role=\"img\" aria-label=\"{text} \
         pageviews\"><rect width=\"{width}\" height=\"22\" rx=\"4\" fill=\"#0b5c7a\"/><text x=\"8\" y=\"15\" \
         fill=\"#fff\" font-family=\"system-ui,sans-serif\" font-size=\"12\">{text} pageviews</text></svg>"
    )
}

fn no_link() -> ConsoleResponse {
    reply::error(StatusCode::NOT_FOUND, "this link has ended, or the site is not public")
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
