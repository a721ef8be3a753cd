//! Who gives way to hits where there are fewer cores than work: priorities of the system, below our own.

use std::io;

use rustix::process::{Pid, getpriority_process, setpriority_process};

/// The lowest priority there is, as `nice` has it.
const LOWEST: i32 = 19;

/// Puts the main thread of a process, or this thread, so far below this thread, which may itself have been started with
/// a low priority. Five of these are a third of the time where both want a core, ten a tenth.
///
/// # Errors
/// The system's.
pub(crate) fn lower(process: Option<Pid>, by: i32) -> io::Result<()> {
    let ours = getpriority_process(None)?;
    Ok(setpriority_process(process, ours.saturating_add(by).min(LOWEST))?)
}
