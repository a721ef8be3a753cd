//! A document in both languages: the content of a notice or page, before it is rendered. Must hold no markup but that
//! of [`Bilingual`].
//!
//! The marks are parsed here, in 30 lines, and not by a Markdown library: that one parses block marks too, and texts
//! hold configured values (a controller called "1. FC Example" would become a numbered list).

use crate::compliance::bilingual::{Bilingual, Lang};

/// A block of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading of the second level.
    Section(Bilingual),
    /// A heading of the third level.
    Heading(Bilingual),
    /// A paragraph of text.
    Paragraph(Bilingual),
    /// A paragraph that is rendered with emphasis.
    Warning(Bilingual),
    /// A list of items.
    List(Vec<Bilingual>),
    /// Names, each with its descriptions.
    Terms(Vec<(Bilingual, Vec<Bilingual>)>),
    /// Lines for the reader to copy.
    Code(Bilingual),
    /// The switch with which a visitor objects; only on pages that load the tracker.
    Switch {
        /// Label of the switch.
        label: Bilingual,
        /// Text while the objection is on.
        on: Bilingual,
        /// Text while the objection is off.
        off: Bilingual,
        /// Text while the browser's own signal decides.
        signal: Bilingual,
        /// Text for browsers without JavaScript.
        without_script: Bilingual,
    },
}

/// A document before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Title of the document.
    pub title: Bilingual,
    /// Blocks of the document, in order.
    pub blocks: Vec<Block>,
}

/// A span of text with one mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TextRun<'t> {
    /// Text without a mark.
    Words(&'t str),
    /// Code, marked `` `code` ``.
    Code(&'t str),
    /// Strong words, marked `**words**`.
    Strong(&'t str),
    /// Words and target of a link, marked `[words](target)`.
    Link(&'t str, &'t str),
}

/// The spans of a text. An unclosed mark is plain text.
pub(super) fn runs(text: &str) -> Vec<TextRun<'_>> {
    let mut runs = Vec::new();
    let (mut words, mut rest) = (text, text);
    while let Some(at) = rest.find(['`', '[', '*']) {
        let marked = rest.get(at..).unwrap_or_default();
        let Some((run, after)) = code(marked).or_else(|| strong(marked)).or_else(|| link(marked)) else {
            rest = marked.get(1..).unwrap_or_default();
            continue;
        };
        push_words(&mut runs, words.get(..words.len() - marked.len()));
        runs.push(run);
        (words, rest) = (after, after);
    }
    push_words(&mut runs, Some(words));
    runs
}

fn push_words<'t>(runs: &mut Vec<TextRun<'t>>, words: Option<&'t str>) {
    runs.extend(words.filter(|words| !words.is_empty()).map(TextRun::Words));
}

fn code(marked: &str) -> Option<(TextRun<'_>, &str)> {
    let (code, after) = marked.strip_prefix('`')?.split_once('`')?;
    Some((TextRun::Code(code), after))
}

fn strong(marked: &str) -> Option<(TextRun<'_>, &str)> {
    let (words, after) = marked.strip_prefix("**")?.split_once("**")?;
    Some((TextRun::Strong(words), after))
}

fn link(marked: &str) -> Option<(TextRun<'_>, &str)> {
    let (words, after) = marked.strip_prefix('[')?.split_once(']')?;
    let (target, after) = after.strip_prefix('(')?.split_once(')')?;
    Some((TextRun::Link(words, target), after))
}

impl Document {
    /// The document rendered as Markdown.
    pub fn markdown(&self, lang: Lang) -> String {
        let mut out = format!("# {}\n", inline(&self.title, lang));
        for block in &self.blocks {
            out.push('\n');
            out.push_str(&markdown(block, lang));
        }
        out
    }
}

fn markdown(block: &Block, lang: Lang) -> String {
    match block {
        Block::Section(text) => format!("## {}\n", inline(text, lang)),
        Block::Heading(text) => format!("### {}\n", inline(text, lang)),
        Block::Paragraph(text) => format!("{}\n", inline(text, lang)),
        Block::Warning(text) => format!("> **{}**\n", inline(text, lang)),
        Block::List(items) => items.iter().map(|item| format!("- {}\n", inline(item, lang))).collect(),
        Block::Terms(terms) => terms.iter().map(|(name, details)| term(name, details, lang)).collect(),
        Block::Code(text) => format!("```html\n{}\n```\n", raw(text, lang)),
        Block::Switch { label, without_script, .. } => {
            format!("{}\n\n{}\n", inline(label, lang), inline(without_script, lang))
        }
    }
}

/// A name with its descriptions: a single one on the same line, several below it.
fn term(name: &Bilingual, details: &[Bilingual], lang: Lang) -> String {
    let name = inline(name, lang);
    match details {
        [one] => format!("- **{name}** – {}\n", inline(one, lang)),
        more => {
            let below: String = more.iter().map(|detail| format!("  - {}\n", inline(detail, lang))).collect();
            format!("- **{name}**\n{below}")
        }
    }
}

/// The text without typography, for code.
pub(super) fn raw(text: &Bilingual, lang: Lang) -> &str {
    match lang {
        Lang::En => &text.en,
        Lang::Fr => &text.fr,
    }
}

fn inline(text: &Bilingual, lang: Lang) -> String {
    let run = |run: &TextRun<'_>| match run {
        TextRun::Words(words) => escaped(words),
        TextRun::Code(code) => format!("`{code}`"),
        TextRun::Strong(words) => format!("**{}**", escaped(words)),
        TextRun::Link(words, target) => format!("[{}]({target})", escaped(words)),
    };
    runs(&text.text(lang)).iter().map(run).collect()
}

fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        if matches!(c, '\\' | '*' | '_' | '<' | '>' | '#' | '|' | '[' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_words_code_and_links() {
        assert_eq!(
            runs("see `a[b](c)` or [here](/x)."),
            [
                TextRun::Words("see "),
                TextRun::Code("a[b](c)"),
                TextRun::Words(" or "),
                TextRun::Link("here", "/x"),
                TextRun::Words("."),
            ]
        );
        assert_eq!(runs("a ` b"), [TextRun::Words("a ` b")]);
        assert_eq!(runs("a [b] [c](d)"), [TextRun::Words("a [b] "), TextRun::Link("c", "d")]);
    }

    #[test]
    fn words_of_the_configuration_do_not_become_lists_or_headings() {
        for name in ["1. FC Example", "# Example", "- Example", "> Example"] {
            assert_eq!(runs(name), [TextRun::Words(name)]);
        }
    }

    #[test]
    fn text_with_markup_characters_is_escaped_in_markdown() {
        let document = Document {
            title: Bilingual::same("T"),
            blocks: vec![
                Block::Paragraph(Bilingual::same("<b> *a_b*")),
                Block::Terms(vec![
                    (Bilingual::same("`a_b`"), vec![Bilingual::same("c")]),
                    (Bilingual::same("d"), vec![Bilingual::same("**e.** f"), Bilingual::same("g")]),
                ]),
            ],
        };
        assert_eq!(
            document.markdown(Lang::En),
            "# T\n\n\\<b\\> \\*a\\_b\\*\n\n- **`a_b`** – c\n- **d**\n  - **e.** f\n  - g\n"
        );
    }
}
