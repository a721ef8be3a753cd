//! The engine library's package: which one this machine needs, its checksum, and the way from its bytes to a library on
//! the disk. Must never put a library in its place before the whole package has the expected checksum, and never write
//! into the file of a library, which a running engine has mapped.

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Seek as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;
use tar::Archive;

/// File name of the library.
pub const LIBRARY_FILE: &str = "libchdb.so";
/// Path of the library in its package.
const LIBRARY_ENTRY: &str = "package/libchdb.so";
/// Largest package and largest library, in bytes: twice today's.
const PACKAGE_BYTES_MAX: u64 = 1 << 30;
const LIBRARY_BYTES_MAX: u64 = 2 << 30;
/// Versions and checksums that this program was built and tested with.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/package-lock.json"));
/// Prefix of the one kind of checksum that is accepted.
const SHA512: &str = "sha512-";

/// Why a package did not become a library.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// This program was not built with the checksum of a package for this machine.
    #[error(
        "engine: no checksum of a package for {0} in this program; name a package with --from and --integrity, or \
             set clickhouse.mode = \"remote\""
    )]
    Platform(String),
    /// The expected checksum is not one.
    #[error("checksum `{0}`: not readable; write sha512- and the base64 of 64 bytes, as package-lock.json does")]
    Integrity(String),
    /// The bytes are not the expected package.
    #[error(
        "package: checksum differs, nothing installed; it is incomplete or another version (expected {expected}, found {found})"
    )]
    Checksum {
        /// Expected checksum.
        expected: String,
        /// Checksum of the bytes.
        found: String,
    },
    /// The package is larger than any that is expected.
    #[error("package: larger than {0} bytes, nothing installed")]
    TooLarge(u64),
    /// The package has no library.
    #[error("package: holds no {LIBRARY_ENTRY}, nothing installed")]
    NoLibrary,
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        error: io::Error,
    },
}

/// A package by name, version and checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnginePackage {
    /// Name in the package registry.
    pub name: String,
    /// Version that this program was built and tested with.
    pub version: String,
    /// Checksum, as `sha512-` and base64.
    pub integrity: String,
}

/// Name of the package for an operating system and a processor, as [`std::env::consts`] call them.
pub(super) fn package_name(system: &str, processor: &str) -> Option<&'static str> {
    match (system, processor) {
        ("linux", "x86_64") => Some("lib-linux-x64-gnu"),
        ("linux", "aarch64") => Some("lib-linux-arm64-gnu"),
        ("macos", "x86_64") => Some("lib-darwin-x64"),
        ("macos", "aarch64") => Some("lib-darwin-arm64"),
        _ => None,
    }
}

impl EnginePackage {
    /// The package for this machine.
    ///
    /// # Errors
    /// When its checksum is not known.
    pub fn of_this_machine() -> Result<Self, PackageError> {
        let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        let missing = || PackageError::Platform(format!("{system} on {processor}"));
        let name = format!("@chdb/{}", package_name(system, processor).ok_or_else(missing)?);
        let lock: serde_json::Value = serde_json::from_str(LOCK).map_err(|_| missing())?;
        let locked = lock.get("packages").and_then(|all| all.get(format!("node_modules/{name}")));
        let text = |key: &str| locked.and_then(|one| one.get(key)?.as_str()).map(str::to_owned).ok_or_else(missing);
        Ok(Self { version: text("version")?, integrity: text("integrity")?, name })
    }
}

/// Bytes of a package on their way into a nameless file; they are gone if it is dropped.
pub struct PackageDraft {
    folder: PathBuf,
    file: File,
    hash: Sha512,
    bytes: u64,
}

