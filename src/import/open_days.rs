//! State of an import with `--continue` for the last days of its log, so that the next import continues the same visits
//! and counts no visitor twice: keys and tags, as in the journal of visits, in the runtime folder, which is in memory.
//! Must never be on a disk. It expires after two days, or at a restart of the machine; only then may visitors of such a
//! day be counted again.
//!
//! ```text
//! import/<hash of the site's name>   magic "SILLAGEI" · written, seconds since 1970 u64 · postcard of the days
//! ```

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::clock::DAY_SECONDS;
use crate::event::Day;
use crate::privacy::Anonymiser;
use crate::sites::Site;
use crate::visits::Visits;
use crate::visits::journal::snapshot::DaySnapshot;

const MAGIC: &[u8; 8] = b"SILLAGEI";

/// Seconds until the state expires: a nightly import comes once a day.
const KEPT_SECONDS: i64 = 2 * DAY_SECONDS;

/// Path of a site's state.
pub(super) struct OpenDays(PathBuf);

impl OpenDays {
    /// The site's path in the runtime folder.
    pub(super) fn new(runtime_dir: &Path, site: &Site) -> Self {
        let name = blake3::hash(site.name.as_bytes()).to_hex();
        Self(runtime_dir.join("import").join(name.get(..16).unwrap_or("site")))
    }

    /// Restores the state of the previous import, if it has not expired.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(super) fn recall(
        &self,
        site: &Arc<Site>,
        anonymiser: &Anonymiser,
        visits: &mut Visits,
        now: Timestamp,
    ) -> io::Result<()> {
        let Ok(bytes) = fs::read(&self.0).map(Zeroizing::new) else { return Ok(()) };
        let Some((written, days)) = read(&bytes) else { return self.forget() };
        if now.as_second() - written > KEPT_SECONDS {
            return self.forget();
        }
        for day in days.iter().filter(|day| day.site == *site.name) {
            anonymiser.keys().recall(site, Day(day.day), &day.key);
            visits.recall(site, day, anonymiser.keys());
        }
        Ok(())
    }

    /// Writes the state for the next import.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep(&self, visits: &Visits, now: Timestamp) -> io::Result<()> {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut bytes = Zeroizing::new(Vec::new());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&now.as_second().to_le_bytes());
        let days = postcard::to_stdvec(&visits.kept()).map(Zeroizing::new).map_err(io::Error::other)?;
        bytes.extend_from_slice(&days);
        let new = self.0.with_extension("new");
        fs::remove_file(&new).ok();
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&bytes)?;
        fs::rename(new, &self.0)
    }

    fn forget(&self) -> io::Result<()> {
        fs::remove_file(&self.0)
    }
}

fn read(bytes: &[u8]) -> Option<(i64, Vec<DaySnapshot>)> {
    let (written, days) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    Some((i64::from_le_bytes(*written), postcard::from_bytes(days).ok()?))
}

/// Removes what imports have left in the runtime folder and none has gone on with within two days.
pub fn forget_old_days(runtime_dir: &Path, now: Timestamp) {
    let Ok(files) = fs::read_dir(runtime_dir.join("import")) else { return };
    for path in files.flatten().map(|file| file.path()) {
        let mut head = [0; MAGIC.len() + size_of::<i64>()];
        let read = fs::File::open(&path).and_then(|mut file| file.read_exact(&mut head));
        let written = head.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk()).copied().map(i64::from_le_bytes);
        let is_old = match (read, written) {
            (Ok(()), Some(written)) => now.as_second() - written > KEPT_SECONDS,
            // A truncated or foreign file contains nothing that an import could resume.
            (Err(error), _) if error.kind() != io::ErrorKind::UnexpectedEof => false,
            (Ok(()) | Err(_), _) => true,
        };
        if is_old {
            fs::remove_file(path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_open_day_is_removed_after_two_days() {
        let folder = tempfile::tempdir().unwrap();
        let import = folder.path().join("import");
        fs::create_dir(&import).unwrap();
        let file = |name: &str, written: i64| {
            let bytes = [&MAGIC[..], &written.to_le_bytes(), b"days"].concat();
            fs::write(import.join(name), bytes).unwrap();
        };
        file("young", 1_000_000);
        file("old", 999_999);
        fs::write(import.join("cut"), b"SILL").unwrap();
        let names = || {
            let mut names: Vec<_> = fs::read_dir(&import).unwrap().map(|file| file.unwrap().file_name()).collect();
            names.sort();
            names
        };
        forget_old_days(folder.path(), Timestamp::from_second(1_000_000 + KEPT_SECONDS).unwrap());
        assert_eq!(names(), ["young"]);
        forget_old_days(folder.path(), Timestamp::from_second(1_000_001 + KEPT_SECONDS).unwrap());
        assert!(names().is_empty());
    }
}
