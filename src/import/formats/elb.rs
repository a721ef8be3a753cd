//! AWS load balancers, classic and application:
//!
//! ```text
//! 2026-11-10T13:55:36.123456Z lb 192.0.2.1:2817 10.0.0.1:80 0 0 0 200 200 0 29 "GET https://a.example/ HTTP/1.1" "…"
//! https 2026-11-10T13:55:36.123456Z app/lb/1 192.0.2.1:2817 10.0.0.1:80 0 0 0 200 200 34 366 "GET …" "agent"
//! ```
//! They log no referrer.

use crate::import::client_list;
use crate::import::escapes::quoted;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, given, request_line};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Reads one line of this format.
pub(super) fn read(line: &str) -> LineReading<'_> {
    parts(line).unwrap_or(LineReading::NotUnderstood(LineFault::Shape))
}

fn parts(line: &str) -> Option<LineReading<'_>> {
    let mut words = line.split(' ');
    let first = words.next()?;
    let time = match first {
        "http" | "https" | "h2" | "grpcs" | "ws" | "wss" => words.next()?,
        _ => first,
    };
    let time = (time.len() > 18 && time.ends_with('Z')).then(|| log_time::any(time)).flatten()?;
    let client = words.nth(1)?;
    let status = words.nth(4)?;
    let (request, rest) = quoted(line)?;
    let address = client_list::address(client)?;
    let status = match status {
        "-" => return Some(LineReading::NoPage),
        _ => status.parse().ok()?,
    };
    let request = request.into_owned();
    let Some((method, target)) = request_line(&request) else { return Some(LineReading::NoPage) };
    let (host, target) = split_target(target.to_owned().into());
    let agent = quoted(rest).and_then(|(text, _)| given(text)).map_or(LoggedAgent::Missing, LoggedAgent::Sent);
    Some(LineReading::Request(LogLine {
        address,
        time,
        method: method.to_owned().into(),
        target,
        host,
        status,
        referrer: None,
        agent,
        language: None,
        signals: ObjectionSignals::default(),
    }))
}
