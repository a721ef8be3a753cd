//! `sillage check`: validates the configuration.

use crate::app;
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::{sites, sizing};

/// Check the configuration: report errors, notes and the memory limit.
#[derive(Debug, clap::Args)]
pub struct CheckCommand {
    #[command(flatten)]
    config: ConfigFile,
}

impl CheckCommand {
    /// Prints the memory plan and the notes.
    ///
    /// # Errors
    /// The first mistake in the configuration.
    pub fn run(&self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        app::check(&config)?;
        let notes: String = config
            .notes()
            .into_iter()
            .chain(sites::notes(&config.site))
            .map(|note| format!("note: {note}\n"))
            .collect();
        let memory = sizing::told(&config);
        let file = self.config.config.display();
        print(&format!("{notes}{memory}\n{file}: valid; {} site(s)", config.site.len()))
    }
}
