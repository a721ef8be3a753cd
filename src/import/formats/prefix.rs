//! Prefixes that containers, syslog and other programs put before a line:
//!
//! ```text
//! 2026-11-10T13:55:36.864113722Z stdout F LINE      (CRI)
//! <190>Nov 10 13:55:36 host nginx: LINE             (syslog; also with an ISO time, or `1 … - - -`)
//! web-1  | LINE                                     (compose; `web.1.x@node | ` of a swarm, `0|web | ` of PM2)
//! [pod/web-1/nginx] LINE                            (kubectl; `[web-1 nginx] ` of kubetail)
//! web-1 nginx LINE                                  (stern; also with the namespace first)
//! access.log.1:LINE                                 (grep; also with the number of the line)
//! INFO:werkzeug:LINE                                (Python)
//! I, [2026-11-10T13:55:36.123456 #12]  INFO -- : LINE   (Ruby)
//! @400000006730c1d83b2a1c0c LINE                    (multilog, s6)
//! ```

use jiff::Timestamp;

use crate::import::log_time;

/// A line without one prefix, and the prefix's time.
type PrefixSplit<'l> = Option<(&'l str, Option<Timestamp>)>;

/// Prefixes of a line that are taken off, one after the other.
const PREFIXES_MAX: usize = 4;

/// The line without its prefix, and the prefix's time; `None` for a line without a prefix.
pub(super) fn without(line: &str) -> Option<(&str, Option<Timestamp>)> {
    let prefixes: [fn(&str) -> PrefixSplit<'_>; 9] = [compose, kubectl, cri, ruby, python, tai64n, grep, syslog, stern];
    let (mut rest, mut time, mut found) = (line, None, false);
    for _ in 0..PREFIXES_MAX {
        let Some((after, of_prefix)) = prefixes.iter().find_map(|prefix| prefix(rest)) else { break };
        (rest, time, found) = (after, of_prefix.or(time), true);
    }
    (found && !rest.is_empty()).then_some((rest, time))
}

/// Whether a line is `==> access.log <==`, which `tail` writes between two files.
pub(super) fn is_file_name(line: &str) -> bool {
    line.starts_with("==> ") && line.trim_end().ends_with(" <==")
}

/// Whether a text may be the start of a log line: an address, a time, an object, a quote.
fn may_begin_line(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    first.starts_with(|character: char| character.is_ascii_digit() || matches!(character, '[' | '{' | '"' | '<'))
        || crate::import::client_list::address(first).is_some()
}

fn compose(line: &str) -> PrefixSplit<'_> {
    let line = line.trim_start_matches(['\u{1b}', '[']);
    let (name, rest) = line.split_once('|')?;
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let (name, rest) = rest.split_once('|').filter(|_| is_number).unwrap_or((name, rest));
    let name = name.trim_end();
    let name = name.rsplit_once('m').filter(|(code, _)| code.bytes().all(is_colour)).map_or(name, |(_, name)| name);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    let rest = rest.trim_start_matches("\u{1b}[0m");
    (is_name && !name.is_empty() && rest.starts_with(' ')).then(|| (rest.trim_start(), None))
}

fn is_colour(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';'
}

fn kubectl(line: &str) -> PrefixSplit<'_> {
    let (names, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-./ ".contains(&byte);
    let is_named = names.starts_with(|character: char| character.is_ascii_lowercase()) && names.bytes().all(is_known);
    (is_named && names.contains(['/', ' ', '-'])).then_some((rest, None))
}

/// Pod and container, or namespace, pod and container; they may be coloured.
fn stern(line: &str) -> PrefixSplit<'_> {
    let mut rest = line;
    let mut has_dash = false;
    for count in 1..=3 {
        let (word, after) = rest.split_once(' ')?;
        let name = uncoloured(word);
        let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        let is_name = name.starts_with(|character: char| character.is_ascii_lowercase()) && name.bytes().all(is_known);
        if !is_name {
            return None;
        }
        has_dash |= name.contains('-');
        rest = after.trim_start();
        if count > 1 && has_dash && may_begin_line(rest) {
            return Some((rest, None));
        }
    }
    None
}

/// A word without the colours of a terminal around it.
fn uncoloured(word: &str) -> &str {
    let code_of = |text: &str| text.strip_prefix("\u{1b}[").and_then(|rest| rest.find('m')).map(|at| at + 3);
    let mut inner = word;
    while let Some(code) = code_of(inner) {
        inner = inner.get(code..).unwrap_or_default();
    }
    inner.split('\u{1b}').next().unwrap_or_default()
}

/// A file and a colon; also the number of the line and another colon.
fn grep(line: &str) -> PrefixSplit<'_> {
    let (file, rest) = line.split_once(':')?;
    let is_log = !file.contains([' ', '"', '{', '[']) && (file.contains(".log") || file.contains("/access"));
    let number = rest.split_once(':').filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let numbered = number.map(|(_, rest)| rest).filter(|rest| may_begin_line(rest) && !rest.starts_with(':'));
    let rest = numbered.unwrap_or(rest);
    (is_log && may_begin_line(rest)).then_some((rest, None))
}

/// `INFO:werkzeug:`, as Python's logging begins a line.
fn python(line: &str) -> PrefixSplit<'_> {
    let (level, rest) = line.split_once(':')?;
    let (logger, rest) = rest.split_once(':')?;
    let is_logger = logger.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    let is_prefix = matches!(level, "DEBUG" | "INFO" | "WARNING" | "ERROR") && is_logger && !logger.is_empty();
    (is_prefix && may_begin_line(rest)).then_some((rest, None))
}

/// The letter of a level, a bracket with time and process, the level, the program.
fn ruby(line: &str) -> PrefixSplit<'_> {
    let (letter, rest) = line.split_once(", [")?;
    let (time, rest) = rest.split_once(']').filter(|_| letter.len() == 1)?;
    let time = log_time::any(time.split([' ', '#']).next()?)?;
    let (_, rest) = rest.split_once(" -- ")?;
    let (_, rest) = rest.split_once(": ")?;
    Some((rest, Some(time)))
}

/// A label of TAI64N, whose time is not read: the line has its own.
fn tai64n(line: &str) -> PrefixSplit<'_> {
    let (label, rest) = line.strip_prefix('@')?.split_once(' ')?;
    let is_label = label.len() == 24 && label.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_label.then(|| (rest.trim_start(), None))
}

/// A time, the stream, whether the line is complete; or a time alone, as `docker logs -t` and s6 write it.
fn cri(line: &str) -> PrefixSplit<'_> {
    let length = line.find(' ').filter(|length| *length >= 19).or_else(|| Some(11 + line.get(11..)?.find(' ')?))?;
    let (time, rest) = (line.get(..length)?, line.get(length..)?.trim_start());
    let time = Some(time).filter(|time| time.len() >= 19 && matches!(time.as_bytes().get(10), Some(b'T' | b' ')))?;
    let time = log_time::any(time)?;
    let is_whole =
        ["stdout F ", "stderr F ", "stdout P ", "stderr P "].iter().find_map(|stream| rest.strip_prefix(stream));
    Some((is_whole.unwrap_or(rest), Some(time)))
}

/// `<190>` or none; a time of either kind, or one that an earlier step removed; the host; `program[123]: `.
fn syslog(line: &str) -> PrefixSplit<'_> {
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
