//! The folder in memory that a restart needs: whether it is one. Must never say "in memory" of a disk.

use std::path::Path;

/// `f_type` of tmpfs and of ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Whether a folder is in memory; for a folder that does not exist yet, its parent decides. `None` while neither
/// exists.
pub(crate) fn in_memory(folder: &Path) -> Option<bool> {
    let existing = if folder.exists() { folder } else { folder.parent()? };
    Some(IN_MEMORY.contains(&rustix::fs::statfs(existing).ok()?.f_type))
}
