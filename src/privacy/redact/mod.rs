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

/// The first placeholder that applies, and the text with all of them.
fn redacted_text(text: &str) -> Option<(&'static str, String)> {
    let (first, mut text) = round(text)?;
    for _ in 1..ROUNDS_MAX {
        let Some((_, next)) = round(&text) else { break };
        text = next;
    }
    Some((first, text))
}

/// All replacements of one round, or `None` if none applies.
fn round(text: &str) -> Option<(&'static str, String)> {
    if ByteCounts::of(text).is_harmless() { None } else { replaced(text) }
}

/// All replacements of one round, or `None` if no rule of the table matches.
fn replaced(text: &str) -> Option<(&'static str, String)> {
    if has_email(text) {
        return Some((EMAIL, EMAIL.into()));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some((ID, ID.into()));
    }
    let uuids = without_uuids(text);
    let found = uuids.as_ref().map(|_| UUID);
    let text = uuids.as_deref().unwrap_or(text);
    if let Some((placeholder, whole)) = as_a_whole(text) {
        return Some((found.unwrap_or(placeholder), whole));
    }
    let telephones = without_telephones(text);
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
    Some((placeholder, format!("{placeholder}{dot}{extension}")))
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

/// Whether a run of digits and telephone separators is a telephone number.
fn is_telephone(run: &str) -> bool {
    let groups: Vec<&str> = run.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if !(9..=15).contains(&digits) {
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(segment: &str) -> String {
        redacted(percent::decoded_once(segment, "")).into_owned()
    }

    #[test]
    fn personal_data_in_a_segment_is_replaced_by_its_placeholder() {
        for (segment, expected) in [
            ("jean.dupont@example.fr", ":email"),
            ("jean%40example.fr", ":email"),
            ("jean%2540example.fr", ":email"),
            ("jean%252525252525252540example.fr", ":id"),
            ("jean＠example.fr", ":email"),
            ("unsubscribe-jean@example.fr.html", ":email"),
            ("mailto:jean@example", ":email"),
            ("a%2Fjean@example.fr", ":email"),
            ("@alice@mastodon.example", ":email"),
            ("root@[192.0.2.1]", ":email"),
            ("203.0.113.77", ":id"),
            ("2001:db8::1", ":id"),
            ("550e8400-e29b-41d4-a716-446655440000", ":uuid"),
            ("invoice-550E8400-E29B-41D4-A716-446655440000.pdf", "invoice-:uuid.pdf"),
            ("deadbeef-dead-beef-dead-beefdeadbeef", ":uuid"),
            ("1234567", ":id"),
            ("12345678.html", ":id.html"),
            ("id-6543210", ":id"),
            ("6543210_3224", ":id"),
            ("1234-5678-9012-3456", ":id"),
            ("0612345678", ":phone"),
            ("+33612345678", ":phone"),
            ("%2B33%206%2012%2034%2056%2078", ":phone"),
            ("06-12-34-56-78", ":phone"),
            ("(555) 123-4567", ":phone"),
            ("555-123-4567", ":phone"),
            ("tel-06.12.34.56.78.html", "tel-:phone.html"),
            ("appelez-0612345678", "appelez-:phone"),
            ("commande-492912341234", "commande-:id"),
            ("FR7630006000011234567890189", ":id"),
            ("507f1f77bcf86cd799439011", ":id"),
            ("reset-d41d8cd98f00b204e9800998ecf8427e", ":id"),
            (
                "minutes-of-the-last-general-assembly-d41d8cd98f00b204e9800998ecf8427e",
                "minutes-of-the-last-general-assembly-:id",
            ),
            (
                "how-we-planned-the-next-summer-holiday-3MtwBwLkdIwHu7ix28a3_x4F9k-titre",
                "how-we-planned-the-next-summer-holiday-:id_:id-titre",
            ),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", ":id"),
            ("V1StGXR8_Z5jdHi6B-myT", ":id"),
            ("tz4a98xxat96iws9zmbrgj3a", ":id"),
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", ":id"),
            ("le-titre-10-03-2026-HJK4EJHZQ5DXJMMVZC3NMGUHDI.php", "le-titre-10-03-2026-:id.php"),
            ("pi_3MtwBwLkdIwHu7ix28a3tqPa", ":id"),
            ("a%20d41d8cd98f00b204e9800998ecf8427e", ":id"),
        ] {
            assert_eq!(shown(segment), expected, "{segment}");
        }
    }

    #[test]
    fn titles_and_numbers_that_newspapers_and_shops_publish_stay() {
        for segment in [
            "le-titre-de-l-article_6543210_3224.html",
            "how-to-build-a-house-in-2026",
            "HowToBuildAHouseIn2026",
            "article-123456",
            "world-europe-12345678",
            "2026",
            "20260310",
            "2026-03-10",
            "10-03-2026",
            "20260310123000",
            "20260310-titre",
            "compte-rendu-du-05-03-2026-12-30",
            "9782070360246",
            "978-2-07-036024-6",
            "@alice",
            "vue@3.4.1",
            "v1.2.3",
            "115.0.57",
            "iphone-15-pro-max-256gb-titane-bleu",
            "iPhone15ProMax256GBBlueTitanium",
            "4K-OLED-TV-55inch-A95L-2024",
            "B08N5WRWNB",
            "SKU-48213-XL",
            "Donaudampfschifffahrtsgesellschaft",
            "Достопримечательности-Санкт-Петербурга",
            "東京都の観光案内",
            "jean.dupont",
            "abc123f",
            ":email",
            "invoice-:uuid.pdf",
        ] {
            assert_eq!(shown(segment), segment);
        }
    }

    /// Parts of titles, and personal data that could hide in them.
    fn titles() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "-",
            "-",
            "-",
            "-",
            "_",
            ".",
            ":",
            "the",
            "of",
            "last",
            "house",
            "beefdeadbeef",
            "deadbeef",
            "dead",
            "beef",
            "1234",
            "12",
            "eyJ",
            "eyJhbGci",
            ":id",
            "aB",
            "a1",
            "Title",
            "v1",
            "html",
            "+",
            "(",
            "é",
        ];
        prop::collection::vec(prop::sample::select(PIECES), 8..28).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_redacted_text_stays_as_it_is(text in titles(), any in any::<String>()) {
            for text in [text, any] {
                let once = redacted(text.as_str().into()).into_owned();
                prop_assert_eq!(redacted(once.as_str().into()), once.as_str(), "{}", text);
            }
        }

        #[test]
        fn a_long_title_that_is_let_through_holds_nothing(text in titles(), at in 0usize..60) {
            let at = text.floor_char_boundary(at);
            let uuid = format!("{}-deadbeef-dead-beef-dead-beefdeadbeef-{}", &text[..at], &text[at..]);
            for text in [text, uuid] {
                let shape = ByteCounts::of(&text);
                if shape.is_harmless() && shape.bytes >= 36 && shape.hyphens >= 4 {
                    prop_assert_eq!(replaced(&text), None, "{}", text);
                }
            }
        }
    }
}
