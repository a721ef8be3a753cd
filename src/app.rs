//! Starts and stops all components in a fixed order, and owns them.
//!
//! Start: spool, public listener (hits are durable from here on), engine, tables, shipping, console. Stop: the public
//! listener drains, the spool is shipped once more, the console stops, then the engine.

mod parts;
mod reading_users;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parts::{SharedParts, acceptors, collect_state, console_state, mailer, maintenance, releaser, shipper};
use reading_users::ReadingUsers;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::clock::DAY_SECONDS;
use crate::collect::CollectState;
use crate::collect::client_address::TrustedProxies;
use crate::collect::threads::CollectThreads;
use crate::config::{Config, ConfigError, EngineMode, ServiceManager};
use crate::console::{ConsoleServer, annotations};
use crate::health::Health;
use crate::ledger::Ledger;
use crate::listeners::{self, Certificates, ListenError};
use crate::mail::{self, MailSetupError, Mailer};
use crate::observe::Meters;
use crate::open_files;
use crate::privacy::Anonymiser;
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::{PlaceDatabases, PlaceError};
use crate::release::Releaser;
use crate::runtime_dir::FolderError;
use crate::service_manager::ServiceNotifier;
use crate::ship::{FlushRequest, ShipError};
use crate::sites::Sites;
use crate::spool::{SET_ASIDE_SECONDS, Spool, SpoolError};
use crate::store::client::{Endpoint, Store};
use crate::store::engine::{self, Engine, EngineError};
use crate::store::failover;
use crate::store::migrate::{self, MigrateError};
use crate::store::published;
use crate::store::scope::{ReaderAccess, ReaderScope};
use crate::system_calls;
use crate::visits::JournalError;

