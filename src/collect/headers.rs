//! What the headers of a request tell about a hit, the address apart, found in one pass over them. Nothing is believed
//! here and nothing is kept.

use hyper::HeaderMap;

use crate::privacy::hit::{HitSender, ObjectionSignals};
use crate::sites::OPT_OUT_COOKIE;

/// What the headers tell.
#[derive(Default)]
pub(super) struct HitHeaders<'h> {
    /// `User-Agent`; empty where there is none, or none that can be read.
    pub(super) agent: &'h str,
    /// `Accept-Language`.
    pub(super) language: Option<&'h str>,
    /// The visitor's wishes.
    pub(super) signals: ObjectionSignals,
    /// The page that sent it, where the browser does not keep that to itself, and cookies of an objection.
    pub(super) sender: HitSender<'h>,
    /// `Referer`.
    pub(super) referer: Option<&'h str>,
    /// `Authorization`: of a server with a token.
    pub(super) authorization: Option<&'h str>,
    /// The body has an encoding.
    pub(super) encoded: bool,
}

impl<'h> HitHeaders<'h> {
    /// Of headers that come more than once the first counts; of wishes any.
    pub(super) fn by(headers: &'h HeaderMap) -> Self {
        let (mut agent, mut language, mut told) = (None, None, Self::default());
        let (mut origin, mut referer, mut authorization) = (None, None, None);
        for (name, value) in headers {
            match name.as_str() {
                "user-agent" => agent = agent.or(Some(value)),
                "accept-language" => language = language.or(Some(value)),
                "content-encoding" => told.encoded |= value != "identity",
                "origin" => origin = origin.or(Some(value)),
                "referer" => referer = referer.or(Some(value)),
                "authorization" => authorization = authorization.or(Some(value)),
                "cookie" => told.note_cookies(value),
                "sec-gpc" => told.signals.gpc |= value == "1",
                "dnt" => told.signals.dnt |= value == "1",
                "sec-purpose" | "purpose" | "x-purpose" | "x-moz" => {
                    let value = value.as_bytes();
                    told.signals.prefetch |= value.starts_with(b"prefetch") || value.starts_with(b"preview");
                }
                _ => {}
            }
        }
        let text = |value: &'h hyper::header::HeaderValue| std::str::from_utf8(value.as_bytes()).ok();
        told.agent = agent.and_then(text).unwrap_or_default();
        told.language = language.and_then(text);
        told.referer = referer.and_then(text);
        told.authorization = authorization.and_then(text);
        // A page that keeps its origin to itself sends `null`, which names no host.
        told.sender.host = origin.and_then(text).and_then(host_of).or_else(|| told.referer.and_then(host_of));
        told
    }

    /// Keeps a line that names the cookie of an objection. Beyond those that there is room for, the first gives way.
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

/// The host and port of an origin or a URL, as they stand there.
fn host_of(url: &str) -> Option<&str> {
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
        let told = HitHeaders::by(&headers);
        assert_eq!((told.agent, told.language, told.encoded), ("one", Some("fr"), false));
        assert_eq!((told.signals.gpc, told.signals.dnt, told.signals.prefetch), (true, false, true));
        for encoding in ["gzip", "identity"] {
            headers.append("content-encoding", encoding.parse().unwrap());
        }
        headers.insert("user-agent", hyper::header::HeaderValue::from_bytes(b"\xff").unwrap());
        let told = HitHeaders::by(&headers);
        assert_eq!((told.agent, told.encoded), ("", true));
    }
}
