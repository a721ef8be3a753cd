//! Configuration: one TOML file, every key overridable as `SILLAGE_SECTION__KEY`, into a checked [`Config`]. Every
//! limit states the reason for its default. A file with any invalid value is rejected whole.

mod check;
mod cluster;
mod defaults;
mod hash;
mod listener;
mod mail;
mod mail_check;
mod read;
mod site_view;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use self::cluster::Replication;
pub use self::hash::config_hash;
pub use self::listener::TlsConfig;
pub(crate) use self::listener::{PassedSocket, ServiceManager};
pub use self::mail::{MailAlertConfig, MailConfig, MailLanguage, MailReportConfig, MailSecurity, ReportSchedule};
pub use self::read::log_level;
pub(crate) use self::read::{authorities_file, console_token, matomo_token, network, search_path, wants_colour};
pub use self::site_view::{AnnotationConfig, GoalConfig, GroupConfig};

/// Reason why a configuration is rejected.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Unreadable, not TOML, an unknown key or a value of the wrong type.
    #[error("{0}")]
    Read(String),
    /// Well-formed, but not an allowed value.
    #[error("{key}: {why}")]
    Value {
        /// Full name of the key.
        key: String,
        /// The fault, and the remedy.
        why: String,
    },
    /// The file does not exist.
    #[error("{0}: no such file; write one (see sillage.example.toml) or try `sillage serve --demo`")]
    Missing(PathBuf),
}

/// The whole configuration, checked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Settings of the public listener.
    pub collect: CollectConfig,
    /// Settings of the private listener.
    pub console: ConsoleConfig,
    /// Database of the figures.
    pub clickhouse: ClickHouseConfig,
    /// Spool: accepted hits on their way to the database.
    pub spool: SpoolConfig,
    /// Runtime folder: state that a restart needs.
    pub runtime: RuntimeConfig,
    /// Backups of the published tables.
    pub backup: BackupConfig,
    /// Section `[mail]`: reports and alerts.
    pub mail: MailConfig,
    /// Location files for country, region and city.
    pub geo: GeoConfig,
    /// Privacy settings of the instance.
    pub privacy: PrivacyConfig,
    /// Bounds on memory that visitors can make grow.
    pub limits: LimitsConfig,
    /// The sites that are measured.
    pub site: Vec<SiteConfig>,
}

/// `[collect]`: the public listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectConfig {
    /// Address and port of the public listener.
    #[serde(deserialize_with = "read::socket")]
    pub listen: SocketAddr,
    /// A Unix socket beside the address; its peers count as 127.0.0.1. Empty: none.
    pub unix_socket: PathBuf,
    /// The address speaks TLS itself, with HTTP/2 where the client offers it.
    pub tls: TlsConfig,
    /// Connections of trusted proxies begin with a PROXY header of version 2, which names the client.
    pub proxy_protocol: bool,
    /// Networks or addresses of peers with a trusted forwarding header.
    #[serde(deserialize_with = "read::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Forwarding header of trusted proxies, read from the right.
    pub client_address_header: String,
    /// Proxies that send this in `x-sillage-secret` are trusted from any address: for hosting without fixed addresses.
    /// At least 16 characters; empty: off.
    pub trusted_header_secret: String,
    /// Tokens of the sites' own servers, which may say for which client they speak.
    pub server_tokens: Vec<TokenConfig>,
    /// Longest body: an event with 30 properties and a 2 000 byte URL fits twice.
    pub max_body_bytes: usize,
    /// Longest request head: a 2 000 byte query, a long agent and a proxy's headers fit.
    pub max_header_bytes: usize,
    /// Open connections: 32 KiB each once something was sent, 320 MB at most. At the limit, the connections idle for
    /// longest are closed.
    pub max_connections: usize,
    /// Seconds after which a connection without a request in progress is closed: while waiting for the first byte, for
    /// the next request, or for the client to read.
    pub idle_seconds: u64,
    /// Seconds for a request's head, and again for its body, to arrive; ordinary ones come in one packet.
    pub request_seconds: u64,
    /// Seconds that SIGTERM waits for open requests.
    pub drain_seconds: u64,
    /// Seconds that SIGTERM keeps serving, with `/health/ready` at 503, before it stops accepting: the time that a
    /// balancer needs to notice.
    pub drain_notice_seconds: u64,
    /// URL path of the tracker, for sites that rename it.
    pub tracker_path: String,
    /// Threads that serve; 0 means one per core.
    pub threads: usize,
}

/// `[console]`: the private listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address and port of the console's listener.
    #[serde(deserialize_with = "read::socket")]
    pub listen: SocketAddr,
    /// A Unix socket beside the address; its peers count as 127.0.0.1. Empty: none.
    pub unix_socket: PathBuf,
    /// The address speaks TLS itself.
    pub tls: TlsConfig,
    /// Accepted `Host` names besides addresses and `localhost`, such as the name that a proxy passes on.
    pub hosts: Vec<String>,
    /// Bearer tokens and the sites that each may read.
    pub tokens: Vec<TokenConfig>,
}

