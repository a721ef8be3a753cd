//! Caddy's console format: a time, the level, the logger and a message, then the fields as JSON.
//!
//! ```text
//! 2026/11/10 13:55:36.815  INFO  http.log.access  handled request  {"request": {"remote_ip": "192.0.2.1", …}, …}
//! ```

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::formats::json::{self, JsonReading};
use crate::import::log_line::{LineFault, LineReading};
use crate::import::log_time;

/// Reads one line of this format.
pub(super) fn read<'l>(line: &str, trusted: &[IpNet]) -> LineReading<'l> {
    let shape = LineReading::NotUnderstood(LineFault::Shape);
    let Some((before, _)) = line.split_once('{').filter(|_| line.trim_end().ends_with('}')) else { return shape };
    let object = line.get(before.len()..).unwrap_or_default();
    match json::read(object, time(before), trusted) {
        JsonReading::Line(reading) => reading,
        JsonReading::Wraps(_) => shape,
    }
}

/// The time at the start of a line, in one word or two.
fn time(before: &str) -> Option<Timestamp> {
    let before = before.trim_start_matches(|character: char| character.is_control());
    if let Some(time) = before.split('\t').next().and_then(log_time::any) {
        return Some(time);
    }
    let mut words = before.split_whitespace();
    let first = words.next()?;
    log_time::any(first).or_else(|| log_time::any(&format!("{first} {}", words.next()?)))
}
