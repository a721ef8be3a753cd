//! The commands that do one thing and end. Each opens what it needs, and closes it in order; what it has to say to
//! people it gives back as text.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::compliance::audit;
use crate::compliance::audit::Audit;
use crate::compliance::audit::report::ReportFormat;
use crate::compliance::notice;
use crate::compliance::notice::{ConfigFacts, Lang};
use crate::config::{Config, EngineMode, MarketingPolicy};
use crate::console::{export, tokens};
use crate::import;
use crate::import::{ImportFormat, ImportJob};
use crate::simulate::{self, Traffic};
use crate::sites::Sites;
use crate::sizing;
use crate::store::client::Store;
use crate::store::engine::Engine;
use crate::store::migrate;
use crate::store::reports::{ReportError, Reports};

/// Why a command failed, for people.
pub type CommandError = Box<dyn std::error::Error>;

/// What `sillage import` is asked for.
pub struct ImportRequest {
    /// What kind of lines.
    pub format: ImportFormat,
    /// The files.
    pub files: Vec<PathBuf>,
    /// Name of the site.
    pub site: String,
    /// The configuration's file.
    pub config: PathBuf,
    /// Whole days that every time is moved by.
    pub shift_days: i64,
    /// Count days that were imported before once more.
    pub again: bool,
}

/// What `sillage export` is asked for.
pub struct ExportRequest {
    /// The configuration's file.
    pub config: PathBuf,
    /// Names and values as `GET /api/export` takes them.
    pub asked: Vec<(&'static str, String)>,
    /// Where the file goes; without it, to standard output.
    pub output: Option<PathBuf>,
}

/// What `sillage notice` is asked for.
pub struct NoticeRequest {
    /// The configuration's file.
    pub config: PathBuf,
    /// Name of the one site; without it, all.
    pub site: Option<String>,
    /// The language.
    pub lang: Lang,
    /// The form.
    pub format: notice::NoticeFormat,
}

/// What `sillage simulate` is asked for.
pub struct SimulateRequest {
    /// Name of the site, and its host.
    pub site: String,
    /// Number of days.
    pub days: u32,
    /// Last day; without it, yesterday.
    pub until: Option<Date>,
    /// Name of the time zone that decides when a day is.
    pub timezone: String,
    /// People a day.
    pub visitors_per_day: u32,
    /// Distinct pages.
    pub pages: usize,
    /// Other seeds give other people.
    pub seed: u64,
    /// Where the truth goes; without it, to standard error.
    pub truth: Option<PathBuf>,
}

/// `sillage check`.
///
/// # Errors
/// What is wrong with the configuration.
pub fn check(file: &Path) -> Result<String, CommandError> {
    let config = Config::load(file)?;
    app::check(&config)?;
    let notes: String = config.notes().iter().map(|note| format!("note: {note}\n")).collect();
    Ok(format!("{notes}{}\n{}: right; {} site(s)", sizing::told(&config), file.display(), config.site.len()))
}

/// `sillage import`.
///
/// # Errors
/// What cannot be read or written, or why these days may not be imported.
pub async fn import(request: ImportRequest) -> Result<String, CommandError> {
    let config = Config::load(&request.config)?;
    let sites = Sites::new(&config.site)?;
    let Some(site) = sites.find(&request.site) else {
        return Err(format!("no site `{}` in {}", request.site, request.config.display()).into());
    };
    let now = SystemClock.now();
    let import = ImportJob {
        format: request.format,
        files: request.files,
        site: site.clone(),
        shift_days: request.shift_days,
        again: request.again,
        keep_from: site.retained_from(now, config.privacy.retention_months),
        part_rows: import::PART_ROWS,
        progress: std::io::stderr().is_terminal(),
    };
    let (store, engine) = reach(&config).await?;
    let imported = async {
        migrate::apply(&store, &settings(&config)).await?;
        Ok::<_, CommandError>(import::run(import, app::anonymiser(&config)?, &config, &store, now).await?)
    };
    let imported = imported.await;
    let_go(store, engine).await;
    Ok(imported?.to_string())
}

/// `sillage migrate`.
///
/// # Errors
/// Which statement failed.
pub async fn migrate(file: &Path, dry_run: bool) -> Result<String, CommandError> {
    let config = Config::load(file)?;
    let (store, engine) = reach(&config).await?;
    let steps = match dry_run {
        true => migrate::dry_run(&store, &settings(&config)).await,
        false => migrate::apply(&store, &settings(&config)).await,
    };
    let by_hand = match (dry_run, &steps) {
        (true, _) => migrate::reader_steps(&config.clickhouse),
        (false, Ok(_)) => migrate::grant_reader(&store, &config.clickhouse).await,
        (false, Err(_)) => Vec::new(),
    };
    let_go(store, engine).await;
    let steps = steps?;
    let mut text = String::new();
    if dry_run {
        for step in &steps {
            text.push_str(&format!("-- {}\n{};\n\n", step.file, step.sql));
        }
    }
    if !by_hand.is_empty() {
        text.push_str("-- for the reading user, by an administrator:\n");
        by_hand.iter().for_each(|step| text.push_str(&format!("{};\n", step.sql)));
    }
    text.push_str(&format!("-- {} statement(s) {}", steps.len(), if dry_run { "to run" } else { "run" }));
    Ok(text)
}

/// `sillage audit`: the report, and whether every rule is held that a program can check.
///
/// # Errors
/// When database or machine cannot be looked at.
pub async fn audit(file: &Path, format: ReportFormat) -> Result<(String, bool), CommandError> {
    let config = Config::load(file)?;
    let (store, engine) = reach(&config).await?;
    let evidence = audit::gather(&config, &store, SystemClock.now()).await;
    let_go(store, engine).await;
    let evidence = evidence?;
    let audit = Audit::of(&evidence);
    Ok((audit.report(&evidence, format), audit.left().is_empty()))
}

/// `sillage export`: a report to a file, or to `out`. Reads what the console would give, as the user who may read reports
/// and nothing else.
///
/// # Errors
/// What is wrong with the request, that the database has no reading user or no views, or nowhere to write.
pub async fn export(request: ExportRequest, mut out: impl Write) -> Result<(), CommandError> {
    let config = Config::load(&request.config)?;
    let sites = Sites::new(&config.site)?;
    let asked = request.asked.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(value.as_str())));
    let asked = export::ExportDraft::read(asked)?;
    let Some(site) = sites.find(&asked.site()) else {
        return Err(format!("no site `{}` in {}", asked.site(), request.config.display()).into());
    };
    let export = asked.export(site, SystemClock.now(), config.privacy.marketing != MarketingPolicy::Never)?;
    let (store, engine) = reach(&config).await?;
    let written = match (store.reader_user(), &request.output) {
        (None, _) => Err("an export reads as `clickhouse.reader`: name that user in the configuration".into()),
        (Some(_), None) => written(&Reports::new(store.clone()), &export, &mut out).await,
        (Some(_), Some(file)) => written_to(&Reports::new(store.clone()), &export, file).await,
    };
    let_go(store, engine).await;
    written
}

