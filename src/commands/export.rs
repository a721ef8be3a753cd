//! `sillage export`: writes a report to a file.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::File;

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::CommandError;
use crate::console::StorageProfile;
use crate::console::export::{ExportDraft, ExportPlan};
use crate::sites::Sites;
use crate::store::reports::{ReportError, Reports};

/// Write a report to a file, with the same figures as the console.
#[derive(Debug, clap::Args)]
pub struct ExportCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Name of the site.
    #[arg(long)]
    site: String,
    /// pages, breakdowns, actions or timings.
    #[arg(long)]
    report: String,
    /// Dimension of breakdowns, such as visit:country; or property of actions, event:props:….
    #[arg(long)]
    dimension: Option<String>,
    /// First day, YYYY-MM-DD, in the site's time zone.
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<String>,
    /// Last day, YYYY-MM-DD, in the site's time zone.
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<String>,
    /// Named range instead of days, such as 30d.
    #[arg(long, conflicts_with = "from")]
    date_range: Option<String>,
    /// One row for each hour, day, week or month.
    #[arg(long, default_value = "day")]
    grain: String,
    /// csv, jsonl or parquet.
    #[arg(long, default_value = "csv")]
    format: String,
    /// Output file instead of standard output; FILE.dictionary.json beside it describes the columns.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ExportCommand {
    /// Writes the report as the user that may read published tables and nothing else.
    ///
    /// # Errors
    /// A mistake in the request, a database without a reading user or published tables, a file that cannot be written.
    pub async fn run(&self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let sites = Sites::new(&config.site)?;
        let draft = ExportDraft::read(self.parameters())?;
        let site = self.config.site(&sites, &draft.site())?;
        let plan = draft.export(&site, SystemClock.now(), StorageProfile::of(&config.privacy))?;
        let database = Database::open(&config).await?;
        let reports = Reports::new(database.store.clone());
        let written = match (database.store.reader_user(), &self.output) {
            (None, _) => Err("exports read as the user `clickhouse.reader`; set it in the configuration".into()),
            (Some(_), None) => write_rows(&reports, &plan, &mut std::io::stdout().lock()).await,
            (Some(_), Some(file)) => write_file(&reports, &plan, file).await,
        };
        drop(reports);
        database.close().await;
        written
    }

    /// Parameters as `GET /api/export` takes them.
    fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let parameters = [
            ("site", Some(&self.site)),
            ("report", Some(&self.report)),
            ("dimension", self.dimension.as_ref()),
            ("from", self.from.as_ref()),
            ("to", self.to.as_ref()),
            ("date_range", self.date_range.as_ref()),
            ("grain", Some(&self.grain)),
            ("format", Some(&self.format)),
        ];
        parameters.into_iter().filter_map(|(name, value)| Some((Cow::Borrowed(name), Cow::Borrowed(value?.as_str()))))
    }
}

/// Writes `file` and its data dictionary, and removes the file when it cannot be finished: a partial report must not
/// pass for a whole one.
async fn write_file(reports: &Reports, plan: &ExportPlan, file: &Path) -> Result<(), CommandError> {
    let written = write_rows(reports, plan, &mut File::create(file)?).await;
    if written.is_err() {
        fs_err::remove_file(file)?;
        return written;
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(".dictionary.json");
    Ok(fs_err::write(beside, serde_json::to_vec_pretty(&plan.dictionary())?)?)
}

async fn write_rows(reports: &Reports, plan: &ExportPlan, out: &mut impl Write) -> Result<(), CommandError> {
    let started = async {
        plan.check(reports.total(&plan.report).await?)?;
        Ok::<_, CommandError>(reports.export(&plan.report, plan.format).await?)
    };
    let mut rows = started.await.map_err(|error| match error.downcast_ref() {
        Some(ReportError::Refused(_)) => "the database has no published tables: run `sillage migrate` first".into(),
        _ => error,
    })?;
    while let Some(bytes) = std::future::poll_fn(|context| rows.poll_next(context)).await? {
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}
