//! Defaults of all configuration sections. The reasons are beside the keys, one module up.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{
    BackupConfig, ClickHouseConfig, CollectConfig, ConsoleConfig, ContactDetails, EngineMode, HashAddress,
    LimitsConfig, MarketingPolicy, PrivacyConfig, Protection, Replication, RuntimeConfig, SpoolConfig, TlsConfig,
};

impl Default for CollectConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            unix_socket: PathBuf::new(),
            tls: TlsConfig::default(),
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            client_address_header: "x-forwarded-for".into(),
            trusted_header_secret: String::new(),
            server_tokens: Vec::new(),
            max_body_bytes: 8192,
            max_header_bytes: 16_384,
            max_connections: 10_000,
            idle_seconds: 75,
            request_seconds: 10,
            drain_seconds: 10,
            drain_notice_seconds: 0,
            tracker_path: "/js/sillage.js".into(),
            threads: 0,
        }
    }
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            unix_socket: PathBuf::new(),
            tls: TlsConfig::default(),
            hosts: Vec::new(),
            tokens: Vec::new(),
        }
    }
}

impl Default for ClickHouseConfig {
    fn default() -> Self {
        Self {
            mode: EngineMode::Embedded,
            dir: "data/clickhouse".into(),
            url: "http://127.0.0.1:8123".into(),
            urls: Vec::new(),
            user: "sillage".into(),
            password_file: String::new(),
            reader: String::new(),
            reader_password_file: String::new(),
            database: "sillage".into(),
            cluster: String::new(),
            replication: Replication::Keeper,
            library: String::new(),
        }
    }
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { dir: "data/spool".into(), max_bytes: 10_737_418_240, flush_seconds: 15 }
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { dir: "/dev/shm/sillage".into(), allow_disk: false }
    }
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self { dir: PathBuf::new(), recipient: String::new(), keep_days: 35 }
    }
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        Self {
            protection: Protection::Tens,
            retention_months: 25,
            honour_gpc: true,
            honour_dnt: true,
            hash_address: HashAddress::Full,
            marketing: MarketingPolicy::Never,
            last_review: None,
            controller: ContactDetails::default(),
            dpo: String::new(),
            processor: ContactDetails::default(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            pages_per_site_day: 10_000,
            values_per_dimension: 5_000,
            rows_per_site_day: 3_500_000,
            visits: 500_000,
            tags: 20_000_000,
            hits_per_address: 6_000,
            agents_per_network: 300,
            agents_cached: 20_000,
        }
    }
}
