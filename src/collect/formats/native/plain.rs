//! Bodies as browsers write them: one object, nothing between its tokens, texts without escapes, whole numbers, flags.
//! They are read in one pass, at a quarter of serde's cost. It must never read anything otherwise than serde would: at
//! whatever is unusual, or wrong, it gives up, and serde decides.

use crate::collect::formats::native::{ConsentFlag, JsonFlag, JsonNumber, JsonText, NativeFields};

/// Digits of a number that is read here.
const DIGITS_MAX: usize = 9;

/// The fields of a plain body.
pub(super) fn read(body: &[u8]) -> Option<NativeFields<'_>> {
    let mut rest = Rest { body: std::str::from_utf8(body).ok()?, at: 0 };
    let mut fields = NativeFields::default();
    rest.skip(b'{')?;
    loop {
        let name = rest.text()?;
        rest.skip(b':')?;
        let value = rest.value()?;
        fields.put(name, value)?;
        if rest.skip(b',').is_none() {
            rest.skip(b'}')?;
            return (rest.at == body.len()).then_some(fields);
        }
    }
}

/// A plain value.
enum Plain<'a> {
    Text(&'a str),
    Number(u32),
    Flag(bool),
}

impl<'a> NativeFields<'a> {
    /// Nothing for a field that is there already, or whose value is for serde to judge.
    fn put(&mut self, name: &str, value: Plain<'a>) -> Option<()> {
        match name {
            "n" | "name" => text(&mut self.n, value),
            "u" | "url" => text(&mut self.u, value),
            "d" | "domain" => text(&mut self.d, value),
            "r" | "referrer" => text(&mut self.r, value),
            "h" | "hashMode" => flag(&mut self.h, value),
            "i" | "interactive" => flag(&mut self.i, value),
            "e" => number(&mut self.e, value),
            "sd" => number(&mut self.sd, value),
            "w" => number(&mut self.w, value),
            // Only the tracker's version is passed over: to tell a known name that is missing here from one that nobody
            // knows is left to serde.
            "v" => Some(()),
            "c" if self.c.is_none() => {
                self.c = Some(ConsentFlag(match value {
                    Plain::Number(number) => number == 1,
                    Plain::Flag(flag) => flag,
                    Plain::Text(_) => return None,
                }));
                Some(())
            }
            _ => None,
        }
    }
}

fn text<'a>(field: &mut Option<JsonText<'a>>, value: Plain<'a>) -> Option<()> {
    let Plain::Text(text) = value else { return None };
    field.replace(JsonText(text.into())).is_none().then_some(())
}

fn flag(field: &mut Option<JsonFlag>, value: Plain<'_>) -> Option<()> {
    let flag = match value {
        Plain::Flag(flag) => flag,
        Plain::Number(number) => number != 0,
        Plain::Text(_) => return None,
    };
    field.replace(JsonFlag(flag)).is_none().then_some(())
}

fn number(field: &mut Option<JsonNumber>, value: Plain<'_>) -> Option<()> {
    let Plain::Number(number) = value else { return None };
    field.replace(JsonNumber(number.into())).is_none().then_some(())
}

/// A body, and how much of it is read.
struct Rest<'a> {
    body: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn next(&self) -> Option<u8> {
        self.body.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, token: u8) -> Option<()> {
        (self.next()? == token).then(|| self.at += 1)
    }

    fn text(&mut self) -> Option<&'a str> {
        self.skip(b'"')?;
        let from = self.at;
        self.at += plain_bytes(self.body.as_bytes().get(from..)?);
        let text = self.body.get(from..self.at)?;
        self.skip(b'"')?;
        Some(text)
    }

    fn value(&mut self) -> Option<Plain<'a>> {
        match self.next()? {
            b'"' => self.text().map(Plain::Text),
            b'0'..=b'9' => self.number().map(Plain::Number),
            b't' => self.word("true").map(|()| Plain::Flag(true)),
            b'f' => self.word("false").map(|()| Plain::Flag(false)),
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.bytes().try_for_each(|byte| self.skip(byte))
    }

    /// A fraction or an exponent is met by whoever reads on.
    fn number(&mut self) -> Option<u32> {
        let (from, mut number) = (self.at, 0);
        while let Some(digit @ b'0'..=b'9') = self.next() {
            if self.at - from == DIGITS_MAX || (self.at > from && number == 0) {
                return None;
            }
            number = number * 10 + u32::from(digit - b'0');
            self.at += 1;
        }
        Some(number)
    }
}

