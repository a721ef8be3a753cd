//! Checks of well-formed configurations: allowed ranges, and notes on allowed but unlikely settings. Must name the key
//! and the remedy.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::config::{
    ClickHouseConfig, CollectConfig, Config, ConfigError, ConsoleConfig, MarketingPolicy, Replication, SiteConfig,
    TlsConfig,
};

/// Longest path of a Unix socket; the system has room for one byte more, which ends it.
const UNIX_PATH_BYTES_MAX: usize = 107;

impl Config {
    /// Checks each value's range; the error names the first key that is out of range.
    pub(super) fn checked(self) -> Result<Self, ConfigError> {
        let (collect, privacy, limits) = (&self.collect, &self.privacy, &self.limits);
        let ranges = [
            // The exemption allows at most 25 months.
            ("privacy.retention_months", u64::from(privacy.retention_months), 1, 25),
            ("backup.keep_days", u64::from(self.backup.keep_days), 1, u64::from(privacy.retention_months) * 30),
            ("spool.flush_seconds", self.spool.flush_seconds, 1, 3_600),
            ("spool.max_bytes", self.spool.max_bytes, 65_536, 1 << 50),
            ("collect.max_body_bytes", collect.max_body_bytes as u64, 256, 1 << 20),
            ("collect.max_header_bytes", collect.max_header_bytes as u64, 8_192, 1 << 20),
            ("collect.max_connections", collect.max_connections as u64, 1, 1_000_000),
            ("collect.idle_seconds", collect.idle_seconds, 1, 3_600),
            ("collect.request_seconds", collect.request_seconds, 1, 3_600),
            ("collect.drain_seconds", collect.drain_seconds, 0, 3_600),
            ("collect.drain_notice_seconds", collect.drain_notice_seconds, 0, 600),
            ("collect.threads", collect.threads as u64, 0, 1_024),
            ("limits.values_per_dimension", u64::from(limits.values_per_dimension), 1, 60_000),
            ("limits.pages_per_site_day", u64::from(limits.pages_per_site_day), 1, 10_000_000),
            ("limits.rows_per_site_day", u64::from(limits.rows_per_site_day), 1, 100_000_000),
            ("limits.visits", limits.visits as u64, 1, 100_000_000),
            ("limits.tags", limits.tags as u64, 1, 1_000_000_000),
            ("limits.hits_per_address", u64::from(limits.hits_per_address), 0, 1_000_000_000),
            ("limits.agents_per_network", u64::from(limits.agents_per_network), 0, 1_000_000_000),
            ("limits.agents_cached", limits.agents_cached as u64, 1, 1_000_000),
        ];
        for (key, value, least, most) in ranges {
            let why = || format!("{value} is out of range; write {least} to {most}");
            require((least..=most).contains(&value), key, why)?;
        }
        require(is_identifier(&self.clickhouse.database), "clickhouse.database", || {
            "write letters, digits and underscores".into()
        })?;
        require(is_cluster_complete(&self.clickhouse), "clickhouse.replication", || {
            "\"distributed\" needs clickhouse.cluster, and every node of it in clickhouse.urls".into()
        })?;
        let reader = &self.clickhouse.reader;
        require(
            reader.is_empty() || (is_identifier(reader) && *reader != self.clickhouse.user),
            "clickhouse.reader",
            || "write the name of a user other than clickhouse.user: letters, digits and underscores".into(),
        )?;
        check_listeners(collect, &self.console)?;
        let secret = collect.trusted_header_secret.len();
        require(secret == 0 || secret >= 16, "collect.trusted_header_secret", || {
            "write at least 16 random characters".into()
        })?;
        require(collect.tracker_path.starts_with('/'), "collect.tracker_path", || {
            "write a path, such as /js/sillage.js".into()
        })?;
        self.site.iter().try_for_each(check_site_view)?;
        self.mail.check(&self.site)?;
        let tokens = self.console.tokens.iter().map(|token| ("console.tokens.sha256", token));
        let server_tokens = collect.server_tokens.iter().map(|token| ("collect.server_tokens.sha256", token));
        for (key, token) in tokens.chain(server_tokens) {
            let digits = token.sha256.len() == 64 && token.sha256.bytes().all(|b| b.is_ascii_hexdigit());
            let why = || "write the 64 hexadecimal digits that `sillage token new` prints".into();
            require(digits, key, why)?;
        }
        Ok(self)
    }

