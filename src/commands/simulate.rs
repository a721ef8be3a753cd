//! `sillage simulate`: writes invented traffic.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use fs_err::File;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::{Clock, SystemClock};
use crate::commands::terminal::CommandError;
use crate::simulate::{self, Traffic, VISITORS_A_DAY_MAX};

/// Write simulated traffic as lines for `import events`, and its exact totals.
#[derive(Debug, clap::Args)]
pub struct SimulateCommand {
    /// Name of the site, and its host.
    #[arg(long)]
    site: String,
    /// Number of days to simulate.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// Last day, YYYY-MM-DD [default: yesterday].
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// IANA time zone of the site.
    #[arg(long, default_value = "UTC")]
    timezone: String,
    /// Visitors per day, on average.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=VISITORS_A_DAY_MAX as i64))]
    visitors_per_day: u32,
    /// Number of distinct pages.
    #[arg(long, default_value_t = 300)]
    pages: usize,
    /// Seed of the random numbers: the same seed gives the same traffic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Add seasons, campaigns by consent, load times, script errors, objections and robots.
    #[arg(long)]
    lively: bool,
    /// File for the exact totals instead of standard error.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
}

impl SimulateCommand {
    /// Writes the lines to standard output and the totals to their file.
    ///
    /// # Errors
    /// An unknown time zone, or an output that cannot be written.
    pub fn run(&self) -> Result<(), CommandError> {
        let timezone = TimeZone::get(&self.timezone)
            .map_err(|_| format!("unknown time zone `{}`; write an IANA name, such as Europe/Paris", self.timezone))?;
        let until = match self.until {
            Some(until) => until,
            None => timezone.to_datetime(SystemClock.now()).date().yesterday()?,
        };
        let traffic = Traffic {
            origin: format!("https://{}", self.site),
            pages: simulate::pages(self.pages),
            uses: simulate::uses(),
            first: until.checked_sub(jiff::Span::new().days(i64::from(self.days) - 1))?,
            days: self.days,
            timezone,
            visitors_per_day: self.visitors_per_day,
            seed: self.seed,
            extras: if self.lively { simulate::TrafficExtras::lively() } else { simulate::TrafficExtras::default() },
        };
        let lines = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
        let truth = serde_json::to_string(&traffic.write(lines)?)?;
        match &self.truth {
            Some(file) => writeln!(File::create(file)?, "{truth}")?,
            None => writeln!(std::io::stderr(), "{truth}")?,
        }
        Ok(())
    }
}
