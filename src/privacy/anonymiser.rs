//! What anonymising needs beside the hit: the sites, the rules for agents and places, the living keys.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::config::{HashAddress, LimitsConfig, MarketingPolicy, PrivacyConfig, Protection};
use crate::privacy::ceilings::AddressCeilings;
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::privacy::tag::day_key::KeyRing;
use crate::sites::Sites;

/// Everything that anonymising needs.
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
    /// With no keys yet; they come with the first hits.
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

    /// The same with ceilings on what an address may send: for hits of the public listener, not for those of files.
    #[must_use]
    pub fn with_ceilings(self, limits: &LimitsConfig) -> Self {
        Self { ceilings: AddressCeilings::new(limits), ..self }
    }

    /// Destroys keys of past days.
    pub fn destroy_past_keys(&self, now: jiff::Timestamp) {
        for site in self.sites.load().iter() {
            self.keys.destroy_past(site, now);
        }
    }

    /// Measures other sites from the next hit on.
    pub fn measure(&self, sites: Sites) {
        self.sites.store(Arc::new(sites));
    }

    /// The sites that are measured now.
    pub fn sites(&self) -> Arc<Sites> {
        self.sites.load_full()
    }

    /// The living keys, for the journal.
    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// How the figures are protected that these sightings are counted into.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// The location files, to reload or to date them.
    pub fn places(&self) -> &PlaceDatabases {
        &self.places
    }
}
