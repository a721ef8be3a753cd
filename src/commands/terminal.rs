//! Output of commands: results on standard output, a failure as one sentence.

use std::io::{ErrorKind, Write};

/// Why a command failed, as a sentence for a terminal.
pub type CommandError = Box<dyn std::error::Error>;

/// Prints `text` and a newline. A reader that closed the pipe (`sillage audit | head`) is not an error.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
