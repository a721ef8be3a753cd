//! System calls that Linux has, and that other systems lack or spell differently. On Linux every promise that rests on
//! them is tested; elsewhere the program is only type-checked, and it does not report an unsupported step as
//! done.

use std::io;
use std::path::Path;

use memmap2::MmapMut;
use rustix::time::ClockId;

/// Clock that also counts time in suspend.
#[cfg(target_os = "linux")]
pub(crate) const BOOT_CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
pub(crate) const BOOT_CLOCK: ClockId = ClockId::Monotonic;

/// Keeps this process's memory unreadable for other processes of its user.
///
/// # Errors
/// When the system call fails.
#[cfg(target_os = "linux")]
pub(crate) fn keep_undumpable() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn keep_undumpable() -> io::Result<()> {
    Ok(())
}

/// Whether other processes of its user may read this process's memory; `None` if the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn is_dumpable() -> Option<bool> {
    use rustix::process::{DumpableBehavior, dumpable_behavior};
    Some(dumpable_behavior().ok()? != DumpableBehavior::NotDumpable)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_dumpable() -> Option<bool> {
    None
}

/// Keeps a page out of core dumps and of child processes.
///
/// # Errors
/// When the system call fails, or the system has none.
#[cfg(target_os = "linux")]
pub(crate) fn hide_page(page: &MmapMut) -> io::Result<()> {
    use memmap2::Advice;
    page.advise(Advice::DontDump).and_then(|()| page.advise(Advice::DontFork))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn hide_page(_page: &MmapMut) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the file system of `path` is tmpfs or ramfs; `None` if that is unknown.
#[cfg(target_os = "linux")]
pub(crate) fn is_in_memory(path: &Path) -> Option<bool> {
    /// `f_type` of tmpfs and of ramfs.
    const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
    // The width of the field differs between processors and C libraries.
    #[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "i64 on x86_64 alone")]
    let kind = i64::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()?;
    Some(IN_MEMORY.contains(&kind))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_in_memory(_path: &Path) -> Option<bool> {
    None
}
