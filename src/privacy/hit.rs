//! Raw hits, with their identity. They live in memory for the length of one request; none of these types can be
//! printed, cloned or serialised, and `tests/it` asserts so at compile time.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

/// A visitor's address. Readable within `privacy` only.
pub struct ClientIp(pub(in crate::privacy) IpAddr);

impl ClientIp {
    /// Wraps an address as soon as it is read from the socket, a trusted proxy's header, or a log. IPv4-mapped IPv6
    /// addresses (`::ffff:a.b.c.d`) become IPv4.
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

/// A `User-Agent` header, borrowed from the request. Readable within `privacy` only.
pub struct UserAgent<'a>(pub(in crate::privacy) &'a str);

/// Bytes of an agent that are read: the longest of real browsers have some 400, and time grows with length.
pub(in crate::privacy) const AGENT_BYTES_MAX: usize = 512;

impl<'a> UserAgent<'a> {
    /// Wraps the header, cut at 512 bytes; empty if the request had none.
    pub fn new(header: &'a str) -> Self {
        Self(header.get(..header.floor_char_boundary(AGENT_BYTES_MAX)).unwrap_or_default())
    }

    /// The agent of a log line whose format has no agent: unknown, but not counted as a robot.
    pub const fn not_logged() -> Self {
        Self(NOT_LOGGED)
    }
}

/// Placeholder for an agent that the log format lacks; no header can contain it.
pub(in crate::privacy) const NOT_LOGGED: &str = "\u{1}";

/// Cookie lines searched for an opt-out; HTTP/2 sends each cookie in its own line.
pub const COOKIE_LINES_MAX: usize = 4;

/// Opt-out and prefetch headers of the browser.
#[derive(Clone, Copy, Default)]
pub struct ObjectionSignals {
    /// `Sec-GPC: 1` was sent.
    pub gpc: bool,
    /// `DNT: 1` was sent.
    pub dnt: bool,
    /// `Sec-Purpose: prefetch` or an older header of that meaning was sent.
    pub prefetch: bool,
}

/// Request headers that identify the sending page.
#[derive(Clone, Copy, Default)]
pub struct HitSender<'a> {
    /// Host of the sending page: from `Origin`, else from `Referer`.
    pub host: Option<&'a str>,
    /// `Cookie` headers that contain an opt-out cookie; all other cookies are ignored.
    pub cookies: [Option<&'a str>; COOKIE_LINES_MAX],
}

impl HitSender<'_> {
    /// Whether a cookie of one of these names holds an opt-out.
    pub(in crate::privacy) fn objects_by(&self, names: [&str; 2]) -> bool {
        let pairs = self.cookies.iter().flatten().flat_map(|line| line.split(';'));
        let mut cookies = pairs.filter_map(|pair| pair.trim().split_once('='));
        cookies.any(|(name, value)| names.contains(&name) && value == "1")
    }
}

/// One raw hit, in any input format.
pub struct Hit<'a> {
    /// Time of arrival, UTC.
    pub received: Timestamp,
    /// Client address, from the socket or a trusted proxy.
    pub address: ClientIp,
    /// `User-Agent` header, or its absence.
    pub agent: UserAgent<'a>,
    /// `Accept-Language` header as sent.
    pub accept_language: Option<&'a str>,
    /// Opt-out and prefetch signals.
    pub signals: ObjectionSignals,
    /// Headers that identify the sending page.
    pub sender: HitSender<'a>,
    /// Site that the hit names; otherwise the page's host decides.
    pub site: Option<&'a str>,
    /// Full URL of the page.
    pub url: &'a str,
    /// Full URL of the referrer.
    pub referrer: Option<&'a str>,
    /// The fragment is part of the page.
    pub fragment_is_page: bool,
    /// Viewport width in CSS pixels.
    pub width: Option<u32>,
    /// The visitor consented to the measurement of channels, campaigns and the device model.
    pub consent: bool,
    /// Model of the device as sent, by client hint or the tracker; `None` without consent.
    pub model: Option<&'a str>,
    /// Reported event of the hit.
    pub kind: HitKind<'a>,
}

/// Reported event of a raw hit.
pub enum HitKind<'a> {
    /// A page was shown.
    Pageview {
        /// The server answered 404 for it.
        not_found: bool,
    },
    /// A feature of the site was used.
    Action {
        /// Name of the action, 1–120 characters.
        name: Cow<'a, str>,
        /// False keeps the visit's bounce.
        interactive: bool,
        /// Names and values as sent; undeclared ones are dropped later.
        properties: Vec<(&'a str, Cow<'a, str>)>,
    },
    /// Reading time and scroll depth.
    Engagement {
        /// Visible and active time, milliseconds.
        engaged_ms: Option<u32>,
        /// Scroll depth in percent, 0–100.
        scroll_percent: Option<u8>,
        /// Percent that an earlier report of the same page view stated, 0 if it stated none; `None` for a first report.
        /// A later report does not count as a second view.
        reported_percent: Option<u8>,
    },
    /// Load times: metric and milliseconds.
    Timing(Vec<(crate::event::TimingMetric, f64)>),
}

#[cfg(test)]
impl ClientIp {
    /// The address as text, for tests of the address choice.
    pub(crate) fn for_test(&self) -> String {
        self.0.to_string()
    }
}
