//! `sillage token`: makes and lists console tokens.

use clap::{Args, Subcommand};

use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::console::{QueryJournal, tokens};

/// Create and list tokens for readers of the console and for servers of sites.
#[derive(Debug, Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// Print the configured tokens: sites, last day, last use according to the query journal.
    List(ConfigFile),
    /// Print a new token and its lines for the configuration.
    New {
        /// Site of the token; repeat for several, `*` for all.
        #[arg(long = "site", value_name = "SITE", required = true)]
        sites: Vec<String>,
        /// Name of the token, for readers of the configuration.
        #[arg(long, default_value = "token")]
        name: String,
        /// Create a token for a site's own server: it may set the client address, and cannot read figures.
        #[arg(long)]
        server: bool,
    },
}

impl TokenCommand {
    /// Prints the token and its configuration lines.
    ///
    /// # Errors
    /// When no random bytes from the operating system.
    pub fn run(&self) -> Result<(), CommandError> {
        let (sites, name, server) = match &self.action {
            TokenAction::List(config) => return list(config),
            TokenAction::New { sites, name, server } => (sites, name, *server),
        };
        let (token, sha256) = tokens::new_token().map_err(|_| "no random bytes from the operating system")?;
        let lines = tokens::configuration_text(name, &sha256, sites, server);
        print(&format!("token (shown once, keep it safe): {token}\n\nfor the configuration:\n{lines}"))
    }
}

fn list(file: &ConfigFile) -> Result<(), CommandError> {
    let config = file.load()?;
    let journal = config.spool.dir.join("journal");
    let mut lines = Vec::new();
    for token in &config.console.tokens {
        let expires = token.expires.map_or_else(|| "no last day".to_owned(), |day| format!("until {day}"));
        // Without a journal there was no query yet.
        let used = if journal.is_dir() { QueryJournal::last_use(&journal, &token.name)? } else { None };
        let used = used.map_or_else(|| "not used".to_owned(), |time| format!("last used {time}"));
        lines.push(format!("{}: {}; {expires}; {used}", token.name, token.sites.join(", ")));
    }
    for token in &config.collect.server_tokens {
        let expires = token.expires.map_or_else(|| "no last day".to_owned(), |day| format!("until {day}"));
        lines.push(format!("{}: server of {}; {expires}", token.name, token.sites.join(", ")));
    }
    print(&lines.join("\n"))
}
