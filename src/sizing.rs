//! Memory bounds: the most that a configuration allows, as `sillage check` prints it and tests enforce it. Knows every
//! bound and sets none.
//!
//! The sum covers memory that visitors can make grow, each part at its worst at the same moment: sets about to double,
//! every connection in use, a segment of entirely distinct events. The engine is a separate process with its own
//! bounds; location files are mapped, and the system evicts their pages when needed.

use crate::config::Config;
use crate::hit_tally::HitTally;
use crate::privacy::ceilings::CEILING_BYTES;
use crate::privacy::lookup::agent::AGENT_BYTES;
use crate::privacy::lookup::place::{PLACE_BYTES, PLACES_CACHED};
use crate::rollup::Rollup;
use crate::spool::{SEGMENT_MAX, WAITING_MAX};
use crate::visits::journal::notes_bytes;
use crate::visits::{VisitBounds, Visits};

/// Bytes of the idle program: code, threads, compiled agent rules, buffers of the database client.
const AT_REST: u64 = 96 << 20;

/// Bytes of an open connection whose client sends or does not read: measured at 31 KiB (tests/overload).
const CONNECTION: u64 = 32 << 10;
/// Most bytes that TLS adds to a connection: a record of 16 KiB and its overhead each way, and one that is being put
/// together.
const TLS_CONNECTION: u64 = 56 << 10;

/// Days of a site in memory at once: yesterday's visits continue for half an hour.
const DAYS: u64 = 2;

/// Bytes of events waiting for the disk: two batches, each in a buffer that may be half empty.
const WAITING: u64 = 4 * WAITING_MAX as u64;

/// One part of the memory bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryPart {
    /// Content of this part, and the keys that bound it.
    pub what: &'static str,
    /// Upper bound in bytes.
    pub bytes: u64,
}

/// Parts of the process's own memory.
pub fn process(config: &Config) -> Vec<MemoryPart> {
    let (bounds, sites) = (VisitBounds::from(&config.limits), config.site.len() as u64);
    let (connections, collect) = (config.collect.max_connections as u64, &config.collect);
    let request = (collect.max_header_bytes + collect.max_body_bytes) as u64;
    let tls = if collect.tls.is_set() { TLS_CONNECTION } else { 0 };
    let part = |what, bytes| MemoryPart { what, bytes };
    vec![
        part("at rest", AT_REST),
        part("tags and visits (limits.tags, limits.visits)", Visits::bytes_max(bounds).0),
        part(
            "texts and rows of each site's days (limits.*_per_site_day)",
            sites * DAYS * Visits::day_bytes_max(bounds).0,
        ),
        part(
            "agents and places (limits.agents_cached)",
            config.limits.agents_cached as u64 * AGENT_BYTES + PLACES_CACHED as u64 * PLACE_BYTES,
        ),
        part("limits per address", CEILING_BYTES),
        part("pages of robots", HitTally::bytes_max(sites)),
        part("connections (collect.max_connections)", connections * (CONNECTION + tls)),
        part("requests in progress (collect.max_header_bytes, max_body_bytes)", connections * request),
        part("events on their way to the disk", WAITING),
        // One segment is folded while the rows of another are being inserted.
        part("folding of segments", Rollup::bytes_max(SEGMENT_MAX) * 3 / 2),
    ]
}

/// Bytes in `runtime.dir`, a folder in memory: the journal and its predecessor, each a snapshot and entries.
pub fn runtime_folder(config: &Config) -> u64 {
    let (bounds, sites) = (VisitBounds::from(&config.limits), config.site.len() as u64);
    let snapshot = Visits::bytes_max(bounds).1 + sites * DAYS * Visits::day_bytes_max(bounds).1;
    2 * (snapshot + notes_bytes(usize::try_from(snapshot).unwrap_or(usize::MAX)) as u64)
}

