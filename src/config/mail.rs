//! `[mail]`: reports and alerts to people whom the operator names. Recipients stand in the configuration and nowhere
//! else; secrets stand in files of their own.

use serde::{Deserialize, Serialize};

/// Section `[mail]`: the server, the sender, reports and alerts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// SMTP server; empty: no mail is sent.
    pub host: String,
    /// Its port: 587 for STARTTLS, 465 for TLS from the first byte.
    pub port: u16,
    /// How the way to it is encrypted.
    pub security: MailSecurity,
    /// User of the server; empty: none.
    pub user: String,
    /// A file that holds the user's password.
    pub password_file: String,
    /// A PEM file with the certificate of a private authority; empty: the public ones.
    pub ca_file: String,
    /// Sender, such as `Sillage <stats@example.org>`.
    pub from: String,
    /// Where recipients reach the console, such as `https://stats.example.org`: links and unsubscribing.
    pub console_url: String,
    /// Hour of the site's day from which reports are sent.
    pub hour: i8,
    /// Entries `[[mail.report]]`.
    pub report: Vec<MailReportConfig>,
    /// Entries `[[mail.alert]]`.
    pub alert: Vec<MailAlertConfig>,
}

/// Entry `[[mail.report]]`: sites, recipients and periods of a report.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailReportConfig {
    /// Names of sites, or `"*"`; a mail of its own for each.
    pub sites: Vec<String>,
    /// Mail addresses; a mail of its own for each.
    pub recipients: Vec<String>,
    /// Reported periods: weeks, months or both.
    pub schedule: Vec<ReportSchedule>,
    /// Language of the mail.
    pub language: MailLanguage,
}

/// Entry `[[mail.alert]]`: sites, recipients and thresholds of alerts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailAlertConfig {
    /// Names of sites, or `"*"`.
    pub sites: Vec<String>,
    /// Mail addresses of the recipients.
    pub recipients: Vec<String>,
    /// A file that holds the URL of a webhook; empty: none.
    pub webhook_file: String,
    /// Language of mail and webhook.
    pub language: MailLanguage,
    /// An hour with this percentage of its usual visitors is a spike; 0 turns the alert off.
    pub spike_percent: u32,
    /// A day with at most this percentage of its usual visitors is a drop; 0 turns the alert off.
    pub drop_percent: u32,
    /// Hours without a pageview, where there usually are some, that raise an alert; 0 turns it off.
    pub no_traffic_hours: u32,
    /// Figures below it raise no alert: chance moves small ones.
    pub least: u32,
}

/// How the way to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// By STARTTLS; a server without it is refused.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all: for a server on this machine.
    None,
}

/// Language of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailLanguage {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

/// Which period a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportSchedule {
    /// A week from Monday to Sunday.
    Weekly,
    /// A calendar month, reported on its successor's first day.
    Monthly,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            security: MailSecurity::Starttls,
            user: String::new(),
            password_file: String::new(),
            ca_file: String::new(),
            from: String::new(),
            console_url: String::new(),
            hour: 7,
            report: Vec::new(),
            alert: Vec::new(),
        }
    }
}

impl Default for MailAlertConfig {
    fn default() -> Self {
        Self {
            sites: Vec::new(),
            recipients: Vec::new(),
            webhook_file: String::new(),
            language: MailLanguage::En,
            spike_percent: 300,
            drop_percent: 50,
            no_traffic_hours: 6,
            least: 100,
        }
    }
}
