//! Rules for the values of `[mail]`. An error must name the key and a valid value.

use std::net::IpAddr;

use lettre::Address;
use lettre::message::Mailbox;
use url::Url;

use crate::config::{ConfigError, MailAlertConfig, MailConfig, MailSecurity, SiteConfig};

impl MailConfig {
    /// Whether any mail may be sent.
    pub fn sends_mail(&self) -> bool {
        !self.host.is_empty()
    }

    /// Whether published figures leave by mail or webhook.
    pub fn is_used(&self) -> bool {
        !self.report.is_empty() || !self.alert.is_empty()
    }

    /// The sites of `names`, which may be `"*"`.
    pub fn sites_of<'s>(names: &'s [String], sites: &'s [SiteConfig]) -> impl Iterator<Item = &'s str> {
        let all = names.iter().any(|name| name == "*");
        let named = move |site: &&SiteConfig| all || names.contains(&site.name);
        sites.iter().filter(named).map(|site| site.name.as_str())
    }

    /// Checks values that are well-formed one by one; names the first that is not allowed.
    pub(super) fn check(&self, sites: &[SiteConfig]) -> Result<(), ConfigError> {
        require((0..=23).contains(&self.hour), "mail.hour", || format!("{} is not an hour; write 0 to 23", self.hour))?;
        require(self.user.is_empty() == self.password_file.is_empty(), "mail.password_file", || {
            "write both mail.user and mail.password_file, or neither".into()
        })?;
        let mails = !self.report.is_empty() || self.alert.iter().any(|alert| !alert.recipients.is_empty());
        require(!mails || self.sends_mail(), "mail.host", || "write the name of an SMTP server".into())?;
        if self.sends_mail() {
            require(self.from.parse::<Mailbox>().is_ok(), "mail.from", || {
                "write a sender, such as Sillage <stats@example.org>".into()
            })?;
            require(self.security != MailSecurity::None || is_loopback(&self.host), "mail.security", || {
                "\"none\" is only for a server on this machine; write \"starttls\" or \"tls\"".into()
            })?;
        }
        if mails {
            check_console_url(&self.console_url)?;
        }
        for report in &self.report {
            check_sites("mail.report.sites", &report.sites, sites)?;
            check_recipients("mail.report.recipients", &report.recipients)?;
            require(!report.recipients.is_empty(), "mail.report.recipients", || "write a mail address".into())?;
            require(!report.schedule.is_empty(), "mail.report.schedule", || "write \"weekly\" or \"monthly\"".into())?;
        }
        self.alert.iter().try_for_each(|alert| alert.check(sites))
    }
}

impl MailAlertConfig {
    fn check(&self, sites: &[SiteConfig]) -> Result<(), ConfigError> {
        check_sites("mail.alert.sites", &self.sites, sites)?;
        check_recipients("mail.alert.recipients", &self.recipients)?;
        require(!self.recipients.is_empty() || !self.webhook_file.is_empty(), "mail.alert.recipients", || {
            "write a mail address, or mail.alert.webhook_file".into()
        })?;
        let ranges = [
            ("mail.alert.spike_percent", self.spike_percent, 110, 100_000),
            ("mail.alert.drop_percent", self.drop_percent, 1, 90),
            ("mail.alert.no_traffic_hours", self.no_traffic_hours, 1, 168),
        ];
        for (key, value, least, most) in ranges {
            let why = || format!("{value} is out of range; write {least} to {most}, or 0 for none");
            require(value == 0 || (least..=most).contains(&value), key, why)?;
        }
        require(self.least >= 20, "mail.alert.least", || {
            "write 20 or more: smaller figures are not published in tens".into()
        })
    }
}