/// One bearer token, kept as its hash: of a reader of figures, or of a server that sends hits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Name of the token, shown to operators only.
    pub name: String,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub sha256: String,
    /// Names of readable sites; `"*"` for all.
    pub sites: Vec<String>,
    /// Last day of validity, in UTC; without one the token is valid until removed.
    #[serde(default, deserialize_with = "read::date")]
    pub expires: Option<jiff::civil::Date>,
}

/// Operator of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineMode {
    /// Embedded: a child process of the collector.
    Embedded,
    /// Remote: a server that the operator runs.
    Remote,
}

/// `[clickhouse]`: the database of the figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClickHouseConfig {
    /// Embedded engine or remote server.
    pub mode: EngineMode,
    /// Embedded: data folder of the engine.
    pub dir: PathBuf,
    /// Remote: URL of the HTTP interface.
    pub url: String,
    /// Remote: HTTP interfaces of several nodes, used instead of `url`; the first that answers is used, then the next.
    pub urls: Vec<String>,
    /// Remote: name of the writing user.
    pub user: String,
    /// Remote: a file that holds the user's password.
    pub password_file: String,
    /// Remote: user with read access to reports only; empty: the writing user reads them too.
    pub reader: String,
    /// Remote: a file that holds the reading user's password.
    pub reader_password_file: String,
    /// Name of the database that holds the tables.
    pub database: String,
    /// Name of a ClickHouse cluster; empty: a single server.
    pub cluster: String,
    /// How the cluster's replicas become equal.
    pub replication: Replication,
    /// Embedded: path of the engine library or of a `clickhouse` program; empty: the library is searched beside the
    /// program and above it.
    pub library: String,
}

impl ClickHouseConfig {
    /// HTTP interfaces in order of preference; never empty.
    pub fn addresses(&self) -> &[String] {
        if self.urls.is_empty() { std::slice::from_ref(&self.url) } else { &self.urls }
    }

    /// Whether statements about tables go to each of `urls`, one after the other.
    pub fn is_by_node(&self) -> bool {
        !self.cluster.is_empty() && self.replication == Replication::Distributed
    }

    /// The clause ` ON CLUSTER …`, with its leading space; empty if not needed or not available.
    pub fn on_cluster(&self) -> String {
        match self.cluster.is_empty() || self.is_by_node() {
            true => String::new(),
            false => format!(" ON CLUSTER '{}'", self.cluster),
        }
    }
}

/// `[spool]`: accepted hits on their way to the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// Folder that holds the segments.
    pub dir: PathBuf,
    /// Size in bytes beyond which hits are answered 503: 10 GiB outlast a day's outage at some 1 000 hits a second.
    pub max_bytes: u64,
    /// Seconds between flushes: fewer give fresher figures, more give fewer inserts.
    pub flush_seconds: u64,
}

/// `[runtime]`: state that a restart needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// A folder in memory for the restart journal of today's visitors. A power cut destroys it, by design.
    pub dir: PathBuf,
    /// Permits a folder on a disk. Visitor tags then reach that disk: only for systems without a folder in memory.
    pub allow_disk: bool,
}

/// `[backup]`: encrypted copies of the published tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// Folder of the backups; empty: no backups.
    pub dir: PathBuf,
    /// age public key for which backups are encrypted.
    pub recipient: String,
    /// Days after which a backup is removed.
    pub keep_days: u32,
}

/// `[geo]`: location files for country, region and city.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeoConfig {
    /// `.mmdb` files, asked in this order; the first with an answer decides.
    pub databases: Vec<PathBuf>,
}

/// Precision at which an address enters the visitor tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashAddress {
    /// IPv4 whole, IPv6 by its /64.
    Full,
    /// IPv4 by its /24, IPv6 by its /48.
    Truncated,
}

/// Hits for which marketing dimensions are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketingPolicy {
    /// Marketing is never measured.
    Never,
    /// On hits that carry the visitor's consent.
    WithConsent,
    /// On all hits; outside the exemption.
    Always,
}

/// Protection of published figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// Rounded at random to tens when their hour, day, week or month is over; the exact figures are then deleted.
    #[default]
    Tens,
    /// Published exactly at each flush: for demonstrations, tests, intranets, and sites on another legal ground.
    Exact,
}

impl Protection {
    /// Divisor of all published counts.
    pub const fn step(self) -> u32 {
        match self {
            Self::Tens => 10,
            Self::Exact => 1,
        }
    }
}

