//! Configuration: one TOML file, every key overridable as `SILLAGE_SECTION__KEY`, into a checked [`Config`].
//! Every limit has the reason for its default beside it. A file that does not check is refused whole.

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
pub(crate) use self::read::{network, search_path};
pub use self::site_view::{AnnotationConfig, GoalConfig, GroupConfig};

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not readable, not TOML, an unknown key or a value of the wrong kind.
    #[error("{0}")]
    Read(String),
    /// Understood, but not allowed.
    #[error("{key}: {why}")]
    Value {
        /// Full name of the key.
        key: String,
        /// What is wrong, and what to write instead.
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
    /// The public listener.
    pub collect: CollectConfig,
    /// The private listener.
    pub console: ConsoleConfig,
    /// Where figures are kept.
    pub clickhouse: ClickHouseConfig,
    /// Where accepted hits wait.
    pub spool: SpoolConfig,
    /// What a restart needs.
    pub runtime: RuntimeConfig,
    /// Backups of the published tables.
    pub backup: BackupConfig,
    /// Reports and alerts.
    pub mail: MailConfig,
    /// Location files.
    pub geo: GeoConfig,
    /// Profile of anonymity.
    pub privacy: PrivacyConfig,
    /// Bounds on what visitors can make grow.
    pub limits: LimitsConfig,
    /// The sites that are measured.
    pub site: Vec<SiteConfig>,
}

/// `[collect]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectConfig {
    /// Address of the listener.
    #[serde(deserialize_with = "read::socket")]
    pub listen: SocketAddr,
    /// A Unix socket beside the address; its peers count as 127.0.0.1. Empty: none.
    pub unix_socket: PathBuf,
    /// The address speaks TLS itself, with HTTP/2 where the client offers it.
    pub tls: TlsConfig,
    /// Connections of trusted proxies begin with a PROXY header of version 2, which names the client.
    pub proxy_protocol: bool,
    /// Peers whose forwarding header is believed: networks, or single addresses.
    #[serde(deserialize_with = "read::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header that they write, read from the right.
    pub client_address_header: String,
    /// Proxies that send this in `x-sillage-secret` are believed from any address: hosting without fixed ones. 16
    /// characters at least; empty: none is.
    pub trusted_header_secret: String,
    /// Tokens of the sites' own servers, which may say for which client they speak.
    pub server_tokens: Vec<TokenConfig>,
    /// Longest body: an event with 30 properties and a 2 000 byte URL fits twice.
    pub max_body_bytes: usize,
    /// Longest request head: a 2 000 byte query, a long agent and a proxy's headers fit.
    pub max_header_bytes: usize,
    /// Open connections: 32 KiB each once something was sent, 320 MB at the most. Without room for another, those that
    /// have waited longest are closed.
    pub max_connections: usize,
    /// A connection without a request in progress for so long is closed, whatever it waits for: the first byte, the
    /// next request, or its client to read.
    pub idle_seconds: u64,
    /// The head of a request, and then its body, must have arrived within this time; honest ones come in one packet.
    pub request_seconds: u64,
    /// How long SIGTERM waits for open requests.
    pub drain_seconds: u64,
    /// How long SIGTERM goes on serving, with `/health/ready` at 503, before it stops accepting: until a balancer has
    /// seen it.
    pub drain_notice_seconds: u64,
    /// Path of the tracker, for sites that want another name.
    pub tracker_path: String,
    /// Threads that serve; 0 means one a core.
    pub threads: usize,
}

/// `[console]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address of the listener.
    #[serde(deserialize_with = "read::socket")]
    pub listen: SocketAddr,
    /// A Unix socket beside the address; its peers count as 127.0.0.1. Empty: none.
    pub unix_socket: PathBuf,
    /// The address speaks TLS itself.
    pub tls: TlsConfig,
    /// Names under which it is asked, beside addresses and `localhost`: such as the one that a proxy passes on.
    pub hosts: Vec<String>,
    /// Who may read which sites.
    pub tokens: Vec<TokenConfig>,
}

/// One bearer token, kept as its hash: of a reader of figures, or of a server that sends hits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// For people.
    pub name: String,
    /// SHA-256 of the token, 64 hexadecimal digits.
    pub sha256: String,
    /// Names of sites, or `"*"`.
    pub sites: Vec<String>,
    /// Last day of its use, in UTC; without one it lasts until it is taken out.
    #[serde(default, deserialize_with = "read::date")]
    pub expires: Option<jiff::civil::Date>,
}

