//! The arguments that most commands share: the configuration file, and one site of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::commands::terminal::CommandError;
use crate::config::{Config, ConfigError};
use crate::sites::{Site, Sites};

/// The argument `--config`, shared by all commands that read the configuration.
#[derive(Debug, clap::Args)]
pub struct ConfigFile {
    /// Path of the configuration file.
    #[arg(long, value_name = "FILE", default_value = "sillage.toml")]
    pub config: PathBuf,
}

impl ConfigFile {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// The same as those of [`Config::load`].
    pub(super) fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.config)
    }

    /// The configured site called `name`.
    ///
    /// # Errors
    /// When `sites` has no such site.
    pub(super) fn site(&self, sites: &Sites, name: &str) -> Result<Arc<Site>, CommandError> {
        let site = sites.find(name).cloned();
        site.ok_or_else(|| format!("no site `{name}` in {}", self.config.display()).into())
    }
}
