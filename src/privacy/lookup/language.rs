//! Preferred language of a visitor, from `Accept-Language`: the primary tag only, without country or variant.

use crate::event::OTHER;

/// A primary language tag: two or three lower-case letters. Without any it stands for languages that have no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language {
    letters: [u8; 3],
    length: u8,
}

impl Language {
    /// Of languages that have no row of their own.
    pub(crate) const OTHER: Self = Self { letters: [0; 3], length: 0 };

    /// The tag, such as `fr`.
    pub fn as_str(&self) -> &str {
        if self.length == 0 {
            return OTHER;
        }
        let letters = self.letters.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(letters).unwrap_or_default()
    }

    fn new(tag: &str) -> Option<Self> {
        let length = tag.bytes().take_while(u8::is_ascii_alphabetic).count();
        if !(2..=3).contains(&length) || !matches!(tag.as_bytes().get(length), None | Some(b'-' | b'_')) {
            return None;
        }
        let mut letters = [0; 3];
        for (to, from) in letters.iter_mut().zip(tag.bytes().take(length)) {
            *to = from.to_ascii_lowercase();
        }
        Some(Self { letters, length: u8::try_from(length).ok()? })
    }
}

/// Bytes of a header that are read: browsers send fewer.
const READ_BYTES_MAX: usize = 128;

/// The first language of the header that `q=0` does not exclude; browsers list the preferred one first. Tags of other
/// lengths, `*` and malformed entries are skipped.
pub fn language(accept_language: &str) -> Option<Language> {
    let accept_language = accept_language.get(..accept_language.floor_char_boundary(READ_BYTES_MAX))?;
    // Fast path: nearly all headers begin with a language without a weight.
    let end = accept_language.bytes().position(|byte| matches!(byte, b',' | b';')).unwrap_or(accept_language.len());
    let (first, rest) = accept_language.split_at_checked(end)?;
    if rest.starts_with(';') { None } else { Language::new(first) }.or_else(|| weighed(accept_language))
}

/// Slow path: reads range by range.
fn weighed(accept_language: &str) -> Option<Language> {
    accept_language.split(',').find_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next()?;
        let refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")).map(str::trim);
            weight.is_some_and(|weight| weight.contains('0') && weight.bytes().all(|byte| b"0.".contains(&byte)))
        };
        if parts.any(refused) { None } else { Language::new(tag) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_acceptable_language_is_told_by_its_primary_tag() {
        for (header, expected) in [
            ("fr-CA,fr;q=0.8,en;q=0.5", Some("fr")),
            ("DE", Some("de")),
            (" zh-Hant-TW ; q=0.9", Some("zh")),
            ("haw, en", Some("haw")),
            ("en;q=0, fr;q=0.1", Some("fr")),
            ("*", None),
            ("*;q=0.5, nl", Some("nl")),
            ("x-klingon, en", Some("en")),
            ("français, en", Some("en")),
            ("", None),
            (",,;;q=1", None),
            ("C", None),
        ] {
            assert_eq!(language(header).as_ref().map(Language::as_str), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_say_more_than_three_letters(header in any::<String>()) {
            if let Some(language) = language(&header) {
                let tag = language.as_str();
                prop_assert!((2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase()));
            }
        }

        #[test]
        fn a_language_at_the_beginning_is_the_one_that_weighing_finds(header in "([a-zA-Zé*]{0,4}[-_;, =]?(q=[01])?){0,4}") {
            prop_assert_eq!(language(&header), weighed(&header));
        }
    }
}
