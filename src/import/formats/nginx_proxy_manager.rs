//! Nginx Proxy Manager:
//!
//! ```text
//! [10/Nov/2026:13:55:36 +0000] - 200 200 - GET https shop.example "/a" [Client 192.0.2.1] [Length 512] [Gzip -]
//!   [Sent-to 10.0.0.5] "Mozilla/5.0 …" "https://news.example/"   (one line)
//! ```
//! The first status is the upstream's, missing for hosts without one; the second is the response's.

use crate::import::client_list;
use crate::import::escapes::quoted;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, given, host_of};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Reads one line of this format.
pub(super) fn read(line: &str) -> LineReading<'_> {
    parts(line).unwrap_or(LineReading::NotUnderstood(LineFault::Shape))
}

fn parts(line: &str) -> Option<LineReading<'_>> {
    let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
    let time = log_time::common(time)?;
    let (numbers, rest) = rest.split_once(" - ").map(|(first, rest)| match first.trim() {
        // `] - 200 200 - GET …`: the text before the first dash is empty.
        "" => rest.split_once(" - ").unwrap_or((first, rest)),
        _ => (first, rest),
    })?;
    let status = numbers.split([' ', ',']).rfind(|word| word.len() == 3)?.parse().ok()?;
    let mut words = rest.splitn(4, ' ');
    let (method, scheme, host, rest) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if !matches!(scheme, "http" | "https" | "ws" | "wss") {
        return None;
    }
    let (target, rest) = quoted(rest)?;
    let (_, client) = rest.split_once("[Client ")?;
    let (client, rest) = client.split_once(']')?;
    let Some(address) = client_list::client(client) else {
        return Some(LineReading::NotUnderstood(LineFault::Address));
    };
    let agent = quoted(rest);
    let referrer = agent.as_ref().and_then(|(_, rest)| quoted(rest)).and_then(|(text, _)| given(text));
    let agent = match agent {
        Some((text, _)) => given(text).map_or(LoggedAgent::Missing, LoggedAgent::Sent),
        None => LoggedAgent::NotLogged,
    };
    let (absolute, target) = split_target(target);
    Some(LineReading::Request(LogLine {
        address,
        time,
        method: method.into(),
        target,
        host: absolute.or_else(|| host_of(host).map(Into::into)),
        status,
        referrer,
        agent,
        language: None,
        signals: ObjectionSignals::default(),
    }))
}
