//! `sillage notice`: writes the privacy notices.

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::compliance::notice::{self, ConfigFacts, Lang, NoticeAudience, NoticeFormat};
use crate::sites::Sites;

/// Write the privacy notices: paragraph for a privacy policy, record of processing, self-assessment.
#[derive(Debug, clap::Args)]
pub struct NoticeCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Language of the notices.
    #[arg(long, value_enum)]
    lang: Lang,
    /// Format of the notices.
    #[arg(long, value_enum, default_value = "markdown")]
    format: NoticeFormat,
    /// Reader of the notice.
    #[arg(long = "for", value_enum, value_name = "READER", default_value = "controller")]
    audience: NoticeAudience,
    /// One site instead of all: for a collector that serves several publishers.
    #[arg(long)]
    site: Option<String>,
}

impl NoticeCommand {
    /// Prints the notices.
    ///
    /// # Errors
    /// A mistake in the configuration, or a site that it does not have.
    pub fn run(&self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let sites = Sites::new(&config.site)?;
        let chosen = match &self.site {
            None => sites.iter().cloned().collect(),
            Some(name) => vec![self.config.site(&sites, name)?],
        };
        let facts = ConfigFacts::new(&config, SystemClock.now()).of(chosen.iter().map(AsRef::as_ref));
        let document = match self.audience {
            NoticeAudience::Controller => notice::notice(&facts),
            NoticeAudience::Publishers => notice::for_publishers(&facts),
        };
        print(&notice::written(&document, self.lang, self.format))
    }
}
