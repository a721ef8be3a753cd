//! Squid's native format, as a reverse proxy writes it: seconds, milliseconds that the request took, client, result and
//! status, bytes, method, URL. It holds no agent and no referrer.
//!
//! ```text
//! 1794318936.815     12 192.0.2.1 TCP_MISS/200 1234 GET https://shop.example/a - HIER_DIRECT/10.0.0.5 text/html
//! ```

use crate::import::client_list;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Reads one line of this format.
pub(super) fn read(line: &str) -> LineReading<'_> {
    parts(line).unwrap_or(LineReading::NotUnderstood(LineFault::Shape))
}

fn parts(line: &str) -> Option<LineReading<'_>> {
    let mut words = line.split_whitespace();
    let time = log_time::any(words.next().filter(|time| time.contains('.'))?)?;
    let _milliseconds: u64 = words.next()?.parse().ok()?;
    let client = words.next()?;
    let (_, status) = words.next()?.split_once('/')?;
    let (status, _bytes) = (status.parse().ok()?, words.next()?.parse::<u64>().ok()?);
    let (method, target) = (words.next()?, words.next()?);
    if !target.starts_with('/') && !target.contains("://") {
        return Some(LineReading::NoPage);
    }
    let Some(address) = client_list::client(client) else {
        return Some(LineReading::NotUnderstood(LineFault::Address));
    };
    let (host, target) = split_target(target.into());
    Some(LineReading::Request(LogLine {
        address,
        time,
        method: method.into(),
        target,
        host,
        status,
        referrer: None,
        agent: LoggedAgent::NotLogged,
        language: None,
        signals: ObjectionSignals::default(),
    }))
}
