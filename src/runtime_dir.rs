//! Folders that other users of the machine must not read: `runtime.dir`, which is in memory, and the folders of spool
//! and database. Must never use another user's folder, nor follow a link that another user made.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::{geteuid, umask};

use crate::system_calls;

/// User and group id of the engine's process when root starts the program: a number that systems assign to no account
/// (Debian reserves the range for such uses).
pub(crate) const ENGINE_USER: u32 = 60_739;

/// Reason why a folder is rejected.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder, or the link to it, belongs to another user.
    #[error("{0} owned by another user; inspect and remove it, or set another folder")]
    Owner(PathBuf),
    /// Other users have write permission.
    #[error("{0}: writable by other users (mode {1:o}); inspect it, then set its mode to 700")]
    Mode(PathBuf, u32),
    /// Creating or examining the folder failed.
    #[error("{0}: {1}")]
    Files(PathBuf, #[source] io::Error),
}

/// Sets the umask: files and folders that this process creates are readable by its user alone.
pub(crate) fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Creates a folder for secrets, or closes an existing one that no other user could write to.
///
/// # Errors
/// When it belongs to another user, or others can write to it.
pub(crate) fn make_secret_folder(folder: &Path) -> Result<(), FolderError> {
    let (path, mode, group) = make(folder)?;
    if mode & 0o022 != 0 {
        return Err(FolderError::Mode(path, mode));
    }
    // The engine's group may traverse the folder to its sub-folder.
    let kept = if group == ENGINE_USER { 0o710 } else { 0o700 };
    close(path, mode, kept)
}

/// Creates a folder for data, or closes an existing one to other users.
///
/// # Errors
/// When it belongs to another user.
pub(crate) fn make_data_folder(folder: &Path) -> Result<(), FolderError> {
    let (path, mode, _) = make(folder)?;
    close(path, mode, 0o700)
}

/// Removes the bits of `mode` that `kept` lacks.
fn close(path: PathBuf, mode: u32, kept: u32) -> Result<(), FolderError> {
    if mode & !kept == 0 {
        return Ok(());
    }
    let closed = std::fs::set_permissions(&path, Permissions::from_mode(mode & kept));
    closed.map_err(|error| FolderError::Files(path, error))
}

/// The resolved folder, its mode and its group, after a check of its owner.
fn make(folder: &Path) -> Result<(PathBuf, u32, u32), FolderError> {
    let files = |error| FolderError::Files(folder.to_owned(), error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(files)?;
    let link = folder.symlink_metadata().map_err(files)?;
    let itself = folder.metadata().map_err(files)?;
    let ours = geteuid();
    let trusted = |owner: u32| owner == ours.as_raw() || owner == 0 || (ours.is_root() && owner == ENGINE_USER);
    if !trusted(link.uid()) || !trusted(itself.uid()) {
        return Err(FolderError::Owner(folder.to_owned()));
    }
    Ok((folder.to_owned(), itself.mode() & 0o777, itself.gid()))
}

/// Creates a file that only its user can read. An existing entry of that name, such as another user's link, is removed
/// first, never written through.
///
/// # Errors
/// When the file cannot be removed or created.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    private_options().read(true).write(true).create_new(true).open(path)
}

/// Open options for private files: links are not followed, and new files are readable by their user alone.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).mode(0o600);
    options
}

/// Whether a folder is in memory; for a missing folder, its parent is examined.
pub(crate) fn in_memory(folder: &Path) -> Option<bool> {
    let existing = if folder.exists() { folder } else { folder.parent()? };
    system_calls::is_in_memory(existing)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn a_folder_for_secrets_that_others_can_write_is_refused_and_any_other_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/runtime");
        make_secret_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        for read in [0o755, 0o710, 0o701] {
            std::fs::set_permissions(&folder, Permissions::from_mode(read)).unwrap();
            make_secret_folder(&folder).unwrap();
            assert_eq!(mode(&folder), 0o700);
        }
        for open in [0o777, 0o775, 0o702] {
            std::fs::set_permissions(&folder, Permissions::from_mode(open)).unwrap();
            let refused = make_secret_folder(&folder).unwrap_err();
            assert!(
                matches!(&refused, FolderError::Mode(path, found) if *path == folder && *found == open),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused_also_behind_a_link() {
        if !geteuid().is_root() {
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let theirs = home.path().join("theirs");
        make_secret_folder(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(12_345), Some(12_345)).unwrap();
        let link = home.path().join("link");
        symlink(&theirs, &link).unwrap();
        for folder in [&theirs, &link] {
            assert!(matches!(make_secret_folder(folder), Err(FolderError::Owner(_))));
            assert!(matches!(make_data_folder(folder), Err(FolderError::Owner(_))));
        }
        let (ours, link) = (home.path().join("ours"), home.path().join("their link"));
        make_secret_folder(&ours).unwrap();
        symlink(&ours, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(12_345), None).unwrap();
        assert!(matches!(make_secret_folder(&link), Err(FolderError::Owner(_))));
    }

    #[test]
    fn a_folder_for_data_from_an_earlier_release_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("spool");
        make_data_folder(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_data_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_private_file_replaces_a_link_and_leaves_its_target_alone() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("target"), home.path().join("engine.new"));
        std::fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        drop(create_private(&link).unwrap());
        assert_eq!(std::fs::read(&target).unwrap(), b"precious");
        assert_eq!((mode(&link), link.symlink_metadata().unwrap().is_file()), (0o600, true));
        symlink(&target, home.path().join("lock")).unwrap();
        assert!(private_options().write(true).create(true).truncate(false).open(home.path().join("lock")).is_err());
    }
}