    /// Notes on settings that are allowed but probably unintended.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |holds: bool, text: &str| {
            if holds {
                notes.push(text.to_owned())
            }
        };
        note(self.site.is_empty(), "no [[site]]: every hit will be dropped as unknown_site");
        note(
            self.console.tokens.is_empty(),
            "no console.tokens: figures cannot be read (`sillage token new` creates a token)",
        );
        let is_trusted = |address: IpAddr| self.collect.trusted_proxies.iter().any(|net| net.contains(&address));
        note(
            !self.collect.unix_socket.as_os_str().is_empty() && !is_trusted(Ipv4Addr::LOCALHOST.into()),
            "collect.unix_socket: 127.0.0.1 is not in collect.trusted_proxies; all hits of the socket count for that \
             address",
        );
        let replication = (!self.clickhouse.cluster.is_empty()).then_some(self.clickhouse.replication);
        note(
            replication == Some(Replication::Keeper),
            "clickhouse.replication = \"keeper\": an insert waits for most replicas of its shard (insert_quorum = \
             auto), and tables remember its token for a year; give each node the macros shard and replica. Untried on \
             replicated servers",
        );
        note(
            replication == Some(Replication::Distributed),
            "clickhouse.replication = \"distributed\": an insert waits for every replica of its shard; while one is \
             away, the shard's rows wait in the spool",
        );
        note(self.geo.databases.is_empty(), "no geo.databases: countries and cities are unknown");
        note(
            self.privacy.marketing == MarketingPolicy::Always,
            "privacy.marketing = \"always\": channels and campaigns are measured without consent, outside the exemption",
        );
        let console = url::Url::parse(&self.mail.console_url).ok();
        if let Some(name) = console.as_ref().and_then(url::Url::domain)
            && name != "localhost"
            && !self.console.hosts.iter().any(|host| host.split(':').next() == Some(name))
        {
            notes.push(format!(
                "mail.console_url has the host `{name}`, which is not in console.hosts: the console \
                                rejects these links"
            ));
        }
        let named = |name: &str| name == "*" || self.site.iter().any(|site| site.name == name);
        for token in self.console.tokens.iter().chain(&self.collect.server_tokens) {
            for name in token.sites.iter().filter(|name| !named(name)) {
                notes.push(format!("the token `{}` is for `{name}`, which is not a [[site]]", token.name));
            }
        }
        notes
    }
}

/// Checks the options that both listeners have beyond their addresses.
fn check_listeners(collect: &CollectConfig, console: &ConsoleConfig) -> Result<(), ConfigError> {
    for (prefix, tls, unix_socket) in
        [("collect", &collect.tls, &collect.unix_socket), ("console", &console.tls, &console.unix_socket)]
    {
        check_tls(prefix, tls)?;
        check_unix_socket(prefix, unix_socket)?;
    }
    let same_socket = !collect.unix_socket.as_os_str().is_empty() && collect.unix_socket == console.unix_socket;
    require(!same_socket, "console.unix_socket", || "already used by the public listener; write another path".into())?;
    require(!collect.proxy_protocol || !collect.trusted_proxies.is_empty(), "collect.proxy_protocol", || {
        "no proxy is trusted to send the header; add its address to collect.trusted_proxies".into()
    })
}

/// A certificate needs its key, and a key its certificate.
fn check_tls(section: &str, tls: &TlsConfig) -> Result<(), ConfigError> {
    for (name, file, other) in [("certificate", &tls.certificate, "key"), ("key", &tls.key, "certificate")] {
        require(!tls.is_set() || !file.as_os_str().is_empty(), &format!("{section}.tls.{name}"), || {
            format!("missing while {section}.tls.{other} is set; write the path of a PEM file, or remove both")
        })?;
    }
    Ok(())
}

/// A path that the system takes as the address of a socket.
fn check_unix_socket(section: &str, path: &Path) -> Result<(), ConfigError> {
    let bytes = path.as_os_str().len();
    require(
        bytes == 0 || (path.is_absolute() && bytes <= UNIX_PATH_BYTES_MAX),
        &format!("{section}.unix_socket"),
        || {
            format!(
                "write an absolute path of {UNIX_PATH_BYTES_MAX} bytes at most, such as /run/sillage/{section}.sock"
            )
        },
    )
}

/// Checks a site's display settings; the error names the first value that is not allowed.
fn check_site_view(site: &SiteConfig) -> Result<(), ConfigError> {
    let wrong = |key: &str, why: String| Err(ConfigError::Value { key: key.into(), why });
    for goal in &site.goal {
        if goal.name.is_empty() || goal.action.is_empty() == goal.page.is_empty() {
            return wrong("site.goal", format!("goal `{}`: write a name, and either an action or a page", goal.name));
        }
        if !goal.page.is_empty() && !goal.page.starts_with('/') {
            return wrong("site.goal.page", format!("`{}` is not a path, such as /thanks", goal.page));
        }
    }
    for group in &site.group {
        let paths = &group.paths;
        if group.name.is_empty() || paths.is_empty() || paths.iter().any(|path| !path.starts_with('/')) {
            return wrong("site.group", format!("group `{}`: write a name, and paths such as /blog/", group.name));
        }
    }
    for annotation in &site.annotation {
        if annotation.day.is_none() || !(1..=200).contains(&annotation.text.chars().count()) {
            return wrong("site.annotation", "write a day and a text of 1 to 200 characters".into());
        }
    }
    match site.embed_on.iter().find(|origin| !origin.starts_with("https://") && !origin.starts_with("http://")) {
        Some(origin) => wrong("site.embed_on", format!("`{origin}` is not an origin, such as https://www.example.org")),
        None => Ok(()),
    }
}

fn require(holds: bool, key: &str, why: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::Value { key: key.into(), why: why() }) }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_cluster_complete(clickhouse: &ClickHouseConfig) -> bool {
    clickhouse.replication == Replication::Keeper || (!clickhouse.cluster.is_empty() && !clickhouse.urls.is_empty())
}
