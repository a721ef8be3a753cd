//! One look at everything that may be due: reports of weeks and months that are over and published, then alerts. Notes
//! each delivery before and after it is handed over.

use std::collections::HashMap;
use std::io;

use hyper::Uri;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::config::{MailAlertConfig, MailConfig, MailReportConfig, Protection, ReportSchedule};
use crate::mail::alert_letter::AlertLetter;
use crate::mail::alerts::{AlertKind, AlertWindow};
use crate::mail::context::MailContext;
use crate::mail::deliveries::{AlertRecord, AttemptEnd, Deliveries, RaisedAlert};
use crate::mail::figures::SiteFigures;
use crate::mail::letter::{Letter, ReportLetter, lang_of};
use crate::mail::periods::ReportPeriod;
use crate::mail::smtp::{MailError, OutgoingMail, SmtpSender};
use crate::mail::subscriptions::{MailList, Subscription};
use crate::observe::MailOutcome;
use crate::release::calendar::closes_at;
use crate::sites::Site;
use crate::store::StoreError;
use crate::store::report::RATE_BASE_MIN;
use crate::store::reports::ReportError;

/// An alert older than this is not sent any more.
const ALERT_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// From one alert until the same may be raised again.
const ALERT_QUIET: SignedDuration = SignedDuration::from_hours(6);

/// Why a round broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    /// A file of ours cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// Figures cannot be read.
    #[error("{0}")]
    Figures(#[from] ReportError),
    /// The published periods could not be read from the database.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// State of the mail server in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerState {
    NotAsked,
    Reached,
    Away,
}

/// One check of all reports and alerts for due deliveries.
pub(super) struct MailRound<'r> {
    context: &'r MailContext,
    deliveries: &'r mut Deliveries,
    shutdown: &'r CancellationToken,
    now: Timestamp,
    server: ServerState,
    /// Whether everything until a moment is published.
    published: HashMap<Timestamp, bool>,
}

/// Placeholder for an alert's webhook among its recipients: the name of a file, not an address.
pub(super) fn webhook_recipient(rules: &MailAlertConfig) -> &str {
    &rules.webhook_file
}

impl<'r> MailRound<'r> {
    /// A round at `now`.
    pub(super) fn new(
        context: &'r MailContext,
        deliveries: &'r mut Deliveries,
        shutdown: &'r CancellationToken,
        now: Timestamp,
    ) -> Self {
        Self { context, deliveries, shutdown, now, server: ServerState::NotAsked, published: HashMap::new() }
    }

    /// Sends everything that is due.
    ///
    /// # Errors
    /// See [`RoundError`]; earlier deliveries of the round are recorded.
    pub(super) async fn run(mut self) -> Result<(), RoundError> {
        let config = &self.context.options.config;
        for report in &config.mail.report {
            for name in MailConfig::sites_of(&report.sites, &config.site) {
                let Some(site) = self.context.options.sites.find(name) else { continue };
                for schedule in &report.schedule {
                    self.report(report, site, *schedule).await?;
                }
            }
        }
        for (rules, webhook) in config.mail.alert.iter().zip(&self.context.webhooks) {
            for name in MailConfig::sites_of(&rules.sites, &config.site) {
                let Some(site) = self.context.options.sites.find(name) else { continue };
                for kind in AlertKind::ALL {
                    self.alert(rules, webhook.as_ref(), site, kind).await?;
                }
            }
        }
        Ok(())
    }

    async fn report(
        &mut self,
        report: &MailReportConfig,
        site: &Site,
        schedule: ReportSchedule,
    ) -> Result<(), RoundError> {
        let mail = &self.context.options.config.mail;
        let period = ReportPeriod::last_due(schedule, self.now, &site.timezone, mail.hour);
        let of = period.name();
        let due = self.due(MailList::Reports, period.word(), &of, site, &report.recipients)?;
        let published_at = closes_at(period.to, std::slice::from_ref(&site.timezone));
        if due.is_empty() || !self.is_published(published_at).await? {
            return Ok(());
        }
        let figures = self.figures(site).period(period).await?;
        for (name, subscription) in due {
            if figures.now.pageviews.unwrap_or(0) == 0 && !self.deliveries.knows(&name) {
                self.deliveries.pass(&name, &of)?;
                continue;
            }
            let unsubscribe = self.unsubscribe_link(subscription);
            let letter = ReportLetter {
                site: &site.name,
                period,
                figures: &figures,
                tens: self.context.options.config.privacy.protection == Protection::Tens,
                console_url: &mail.console_url,
                unsubscribe: &unsubscribe,
                lang: lang_of(subscription.language),
            };
            self.mail(&name, &of, subscription, &letter.letter()).await?;
        }
        Ok(())
    }