/// Mails link to it, and mail programs post to it.
fn check_console_url(written: &str) -> Result<(), ConfigError> {
    let why = || "write the URL of the console for recipients, such as https://stats.example.org".to_owned();
    let Ok(url) = Url::parse(written) else { return require(false, "mail.console_url", why) };
    let local = url.scheme() == "http" && url.host_str().is_some_and(is_loopback);
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    require((url.scheme() == "https" || local) && bare, "mail.console_url", why)
}

fn check_sites(key: &str, named: &[String], sites: &[SiteConfig]) -> Result<(), ConfigError> {
    require(!named.is_empty(), key, || "write the name of a site, or \"*\"".into())?;
    let unknown = named.iter().find(|name| *name != "*" && !sites.iter().any(|site| site.name == **name));
    unknown.map_or(Ok(()), |name| require(false, key, || format!("`{name}` is not a [[site]]")))
}

fn check_recipients(key: &str, written: &[String]) -> Result<(), ConfigError> {
    let wrong = written.iter().find(|recipient| recipient.parse::<Address>().is_err());
    wrong.map_or(Ok(()), |recipient| require(false, key, || format!("`{recipient}` is not a mail address")))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn require(holds: bool, key: &str, why: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::Value { key: key.into(), why: why() }) }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const SERVER: &str = "host = \"mail.example\"\nfrom = \"Sillage <stats@example.org>\"\n\
                          console_url = \"https://stats.example.org\"\n";
    const REPORT: &str =
        "[[mail.report]]\nsites = [\"*\"]\nrecipients = [\"anna@example.org\"]\nschedule = [\"weekly\"]\n";

    fn read(mail: &str) -> Result<Config, String> {
        let text = format!("site = [{{ name = \"shop.example\" }}]\n[mail]\n{mail}");
        Config::from_toml(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_report_needs_a_server_a_sender_and_a_way_to_unsubscribe() {
        assert!(read(&format!("{SERVER}{REPORT}")).is_ok());
        for left_out in ["host", "from", "console_url"] {
            let server: String =
                SERVER.lines().filter(|line| !line.starts_with(left_out)).collect::<Vec<_>>().join("\n");
            let refusal = read(&format!("{server}\n{REPORT}")).unwrap_err();
            assert!(refusal.contains(&format!("mail.{left_out}")), "{left_out}: {refusal}");
        }
    }

    #[test]
    fn mistakes_of_mail_name_their_key() {
        for (wrong, key) in [
            (SERVER.replace("host", "security = \"none\"\nhost"), "mail.security"),
            (SERVER.replace("https", "http"), "mail.console_url"),
            (format!("user = \"u\"\n{SERVER}"), "mail.password_file"),
            (format!("hour = 24\n{SERVER}"), "mail.hour"),
        ] {
            let refusal = read(&format!("{wrong}{REPORT}")).unwrap_err();
            assert!(refusal.contains(key), "{key}: {refusal}");
        }
        for (report, key) in [
            (REPORT.replace("anna@", "anna"), "mail.report.recipients"),
            (REPORT.replace("\"*\"", "\"other.example\""), "mail.report.sites"),
            (REPORT.replace("\"weekly\"", ""), "mail.report.schedule"),
            (REPORT.replace("weekly", "daily"), "schedule"),
            ("[[mail.alert]]\nsites = [\"*\"]\n".into(), "mail.alert.recipients"),
            ("[[mail.alert]]\nsites = [\"*\"]\nwebhook_file = \"hook\"\nleast = 3\n".into(), "mail.alert.least"),
            ("[[mail.alert]]\nsites = [\"*\"]\nwebhook_file = \"hook\"\nspike_percent = 50\n".into(), "spike_percent"),
        ] {
            let refusal = read(&format!("{SERVER}{report}")).unwrap_err();
            assert!(refusal.contains(key), "{key}: {refusal}");
        }
    }

    #[test]
    fn a_webhook_alone_needs_no_mail_server() {
        assert!(read("[[mail.alert]]\nsites = [\"shop.example\"]\nwebhook_file = \"hook\"\n").is_ok());
    }
}
