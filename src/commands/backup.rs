//! `sillage backup` and `sillage restore`: encrypted copies of the published tables.

use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{self as fs, File, OpenOptions};
use jiff::{Timestamp, ToSpan};

use crate::backup::{self, BackupSummary};
use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::{CommandError, print};
use crate::config::{BackupConfig, Config};
use crate::store::migrate;

const PREFIX: &str = "sillage-";
const SUFFIX: &str = ".backup.age";
const TIME: &str = "%Y-%m-%dT%H%M%SZ";

/// Write the published tables to an encrypted file, and remove backups that are older than backup.keep_days.
#[derive(Debug, clap::Args)]
pub struct BackupCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Create a key instead: write the secret key to FILE and print the public key for `backup.recipient`.
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
}

/// Restore a backup into the empty database of the configuration.
#[derive(Debug, clap::Args)]
pub struct RestoreCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Backup file to restore.
    file: PathBuf,
    /// File with the secret key.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
}

impl BackupCommand {
    /// Writes a backup or a key.
    ///
    /// # Errors
    /// When the database cannot be read or the file cannot be written.
    pub async fn run(&self) -> Result<(), CommandError> {
        if let Some(file) = &self.new_key {
            let (secret, public) = backup::new_key();
            writeln!(private(file)?, "{}", secret.expose_secret())?;
            return print(&format!(
                "secret key in {}: keep it away from the backups\n\n[backup]\nrecipient = \"{public}\"",
                file.display()
            ));
        }
        let config = self.config.load()?;
        if config.backup.recipient.is_empty() || config.backup.dir.as_os_str().is_empty() {
            return Err("backup.dir and backup.recipient are empty; set both (`sillage backup --new-key FILE`)".into());
        }
        let database = Database::open(&config).await?;
        let written = write(&config.backup, &database, SystemClock.now()).await;
        database.close().await;
        let (file, BackupSummary { tables, bytes }) = written?;
        let removed = remove_old(&config.backup, SystemClock.now())?;
        print(&format!("{}: {tables} tables, {bytes} bytes; {removed} older backup(s) removed", file.display()))
    }
}

impl RestoreCommand {
    /// Restores the backup.
    ///
    /// # Errors
    /// When the backup cannot be read or the database is not empty.
    pub async fn run(&self) -> Result<(), CommandError> {
        let config: Config = self.config.load()?;
        let identity = fs::read_to_string(&self.identity)
            .map_err(|error| format!("identity {}: {error}", self.identity.display()))?;
        let identity = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap_or_default();
        let file = File::open(&self.file).map_err(|error| format!("backup {}: {error}", self.file.display()))?;
        let database = Database::open(&config).await?;
        let restored = async {
            migrate::apply(&database.store, &super::migrate::settings(&config)).await?;
            Ok::<_, CommandError>(backup::restore(&database.store, identity, BufReader::new(file)).await?)
        };
        let restored = restored.await;
        database.close().await;
        let BackupSummary { tables, bytes } = restored?;
        print(&format!("{}: {tables} tables, {bytes} bytes restored", self.file.display()))
    }
}

/// Writes under another name first, so that every file under its final name is complete.
async fn write(
    config: &BackupConfig,
    database: &Database,
    now: Timestamp,
) -> Result<(PathBuf, BackupSummary), CommandError> {
    fs::create_dir_all(&config.dir)?;
    let file = config.dir.join(format!("{PREFIX}{}{SUFFIX}", now.strftime(TIME)));
    let incoming = file.with_extension("incoming");
    let mut out = BufWriter::new(private(&incoming)?);
    let written = backup::write(&database.store, &config.recipient, &mut out).await;
    let written = match written {
        Ok(written) => out.into_inner()?.sync_all().map(|()| written).map_err(CommandError::from),
        Err(error) => Err(error.into()),
    };
    match written {
        Ok(summary) => {
            fs::rename(&incoming, &file)?;
            File::open(&config.dir)?.sync_all()?;
            Ok((file, summary))
        }
        Err(error) => {
            fs::remove_file(&incoming).ok();
            Err(error)
        }
    }
}

fn private(file: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// Removes our backups older than `keep_days`, by the time in their names; returns their number.
fn remove_old(config: &BackupConfig, now: Timestamp) -> Result<usize, CommandError> {
    let oldest = now.checked_sub((i64::from(config.keep_days) * 24).hours())?;
    let oldest = format!("{PREFIX}{}{SUFFIX}", oldest.strftime(TIME));
    let mut removed = 0;
    for entry in fs::read_dir(&config.dir)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && name.len() == oldest.len() && name < oldest {
            fs::remove_file(config.dir.join(name))?;
            removed += 1;
        }
    }
    Ok(removed)
}
