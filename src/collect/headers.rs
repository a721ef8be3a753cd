//! Headers of a hit, except for the address, read in one pass. They are neither trusted nor stored here.

use hyper::HeaderMap;

use crate::privacy::hit::{HitSender, ObjectionSignals};
use crate::sites::OPT_OUT_COOKIE;

/// Headers that a hit uses.
#[derive(Default)]
pub(super) struct HitHeaders<'h> {
    /// `User-Agent`; empty if missing or not readable as text.
    pub(super) agent: &'h str,
    /// `Accept-Language`, if it is readable.
    pub(super) language: Option<&'h str>,
    /// Opt-out and prefetch signals.
    pub(super) signals: ObjectionSignals,
    /// The sending page, if the browser names it, and opt-out cookies.
    pub(super) sender: HitSender<'h>,
    /// `Referer`, if it is readable.
    pub(super) referer: Option<&'h str>,
    /// `Authorization`: of a server with a token.
    pub(super) authorization: Option<&'h str>,
    /// The body has a content encoding.
    pub(super) encoded: bool,
}

impl<'h> HitHeaders<'h> {
    /// Reads the headers. Of a repeated header the first counts; of repeated opt-out signals, any.
    pub(super) fn by(headers: &'h HeaderMap) -> Self {
        let (mut agent, mut language, mut hit_headers) = (None, None, Self::default());
        let (mut origin, mut referer, mut authorization) = (None, None, None);
        for (name, value) in headers {
            match name.as_str() {
                "user-agent" => agent = agent.or(Some(value)),
                "accept-language" => language = language.or(Some(value)),
                "content-encoding" => hit_headers.encoded |= value != "identity",
                "origin" => origin = origin.or(Some(value)),
                "referer" => referer = referer.or(Some(value)),
                "authorization" => authorization = authorization.or(Some(value)),
                "cookie" => hit_headers.note_cookies(value),
                "sec-gpc" => hit_headers.signals.gpc |= value == "1",
                "dnt" => hit_headers.signals.dnt |= value == "1",
                "sec-purpose" | "purpose" | "x-purpose" | "x-moz" => {
                    let value = value.as_bytes();
                    hit_headers.signals.prefetch |= value.starts_with(b"prefetch") || value.starts_with(b"preview");
                }
                _ => {}
            }
        }
        let text = |value: &'h hyper::header::HeaderValue| std::str::from_utf8(value.as_bytes()).ok();
        hit_headers.agent = agent.and_then(text).unwrap_or_default();
        hit_headers.language = language.and_then(text);
        hit_headers.referer = referer.and_then(text);
        hit_headers.authorization = authorization.and_then(text);
        // A page that hides its origin sends `null`, which contains no host.
        hit_headers.sender.host =
            origin.and_then(text).and_then(host_of).or_else(|| hit_headers.referer.and_then(host_of));
        hit_headers
    }

    /// Keeps a cookie line that names the opt-out cookie. Beyond the room for lines, the first is replaced.
    fn note_cookies(&mut self, value: &'h hyper::header::HeaderValue) {
        let Ok(line) = std::str::from_utf8(value.as_bytes()) else { return };
        if line.contains(OPT_OUT_COOKIE) {
            let cookies = &mut self.sender.cookies;
            let free = cookies.iter().position(Option::is_none).unwrap_or_default();
            if let Some(place) = cookies.get_mut(free) {
                *place = Some(line);
            }
        }
    }
}

/// Host and port of an origin or a URL, unchanged.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_header_that_comes_twice_the_first_counts_and_of_wishes_any() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("user-agent", "one"),
            ("user-agent", "two"),
            ("accept-language", "fr"),
            ("sec-gpc", "0"),
            ("sec-gpc", "1"),
            ("dnt", "0"),
            ("purpose", "preview; x"),
            ("content-encoding", "identity"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        let hit_headers = HitHeaders::by(&headers);
        assert_eq!((hit_headers.agent, hit_headers.language, hit_headers.encoded), ("one", Some("fr"), false));
        assert_eq!(
            (hit_headers.signals.gpc, hit_headers.signals.dnt, hit_headers.signals.prefetch),
            (true, false, true)
        );
        for encoding in ["gzip", "identity"] {
            headers.append("content-encoding", encoding.parse().unwrap());
        }
        headers.insert("user-agent", hyper::header::HeaderValue::from_bytes(b"\xff").unwrap());
        let hit_headers = HitHeaders::by(&headers);
        assert_eq!((hit_headers.agent, hit_headers.encoded), ("", true));
    }
}