/// Longest pause between attempts to reach a remote database.
const REACH_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Reason why the program does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration holds a value that is not allowed.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A location file is missing or unreadable.
    #[error("{0}")]
    Place(#[from] PlaceError),
    /// The spool in this folder cannot be opened.
    #[error("spool in {1}: {0}")]
    Spool(SpoolError, PathBuf),
    /// The restart journal cannot be kept in memory.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The ClickHouse engine does not start.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// Mail cannot be set up.
    #[error("{0}")]
    Mail(#[from] MailSetupError),
    /// Schema migration of the tables failed.
    #[error("the tables: {0}")]
    Migrate(#[from] MigrateError),
    /// An address or a socket cannot be used.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// A folder belongs to another user or is writable by others.
    #[error("{0}")]
    Folder(#[from] FolderError),
    /// A file or thread cannot be created.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Inputs of a start.
pub struct AppOptions {
    /// The configuration, already checked.
    pub config: Config,
    /// Source of the time of day.
    pub clock: Arc<dyn Clock>,
    /// Also serves the demonstration site.
    pub demo: bool,
    /// Endpoint of a running database, for tests; `None`: as configured.
    pub database: Option<Endpoint>,
    /// First and longest pause between failed inserts.
    pub pauses: (Duration, Duration),
}

/// A running collector: its listeners, its tasks and, if embedded, its engine. Ends by [`App::stop`].
pub struct App {
    /// Bound address of the public listener.
    pub collect_address: SocketAddr,
    /// Bound address of the console's listener.
    pub console_address: SocketAddr,
    /// Where both listen, as lines for people.
    pub doors: Vec<String>,
    flush: mpsc::Sender<FlushRequest>,
    collect: Arc<CollectState>,
    collecting: CollectThreads,
    stop_shipping: CancellationToken,
    shipping: JoinSet<()>,
    engine: Option<Engine>,
    ledger: Arc<Ledger>,
    releaser: Arc<Releaser>,
    reading_users: ReadingUsers,
    mailer: Option<Arc<Mailer>>,
    anonymiser: Arc<Anonymiser>,
    meters: Arc<Meters>,
    console: ConsoleServer,
    health: Arc<Health>,
    drain_notice: Duration,
    certificates: Certificates,
    notifier: Arc<ServiceNotifier>,
}

impl App {
    /// Starts all components and returns when they run. A failed start lets open requests end first.
    ///
    /// # Errors
    /// Names the component that does not start.
    pub async fn start(options: AppOptions) -> Result<Self, AppError> {
        let AppOptions { config, clock, demo, database, pauses } = options;
        let (config, console_connections) = open_files::fit(config);
        let sites = Arc::new(Sites::new(&config.site)?);
        let meters = Arc::new(Meters::new(&sites));
        let anonymiser = Arc::new(anonymiser(&config)?.with_ceilings(&config.limits));
        let certificates = Certificates::read(&config)?;
        let manager = ServiceManager::of_environment();
        // Both addresses are bound first: after the first accepted hit, no foreseeable error may stop the start.
        let (public, private) = listeners::open(&config, &manager.sockets)?;
        let (collect_address, doors) = (public.address()?, listeners::doors(&config, &public, &private));
        let ledger = Arc::new(ledger(&config, &clock, &anonymiser, &meters)?);
        mail::check(&config.mail)?;
        let subscriptions = mail::subscriptions(&config)?;
        let health = Arc::new(Health::starting());
        let parts: SharedParts<'_> = (&ledger, &anonymiser, &meters, &clock);
        let handshake = certificates.collect_handshake(&config, meters.hits.handshakes_failed("collect"))?;
        let collect = Arc::new(collect_state(&config, parts, demo, &health)?.behind(handshake));
        let collecting = CollectThreads::start(&collect, public, acceptors(&config, &meters))?;
        let (store, engine) = reach_store(&config, database).await?;
        let (stop_shipping, mut shipping) = (CancellationToken::new(), JoinSet::new());
        let engine_up = engine.as_ref().map(Engine::up);
        let house = maintenance(parts, engine_up, &config.runtime.dir);
        shipping.spawn(house.run(stop_shipping.clone()));
        let (flush, requests) = mpsc::channel(4);
        let releaser = Arc::new(releaser(&store, &ledger, &clock, &sites));
        let ship = shipper(&config, parts, (&store, &releaser), pauses);
        let mailer = mailer(&config, parts, (&store, &releaser, &sites), &subscriptions)?;
        let console = console_state(&config, parts, &store, (sites, health.clone(), subscriptions))?;
        // Health probes are answered while the start waits for the database.
        let handshake = certificates.console_handshake(&config, meters.hits.handshakes_failed("console"))?;
        let console = ConsoleServer::start(private, handshake, Arc::new(console), console_connections)?;
        let notifier = ServiceNotifier::connect(&manager);
        if let Some(watchdog) = manager.watchdog {
            shipping.spawn(notifier.clone().keep_alive(watchdog, health.clone(), stop_shipping.clone()));
        }
        notifier.ready();
        let formed = ship.wait_for(bring_to_form(&store, &config, engine.is_some())).await;
        let (engine, all_nodes) = kept_if(formed, engine).await?;
        if !all_nodes {
            shipping.spawn(form_other_nodes(store.clone(), migration(&config), stop_shipping.clone()));
        }
        annotations::sync(&store, &config.site).await;
        health.set_formed();
        notifier.formed();
        shipping.spawn(ship.run(requests, stop_shipping.clone()));
        if let Some(mailer) = &mailer {
            shipping.spawn(mailer.clone().run(stop_shipping.clone()));
        }
        Ok(Self {
            collect_address,
            doors,
            flush,
            collect,
            collecting,
            reading_users: ReadingUsers::new(&store, &config.clickhouse, &stop_shipping),
            stop_shipping,
            shipping,
            engine,
            ledger,
            releaser,
            mailer,
            anonymiser,
            meters,
            console_address: console.address,
            console,
            health,
            drain_notice: Duration::from_secs(config.collect.drain_notice_seconds),
            certificates,
            notifier,
        })
    }

    /// Ships the spool's present content; returns once the database holds it.
    ///
    /// # Errors
    /// When the spool or the database fails.
    pub async fn flush(&self) -> Result<(), ShipError> {
        let (answer, flushed) = oneshot::channel();
        let stopped = || ShipError::Spool(SpoolError::from(std::io::Error::other("shipping has stopped")));
        self.flush.send(answer).await.map_err(|_| stopped())?;
        flushed.await.map_err(|_| stopped())?
    }

    /// Sends the mails that are due now, as happens once a minute.
    pub async fn send_mail(&self) {
        if let Some(mailer) = &self.mailer {
            mailer.send_due(&self.stop_shipping).await;
        }
    }

    /// Takes over what may change while running: sites, tokens, and the contents of location files and certificates.
    /// The rest of `config` takes a restart.
    ///
    /// # Errors
    /// When a site, a certificate or a location file cannot be used; then everything stays as it was.
    pub fn reload(&self, config: &Config) -> Result<(), AppError> {
        let sites = Sites::new(&config.site)?;
        let certificates = Certificates::read(config)?;
        self.anonymiser.places().reload()?;
        self.certificates.replace(&certificates);
        self.meters.hits.reload(&sites);
        self.collect.reload(&config.collect);
        self.releaser.set_sites(&sites);
        self.console.state.reload(Arc::new(Sites::new(&config.site)?), &config.console.tokens);
        let scopes = ReaderScope::of_tokens(&config.console.tokens);
        match &self.engine {
            Some(engine) => engine.admit(scopes),
            None => self.reading_users.admit(scopes),
        }
        self.anonymiser.set_sites(sites);
        Ok(())
    }

    /// State of start and stop, for probes and the console.
    pub fn health(&self) -> Arc<Health> {
        self.health.clone()
    }

    /// Fails readiness probes from now on, and returns after the time that balancers need to notice.
    pub async fn give_notice(&self) {
        self.health.drain();
        self.notifier.stopping();
        tokio::time::sleep(self.drain_notice).await;
    }

    /// Stops all components in order. Accepted hits are shipped, or wait in the spool.
    pub async fn stop(self) {
        let Self { collecting, mut shipping, engine, ledger, console, health, .. } = self;
        health.drain();
        if tokio::task::spawn_blocking(move || drop(collecting)).await.is_err() {
            tracing::error!("app: collecting thread panicked");
        }
        self.stop_shipping.cancel();
        while shipping.join_next().await.is_some() {}
        self.reading_users.end().await;
        // The console's connections close first: the engine waits five seconds on exit for open connections.
        console.stop().await;
        if let Some(engine) = engine {
            engine.stop().await;
        }
        if tokio::task::spawn_blocking(move || ledger.spool().close()).await.is_err() {
            tracing::error!("app: closing the spool failed");
        }
    }
}

/// Builds the anonymiser from the configuration, for the collector and for imports.
///
/// # Errors
/// When a site or a location file cannot be used.
pub fn anonymiser(config: &Config) -> Result<Anonymiser, AppError> {
    let places = PlaceDatabases::open(&config.geo.databases)?;
    let agents = Agents::new(config.limits.agents_cached);
    Ok(Anonymiser::new(Sites::new(&config.site)?, agents, places, &config.privacy))
}

/// Keeps this process's memory, which holds keys and tags, out of core dumps, and unreadable for other processes of the
/// same user. Child processes inherit the first, not the second.
///
/// # Errors
/// When the system call fails.
pub fn forbid_core_dumps() -> Result<(), AppError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| AppError::System(error.into()))?;
    Ok(system_calls::keep_undumpable()?)
}

/// Checks that a start finds every file and folder that `config` names.
///
/// # Errors
/// Names the first file or folder that is missing or unusable.
pub fn check(config: &Config) -> Result<(), AppError> {
    TrustedProxies::new(&config.collect)?;
    anonymiser(config)?;
    Certificates::read(config)?;
    mail::check(&config.mail)?;
    if config.clickhouse.mode == EngineMode::Remote {
        remote(config)?;
    }
    Ok(())
}

fn remote(config: &Config) -> Result<Endpoint, ConfigError> {
    Endpoint::remote(&config.clickhouse)
        .map_err(|(key, file, error)| ConfigError::Value { key: key.into(), why: format!("{file}: {error}") })
}

/// Connects to the database: to the embedded engine, which is started, or to a remote server, whether or not it answers
/// yet.
///
/// # Errors
/// When the engine does not start or the password cannot be read.
pub async fn reach_database(config: &Config) -> Result<(Store, Option<Engine>), AppError> {
    if config.clickhouse.mode == EngineMode::Remote {
        let (clickhouse, endpoint) = (&config.clickhouse, remote(config)?);
        let store = failover::follow(clickhouse, &endpoint, clickhouse.addresses());
        return Ok((store.protected(config.privacy.protection), None));
    }
    let engine = Engine::start(engine::EngineOptions {
        dir: config.clickhouse.dir.clone(),
        runtime_dir: config.runtime.dir.clone(),
        library: config.clickhouse.library.clone(),
        readers: ReaderAccess {
            tables: published::TABLES.map(|table| format!("{}.{}", config.clickhouse.database, table.name)).into(),
            scopes: ReaderScope::of_tokens(&config.console.tokens),
        },
        ..engine::EngineOptions::default()
    })
    .await?;
    Ok((engine.store(&config.clickhouse).protected(config.privacy.protection), Some(engine)))
}

async fn reach_store(config: &Config, database: Option<Endpoint>) -> Result<(Arc<Store>, Option<Engine>), AppError> {
    let (store, engine) = match database {
        Some(endpoint) => (Store::connect(&config.clickhouse, &endpoint).protected(config.privacy.protection), None),
        None => reach_database(config).await?,
    };
    Ok((Arc::new(store), engine))
}

/// Stops the embedded engine when the migration failed; passes on whether all nodes are migrated.
async fn kept_if(formed: Result<bool, AppError>, engine: Option<Engine>) -> Result<(Option<Engine>, bool), AppError> {
    match (formed, engine) {
        (Ok(all_nodes), engine) => Ok((engine, all_nodes)),
        (Err(error), None) => Err(error),
        (Err(error), Some(engine)) => {
            engine.stop().await;
            Err(error)
        }
    }
}

fn migration(config: &Config) -> migrate::MigrationSettings {
    migrate::MigrationSettings {
        retention_months: config.privacy.retention_months,
        rounding: config.privacy.protection.step(),
    }
}

/// Applies the schema. An unreachable remote database is waited for; of several nodes that are migrated one by one, the
/// first that answers is enough. Returns whether all of them are migrated.
async fn bring_to_form(store: &Store, config: &Config, ours: bool) -> Result<bool, AppError> {
    let mut pause = Duration::from_secs(1);
    loop {
        match migrate::apply_where_reachable(store, &migration(config)).await {
            Ok(away) => {
                if !ours {
                    let scopes = ReaderScope::of_tokens(&config.console.tokens);
                    reading_users::make(store, &config.clickhouse, &scopes).await;
                }
                if let Some(error) = &away {
                    tracing::warn!(%error, "app: started without a node; its tables are migrated when it answers");
                }
                return Ok(away.is_none());
            }
            Err(error) if ours || !error.is_retryable() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, pause_seconds = pause.as_secs(), "ship: database unreachable; hits wait in the spool");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(REACH_PAUSE_MAX);
            }
        }
    }
}

