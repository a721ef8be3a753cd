//! Signed-in browsers: a random number in a cookie, its hash in a bounded table in memory. Never the token itself; a
//! session ends with its token, after half a day, or with the process.

use std::collections::HashMap;
use std::sync::Mutex;

use hyper::header::{COOKIE, HOST, ORIGIN};
use hyper::{HeaderMap, Uri};
use jiff::{Timestamp, ToSpan as _};

use crate::clock::HOUR_SECONDS;
use crate::console::tokens::{TokenDigest, digest};
use crate::hex::hex;
use crate::lock::lock;

/// Signed-in browsers at once; beyond it the oldest is signed out. 100 bytes each.
const SESSIONS_MAX: usize = 1_000;

/// Hours until a browser has to sign in again: a working day.
const HOURS: i64 = 12;

const NAME: &str = "sillage_session";

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<TokenDigest, Session>>);

struct Session {
    token: TokenDigest,
    ends: Timestamp,
}

impl Sessions {
    /// Opens a session for a token; gives the cookie to set.
    pub(super) fn open(&self, token: TokenDigest, now: Timestamp) -> Result<String, getrandom::Error> {
        let mut id = [0; 32];
        getrandom::fill(&mut id)?;
        let id = hex(&id);
        let mut sessions = lock(&self.0);
        sessions.retain(|_, session| session.ends > now);
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.ends).map(|(key, _)| *key);
            oldest.and_then(|key| sessions.remove(&key));
        }
        let ends = now.saturating_add(HOURS.hours()).unwrap_or(now);
        sessions.insert(digest(&id), Session { token, ends });
        Ok(format!("{NAME}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", HOURS * HOUR_SECONDS))
    }

    /// The token that this browser signed in with.
    pub(super) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<TokenDigest> {
        let key = digest(cookie(headers)?);
        let sessions = lock(&self.0);
        sessions.get(&key).filter(|session| session.ends > now).map(|session| session.token)
    }

    /// Ends this browser's session; gives the cookie that clears the other.
    pub(super) fn close(&self, headers: &HeaderMap) -> String {
        if let Some(id) = cookie(headers) {
            lock(&self.0).remove(&digest(id));
        }
        format!("{NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }
}

/// Whether a browser says that another site made it ask. Its own word counts first; older ones name the origin, which
/// must then be the host that was asked.
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
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
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
        let cookie = headers(&sessions.open([7; 32], start).unwrap());
        let later = |hours: i64| start.checked_add(hours.hours()).unwrap();
        assert_eq!(sessions.find(&cookie, later(11)), Some([7; 32]));
        assert_eq!(sessions.find(&cookie, later(12)), None);
        sessions.close(&cookie);
        assert_eq!(sessions.find(&cookie, start), None);
    }

    #[test]
    fn a_full_table_signs_out_the_oldest() {
        let sessions = Sessions::default();
        let start: Timestamp = "2026-03-10T08:00:00Z".parse().unwrap();
        let first = headers(&sessions.open([1; 32], start).unwrap());
        let later = start.checked_add(1.second()).unwrap();
        for _ in 0..SESSIONS_MAX {
            sessions.open([2; 32], later).unwrap();
        }
        assert_eq!(sessions.find(&first, start), None);
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
