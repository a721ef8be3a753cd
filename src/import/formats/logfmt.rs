//! `name=value` pairs, separated by spaces, as Heroku's router, Rails and many Go servers write them.
//!
//! ```text
//! time=2026-11-10T13:55:36Z method=GET path=/a status=200 remote_ip=192.0.2.1 user_agent="Mozilla/5.0 …"
//! at=info method=GET path="/a" host=shop.example fwd="192.0.2.1" status=200 bytes=13      (Heroku)
//! method=GET path=/a format=html status=200 ip=192.0.2.1 time=2026-11-10 13:55:36 +0000   (Rails with lograge)
//! ts=1794318936 request>remote_ip=192.0.2.1 request>headers>User-Agent="Mozilla/5.0 …" …  (Caddy)
//! ```
//! A value without quotes ends where the next name begins.

use std::borrow::Cow;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::escapes::quoted;
use crate::import::formats::named::{self, NamedFields};
use crate::import::log_line::{LineFault, LineReading};
use crate::import::log_time;

/// Most pairs that a line may hold.
pub(super) const PAIRS_MAX: usize = 100;

/// Reads one line of this format. `time` comes from a prefix, if there was one.
pub(super) fn read<'l>(line: &str, time: Option<Timestamp>, trusted: &[IpNet]) -> LineReading<'l> {
    if let Some(pairs) = pairs(line) {
        return named::read(&Pairs(pairs), time, trusted);
    }
    // A logger's own words before the pairs: `2026-11-10 13:55:36.123 [info] method=GET path=/a …`.
    let words = line.find(" method=").map(|at| line.split_at(at));
    match words.and_then(|(head, rest)| Some((time_of(head).or(time), pairs(rest)?))) {
        Some((time, pairs)) => named::read(&Pairs(pairs), time, trusted),
        None => LineReading::NotUnderstood(LineFault::Shape),
    }
}

/// The time at the start of a logger's words: one word or two.
fn time_of(head: &str) -> Option<Timestamp> {
    let end = |count: usize| head.match_indices(' ').nth(count).map_or(head.len(), |(at, _)| at);
    [1, 0].into_iter().find_map(|count| log_time::any(head.get(..end(count))?))
}

fn pairs(line: &str) -> Option<Vec<(&str, Cow<'_, str>)>> {
    let (mut rest, mut pairs) = (line.trim(), Vec::new());
    while !rest.is_empty() && pairs.len() < PAIRS_MAX {
        let (name, after) = rest.split_once('=').filter(|(name, _)| is_name(name))?;
        let (value, after) = match after.starts_with('"') {
            true => quoted(after)?,
            false => {
                let end = end_of_value(after);
                (Cow::Borrowed(after.get(..end)?), after.get(end..)?)
            }
        };
        pairs.push((without_object(name), value));
        rest = after.trim_start();
    }
    (pairs.len() > 2).then_some(pairs)
}

fn is_name(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@' | b'>');
    !text.is_empty() && text.bytes().all(is_known)
}

/// End of a value without quotes: the blank before the next name, or the end of the line.
fn end_of_value(text: &str) -> usize {
    let begins_pair = |text: &str| {
        let word = text.split(' ').next().unwrap_or_default();
        word.split_once('=').is_some_and(|(name, _)| is_name(name))
    };
    let mut blanks = text.match_indices(' ').map(|(at, _)| at);
    blanks.find(|at| begins_pair(text.get(at + 1..).unwrap_or_default().trim_start())).unwrap_or(text.len())
}

/// A name within Caddy's `request`, without it.
fn without_object(name: &str) -> &str {
    name.strip_prefix("request>").or_else(|| name.strip_prefix("request.")).unwrap_or(name)
}

/// Fields with names, in the order of the line.
pub(super) struct Pairs<'l>(pub(super) Vec<(&'l str, Cow<'l, str>)>);

impl NamedFields for Pairs<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(&**value))
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let is_header = |known: &str| {
            let header = known.strip_prefix("headers").and_then(|rest| rest.get(1..));
            header.is_some_and(|header| header.eq_ignore_ascii_case(name))
        };
        let (_, value) = self.0.iter().find(|(known, _)| is_header(known))?;
        let inner = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        Some(Cow::Borrowed(inner.unwrap_or(value)))
    }

    fn never_has(&self, name: &str) -> bool {
        self.0.iter().all(|(known, _)| *known != name && !known.starts_with("headers"))
    }
}
