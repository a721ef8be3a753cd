//! Byte counts of a text in one pass: enough to clear nearly every text of personal data. It decides nothing else;
//! `redact` examines texts that it cannot clear.

/// Counts of a text's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::privacy) struct ByteCounts {
    pub(in crate::privacy) bytes: usize,
    pub(in crate::privacy) digits: usize,
    /// Lower-case letters, and non-ASCII bytes.
    pub(in crate::privacy) small: usize,
    /// Changes between capitals, lower case and digits within words; a capitalised word has none.
    pub(in crate::privacy) changes: usize,
    pub(in crate::privacy) longest_word: usize,
    pub(in crate::privacy) dots: usize,
    pub(in crate::privacy) colons: usize,
    pub(in crate::privacy) hyphens: usize,
    /// Bytes other than letters, digits, dots, colons, `-` and `_`.
    pub(in crate::privacy) others: usize,
    /// An `@`, or the first byte of its full-width forms.
    pub(in crate::privacy) at: bool,
    /// Bytes absent from normalised paths: those that `percent` may encode or decode, `@` and `;`, and a slash or dot
    /// after a slash.
    unclean: usize,
}

/// Increments per byte and per pair of classes, for eight counts of eight bits each in one word: one addition updates
/// all of them, and 255 bytes overflow none.
const DIGIT: u64 = 1;
const SMALL: u64 = 1 << 8;
const CHANGE: u64 = 1 << 16;
const DOT: u64 = 1 << 24;
const COLON: u64 = 1 << 32;
const OTHER: u64 = 1 << 40;
const HYPHEN: u64 = 1 << 48;
const UNCLEAN: u64 = 1 << 56;
const BYTES_COUNTED: usize = 255;

/// Byte classes; those of words use the bits of [`LETTER`].
const BLANK: usize = 0;
const NUMBER: usize = 1;
const CAPITAL: usize = 2;
const LETTER: usize = 3;
const SLASH: usize = 4;
const POINT: usize = 8;

static BYTES: [(u64, u8); 256] = bytes();
static PAIRS: [u64; 256] = pairs();

impl ByteCounts {
    pub(in crate::privacy) fn of(text: &str) -> Self {
        let mut shape = Self { bytes: text.len(), ..Self::default() };
        let (mut before, mut word) = (BLANK, 0);
        for bytes in text.as_bytes().chunks(BYTES_COUNTED) {
            let mut counts = 0;
            for byte in bytes {
                let (tells, class) = BYTES.get(usize::from(*byte)).copied().unwrap_or_default();
                let class = usize::from(class);
                counts += tells + PAIRS.get(before << 4 | class).copied().unwrap_or_default();
                word = if class & LETTER == 0 { 0 } else { word + 1 };
                shape.longest_word = shape.longest_word.max(word);
                before = class;
            }
            shape.add(counts);
        }
        shape.at = shape.unclean > 0 && text.bytes().any(|byte| byte == b'@' || byte == 0xef);
        shape
    }

    fn add(&mut self, counts: u64) {
        let [digits, small, changes, dots, colons, others, hyphens, unclean] = counts.to_le_bytes();
        self.digits += usize::from(digits);
        self.small += usize::from(small);
        self.changes += usize::from(changes);
        self.dots += usize::from(dots);
        self.colons += usize::from(colons);
        self.others += usize::from(others);
        self.hyphens += usize::from(hyphens);
        self.unclean += usize::from(unclean);
    }

    /// No rule of `redact`'s table can apply: true for nearly all texts.
    pub(in crate::privacy) fn is_harmless(&self) -> bool {
        !self.at
            && self.digits < 7
            && self.longest_word < 16
            && (self.bytes < 20 || self.changes * 4 < self.bytes)
            && (self.bytes < 36 || self.hyphens < 4 || self.is_title())
            && self.dots < 3
            && self.colons < 2
    }

    /// Words of one letter case each, all shorter than the last part of a UUID.
    fn is_title(&self) -> bool {
        self.longest_word < 12 && self.changes == 0
    }

    /// A segment or a whole path that is normalised and harmless. A segment has no more of any count than its path, and
    /// fewer than five changes are too few in twenty bytes.
    pub(in crate::privacy) fn is_clean(&self) -> bool {
        self.unclean == 0 && self.changes < 5 && self.is_harmless()
    }

