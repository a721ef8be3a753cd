//! Redaction: placeholders for personal data in every segment of a path and every value that a site keeps. The decision
//! is made on the fully decoded text; the surrounding words stay, so that pages remain distinct.
//!
//! | in a segment | becomes |
//! |---|---|
//! | an e-mail address anywhere (`@` with something before it, and not only a version number after it) | `:email`, whole |
//! | an IP address | `:id`, whole |
//! | a UUID | `:uuid` in its place |
//! | a number of 7 or more digits, in groups or not, with at most two letters around it | `:phone` if 8 to 15 digits start with `+`, `(` or `0`, or stand in groups of 3-3-4; else `:id` |
//! | among words: a telephone number in groups, or of ten digits and a leading `0` | `:phone` in its place |
//! | a word of 12 or more digits; of 16 or more hexadecimal digits with letters; a JSON web token | `:id` in its place |
//! | a word of 20 or more characters that changes between capitals, lower case and digits at every fourth character, or has no lower case and changes twice; the same over a whole segment with `-` and `_` in it | `:id` in its place |
//! | any of these behind percent-encoding, or more than four levels of encoding | whole |
//!
//! Kept: dates (`20260310`, `2026-03-10`, `10-03-2026`, a time after them), ISBN-13 with a valid check digit, versions,
//! and words with a number of up to eleven digits (`le-titre_6543210_3224.html`), as newspapers and shops publish them.
//! An extension stays after a placeholder. A title shorter than the token after it is replaced with the token.
//!
//! Not recognised: people's names, and ids with fewer digits or letters than in the table. A site with such paths
//! excludes them with `exclude_paths`.

pub(in crate::privacy) mod byte_counts;

use std::borrow::Cow;
use std::net::IpAddr;

use crate::privacy::redact::byte_counts::ByteCounts;
use crate::privacy::url::percent;

const EMAIL: &str = ":email";
const PHONE: &str = ":phone";
const UUID: &str = ":uuid";
const ID: &str = ":id";

/// Most rounds until a text has all its placeholders. Each round replaces every occurrence; the second changes a text
/// only if the remainder is a number as a whole, the third changes nothing.
const ROUNDS_MAX: usize = 4;

/// `segment` decoded once, with its placeholders. Idempotent; linear in the segment's length.
pub(super) fn redacted(segment: Cow<'_, str>) -> Cow<'_, str> {
    if segment.contains('%') {
        let found = match percent::decoded_fully(&segment) {
            Some(text) => {
                // Path separators may be hidden behind the encoding.
                let mut parts = text.split(['/', '\\', '?', '#']);
                redacted_text(&text).or_else(|| parts.find_map(redacted_text)).map(|(placeholder, _)| placeholder)
            }
            None => Some(ID),
        };
        return found.map_or(segment, Cow::Borrowed);
    }
    redacted_text(&segment).map_or(segment, |(_, text)| Cow::Owned(text))
}

/// Same as [`redacted`] for a segment that is counted already.
pub(super) fn redacted_counted<'s>(segment: &'s str, counts: &ByteCounts) -> Cow<'s, str> {
    match segment.contains('%') {
        true => redacted(segment.into()),
        false => all_rounds(counted_round(segment, counts)).map_or(segment.into(), |(_, text)| Cow::Owned(text)),
    }
}

/// The first placeholder that applies, and the text with all of them.
fn redacted_text(text: &str) -> Option<(&'static str, String)> {
    all_rounds(round(text))
}

