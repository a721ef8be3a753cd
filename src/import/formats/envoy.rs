//! The default text formats of Envoy and Istio: the client is the forwarded one, the host the authority.
//!
//! ```text
//! [2026-11-10T13:55:36.815Z] "GET /a HTTP/2" 200 - 0 512 12 11 "192.0.2.1" "Mozilla/5.0 …" "id" "shop.example" "…"
//! [2026-11-10T13:55:36.815Z] "GET /a HTTP/2" 200 - via_upstream - "-" 0 512 12 11 "192.0.2.1" "Mozilla/5.0 …" …
//! ```

use std::borrow::Cow;

use crate::import::client_list;
use crate::import::escapes::quoted;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, given, host_of, request_line};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Reads one line of this format.
pub(super) fn read(line: &str) -> LineReading<'_> {
    let shape = LineReading::NotUnderstood(LineFault::Shape);
    let Some((time, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else { return shape };
    let (Some(time), Some((request, rest))) = (log_time::any(time), quoted(rest)) else { return shape };
    let status = rest.trim_start().split(' ').next().unwrap_or_default().parse::<u16>();
    let texts: Vec<Cow<'_, str>> = texts(rest).collect();
    // Istio has one more before the client: the reason of a failure.
    let ([client, agent, _, authority, _] | [_, client, agent, _, authority, _]) = texts.as_slice() else {
        return shape;
    };
    let (Ok(status), Some((method, target))) = (status, request_line(&request)) else { return LineReading::NoPage };
    let Some(address) = client_list::client(client) else { return LineReading::NotUnderstood(LineFault::Address) };
    let (host, target) = split_target(Cow::Owned(target.to_owned()));
    LineReading::Request(LogLine {
        address,
        time,
        method: Cow::Owned(method.to_owned()),
        target,
        host: host.or_else(|| host_of(authority).map(|host| Cow::Owned(host.to_owned()))),
        status,
        referrer: None,
        agent: given(agent.clone()).map_or(LoggedAgent::Missing, LoggedAgent::Sent),
        language: None,
        signals: ObjectionSignals::default(),
    })
}

/// The quoted texts of a line.
fn texts(line: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (text, after) = quoted(rest)?;
        rest = after;
        Some(text)
    })
}
