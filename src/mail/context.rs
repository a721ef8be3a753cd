//! What a mailer works with: configuration, figures, and the ways out. Holds no state of its own.

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

/// What a mailer works with.
pub struct MailerOptions {
    /// The running configuration; the mailer keeps it until a restart.
    pub config: Arc<Config>,
    /// Who gets what.
    pub subscriptions: Arc<Subscriptions>,
    /// Known sites.
    pub sites: Arc<Sites>,
    /// Where figures come from.
    pub reports: Reports,
    /// Knows what is published.
    pub releaser: Arc<Releaser>,
    /// Knows what is not shipped yet.
    pub ledger: Arc<Ledger>,
    /// Decides what is due.
    pub clock: Arc<dyn Clock>,
    /// Where mails are counted.
    pub meters: Arc<Meters>,
}

/// Options with the ways out, opened.
pub(super) struct MailContext {
    pub(super) options: MailerOptions,
    pub(super) smtp: Option<SmtpSender>,
    pub(super) webhook: WebhookSender,
    /// One for each alert of the configuration.
    pub(super) webhooks: Vec<Option<Uri>>,
}

impl MailContext {
    /// Reads secrets.
    ///
    /// # Errors
    /// A file that cannot be read, or a value that is not understood.
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
