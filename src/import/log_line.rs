//! One request of a log, whatever its format, and the parts that several formats write alike.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// One request, as a log tells it.
#[derive(Debug, PartialEq)]
pub struct LogLine<'l> {
    /// The client.
    pub address: IpAddr,
    /// When.
    pub time: Timestamp,
    /// The method.
    pub method: Cow<'l, str>,
    /// Path and query.
    pub target: Cow<'l, str>,
    /// The answer's status.
    pub status: u16,
    /// The referrer, where there is one.
    pub referrer: Option<Cow<'l, str>>,
    /// The agent, where there is one.
    pub agent: Option<Cow<'l, str>>,
}

/// Method and target of a request line, `GET /path HTTP/1.1`.
pub(super) fn method_and_target(request: &str) -> Option<(&str, &str)> {
    let mut words = request.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    Some((method, path_of(target)))
}

/// Path and query of a request's target, also of one in absolute form.
pub(super) fn path_of(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
        }
        _ => target,
    }
}

/// `17/May/2015:10:05:03 +0000`.
pub(super) fn log_time(text: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| -> Option<i8> { text.get(range)?.parse().ok() };
    let month = match text.get(3..6)? {
        "Jan" => 1,
        "Feb" => 2,
        "Mar" => 3,
        "Apr" => 4,
        "May" => 5,
        "Jun" => 6,
        "Jul" => 7,
        "Aug" => 8,
        "Sep" => 9,
        "Oct" => 10,
        "Nov" => 11,
        "Dec" => 12,
        _ => return None,
    };
    let year = text.get(7..11)?.parse().ok()?;
    let local = DateTime::new(year, month, number(0..2)?, number(12..14)?, number(15..17)?, number(18..20)?, 0).ok()?;
    let sign = match text.get(21..22)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let seconds = i32::from(number(22..24)?) * 3_600 + i32::from(number(24..26)?) * 60;
    Offset::from_seconds(sign * seconds).ok()?.to_timestamp(local).ok()
}

/// False for the `-` that stands for an absent value.
pub(super) fn is_given(text: &str) -> bool {
    !text.is_empty() && text != "-"
}
