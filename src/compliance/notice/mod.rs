//! Privacy notices: the public pages `/privacy` and `/opt-out`, their form for machines, and the notices for the
//! controller. All are made from the running configuration and the one table of [`rules`](crate::compliance::rules), in
//! both languages at once. Must claim nothing that these do not hold, see no hit and no figure, and never speak for an
//! authority.

pub(crate) mod assessment;
pub mod document;
pub mod html;
pub(crate) mod inventory;
pub mod machine;
pub mod page;
pub(crate) mod policy;
mod publishers;
pub(crate) mod register;
pub(crate) mod rights;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) mod wording;

pub use crate::compliance::bilingual::Lang;
use crate::compliance::bilingual::said;
pub use crate::compliance::deviations::Deviation;
pub use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::{Block, Document};
use jiff::Timestamp;

use crate::config::Config;
use crate::sites::Sites;

/// Format of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NoticeFormat {
    /// Markdown, for a word processor, a repository or a site's own pages.
    Markdown,
    /// One self-contained HTML page.
    Html,
}

/// Reader of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NoticeAudience {
    /// The controller's files: privacy policy, record of processing, self-assessment.
    Controller,
    /// Publishers whose sites another body measures: criteria and contract clauses.
    Publishers,
}

/// The document of an operator for the publishers that it measures for.
pub fn for_publishers(facts: &ConfigFacts) -> Document {
    publishers::document(facts)
}

/// The three notices: the paragraph for a privacy policy, the entry for the register, the self-assessment.
pub fn notice(facts: &ConfigFacts) -> Document {
    let (version, today, hash) = (env!("CARGO_PKG_VERSION"), facts.today, &facts.config_hash);
    let mut blocks = vec![Block::Paragraph(said!(
        "Written by Sillage {version} on {today}, from its configuration. What the program cannot know is marked “to be \
         completed”. Write it again when the configuration changes, and keep the old version: date and hash are the \
         history. This configuration has the hash `{hash}`, which `sillage audit` gives too.",
        "Écrit par Sillage {version} le {today}, d'après sa configuration. Ce que le programme ne peut savoir est marqué \
         « à compléter ». À réécrire quand la configuration change, en gardant l'ancienne version : date et empreinte \
         font l'historique. Cette configuration a l'empreinte `{hash}`, que donne aussi `sillage audit`."
    ))];
    blocks.extend(policy::blocks(facts));
    blocks.extend(register::blocks(facts));
    blocks.extend(assessment::blocks(facts));
    Document { title: said!("Audience measurement: notices", "Mesure d'audience : notices"), blocks }
}

/// A document in one format.
pub fn written(document: &Document, lang: Lang, format: NoticeFormat) -> String {
    match format {
        NoticeFormat::Markdown => document.markdown(lang),
        NoticeFormat::Html => html::page(document, lang, &html::PageFrame::default()),
    }
}

/// All texts made under `config`, with their names, for tests of their wording.
pub fn texts(config: &Config, now: Timestamp) -> Vec<(&'static str, String)> {
    let sites = Sites::new(&config.site).unwrap_or_default();
    let facts = ConfigFacts::new(config, now).of(sites.iter().map(AsRef::as_ref));
    let links = page::PageLinks::default();
    let documents = [
        ("the privacy page", page::privacy(&facts, &links)),
        ("the opt-out page", page::opt_out(&facts, &page::OptOutReach::Elsewhere, &links)),
        ("the notices", notice(&facts)),
        ("the document for publishers", for_publishers(&facts)),
    ];
    let all =
        |(name, document): (&'static str, Document)| (name, Lang::ALL.map(|lang| document.markdown(lang)).join("\n"));
    documents.into_iter().map(all).chain([("the privacy page for machines", machine::json(&facts))]).collect()
}
