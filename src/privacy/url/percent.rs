//! Percent-encoding in normalised form, so that one page has one spelling and encoded text cannot bypass the redaction.

use std::borrow::Cow;
use std::fmt::Write;

use icu_normalizer::ComposingNormalizerBorrowed;
use percent_encoding::percent_decode_str;

/// Bytes that are never encoded in a normalised text unless they are reserved, each as one bit.
const PLAIN: u128 = plain();

#[allow(clippy::indexing_slicing, reason = "a table that the compiler makes")]
const fn plain() -> u128 {
    let bytes = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'()*,;=:@&+";
    let (mut set, mut at) = (0, 0);
    while at < bytes.len() {
        set |= 1 << bytes[at];
        at += 1;
    }
    set
}

/// Deepest encoding that is decoded: more levels do not occur by mistake.
const LEVELS_MAX: usize = 4;

/// `text` decoded once where that gives readable characters. The following stay or become encoded, with capital digits:
/// bytes that are not UTF-8, `%` itself, `/ \ ? #`, blanks, control, direction and invisible characters, and those of
/// `reserved`. Idempotent.
pub(in crate::privacy) fn decoded_once<'a>(text: &'a str, reserved: &str) -> Cow<'a, str> {
    let plain = reserved.bytes().fold(PLAIN, |plain, byte| plain & !(1 << (byte & 127)));
    let is_plain = |byte: u8| byte.is_ascii() && plain >> byte & 1 == 1;
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend(percent_decode_str(text));
    let mut decoded = String::with_capacity(text.len());
    for chunk in bytes.utf8_chunks() {
        for character in composed(chunk.valid()).chars() {
            if u8::try_from(character).is_ok_and(is_plain) {
                decoded.push(character);
            } else if stays_encoded(character) || reserved.contains(character) {
                push_encoded(&mut decoded, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                decoded.push(character);
            }
        }
        push_encoded(&mut decoded, chunk.invalid());
    }
    Cow::Owned(decoded)
}

/// `text` in Unicode's composed form (NFC): canonically equivalent texts become equal.
pub(in crate::privacy) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { ComposingNormalizerBorrowed::new_nfc().normalize(text) }
}

/// `text` decoded repeatedly to the end; `None` if that takes more than [`LEVELS_MAX`] levels.
pub(in crate::privacy) fn decoded_fully(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..=LEVELS_MAX {
        let next = percent_decode_str(&text).decode_utf8_lossy();
        if next == text {
            return Some(text);
        }
        text = next.into_owned();
    }
    None
}

/// The longest prefix of `text` with at most `bytes_max` bytes that ends between characters, encoded or not.
pub(in crate::privacy) fn cut(text: &str, bytes_max: usize) -> &str {
    let start = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text);
    let tail = start.len().saturating_sub(2);
    match start.rfind('%') {
        Some(escape) if escape >= tail && start.len() < text.len() => start.get(..escape).unwrap_or(start),
        _ => start,
    }
}

/// The beginning of a text with at most `bytes_max` bytes. It ends before the word that would be cut, unless that word
/// is most of it.
pub(in crate::privacy) fn cut_between_words(text: &str, bytes_max: usize) -> &str {
    let start = cut(text, bytes_max);
    if start.len() == text.len() {
        return text;
    }
    let ends_word = |c: char| !c.is_alphanumeric() && !"@.-_+%".contains(c);
    let half = start.ceil_char_boundary(bytes_max / 2);
    let end = start.get(half..).and_then(|second| second.rfind(ends_word));
    end.and_then(|end| start.get(..half + end)).unwrap_or(start)
}

/// The longest prefix of `text` with at most `bytes_max` bytes after decoding its non-ASCII letters. Other escapes
/// count as written, since most stay encoded.
pub(in crate::privacy) fn cut_decoded(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let bytes = text.as_bytes();
    if memchr::memchr(b'%', bytes).is_none() {
        return cut(text, bytes_max);
    }
    let (mut at, mut decoded) = (0, 0);
    while at < bytes.len() {
        let (is_letter, goes_on) = match bytes.get(at..at + 3) {
            Some([b'%', high @ (b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F'), _]) => {
                (true, matches!(high, b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B'))
            }
            _ => (false, false),
        };
        // A started letter is read to its end: it has at most three more bytes.
        if decoded >= bytes_max + 3 || decoded >= bytes_max && !goes_on {
            break;
        }
        at += if is_letter { 3 } else { 1 };
        decoded += 1;
    }
    cut(text, at)
}

fn push_encoded(to: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(to, "%{byte:02X}").expect("because a String takes everything that is written to it");
    }
}

fn stays_encoded(character: char) -> bool {
    matches!(character, '%' | '/' | '\\' | '?' | '#') || is_unprintable(character)
}

/// Blanks, control, direction and invisible characters.
pub(in crate::privacy) fn is_unprintable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, '\0'..=' ' | '\x7f');
    }
    let is_invisible = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..);
    is_invisible || character.is_control() || character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn readable_characters_are_decoded_once_and_the_rest_stays_encoded() {
        for (text, expected) in [
            ("plain-text_1.html", "plain-text_1.html"),
            ("caf%C3%A9", "café"),
            ("café", "café"),
            ("%41%2d%7E", "A-~"),
            ("a%2fb%5Cc%3Fd%23e", "a%2Fb%5Cc%3Fd%23e"),
            ("a%20b", "a%20b"),
            ("%2541", "%2541"),
            ("100%", "100%25"),
            ("%zz", "%25zz"),
            ("%c3", "%C3"),
            ("%C3%28", "%C3("),
            ("%00%0a%7f", "%00%0A%7F"),
            ("%E2%80%AEtxt", "%E2%80%AEtxt"),
            ("a\u{200b}b", "a%E2%80%8Bb"),
            ("%C2%85", "%C2%85"),
        ] {
            assert_eq!(decoded_once(text, ""), expected, "{text}");
        }
        assert_eq!(decoded_once("a%26b+c", "&+"), "a%26b%2Bc");
    }

    #[test]
    fn nested_encodings_are_followed_to_their_end_or_given_up() {
        assert_eq!(decoded_fully("a%252540b").as_deref(), Some("a@b"));
        assert_eq!(decoded_fully("100%").as_deref(), Some("100%"));
        assert_eq!(decoded_fully("a%25252525252540b"), None);
    }

    #[test]
    fn a_cut_leaves_no_half_character() {
        assert_eq!(cut("ab%C3%A9", 5), "ab%C3");
        assert_eq!(cut("ab%C3%A9", 4), "ab");
        assert_eq!(cut("ab%C3%A9", 3), "ab");
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("a%20", 4), "a%20");
    }

    #[test]
    fn letters_beyond_ascii_are_as_long_encoded_as_decoded() {
        assert_eq!(cut_decoded("ab%C3%A9%c3%a9", 4), "ab%C3%A9");
        assert_eq!(cut_decoded("ab%C3%A9%c3%a9", 5), "ab%C3%A9%c3%a9");
        assert_eq!(cut_decoded("%E6%97%A5/%20b", 4), "%E6%97%A5/");
        assert_eq!(cut_decoded("a%20b", 3), "a");
        assert_eq!(cut_decoded(&"%80".repeat(9), 3), "%80".repeat(6));
        assert_eq!(cut_decoded("short", 9), "short");
    }

    proptest! {
        #[test]
        fn decoding_again_changes_nothing(text in "(%[0-9a-f]{2}|%25|%|[a-z/é\u{200b}]){0,40}") {
            let once = decoded_once(&text, "&").into_owned();
            prop_assert_eq!(&*decoded_once(&once, "&"), &*once);
        }
    }
}
