//! The journal of queries: token, time, path, and the hash of each query. One file per month,
//! `queries-2026-11.csv`, beside the spool; a file is removed when it is twelve months old. Must never hold a figure,
//! a query's text, or anything about a visitor.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use sha2::{Digest as _, Sha256};

use crate::hex::hex;
use crate::lock::lock;
use crate::runtime_dir::{FolderError, make_data_folder, private_options};

/// Largest file of a month, in bytes: about 500,000 queries; later ones are not recorded, and a log line says so.
const MONTH_BYTES_MAX: u64 = 64 << 20;

/// Months that a file is kept after its own.
const MONTHS_KEPT: i32 = 12;

/// Hex digits of a query's hash: enough to tell queries apart.
const HASH_DIGITS: usize = 32;

/// The journal, open for the month of its last entry.
pub struct QueryJournal {
    folder: PathBuf,
    month: Mutex<Option<MonthFile>>,
}

struct MonthFile {
    name: String,
    file: File,
    bytes: u64,
    is_full: bool,
}

impl QueryJournal {
    /// Opens the journal in `folder`, creating it.
    ///
    /// # Errors
    /// When the folder cannot be made or belongs to another user.
    pub fn open(folder: PathBuf) -> Result<Self, FolderError> {
        make_data_folder(&folder)?;
        Ok(Self { folder, month: Mutex::new(None) })
    }

    /// Records that the token called `name` asked `query` at `path`.
    pub(super) fn note(&self, now: Timestamp, name: &str, path: &str, query: &[u8]) {
        // A line: `2026-11-28T13:50:12Z,grafana,/clickhouse,5f70bf18a086007016e948b04aed3b82`.
        let hash = hex(&Sha256::digest(query));
        let hash = hash.get(..HASH_DIGITS).unwrap_or_default();
        let second = now.strftime("%Y-%m-%dT%H:%M:%SZ");
        let line = format!("{second},{},{path},{hash}\n", quoted(name));
        if let Err(error) = self.write(now, &line) {
            tracing::error!(kind = ?error.kind(), "query journal: query not recorded");
        }
    }

    fn write(&self, now: Timestamp, line: &str) -> io::Result<()> {
        let mut month = lock(&self.month);
        let name = file_name(now);
        if month.as_ref().is_none_or(|month| month.name != name) {
            let file = private_options().create(true).append(true).open(self.folder.join(&name))?;
            let bytes = file.metadata()?.len();
            *month = Some(MonthFile { name, file, bytes, is_full: false });
            self.forget(now)?;
        }
        let Some(month) = month.as_mut() else { return Ok(()) };
        let bytes = month.bytes + line.len() as u64;
        if bytes > MONTH_BYTES_MAX {
            if !std::mem::replace(&mut month.is_full, true) {
                tracing::warn!(bytes = month.bytes, "query journal: monthly file full; queries not recorded");
            }
            return Ok(());
        }
        month.file.write_all(line.as_bytes())?;
        month.bytes = bytes;
        Ok(())
    }

    /// Removes the expired files.
    fn forget(&self, now: Timestamp) -> io::Result<()> {
        let months = MONTHS_KEPT.months();
        let oldest = TimeZone::UTC.to_datetime(now).date().saturating_sub(months);
        let oldest = oldest.strftime("queries-%Y-%m.csv").to_string();
        for name in names(&self.folder)?.into_iter().filter(|name| *name < oldest) {
            std::fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }

    /// Time of a token's last use, by its name, from the files in `folder`; `None` for a token that they do not
    /// mention.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn last_use(folder: &Path, name: &str) -> io::Result<Option<String>> {
        let wanted = format!(",{},", quoted(name));
        let mut files = names(folder)?;
        files.sort_unstable_by(|a, b| b.cmp(a));
        for file in files {
            let text = std::fs::read_to_string(folder.join(file))?;
            if let Some(line) = text.lines().rev().find(|line| line.contains(&wanted)) {
                return Ok(line.split(',').next().map(str::to_owned));
            }
        }
        Ok(None)
    }
}

fn file_name(now: Timestamp) -> String {
    now.strftime("queries-%Y-%m.csv").to_string()
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.starts_with("queries-")));
    }
    Ok(names)
}

/// A name as a CSV field.
fn quoted(name: &str) -> String {
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_query_is_noted_by_its_hash_and_forgotten_after_twelve_months() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("journal");
        let journal = QueryJournal::open(folder.clone()).unwrap();
        journal.note(at("2025-10-31T23:59:59Z"), "old", "/clickhouse", b"SELECT 1");
        journal.note(at("2025-11-01T00:00:00Z"), "ops", "/clickhouse", b"SELECT 'secret'");
        journal.note(at("2026-11-28T13:50:12.5Z"), "o\"p\ns", "/api/v2/query", b"{}");
        let mut left = names(&folder).unwrap();
        left.sort_unstable();
        assert_eq!(left, ["queries-2025-11.csv", "queries-2026-11.csv"]);
        let text = std::fs::read_to_string(folder.join("queries-2026-11.csv")).unwrap();
        assert_eq!(text, "2026-11-28T13:50:12Z,\"o\"\"ps\",/api/v2/query,44136fa355b3678a1146ad16f7e8649e\n");
        assert!(!std::fs::read_to_string(folder.join("queries-2025-11.csv")).unwrap().contains("secret"));
        assert_eq!(QueryJournal::last_use(&folder, "ops").unwrap().as_deref(), Some("2025-11-01T00:00:00Z"));
        assert_eq!(QueryJournal::last_use(&folder, "old").unwrap(), None);
    }

    #[test]
    fn a_full_month_stops_growing_and_the_next_begins() {
        let home = tempfile::tempdir().unwrap();
        let journal = QueryJournal::open(home.path().to_owned()).unwrap();
        journal.note(at("2026-11-01T00:00:00Z"), "ops", "/", b"1");
        lock(&journal.month).as_mut().unwrap().bytes = MONTH_BYTES_MAX;
        journal.note(at("2026-11-02T00:00:00Z"), "ops", "/", b"2");
        journal.note(at("2026-12-01T00:00:00Z"), "ops", "/", b"3");
        let lines = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap().lines().count();
        assert_eq!((lines("queries-2026-11.csv"), lines("queries-2026-12.csv")), (1, 1));
    }
}
