//! Lines of access logs: the common and the combined format of Apache and nginx, and JSON as Caddy, nginx and Apache
//! are commonly told to write it. A line that is none of these is "not understood"; nothing of it is kept or printed.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::import::json_log;
use crate::import::log_line::{LogLine, is_given, log_time, method_and_target};

/// Endings of paths that are parts of pages, files or feeds, not pages.
#[rustfmt::skip]
const ASSETS: &[&str] = &[
    "7z", "aac", "apk", "atom", "avi", "avif", "bin", "bmp", "bz2", "css", "csv", "cur", "deb", "dmg", "doc",
    "docx", "eot", "epub", "exe", "flac", "flv", "gif", "gz", "ico", "ics", "img", "iso", "jar", "jpeg", "jpg",
    "js", "json", "m4a", "m4v", "map", "mid", "mjs", "mkv", "mov", "mp3", "mp4", "mpeg", "mpg", "msi", "ods", "odt",
    "ogg", "ogv", "opus", "otf", "pdf", "pkg", "png", "ppt", "pptx", "ps", "rar", "rdf", "rpm", "rss", "rtf", "svg",
    "svgz", "swf", "tar", "tgz", "tif", "tiff", "ttf", "txt", "vtt", "wasm", "wav", "webm", "webmanifest", "webp",
    "woff", "woff2", "xls", "xlsx", "xml", "xpi", "xsl", "xz", "yaml", "yml", "zip",
];

/// Longest of them.
const ASSET_BYTES_MAX: usize = 11;

/// Of the common format's time.
const LOG_TIME_BYTES: usize = "17/May/2015:10:05:03 +0000".len();

/// The time of a line that seems to be one of an access log; the rest of it is not looked at where that can be avoided.
pub fn time(line: &[u8]) -> Option<Timestamp> {
    if is_json(line) {
        return json_log::line(std::str::from_utf8(line).ok()?).map(|line| line.time);
    }
    let from = line.iter().position(|byte| *byte == b'[')? + 1;
    log_time(std::str::from_utf8(line.get(from..from + LOG_TIME_BYTES)?).ok()?)
}

fn is_json(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{")
}

impl<'l> LogLine<'l> {
    /// Reads a line.
    pub fn parse(line: &'l str) -> Option<Self> {
        if is_json(line.as_bytes()) { json_log::line(line) } else { combined(line) }
    }

    /// A pageview: a page that was asked for and given (or that the browser still had).
    pub fn is_pageview(&self) -> bool {
        matches!(self.status, 200 | 304) && self.asks_for_a_page()
    }

    /// A pageview of a page that is not there.
    pub fn is_not_found(&self) -> bool {
        self.status == 404 && self.asks_for_a_page()
    }

    fn asks_for_a_page(&self) -> bool {
        self.method == "GET" && self.target.starts_with('/') && !self.is_asset()
    }

    fn is_asset(&self) -> bool {
        let path = self.target.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let Some((_, ending)) = name.rsplit_once('.') else { return false };
        let mut lower = [0; ASSET_BYTES_MAX];
        let Some(lower) = lower.get_mut(..ending.len()) else { return false };
        lower.copy_from_slice(ending.as_bytes());
        lower.make_ascii_lowercase();
        ASSETS.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok()
    }
}

/// `address ident user [time] "method target protocol" status bytes "referrer" "agent"`; the last two may be missing.
fn combined(line: &str) -> Option<LogLine<'_>> {
    let (address, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let (request, rest) = quoted(rest)?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status = numbers.next()?.parse().ok()?;
    let rest = numbers.nth(1).unwrap_or_default();
    let referrer = quoted(rest);
    let agent = referrer.as_ref().and_then(|(_, rest)| quoted(rest));
    let (method, target) = match &request {
        Cow::Borrowed(text) => method_and_target(text).map(|(method, target)| (method.into(), target.into()))?,
        Cow::Owned(text) => method_and_target(text)
            .map(|(method, target)| (Cow::Owned(method.to_owned()), Cow::Owned(target.to_owned())))?,
    };
    let (referrer, agent) = (referrer.map(|(text, _)| text), agent.map(|(text, _)| text));
    Some(LogLine {
        address: address.parse().ok()?,
        time: log_time(time)?,
        method,
        target,
        status,
        referrer: referrer.filter(|text| is_given(text)),
        agent: agent.filter(|text| is_given(text)),
    })
}

/// The text between the next two quotes, a backslash taking the meaning of what follows it, and what comes after.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (_, text) = text.split_once('"')?;
    let (mut at, mut escaped) = (0, false);
    loop {
        let found = text.get(at..)?.find(['"', '\\'])? + at;
        if text.as_bytes().get(found) == Some(&b'"') {
            let (inside, rest) = (text.get(..found)?, text.get(found + 1..)?);
            let inside = if escaped { Cow::Owned(unescaped(inside)) } else { Cow::Borrowed(inside) };
            return Some((inside, rest));
        }
        escaped = true;
        at = found + 1 + text.get(found + 1..)?.chars().next()?.len_utf8();
    }
}

