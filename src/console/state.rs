//! State of the running console: sites and tokens, which a reload replaces, and the sessions.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config;
use crate::console::admission::Admission;
use crate::console::journal::QueryJournal;
use crate::console::now::{NowDraw, NowFigures};
use crate::console::query::StorageProfile;
use crate::console::session::Sessions;
use crate::console::tokens::{AccessToken, TokenSet};
use crate::health::Health;
use crate::mail::Subscriptions;
use crate::observe::Meters;
use crate::sites::Sites;
use crate::store::client::Store;
use crate::store::reports::Reports;

/// Parts that the console works with.
pub struct ConsoleOptions {
    /// Sites of the configuration.
    pub sites: Arc<Sites>,
    /// Tokens, each with the sites that it may read.
    pub tokens: Vec<config::TokenConfig>,
    /// Protection and marketing of the figures.
    pub kept: StorageProfile,
    /// Reader of the published figures.
    pub reports: Reports,
    /// Stores annotations, and lets the audit inspect the database.
    pub store: Store,
    /// Configuration of the running program, for the audit and the notices.
    pub config: Arc<config::Config>,
    /// Clock that decides the current day, and the end of sessions.
    pub clock: Arc<dyn Clock>,
    /// Metrics of the process, rendered at `/metrics`.
    pub meters: Arc<Meters>,
    /// Whether the spool accepts hits now.
    pub spool_accepts: Box<dyn Fn() -> bool + Send + Sync>,
    /// Journal of queries; `None` records none.
    pub journal: Option<QueryJournal>,
    /// Recipients of mails, if `[mail]` is configured.
    pub mail: Option<Arc<Subscriptions>>,
    /// Readiness, as set by start and stop.
    pub health: Arc<Health>,
    /// Visits in progress on the site of this name, exact.
    pub open_visits: Box<dyn Fn(&str) -> usize + Send + Sync>,
}

/// State of the running console.
pub struct ConsoleState {
    pub(super) access: ArcSwap<AccessRules>,
    pub(super) sessions: Sessions,
    pub(super) kept: StorageProfile,
    pub(super) reports: Reports,
    pub(super) store: Store,
    pub(super) config: Arc<config::Config>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) meters: Arc<Meters>,
    pub(super) spool_accepts: Box<dyn Fn() -> bool + Send + Sync>,
    pub(super) admission: Admission,
    pub(super) health: Arc<Health>,
    pub(super) mail: Option<Arc<Subscriptions>>,
    journal: Option<QueryJournal>,
    open_visits: Box<dyn Fn(&str) -> usize + Send + Sync>,
    draw: Option<NowDraw>,
}

/// The part of the state that a reload replaces.
pub(super) struct AccessRules {
    pub(super) sites: Arc<Sites>,
    pub(super) tokens: TokenSet,
}

impl ConsoleState {
    /// A console without sessions.
    pub fn new(parts: ConsoleOptions) -> Self {
        let access = AccessRules { sites: parts.sites, tokens: TokenSet::new(&parts.tokens, parts.clock.clone()) };
        Self {
            access: ArcSwap::from_pointee(access),
            sessions: Sessions::default(),
            kept: parts.kept,
            reports: parts.reports,
            store: parts.store,
            config: parts.config,
            clock: parts.clock,
            meters: parts.meters,
            spool_accepts: parts.spool_accepts,
            admission: Admission::default(),
            journal: parts.journal,
            health: parts.health,
            mail: parts.mail,
            open_visits: parts.open_visits,
            draw: NowDraw::new(),
        }
    }

    /// Figures of the last half hour on a site, as they may be told.
    pub(super) fn now_of(&self, site: &str) -> NowFigures {
        let counts = ((self.open_visits)(site), self.meters.hits.arrivals.report(Some(site)).pageviews);
        NowDraw::told(self.draw.as_ref(), self.kept.protection, site, counts, self.clock.now())
    }

    /// Applies a new configuration; sessions of removed tokens end at once.
    pub fn reload(&self, sites: Arc<Sites>, tokens: &[config::TokenConfig]) {
        let tokens = TokenSet::new(tokens, self.clock.clone());
        self.admission.keep(|token| tokens.find(token).is_some());
        self.access.store(Arc::new(AccessRules { sites, tokens }));
    }

    /// Records that `token` asked `query` at `path`.
    pub(super) fn note_query(&self, token: &AccessToken, path: &str, query: &[u8]) {
        if let Some(journal) = &self.journal {
            journal.note(self.clock.now(), &token.name, path, query);
        }
    }
}
