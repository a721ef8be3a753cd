//! A text in both languages, written side by side, so that both versions say the same. Must never be made in one
//! language alone.

use serde::Serialize;

use crate::compliance::rules::RuleText;

/// The languages of notices and pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Hash)]
pub enum Lang {
    /// English.
    En,
    /// French.
    Fr,
}

/// One text in both languages. In it, `` `code` ``, `**words**` and `[words](target)` are marked as in Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bilingual {
    /// The English text, with its marks.
    pub en: String,
    /// The French text, with its marks.
    pub fr: String,
}

/// Makes a [`Bilingual`] from two format strings: English, then French. Both capture the same variables.
macro_rules! text {
    ($en:literal, $fr:literal $(,)?) => {
        $crate::compliance::bilingual::Bilingual {
            en: format_args!($en).to_string(),
            fr: format_args!($fr).to_string(),
        }
    };
}
pub(crate) use text;

impl Lang {
    /// Both languages, English first.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Fr];

    /// The language code in HTML and in URLs.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Fr => "fr",
        }
    }

    /// The language with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code().eq_ignore_ascii_case(code))
    }

    /// The language of an answer: `lang=` in the query, else the one that `Accept-Language` prefers.
    pub fn of_request(query: &str, accepted: Option<&str>) -> Self {
        let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
        let named = named.and_then(|(_, code)| Self::of_code(&code));
        named.unwrap_or_else(|| Self::wished(accepted.unwrap_or_default()))
    }

    /// The language that an `Accept-Language` header prefers; English where it names neither.
    pub fn wished(header: &str) -> Self {
        let mut best = (Lang::En, 0.0_f32);
        for item in header.split(',').take(32) {
            let (range, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse().ok()).unwrap_or(0.0);
            let primary = range.trim().split('-').next().unwrap_or_default();
            if let Some(lang) = Self::of_code(primary).filter(|_| weight > best.1) {
                best = (lang, weight);
            }
        }
        best.0
    }
}

impl Bilingual {
    /// The same text for both languages: names, codes, addresses.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { en: text.clone(), fr: text }
    }

    /// The text in one language, with its typography.
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::En => typeset(&self.en, false),
            Lang::Fr => typeset(&self.fr, true),
        }
    }

    /// The text in one language for mails and reports: English with plain spaces and apostrophes, as people search for
    /// it.
    pub fn in_plain_text(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.en.clone(),
            Lang::Fr => self.text(lang),
        }
    }

    /// Appends `between` and `other`.
    pub fn then(mut self, between: &str, other: &Bilingual) -> Self {
        for (text, more) in [(&mut self.en, &other.en), (&mut self.fr, &other.fr)] {
            text.push_str(between);
            text.push_str(more);
        }
        self
    }
}

impl From<RuleText> for Bilingual {
    fn from(words: RuleText) -> Self {
        Self { en: words.en.to_owned(), fr: words.fr.to_owned() }
    }
}

/// The English word after `number`: for one, and for another number.
pub fn plural(number: i64, [one, many]: [&'static str; 2]) -> &'static str {
    if number == 1 { one } else { many }
}

/// The French word after `number`: for fewer than two, and for more.
pub fn pluriel(number: i64, [one, many]: [&'static str; 2]) -> &'static str {
    if number < 2 { one } else { many }
}

/// A configured value as part of a text: one line, without marks for code or links.
pub fn plain(value: &str) -> String {
    let mark = |c: char| match c {
        '`' => '\'',
        '*' => '·',
        '[' => '(',
        ']' => ')',
        c if c.is_control() => ' ',
        c => c,
    };
    value.trim().chars().map(mark).collect()
}

/// Names as code, separated by commas: `` `page`, `sort` ``.
pub fn codes<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| format!("`{}`", plain(name))).collect::<Vec<_>>().join(", ")
}

/// Curly apostrophes, and no-break spaces between a number and its word; in French also narrow ones before double
/// punctuation and percent signs, and inside quotation marks. Code stays unchanged.
fn typeset(text: &str, french: bool) -> String {
    let mut set = String::with_capacity(text.len() + 16);
    let mut code = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        code ^= c == '`';
        let next = rest.peek().copied().unwrap_or(' ');
        let numbered = next.is_alphabetic() && set.ends_with(|before: char| before.is_ascii_digit())
            || next.is_ascii_digit() && (set.ends_with("article") || set.ends_with("articles"));
        let signed = french && (":;?!»%".contains(next) || set.ends_with('«'));
        set.push(match c {
            '\'' if !code => '\u{2019}',
            ' ' if !code && signed => '\u{202f}',
            ' ' if !code && numbered => '\u{a0}',
            c => c,
        });
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_it_likes_best_and_english_where_it_likes_neither() {
        for (header, lang) in [
            ("", Lang::En),
            ("de", Lang::En),
            ("fr", Lang::Fr),
            ("fr-CA, en;q=0.8", Lang::Fr),
            ("en-GB,en;q=0.9,fr;q=0.8", Lang::En),
            ("de, fr;q=0.5, en;q=0.4", Lang::Fr),
            ("fr;q=0, en;q=0.1", Lang::En),
            ("fr;q=x", Lang::En),
            ("FR", Lang::Fr),
        ] {
            assert_eq!(Lang::wished(header), lang, "{header}");
        }
    }

    #[test]
    fn an_address_names_its_language_and_the_browser_decides_for_others() {
        for (query, accepted, lang) in [
            ("lang=fr", Some("en"), Lang::Fr),
            ("site=a.example&lang=EN", Some("fr"), Lang::En),
            ("lang=de", Some("fr"), Lang::Fr),
            ("lang=", None, Lang::En),
            ("", Some("fr"), Lang::Fr),
            ("", None, Lang::En),
        ] {
            assert_eq!(Lang::of_request(query, accepted), lang, "{query} {accepted:?}");
        }
    }

    #[test]
    fn spaces_are_unbreakable_where_they_must_and_code_is_left_alone() {
        let both = text!("It's `a : b`: article 4, 25 months", "Voilà : l'« essai » à 10 % ; `a : 'b'` !");
        assert_eq!(both.text(Lang::En), "It’s `a : b`: article\u{a0}4, 25\u{a0}months");
        assert_eq!(
            both.text(Lang::Fr),
            "Voilà\u{202f}: l’«\u{202f}essai\u{202f}» à 10\u{202f}%\u{202f}; `a : 'b'`\u{202f}!"
        );
    }

    #[test]
    fn a_value_cannot_mark_code_or_a_link_or_break_a_line() {
        assert_eq!(plain(" a`b[c](d)\ne "), "a'b(c)(d) e");
    }
}
