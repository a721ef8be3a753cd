//! Reports and alerts by mail and webhook, from published figures alone. An address stands in the configuration and in
//! the mail, and must never reach a log, a metric, the database or a file of ours. A server that is away harms nothing:
//! mails wait, hits and figures go on.

mod alert_letter;
mod alerts;
mod context;
mod deliveries;
mod figures;
mod letter;
mod periods;
mod round;
mod smtp;
mod subscriptions;
mod webhook;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use self::context::MailerOptions;
pub use self::letter::Letter;
pub use self::smtp::{MailError, MailSetupError, OutgoingMail, SmtpSender};
pub use self::subscriptions::{MailList, Subscription, Subscriptions};
use crate::clock::monotonic_now;
use crate::config::{Config, MailConfig, MailLanguage};
use crate::mail::context::MailContext;
use crate::mail::deliveries::Deliveries;
use crate::mail::round::{MailRound, RoundError};

/// Interval between checks for due reports and alerts.
const EVERY: Duration = Duration::from_secs(60);

/// Sends due reports and alerts, each once.
pub struct Mailer {
    context: MailContext,
    /// Held for a whole round.
    deliveries: Mutex<Deliveries>,
}

impl Mailer {
    /// Reads secrets and the list of earlier deliveries.
    ///
    /// # Errors
    /// A file that cannot be read, or a value that is not understood.
    pub fn open(options: MailerOptions) -> Result<Self, MailSetupError> {
        let file = options.subscriptions.folder().join("deliveries.json");
        let failed = |error| MailSetupError::File { key: "spool.dir", file: file.display().to_string(), error };
        let mut deliveries = Deliveries::open(file.clone()).map_err(failed)?;
        let (recipients, alerts) = names(&options);
        deliveries.keep(&recipients, &alerts);
        Ok(Self { context: MailContext::open(options)?, deliveries: Mutex::new(deliveries) })
    }

    /// Sends due mails, checked once a minute, until `shutdown`; a delivery in progress ends first.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval_at(monotonic_now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.send_due(&shutdown).await;
        }
    }

    /// Sends everything that is due now; breaks off between two deliveries on `shutdown`.
    pub async fn send_due(&self, shutdown: &CancellationToken) {
        let mut deliveries = self.deliveries.lock().await;
        let ended =
            MailRound::new(&self.context, &mut deliveries, shutdown, self.context.options.clock.now()).run().await;
        match ended {
            Ok(()) => {}
            Err(RoundError::File(error)) => tracing::error!(%error, "mail: deliveries not recorded; sending paused"),
            Err(RoundError::Figures(error)) => tracing::warn!(%error, "mail: reading figures failed; retrying in a \
                                                                       minute"),
            Err(RoundError::Store(error)) => tracing::warn!(%error, "mail: reading figures failed; retrying in a \
                                                                     minute"),
        }
    }
}

/// Whether everything that `[mail]` names can be used.
///
/// # Errors
/// As [`Mailer::open`]; the server is not asked.
pub fn check(config: &MailConfig) -> Result<(), MailSetupError> {
    context::ways_out(config).map(|_| ())
}

/// The letter of `sillage mail test`.
pub fn test_letter(language: MailLanguage) -> Letter {
    letter::test(letter::lang_of(language))
}

/// Subscriptions and mailer of a configuration that has any; none otherwise.
///
/// # Errors
/// As [`Subscriptions::open`].
pub fn subscriptions(config: &Config) -> Result<Option<Arc<Subscriptions>>, MailSetupError> {
    if !config.mail.is_used() {
        return Ok(None);
    }
    let failed = |error: io::Error| {
        let file = config.spool.dir.join("mail").display().to_string();
        MailSetupError::File { key: "spool.dir", file, error }
    };
    Ok(Some(Arc::new(Subscriptions::open(config).map_err(failed)?)))
}

/// Every name that the file of deliveries may hold: of recipients, and of alerts.
fn names(options: &MailerOptions) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut recipients, mut alerts) = (BTreeSet::new(), BTreeSet::new());
    let config = &options.config;
    for report in &config.mail.report {
        for site in MailConfig::sites_of(&report.sites, &config.site) {
            for (recipient, schedule) in
                report.recipients.iter().flat_map(|one| report.schedule.iter().map(move |of| (one, of)))
            {
                recipients.insert(options.subscriptions.delivery_name(periods::word(*schedule), site, recipient));
            }
        }
    }
    for rules in &config.mail.alert {
        for site in MailConfig::sites_of(&rules.sites, &config.site) {
            for kind in alerts::AlertKind::ALL {
                let name = kind.name(rules, site);
                let channels = rules.recipients.iter().map(String::as_str).chain([round::webhook_recipient(rules)]);
                recipients.extend(channels.map(|to| options.subscriptions.delivery_name(&name, site, to)));
                alerts.insert(name);
            }
        }
    }
    (recipients, alerts)
}