    async fn alert(
        &mut self,
        rules: &MailAlertConfig,
        webhook: Option<&Uri>,
        site: &Site,
        kind: AlertKind,
    ) -> Result<(), RoundError> {
        let Some(window) = kind.window(rules, self.now, &self.figures(site)) else { return Ok(()) };
        let matter = kind.name(rules, &site.name);
        let record = self.judged(rules, site, kind, window, &matter).await?;
        let Some(raised) = record.raised.filter(|raised| self.is_fresh(raised.at, ALERT_AGE_MAX)) else {
            return Ok(());
        };
        let hours = match window {
            AlertWindow::Hours(_, hours) => hours,
            AlertWindow::Day(_) => 24,
        };
        let lang = lang_of(rules.language);
        let letter = AlertLetter { site: &site.name, kind, raised: &raised, hours, lang };
        if let Some(url) = webhook {
            self.post(url, &matter, webhook_recipient(rules), &letter).await?;
        }
        let console_url = &self.context.options.config.mail.console_url;
        for (name, subscription) in self.due(MailList::Alerts, &matter, &raised.period, site, &rules.recipients)? {
            let mail = letter.letter(console_url, &self.unsubscribe_link(subscription));
            self.mail(&name, &raised.period, subscription, &mail).await?;
        }
        Ok(())
    }

    /// State of an alert after its last hour or day, which is judged once.
    async fn judged(
        &mut self,
        rules: &MailAlertConfig,
        site: &Site,
        kind: AlertKind,
        window: AlertWindow,
        matter: &str,
    ) -> Result<AlertRecord, RoundError> {
        let mut record = self.deliveries.alert(matter);
        let figures = self.figures(site);
        let period = window.name(&figures);
        if record.last_period == period || !self.is_published(window.published_at(&figures)).await? {
            return Ok(record);
        }
        let finding = kind.judge(rules, window, &figures).await?;
        record.last_period.clone_from(&period);
        if !finding.holds {
            record.raised = None;
        } else if record.raised.is_none() && !self.is_fresh(record.last, ALERT_QUIET) {
            record.last = self.now.as_second();
            let (figure, usual) = (finding.figure, finding.usual);
            record.raised = Some(RaisedAlert { period, at: record.last, figure, usual });
        }
        self.deliveries.set_alert(matter, record.clone())?;
        Ok(record)
    }

    /// Those of `recipients` who are to get `of` now, each with the name of its deliveries.
    fn due(
        &self,
        list: MailList,
        matter: &str,
        of: &str,
        site: &Site,
        recipients: &[String],
    ) -> Result<Vec<(String, &'r Subscription)>, RoundError> {
        let subscriptions = &self.context.options.subscriptions;
        let mut due = Vec::new();
        for subscription in subscriptions.iter().filter(|one| one.list == list && one.site == *site.name) {
            let named = recipients.iter().any(|written| written.eq_ignore_ascii_case(&subscription.recipient));
            let name = subscriptions.delivery_name(matter, &site.name, &subscription.recipient);
            if named && self.deliveries.is_due(&name, of, self.now) && subscriptions.is_active(subscription)? {
                due.push((name, subscription));
            }
        }
        Ok(due)
    }

