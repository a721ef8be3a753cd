//! `sillage compare`.

use std::path::PathBuf;

use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::{CommandError, print};
use crate::import::figures::{FigureJob, compare};
use crate::sites::Sites;

/// Compare the export of another tool with the figures of this collector, day by day.
#[derive(Debug, Args)]
pub struct CompareCommand {
    /// The export's files, as docs/import.md lists them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Site of the figures.
    #[arg(long)]
    site: String,
    #[command(flatten)]
    config: ConfigFile,
    /// Day of an export without dates, YYYY-MM-DD.
    #[arg(long)]
    day: Option<jiff::civil::Date>,
}

impl CompareCommand {
    /// Prints the comparison; writes nothing.
    ///
    /// # Errors
    /// A file that is not a known export, a database that fails.
    pub async fn run(self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let site = self.config.site(&Sites::new(&config.site)?, &self.site)?;
        let job = FigureJob {
            keep_from: site.retained_from(SystemClock.now(), config.privacy.retention_months),
            files: self.files,
            site,
            day: self.day,
            protection: config.privacy.protection,
        };
        let database = Database::open(&config).await?;
        let compared = compare::run(&job, &database.store).await;
        database.close().await;
        print(compared?.to_string().trim_end())
    }
}
