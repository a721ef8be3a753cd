//! HAProxy's HTTP format:
//!
//! ```text
//! 192.0.2.1:33317 [10/Nov/2026:13:55:36.655] http-in app/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0
//!   {shop.example|Mozilla/5.0 …|https://news.example/} {} "GET /a HTTP/1.1"   (one line)
//! ```
//! The first braces hold captured request headers, without their names: host, referrer and agent are distinguished by
//! their shape. Times have no zone and are taken as UTC.

use crate::import::client_list;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, host_of, is_given, request_line};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Reads one line of this format.
pub(super) fn read(line: &str) -> LineReading<'_> {
    parts(line).unwrap_or(LineReading::NotUnderstood(LineFault::Shape))
}

fn parts(line: &str) -> Option<LineReading<'_>> {
    let (client, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once("] ")?;
    let time = log_time::common(time)?;
    let mut words = rest.splitn(5, ' ');
    let timers = words.nth(2)?;
    if timers.split('/').count() != 5 {
        return None;
    }
    let status = words.next()?;
    let rest = words.next()?;
    let (before, request) = rest.split_once('"')?;
    let request = request.strip_suffix('"').unwrap_or(request);
    let Some((method, target)) = request_line(request) else { return Some(LineReading::NoPage) };
    let Ok(status) = status.parse() else { return Some(LineReading::NoPage) };
    let Some(address) = client_list::client(client.rsplit(' ').next()?) else {
        return Some(LineReading::NotUnderstood(LineFault::Address));
    };
    let captured = before.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(inside, _)| inside);
    let headers = || captured.into_iter().flat_map(|inside| inside.split('|')).filter(|text| is_given(text));
    let is_url = |text: &&str| text.starts_with("http://") || text.starts_with("https://");
    let is_agent = |text: &&str| text.contains('/') && !is_url(text);
    let (absolute, target) = split_target(target.into());
    let host = headers().find(|text| !text.contains(['/', ' ']) && text.contains('.')).and_then(host_of);
    Some(LineReading::Request(LogLine {
        address,
        time,
        method: method.into(),
        target,
        host: absolute.or_else(|| host.map(Into::into)),
        status,
        referrer: headers().find(is_url).map(Into::into),
        agent: headers().find(is_agent).map_or(LoggedAgent::NotLogged, |agent| LoggedAgent::Sent(agent.into())),
        language: None,
        signals: ObjectionSignals::default(),
    }))
}
