//! `sillage token`.

use clap::{Args, Subcommand};

use crate::commands::terminal::{CommandError, print};
use crate::console::tokens;

/// Make a console token.
#[derive(Debug, Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// Print a new token and its lines for the configuration.
    New {
        /// Site that the token may read; repeat for several, `*` for all.
        #[arg(long = "site", value_name = "SITE", required = true)]
        sites: Vec<String>,
        /// Name of the token, for the configuration's reader.
        #[arg(long, default_value = "token")]
        name: String,
    },
}

impl TokenCommand {
    /// Prints the token and its configuration lines.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn run(&self) -> Result<(), CommandError> {
        let TokenAction::New { sites, name } = &self.action;
        let (token, sha256) = tokens::new_token().map_err(|_| "the operating system gives no random bytes")?;
        let lines = tokens::configuration_text(name, &sha256, sites);
        print(&format!("token (shown once, keep it safe): {token}\n\nfor the configuration:\n{lines}"))
    }
}
