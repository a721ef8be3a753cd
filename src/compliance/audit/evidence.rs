//! The evidence of an audit: one plain value, so that every check can be tested without a database or a machine. Must
//! hold no secret and nothing that a visitor sent.

use std::io;

use jiff::Timestamp;

use crate::collect::tracker;
use crate::compliance::audit::database::DatabaseEvidence;
use crate::compliance::audit::machine::MachineEvidence;
use crate::compliance::notice;
use crate::compliance::rules::{RULES, SELF_ASSESSMENT};
use crate::config::{Config, config_hash};
use crate::privacy::lookup::place::{DatabaseEdition, PlaceDatabases};
use crate::privacy::tag::day_key::KeyError;
use crate::privacy::tag::trial::{TagTrial, try_tags};
use crate::store::client::Store;
use crate::store::error::StoreError;

/// Why an audit could not run.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database does not answer.
    #[error("the database cannot be audited: {0}")]
    Store(#[from] StoreError),
    /// The system did not report its limits or locks.
    #[error("the machine cannot be audited: {0}")]
    System(#[from] io::Error),
    /// The system has no random bytes.
    #[error("{0}")]
    NoKey(#[from] KeyError),
}

/// All evidence that the rules are judged by.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Time of the audit.
    pub at: Timestamp,
    /// Version of the running program.
    pub version: &'static str,
    /// The configuration that the audit was given.
    pub config: Config,
    /// Hash of that configuration, see [`config_hash`].
    pub config_hash: String,
    /// Editions of the location files, or the error of a file that cannot be used.
    pub places: Result<Vec<DatabaseEdition>, String>,
    /// Result of making tags for an invented visitor.
    pub tags: TagTrial,
    /// The tracker script, as sites receive it.
    pub script: String,
    /// Texts that the program makes, with their names.
    pub texts: Vec<(&'static str, String)>,
    /// State of the live database.
    pub database: DatabaseEvidence,
    /// State of the machine and its processes.
    pub machine: MachineEvidence,
}

/// Gathers all evidence. Changes nothing anywhere.
///
/// # Errors
/// When the database or the machine does not answer.
pub async fn gather(config: &Config, store: &Store, now: Timestamp) -> Result<Evidence, AuditError> {
    let places = PlaceDatabases::open(&config.geo.databases).map(|places| places.editions());
    Ok(Evidence {
        at: now,
        version: env!("CARGO_PKG_VERSION"),
        config: config.clone(),
        config_hash: config_hash(config),
        places: places.map_err(|error| error.file.display().to_string()),
        tags: try_tags(config.privacy.hash_address)?,
        script: tracker::TEXT.to_owned(),
        texts: texts(config, now),
        database: DatabaseEvidence::gather(config, store).await?,
        machine: MachineEvidence::gather(&config.runtime.dir)?,
    })
}

/// All texts that people read and the program writes; some include text from the configuration.
fn texts(config: &Config, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut rules = String::new();
    for rule in &RULES {
        for words in [rule.title, rule.text, rule.held].into_iter().chain(rule.person) {
            rules.extend([words.en, "\n", words.fr, "\n"]);
        }
    }
    let mut texts = vec![
        ("the table of rules", rules),
        ("the self-assessment", format!("{}\n{}", SELF_ASSESSMENT.en, SELF_ASSESSMENT.fr)),
    ];
    texts.extend(notice::texts(config, now));
    texts
}