    /// Hands over one mail; one that is not taken waits or is given up.
    async fn mail(
        &mut self,
        name: &str,
        of: &str,
        subscription: &Subscription,
        letter: &Letter,
    ) -> Result<(), RoundError> {
        let Some(smtp) = &self.context.smtp else { return Ok(()) };
        if self.shutdown.is_cancelled() || !self.is_reached(smtp, name, of).await? {
            return Ok(());
        }
        self.deliveries.begin(name, of)?;
        let id = self.context.options.subscriptions.delivery_name(of, name, &subscription.recipient);
        let link = self.unsubscribe_link(subscription);
        let (to, unsubscribe) = (subscription.recipient.as_str(), Some(link.as_str()));
        let sent = smtp.send(&OutgoingMail { to, letter, unsubscribe, id: &id, now: self.now }).await;
        if sent.is_err_and(MailError::is_of_server) {
            self.server = ServerState::Away;
        }
        let end = match sent {
            Ok(()) => AttemptEnd::Sent,
            Err(MailError::Rejected(_) | MailError::Malformed) => AttemptEnd::Rejected,
            Err(MailError::Unreachable | MailError::Tls | MailError::Certificate(_) | MailError::Later(_)) => {
                AttemptEnd::Failed
            }
        };
        let list = subscription.list.word();
        match (self.deliveries.end(name, of, end, self.now)?, sent) {
            (_, Ok(())) => tracing::info!(list, "mail: sent"),
            (true, Err(error)) => tracing::warn!(list, %error, "mail: not sent; retrying later"),
            (false, Err(error)) => tracing::error!(list, %error, "mail: not sent; abandoned"),
        }
        self.count(end);
        Ok(())
    }

    /// Whether the server answers; asked once a round. A delivery that finds it away has had an attempt.
    async fn is_reached(&mut self, smtp: &SmtpSender, name: &str, of: &str) -> Result<bool, RoundError> {
        if self.server == ServerState::NotAsked {
            self.server = match smtp.reach().await {
                Ok(()) => ServerState::Reached,
                Err(error) => {
                    tracing::warn!(%error, "mail: server unavailable; retrying later");
                    self.deliveries.miss(name, of, self.now)?;
                    self.count(AttemptEnd::Failed);
                    ServerState::Away
                }
            };
        }
        Ok(self.server == ServerState::Reached)
    }

    async fn post(
        &mut self,
        url: &Uri,
        matter: &str,
        recipient: &str,
        letter: &AlertLetter<'_>,
    ) -> Result<(), RoundError> {
        let of = &letter.raised.period;
        let name = self.context.options.subscriptions.delivery_name(matter, letter.site, recipient);
        if self.shutdown.is_cancelled() || !self.deliveries.is_due(&name, of, self.now) {
            return Ok(());
        }
        self.deliveries.begin(&name, of)?;
        let posted = self.context.webhook.post(url, &letter.content()).await;
        let end = if posted.is_ok() { AttemptEnd::Sent } else { AttemptEnd::Failed };
        match (self.deliveries.end(&name, of, end, self.now)?, posted) {
            (_, Ok(())) => tracing::info!("mail: webhook called"),
            (true, Err(error)) => tracing::warn!(%error, "mail: webhook call failed; retrying later"),
            (false, Err(error)) => tracing::error!(%error, "mail: webhook call failed; abandoned"),
        }
        self.count(end);
        Ok(())
    }

    /// Whether everything until `until` is shipped and published.
    async fn is_published(&mut self, until: Timestamp) -> Result<bool, RoundError> {
        if let Some(known) = self.published.get(&until) {
            return Ok(*known);
        }
        let options = &self.context.options;
        let waiting = i64::try_from(options.ledger.spool().oldest_seconds(self.now)).unwrap_or(i64::MAX);
        let shipped = self.now.as_second().saturating_sub(waiting) >= until.as_second();
        let published = shipped && options.releaser.has_released(until, self.now).await?;
        self.published.insert(until, published);
        Ok(published)
    }

    fn figures<'s>(&self, site: &'s Site) -> SiteFigures<'s>
    where
        'r: 's,
    {
        let options = &self.context.options;
        let tens = options.config.privacy.protection == Protection::Tens;
        SiteFigures { reports: &options.reports, site, rate_base_min: if tens { RATE_BASE_MIN } else { 1 } }
    }

    fn unsubscribe_link(&self, subscription: &Subscription) -> String {
        let options = &self.context.options;
        let console = options.config.mail.console_url.trim_end_matches('/');
        format!("{console}/unsubscribe?key={}", options.subscriptions.link_key(subscription))
    }

    fn is_fresh(&self, at: i64, age_max: SignedDuration) -> bool {
        self.now.as_second().saturating_sub(at) < age_max.as_secs()
    }

    fn count(&self, end: AttemptEnd) {
        self.context.options.meters.mail.ended(match end {
            AttemptEnd::Sent => MailOutcome::Sent,
            AttemptEnd::Failed => MailOutcome::Failed,
            AttemptEnd::Rejected => MailOutcome::Rejected,
        });
    }
}
