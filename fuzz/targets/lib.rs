//! Code that targets share: one site, and the whole path from a hit to rows, whose sums must never drop below zero.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use sillage::config;
use sillage::privacy::hit::{ClientIp, Hit, HitSender, ObjectionSignals, UserAgent};
use sillage::privacy::lookup::agent::Agents;
use sillage::privacy::lookup::place::PlaceDatabases;
use sillage::privacy::url::page::{PAGE_BYTES_MAX, URL_BYTES_MAX};
use sillage::privacy::{Anonymiser, HitReading};
use sillage::rollup::Rollup;
use sillage::rollup::counters::Batch;
use sillage::sites::{Site, Sites};
use sillage::visits::{VisitBounds, Visits};

use sillage::collect::formats::native::NativeEvent;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Small, so that inputs reach them.
const BOUNDS: VisitBounds =
    VisitBounds { pages: 50, values: 50, rows: 1_000, tags: 10_000, visits: 1_000, sites: 1, weighed: true };

/// One site that keeps a query parameter and two properties, as most inputs need.
pub fn sites() -> Sites {
    let site = config::SiteConfig {
        name: "a.example".into(),
        timezone: "Europe/Paris".into(),
        query_names_kept: vec!["page".into(), "q".into()],
        properties: vec!["plan".into(), "size".into()],
        ..config::SiteConfig::default()
    };
    Sites::new(&[site]).expect("the site is right")
}

/// The site of [`sites`].
pub fn site(sites: &Sites) -> &Site {
    sites.find("a.example").expect("it is there")
}

/// Anonymises and counts hits, under [`BOUNDS`].
pub struct Counter {
    anonymiser: Anonymiser,
    visits: Visits,
}

impl Default for Counter {
    fn default() -> Self {
        let places = PlaceDatabases::open(&[]).expect("no files");
        let privacy =
            config::PrivacyConfig { marketing: config::MarketingPolicy::Always, ..config::PrivacyConfig::default() };
        let anonymiser = Anonymiser::new(sites(), Agents::new(100), places, &privacy);
        Self { anonymiser, visits: Visits::new(BOUNDS) }
    }
}

impl Counter {
    /// Drops all visits, for the next input.
    pub fn fresh(&mut self) {
        self.visits = Visits::new(BOUNDS);
    }

    /// Counts one message of one visitor with these headers: what `cost` measures.
    pub fn count_as(&mut self, message: &NativeEvent<'_>, agent: &str, language: &str, rollup: &mut Rollup) {
        let reading = HitReading::new(Hit {
            received: jiff::Timestamp::from_second(1_773_000_000).expect("a moment of this century"),
            address: ClientIp::new(IpAddr::from([192, 0, 2, 1])),
            agent: UserAgent::new(agent),
            accept_language: Some(language),
            signals: ObjectionSignals::default(),
            sender: HitSender::default(),
            site: None,
            url: &message.url,
            referrer: message.referrer.as_deref(),
            fragment_is_page: message.fragment_is_page,
            width: message.width,
            consent: message.consent,
            model: message.model.as_deref(),
            kind: message.kind(),
        });
        let Ok(reading) = reading else { return };
        // A site counts once however often it is named, as in the collector.
        let mut sites = Vec::new();
        for site in message.site_names().filter_map(|name| self.anonymiser.known_site(&reading, name).ok()) {
            if !sites.iter().any(|known| Arc::ptr_eq(known, &site)) {
                sites.push(site);
            }
        }
        for site in sites {
            if let Ok(sighting) = self.anonymiser.anonymise_for(&reading, site) {
                rollup.add(&self.visits.count(&sighting).event);
            }
        }
    }

    /// Counts one message of one visitor into `rollup`, `at` seconds after a fixed time.
    pub fn count(&mut self, message: &NativeEvent<'_>, visitor: u8, at: i64, rollup: &mut Rollup) {
        assert!((1..=URL_BYTES_MAX).contains(&message.url.len()));
        assert!(message.referrer.as_ref().is_none_or(|referrer| referrer.len() <= URL_BYTES_MAX));
        let received = jiff::Timestamp::from_second(1_773_000_000 + at).expect("a moment of this century");
        for site in message.site_names() {
            let kind = message.kind();
            let hit = Hit {
                received,
                address: ClientIp::new(IpAddr::from([192, 0, 2, visitor])),
                agent: UserAgent::new(FIREFOX),
                accept_language: None,
                signals: ObjectionSignals::default(),
                sender: HitSender::default(),
                site,
                url: &message.url,
                referrer: message.referrer.as_deref(),
                fragment_is_page: message.fragment_is_page,
                width: message.width,
                consent: message.consent,
                model: message.model.as_deref(),
                kind,
            };
            if let Ok(sighting) = self.anonymiser.anonymise(hit) {
                rollup.add(&self.visits.count(&sighting).event);
            }
        }
    }
}

/// Adds a batch to sums, which must stay at zero or above, and checks the bounds of its texts.
pub fn add(sums: &mut BTreeMap<String, i64>, batch: &Batch) {
    for row in &batch.pages {
        assert!(row.page.len() <= PAGE_BYTES_MAX && (row.page.starts_with('/') || &*row.page == "(other)"));
        let columns = [row.pageviews, row.visitors, row.page_visitors, row.visits, row.exits, row.bounces];
        let more = [row.visit_seconds, row.engaged_ms, row.engaged_views, row.scroll_percent, row.scroll_views];
        for (number, amount) in columns.into_iter().chain(more).enumerate() {
            *sums.entry(format!("{} {} {number}", row.hour, row.page)).or_default() += amount;
        }
    }
    for row in &batch.breakdowns {
        let columns = [row.pageviews, row.visitors, row.page_visitors, row.visits, row.bounces, row.visit_seconds];
        for (number, amount) in columns.into_iter().enumerate() {
            let key = format!("{} {} {} {} {number}", row.day, row.dimension, row.page, row.value);
            *sums.entry(key).or_default() += amount;
        }
    }
    for row in &batch.actions {
        assert!(0 < row.count && row.visitors <= row.count);
    }
    assert!(sums.values().all(|sum| *sum >= 0), "a sum went below zero");
}
