//! Access of a request: the token of a header or a session, a public site, or a shared link.

use std::sync::Arc;

use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};

use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::console::share_key;
use crate::console::state::{AccessRules, ConsoleState};
use crate::console::tokens::{AccessToken, TokenDigest, digest};
use crate::sites::Site;
use crate::store::reports::Reports;

/// The site with this name, for a token that may read it. The token is checked before any lookup: a site that it may
/// not read takes the same time whether or not it exists.
pub(super) fn readable(
    console: &ConsoleState,
    access: &AccessRules,
    headers: &HeaderMap,
    name: &str,
) -> Option<Arc<Site>> {
    readable_figures(console, access, headers, name).map(|(site, _)| site)
}

/// The same site with its figures, restricted to those that the token may read.
pub(super) fn readable_figures(
    console: &ConsoleState,
    access: &AccessRules,
    headers: &HeaderMap,
    name: &str,
) -> Option<(Arc<Site>, Reports)> {
    let found = |token: &AccessToken| {
        let site = if token.reads(name) { access.sites.find(name).cloned() } else { None };
        site.map(|site| (site, console.reports.scoped(&token.scope())))
    };
    with_token(console, access, headers, found).flatten()
}

pub(super) fn no_such_site() -> ConsoleResponse {
    reply::error(StatusCode::FORBIDDEN, "this token may not read a site of this name")
}

/// Applies `read` to the token of this request: from its header, its session, or a shared page.
pub(super) fn with_token<T>(
    console: &ConsoleState,
    access: &AccessRules,
    headers: &HeaderMap,
    read: impl FnOnce(&AccessToken) -> T,
) -> Option<T> {
    match token_digest(console, headers) {
        Some(digest) => access.tokens.find(&digest).map(read),
        None => share_key::token(console, access, headers).as_ref().map(read),
    }
}

/// The hash of this request's token, from its header or its session.
pub(super) fn token_digest(console: &ConsoleState, headers: &HeaderMap) -> Option<TokenDigest> {
    match bearer(headers) {
        Some(token) => Some(digest(token)),
        None => console.sessions.find(headers, console.clock.now()),
    }
}

/// A parameter of the request's query.
pub(super) fn query_value(head: &Parts, wanted: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).next()
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