/// Migrates the nodes that were away at the start, when they answer.
async fn form_other_nodes(store: Arc<Store>, settings: migrate::MigrationSettings, stop: CancellationToken) {
    let migrated = async {
        loop {
            tokio::time::sleep(REACH_PAUSE_MAX).await;
            match migrate::apply(&store, &settings).await {
                Ok(_) => return tracing::info!("app: all nodes migrated"),
                Err(error) if error.is_retryable() => {}
                Err(error) => tracing::error!(%error, "app: node not migrated; run `sillage migrate`"),
            }
        }
    };
    // Ends when all nodes are migrated, or with the program.
    stop.run_until_cancelled(migrated).await;
}

fn ledger(
    config: &Config,
    clock: &Arc<dyn Clock>,
    anonymiser: &Arc<Anonymiser>,
    meters: &Meters,
) -> Result<Ledger, AppError> {
    let (spool, recovery) = Spool::open_folder(&config.spool.dir, config.spool.max_bytes, clock.clone())
        .map_err(|error| AppError::Spool(error, config.spool.dir.clone()))?;
    if recovery.segments > 0 {
        tracing::info!(segments = recovery.segments, events = recovery.events, "spool: recovered");
    }
    if recovery.batches > 0 {
        tracing::info!(batches = recovery.batches, "spool: folded batches waiting");
    }
    let whole_files = recovery.quarantined_segments + recovery.quarantined_batches;
    meters.ship.quarantined.increment(recovery.quarantined_frames + whole_files);
    let set_aside = spool.forget_set_aside(clock.now()).unwrap_or_default();
    if set_aside.files > 0 {
        let days = SET_ASIDE_SECONDS / DAY_SECONDS.unsigned_abs();
        tracing::warn!(
            files = set_aside.files,
            days,
            "spool: quarantine holds files; inspect them before they are removed"
        );
    }
    meters.ship.set_aside_forgotten.increment(set_aside.forgotten);
    let ledger = Ledger::open(spool, anonymiser.clone(), &config.runtime, &config.limits, clock.now())?;
    meters.ship.journal_discarded.increment(ledger.discarded_generations());
    Ok(ledger)
}
