//! Sessions of signed-in browsers: a random number in a cookie, its hash in a bounded table in memory. Never the token
//! itself; a session ends with its token, after half a day, or with the process.

use std::collections::HashMap;
use std::sync::Mutex;

use hyper::header::{COOKIE, HOST, ORIGIN};
use hyper::{HeaderMap, Uri};
use jiff::{Timestamp, ToSpan as _};

use crate::clock::HOUR_SECONDS;
use crate::console::tokens::{TokenDigest, digest};
use crate::hex::hex;
use crate::lock::lock;

/// Most sessions of one token; beyond it that token's oldest is signed out, and no other's. 100 bytes each.
const SESSIONS_PER_TOKEN: usize = 50;

/// Hours until a browser has to sign in again.
const HOURS: i64 = 12;

const NAME: &str = "sillage_session";

/// Name of the cookie over TLS: with this prefix, browsers reject the cookie from other hosts of the domain, and
/// without `Secure`.
const TLS_NAME: &str = "__Host-sillage_session";

/// All sessions, by the hash of their number.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<TokenDigest, Session>>);

struct Session {
    token: TokenDigest,
    ends: Timestamp,
}

impl Sessions {
    /// Opens a session for a token; returns the cookie to set.
    pub(super) fn open(
        &self,
        token: TokenDigest,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<String, getrandom::Error> {
        let mut id = [0; 32];
        getrandom::fill(&mut id)?;
        let id = hex(&id);
        let mut sessions = lock(&self.0);
        sessions.retain(|_, session| session.ends > now);
        let of_token = sessions.iter().filter(|(_, session)| session.token == token);
        if of_token.clone().count() >= SESSIONS_PER_TOKEN {
            let oldest = of_token.min_by_key(|(_, session)| session.ends).map(|(key, _)| *key);
            oldest.and_then(|key| sessions.remove(&key));
        }
        let ends = now.saturating_add(HOURS.hours()).unwrap_or(now);
        sessions.insert(digest(&id), Session { token, ends });
        Ok(set_cookie(headers, &id, HOURS * HOUR_SECONDS))
    }

    /// The token that this browser signed in with.
    pub(super) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<TokenDigest> {
        let key = digest(cookie(headers)?);
        let sessions = lock(&self.0);
        sessions.get(&key).filter(|session| session.ends > now).map(|session| session.token)
    }

    /// Closes this browser's session; returns the cookie that clears its own.
    pub(super) fn close(&self, headers: &HeaderMap) -> String {
        if let Some(id) = cookie(headers) {
            lock(&self.0).remove(&digest(id));
        }
        set_cookie(headers, "", 0)
    }
}

/// The cookie for a browser that sent `headers`.
fn set_cookie(headers: &HeaderMap, id: &str, seconds: i64) -> String {
    let (name, secure) = if is_tls(headers) { (TLS_NAME, "; Secure") } else { (NAME, "") };
    format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// Whether the browser uses TLS, according to a proxy's header. It decides only about the browser's own cookie.
fn is_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Whether another site triggered the request, according to the browser. `Sec-Fetch-Site` counts first; older browsers
/// send the origin, which must then be the requested host.
pub(super) fn is_foreign(headers: &HeaderMap, asked: &Uri) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| asked.authority().map(|authority| authority.as_str()));
    origin.is_none() || origin != host
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let wanted = if is_tls(headers) { TLS_NAME } else { NAME };
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let pair = cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("other=1; {pair}").parse().unwrap())])
    }

    #[test]
    fn a_session_lasts_until_it_ends_or_is_closed() {
        let sessions = Sessions::default();
        let start: Timestamp = "2026-03-10T08:00:00Z".parse().unwrap();
        let cookie = headers(&sessions.open([7; 32], &HeaderMap::new(), start).unwrap());
        let later = |hours: i64| start.checked_add(hours.hours()).unwrap();
        assert_eq!(sessions.find(&cookie, later(11)), Some([7; 32]));
        assert_eq!(sessions.find(&cookie, later(12)), None);
        sessions.close(&cookie);
        assert_eq!(sessions.find(&cookie, start), None);
    }

    #[test]
    fn a_thousand_sign_ins_of_one_token_sign_out_no_other_token() {
        let sessions = Sessions::default();
        let start: Timestamp = "2026-03-10T08:00:00Z".parse().unwrap();
        let open = |token, at| headers(&sessions.open([token; 32], &HeaderMap::new(), at).unwrap());
        let (other, first) = (open(1, start), open(2, start));
        let later = start.checked_add(1.second()).unwrap();
        let mut last = first.clone();
        for _ in 0..1_000 {
            last = open(2, later);
        }
        assert_eq!(sessions.find(&other, later), Some([1; 32]));
        assert_eq!((sessions.find(&first, later), sessions.find(&last, later)), (None, Some([2; 32])));
        assert_eq!(lock(&sessions.0).len(), SESSIONS_PER_TOKEN + 1);
    }

    #[test]
    fn a_browser_with_tls_gets_a_cookie_that_no_other_host_can_set() {
        let sessions = Sessions::default();
        let start: Timestamp = "2026-03-10T08:00:00Z".parse().unwrap();
        let tls = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-proto"), "https".parse().unwrap())]);
        let set = sessions.open([7; 32], &tls, start).unwrap();
        assert!(set.starts_with("__Host-sillage_session=") && set.ends_with("; Secure"), "{set}");
        assert!(set.contains("; Path=/;") && !set.contains("Domain"), "{set}");
        let mut sent = headers(&set);
        assert_eq!(sessions.find(&sent, start), None, "without TLS it is not looked at");
        sent.extend(tls.clone());
        assert_eq!(sessions.find(&sent, start), Some([7; 32]));
        let mut plain = headers(&sessions.open([8; 32], &HeaderMap::new(), start).unwrap());
        plain.extend(tls);
        assert_eq!(sessions.find(&plain, start), None, "a cookie that another host may have set");
    }

    #[test]
    fn another_sites_request_is_foreign() {
        let foreign = |pairs: &[(&'static str, &str)]| {
            let header = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
            is_foreign(&pairs.iter().map(header).collect(), &Uri::from_static("/"))
        };
        assert!(!foreign(&[("host", "a:1")]));
        assert!(!foreign(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(!foreign(&[("host", "inner:1"), ("origin", "https://a"), ("sec-fetch-site", "same-origin")]));
        assert!(foreign(&[("host", "a:1"), ("origin", "http://b:1")]));
        assert!(foreign(&[("host", "a:1"), ("origin", "null")]));
        assert!(foreign(&[("host", "a:1"), ("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[("host", "a:1"), ("sec-fetch-site", "same-site")]));
    }
}
