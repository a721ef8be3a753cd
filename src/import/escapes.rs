//! Undoes the escaping that servers apply to texts in logs.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The text between the next two quotes, in which a backslash escapes the next character, and the rest.
pub(super) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (_, text) = text.split_once('"')?;
    let (mut at, mut escaped) = (0, false);
    loop {
        let found = text.get(at..)?.find(['"', '\\'])? + at;
        if text.as_bytes().get(found) == Some(&b'"') {
            let (inside, rest) = (text.get(..found)?, text.get(found + 1..)?);
            let inside = if escaped { Cow::Owned(unescaped(inside)) } else { Cow::Borrowed(inside) };
            return Some((inside, rest));
        }
        escaped = true;
        at = found + 1 + text.get(found + 1..)?.chars().next()?.len_utf8();
    }
}

/// The text before the server escaped it: `\"`, `\\`, and `\xC3` for one byte; other escapes stay.
pub(super) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let (plain, after) = match (byte, after, hex_byte(after)) {
            (b'\\', _, Some((byte, after))) => (byte, after),
            (b'\\', [quoted @ (b'"' | b'\\'), after @ ..], None) => (*quoted, after),
            (byte, after, _) => (*byte, after),
        };
        bytes.push(plain);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte of `xC3`, and the rest.
fn hex_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (hex, after) = text.strip_prefix(b"x")?.split_at_checked(2)?;
    let hex = std::str::from_utf8(hex).ok().filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    Some((u8::from_str_radix(hex, 16).ok()?, after))
}

/// JSON in which a server wrote `\xC3` for a byte, as valid JSON.
pub(super) fn proper_json(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        match (byte, after) {
            (b'\\', [b'x', ..]) if let Some((byte, after)) = hex_byte(after) => {
                match byte {
                    b'"' | b'\\' => bytes.extend([b'\\', byte]),
                    0..0x20 => bytes.extend(format!("\\u00{byte:02x}").bytes()),
                    _ => bytes.push(byte),
                }
                rest = after;
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.extend([b'\\', *escaped]);
                rest = after;
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An address whose scheme is percent-encoded, as Akamai writes it, in its own form; any other text as it is.
pub(super) fn decoded_address(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.starts_with("http%3A") || text.starts_with("https%3A") {
        true => Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned()),
        false => text,
    }
}

/// The line without a terminal's colours, which servers write in front of a file too.
pub(super) fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        // `m` ends a colour, `K` erases the rest of a screen's line.
        let rest = part.get(code..).unwrap_or_default();
        plain.push_str(rest.strip_prefix(['m', 'K']).unwrap_or(rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_a_server_escaped_is_unescaped() {
        assert_eq!(unescaped(r#"/caf\xc3\xa9 \x22q\x22 \\ \n \xZZ \x"#), "/café \"q\" \\ \\n \\xZZ \\x");
        let (inside, rest) = quoted(r#" "a \"b\" c" 200"#).unwrap();
        assert_eq!((&*inside, rest), (r#"a "b" c"#, " 200"));
    }

    #[test]
    fn bytes_that_json_cannot_hold_become_proper_json() {
        let value: serde_json::Value =
            serde_json::from_str(&proper_json(r#"{"a":"/caf\xC3\xA9","b":"\x22x\x22 \\x41 \x01"}"#)).unwrap();
        assert_eq!((value["a"].as_str(), value["b"].as_str()), (Some("/café"), Some("\"x\" \\x41 \u{1}")));
    }
}
