//! The common and the combined format of Apache and nginx, with the additions of other servers:
//!
//! ```text
//! 192.0.2.1 - frank [10/Oct/2025:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "https://news.example/" "Mozilla/5.0 …"
//! shop.example:443 192.0.2.1 - - [10/Oct/2025:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326
//! "192.0.2.1, 10.0.0.1" - - [10/Oct/2025:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "-" "Mozilla/5.0 …"
//! 172.18.0.1 - - [10/Oct/2025:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "-" "Mozilla/5.0 …" "192.0.2.1"
//! 192.0.2.1 shop.example - [10/Oct/2025:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "-" "Mozilla/5.0 …"
//! 192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 "-" "-" 12 "web@docker" "http://10.0.0.5" 3ms
//! owner bucket [10/Oct/2025:13:55:36 +0000] 192.0.2.1 - id WEBSITE.GET.OBJECT a "GET /a HTTP/1.1" 200 - …   (S3)
//! ```

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::client_list;
use crate::import::escapes::{quoted, unescaped};
use crate::import::log_line::{
    LineFault, LineReading, LogLine, LoggedAgent, given, host_and_path, host_of, request_line,
};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Most bracketed fields before the time, as old ingress controllers write them.
const BRACKETS_MAX: usize = 4;

/// Reads one line of this format.
pub(super) fn read<'l>(line: &'l str, trusted: &[IpNet]) -> LineReading<'l> {
    let Some((before, time, after)) = at_time(line) else { return LineReading::NotUnderstood(LineFault::Shape) };
    let Some((before_request, request, status, rest)) = request_and_status(after) else {
        return LineReading::NotUnderstood(LineFault::Shape);
    };
    let Some(status) = status else { return LineReading::NoPage };
    let request = match &request {
        Cow::Borrowed(text) => request_line(text).map(|(method, target)| (method.into(), target.into())),
        Cow::Owned(text) => request_line(text)
            .map(|(method, target)| (Cow::Owned(method.to_owned()), Cow::<str>::Owned(target.to_owned()))),
    };
    let Some((method, target)): Option<(Cow<'_, str>, Cow<'_, str>)> = request else { return LineReading::NoPage };
    let bucket = || s3(before, before_request).map(|(peer, bucket)| (peer, name_of_host(bucket), Some(bucket)));
    let peer = peer_and_host(before).map(|(peer, host)| (peer, host.or(name_of_host(before_request.trim())), None));
    let Some((peer, vhost, bucket)) = peer.or_else(bucket) else {
        return LineReading::NotUnderstood(LineFault::Address);
    };
    let (referrer, agent, told) = trailing(rest);
    let (host, target) = split_target(target);
    let target = match bucket {
        Some(bucket) => without_bucket(target, bucket),
        None => target,
    };
    LineReading::Request(LogLine {
        address: client_list::behind_proxy(peer, told.as_deref(), trusted),
        time,
        method,
        target,
        host: host.or_else(|| vhost.and_then(host_of).map(Cow::Borrowed)),
        status,
        referrer,
        agent,
        language: None,
        signals: ObjectionSignals::default(),
    })
}

/// The text before the time's bracket, the time, and the text after it.
fn at_time(line: &str) -> Option<(&str, Timestamp, &str)> {
    let mut from = 0;
    for _ in 0..BRACKETS_MAX {
        let open = line.get(from..)?.find('[')? + from;
        let close = line.get(open..)?.find(']')? + open;
        let inside = line.get(open + 1..close)?;
        if let Some(time) = log_time::common(inside).or_else(|| log_time::any(inside)) {
            return Some((line.get(..open)?, time, line.get(close + 1..)?));
        }
        from = close;
    }
    None
}

type RequestParts<'l> = (&'l str, Cow<'l, str>, Option<u16>, &'l str);

/// The text before the request, the request, its status, and the text after the bytes. The status is missing where the
/// server wrote none.
fn request_and_status(text: &str) -> Option<RequestParts<'_>> {
    let before = text.get(..text.find('"')?)?;
    let (request, rest) = quoted(text)?;
    if let Some((status, rest)) = status_and_rest(rest) {
        return Some((before, request, status, rest));
    }
    // A target with an unescaped quote: the request ends where a status follows.
    let inner = text.get(before.len() + 1..)?;
    inner.match_indices('"').find_map(|(at, _)| {
        let (status, rest) = status_and_rest(inner.get(at + 1..)?)?;
        let request = inner.get(..at)?;
        let request = if request.contains('\\') { Cow::Owned(unescaped(request)) } else { Cow::Borrowed(request) };
        Some((before, request, status, rest))
    })
}

fn status_and_rest(text: &str) -> Option<(Option<u16>, &str)> {
    let text = text.strip_prefix(' ')?.trim_start();
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    if status == "-" {
        return Some((None, rest));
    }
    let number: u16 = Some(status).filter(|status| status.len() == 3)?.parse().ok()?;
    Some((Some(number), rest.split_once(' ').map_or("", |(_, rest)| rest)))
}

