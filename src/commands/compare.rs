//! `sillage compare`.

use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::commands::database::Database;
use crate::commands::figure_files::FigureFiles;
use crate::commands::terminal::{CommandError, print};
use crate::import::figures::compare;

/// Compare the export of another tool with the figures of this collector, day by day.
#[derive(Debug, Args)]
pub struct CompareCommand {
    #[command(flatten)]
    export: FigureFiles,
}

impl CompareCommand {
    /// Prints the comparison; writes nothing.
    ///
    /// # Errors
    /// A file that is not a known export, a database that fails.
    pub async fn run(self) -> Result<(), CommandError> {
        let (config, site) = self.export.load()?;
        if self.export.files.is_empty() {
            return Err("no files; name those of the export".into());
        }
        let job = self.export.into_job(&config, site, SystemClock.now());
        let database = Database::open(&config).await?;
        let compared = compare::run(&job, &database.store).await;
        database.close().await;
        print(compared?.to_string().trim_end())
    }
}
