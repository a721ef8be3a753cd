//! Lines of application servers, and of servers with every field in quotes: a client, a time, a request and a status in
//! the usual order, with other words between them.
//!
//! ```text
//! "192.0.2.1" "-" "20/Nov/2026:10:00:00 +0000" "GET /a HTTP/1.1" "200" "512" "-" "Mozilla/5.0 …"     (nginx, Apache)
//! 192.0.2.1 -  20/Nov/2026:10:00:00 +0000 "GET /index.php" 200                                       (php-fpm)
//! INFO:     192.0.2.1:5123 - "GET /a HTTP/1.1" 200 OK                  (uvicorn: its time is in a prefix or missing)
//! [2026-11-20T10:00:00Z INFO  actix_web::middleware::logger] 192.0.2.1 "GET /a HTTP/1.1" 200 512 "-" "Mozilla/5.0 …"
//! 192.0.2.1 - GET /a HTTP/1.1 200 512 - 3.456 ms                                                     (morgan, short)
//! [GIN] 2026/11/20 - 10:00:00 | 200 | 12.3µs | 192.0.2.1 | GET "/a"
//! ```
//! Every other format is tried first.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::client_list;
use crate::import::escapes::quoted;
use crate::import::formats::combined::{name_of_host, split_target};
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, given, request_line};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Most words of a line that are read.
const WORDS_MAX: usize = 60;

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];

/// Protocols as servers abbreviate them.
const PROTOCOLS: [&str; 9] = ["1.0", "1.1", "2", "2.0", "3", "3.0", "h11", "h2", "h3"];

/// A word of a line, or a text in quotes or brackets.
struct Word<'l> {
    text: Cow<'l, str>,
    enclosure: Enclosure,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Enclosure {
    Bare,
    Quotes,
    Brackets,
}

/// A request, and the words that it takes.
struct RequestWords {
    method: String,
    target: String,
    from: usize,
    behind: usize,
}

/// Reads one line of this format. `time` comes from a prefix, if there was one.
pub(super) fn read<'l>(line: &str, time: Option<Timestamp>, trusted: &[IpNet]) -> LineReading<'l> {
    let shape = LineReading::NotUnderstood(LineFault::Shape);
    let words = words(line);
    let Some(request) = request(&words) else { return shape };
    let (before, behind) = words.split_at_checked(request.from).unwrap_or_default();
    let behind = behind.get(request.behind - request.from..).unwrap_or_default();
    let (status, behind) = match status_behind(behind) {
        Some(found) => found,
        None => match status_before(before) {
            Some(status) => (status, behind),
            None if self::time(before).is_none() => return shape,
            // Tornado writes its client behind the request, in parentheses; negroni none.
            None => match before.iter().rev().find_map(|word| self::status(&word.text)) {
                Some(status) => (status, behind),
                None => return shape,
            },
        },
    };
    let Some(time) = self::time(before).or(time) else { return LineReading::NotUnderstood(LineFault::Time) };
    let Some(address) = client(before, &words, trusted) else {
        return LineReading::NotUnderstood(LineFault::Address);
    };
    let (absolute, target) = split_target(Cow::Owned(request.target));
    let is_quoted = |word: &&Word<'_>| word.enclosure == Enclosure::Quotes;
    let host = before.iter().filter(is_quoted).find_map(|word| name_of_host(&word.text));
    let (referrer, agent) = referrer_and_agent(behind);
    LineReading::Request(LogLine {
        address,
        time,
        method: Cow::Owned(request.method),
        target: Cow::Owned(target.into_owned()),
        host: absolute.map(Cow::into_owned).or_else(|| host.map(str::to_owned)).map(Cow::Owned),
        status,
        referrer,
        agent,
        language: None,
        signals: ObjectionSignals::default(),
    })
}

fn words(line: &str) -> Vec<Word<'_>> {
    let is_between = |character: char| character.is_whitespace() || matches!(character, '|' | ',' | ';');
    let (mut rest, mut words) = (line.trim_matches(is_between), Vec::new());
    while !rest.is_empty() && words.len() < WORDS_MAX {
        let enclosed = match rest.as_bytes().first() {
            Some(b'"') => quoted(rest).map(|(text, after)| (text, after, Enclosure::Quotes)),
            Some(b'[') => rest.get(1..).and_then(|inner| inner.split_once(']')).map(|(text, after)| {
                let text = text.trim_matches('"');
                (Cow::Borrowed(text), after, Enclosure::Brackets)
            }),
            _ => None,
        };
        let (text, after, enclosure) = enclosed.unwrap_or_else(|| {
            let (text, after) = rest.split_once([' ', '\t', '|']).unwrap_or((rest, ""));
            (Cow::Borrowed(text), after, Enclosure::Bare)
        });
        words.push(Word { text, enclosure });
        rest = after.trim_start_matches(is_between);
    }
    words
}

