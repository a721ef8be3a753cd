//! `sillage mail`.

use clap::{Args, Subcommand};

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::config::MailLanguage;
use crate::mail::{self, OutgoingMail, SmtpSender};

/// Send a test mail, list recipients, take back an unsubscription.
#[derive(Debug, Args)]
pub struct MailCommand {
    #[command(subcommand)]
    action: MailAction,
}

#[derive(Debug, Subcommand)]
enum MailAction {
    /// Send a test mail by the configured server.
    Test {
        #[command(flatten)]
        config: ConfigFile,
        /// Mail address that gets it.
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// Print each site's recipients, and who has unsubscribed.
    List(ConfigFile),
    /// Send reports and alerts again to a recipient who has unsubscribed, at their wish.
    Resume {
        #[command(flatten)]
        config: ConfigFile,
        /// Mail address, as the configuration has it.
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
}

impl MailCommand {
    /// Runs the action.
    ///
    /// # Errors
    /// A mistake in the configuration, or a server that does not take the mail.
    pub async fn run(&self) -> Result<(), CommandError> {
        match &self.action {
            MailAction::Test { config, to } => test(config, to).await,
            MailAction::List(config) => list(config),
            MailAction::Resume { config, to } => resume(config, to),
        }
    }
}

async fn test(config: &ConfigFile, to: &str) -> Result<(), CommandError> {
    let config = config.load()?;
    let Some(smtp) = SmtpSender::new(&config.mail)? else {
        return Err("mail.host is empty: write the name of an SMTP server".into());
    };
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| "the operating system gives no random bytes")?;
    let language = config.mail.report.first().map_or(MailLanguage::En, |report| report.language);
    let (letter, id) = (mail::test_letter(language), format!("{:032x}", u128::from_be_bytes(id)));
    let now = SystemClock.now();
    smtp.send(&OutgoingMail { to, letter: &letter, unsubscribe: None, id: &id, now }).await?;
    print("the mail server took the mail")
}

fn list(config: &ConfigFile) -> Result<(), CommandError> {
    let config = config.load()?;
    let Some(subscriptions) = mail::subscriptions(&config)? else {
        return print("no [[mail.report]] and no [[mail.alert]]: no mail is sent");
    };
    let mut lines = Vec::new();
    for one in subscriptions.iter() {
        let state = if subscriptions.is_active(one)? { "active" } else { "unsubscribed" };
        lines.push(format!("{}: {} to {}: {state}", one.site, one.list.word(), one.recipient));
    }
    print(&lines.join("\n"))
}

fn resume(config: &ConfigFile, to: &str) -> Result<(), CommandError> {
    let config = config.load()?;
    let resumed = match mail::subscriptions(&config)? {
        Some(subscriptions) => subscriptions.resume(to)?,
        None => 0,
    };
    if resumed == 0 {
        return Err("no subscription of this recipient was ended; see `sillage mail list`".into());
    }
    print(&format!("{resumed} subscription(s) resumed"))
}
