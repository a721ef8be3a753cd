//! `sillage mail`.

use clap::{Args, Subcommand};

use crate::clock::{Clock, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::config::MailLanguage;
use crate::mail::{self, OutgoingMail, SmtpSender};

/// Send a test mail, list recipients, resubscribe a recipient.
#[derive(Debug, Args)]
pub struct MailCommand {
    #[command(subcommand)]
    action: MailAction,
}

#[derive(Debug, Subcommand)]
enum MailAction {
    /// Send a test mail through the configured server.
    Test {
        #[command(flatten)]
        config: ConfigFile,
        /// Mail address of the recipient.
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// Print the recipients of each site, and their unsubscriptions.
    List(ConfigFile),
    /// Resubscribe a recipient who has unsubscribed and asks for mails again.
    Resume {
        #[command(flatten)]
        config: ConfigFile,
        /// Mail address, as in the configuration.
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
    getrandom::fill(&mut id).map_err(|_| "no random bytes from the operating system")?;
    let language = config.mail.report.first().map_or(MailLanguage::En, |report| report.language);
    let (letter, id) = (mail::test_letter(language), format!("{:032x}", u128::from_be_bytes(id)));
    let now = SystemClock.now();
    smtp.send(&OutgoingMail { to, letter: &letter, unsubscribe: None, id: &id, now }).await?;
    print("mail accepted by the mail server")
}

fn list(config: &ConfigFile) -> Result<(), CommandError> {
    let config = config.load()?;
    let Some(subscriptions) = mail::subscriptions(&config)? else {
        return print("no [[mail.report]] and no [[mail.alert]]; mails are not sent");
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
        return Err("this recipient has not unsubscribed; see `sillage mail list`".into());
    }
    print(&format!("{resumed} subscription(s) resumed"))
}
