//! Action names and property values: cut first, then cleaned in one pass, with placeholders for personal data. A value
//! that is a path or a URL is cleaned as a page of the site; it must never keep a part that a page would lose.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::privacy::budget::CleaningBudget;
use crate::privacy::redact;
use crate::privacy::url::page::{PageUrl, spaced, value_of};
use crate::privacy::url::path;
use crate::privacy::url::percent;

/// Action name under which a script error is counted; its property is `kind`, one of [`PROBLEM_KINDS`] or `other`.
pub(super) const PROBLEM: &str = "problem";

/// Kinds of script errors: names of the language and of browsers, and `resource`, a file that failed to load.
const PROBLEM_KINDS: [&str; 13] = [
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
    "AbortError",
    "NetworkError",
    "NotAllowedError",
    "QuotaExceededError",
    "resource",
];

/// Longest property value in bytes.
pub(super) const VALUE_BYTES_MAX: usize = 500;

/// Longest search in bytes: typed texts fit, pasted ones are cut.
const SEARCH_BYTES_MAX: usize = 100;

/// Bytes of a search that are read: placeholders are shorter than what they stand for.
const SEARCH_BYTES_READ: usize = 2 * SEARCH_BYTES_MAX;

/// A cleaned value or name of at most [`VALUE_BYTES_MAX`] bytes.
pub(super) fn cleaned<'a>(text: &Cow<'a, str>) -> Cow<'a, str> {
    let clean = match text {
        Cow::Borrowed(text) => cleaned_text(beginning(text)),
        Cow::Owned(text) => Cow::Owned(cleaned_text(beginning(text)).into_owned()),
    };
    if clean.len() <= VALUE_BYTES_MAX {
        return clean;
    }
    // Cutting can create a pattern that the whole text did not match.
    let clean = cleaned_text(percent::cut_between_words(&clean, VALUE_BYTES_MAX)).into_owned();
    percent::cut(&clean, VALUE_BYTES_MAX).to_owned().into()
}

/// The beginning of a value or name that is cleaned, between two words. An encoded byte of a letter beyond ASCII counts
/// once, as in a page.
fn beginning(text: &str) -> &str {
    percent::cut_between_words(text, percent::cut_decoded(text, VALUE_BYTES_MAX).len())
}

/// The kind of a script error if it is a known one, never a message, a file or a line; else `other`.
pub(super) fn problem_kind(told: &str) -> &'static str {
    PROBLEM_KINDS.into_iter().find(|known| *known == told).unwrap_or("other")
}

