//! One request as parsed from a log line, in any format; and the test whether it shows a page.
//!
//! Holds an address and an agent: must never be printed or written.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::import::page_path;
use crate::privacy::hit::ObjectionSignals;

/// Result of reading one line of a log.
pub enum LineReading<'l> {
    /// A request with all parts that a pageview needs.
    Request(LogLine<'l>),
    /// Part of the log that does not request a page: a comment, a broken request, an aborted connection.
    NoPage,
    /// A part of an entry that continues, or an empty line.
    Part,
    /// Not a line of any known format.
    NotUnderstood(LineFault),
}

/// Why a line could not be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineFault {
    /// The line has none of the known shapes.
    Shape,
    /// A request without a client address: a host name, a socket, `-`.
    Address,
    /// A request whose time cannot be parsed.
    Time,
}

/// One request of a log.
pub struct LogLine<'l> {
    /// Address of the client.
    pub address: IpAddr,
    /// Time of the request.
    pub time: Timestamp,
    /// HTTP method of the request.
    pub method: Cow<'l, str>,
    /// Path and query of the request.
    pub target: Cow<'l, str>,
    /// The requested host without a port, if logged.
    pub host: Option<Cow<'l, str>>,
    /// HTTP status of the response.
    pub status: u16,
    /// The referrer, if there is one.
    pub referrer: Option<Cow<'l, str>>,
    /// User agent of the request.
    pub agent: LoggedAgent<'l>,
    /// `Accept-Language`, if the log has it.
    pub language: Option<Cow<'l, str>>,
    /// Objection signals, if the log has them.
    pub signals: ObjectionSignals,
}

/// The user agent of a request.
pub enum LoggedAgent<'l> {
    /// The agent as it was sent.
    Sent(Cow<'l, str>),
    /// The log has a field for it, and the request sent none.
    Missing,
    /// The log's format has no field for it.
    NotLogged,
}

impl LogLine<'_> {
    /// Whether it is a pageview: a page that was requested and sent (or found in the browser's cache).
    pub fn is_pageview(&self) -> bool {
        matches!(self.status, 200 | 304) && self.asks_for_a_page()
    }

    /// Whether it is a pageview of a page that does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status == 404 && self.asks_for_a_page()
    }

    fn asks_for_a_page(&self) -> bool {
        self.method == "GET" && self.target.starts_with('/') && !page_path::is_asset(&self.target)
    }
}

/// Splits a request line, `METHOD target PROTOCOL`. The target may hold spaces; the protocol may be missing. `None`
/// when it is not a request, such as the bytes of a TLS handshake.
pub(super) fn request_line(request: &str) -> Option<(&str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-') {
        return None;
    }
    let target = match rest.rsplit_once(' ') {
        Some((target, protocol)) if protocol.starts_with("HTTP/") => target,
        // hypercorn writes `GET /a 2`.
        Some((target, "1.0" | "1.1" | "2" | "3" | "h11" | "h2" | "h3")) if !target.contains(' ') => target,
        Some(_) | None => rest,
    };
    let target = target.trim();
    (!target.is_empty()).then_some((method, target))
}

/// Host, and path with query, of a request target, also in absolute form.
pub(super) fn host_and_path(target: &str) -> (Option<&str>, &str) {
    if let Some(rest) = target.strip_prefix("//") {
        // Jetty writes a target so where the client sent it in absolute form. A path may begin with `//` too.
        let split = rest.find('/').map(|at| rest.split_at(at)).filter(|(authority, _)| is_public_host(authority));
        return split.map_or((None, target), |(authority, path)| (host_of(authority), path));
    }
    let Some((scheme, rest)) = target.split_once("://") else { return (None, target) };
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return (None, target);
    }
    let path_at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    (host_of(authority), if path.is_empty() { "/" } else { path })
}

/// Whether a text is a host with a domain, or with a port, not the name of a folder or file.
fn is_public_host(authority: &str) -> bool {
    let (host, port) = authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_name = host.split('.').all(is_label) && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_domain = host.contains('.') && last.len() > 1 && !page_path::is_file_ending(last);
    match port {
        Some(port) => is_name && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()),
        None => is_name && is_domain,
    }
}

/// The host of `host`, `host:port`, `user@host`; `None` where it is empty.
pub(super) fn host_of(authority: &str) -> Option<&str> {
    let authority = authority.rsplit('@').next().unwrap_or_default().trim();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        Some(_) | None => authority,
    };
    is_given(host).then_some(host).filter(|host| *host != "_")
}

/// Whether a field has a value: logs write `-` for a missing one.
pub(super) fn is_given(text: &str) -> bool {
    !matches!(text, "" | "-" | "\"-\"" | "null" | "\"\"")
}

/// The value of a field, without quotes that a pipeline left around it.
pub(super) fn given(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let unquoted = |text: &str| -> Option<(usize, usize)> {
        (text.len() > 1 && text.starts_with('"') && text.ends_with('"')).then(|| (1, text.len() - 1))
    };
    let text = match (unquoted(&text), text) {
        (Some((from, to)), Cow::Borrowed(text)) => Cow::Borrowed(text.get(from..to).unwrap_or_default()),
        (Some((from, to)), Cow::Owned(text)) => Cow::Owned(text.get(from..to).unwrap_or_default().to_owned()),
        (None, text) => text,
    };
    is_given(&text).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_hold_blanks_and_lack_its_protocol() {
        assert_eq!(request_line("GET /my file.html HTTP/1.1"), Some(("GET", "/my file.html")));
        assert_eq!(request_line("GET /a"), Some(("GET", "/a")));
        for broken in ["-", "", "hello", "\x16\x03\x01", "GET ", "get /a HTTP/1.1"] {
            assert_eq!(request_line(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_target_in_absolute_form_tells_its_host() {
        assert_eq!(host_and_path("https://www.a.example:443/x?y"), (Some("www.a.example"), "/x?y"));
        assert_eq!(host_and_path("http://a.example"), (Some("a.example"), "/"));
        assert_eq!(host_and_path("http://a.example?x"), (Some("a.example"), "?x"));
        assert_eq!(host_and_path("/see/http://b.example/"), (None, "/see/http://b.example/"));
        assert_eq!(host_and_path("//c.example/a?b"), (Some("c.example"), "/a?b"));
        assert_eq!(host_and_path("//c.example:8443/a"), (Some("c.example"), "/a"));
        assert_eq!(host_and_path("//localhost:8080/"), (Some("localhost"), "/"));
        for path in ["//a/b", "//index.php/x", "//wp-login.php", "//c.example", "//v1.2/x", "//.env/x", "///a.example/"]
        {
            assert_eq!(host_and_path(path), (None, path));
        }
        assert_eq!(host_of("[2001:db8::1]:443"), Some("[2001:db8::1]"));
        assert_eq!((host_of("a.example:80"), host_of("-"), host_of("_")), (Some("a.example"), None, None));
    }

    #[test]
    fn quotes_that_a_pipeline_kept_are_not_part_of_a_text() {
        assert_eq!(given("\"https://n.example/\"".into()).as_deref(), Some("https://n.example/"));
        assert_eq!((given("\"-\"".into()), given("-".into()), given("".into())), (None, None, None));
    }
}
