//! A hit as it arrived, with the identity still in it. Lives in memory for the length of one request; none of these
//! types can be printed, cloned or written out, and `tests/it` asserts so at compile time.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

/// The address of a visitor. Readable within `privacy` alone.
pub struct ClientIp(pub(in crate::privacy) IpAddr);

impl ClientIp {
    /// Wraps an address as soon as it is read from the socket, a trusted proxy's header, or a log.
    /// IPv4 addresses in IPv6 clothing (`::ffff:a.b.c.d`) become IPv4.
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

/// A `User-Agent` header, borrowed from the request. Readable within `privacy` alone.
pub struct UserAgent<'a>(pub(in crate::privacy) &'a str);

impl<'a> UserAgent<'a> {
    /// Wraps the header; empty when there was none.
    pub fn new(header: &'a str) -> Self {
        Self(header)
    }

    /// The agent of a request whose log has no place for one: of unknown means, and not a robot for that.
    pub const fn not_logged() -> Self {
        Self(NOT_LOGGED)
    }
}

/// Stands for an agent that a log has no place for; no header can hold it.
pub(in crate::privacy) const NOT_LOGGED: &str = "\u{1}";

/// Cookie lines in which an objection is looked for; HTTP/2 sends each cookie in one of its own.
pub const COOKIE_LINES_MAX: usize = 4;

/// What the visitor's browser says about being counted.
#[derive(Clone, Copy, Default)]
pub struct ObjectionSignals {
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// `DNT: 1`.
    pub dnt: bool,
    /// `Sec-Purpose: prefetch` or an older header of the kind.
    pub prefetch: bool,
}

/// What the browser says of itself beside the hit.
#[derive(Clone, Copy, Default)]
pub struct HitSender<'a> {
    /// Host of the page that sent it: of `Origin`, else of `Referer`.
    pub host: Option<&'a str>,
    /// `Cookie` headers that name the cookie of an objection; all else in them is passed over.
    pub cookies: [Option<&'a str>; COOKIE_LINES_MAX],
}

impl HitSender<'_> {
    /// Whether a cookie of one of these names holds an objection.
    pub(in crate::privacy) fn objects_by(&self, names: [&str; 2]) -> bool {
        let pairs = self.cookies.iter().flatten().flat_map(|line| line.split(';'));
        let mut cookies = pairs.filter_map(|pair| pair.trim().split_once('='));
        cookies.any(|(name, value)| names.contains(&name) && value == "1")
    }
}

/// One raw hit, whatever format it came in.
pub struct Hit<'a> {
    /// When it arrived.
    pub received: Timestamp,
    /// Where it came from.
    pub address: ClientIp,
    /// The `User-Agent` header.
    pub agent: UserAgent<'a>,
    /// The `Accept-Language` header.
    pub accept_language: Option<&'a str>,
    /// The visitor's wishes.
    pub signals: ObjectionSignals,
    /// Who sent it, as the browser says.
    pub sender: HitSender<'a>,
    /// The site that the sender names; without one the page's host tells.
    pub site: Option<&'a str>,
    /// The page's whole URL.
    pub url: &'a str,
    /// The referrer's whole URL.
    pub referrer: Option<&'a str>,
    /// The fragment is part of the page.
    pub fragment_is_page: bool,
    /// Viewport width in CSS pixels.
    pub width: Option<u32>,
    /// The visitor agreed to the measurement of channels and campaigns.
    pub consent: bool,
    /// What happened.
    pub kind: HitKind<'a>,
}

/// What a raw hit reports.
pub enum HitKind<'a> {
    /// A page was shown.
    Pageview {
        /// The server answered 404 for it.
        not_found: bool,
    },
    /// A feature was used.
    Action {
        /// 1–120 characters.
        name: Cow<'a, str>,
        /// False leaves the bounce as it is.
        interactive: bool,
        /// Name and value as sent; undeclared ones are dropped later.
        properties: Vec<(&'a str, Cow<'a, str>)>,
    },
    /// Reading time and depth.
    Engagement {
        /// Milliseconds.
        engaged_ms: Option<u32>,
        /// Percent, 0–100.
        scroll_percent: Option<u8>,
        /// Percent that an earlier report of the same showing of the page told, 0 if it told none; without an earlier
        /// report nothing. What such a report adds is no second showing.
        reported_percent: Option<u8>,
    },
    /// Load times: metric and milliseconds.
    Timing(Vec<(crate::event::TimingMetric, f64)>),
}

#[cfg(test)]
impl ClientIp {
    /// The address as text, so that tests elsewhere can see which one was chosen.
    pub(crate) fn for_test(&self) -> String {
        self.0.to_string()
    }
}
