//! Thread priorities: shipping and the engine run below hits where cores are scarce.

use std::io;

use rustix::process::{Pid, getpriority_process, setpriority_process};

/// The lowest priority of `nice`.
const LOWEST: i32 = 19;

/// Lowers a process's main thread, or this thread, by `by` below this thread, which may itself have been started with a
/// low priority. Where both want a core, 5 steps leave a third of the time, 10 a tenth.
///
/// # Errors
/// When the system call fails.
pub(crate) fn lower(process: Option<Pid>, by: i32) -> io::Result<()> {
    let ours = getpriority_process(None)?;
    Ok(setpriority_process(process, ours.saturating_add(by).min(LOWEST))?)
}
