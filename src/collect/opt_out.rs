//! The opt-out cookie: `sillage_opt_out=1`, set only when a visitor asks for it. It holds no identifier, lasts 13
//! months from the day of the opt-out and is never renewed. The server sets it, since browsers limit cookies set by
//! scripts to a week.
//!
//! On a host of the site the cookie has its plain name. On a host that several sites may share, its name ends with a
//! hash of the site's name, so that an opt-out on one site is separate from the others.

use hyper::header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use url::form_urlencoded;

use crate::collect::answer::CollectResponse;
use crate::sites::{OPT_OUT_COOKIE, Site};

/// 13 months in seconds: 393 days, the shortest length of 13 months.
const MAX_AGE_SECONDS: u32 = 393 * 86_400;

/// Request to `/opt-out`: opt out, revoke the opt-out, or only read (`None`).
pub(super) fn choice(request: &Parts) -> Option<bool> {
    let query = request.uri.query().unwrap_or_default();
    let wish = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "object");
    match wish.as_ref().map(|(_, value)| &**value) {
        Some("0") => Some(false),
        Some("1") => Some(true),
        Some(_) | None => (request.method == Method::POST).then_some(true),
    }
}

/// Sets or removes the cookie; an existing one is not set again, so that it keeps its expiry.
pub(super) fn set_cookie(
    response: &mut CollectResponse,
    objects: bool,
    request_headers: &HeaderMap,
    foreign: Option<&Site>,
) {
    let name = foreign.map_or(OPT_OUT_COOKIE, |site| &site.opt_out_cookie);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let is_there = cookies(request_headers).any(|(known, value)| known == name && value == "1");
    if is_there == objects {
        return;
    }
    let (value, seconds) = if objects { ("1", MAX_AGE_SECONDS) } else { ("", 0) };
    let cookie = format!("{name}={value}; Max-Age={seconds}; Path=/; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.insert(SET_COOKIE, cookie);
        *response.status_mut() = StatusCode::OK;
    }
}

/// The cookies of a request, over all its lines: HTTP/2 sends each in its own line.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
