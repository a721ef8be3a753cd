//! The body of a hit's request, read within its bound. Must never hold more of it than that.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::outcome::Rejection;

/// The whole body; one that came in one piece, as nearly all do, is not copied.
pub(super) async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Rejection> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Rejection::Malformed)?.into_data() else { continue };
        if first.len().max(whole.len()) + data.len() > bytes_max {
            return Err(Rejection::TooLarge);
        }
        if first.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(well_formed(if whole.is_empty() { first } else { whole.freeze() }))
}

/// The body with `\uFFFD` for each escape of half a surrogate pair. A script that cuts a text within an emoji sends
/// such halves (`JSON.stringify` escapes them, ECMA-262 25.5.2.3), and JSON readers reject the whole body for one. The
/// page's address stays as it is and is rejected: browsers encode an address, so none of them writes a half into it.
fn well_formed(body: Bytes) -> Bytes {
    let mut at = 0;
    let mut mended = None;
    while let Some(found) = body.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let escape = at + found;
        at = match code_unit(&body, escape) {
            Some(0xD800..=0xDBFF) if matches!(code_unit(&body, escape + 6), Some(0xDC00..=0xDFFF)) => escape + 12,
            Some(0xD800..=0xDFFF) if !is_in_address(&body, escape) => {
                let bytes = mended.get_or_insert_with(|| BytesMut::from(&*body));
                if let Some(digits) = bytes.get_mut(escape + 2..escape + 6) {
                    digits.copy_from_slice(b"FFFD");
                }
                escape + 6
            }
            Some(_) => escape + 6,
            None => escape + 2,
        };
    }
    mended.map_or(body, BytesMut::freeze)
}

/// Whether the text around this place is the value of `u` or `url`.
fn is_in_address(body: &[u8], at: usize) -> bool {
    let before = body.get(..at).unwrap_or_default();
    let start = before.iter().rposition(|byte| *byte == b'"').unwrap_or_default();
    let before = before.get(..start).unwrap_or_default().trim_ascii_end();
    let name = before.strip_suffix(b":").unwrap_or_default().trim_ascii_end();
    name.ends_with(b"\"u\"") || name.ends_with(b"\"url\"")
}

/// The number of an escape `\uXXXX` at this place.
fn code_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_surrogate_pair_becomes_the_replacement_character_and_all_else_stays() {
        let of = |body: &'static str| well_formed(Bytes::from_static(body.as_bytes()));
        for (body, expected) in [
            (r#"{"n":"\ud83d"}"#, r#"{"n":"\uFFFD"}"#),
            (r#"{"n":"\uDE00 \ud83d\ude00 \ud83d\ud83d\ude00"}"#, r#"{"n":"\uFFFD \ud83d\ude00 \uFFFD\ud83d\ude00"}"#),
            (r#"{"n":"\\ud83d \" \u00e9"}"#, r#"{"n":"\\ud83d \" \u00e9"}"#),
            (r#"{"n":"\ud8"}"#, r#"{"n":"\ud8"}"#),
            (r#"{"n":"\"#, r#"{"n":"\"#),
            (r#"{"n":"plain"}"#, r#"{"n":"plain"}"#),
            (r#"{"u" : "https://a.example/\ud800"}"#, r#"{"u" : "https://a.example/\ud800"}"#),
        ] {
            assert_eq!(of(body), expected.as_bytes(), "{body}");
        }
    }
}
