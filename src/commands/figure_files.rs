//! The arguments of the commands that read another tool's figures.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::CommandError;
use crate::config::Config;
use crate::import::figures::FigureJob;
use crate::sites::{Site, Sites};

/// An export's files, and the site that they are of.
#[derive(Debug, clap::Args)]
pub struct FigureFiles {
    /// The export's files, as docs/import.md lists them.
    pub(super) files: Vec<PathBuf>,
    /// Site of the figures.
    #[arg(long)]
    site: String,
    #[command(flatten)]
    config: ConfigFile,
    /// Day of an export without dates, YYYY-MM-DD.
    #[arg(long)]
    day: Option<jiff::civil::Date>,
}

impl FigureFiles {
    /// The configuration, and the site in it.
    ///
    /// # Errors
    /// When the configuration is invalid, or has no such site.
    pub(super) fn load(&self) -> Result<(Config, Arc<Site>), CommandError> {
        let config = self.config.load()?;
        let site = self.config.site(&Sites::new(&config.site)?, &self.site)?;
        Ok((config, site))
    }

    /// The job of reading the files.
    pub(super) fn into_job(self, config: &Config, site: Arc<Site>, now: Timestamp) -> FigureJob {
        FigureJob {
            keep_from: site.retained_from(now, config.privacy.retention_months),
            files: self.files,
            site,
            day: self.day,
            protection: config.privacy.protection,
            progress: std::io::IsTerminal::is_terminal(&std::io::stderr()),
        }
    }
}