    pub(in crate::privacy) fn is_random_across_separators(&self) -> bool {
        self.bytes >= 20 && self.changes * 4 >= self.bytes && self.dots + self.colons + self.others == 0
    }
}

#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a table that the compiler makes")]
const fn bytes() -> [(u64, u8); 256] {
    let mut table = [(0, 0); 256];
    let mut byte = 0;
    while byte < table.len() {
        let (tells, class) = match byte as u8 {
            b'0'..=b'9' => (DIGIT, NUMBER),
            b'A'..=b'Z' => (0, CAPITAL),
            b'a'..=b'z' => (SMALL, LETTER),
            0x80.. => (SMALL | UNCLEAN, LETTER),
            b'-' => (HYPHEN, BLANK),
            b'_' => (0, BLANK),
            b'.' => (DOT, POINT),
            b':' => (COLON, BLANK),
            b'/' => (OTHER, SLASH),
            b'~' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' | b'=' | b'&' | b'+' => (OTHER, BLANK),
            _ => (OTHER | UNCLEAN, BLANK),
        };
        table[byte] = (tells, class as u8);
        byte += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "a table that the compiler makes")]
const fn pairs() -> [u64; 256] {
    let mut table = [0; 256];
    let (words, mut before) = ([NUMBER, CAPITAL, LETTER], 0);
    while before < words.len() {
        let mut class = 0;
        while class < words.len() {
            let is_capitalised = words[before] == CAPITAL && words[class] == LETTER;
            if before != class && !is_capitalised {
                table[words[before] << 4 | words[class]] = CHANGE;
            }
            class += 1;
        }
        before += 1;
    }
    table[SLASH << 4 | SLASH] = UNCLEAN;
    table[SLASH << 4 | POINT] = UNCLEAN;
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reference implementation, byte by byte.
    fn told(text: &str) -> ByteCounts {
        let class = |byte: u8| match byte {
            b'0'..=b'9' => '0',
            b'A'..=b'Z' => 'A',
            b'a'..=b'z' | 0x80.. => 'a',
            _ => ' ',
        };
        let count = |is: fn(u8) -> bool| text.bytes().filter(|byte| is(*byte)).count();
        let is_change = |pair: &[u8]| {
            let [before, after] = [class(pair[0]), class(pair[1])];
            before != ' ' && after != ' ' && before != after && (before, after) != ('A', 'a')
        };
        let clean = b"-._~!$'()*,=:&+/";
        let bad = text.bytes().filter(|byte| !byte.is_ascii_alphanumeric() && !clean.contains(byte)).count();
        let words = text.as_bytes().split(|byte| class(*byte) == ' ');
        ByteCounts {
            bytes: text.len(),
            digits: count(|byte| byte.is_ascii_digit()),
            small: count(|byte| byte.is_ascii_lowercase() || !byte.is_ascii()),
            changes: text.as_bytes().windows(2).filter(|pair| is_change(pair)).count(),
            longest_word: words.map(<[u8]>::len).max().unwrap_or(0),
            dots: count(|byte| byte == b'.'),
            colons: count(|byte| byte == b':'),
            others: count(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b".:-_".contains(&byte)),
            hyphens: count(|byte| byte == b'-'),
            at: text.contains(['@', '＠', '﹫']) || text.as_bytes().contains(&0xef),
            unclean: bad + text.as_bytes().windows(2).filter(|pair| matches!(*pair, b"//" | b"/.")).count(),
        }
    }

    proptest! {
        #[test]
        fn one_pass_counts_the_same_as_the_reference_implementation(
            text in "[a-cA-C0-9./:;@%_~\u{ff20}\u{fe6b}é -]{0,60}", any in any::<String>(), times in 1usize..40,
        ) {
            for text in [&text, &any, &text.repeat(times)] {
                prop_assert_eq!(ByteCounts::of(text), told(text), "{}", text);
            }
        }
    }

    #[test]
    fn no_count_runs_over() {
        for text in ["0", "@", "/", "//", ":", "a", "aB", "A0", "é"] {
            for times in [254, 255, 256, 257, 511, 70_000] {
                let text = text.repeat(times);
                assert_eq!(ByteCounts::of(&text), told(&text), "{times}");
            }
        }
    }
}
