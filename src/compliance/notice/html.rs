//! Documents as HTML: one self-contained page with inline style. Every text is escaped; the page's policy allows this
//! style, the collector's own script, and nothing else.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::compliance::bilingual::{Bilingual, Lang};
use crate::compliance::notice::document::{Block, Document, TextRun, raw, runs};

const STYLE: &str = include_str!("notice.css");

/// Parts of a page around its document.
#[derive(Default)]
pub struct PageFrame<'f> {
    /// URLs of the same page in each language.
    pub languages: Option<[(Lang, &'f str); 2]>,
    /// URL path of the tracker, on a page with the switch.
    pub script: Option<&'f str>,
}

/// The `Content-Security-Policy` of a page.
pub fn policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        format!(
            "default-src 'none'; script-src 'self'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action \
             'none'; frame-ancestors 'none'"
        )
    });
    &POLICY
}

/// The document as an HTML page.
pub fn page(document: &Document, lang: Lang, frame: &PageFrame<'_>) -> String {
    let title = document.title.text(lang);
    let page = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
                @if let Some(script) = frame.script {
                    // This is not a page of a site: it is not counted.
                    script defer src=(script) data-manual {}
                }
            }
            body {
                @if let Some(languages) = &frame.languages {
                    header { (switch_of_languages(languages, lang)) }
                }
                main {
                    h1 { (title) }
                    @for block in &document.blocks { (part(block, lang)) }
                }
            }
        }
    };
    page.into_string()
}

fn switch_of_languages(languages: &[(Lang, &str); 2], here: Lang) -> Markup {
    let name = |lang: Lang| match lang {
        Lang::En => "English",
        Lang::Fr => "Français",
    };
    let label = match here {
        Lang::En => "Language",
        Lang::Fr => "Langue",
    };
    html! {
        nav aria-label=(label) {
            ul {
                @for (lang, target) in languages {
                    li {
                        a href=(target) hreflang=(lang.code()) lang=(lang.code())
                            aria-current=[(*lang == here).then_some("page")] { (name(*lang)) }
                    }
                }
            }
        }
    }
}

fn part(block: &Block, lang: Lang) -> Markup {
    match block {
        Block::Section(text) => html! { h2 { (inline(text, lang)) } },
        Block::Heading(text) => html! { h3 { (inline(text, lang)) } },
        Block::Paragraph(text) => html! { p { (inline(text, lang)) } },
        Block::Warning(text) => html! { p.warning { (inline(text, lang)) } },
        Block::List(items) => html! { ul { @for item in items { li { (inline(item, lang)) } } } },
        Block::Terms(terms) => html! {
            dl {
                @for (term, details) in terms {
                    div { dt { (inline(term, lang)) } @for detail in details { dd { (inline(detail, lang)) } } }
                }
            }
        },
        Block::Code(text) => html! { pre { code { (raw(text, lang)) } } },
        Block::Switch { label, on, off, signal, without_script } => html! {
            div.switch {
                button type="button" data-sillage-opt-out { (inline(label, lang)) }
                p.on { (inline(on, lang)) }
                p.off { (inline(off, lang)) }
                p.signal { (inline(signal, lang)) }
                p.without { (inline(without_script, lang)) }
            }
        },
    }
}

fn inline(text: &Bilingual, lang: Lang) -> Markup {
    let typeset = text.text(lang);
    html! {
        @for run in runs(&typeset) {
            @match run {
                TextRun::Words(words) => (words),
                TextRun::Code(code) => code { (code) },
                TextRun::Strong(words) => strong { (words) },
                TextRun::Link(words, target) => a href=(target) { (linked(words)) },
            }
        }
    }
}

/// The words of a link, which may include code.
fn linked(words: &str) -> Markup {
    match words.strip_prefix('`').and_then(|words| words.strip_suffix('`')) {
        Some(code) => html! { code { (code) } },
        None => html! { (words) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped() {
        let hostile = "<b onclick=\"x\">&";
        let document = Document {
            title: Bilingual::same(hostile),
            blocks: vec![
                Block::Paragraph(Bilingual::same(hostile)),
                Block::Code(Bilingual::same(hostile)),
                Block::List(vec![Bilingual::same("[<i>](\"><i>)"), Bilingual::same("`<i>`")]),
            ],
        };
        let page = page(&document, Lang::En, &PageFrame::default());
        assert!(!page.contains("<b ") && !page.contains("<i>"), "{page}");
    }
}
