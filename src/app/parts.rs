//! Construction of the program's components from shared parts. Must start nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::collect::address_probe::AddressProbe;
use crate::collect::hits::HitPipeline;
use crate::collect::pages::PublicPages;
use crate::collect::{self, Acceptor, CollectState};
use crate::config::{Config, ConfigError};
use crate::console::{self, ConsoleState, StorageProfile};
use crate::health::Health;
use crate::housekeeping::Maintenance;
use crate::ledger::Ledger;
use crate::mail::{MailSetupError, Mailer, MailerOptions, Subscriptions};
use crate::observe::Meters;
use crate::privacy::Anonymiser;
use crate::release::{Releaser, ReleaserOptions};
use crate::runtime_dir::FolderError;
use crate::ship::Shipper;
use crate::sites::Sites;
use crate::store::client::Store;
use crate::store::reports::Reports;

/// Parts shared by both listeners, shipping and housekeeping.
pub(super) type SharedParts<'p> = (&'p Arc<Ledger>, &'p Arc<Anonymiser>, &'p Arc<Meters>, &'p Arc<dyn Clock>);

/// State of the public listener.
pub(super) fn collect_state(
    config: &Config,
    (ledger, anonymiser, meters, clock): SharedParts<'_>,
    demo: bool,
    health: &Arc<Health>,
) -> Result<CollectState, ConfigError> {
    let meters = meters.hits.clone();
    let hits = HitPipeline::new(anonymiser.clone(), ledger.clone(), clock.clone(), meters, &config.collect)?;
    let pages = PublicPages::new(config, anonymiser.clone(), clock.clone());
    let state = CollectState::new(hits, pages, config.collect.clone(), demo, health.clone());
    Ok(match AddressProbe::open(&config.runtime.dir) {
        Ok(probe) => state.probed(probe),
        Err(error) => {
            tracing::warn!(%error, "serve: key of `sillage doctor` not written; it cannot check the client address");
            state
        }
    })
}

/// State of the console.
pub(super) fn console_state(
    config: &Config,
    (ledger, _, meters, clock): SharedParts<'_>,
    store: &Arc<Store>,
    (sites, health, mail): (Arc<Sites>, Arc<Health>, Option<Arc<Subscriptions>>),
) -> Result<ConsoleState, FolderError> {
    let in_memory = ledger.clone();
    Ok(ConsoleState::new(console::ConsoleOptions {
        sites,
        tokens: config.console.tokens.clone(),
        kept: StorageProfile::of(&config.privacy),
        reports: Reports::new(Store::clone(store)),
        store: Store::clone(store),
        config: Arc::new(config.clone()),
        clock: clock.clone(),
        meters: meters.clone(),
        spool_accepts: spool_accepts(ledger),
        open_visits: Box::new(move |site| in_memory.open_visits_of(site)),
        journal: Some(console::QueryJournal::open(config.spool.dir.join("journal"))?),
        mail,
        health,
    }))
}

/// The shipper, from spool to database; `pauses` are the first and the longest after a failed insert.
pub(super) fn shipper(
    config: &Config,
    (ledger, _, meters, clock): SharedParts<'_>,
    (store, releaser): (&Arc<Store>, &Arc<Releaser>),
    pauses: (Duration, Duration),
) -> Shipper {
    let (ledger, meters, clock) = (ledger.clone(), meters.clone(), clock.clone());
    let (store, releaser) = (store.clone(), releaser.clone());
    let (every, clickhouse) = (Duration::from_secs(config.spool.flush_seconds), config.clickhouse.clone());
    Shipper { ledger, store, releaser, meters, clock, every, pauses, clickhouse }
}

/// The mailer; `None` without subscriptions.
pub(super) fn mailer(
    config: &Config,
    (ledger, _, meters, clock): SharedParts<'_>,
    (store, releaser, sites): (&Arc<Store>, &Arc<Releaser>, &Arc<Sites>),
    subscriptions: &Option<Arc<Subscriptions>>,
) -> Result<Option<Arc<Mailer>>, MailSetupError> {
    let Some(subscriptions) = subscriptions else { return Ok(None) };
    let options = MailerOptions {
        config: Arc::new(config.clone()),
        subscriptions: subscriptions.clone(),
        sites: sites.clone(),
        reports: Reports::new(Store::clone(store)),
        releaser: releaser.clone(),
        ledger: ledger.clone(),
        clock: clock.clone(),
        meters: meters.clone(),
    };
    Ok(Some(Arc::new(Mailer::open(options)?)))
}

/// The maintenance of memory and gauges.
pub(super) fn maintenance(
    (ledger, anonymiser, meters, clock): SharedParts<'_>,
    engine_up: Option<tokio::sync::watch::Receiver<bool>>,
    runtime_dir: &Path,
) -> Maintenance {
    let (ledger, anonymiser) = (ledger.clone(), anonymiser.clone());
    let (meters, clock, runtime_dir) = (meters.clone(), clock.clone(), runtime_dir.to_owned());
    Maintenance { ledger, anonymiser, meters, clock, engine_up, runtime_dir }
}

/// The releaser of the figures that this collector ships.
pub(super) fn releaser(store: &Arc<Store>, ledger: &Ledger, clock: &Arc<dyn Clock>, sites: &Sites) -> Releaser {
    let collector = format!("{:032x}", u128::from_be_bytes(ledger.spool().node()));
    let (store, protection) = (store.clone(), store.protection());
    Releaser::new(
        ReleaserOptions { store, collector, started: clock.now(), protection, aborts_before: None, draws: None },
        sites,
    )
}

/// Whether the spool accepts hits, for probes.
fn spool_accepts(ledger: &Arc<Ledger>) -> Box<dyn Fn() -> bool + Send + Sync> {
    let ledger = ledger.clone();
    Box::new(move || ledger.spool().ready().is_ok())
}

/// One for each collecting thread.
pub(super) fn acceptors(config: &Config, meters: &Meters) -> Vec<Acceptor> {
    collect::acceptors(collect::threads(&config.collect), |thread| meters.hits.connections(thread))
}