/// How many bytes at the beginning are neither a quote nor a backslash nor a control character, eight at a time.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The top bit of the lowest zero byte, and of some above it.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zeros(word ^ (ONES * u64::from(b'"')));
        let backslash = zeros(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & (ONES << 7);
        let ends = quote | backslash | control;
        if ends != 0 {
            return index * 8 + (ends.trailing_zeros() / 8) as usize;
        }
    }
    let is_plain = |byte: &&u8| **byte != b'"' && **byte != b'\\' && **byte >= 0x20;
    bytes.len() - tail.len() + tail.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::collect::formats::native::*;

    /// A field as far as a message tells it.
    fn seen(fields: NativeFields<'_>) -> String {
        let text = |text: &Option<JsonText<'_>>| text.as_ref().map(|text| text.0.to_string());
        let texts = [&fields.n, &fields.u, &fields.d, &fields.r].map(text);
        let flags = [&fields.h, &fields.i].map(|flag| flag.as_ref().map(|flag| flag.0));
        let numbers = [&fields.e, &fields.sd, &fields.w].map(|number| number.as_ref().map(|number| number.0));
        let others = [&fields.t, &fields.m, &fields.meta, &fields.p, &fields.props].map(Option::is_some);
        let consent = fields.c.as_ref().is_some_and(|consent| consent.0);
        format!("{texts:?} {flags:?} {numbers:?} {others:?} {consent} {}", fields.revenue.is_some())
    }

    /// Fails where a body that is read here is read otherwise by serde, or not at all; says whether it is read here.
    fn is_read(body: &[u8]) -> bool {
        let Some(fields) = read(body) else { return false };
        let by_serde = serde_json::from_slice::<NativeFields<'_>>(body).map(seen).map_err(|_| "refused");
        assert_eq!(Ok(seen(fields)), by_serde, "{:?}", String::from_utf8_lossy(body));
        true
    }

    #[test]
    fn what_browsers_send_is_read_here() {
        for body in [
            r#"{"n":"pageview","u":"https://shop.example/a?b=c#d","d":"shop.example","r":"","w":1440,"v":1}"#,
            r#"{"n":"engagement","u":"https://shop.example/","e":12345,"sd":75,"c":1,"h":1}"#,
            r#"{"name":"Sign up","url":"https://shop.example/caf\u00e9","domain":"a.example,b.example"}"#,
            r#"{"n":"Größe","u":"https://shop.example/","i":false,"c":true}"#,
        ] {
            assert_eq!(is_read(body.as_bytes()), !body.contains('\\'), "{body}");
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_serde() {
        for body in [
            "",
            "{}",
            "[]",
            "{\"n\":\"a\"",
            "{\"n\":\"a\"}}",
            "{\"n\":\"a\"} ",
            "{\"n\":\"a\",}",
            " {\"n\":\"a\"}",
            "{\"n\" :\"a\"}",
            "{\"n\":\"a\",\"n\":\"b\"}",
            "{\"n\":\"a\",\"name\":\"b\"}",
            "{\"c\":1,\"c\":1}",
            "{\"n\":404}",
            "{\"n\":null}",
            "{\"w\":01}",
            "{\"w\":1.5}",
            "{\"w\":1e3}",
            "{\"w\":-1}",
            "{\"w\":1234567890}",
            "{\"w\":\"12\"}",
            "{\"h\":\"1\"}",
            "{\"c\":\"1\"}",
            "{\"p\":1}",
            "{\"props\":{}}",
            "{\"$\":1}",
            "{\"revenue\":1}",
            "{\"t\":1}",
            "{\"unknown\":1}",
            "{\"n\":\"a\u{1}\"}",
            "{\"n\":\"a\nb\"}",
            "{\"n\":\"a\\tb\"}",
            "{\"n\":truefalse}",
        ] {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
        assert!(read(b"{\"n\":\"\xff\"}").is_none());
    }

    #[test]
    fn the_end_of_a_text_is_found_wherever_it_is() {
        for length in 0..40 {
            for at in 0..length {
                for end in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    // Around each end stand those bytes that are nearest to one.
                    for other in [b'a', b'!', b'#', b'[', b']', b' ', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                        let mut bytes = vec![other; length];
                        bytes[at] = end;
                        assert_eq!(plain_bytes(&bytes), at, "{bytes:?}");
                        assert_eq!(plain_bytes(&bytes[..at]), at);
                    }
                }
            }
        }
    }

    const NAMES: &[&str] = &[
        "n",
        "name",
        "u",
        "url",
        "d",
        "domain",
        "r",
        "referrer",
        "h",
        "hashMode",
        "i",
        "interactive",
        "e",
        "sd",
        "w",
        "c",
        "v",
        "t",
        "m",
        "meta",
        "p",
        "props",
        "$",
        "revenue",
        "x",
        "",
        "nn",
    ];
    const VALUES: &[&str] = &[
        "\"pageview\"",
        "\"https://a.example/?q=1#2\"",
        "\"\"",
        "\"é\u{2028}\u{10ffff}\"",
        "\"\\\"\"",
        "\"\\u0041\"",
        "\"a\u{1f}\"",
        "\"\u{7f}\"",
        "0",
        "1",
        "7",
        "999999999",
        "1000000000",
        "00",
        "1.0",
        "1e2",
        "-1",
        "true",
        "false",
        "null",
        "tru",
        "{}",
        "[1]",
        "{\"a\":\"b\"}",
        "\"1\"",
        "\"true\"",
        "",
    ];

    /// Bodies, right ones for the most part.
    fn body() -> impl Strategy<Value = Vec<u8>> {
        let field = (prop::sample::select(NAMES), prop::sample::select(VALUES))
            .prop_map(|(name, value)| format!("\"{name}\":{value}"));
        let whole = prop::collection::vec(field, 0..7).prop_map(|fields| format!("{{{}}}", fields.join(",")));
        let change = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8));
        (whole, change).prop_map(|(whole, change)| {
            let mut bytes = whole.into_bytes();
            if let Some((index, byte, how)) = change {
                let at = index.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => drop(bytes.remove(at)),
                }
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn what_is_read_here_is_read_the_same_by_serde(body in body()) {
            is_read(&body);
        }
    }
}
