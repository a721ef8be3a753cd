//! What an audit knows: one plain value, so that every check can be tried without a database or a machine. Must hold no
//! secret and nothing that a visitor sent.

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

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database does not answer.
    #[error("the database cannot be audited: {0}")]
    Store(#[from] StoreError),
    /// The system does not say what it must.
    #[error("the machine cannot be audited: {0}")]
    System(#[from] io::Error),
    /// There are no random bytes.
    #[error("{0}")]
    NoKey(#[from] KeyError),
}

/// Everything that rules are judged by.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// When it was gathered.
    pub at: Timestamp,
    /// Version of the program.
    pub version: &'static str,
    /// The configuration that the audit was given.
    pub config: Config,
    /// Its hash, see [`config_hash`].
    pub config_hash: String,
    /// The location files, or which cannot be used.
    pub places: Result<Vec<DatabaseEdition>, String>,
    /// What tags of a visitor who does not exist tell.
    pub tags: TagTrial,
    /// The tracker, as sites get it.
    pub script: String,
    /// Texts that the program makes, with their names.
    pub texts: Vec<(&'static str, String)>,
    /// The live database.
    pub database: DatabaseEvidence,
    /// The machine and the processes on it.
    pub machine: MachineEvidence,
}

/// Gathers everything. Nothing is changed anywhere.
///
/// # Errors
/// When database or machine do not answer.
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

/// Everything that people read and the program writes; the operator's own words flow into some of it.
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