/// The search in parameter `parameter` of the page's query: lower case, single blanks, redacted, cut to 100 bytes.
/// `None` without the parameter.
pub(super) fn searched(query: &str, parameter: &str, budget: &CleaningBudget) -> Option<String> {
    if parameter.is_empty() {
        return None;
    }
    let sent = value_of(query, parameter)?;
    // Each byte may be encoded in three.
    let value = budget.take(sent, 3 * SEARCH_BYTES_READ);
    let text = percent_decode_str(&spaced(value)).decode_utf8_lossy().replace(char::is_control, " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_whole = value.len() == sent.len();
    let bytes_max = if is_whole { SEARCH_BYTES_READ } else { SEARCH_BYTES_READ.min(text.len().saturating_sub(1)) };
    let text = cleaned(&percent::cut_between_words(&text, bytes_max).into()).to_lowercase();
    let text = percent::cut(&text, SEARCH_BYTES_MAX).trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether the text contains a path separator, plain or percent-encoded.
fn has_separator(text: &str) -> bool {
    text.contains(['/', '\\'])
        || (text.contains('%') && ["%2F", "%2f", "%5C", "%5c"].iter().any(|escape| text.contains(escape)))
}

fn cleaned_text(text: &str) -> Cow<'_, str> {
    let text = percent::composed(text);
    if !has_separator(&text) {
        return redact::redacted(text);
    }
    if !text.contains(char::is_whitespace) {
        return Cow::Owned(cleaned_path(&text));
    }
    let words = text.split_inclusive(char::is_whitespace).map(|part| {
        let word = part.trim_end_matches(char::is_whitespace);
        let blank = part.get(word.len()..).unwrap_or_default();
        if has_separator(word) { cleaned_path(word) + blank } else { part.to_owned() }
    });
    Cow::Owned(redact::redacted(words.collect::<String>().into()).into_owned())
}

/// A path or URL without query and fragment, its segments cleaned as a page's.
fn cleaned_path(word: &str) -> String {
    let is_whole = word.contains("://") || word.starts_with('/');
    let word = if is_whole { word.split(['?', '#']).next().unwrap_or_default() } else { word };
    if let Some((scheme, _)) = word.split_once("://") {
        if let Ok(location) = PageUrl::parse(word) {
            return format!("{scheme}://{}{}", location.host(), location.clean_path());
        }
        return redact::redacted(word.into()).into_owned();
    }
    let slashed = slashed(word);
    let path = path::cleaned_segments(&slashed);
    if path.is_empty() {
        return "/".to_owned();
    }
    if slashed.starts_with('/') { path } else { path.strip_prefix('/').unwrap_or(&path).to_owned() }
}

/// A path with plain slashes between its segments.
fn slashed(path: &str) -> String {
    let path = path.replace('\\', "/");
    if !path.contains('%') {
        return path;
    }
    path.replace("%2F", "/").replace("%2f", "/").replace("%5C", "/").replace("%5c", "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        cleaned(&Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn a_value_that_is_a_path_is_cleaned_as_a_page_is() {
        for (value, expected) in [
            ("/invoices/12345678.pdf", "/invoices/:id.pdf"),
            ("/f/caf%C3%A9.pdf", "/f/café.pdf"),
            ("/2026/1234567.pdf", "/2026/:id.pdf"),
            ("invoices/12345678.pdf", "invoices/:id.pdf"),
            ("%2Finvoices%2F12345678.pdf", "/invoices/:id.pdf"),
            ("C:\\files\\12345678.pdf", "C:/files/:id.pdf"),
            ("/users/jane%40x.example/cv.pdf?token=abc#page", "/users/:email/cv.pdf"),
            ("https://user:pw@www.b.example:8443/u/1234567/x?y=z#w", "https://b.example/u/:id/x"),
            ("Download /invoices/12345678.pdf", "Download /invoices/:id.pdf"),
            ("see https://a.example/12345678?q=1 there", "see https://a.example/:id there"),
            ("/shop;jsessionid=1A2B/cart/", "/shop/cart"),
            ("10/03/2026", "10/03/2026"),
            ("and/or", "and/or"),
            ("a / b", "a / b"),
            ("gold", "gold"),
            ("ftp://jane@host.example/12345678", ":email"),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn a_long_value_is_cut_before_the_word_that_would_be_half_a_word() {
        let long = format!("{} jean.dupont@example.fr", "word ".repeat(96));
        assert!(!shown(&long).contains("jean"), "{}", shown(&long));
        assert_eq!(shown(&"a1B".repeat(2_500)), ":id");
        assert!(shown(&"é".repeat(2_000)).len() <= VALUE_BYTES_MAX);
    }

    #[test]
    fn a_search_is_read_in_one_spelling_and_without_a_person() {
        let read = |query: &str| searched(query, "q", &CleaningBudget::default());
        for (query, expected) in [
            ("q=Blue%20%20Boat+", "blue boat"),
            ("%71=caf%C3%A9", "café"),
            ("q=50%25+off", "50% off"),
            ("q=a%0Ab%00c", "a b c"),
            ("q=first&q=second", "first"),
            ("q=jane%40mail.example", ":email"),
            ("q=jane%2540mail.example", ":email"),
            ("q=tel+06+12+34+56+78", "tel :phone"),
            ("q=1234567890123", ":id"),
        ] {
            assert_eq!(read(query).as_deref(), Some(expected), "{query}");
        }
        for query in ["", "q", "q=", "q=+%20", "s=boat", "Q=boat"] {
            assert_eq!(read(query), None, "{query}");
        }
        let long = read(&format!("q={}", "é".repeat(80))).unwrap();
        assert_eq!((long.len(), long.chars().all(|c| c == 'é')), (100, true));
        assert_eq!(searched("q=boat", "", &CleaningBudget::default()), None);
    }

    proptest! {
        #[test]
        fn a_clean_value_stays_as_it_is(text in "[a-zA-Z0-9/%@.:?#é \\\\-]{0,60}", any in any::<String>()) {
            for text in [text, any] {
                let once = shown(&text);
                prop_assert_eq!(shown(&once), once.clone(), "{}", text);
                prop_assert!(once.len() <= VALUE_BYTES_MAX);
            }
        }
    }
}
