//! Backups: the published tables, encrypted with age before the first byte is written. Waiting rows, the spool and the
//! runtime folder are never part of a backup: it holds published figures only.
//!
//! # Format 1
//! An age file (age-encryption.org/v1) around a tar archive. `manifest.json` comes first: format, release, tables. Then
//! come pieces of each table, `TABLE/NNNNNN`, which joined in order are the table in ClickHouse's `Native` format.

use std::io::{self, Read, Write};
use std::str::FromStr;

use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, Header};

use crate::store::client::Store;
use crate::store::error::StoreError;
use crate::store::migrate::PUBLISHED_TABLES;

const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// Largest piece of a table in bytes: one piece is in memory at a time.
const PIECE_BYTES: usize = 4 << 20;
/// Longest accepted manifest, in bytes.
const MANIFEST_BYTES_MAX: u64 = 65_536;

/// `manifest.json` of a backup.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    release: String,
    tables: Vec<String>,
}

/// Totals of a written or restored backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupSummary {
    /// Number of tables written or restored.
    pub tables: usize,
    /// Bytes of all pieces before encryption.
    pub bytes: u64,
}

/// Reason why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// `backup.recipient` is not an age public key.
    #[error("backup.recipient: not an age public key (age1…); make one with `sillage backup --new-key FILE`")]
    Recipient,
    /// Not a backup, truncated, or encrypted for another key.
    #[error("backup: {0}")]
    Unreadable(&'static str),
    /// The target database already holds rows in this table.
    #[error("table {0} is not empty; restore into a new database")]
    NotEmpty(String),
    /// The database rejected or interrupted a statement.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    /// Reading or writing the backup file failed.
    #[error("the backup's file: {0}")]
    File(#[from] io::Error),
}

/// Generates a key pair: the identity, to be kept secret, and the recipient for the configuration.
pub fn new_key() -> (age::secrecy::SecretString, String) {
    let identity = Identity::generate();
    (identity.to_string(), identity.to_public().to_string())
}

/// Writes all published tables to `out`, readable only with `recipient`'s private key.
///
/// # Errors
/// When `recipient` is malformed, the database fails, or `out` cannot be written.
pub async fn write(store: &Store, recipient: &str, out: impl Write) -> Result<BackupSummary, BackupError> {
    let recipient = Recipient::from_str(recipient).map_err(|_| BackupError::Recipient)?;
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|_| BackupError::Recipient)?;
    let mut archive = Builder::new(encryptor.wrap_output(out)?);
    let tables = PUBLISHED_TABLES.map(str::to_owned).to_vec();
    let manifest = Manifest { format: FORMAT, release: env!("CARGO_PKG_VERSION").to_owned(), tables };
    append(&mut archive, MANIFEST, &serde_json::to_vec(&manifest).map_err(io::Error::other)?)?;
    let mut summary = BackupSummary::default();
    for table in PUBLISHED_TABLES {
        summary.bytes += write_table(store, table, &mut archive).await?;
        summary.tables += 1;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(summary)
}

async fn write_table(store: &Store, table: &str, archive: &mut Builder<impl Write>) -> Result<u64, BackupError> {
    let (mut dump, mut piece, mut number, mut bytes) = (store.dump(table)?, Vec::new(), 0_u32, 0);
    while let Some(chunk) = dump.next().await? {
        piece.extend_from_slice(&chunk);
        bytes += chunk.len() as u64;
        if piece.len() >= PIECE_BYTES {
            append(archive, &format!("{table}/{number:06}"), &piece)?;
            piece.clear();
            number += 1;
        }
    }
    if !piece.is_empty() {
        append(archive, &format!("{table}/{number:06}"), &piece)?;
    }
    Ok(bytes)
}

/// Restores a backup into a database's empty tables; `identity` (`AGE-SECRET-KEY-1…`) decrypts it.
///
/// # Errors
/// When `identity` does not decrypt it, a table holds rows, or the database rejects an insert. Rows inserted before the
/// failure stay: restore again into another new database.
pub async fn restore(store: &Store, identity: &str, input: impl Read) -> Result<BackupSummary, BackupError> {
    let identity = Identity::from_str(identity.trim()).map_err(|_| BackupError::Unreadable("not an age identity"))?;
    let decryptor = Decryptor::new(input).map_err(|_| BackupError::Unreadable("not an age file"))?;
    let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let mut archive = Archive::new(opened.map_err(|_| BackupError::Unreadable("encrypted for another key"))?);
    let mut entries = archive.entries()?;
    let manifest = match entries.next() {
        Some(entry) => read_manifest(entry?)?,
        None => return Err(BackupError::Unreadable("empty")),
    };
    for table in &manifest.tables {
        if store.load(table).is_none() {
            return Err(BackupError::Unreadable("made by a newer release; start that release to restore it"));
        }
        if store.count_rows(table).await? > 0 {
            return Err(BackupError::NotEmpty(table.clone()));
        }
    }
    let mut summary = BackupSummary { tables: manifest.tables.len(), bytes: 0 };
    let mut open: Option<(String, crate::store::dump::TableLoad)> = None;
    for entry in entries {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let table = name.split('/').next().unwrap_or_default().to_owned();
        if open.as_ref().is_none_or(|(name, _)| *name != table) {
            if let Some((_, load)) = open.take() {
                load.end().await?;
            }
            let load =
                store.load(&table).ok_or(BackupError::Unreadable("contains a table that is not a published one"))?;
            open = Some((table, load));
        }
        let mut piece = Vec::new();
        entry.read_to_end(&mut piece)?;
        summary.bytes += piece.len() as u64;
        if let Some((_, load)) = &mut open {
            load.send(piece.into()).await?;
        }
    }
    if let Some((_, load)) = open {
        load.end().await?;
    }
    Ok(summary)
}

fn read_manifest(mut entry: tar::Entry<'_, impl Read>) -> Result<Manifest, BackupError> {
    if entry.path()?.as_os_str() != MANIFEST {
        return Err(BackupError::Unreadable("not a backup of this program"));
    }
    let mut text = Vec::new();
    entry.by_ref().take(MANIFEST_BYTES_MAX).read_to_end(&mut text)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|_| BackupError::Unreadable("malformed manifest"))?;
    match manifest.format {
        FORMAT => Ok(manifest),
        _ => Err(BackupError::Unreadable("made by a newer release; start that release to restore it")),
    }
}

fn append(archive: &mut Builder<impl Write>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, content)
}
