//! Labelled values, separated by tabs (`→` here). `host` is the client, `vhost` the requested host.
//!
//! ```text
//! time:[20/Nov/2026:10:00:00 +0000] → host:192.0.2.1 → req:GET /a HTTP/1.1 → status:200 → referer:- → ua:Mozilla/5.0 …
//! ```

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::formats::logfmt::{PAIRS_MAX, Pairs};
use crate::import::formats::named;
use crate::import::log_line::{LineFault, LineReading};

/// Reads one line of this format. `time` comes from a prefix, if there was one.
pub(super) fn read<'l>(line: &str, time: Option<Timestamp>, trusted: &[IpNet]) -> LineReading<'l> {
    let pairs: Option<Vec<_>> = line
        .split('\t')
        .take(PAIRS_MAX)
        .map(|field| {
            let (label, value) = field.split_once(':')?;
            let is_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            let is_named = !label.is_empty() && label.bytes().all(is_label);
            is_named.then_some((if label == "host" { "remote_host" } else { label }, value.into()))
        })
        .collect();
    match pairs.filter(|pairs| pairs.len() > 2) {
        Some(pairs) => named::read(&Pairs(pairs), time, trusted),
        None => LineReading::NotUnderstood(LineFault::Shape),
    }
}
