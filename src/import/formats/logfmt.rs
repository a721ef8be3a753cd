//! `name=value` pairs, separated by spaces, as Heroku's router, Rails and many Go servers write them.
//!
//! ```text
//! time=2026-11-10T13:55:36Z method=GET path=/a status=200 remote_ip=192.0.2.1 user_agent="Mozilla/5.0 …"
//! at=info method=GET path="/a" host=shop.example fwd="192.0.2.1" status=200 bytes=13      (Heroku)
//! ```

use std::borrow::Cow;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::escapes::quoted;
use crate::import::formats::named::{self, NamedFields};
use crate::import::log_line::{LineFault, LineReading};

/// Most pairs that a line may hold.
const PAIRS_MAX: usize = 100;

/// Reads one line of this format. `time` comes from a prefix, if there was one.
pub(super) fn read<'l>(line: &str, time: Option<Timestamp>, trusted: &[IpNet]) -> LineReading<'l> {
    match pairs(line) {
        Some(pairs) => named::read(&Pairs(pairs), time, trusted),
        None => LineReading::NotUnderstood(LineFault::Shape),
    }
}

fn pairs(line: &str) -> Option<Vec<(&str, Cow<'_, str>)>> {
    let (mut rest, mut pairs) = (line.trim(), Vec::new());
    while !rest.is_empty() && pairs.len() < PAIRS_MAX {
        let (name, after) = rest.split_once('=')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@');
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        let (value, after) = match after.starts_with('"') {
            true => quoted(after)?,
            false => {
                let (value, after) = after.split_once(' ').unwrap_or((after, ""));
                (Cow::Borrowed(value), after)
            }
        };
        pairs.push((name, value));
        rest = after.trim_start();
    }
    (pairs.len() > 2).then_some(pairs)
}

struct Pairs<'l>(Vec<(&'l str, Cow<'l, str>)>);

impl NamedFields for Pairs<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(&**value))
    }

    fn header(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn never_has(&self, name: &str) -> bool {
        self.0.iter().all(|(known, _)| *known != name)
    }
}
