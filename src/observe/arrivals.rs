//! Outcomes of the last half hour's hits, by site and minute, in memory only: a newly installed tracker is visible
//! within seconds, long before a figure is published. Holds outcomes and counts, nothing else of a hit.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use arc_swap::ArcSwap;
use hashbrown::HashMap;

use crate::outcome::Outcome;
use crate::sites::Sites;

/// Length of the window in minutes.
pub const MINUTES: usize = 30;

const OUTCOMES: usize = Outcome::ALL.len();

/// Arrivals of all sites, some 2 KB per site.
pub struct Arrivals {
    second: AtomicI64,
    sites: ArcSwap<HashMap<Arc<str>, Arc<SiteArrivals>>>,
    elsewhere: SiteArrivals,
}

/// Arrivals of one site by minute.
pub struct SiteArrivals {
    last: AtomicI64,
    minutes: [[AtomicU32; OUTCOMES]; MINUTES],
    views: [AtomicU32; MINUTES],
}

/// A copy of a site's arrivals.
#[derive(Debug, PartialEq, Eq)]
pub struct ArrivalsReport {
    /// Time of the last hit, seconds since 1970; `None` if there was none since the start.
    pub last: Option<i64>,
    /// Hits per minute, oldest first, by outcome in the order of [`Outcome::ALL`].
    pub minutes: Vec<[u32; OUTCOMES]>,
    /// Pageviews that were counted in these minutes.
    pub pageviews: u32,
}

impl Default for SiteArrivals {
    fn default() -> Self {
        let minute = |_| std::array::from_fn(|_| AtomicU32::new(0));
        let views = std::array::from_fn(|_| AtomicU32::new(0));
        Self { last: AtomicI64::new(0), minutes: std::array::from_fn(minute), views }
    }
}

impl Arrivals {
    /// Empty counts for these sites.
    pub fn new(sites: &Sites) -> Self {
        let arrivals =
            Self { second: AtomicI64::new(0), sites: ArcSwap::default(), elsewhere: SiteArrivals::default() };
        arrivals.reload(sites);
        arrivals
    }

    /// Applies a new list of sites; counts of known sites are kept.
    pub fn reload(&self, sites: &Sites) {
        let known = self.sites.load_full();
        let of_site = |name: &Arc<str>| known.get(name).cloned().unwrap_or_default();
        self.sites.store(Arc::new(sites.iter().map(|site| (site.name.clone(), of_site(&site.name))).collect()));
    }

    /// Advances to second `now`; called every second.
    pub fn advance(&self, now: i64) {
        let before = self.second.swap(now, Ordering::Relaxed).div_euclid(60);
        let passed = now.div_euclid(60).saturating_sub(before).clamp(0, 30);
        for minute in (0..passed).map(|back| now.div_euclid(60) - back) {
            self.sites.load().values().for_each(|site| site.clear(minute));
            self.elsewhere.clear(minute);
        }
    }

    /// Counts an outcome of `site`; `index` is its position in [`Outcome::ALL`].
    pub fn ended(&self, site: Option<&Arc<str>>, index: usize) {
        let sites = self.sites.load();
        let second = self.second.load(Ordering::Relaxed);
        site.and_then(|site| sites.get(site).map(|found| &**found)).unwrap_or(&self.elsewhere).add(second, index);
    }

    /// A pageview of `site` was counted.
    pub fn viewed(&self, site: &str) {
        let second = self.second.load(Ordering::Relaxed);
        if let Some(found) = self.sites.load().get(site) {
            found.views.get(slot(second.div_euclid(60))).map(|views| views.fetch_add(1, Ordering::Relaxed));
        }
    }

    /// Arrivals of a site; `None`: of hits that belong to no configured site.
    pub fn report(&self, site: Option<&str>) -> ArrivalsReport {
        let second = self.second.load(Ordering::Relaxed);
        let sites = self.sites.load();
        site.and_then(|site| sites.get(site).map(|found| &**found)).unwrap_or(&self.elsewhere).report(second)
    }
}

fn slot(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(30)).unwrap_or_default()
}

impl SiteArrivals {
    fn clear(&self, minute: i64) {
        let outcomes = self.minutes.get(slot(minute));
        let views = self.views.get(slot(minute));
        outcomes.into_iter().flatten().chain(views).for_each(|count| count.store(0, Ordering::Relaxed));
    }

    fn add(&self, second: i64, index: usize) {
        if let Some(count) = self.minutes.get(slot(second.div_euclid(60))).and_then(|outcomes| outcomes.get(index)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.last.store(second, Ordering::Relaxed);
    }

    fn report(&self, second: i64) -> ArrivalsReport {
        let minute = second.div_euclid(60);
        let of_minute = |back: i64| {
            let counts = self.minutes.get(slot(minute - back));
            let count =
                |index: usize| counts.and_then(|counts| counts.get(index)).map_or(0, |c| c.load(Ordering::Relaxed));
            std::array::from_fn(count)
        };
        let last = self.last.load(Ordering::Relaxed);
        let minutes = (0..30).rev().map(of_minute).collect();
        let pageviews = self.views.iter().map(|views| views.load(Ordering::Relaxed)).sum();
        ArrivalsReport { last: (last > 0).then_some(last), minutes, pageviews }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn sites() -> Sites {
        Sites::new(&Config::from_toml("[[site]]\nname = \"a.example\"").unwrap().site).unwrap()
    }

    #[test]
    fn a_hit_shows_in_its_minute_and_is_gone_after_half_an_hour() {
        let arrivals = Arrivals::new(&sites());
        let name: Arc<str> = "a.example".into();
        arrivals.advance(600_000);
        arrivals.ended(Some(&name), 0);
        arrivals.viewed(&name);
        let report = arrivals.report(Some("a.example"));
        assert_eq!((report.last, report.minutes[29][0], report.pageviews), (Some(600_000), 1, 1));
        arrivals.advance(600_060);
        assert_eq!(arrivals.report(Some("a.example")).minutes[28][0], 1);
        arrivals.advance(600_000 + 1_800);
        let report = arrivals.report(Some("a.example"));
        assert!(report.minutes.iter().flatten().chain([&report.pageviews]).all(|count| *count == 0));
    }

    #[test]
    fn hits_of_no_site_are_counted_apart() {
        let arrivals = Arrivals::new(&sites());
        arrivals.advance(600_000);
        arrivals.ended(None, 3);
        assert_eq!(arrivals.report(Some("a.example")).last, None);
        assert_eq!(arrivals.report(None).minutes[29][3], 1);
    }
}