/// Who runs the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineMode {
    /// A child process of ours.
    Embedded,
    /// Somebody else.
    Remote,
}

/// `[clickhouse]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClickHouseConfig {
    /// Who runs it.
    pub mode: EngineMode,
    /// Embedded: where the engine keeps its parts.
    pub dir: PathBuf,
    /// Remote: its HTTP interface.
    pub url: String,
    /// Remote: HTTP interfaces of several nodes, used instead of `url`: the first that answers, then the next.
    pub urls: Vec<String>,
    /// Remote: the writing user.
    pub user: String,
    /// Remote: a file that holds the user's password.
    pub password_file: String,
    /// Remote: the user that reads reports and nothing else; empty: the owner reads them too.
    pub reader: String,
    /// Remote: a file that holds the reading user's password.
    pub reader_password_file: String,
    /// Database of the tables.
    pub database: String,
    /// Name of a cluster, or empty.
    pub cluster: String,
    /// How the cluster's replicas become equal.
    pub replication: Replication,
    /// Embedded: the engine library, or a `clickhouse` program; empty looks for the library beside the program and
    /// above it.
    pub library: String,
}

impl ClickHouseConfig {
    /// The HTTP interfaces in the order of preference; never empty.
    pub fn addresses(&self) -> &[String] {
        if self.urls.is_empty() { std::slice::from_ref(&self.url) } else { &self.urls }
    }

    /// Whether statements about tables go to each of `urls`, one after the other.
    pub fn is_by_node(&self) -> bool {
        !self.cluster.is_empty() && self.replication == Replication::Distributed
    }

    /// What sends a statement to all nodes, with a space in front; empty where it is not needed or not to be had.
    pub fn on_cluster(&self) -> String {
        match self.cluster.is_empty() || self.is_by_node() {
            true => String::new(),
            false => format!(" ON CLUSTER '{}'", self.cluster),
        }
    }
}

/// `[spool]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// Folder of the segments.
    pub dir: PathBuf,
    /// Beyond this hits are answered 503: 10 GiB outlast a day's outage at some 1 000 hits a second.
    pub max_bytes: u64,
    /// Seconds between flushes: the fewer, the fresher; the more, the cheaper.
    pub flush_seconds: u64,
}

/// `[runtime]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// A folder in memory: what a restart needs of today's visitors. A power cut destroys it, and must.
    pub dir: PathBuf,
    /// The folder may be on a disk. Tags of visitors then reach that disk: only where no folder in memory is to be had.
    pub allow_disk: bool,
}

/// `[backup]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// Folder of the backups; empty: none are made.
    pub dir: PathBuf,
    /// age public key that they are encrypted for.
    pub recipient: String,
    /// Days after which a backup is removed.
    pub keep_days: u32,
}

/// `[geo]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeoConfig {
    /// `.mmdb` files; the first that answers wins.
    pub databases: Vec<PathBuf>,
}

/// How much of an address goes into the visitor tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashAddress {
    /// IPv4 whole, IPv6 by its /64.
    Full,
    /// IPv4 by its /24, IPv6 by its /48.
    Truncated,
}

/// When campaigns are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketingPolicy {
    /// Never.
    Never,
    /// On hits that carry the visitor's consent.
    WithConsent,
    /// Always; outside the exemption.
    Always,
}

/// How published figures are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// Drawn to tens when their hour, day, week or month is over; the exact figures are then deleted.
    #[default]
    Tens,
    /// Published at each flush as they are: for demonstrations, tests, intranets, and sites on another legal ground.
    Exact,
}

impl Protection {
    /// What published counts are multiples of.
    pub const fn step(self) -> u32 {
        match self {
            Self::Tens => 10,
            Self::Exact => 1,
        }
    }
}

/// `[privacy]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyConfig {
    /// How published figures are protected.
    pub protection: Protection,
    /// Months that figures are kept, 25 at the most.
    pub retention_months: u32,
    /// `Sec-GPC: 1` is an objection.
    pub honour_gpc: bool,
    /// `DNT: 1` is an objection.
    pub honour_dnt: bool,
    /// How much of an address is hashed.
    pub hash_address: HashAddress,
    /// When campaigns are measured.
    pub marketing: MarketingPolicy,
    /// Day of the last review of the retention, `YYYY-MM-DD`.
    #[serde(deserialize_with = "read::date")]
    pub last_review: Option<jiff::civil::Date>,
    /// Controller of the measurement (GDPR, article 4(7)), for notices.
    pub controller: ContactDetails,
    /// Contact of the data protection officer, for notices; empty where there is none.
    pub dpo: String,
    /// Operator who measures for other publishers; empty where the controller runs the collector itself.
    pub processor: ContactDetails,
}

