//! A document in both languages: what a notice or a page says, before it has a form. Must hold no markup but what
//! [`Bilingual`] allows.
//!
//! The marks are read here, in 30 lines, and not by a Markdown library: that one reads block marks too, and texts hold
//! words of the configuration (a controller called "1. FC Example" would become a numbered list).

use crate::compliance::bilingual::{Bilingual, Lang};

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading of the second level.
    Section(Bilingual),
    /// A heading of the third level.
    Heading(Bilingual),
    /// A paragraph.
    Paragraph(Bilingual),
    /// A paragraph that must not be overlooked.
    Warning(Bilingual),
    /// A list.
    List(Vec<Bilingual>),
    /// Names and what there is to say of each.
    Terms(Vec<(Bilingual, Vec<Bilingual>)>),
    /// Lines to copy.
    Code(Bilingual),
    /// The switch by which a visitor objects; on pages that carry the tracker alone.
    Switch {
        /// What it does when it is on.
        label: Bilingual,
        /// What is said while it is on.
        on: Bilingual,
        /// What is said while it is off.
        off: Bilingual,
        /// What is said while the browser's own signal decides.
        signal: Bilingual,
        /// What is said where it cannot work.
        without_script: Bilingual,
    },
}

/// A whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its title.
    pub title: Bilingual,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// A run of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TextRun<'t> {
    /// Words.
    Words(&'t str),
    /// `` `code` ``
    Code(&'t str),
    /// `**words**`
    Strong(&'t str),
    /// `[words](target)`
    Link(&'t str, &'t str),
}

/// The runs of a text. A mark that is not closed is a word like others.
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
    /// The document as Markdown.
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
        Block::Section(said) => format!("## {}\n", inline(said, lang)),
        Block::Heading(said) => format!("### {}\n", inline(said, lang)),
        Block::Paragraph(said) => format!("{}\n", inline(said, lang)),
        Block::Warning(said) => format!("> **{}**\n", inline(said, lang)),
        Block::List(items) => items.iter().map(|item| format!("- {}\n", inline(item, lang))).collect(),
        Block::Terms(terms) => terms.iter().map(|(name, said)| term(name, said, lang)).collect(),
        Block::Code(said) => format!("```html\n{}\n```\n", raw(said, lang)),
        Block::Switch { label, without_script, .. } => {
            format!("{}\n\n{}\n", inline(label, lang), inline(without_script, lang))
        }
    }
}

/// A name and what there is to say of it; on its line if that is one thing, else below it.
fn term(name: &Bilingual, said: &[Bilingual], lang: Lang) -> String {
    let name = inline(name, lang);
    match said {
        [one] => format!("- **{name}** – {}\n", inline(one, lang)),
        more => {
            let below: String = more.iter().map(|said| format!("  - {}\n", inline(said, lang))).collect();
            format!("- **{name}**\n{below}")
        }
    }
}

/// A text as it stands, for code.
pub(super) fn raw(said: &Bilingual, lang: Lang) -> &str {
    match lang {
        Lang::En => &said.en,
        Lang::Fr => &said.fr,
    }
}

fn inline(said: &Bilingual, lang: Lang) -> String {
    let run = |run: &TextRun<'_>| match run {
        TextRun::Words(words) => escaped(words),
        TextRun::Code(code) => format!("`{code}`"),
        TextRun::Strong(words) => format!("**{}**", escaped(words)),
        TextRun::Link(words, target) => format!("[{}]({target})", escaped(words)),
    };
    runs(&said.text(lang)).iter().map(run).collect()
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
    fn words_are_no_markup_in_markdown() {
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