impl PackageDraft {
    /// An empty draft on the disk of `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn in_folder(folder: &Path) -> Result<Self, PackageError> {
        let wrong = |error| PackageError::File { path: folder.to_owned(), error };
        std::fs::create_dir_all(folder).map_err(wrong)?;
        let file = tempfile::tempfile_in(folder).map_err(wrong)?;
        Ok(Self { folder: folder.to_owned(), file, hash: Sha512::new(), bytes: 0 })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When there are too many, or the disk is full.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), PackageError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > PACKAGE_BYTES_MAX {
            return Err(PackageError::TooLarge(PACKAGE_BYTES_MAX));
        }
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|error| PackageError::File { path: self.folder.clone(), error })
    }

    /// Adds the content of a file.
    ///
    /// # Errors
    /// When it cannot be read; as [`PackageDraft::add`].
    pub fn add_file(&mut self, path: &Path) -> Result<(), PackageError> {
        let wrong = |error| PackageError::File { path: path.to_owned(), error };
        let mut file = File::open(path).map_err(wrong)?;
        let mut block = vec![0; 1 << 16];
        loop {
            let length = file.read(&mut block).map_err(wrong)?;
            match block.get(..length) {
                None | Some([]) => return Ok(()),
                Some(read) => self.add(read)?,
            }
        }
    }

    /// Checks the checksum, then puts the library into `target`: written beside it, synced, renamed. Returns its bytes.
    ///
    /// # Errors
    /// When the checksum differs, the package has no library, or a file cannot be written; `target` is then as before.
    pub fn install(self, integrity: &str, target: &Path) -> Result<u64, PackageError> {
        let Self { folder, mut file, hash, .. } = self;
        let expected = integrity.strip_prefix(SHA512).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let expected = expected.filter(|bytes| bytes.len() == 64);
        let expected = expected.ok_or_else(|| PackageError::Integrity(integrity.to_owned()))?;
        let found = hash.finalize();
        if !bool::from(found.as_slice().ct_eq(&expected)) {
            let found = format!("{SHA512}{}", BASE64_STANDARD.encode(found));
            return Err(PackageError::Checksum { expected: integrity.to_owned(), found });
        }
        let wrong = |error| PackageError::File { path: folder.clone(), error };
        file.rewind().map_err(wrong)?;
        let mut archive = Archive::new(GzDecoder::new(io::BufReader::new(file)));
        for entry in archive.entries().map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            if entry.path().map_err(wrong)? != Path::new(LIBRARY_ENTRY) || !entry.header().entry_type().is_file() {
                continue;
            }
            let mut draft = tempfile::NamedTempFile::new_in(&folder).map_err(wrong)?;
            let bytes = io::copy(&mut entry.take(LIBRARY_BYTES_MAX + 1), &mut draft).map_err(wrong)?;
            if bytes > LIBRARY_BYTES_MAX {
                return Err(PackageError::TooLarge(LIBRARY_BYTES_MAX));
            }
            // The engine may run as a user of its own, which reads it.
            draft.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(wrong)?;
            draft.as_file().sync_all().map_err(wrong)?;
            draft
                .persist(target)
                .map_err(|error| PackageError::File { path: target.to_owned(), error: error.error })?;
            File::open(&folder).and_then(|folder| folder.sync_all()).map_err(wrong)?;
            return Ok(bytes);
        }
        Err(PackageError::NoLibrary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_name_on_each_platform_and_a_locked_checksum_where_the_program_is_tested() {
        for (system, processor, name) in [
            ("linux", "x86_64", Some("lib-linux-x64-gnu")),
            ("linux", "aarch64", Some("lib-linux-arm64-gnu")),
            ("macos", "aarch64", Some("lib-darwin-arm64")),
            ("freebsd", "x86_64", None),
        ] {
            assert_eq!(package_name(system, processor), name);
        }
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        let integrity = lock["packages"]["node_modules/@chdb/lib-linux-x64-gnu"]["integrity"].as_str();
        assert!(integrity.is_some_and(|text| text.starts_with(SHA512)));
    }

    #[test]
    fn what_is_no_checksum_is_refused_before_anything_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in ["", "sha512-", "sha512-AAAA", "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="] {
            let draft = PackageDraft::in_folder(folder.path()).unwrap();
            let refused = draft.install(wrong, &folder.path().join(LIBRARY_FILE));
            assert!(matches!(refused, Err(PackageError::Integrity(_))), "{wrong}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