/// The peer, and the virtual host if one precedes it.
fn peer_and_host(before: &str) -> Option<(IpAddr, Option<&str>)> {
    let before = before.trim();
    if let Some(list) = before.strip_prefix('"') {
        return client_list::client(list.split('"').next()?).map(|client| (client, None));
    }
    let (first, rest) = before.split_once(' ').unwrap_or((before, ""));
    if first.ends_with(',') {
        // `client, proxy, proxy - user`: the list ends with the first word without a comma.
        let end = before.split(' ').take_while(|word| word.ends_with(',')).map(|word| word.len() + 1).sum::<usize>();
        let list = before.get(..end)?.len() + before.get(end..)?.split(' ').next()?.len();
        return client_list::client(before.get(..list)?).map(|client| (client, None));
    }
    if let Some(address) = client_list::client(first) {
        // `client host user`, as lighttpd writes; other servers have `-` there.
        return Some((address, rest.trim_start().split_once(' ').and_then(|(second, _)| name_of_host(second))));
    }
    let second = rest.trim_start();
    let second = second.strip_prefix('"').unwrap_or(second);
    let address = client_list::client(second.split([' ', '"']).next()?)?;
    is_host(first).then_some((address, Some(first)))
}

/// The text, if it is a host's name with a dot: not a user, an address or `-`.
pub(super) fn name_of_host(text: &str) -> Option<&str> {
    let is_name = is_host(text) && text.contains('.') && client_list::address(text).is_none();
    is_name.then_some(text)
}

fn is_host(text: &str) -> bool {
    let known = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_' | b'[' | b']') || !byte.is_ascii()
    };
    let is_time = text.matches(':').count() > 1 && !text.starts_with('[');
    !text.is_empty() && !is_time && text.bytes().all(known)
}

/// A line of S3: owner and bucket before the time, the client after it.
fn s3<'l>(before: &'l str, behind: &str) -> Option<(IpAddr, &'l str)> {
    let address = client_list::address(behind.split_whitespace().next()?)?;
    let bucket = before.split_whitespace().nth(1)?;
    Some((address, bucket))
}

/// The path within a bucket, where the request begins with the bucket.
fn without_bucket<'l>(target: Cow<'l, str>, bucket: &str) -> Cow<'l, str> {
    let path = |target: &str| {
        let rest = target.strip_prefix('/').and_then(|rest| rest.strip_prefix(bucket));
        rest.filter(|rest| rest.starts_with('/')).map(str::len)
    };
    match (path(&target), target) {
        (Some(length), Cow::Borrowed(text)) => Cow::Borrowed(text.get(text.len() - length..).unwrap_or("/")),
        (Some(length), Cow::Owned(text)) => Cow::Owned(text.get(text.len() - length..).unwrap_or("/").to_owned()),
        (None, target) => target,
    }
}

/// Referrer and agent, which the common format lacks, and the client that a proxy named, in a later quoted field.
fn trailing(rest: &str) -> (Option<Cow<'_, str>>, LoggedAgent<'_>, Option<Cow<'_, str>>) {
    let Some((referrer, rest)) = quoted(rest) else { return (None, LoggedAgent::NotLogged, None) };
    let Some((agent, rest)) = quoted(rest) else { return (given(referrer), LoggedAgent::NotLogged, None) };
    let quoted_text = quoted(rest).map(|(quoted_text, _)| quoted_text);
    let referrer = given(referrer);
    let agent = match given(agent) {
        Some(agent) => LoggedAgent::Sent(agent),
        None if referrer.is_none() && is_traefik(rest) => LoggedAgent::NotLogged,
        None => LoggedAgent::Missing,
    };
    (referrer, agent, quoted_text)
}

/// Whether the fields behind the agent are Traefik's, which drops headers unless its configuration keeps them: a
/// number, the router and the server in quotes, the duration.
fn is_traefik(rest: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((count, rest)) = rest.trim().split_once(' ') else { return false };
    let duration = rest.rsplit(' ').next().and_then(|word| word.strip_suffix("ms"));
    number(count) && rest.starts_with('"') && duration.is_some_and(number)
}

/// The host of a target in absolute form, and its path with the query.
pub(super) fn split_target(target: Cow<'_, str>) -> (Option<Cow<'_, str>>, Cow<'_, str>) {
    match target {
        Cow::Borrowed(target) => {
            let (host, path) = host_and_path(target);
            (host.map(Cow::Borrowed), Cow::Borrowed(path))
        }
        Cow::Owned(target) => {
            let (host, path) = host_and_path(&target);
            (host.map(|host| Cow::Owned(host.to_owned())), Cow::Owned(path.to_owned()))
        }
    }
}