/// `[privacy]`: privacy settings of the instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyConfig {
    /// Rounding of published figures.
    pub protection: Protection,
    /// Months that figures are kept, at most 25.
    pub retention_months: u32,
    /// `Sec-GPC: 1` is an objection.
    pub honour_gpc: bool,
    /// `DNT: 1` is an objection.
    pub honour_dnt: bool,
    /// Precision at which an address enters the visitor tag.
    pub hash_address: HashAddress,
    /// Hits for which marketing dimensions are measured.
    pub marketing: MarketingPolicy,
    /// Day of the last review of the retention, `YYYY-MM-DD`.
    #[serde(deserialize_with = "read::date")]
    pub last_review: Option<jiff::civil::Date>,
    /// Controller of the measurement (GDPR, article 4(7)), named in notices.
    pub controller: ContactDetails,
    /// Contact of the data protection officer, named in notices; empty if there is none.
    pub dpo: String,
    /// Operator that measures for other publishers; empty if the controller runs the collector itself.
    pub processor: ContactDetails,
}

/// An organisation named in notices.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactDetails {
    /// Name of the organisation.
    pub name: String,
    /// Postal, mail or web address.
    pub contact: String,
}

/// `[limits]`: bounds on memory that visitors can make grow.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Distinct pages per site and day; the rest counts as `(other)`.
    pub pages_per_site_day: u32,
    /// Distinct values per dimension, site and day; the rest counts as `(other)`.
    pub values_per_dimension: u32,
    /// Distinct rows of breakdowns, actions and timings per site and day; the rest counts as `(other)`. A busy site's
    /// day (333 000 views of 2 000 pages, 12 dimensions) makes some 700 000; five times that fill 45 MB.
    pub rows_per_site_day: u32,
    /// Visits in progress on all sites: some 80 bytes each, 95 MB at most, since around midnight a visit may be stored
    /// twice. The default corresponds to twenty million visits a day. Beyond it, pageviews count without their visitor.
    pub visits: usize,
    /// Visitor, page and action tags in memory, for all sites and days: 10 bytes each, at most 13. Beyond it, pageviews
    /// count without their visitor.
    pub tags: usize,
    /// Hits that one address (IPv6: one /64) may send to a site within ten minutes; 0: no bound. A thousand people
    /// behind one address who open two pages each send as many.
    pub hits_per_address: u32,
    /// New agents that one network (IPv4 /24, IPv6 /48) may send to a site within ten minutes; 0: no bound. 300 people
    /// drawn evenly from today's agents send 250.
    pub agents_per_network: u32,
    /// Parsed agents in the cache: real traffic has a few thousand a day; some 200 bytes each.
    pub agents_cached: usize,
}

/// Whether hits of a site count only with the visitor's consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentPolicy {
    /// Hits count without consent, as the exemption allows.
    #[default]
    None,
    /// Hits without `c: 1` are dropped.
    Required,
}

/// `[[site]]`: one measured site.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// Name under which figures are stored.
    pub name: String,
    /// Hosts of the site; empty: its name and every subdomain of it.
    pub hosts: Vec<String>,
    /// Hosts whose pages also count for the site, each with its subdomains: previews, translations, archives. `*`
    /// allows all.
    pub foreign_hosts: Vec<String>,
    /// Ids of the site in other tools' trackers: Umami's UUID, Matomo's number, GoatCounter's code, Fathom's id.
    pub ids: Vec<String>,
    /// Whether hits count only with the visitor's consent.
    pub consent: ConsentPolicy,
    /// IANA time zone that decides the site's days; empty: UTC.
    pub timezone: String,
    /// Names of query parameters that are part of a page.
    pub query_names_kept: Vec<String>,
    /// Property names that actions may carry.
    pub properties: Vec<String>,
    /// Query parameter that holds a visitor's search; empty: searches are not counted.
    pub search_parameter: String,
    /// Counts script errors, by kind only.
    pub problems: bool,
    /// Patterns of the site's own pages, as protection against a flood of invented ones: they have their row on every
    /// day. `*` stands for anything.
    pub pages: Vec<String>,
    /// Path patterns that are not counted; `*` stands for anything.
    pub exclude_paths: Vec<String>,
    /// Addresses or networks that are not counted.
    pub exclude_addresses: Vec<String>,
    /// Figures are readable without a token, at the console's `/share/NAME`.
    pub public: bool,
    /// Origins whose pages may embed the figures, such as `https://www.example.org`.
    pub embed_on: Vec<String>,
    /// Goals that the console shows.
    pub goal: Vec<GoalConfig>,
    /// Groups of pages that the console shows as one.
    pub group: Vec<GroupConfig>,
    /// Notes on days of the charts.
    pub annotation: Vec<AnnotationConfig>,
}

impl ClickHouseConfig {
    /// Whether the engine is a child process of the collector.
    pub fn is_embedded(&self) -> bool {
        self.mode == EngineMode::Embedded
    }
}

impl Config {
    /// Reads `file`, applies the environment's overrides and checks the result.
    ///
    /// # Errors
    /// When the file is missing, cannot be read, holds an unknown key, or a value is not allowed.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        if !file.is_file() {
            return Err(ConfigError::Missing(file.to_owned()));
        }
        read::read(read::file(file)).map_err(ConfigError::Read).and_then(Self::checked)
    }

    /// Parses and checks a configuration text, with the environment's overrides: for tests and the demonstration.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        read::read(read::text(text)).map_err(ConfigError::Read).and_then(Self::checked)
    }
}