/// A text as it was before the server escaped it: `\"`, `\\`, and `\xC3` for one byte; other escapes stay.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let hex = after.strip_prefix(b"x").and_then(|after| after.split_at_checked(2));
        let coded = hex.and_then(|(hex, after)| {
            let hex = std::str::from_utf8(hex).ok().filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            Some((u8::from_str_radix(hex, 16).ok()?, after))
        });
        let (plain, after) = match (byte, after, coded) {
            (b'\\', _, Some((byte, after))) => (byte, after),
            (b'\\', [quoted @ (b'"' | b'\\'), after @ ..], None) => (*quoted, after),
            (byte, after, _) => (*byte, after),
        };
        bytes.push(plain);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine<'_> {
        LogLine::parse(text).unwrap()
    }

    #[test]
    fn a_combined_line_is_read() {
        let read = line(concat!(
            r#"192.0.2.1 - frank [10/Oct/2025:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 2326 "#,
            r#""http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; \"I\" ;Nav)""#
        ));
        assert_eq!(read.time, "2025-10-10T20:55:36Z".parse().unwrap());
        assert_eq!((&*read.method, &*read.target, read.status), ("GET", "/a?b=c", 200));
        assert_eq!(read.referrer.as_deref(), Some("http://www.example.com/start.html"));
        assert_eq!(read.agent.as_deref(), Some("Mozilla/4.08 [en] (Win98; \"I\" ;Nav)"));
        assert!(read.is_pageview());
    }

    #[test]
    fn a_common_line_has_neither_referrer_nor_agent() {
        let read = line(r#"2001:db8::1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.0" 304 -"#);
        assert_eq!((read.status, read.referrer, read.agent), (304, None, None));
        let dashes = line(r#"192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.0" 200 5 "-" "-""#);
        assert_eq!((dashes.referrer, dashes.agent), (None, None));
    }

    #[test]
    fn caddy_nginx_and_apache_json_are_read() {
        let caddy = line(concat!(
            r#"{"ts":1646861401.52,"request":{"remote_ip":"192.0.2.1","method":"GET","host":"h","uri":"/x?y","#,
            r#""headers":{"User-Agent":["Firefox"],"Referer":["https://a.example/"]}},"status":200}"#
        ));
        assert_eq!(caddy.time, "2022-03-09T21:30:01Z".parse().unwrap());
        assert_eq!((&*caddy.target, caddy.agent.as_deref()), ("/x?y", Some("Firefox")));
        let nginx = line(concat!(
            r#"{"time_iso8601":"2025-10-10T13:55:36+02:00","remote_addr":"192.0.2.1","request":"GET /n HTTP/2.0","#,
            r#""status":"404","http_referer":"","http_user_agent":"Firefox"}"#
        ));
        assert_eq!((&*nginx.target, nginx.status, nginx.referrer.is_none()), ("/n", 404, true));
        assert!(nginx.is_not_found());
        let apache = line(concat!(
            r#"{"time":"[10/Oct/2025:13:55:36 +0000]","clientip":"192.0.2.1","method":"GET","uri":"/p","query":"?q=1","#,
            r#""status":200,"userAgent":"Firefox","referer":"-"}"#
        ));
        assert_eq!((&*apache.target, apache.referrer), ("/p?q=1", None));
    }

    #[test]
    fn what_the_server_escaped_is_as_it_was() {
        let read = line(concat!(
            r#"192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /caf\xc3\xa9 HTTP/1.1" 200 5 "#,
            r#""-" "a \x22quoted\x22 \\ name \n \xZZ \x""#
        ));
        assert_eq!((&*read.target, read.agent.as_deref()), ("/café", Some(r#"a "quoted" \ name \n \xZZ \x"#)));
    }

    #[test]
    fn the_time_of_a_line_is_found_without_reading_the_rest() {
        let text = r#"192.0.2.1 - - [10/Oct/2025:13:55:36 -0700] "GET / HTTP/1.0" 304 -"#;
        assert_eq!(time(text.as_bytes()), Some(line(text).time));
        assert_eq!(time(b"hello [10/Oct"), None);
        assert_eq!(time(b"{}"), None);
    }

    #[test]
    fn parts_of_pages_and_posts_are_no_pageviews() {
        let get = |target: &str| {
            let text = format!("192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] \"GET {target} HTTP/1.0\" 200 5");
            line(&text).is_pageview()
        };
        assert!(get("/") && get("/a.html") && get("/index.php?file=a.png") && get("/v1.2/") && get("/about.me"));
        assert!(!get("/a.css") && !get("/A.PNG?v=1") && !get("/feed.xml") && !get("/favicon.ico"));
        let post = r#"192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "POST / HTTP/1.0" 200 5"#;
        assert!(!line(post).is_pageview());
        assert!(!get("x") && !get("*"));
    }

    #[test]
    fn what_is_no_line_of_a_log_is_not_understood() {
        for text in [
            "",
            "hello",
            "{}",
            "{\"ts\":1}",
            r#"name - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.0" 200 5"#,
            r#"192.0.2.1 - - [10/Foo/2025:13:55:36 +0000] "GET / HTTP/1.0" 200 5"#,
            r#"192.0.2.1 - - [31/Feb/2025:13:55:36 +0000] "GET / HTTP/1.0" 200 5"#,
            r#"192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "\x16\x03" 400 5"#,
            r#"192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.0" x 5"#,
            "192.0.2.1 - - [1é/Oct/2025:13:55:36 +0000] \"GET / HTTP/1.0\" 200 5",
        ] {
            assert_eq!(LogLine::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_list_of_assets_is_sorted_as_the_search_needs_it() {
        assert!(ASSETS.is_sorted());
        assert_eq!(ASSETS.iter().map(|ending| ending.len()).max(), Some(ASSET_BYTES_MAX));
    }
}
