//! Ceilings on hits per address within ten minutes, so that forging figures needs more than a loop: hits of an address
//! on a site, and agents new to a network. The state is a bounded map of hashes under a key of this process, for one
//! window of [`WINDOW_SECONDS`]: never on a disk, never an address.
//!
//! The defaults exceed any office's or school's traffic (docs/limits.md): a thousand people behind one address who open
//! two pages each within ten minutes send 6 000 hits. Drawn evenly from 790 agents of today, which is more mixed than
//! any office, 300 people show 247.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::config::LimitsConfig;
use crate::privacy::lookup::place::truncated;

/// Length of a window in seconds.
const WINDOW_SECONDS: i64 = 600;

/// Counts and marks in the map; beyond, entries without recent hits are evicted.
const KEPT_MAX: usize = 65_536;

/// Bytes of the full map: keys, counts and map slots.
pub(crate) const CEILING_BYTES: u64 = KEPT_MAX as u64 * 96;

/// Counts per address and network in the current window.
pub(super) struct AddressCeilings {
    key: RandomState,
    kept: Cache<u64, Arc<AtomicU32>>,
    hits_max: u32,
    agents_max: u32,
}

impl AddressCeilings {
    /// Ceilings as configured; 0 means no bound.
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        Self {
            key: RandomState::new(),
            kept: Cache::new(KEPT_MAX),
            hits_max: limits.hits_per_address,
            agents_max: limits.agents_per_network,
        }
    }

    /// Counts a hit; false if its address or its network's agents exceed a ceiling.
    pub(super) fn passes(&self, address: IpAddr, agent: &str, site: &str, now: Timestamp) -> bool {
        let window = now.as_second().div_euclid(WINDOW_SECONDS);
        let passes = |kind: u8, of: IpAddr, bound: u32| {
            let count = self.count(self.key.hash_one((kind, window, of, site)));
            bound > 0 && count.fetch_add(1, Ordering::Relaxed) >= bound
        };
        if passes(HITS, address_unit(address), self.hits_max) {
            return true;
        }
        if self.agents_max == 0 {
            return false;
        }
        let network = truncated(address);
        let mark = self.key.hash_one((AGENT, window, network, site, agent));
        if self.kept.get(&mark).is_some() {
            return false;
        }
        if passes(AGENTS, network, self.agents_max) {
            return true;
        }
        self.count(mark);
        false
    }

    /// A number for an address's network, valid in this process only; addresses of one network share it.
    pub(super) fn network(&self, address: IpAddr) -> u32 {
        let [a, b, c, d, ..] = self.key.hash_one((NETWORK, truncated(address))).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    fn count(&self, key: u64) -> Arc<AtomicU32> {
        if let Some(count) = self.kept.get(&key) {
            return count;
        }
        let fresh = Arc::new(AtomicU32::new(0));
        self.kept.insert(key, fresh.clone());
        fresh
    }
}

/// Domain tags of the hashes.
const HITS: u8 = 1;
const AGENTS: u8 = 2;
const AGENT: u8 = 3;
const NETWORK: u8 = 4;

/// The unit that counts as one address: for IPv6 the first 64 bits, since devices change the rest.
fn address_unit(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceilings(hits: u32, agents: u32) -> AddressCeilings {
        let limits = LimitsConfig { hits_per_address: hits, agents_per_network: agents, ..LimitsConfig::default() };
        AddressCeilings::new(&limits)
    }

    const NOON: i64 = 1_773_144_000;

    #[test]
    fn an_address_that_sends_too_much_is_stopped_for_its_window_and_others_are_not() {
        let ceilings = ceilings(3, 0);
        let passes = |last: u8, site: &str, seconds: i64| {
            let now = Timestamp::from_second(NOON + seconds).unwrap();
            ceilings.passes(IpAddr::from([192, 0, 2, last]), "agent", site, now)
        };
        assert!((0..3).all(|_| !passes(1, "a", 0)) && passes(1, "a", 1));
        assert!(!passes(2, "a", 1) && !passes(1, "b", 1), "another address, another site");
        assert!(!passes(1, "a", WINDOW_SECONDS), "the next window");
    }

    #[test]
    fn a_network_shows_only_so_many_agents_for_the_first_time_and_known_ones_go_on() {
        let ceilings = ceilings(0, 3);
        let now = Timestamp::from_second(NOON).unwrap();
        let passes =
            |last: u8, agent: u32| ceilings.passes(IpAddr::from([192, 0, 2, last]), &agent.to_string(), "a", now);
        assert!((0..3).all(|agent| !passes(1, agent)));
        assert!(passes(9, 3), "a fourth agent of the network");
        assert!((0..3).all(|agent| !passes(7, agent)), "those that are known");
        assert!(!ceilings.passes(IpAddr::from([192, 0, 3, 1]), "3", "a", now), "another network");
    }

    #[test]
    fn an_office_of_a_thousand_meets_no_default() {
        let ceilings = AddressCeilings::new(&LimitsConfig::default());
        let now = Timestamp::from_second(NOON).unwrap();
        let office = IpAddr::from([192, 0, 2, 1]);
        // Two pages each, with reading time and load times; 250 agents among them.
        let hits = (0..6_000u32).map(|hit| (hit % 250).to_string());
        assert!(hits.into_iter().all(|agent| !ceilings.passes(office, &agent, "a", now)));
    }
}