/// The memory bound as text, for `sillage check`.
pub fn told(config: &Config) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let parts = process(config);
    let sum = parts.iter().map(|part| part.bytes).sum();
    let lines: String = parts.iter().map(|part| format!("\n{:>7} MiB  {}", mib(part.bytes), part.what)).collect();
    format!("memory: at most {} MiB, plus {} MiB in runtime.dir:{lines}", mib(sum), mib(runtime_folder(config)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SteadyClock;
    use crate::config::{LimitsConfig, SiteConfig};
    use crate::event::{Day, Event, EventKind, Hour, Property, Term};
    use crate::rollup::counters::{ActionsRow, BreakdownsRow};
    use crate::spool::Spool;

    #[test]
    fn the_default_bounds_of_one_site_come_to_less_than_two_gigabytes() {
        let config = Config { site: vec![SiteConfig::default()], ..Config::default() };
        let sum: u64 = process(&config).iter().map(|part| part.bytes).sum();
        assert!(sum < 2_000_000_000, "{}", told(&config));
        assert!(runtime_folder(&config) < 2_000_000_000, "{}", told(&config));
    }

    #[test]
    fn the_runtime_folder_has_room_for_the_notes_that_a_journal_reserves() {
        let mut config = Config { site: vec![SiteConfig::default()], ..Config::default() };
        config.limits = LimitsConfig {
            pages_per_site_day: 500,
            values_per_dimension: 100,
            rows_per_site_day: 10_000,
            visits: 1_000,
            tags: 10_000,
            ..config.limits
        };
        let bounds = VisitBounds::from(&config.limits);
        let snapshot = Visits::bytes_max(bounds).1 + DAYS * Visits::day_bytes_max(bounds).1;
        assert!((1 << 20..32 << 20).contains(&snapshot), "{snapshot}: beyond it notes have their own bound");
        assert_eq!(runtime_folder(&config), 2 * 9 * snapshot);
    }

    #[test]
    fn every_configured_bound_is_in_the_sum() {
        let sum = |change: fn(&mut Config)| {
            let mut config = Config { site: vec![SiteConfig::default()], ..Config::default() };
            change(&mut config);
            process(&config).iter().map(|part| part.bytes).sum::<u64>()
        };
        let before = sum(|_| ());
        let grown: [fn(&mut Config); 10] = [
            |config| config.limits.tags *= 4,
            |config| config.limits.visits *= 4,
            |config| config.limits.pages_per_site_day *= 4,
            |config| config.limits.values_per_dimension *= 4,
            |config| config.limits.rows_per_site_day *= 4,
            |config| config.limits.agents_cached *= 4,
            |config| config.collect.max_connections *= 4,
            |config| config.collect.max_body_bytes *= 4,
            |config| config.collect.max_header_bytes *= 4,
            |config| config.site.push(SiteConfig::default()),
        ];
        assert!(grown.iter().all(|change| sum(*change) > before));
    }

    /// Actions with properties of two bytes: the input with the most rows per byte.
    #[test]
    fn a_segment_makes_no_more_rows_than_its_share_of_memory_is_reckoned_for() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SteadyClock::system());
        let (spool, _) = Spool::open_folder(folder.path(), 1 << 30, clock).unwrap();
        let texts: Vec<String> = (0..4_000).map(|number| format!("{number}")).collect();
        let term = |number: u32| Term { id: number, text: &texts[number as usize] };
        let mut number = 0;
        while spool.sealed().is_empty() {
            number += 1;
            let property = |at| Property { name: term(at), value: term(30 + (at + number) % 30), new_visitor: false };
            let kind = EventKind::Action {
                name: term(64 + number % 1_000),
                new_action_visitor: false,
                not_found: false,
                properties: (0..30).map(property).collect(),
            };
            let (site, page) = (term(63), term(1_100 + number % 2_003));
            let (day, hour) = (Day(20_000), Hour(480_000));
            let event = Event { site, day, hour, page, values: Default::default(), kind, entry: None, left: None };
            // The queue to the disk may be full.
            spool.append(&event).ok();
        }
        let (segment, mut rollup) = (spool.sealed()[0], Rollup::default());
        spool.read(&segment).unwrap().for_each(|event| rollup.add(event)).unwrap();
        let rows = rollup.rows() as u64;
        assert!(rows > SEGMENT_MAX / 4, "{rows}: it was not the worst");
        let row = size_of::<ActionsRow>().max(size_of::<BreakdownsRow>()) as u64;
        assert!(rows * 2 * row < Rollup::bytes_max(SEGMENT_MAX), "{rows}");
        assert!(Rollup::bytes_max(SEGMENT_MAX) <= 300_000_000);
    }
}
