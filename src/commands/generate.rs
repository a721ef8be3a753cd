//! `sillage generate`: manual pages and shell completions, for packages.

use std::path::PathBuf;

use clap_complete::Shell;
use fs_err as fs;

use crate::commands::terminal::CommandError;

/// Write manual pages and shell completions into a folder.
#[derive(Debug, clap::Args)]
pub struct GenerateCommand {
    /// Output folder; `man/` and `completions/` are created in it.
    folder: PathBuf,
}

impl GenerateCommand {
    /// Writes the pages and completions.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn run(&self, mut command: clap::Command) -> Result<(), CommandError> {
        let (man, completions) = (self.folder.join("man"), self.folder.join("completions"));
        fs::create_dir_all(&man)?;
        fs::create_dir_all(&completions)?;
        clap_mangen::generate_to(command.clone(), &man)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            clap_complete::generate_to(shell, &mut command, "sillage", &completions)?;
        }
        Ok(())
    }
}
