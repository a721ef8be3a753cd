//! The one file with unsafe code: loads the engine's library and maps location files.
#![allow(unsafe_code, reason = "mapping a file cannot be checked by the compiler")]

use std::path::Path;

/// Maps a location file into memory: 130 MB of cities then cost only the pages that are looked at.
///
/// # Errors
/// When the file cannot be opened or is no location database.
pub fn map_location_file(path: &Path) -> Result<maxminddb::Reader<maxminddb::Mmap>, maxminddb::MaxMindDbError> {
    // SAFETY: the file must not change while it is mapped. It is opened read-only, and the operations guide has it
    // replaced by renaming a new file over it, which leaves the mapped one as it was.
    unsafe { maxminddb::Reader::open_mmap(path) }
}
