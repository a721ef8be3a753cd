//! Bunny's pipes: cache status, status, milliseconds since 1970, bytes, pull zone, client, referrer, URL, place of the
//! server, agent, request id, country.
//!
//! ```text
//! HIT|200|1794318936123|412|390|192.0.2.1|-|https://shop.example/a|FR|Mozilla/5.0 …|3a1b…|FR
//! ```

use crate::import::client_list;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, given};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Reads one line of this format.
pub(super) fn read(line: &str) -> LineReading<'_> {
    let mut parts = line.split('|');
    let mut next = || parts.next();
    let shape = LineReading::NotUnderstood(LineFault::Shape);
    let (Some(_), Some(status), Some(time), Some(_), Some(_)) = (next(), next(), next(), next(), next()) else {
        return shape;
    };
    let (Some(client), Some(referrer), Some(url), Some(_), Some(agent)) = (next(), next(), next(), next(), next())
    else {
        return shape;
    };
    let (Ok(status), Some(time)) = (status.parse(), log_time::any(time)) else { return shape };
    let Some(address) = client_list::client(client) else { return LineReading::NotUnderstood(LineFault::Address) };
    let (host, target) = split_target(url.into());
    LineReading::Request(LogLine {
        address,
        time,
        method: "GET".into(),
        target,
        host,
        status,
        referrer: given(referrer.into()),
        agent: given(agent.into()).map_or(LoggedAgent::Missing, LoggedAgent::Sent),
        language: None,
        signals: ObjectionSignals::default(),
    })
}
