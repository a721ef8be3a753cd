//! What people are told: the public pages `/privacy` and `/opt-out`, their form for machines, and the notices for whoever
//! answers for the measurement. All of it is made from the running configuration and the one table of
//! [`rules`](crate::privacy::rules), in both languages at once. It must claim nothing that they do not hold, see no hit and
//! no figure, and never speak for an authority.

mod assessment;
mod data;
pub mod document;
pub mod facts;
pub mod html;
pub mod machine;
pub mod page;
mod people;
mod policy;
mod register;
pub mod said;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wording;

use document::{Block, Document};
pub use facts::Facts;
pub use said::Lang;
use said::said;

/// The form of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a word processor, a repository, a site's own pages.
    Markdown,
    /// One page, whole by itself.
    Html,
}

/// The three notices: the paragraph for a privacy policy, the entry for the register, the self-assessment.
pub fn notice(facts: &Facts, written: jiff::civil::Date) -> Document {
    let version = env!("CARGO_PKG_VERSION");
    let mut blocks = vec![Block::Paragraph(said!(
        "Written by Sillage {version} on {written}, from its configuration. What the program cannot know is marked “to be \
         completed”. Read it again when the configuration changes.",
        "Écrit par Sillage {version} le {written}, d'après sa configuration. Ce que le programme ne peut savoir est marqué \
         « à compléter ». À relire quand la configuration change."
    ))];
    blocks.extend(policy::blocks(facts));
    blocks.extend(register::blocks(facts));
    blocks.extend(assessment::blocks(facts, written));
    Document { title: said!("Audience measurement: notices", "Mesure d'audience : notices"), blocks }
}

/// A document in a form.
pub fn written(document: &Document, lang: Lang, format: Format) -> String {
    match format {
        Format::Markdown => document.markdown(lang),
        Format::Html => html::page(document, lang, &html::Frame::default()),
    }
}
