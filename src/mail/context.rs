//! Inputs of a mailer: configuration, figures, mail server and webhooks. Holds no state of its own.

use std::sync::Arc;

use hyper::Uri;

use crate::clock::Clock;
use crate::config::{Config, MailConfig};
use crate::ledger::Ledger;
use crate::mail::smtp::{MailSetupError, SmtpSender};
use crate::mail::subscriptions::Subscriptions;
use crate::mail::webhook::{WebhookSender, url_in};
use crate::observe::Meters;
use crate::release::Releaser;
use crate::sites::Sites;
use crate::store::reports::Reports;

/// Inputs of a mailer.
pub struct MailerOptions {
    /// The running configuration; the mailer keeps it until a restart.
    pub config: Arc<Config>,
    /// Recipients of reports and alerts, without those who have unsubscribed.
    pub subscriptions: Arc<Subscriptions>,
    /// Configured sites at this moment.
    pub sites: Arc<Sites>,
    /// Source of published figures.
    pub reports: Reports,
    /// Reports which periods are published.
    pub releaser: Arc<Releaser>,
    /// Reports the oldest event that is not shipped yet.
    pub ledger: Arc<Ledger>,
    /// Clock for due times.
    pub clock: Arc<dyn Clock>,
    /// Counters of mails by outcome.
    pub meters: Arc<Meters>,
}

/// The options, with the mail server and the webhooks read from the configuration.
pub(super) struct MailContext {
    pub(super) options: MailerOptions,
    pub(super) smtp: Option<SmtpSender>,
    pub(super) webhook: WebhookSender,
    /// One for each alert of the configuration.
    pub(super) webhooks: Vec<Option<Uri>>,
}

impl MailContext {
    /// Reads passwords and webhook addresses from their files.
    ///
    /// # Errors
    /// A file that cannot be read, or a value that is not valid.
    pub(super) fn open(options: MailerOptions) -> Result<Self, MailSetupError> {
        let (smtp, webhooks) = ways_out(&options.config.mail)?;
        Ok(Self { options, smtp, webhook: WebhookSender::new(), webhooks })
    }
}

/// The mail server and the webhook of each alert.
///
/// # Errors
/// As [`MailContext::open`].
pub(super) fn ways_out(config: &MailConfig) -> Result<(Option<SmtpSender>, Vec<Option<Uri>>), MailSetupError> {
    let url = |file: &str| if file.is_empty() { Ok(None) } else { url_in(file).map(Some) };
    let webhooks: Result<_, _> = config.alert.iter().map(|alert| url(&alert.webhook_file)).collect();
    Ok((SmtpSender::new(config)?, webhooks?))
}