/// The text of the first round with all placeholders of the further ones.
fn all_rounds(first_round: Option<(&'static str, String)>) -> Option<(&'static str, String)> {
    let (first, mut text) = first_round?;
    for _ in 1..ROUNDS_MAX {
        if [EMAIL, PHONE, UUID, ID].contains(&&*text) {
            break;
        }
        let Some((_, next)) = round(&text) else { break };
        text = next;
    }
    Some((first, text))
}

/// All replacements of one round, or `None` if none applies.
fn round(text: &str) -> Option<(&'static str, String)> {
    counted_round(text, &ByteCounts::of(text))
}

/// Same as [`round`] for a text that is counted already.
fn counted_round(text: &str, counts: &ByteCounts) -> Option<(&'static str, String)> {
    if counts.is_harmless() { None } else { replaced(text, counts) }
}

/// All replacements of one round, or `None` if no rule of the table matches. The counts rule most of them out.
fn replaced(text: &str, counts: &ByteCounts) -> Option<(&'static str, String)> {
    if counts.at && has_email(text) {
        return Some((EMAIL, EMAIL.into()));
    }
    if (counts.dots >= 3 || counts.colons >= 2) && text.parse::<IpAddr>().is_ok() {
        return Some((ID, ID.into()));
    }
    let uuids = if counts.hyphens >= 4 { without_uuids(text) } else { None };
    let found = uuids.as_ref().map(|_| UUID);
    let text = uuids.as_deref().unwrap_or(text);
    if let Some((placeholder, whole)) = as_a_whole(text) {
        return Some((found.unwrap_or(placeholder), whole));
    }
    let telephones = if counts.digits >= TELEPHONE_DIGITS_MIN { without_telephones(text) } else { None };
    let found = found.or(telephones.as_ref().map(|_| PHONE));
    let text = telephones.as_deref().unwrap_or(text);
    let tokens = without_tokens(text);
    let found = found.or(tokens.as_ref().map(|_| ID));
    found.map(|placeholder| (placeholder, tokens.unwrap_or_else(|| text.to_owned())))
}

/// The placeholder of a text that is a number or a token as a whole, except for its extension.
fn as_a_whole(text: &str) -> Option<(&'static str, String)> {
    if text.starts_with("eyJ") && text.len() >= 20 {
        return Some((ID, ID.into()));
    }
    let (stem, extension) = text.rsplit_once('.').filter(|(_, end)| is_extension(end)).unwrap_or((text, ""));
    let is_number = stem.chars().filter(|letter| letter.is_alphabetic()).nth(2).is_none();
    let placeholder = match is_number {
        true => number(stem),
        false => ByteCounts::of(stem).is_random_across_separators().then_some(ID),
    }?;
    let dot = if extension.is_empty() { "" } else { "." };
    Some((placeholder, [placeholder, dot, extension].concat()))
}

/// Whether an `@` follows something other than the end of a folder, and precedes more than a version (`vue@3.4.1`).
fn has_email(text: &str) -> bool {
    let mut rest = text;
    let mut before = None;
    while let Some((left, right)) = rest.split_once(['@', '＠', '﹫']) {
        before = left.chars().next_back().or(before.map(|_| '@'));
        let domain = right.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '-').next().unwrap_or_default();
        let last = domain.rsplit('.').next().unwrap_or_default();
        let is_version = domain.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
            && (last.len() < 2 || !last.chars().all(char::is_alphabetic));
        let is_domain = (!domain.is_empty() && !is_version) || right.starts_with('[');
        if is_domain && before.is_some_and(|before| before != '/') {
            return true;
        }
        before = before.or(Some('@'));
        rest = right;
    }
    false
}

/// The text with a placeholder for each UUID; `None` without one.
fn without_uuids(text: &str) -> Option<String> {
    let hyphens = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at);
    let (mut kept, mut from) = (String::new(), 0);
    for start in hyphens.filter_map(|hyphen| hyphen.checked_sub(8)) {
        if start >= from && is_uuid_at(text, start) {
            kept.push_str(text.get(from..start)?);
            kept.push_str(UUID);
            from = start + UUID_BYTES;
        }
    }
    if from == 0 { None } else { Some(kept + text.get(from..)?) }
}

const UUID_BYTES: usize = 36;

/// Whether a UUID that is not part of a longer word begins at `start`.
fn is_uuid_at(text: &str, start: usize) -> bool {
    let end = start + UUID_BYTES;
    let (Some(before), Some(uuid), Some(after)) = (text.get(..start), text.get(start..end), text.get(end..)) else {
        return false;
    };
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let is_apart = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
    is_apart && uuid.bytes().enumerate().all(fits)
}

fn is_extension(end: &str) -> bool {
    (1..=5).contains(&end.len())
        && end.starts_with(|c: char| c.is_ascii_alphabetic())
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The placeholder of a text with hardly any letters, unless it is a public number such as a date or an ISBN.
fn number(stem: &str) -> Option<&'static str> {
    let groups: Vec<&str> = stem.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if digits < 7 || is_isbn(&groups.concat()) {
        return None;
    }
    if let Some(rest) = after_date(&groups) {
        return (rest > 6).then_some(ID);
    }
    let is_written_as_number = stem.bytes().all(|byte| byte.is_ascii_digit() || b" -.()+".contains(&byte));
    let starts = stem.starts_with(['+', '(']) || groups.first().is_some_and(|first| first.starts_with('0'));
    let is_phone = (8..=15).contains(&digits) && is_written_as_number && (starts || is_three_three_four(&groups));
    Some(if is_phone { PHONE } else { ID })
}