/// A file that could not be finished is taken away: nobody takes half of it for the whole.
async fn written_to(reports: &Reports, export: &export::ExportPlan, file: &Path) -> Result<(), CommandError> {
    let written = written(reports, export, &mut File::create(file)?).await;
    if written.is_err() {
        std::fs::remove_file(file)?;
    }
    written
}

async fn written(reports: &Reports, export: &export::ExportPlan, out: &mut impl Write) -> Result<(), CommandError> {
    let begun = async {
        export.check(reports.total(&export.report).await?)?;
        Ok::<_, CommandError>(reports.export(&export.report, export.format).await?)
    };
    let mut rows = begun.await.map_err(|error| match error.downcast_ref() {
        Some(ReportError::Refused) => "the database has no such views: run `sillage migrate` first".into(),
        _ => error,
    })?;
    while let Some(bytes) = std::future::poll_fn(|context| rows.poll_next(context)).await? {
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}

/// `sillage simulate`: lines to `out`, the truth to where it is asked for.
///
/// # Errors
/// An unknown time zone, or nowhere to write.
pub fn simulate(request: &SimulateRequest, out: impl Write) -> Result<(), CommandError> {
    let timezone = TimeZone::get(&request.timezone)
        .map_err(|_| format!("`{}` is no IANA time zone, such as Europe/Paris", request.timezone))?;
    let until = match request.until {
        Some(until) => until,
        None => timezone.to_datetime(SystemClock.now()).date().yesterday()?,
    };
    let traffic = Traffic {
        origin: format!("https://{}", request.site),
        pages: simulate::pages(request.pages),
        uses: simulate::uses(),
        first: until.checked_sub(jiff::Span::new().days(i64::from(request.days) - 1))?,
        days: request.days,
        timezone,
        visitors_per_day: request.visitors_per_day,
        seed: request.seed,
    };
    let truth = serde_json::to_string(&traffic.write(BufWriter::with_capacity(256 * 1024, out))?)?;
    match &request.truth {
        Some(file) => writeln!(File::create(file)?, "{truth}")?,
        None => writeln!(std::io::stderr(), "{truth}")?,
    }
    Ok(())
}

/// `sillage notice`: for all sites, or for one.
///
/// # Errors
/// What is wrong with the configuration, or that it has no such site.
pub fn notice(request: &NoticeRequest) -> Result<String, CommandError> {
    let config = Config::load(&request.config)?;
    let sites = Sites::new(&config.site)?;
    let sites: Vec<_> = match &request.site {
        None => sites.iter().collect(),
        Some(name) => match sites.find(name) {
            Some(site) => vec![site],
            None => return Err(format!("no site `{name}` in {}", request.config.display()).into()),
        },
    };
    let facts = ConfigFacts::new(&config, SystemClock.now()).of(sites.into_iter().map(AsRef::as_ref));
    Ok(notice::written(&notice::notice(&facts), request.lang, request.format))
}

/// `sillage token new`.
///
/// # Errors
/// When there are no random bytes.
pub fn new_token(name: &str, sites: &[String]) -> Result<String, CommandError> {
    let (token, sha256) = tokens::new_token().map_err(|_| "the operating system gives no random bytes")?;
    let lines = tokens::configuration_text(name, &sha256, sites);
    Ok(format!("token (shown once, keep it safe): {token}\n\nfor the configuration:\n{lines}"))
}

/// The database: that of a collector which runs, or an engine of our own for as long as the command takes.
async fn reach(config: &Config) -> Result<(Store, Option<Engine>), CommandError> {
    let (endpoint, engine) = match Engine::running(&config.runtime.dir).await {
        Some(endpoint) if config.clickhouse.mode == EngineMode::Embedded => (endpoint, None),
        Some(_) | None => app::reach_engine(config).await?,
    };
    Ok((Store::connect(&config.clickhouse, &endpoint), engine))
}

/// Ends an engine of our own. Connections go first: an engine that ends waits some seconds for those that are open.
async fn let_go(store: Store, engine: Option<Engine>) {
    drop(store);
    if let Some(engine) = engine {
        engine.stop().await;
    }
}

fn settings(config: &Config) -> migrate::MigrationSettings {
    migrate::MigrationSettings { retention_months: config.privacy.retention_months, rounding: config.privacy.rounding }
}