/// The first request: one text in quotes, or a method and a target as words.
fn request(words: &[Word<'_>]) -> Option<RequestWords> {
    words.iter().enumerate().find_map(|(from, word)| {
        let is_target = |target: &str| target.starts_with('/') || target.contains("://");
        if word.enclosure == Enclosure::Quotes {
            let (method, target) = request_line(&word.text)?;
            let request = || RequestWords { method: method.into(), target: target.into(), from, behind: from + 1 };
            return is_target(target).then(request);
        }
        let target = &words.get(from + 1)?.text;
        if !METHODS.contains(&&*word.text) || !is_target(target) {
            return None;
        }
        let has_protocol = words.get(from + 2).is_some_and(|word| is_protocol(&word.text));
        let behind = from + 2 + usize::from(has_protocol);
        Some(RequestWords { method: word.text.to_string(), target: target.to_string(), from, behind })
    })
}

/// Whether a word is the protocol of a request, written in full or abbreviated.
fn is_protocol(word: &str) -> bool {
    word.starts_with("HTTP/") || PROTOCOLS.contains(&word)
}

/// The status right behind the request, also after `from 192.0.2.1 -`, and the words behind it.
fn status_behind<'w, 'l>(behind: &'w [Word<'l>]) -> Option<(u16, &'w [Word<'l>])> {
    let skipped = if behind.first().is_some_and(|word| word.text == "from") { 3 } else { 0 };
    let behind = behind.get(skipped..)?;
    Some((status(&behind.first()?.text)?, behind.get(1..)?))
}

/// The status before the client and the request.
fn status_before(before: &[Word<'_>]) -> Option<u16> {
    let client = before.iter().rposition(|word| client_list::address(&word.text).is_some())?;
    before.get(..client)?.iter().rev().find_map(|word| status(&word.text))
}

fn status(text: &str) -> Option<u16> {
    Some(text).filter(|text| text.len() == 3)?.parse().ok().filter(|status| (100..600).contains(status))
}

/// The last time among the words: one word, two or three, or the start of a bracket.
fn time(words: &[Word<'_>]) -> Option<Timestamp> {
    (0..words.len()).rev().find_map(|at| {
        let word = words.get(at)?;
        if word.text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if word.enclosure == Enclosure::Brackets {
            let first = || word.text.split(' ').next().and_then(log_time::any);
            return log_time::any(&word.text).or_else(first).or_else(|| tornado_time(&word.text));
        }
        (1..=3).rev().find_map(|length| {
            let texts = words.get(at..at + length)?.iter().map(|word| &*word.text).filter(|text| *text != "-");
            log_time::any(&texts.collect::<Vec<_>>().join(" "))
        })
    })
}

/// `I 261110 13:55:36 web:2271`: Tornado's time, in the zone of its server.
fn tornado_time(text: &str) -> Option<Timestamp> {
    let mut words = text.split(' ');
    let (level, day, time) = (words.next()?, words.next()?, words.next()?);
    let is_day = day.len() == 6 && day.bytes().all(|byte| byte.is_ascii_digit());
    let (year, rest) = day.split_at_checked(2).filter(|_| level.len() == 1 && is_day)?;
    let (month, day) = rest.split_at_checked(2)?;
    log_time::any(&format!("20{year}-{month}-{day} {time}"))
}

/// The client before the request; where there is none, the one behind `from`, or the one that a proxy named.
fn client(before: &[Word<'_>], all: &[Word<'_>], trusted: &[IpNet]) -> Option<IpAddr> {
    let mut clients = before.iter().filter_map(|word| client_list::client(&word.text));
    if let Some(peer) = clients.next() {
        let others: Vec<String> = clients.map(|address| address.to_string()).collect();
        return Some(client_list::behind_proxy(peer, Some(&others.join(",")), trusted));
    }
    let from = all.windows(2).find_map(|pair| match pair {
        [name, address] if name.text == "from" => client_list::address(&address.text),
        _ => None,
    });
    let forwarded = || all.iter().find_map(|word| word.text.strip_prefix("x_forwarded_for:"));
    let enclosed =
        || all.iter().find_map(|word| word.text.strip_prefix('(')?.strip_suffix(')')).and_then(client_list::client);
    from.or_else(enclosed).or_else(|| client_list::client(forwarded()?))
}

/// Referrer and agent: the texts in quotes behind the status and the bytes.
fn referrer_and_agent<'l>(behind: &[Word<'_>]) -> (Option<Cow<'l, str>>, LoggedAgent<'l>) {
    let is_bytes = |word: &Word<'_>| word.text == "-" || word.text.bytes().all(|byte| byte.is_ascii_digit());
    let behind = behind.get(usize::from(behind.first().is_some_and(is_bytes))..).unwrap_or_default();
    let mut texts = behind.iter().filter(|word| word.enclosure == Enclosure::Quotes).map(|word| word.text.to_string());
    let owned = |text: String| given(Cow::Owned(text));
    let agent_of = |text: String| owned(text).map_or(LoggedAgent::Missing, LoggedAgent::Sent);
    let is_referrer = |text: &str| text.is_empty() || text == "-" || text.contains("://") && !text.contains(' ');
    match (texts.next(), texts.next()) {
        (Some(first), Some(second)) if is_referrer(&first) => (owned(first), agent_of(second)),
        (Some(first), second) if !is_referrer(&first) => {
            (second.filter(|text| is_referrer(text)).and_then(owned), agent_of(first))
        }
        (first, _) => (first.and_then(owned), LoggedAgent::NotLogged),
    }
}
