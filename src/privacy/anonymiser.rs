//! The anonymiser's state: sites, rules for agents and places, and live day keys.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::{HashAddress, LimitsConfig, MarketingPolicy, PrivacyConfig, Protection};
use crate::privacy::ceilings::AddressCeilings;
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::privacy::tag::day_key::KeyRing;
use crate::sites::Sites;

/// Sites, lookups, keys and ceilings that anonymising uses.
pub struct Anonymiser {
    pub(super) sites: ArcSwap<Sites>,
    pub(super) agents: Arc<Agents>,
    pub(super) places: PlaceDatabases,
    pub(super) keys: KeyRing,
    pub(super) honour_gpc: bool,
    pub(super) honour_dnt: bool,
    pub(super) hash_address: HashAddress,
    pub(super) marketing: MarketingPolicy,
    pub(super) protection: Protection,
    pub(super) ceilings: AddressCeilings,
}

impl Anonymiser {
    /// Starts without keys; each is made by its first hit.
    pub fn new(sites: Sites, agents: impl Into<Arc<Agents>>, places: PlaceDatabases, privacy: &PrivacyConfig) -> Self {
        Self {
            sites: ArcSwap::from_pointee(sites),
            agents: agents.into(),
            places,
            keys: KeyRing::default(),
            honour_gpc: privacy.honour_gpc,
            honour_dnt: privacy.honour_dnt,
            hash_address: privacy.hash_address,
            marketing: privacy.marketing,
            protection: privacy.protection,
            ceilings: AddressCeilings::new(&LimitsConfig {
                hits_per_address: 0,
                agents_per_network: 0,
                ..Default::default()
            }),
        }
    }

    /// Sets ceilings per address, for hits of the public listener; imports have none.
    #[must_use]
    pub fn with_ceilings(self, limits: &LimitsConfig) -> Self {
        Self { ceilings: AddressCeilings::new(limits), ..self }
    }

    /// Destroys all keys of past days.
    pub fn destroy_past_keys(&self, now: jiff::Timestamp) {
        for site in self.sites.load().iter() {
            self.keys.destroy_past(site, now);
        }
    }

    /// Applies a new list of sites from the next hit on.
    pub fn set_sites(&self, sites: Sites) {
        self.sites.store(Arc::new(sites));
    }

    /// The current list of sites.
    pub fn sites(&self) -> Arc<Sites> {
        self.sites.load_full()
    }

    /// The live keys, for the journal.
    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// How the figures are protected that these sightings are counted into.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// The location files, to reload them or read their dates.
    pub fn places(&self) -> &PlaceDatabases {
        &self.places
    }
}
