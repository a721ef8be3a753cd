//! Inputs of notices and pages: the parts of a running configuration that a visitor or an authority may ask about. Must
//! hold no path, no address and no token; and of sites only those that the reader may know.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::compliance::bilingual::{Bilingual, plain, text};
use crate::config::{Config, EngineMode, HashAddress, MarketingPolicy, PrivacyConfig, config_hash};
use crate::runtime_dir::in_memory;
use crate::sites::Site;

/// Facts about the configuration as a whole.
#[derive(Debug, Clone)]
pub struct ConfigFacts {
    /// Section `[privacy]` of the configuration.
    pub privacy: PrivacyConfig,
    /// Whether location files are configured.
    pub location: bool,
    /// Whether tags and keys of the day may reach a disk (`runtime.allow_disk`).
    pub tags_on_disk: bool,
    /// Whether the database is a remote one.
    pub remote: bool,
    /// Published figures leave by mail or webhook.
    pub mailed: bool,
    /// Whether a token reads every site, though the operator measures for several publishers.
    pub pooled_token: bool,
    /// Seconds between flushes of the spool.
    pub flush_seconds: u64,
    /// URL path of the tracker.
    pub tracker_path: String,
    /// SHA-256 of the configuration, as an audit reports it.
    pub config_hash: String,
    /// Sites that the reader may know.
    pub sites: Vec<SiteFacts>,
    /// Day of the text, in UTC.
    pub today: Date,
}

/// Facts about one site.
#[derive(Debug, Clone, Default)]
pub struct SiteFacts {
    /// Name of the site in the configuration.
    pub name: String,
    /// Hosts of the site, sorted.
    pub hosts: Vec<String>,
    /// Time zone that decides its days.
    pub timezone: String,
    /// Names of query parameters that stay part of a page.
    pub query_names_kept: Vec<String>,
    /// Declared properties of actions, sorted.
    pub properties: Vec<String>,
    /// Query parameter with the search terms; empty when searches are not counted.
    pub search_parameter: String,
    /// Whether script errors are counted.
    pub problems: bool,
}

impl ConfigFacts {
    /// Facts of `config` at `now`, without sites.
    pub fn new(config: &Config, now: Timestamp) -> Self {
        Self {
            privacy: config.privacy.clone(),
            location: !config.geo.databases.is_empty(),
            tags_on_disk: config.runtime.allow_disk && in_memory(&config.runtime.dir) != Some(true),
            remote: config.clickhouse.mode == EngineMode::Remote,
            mailed: config.mail.is_used(),
            pooled_token: !config.privacy.processor.name.trim().is_empty()
                && config.console.tokens.iter().any(|token| token.sites.iter().any(|site| site == "*")),
            flush_seconds: config.spool.flush_seconds,
            tracker_path: config.collect.tracker_path.clone(),
            config_hash: config_hash(config),
            sites: Vec::new(),
            today: day(now),
        }
    }

    /// The same facts with these sites.
    pub fn of<'s>(&self, sites: impl IntoIterator<Item = &'s Site>) -> Self {
        Self { sites: sites.into_iter().map(SiteFacts::from).collect(), ..self.clone() }
    }

    /// The same facts at another time.
    pub fn at(&self, now: Timestamp) -> Self {
        Self { today: day(now), ..self.clone() }
    }

    /// Name of the controller, if configured.
    pub fn controller(&self) -> Option<String> {
        Some(plain(&self.privacy.controller.name)).filter(|name| !name.is_empty())
    }

    /// Contact of the controller, if configured; a link if it is a mail or web address.
    pub fn contact(&self) -> Option<String> {
        linked(&self.privacy.controller.contact)
    }

    /// Contact of the data protection officer, if configured.
    pub fn dpo(&self) -> Option<String> {
        linked(&self.privacy.dpo)
    }

    /// Name and contact of the operator, if the collector measures for other publishers.
    pub fn processor(&self) -> Option<(String, Option<String>)> {
        let name = Some(plain(&self.privacy.processor.name)).filter(|name| !name.is_empty())?;
        Some((name, linked(&self.privacy.processor.contact)))
    }

    /// Whether campaigns are measured for some or all visits.
    pub fn measures_campaigns(&self) -> bool {
        self.privacy.marketing != MarketingPolicy::Never
    }

    /// The part of an address that enters the tag.
    pub fn hashed_address(&self) -> Bilingual {
        match self.privacy.hash_address {
            HashAddress::Full => text!(
                "the address (of an IPv6 address, its first 64 bits)",
                "l'adresse (pour une adresse IPv6, ses 64 premiers bits)"
            ),
            HashAddress::Truncated => text!(
                "the truncated address (24 bits of an IPv4 address, 48 of an IPv6 address)",
                "l'adresse tronquée (24 bits d'une adresse IPv4, 48 d'une adresse IPv6)"
            ),
        }
    }
}

impl From<&Site> for SiteFacts {
    fn from(site: &Site) -> Self {
        let sorted = |names: &hashbrown::HashSet<String>| {
            let mut names: Vec<String> = names.iter().cloned().collect();
            names.sort();
            names
        };
        Self {
            name: site.name.to_string(),
            hosts: site.hosts.sorted(),
            timezone: site.timezone.iana_name().unwrap_or("UTC").to_owned(),
            query_names_kept: site.query_names_kept.clone(),
            properties: sorted(&site.properties),
            search_parameter: site.search_parameter.clone(),
            problems: site.problems,
        }
    }
}

fn day(now: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(now).date()
}

/// A contact; a link if it is a mail or web address.
fn linked(contact: &str) -> Option<String> {
    let contact = Some(plain(contact)).filter(|contact| !contact.is_empty())?;
    let one_word = !contact.contains([' ', '(', ')']);
    Some(if one_word && contact.starts_with("https://") {
        format!("[{contact}]({contact})")
    } else if one_word && contact.contains('@') {
        format!("[{contact}](mailto:{contact})")
    } else {
        contact
    })
}
