//! `sillage doctor`: visits a site's page as a browser would, sends a hit, and reports problems on the way.

use std::process::ExitCode;

use url::Url;

use crate::clock::{Clock as _, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::doctor::{DoctorFinding, DoctorVisit};
use crate::http::client::HttpClient;
use crate::sites::Sites;

/// Visit a site's public address as a browser would, send a test hit, and report problems on the way; exits 1 if there
/// are any.
///
/// The page's tag and policy, the script, the proxy's address header, the clock and the hit are checked. The address
/// header is checked on the collector's machine alone, by a key that the running collector writes into `runtime.dir`.
#[derive(Debug, clap::Args)]
pub struct DoctorCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Public address of a page of the site, as visitors' browsers see it, such as https://shop.example
    #[arg(long, value_name = "URL")]
    url: Url,
    /// Name of the site; by default the one that the page's tag names, else the page's host.
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
}

impl DoctorCommand {
    /// Prints the findings; exits 1 if one is a problem.
    ///
    /// # Errors
    /// When the configuration cannot be read or the address is not one of HTTP.
    pub async fn run(&self) -> Result<ExitCode, CommandError> {
        if !matches!(self.url.scheme(), "http" | "https") {
            return Err("--url: write an address such as https://shop.example".into());
        }
        let config = self.config.load()?;
        let sites = Sites::new(&config.site)?;
        let visit = DoctorVisit { config: &config, sites, client: HttpClient::new(), site: self.site.as_deref() };
        let findings = visit.findings(self.url.clone(), SystemClock.now()).await;
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        print(&lines.join("\n"))?;
        let is_healthy = !findings.iter().any(DoctorFinding::is_problem);
        Ok(if is_healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