/// The text with a placeholder for each telephone number between words; `None` without one.
fn without_telephones(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '+');
    let is_first = |c: char| c.is_ascii_digit() || c == '+' || c == '(';
    let (mut kept, mut from, mut at) = (String::new(), 0, 0);
    while let Some(found) = text.get(at..)?.find(is_first) {
        let start = at + found;
        let word = text.get(start..)?.split(|c| !is_part(c)).next()?;
        let run = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        at = start + word.len().max(1);
        let (before, after) = (text.get(..start)?, text.get(start + run.len()..)?);
        let is_apart = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        if is_apart && is_telephone(run) {
            kept.push_str(text.get(from..start)?);
            kept.push_str(PHONE);
            from = start + run.len();
        }
    }
    if from == 0 { None } else { Some(kept + text.get(from..)?) }
}

/// Fewest digits of a telephone number between words.
const TELEPHONE_DIGITS_MIN: usize = 9;

/// Whether a run of digits and telephone separators is a telephone number.
fn is_telephone(run: &str) -> bool {
    let groups: Vec<&str> = run.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if !(TELEPHONE_DIGITS_MIN..=15).contains(&digits) {
        return false;
    }
    let is_led = run.starts_with('+') || groups.first().is_some_and(|first| first.starts_with('0'));
    let is_written = (groups.len() >= 3 && (is_led || is_three_three_four(&groups)))
        || (groups.len() == 1 && is_led && (digits == 10 || run.starts_with('+')));
    let is_dated = || (0..groups.len()).any(|from| after_date(groups.get(from..).unwrap_or_default()).is_some());
    is_written && !is_dated() && !is_isbn(&groups.concat())
}

/// The text with a placeholder for each token between words, including shorter pieces after a `-` or `_` of its own;
/// `None` without one.
fn without_tokens(text: &str) -> Option<String> {
    let has_token = text.contains(ID) || text.split(|c: char| !c.is_alphanumeric()).any(is_token);
    if !has_token {
        return None;
    }
    let is_piece = |word: &str| word.len() >= 4 && ByteCounts::of(word).changes * 4 >= word.len();
    let (mut kept, mut is_changed) = (String::with_capacity(text.len()), false);
    for part in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        if is_token(word) || is_piece(word) {
            is_changed = true;
            kept.push_str(ID);
            kept.push_str(part.get(word.len()..)?);
        } else {
            kept.push_str(part);
        }
    }
    is_changed.then_some(kept)
}

fn is_token(word: &str) -> bool {
    if word.len() < 12 || !word.is_ascii() {
        return false;
    }
    let shape = ByteCounts::of(word);
    let is_dated = word.get(..8).is_some_and(is_date) && shape.digits <= 14;
    (shape.digits >= 12 && !is_dated && !is_isbn(word))
        || (word.len() >= 16 && word.starts_with("eyJ"))
        || (word.len() >= 16
            && shape.digits > 0
            && shape.digits < word.len()
            && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || (word.len() >= 20 && if shape.small == 0 { shape.changes >= 2 } else { shape.changes * 4 >= word.len() })
}

fn is_three_three_four(groups: &[&str]) -> bool {
    matches!(groups, [area, exchange, line] if area.len() == 3 && exchange.len() == 3 && line.len() == 4)
}

/// Number of digits after a date that the groups start with.
fn after_date(groups: &[&str]) -> Option<usize> {
    let count = |rest: &[&str]| rest.iter().map(|group| group.len()).sum::<usize>();
    match groups {
        [first, rest @ ..] if first.get(..8).is_some_and(is_date) => Some(first.len() - 8 + count(rest)),
        [a, b, c, rest @ ..] if is_date_of(a, b, c) || is_date_of(c, b, a) => Some(count(rest)),
        _ => None,
    }
}

/// Whether the digits are `YYYYMMDD` or `DDMMYYYY`.
pub(super) fn is_date(digits: &str) -> bool {
    let parts = |year: std::ops::Range<usize>, month: std::ops::Range<usize>, day: std::ops::Range<usize>| {
        Some(is_date_of(digits.get(year)?, digits.get(month)?, digits.get(day)?))
    };
    parts(0..4, 4..6, 6..8) == Some(true) || parts(4..8, 2..4, 0..2) == Some(true)
}

fn is_date_of(year: &str, month: &str, day: &str) -> bool {
    let within = |text: &str, digits: usize, from: u32, to: u32| {
        text.len() <= digits && text.parse().is_ok_and(|number: u32| (from..=to).contains(&number))
    };
    within(year, 4, 1900, 2199) && within(month, 2, 1, 12) && within(day, 2, 1, 31)
}

/// Whether the thirteen digits start with 978 or 979 and their weighted sum is a multiple of ten.
fn is_isbn(digits: &str) -> bool {
    let sum = || {
        let weighted = digits.bytes().zip([1u32, 3].into_iter().cycle());
        weighted.map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum::<u32>()
    };
    digits.len() == 13
        && (digits.starts_with("978") || digits.starts_with("979"))
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && sum() % 10 == 0
}

#[cfg(test)]
mod tests;
