//! Prefixes that containers and syslog put before a line:
//!
//! ```text
//! 2026-11-10T13:55:36.864113722Z stdout F LINE      (CRI)
//! <190>Nov 10 13:55:36 host nginx: LINE             (syslog; also with an ISO time, or `1 … - - -`)
//! web-1  | LINE                                     (compose)
//! [pod/web-1/nginx] LINE                            (kubectl)
//! ```

use jiff::Timestamp;

use crate::import::log_time;

/// The line without its prefix, and the prefix's time; `None` for a line without a prefix.
pub(super) fn without(line: &str) -> Option<(&str, Option<Timestamp>)> {
    let (mut rest, mut time, mut found) = (line, None, false);
    for _ in 0..4 {
        let stripped = compose(rest).map(|rest| (rest, None)).or_else(|| kubectl(rest).map(|rest| (rest, None)));
        let stripped = stripped.or_else(|| cri(rest)).or_else(|| syslog(rest));
        let Some((after, told)) = stripped else { break };
        (rest, time, found) = (after, told.or(time), true);
    }
    (found && !rest.is_empty()).then_some((rest, time))
}

fn compose(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(['\u{1b}', '[']);
    let (name, rest) = line.split_once('|')?;
    let name = name.trim_end();
    let name = name.rsplit_once('m').filter(|(code, _)| code.bytes().all(is_colour)).map_or(name, |(_, name)| name);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let rest = rest.trim_start_matches("\u{1b}[0m");
    (is_name && !name.is_empty() && rest.starts_with(' ')).then(|| rest.trim_start())
}

fn is_colour(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';'
}

fn kubectl(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("[pod/")?.split_once("] ")?;
    (!name.contains(' ')).then_some(rest)
}

/// A time, the stream, whether the line is complete; or a time alone, as `docker logs -t` writes it.
fn cri(line: &str) -> Option<(&str, Option<Timestamp>)> {
    let (time, rest) = line.split_once(' ')?;
    let time = Some(time).filter(|time| time.len() >= 19 && time.as_bytes().get(10) == Some(&b'T'))?;
    let time = log_time::any(time)?;
    let is_whole =
        ["stdout F ", "stderr F ", "stdout P ", "stderr P "].iter().find_map(|stream| rest.strip_prefix(stream));
    Some((is_whole.unwrap_or(rest), Some(time)))
}

/// `<190>` or none; a time of either kind, or one that an earlier step removed; the host; `program[123]: `.
fn syslog(line: &str) -> Option<(&str, Option<Timestamp>)> {
    let (priority, line) = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((digits, rest)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => (true, rest),
        Some(_) | None => (false, line),
    };
    if let Some(rest) = line.strip_prefix("1 ").filter(|_| priority) {
        // RFC 5424: time, host, program, process, message id, structured data.
        let mut words = rest.splitn(6, ' ');
        let time = log_time::any(words.next()?);
        let message = words.nth(4)?;
        let message = message.strip_prefix("- ").or_else(|| message.split_once("] ").map(|(_, message)| message))?;
        return Some((message.trim_start_matches('\u{feff}'), time));
    }
    let line = month_day_time(line).unwrap_or(line);
    let (before, message) = line.split_once(": ")?;
    let words = before.split_whitespace().count();
    let program = before.rsplit(' ').next().unwrap_or_default();
    let is_program = program.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./[]@".contains(&byte));
    let starts_so = program.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (words <= 2 && is_program && starts_so).then_some((message, None))
}

/// The text after `Nov 10 13:55:36 `.
fn month_day_time(line: &str) -> Option<&str> {
    let (date, rest) = line.split_at_checked(16)?;
    let bytes = date.as_bytes();
    let shape = bytes.first()?.is_ascii_uppercase() && bytes.get(9) == Some(&b':') && bytes.get(12) == Some(&b':');
    (shape && date.ends_with(' ')).then_some(rest)
}
