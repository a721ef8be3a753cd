//! `sillage audit`: checks the privacy rules and writes a report.

use std::process::ExitCode;

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::database::Database;
use crate::commands::terminal::{CommandError, print};
use crate::compliance::audit;
use crate::compliance::audit::page::rules_page;
use crate::compliance::audit::report::ReportFormat;
use crate::compliance::bilingual::Lang;

/// Check every privacy rule and write a report; exits 1 if any fails.
#[derive(Debug, clap::Args)]
pub struct AuditCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Format of the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
    /// Language of the report. The keys of its JSON are English in both.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
    /// Print the documentation of the rules instead of a report.
    #[arg(long)]
    rules: bool,
}

impl AuditCommand {
    /// Prints the report; the exit code is 1 when a rule that a program can check fails.
    ///
    /// # Errors
    /// When the configuration, the database or the machine cannot be read.
    pub async fn run(&self) -> Result<ExitCode, CommandError> {
        if self.rules {
            print(&rules_page())?;
            return Ok(ExitCode::SUCCESS);
        }
        let config = self.config.load()?;
        let database = Database::open(&config).await?;
        let mut gathered = Vec::new();
        for (node, store) in database.store.nodes() {
            gathered.push((node, audit::gather(&config, &store, SystemClock.now()).await));
        }
        database.close().await;
        let mut holds = true;
        for (node, evidence) in gathered {
            let evidence = evidence.map_err(|error| match node.as_str() {
                "" => error.to_string(),
                node => format!("node {node}: {error}"),
            })?;
            let audit = audit::Audit::of(&evidence);
            holds &= audit.not_held().is_empty();
            print(&self.of_node(&node, &audit.report(&evidence, self.format, self.lang)))?;
        }
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// A report, with the node that it is of where there are several. JSON stays one document a line of text.
    fn of_node(&self, node: &str, report: &str) -> String {
        match self.format {
            _ if node.is_empty() => report.to_owned(),
            ReportFormat::Json => format!("{{\"node\": {}, \"report\": {report}}}", serde_json::json!(node)),
            ReportFormat::Text => format!("{} {node}\n\n{report}", self.word_for_node()),
            ReportFormat::Markdown => format!("# {} {node}\n\n{report}", self.word_for_node()),
        }
    }

    fn word_for_node(&self) -> &'static str {
        match self.lang {
            Lang::En => "node",
            Lang::Fr => "nœud",
        }
    }
}