/// A body that notices name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactDetails {
    /// Its name.
    pub name: String,
    /// Address of mail, web or post.
    pub contact: String,
}

/// `[limits]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Distinct pages a site and day; the rest goes to `(other)`.
    pub pages_per_site_day: u32,
    /// Distinct values a dimension, site and day; the rest goes to `(other)`.
    pub values_per_dimension: u32,
    /// Distinct rows of breakdowns, actions and timings a site and day; what has no room is counted as `(other)`. A
    /// busy site's day (333 000 views of 2 000 pages, 12 dimensions) makes some 700 000; five times that fill 45 MB.
    pub rows_per_site_day: u32,
    /// Visits in progress, all sites: some 80 bytes each, 95 MB at the most, for around midnight a visit may be kept
    /// twice. As many in half an hour belong to twenty million visits a day. Beyond it pageviews count without their
    /// visitor.
    pub visits: usize,
    /// Visitor, page and action tags in memory, all sites and days: 10 bytes each, 13 at the most. Beyond it
    /// pageviews count without their visitor.
    pub tags: usize,
    /// Hits that one address (of IPv6, one /64) may send to a site within ten minutes; 0 sets no bound. A thousand
    /// people behind one address who open two pages each send as many.
    pub hits_per_address: u32,
    /// Agents that one network (an IPv4 /24, an IPv6 /48) may show a site for the first time within ten minutes; 0 sets
    /// no bound. 300 people drawn evenly from the agents of today show 250.
    pub agents_per_network: u32,
    /// Parsed agents kept: real traffic shows a few thousand a day; some 200 bytes each.
    pub agents_cached: usize,
}

/// Whether hits of a site need the visitor's consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsentPolicy {
    /// They count without it, as the exemption allows.
    #[default]
    None,
    /// Hits without `c: 1` are dropped.
    Required,
}

/// `[[site]]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteConfig {
    /// The name that figures are kept under.
    pub name: String,
    /// Hosts that belong to it; none means its name and every subdomain of it.
    pub hosts: Vec<String>,
    /// Hosts whose pages count beside its own, each with its subdomains: previews, translations, archives. `*` allows
    /// all.
    pub foreign_hosts: Vec<String>,
    /// What other tools' trackers call it: Umami's UUID, Matomo's number, GoatCounter's code, Fathom's id.
    pub ids: Vec<String>,
    /// Whether hits count without the visitor's consent.
    pub consent: ConsentPolicy,
    /// IANA time zone; decides what a day is. Empty means UTC.
    pub timezone: String,
    /// Query parameters that are part of a page.
    pub query_names_kept: Vec<String>,
    /// Property names that actions may carry.
    pub properties: Vec<String>,
    /// Query parameter that holds what people look for; empty counts none.
    pub search_parameter: String,
    /// Script errors are counted, by their kind alone.
    pub problems: bool,
    /// Its own pages, where a flood of invented ones is to be kept out: they have their row on every day. `*` stands
    /// for anything.
    pub pages: Vec<String>,
    /// Paths that are not counted; `*` stands for anything.
    pub exclude_paths: Vec<String>,
    /// Addresses or networks that are not counted.
    pub exclude_addresses: Vec<String>,
    /// Everybody may read its figures, at `/share/NAME` of the console.
    pub public: bool,
    /// Origins whose pages may embed its figures, such as `https://www.example.org`.
    pub embed_on: Vec<String>,
    /// Goals.
    pub goal: Vec<GoalConfig>,
    /// Groups of pages.
    pub group: Vec<GroupConfig>,
    /// Notes on its charts.
    pub annotation: Vec<AnnotationConfig>,
}

impl ClickHouseConfig {
    /// Whether the engine is a child process of ours.
    pub fn is_embedded(&self) -> bool {
        self.mode == EngineMode::Embedded
    }
}

impl Config {
    /// Reads and checks `file`, then the environment over it.
    ///
    /// # Errors
    /// When the file is missing, cannot be read, holds an unknown key, or a value that is not allowed.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        if !file.is_file() {
            return Err(ConfigError::Missing(file.to_owned()));
        }
        read::read(read::file(file)).map_err(ConfigError::Read).and_then(Self::checked)
    }

    /// The same from a text: for tests and the demonstration.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        read::read(read::text(text)).map_err(ConfigError::Read).and_then(Self::checked)
    }
}
