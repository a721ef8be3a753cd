//! Measured sites: hosts, days and rules, compiled once from the configuration.

mod hosts;
mod notes;
mod patterns;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::sites::hosts::{SiteHosts, host_form, without_www};
pub use crate::sites::notes::notes;
pub use crate::sites::patterns::PathPattern;

use crate::clock::{DAY_SECONDS, HOUR_SECONDS};
use crate::config::{self, ConfigError, ConsentPolicy};
use crate::event::{Day, Hour};

/// Name of the opt-out cookie on a host of the site itself.
pub const OPT_OUT_COOKIE: &str = "sillage_opt_out";

/// Query parameters that identify one click or campaign: never part of a page, regardless of the configuration.
const NEVER_KEPT: &[&str] = &[
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "fbclid",
    "msclkid",
    "twclid",
    "ttclid",
    "li_fat_id",
    "igshid",
    "yclid",
    "mc_eid",
    "mc_cid",
    "_ga",
    "_gl",
    "srsltid",
    "epik",
    "rdt_cid",
    "sccid",
    "irclickid",
    "vero_id",
    "wickedid",
    "oly_enc_id",
    "oly_anon_id",
    "_hsenc",
    "_hsmi",
    "mkt_tok",
    "s_kwcid",
    "cid",
    "uid",
    "ref",
    "source",
];

/// One measured site, compiled from its `[[site]]`.
#[derive(Debug)]
pub struct Site {
    /// Configured name, the key of its figures.
    pub name: Arc<str>,
    /// Hosts of the site, and hosts allowed beside them.
    pub hosts: SiteHosts,
    /// Host of its pages where a hit names none.
    pub primary_host: String,
    /// Time zone that decides the site's days.
    pub timezone: TimeZone,
    /// Query parameters that are part of a page, in this order.
    pub query_names_kept: Vec<String>,
    /// Property names that actions may carry.
    pub properties: HashSet<String>,
    /// Query parameter that holds a visitor's search; empty: searches are not counted.
    pub search_parameter: String,
    /// Counts script errors, by kind only.
    pub problems: bool,
    /// Hits count only with the visitor's consent.
    pub needs_consent: bool,
    /// Name of the opt-out cookie on a host that is not the site's own.
    pub opt_out_cookie: String,
    /// Display settings and access to the figures.
    pub shown: SiteView,
    exclude_paths: Vec<PathPattern>,
    exclude_addresses: Vec<IpNet>,
    /// Patterns of the site's own pages, where they are listed.
    pages: Vec<PathPattern>,
    /// Cache of [`Site::day`]: a second, and its day in the lower sixteen bits.
    told: AtomicI64,
}

/// Display settings of a site, as configured.
#[derive(Debug, Default)]
pub struct SiteView {
    /// Figures are readable without a token.
    pub public: bool,
    /// Origins whose pages may embed the figures.
    pub embed_on: Vec<String>,
    /// Goals: actions and pages shown with their share of visitors.
    pub goals: Vec<config::GoalConfig>,
    /// Groups of pages that are shown as one page.
    pub groups: Vec<config::GroupConfig>,
    /// Notes on days of the site's charts.
    pub annotations: Vec<config::AnnotationConfig>,
}

/// All configured sites, by name, host and id.
#[derive(Debug, Default)]
pub struct Sites {
    sites: Vec<Arc<Site>>,
    by_name: HashMap<String, Arc<Site>>,
    by_id: HashMap<String, Arc<Site>>,
}

impl Sites {
    /// Compiles the `[[site]]` entries of a configuration.
    ///
    /// # Errors
    /// An unknown time zone; a name, host or id used twice; a click id among the kept names; a malformed name, host or
    /// address.
    pub fn new(configured: &[config::SiteConfig]) -> Result<Self, ConfigError> {
        let mut made = configured.iter().map(Site::new).collect::<Result<Vec<_>, _>>()?;
        let known: Vec<Vec<String>> = made.iter().map(|site| site.hosts.sorted()).collect();
        for (at, site) in made.iter_mut().enumerate() {
            let others =
                known.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, hosts)| hosts.clone());
            site.hosts.leave(&others.collect::<Vec<_>>());
        }
        let mut sites = Self::default();
        for (site, written) in made.into_iter().zip(configured) {
            let site = Arc::new(site);
            let names =
                [written.name.to_lowercase()].into_iter().chain(host_form(&written.name)).chain(site.hosts.sorted());
            for name in names.collect::<HashSet<_>>() {
                if sites.by_name.insert(name.clone(), site.clone()).is_some() {
                    return Err(wrong("site.hosts", format!("`{name}` belongs to two sites")));
                }
            }
            for id in &written.ids {
                if id.is_empty() || sites.by_id.insert(id.to_lowercase(), site.clone()).is_some() {
                    return Err(wrong("site.ids", format!("`{id}` is empty or belongs to two sites")));
                }
            }
            sites.sites.push(site);
        }
        Ok(sites)
    }

    /// The site of this configured name or host, in any spelling; else the site of which the host is a subdomain.
    pub fn find(&self, name_or_host: &str) -> Option<&Arc<Site>> {
        if let Some(site) = self.by_name.get(name_or_host) {
            return Some(site);
        }
        let host = host_form(name_or_host);
        let host = host.as_deref().unwrap_or(name_or_host);
        let named = || self.by_name.get(&name_or_host.to_lowercase());
        let parents = std::iter::successors(Some(host), |host| Some(host.split_once('.')?.1));
        let around =
            || parents.take(PARENTS_MAX).filter_map(|host| self.by_name.get(host)).find(|site| site.serves(host));
        self.by_name.get(host).or_else(named).or_else(around)
    }

    /// Whether pages of this host, with or without a port, belong to a site or are listed beside a site's own.
    pub fn knows_host(&self, host: &str) -> bool {
        let serves = |host: &str| self.find(host).is_some_and(|site| site.serves(host));
        let form = || host_form(host);
        let is_listed = |host: &str| self.sites.iter().any(|site| site.hosts.lists_foreign(host));
        serves(host) || form().is_some_and(|host| serves(&host) || is_listed(&host))
    }

    /// The site that another tool's tracker calls by this id, else the site of this name, host or address.
    pub fn find_id(&self, id: &str) -> Option<&Arc<Site>> {
        let by_id = self.by_id.get(id).or_else(|| self.by_id.get(&id.to_lowercase()));
        by_id.or_else(|| self.find(id)).or_else(|| self.find(host_of_url(id)?))
    }

    /// All sites in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.iter()
    }
}

/// The host in a name that is written as an address of the site: `https://shop.example/` instead of `shop.example`.
fn host_of_url(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// Whether no site's name may have this character: HTML, a list of names or a token's list of sites gives it a meaning.
fn is_foreign_to_names(character: char) -> bool {
    character.is_control() || "\"<>\\,*".contains(character)
}

/// Names tried for a site, from the host upwards: `stats.eu.shop.example` has four.
const PARENTS_MAX: usize = 5;

impl Site {
    fn new(written: &config::SiteConfig) -> Result<Self, ConfigError> {
        if written.name.is_empty() || written.name.len() > 255 {
            return Err(wrong("site.name", "every site needs a name of 1 to 255 bytes".into()));
        }
        if written.name.contains("://") || written.name.contains(is_foreign_to_names) {
            let why = format!("`{}` is not a name; write the site's host alone, such as shop.example", written.name);
            return Err(wrong("site.name", why));
        }
        let zone = if written.timezone.is_empty() { "UTC" } else { &written.timezone };
        let timezone = TimeZone::get(zone)
            .map_err(|_| wrong("site.timezone", format!("`{zone}` is not an IANA time zone, such as Europe/Paris")))?;
        check_parameters(written)?;
        let hosts = SiteHosts::new(&written.name, &written.hosts, &written.foreign_hosts)?;
        let first = written.hosts.first().unwrap_or(&written.name);
        let exclude_addresses = written.exclude_addresses.iter().map(|text| {
            let why = || format!("`{text}` is not an address or network, such as 10.0.0.0/8");
            config::network(text).ok_or_else(|| wrong("site.exclude_addresses", why()))
        });
        let digest = blake3::hash(written.name.as_bytes()).to_hex();
        Ok(Self {
            name: written.name.as_str().into(),
            primary_host: host_form(first).unwrap_or_else(|| first.to_lowercase()),
            hosts,
            timezone,
            query_names_kept: written.query_names_kept.clone(),
            properties: written.properties.iter().cloned().collect(),
            search_parameter: written.search_parameter.clone(),
            problems: written.problems,
            needs_consent: written.consent == ConsentPolicy::Required,
            opt_out_cookie: format!("{OPT_OUT_COOKIE}_{}", digest.get(..12).unwrap_or_default()),
            shown: SiteView {
                public: written.public,
                embed_on: written.embed_on.clone(),
                goals: written.goal.clone(),
                groups: written.group.clone(),
                annotations: written.annotation.clone(),
            },
            exclude_paths: written.exclude_paths.iter().map(|pattern| PathPattern::new(pattern)).collect(),
            exclude_addresses: exclude_addresses.collect::<Result<_, _>>()?,
            pages: written.pages.iter().map(|pattern| PathPattern::new(pattern)).collect(),
            told: AtomicI64::new(i64::MIN),
        })
    }

    /// Whether `host` (normalised) belongs to this site.
    pub fn serves(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }

    /// Whether a page of `host` is on the same site as a page of `page_host`.
    pub fn is_own(&self, host: &str, page_host: &str) -> bool {
        self.serves(host) || (self.hosts.are_unknown() && host == page_host)
    }

    /// Whether the configuration excludes this page.
    pub fn excludes_path(&self, path: &str) -> bool {
        self.exclude_paths.iter().any(|pattern| pattern.covers(path))
    }

    /// Whether the configuration excludes this address.
    pub fn excludes_address(&self, address: IpAddr) -> bool {
        self.exclude_addresses.iter().any(|network| network.contains(&address))
    }

    /// Whether the configuration lists this page as one of the site's own.
    pub fn lists_page(&self, path: &str) -> bool {
        self.pages.iter().any(|pattern| pattern.covers(path))
    }

    /// The site's own day at a moment. Days before 1970 count as its first, days after 2149 as its last.
    pub fn day(&self, at: Timestamp) -> Day {
        // Called for thousands of hits a second; the cache is one number, so that two answers never mix.
        let (second, told) = (at.as_second(), self.told.load(Ordering::Relaxed));
        if told >> 16 == second {
            return Day(u16::try_from(told & 0xffff).unwrap_or_default());
        }
        let offset = self.timezone.to_offset(at).seconds();
        let days = (second + i64::from(offset)).div_euclid(DAY_SECONDS);
        let day = u16::try_from(days.max(0)).unwrap_or(u16::MAX);
        self.told.store(second << 16 | i64::from(day), Ordering::Relaxed);
        Day(day)
    }

    /// The hour of a moment: the UTC hour that begins within the site's own hour, so that a zone half an hour off has
    /// hours of its own. In a zone of whole hours it is the UTC hour.
    pub fn hour(&self, at: Timestamp) -> Hour {
        let offset = i64::from(self.timezone.to_offset(at).seconds());
        let local = (at.as_second() + offset).div_euclid(HOUR_SECONDS);
        Hour(u32::try_from((local - offset.div_euclid(HOUR_SECONDS)).max(0)).unwrap_or(u32::MAX))
    }

    /// First day kept at `now` with a retention of `months`.
    pub fn retained_from(&self, now: Timestamp, months: u32) -> Day {
        let months = jiff::Span::new().months(i64::from(months));
        let earliest = now.to_zoned(self.timezone.clone()).checked_sub(months);
        earliest.map_or(Day(0), |earliest| self.day(earliest.timestamp()))
    }
}

/// Rejects query parameters that must not be kept.
fn check_parameters(written: &config::SiteConfig) -> Result<(), ConfigError> {
    if let Some(name) = written.query_names_kept.iter().find(|name| is_never_kept(name)) {
        let why = format!("`{name}` identifies a person, a click or a campaign and can never be kept");
        return Err(wrong("site.query_names_kept", why));
    }
    if is_never_kept(&written.search_parameter) {
        let why = format!(
            "`{}` identifies a person, a click or a campaign and is not a search parameter",
            written.search_parameter
        );
        return Err(wrong("site.search_parameter", why));
    }
    Ok(())
}

/// Whether this query parameter identifies a click or a campaign, and so may never be kept.
pub(crate) fn is_never_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("utm_") || NEVER_KEPT.contains(&name.as_str())
}

fn wrong(key: &str, why: String) -> ConfigError {
    ConfigError::Value { key: key.into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> config::SiteConfig {
        config::SiteConfig { name: name.into(), timezone: "Europe/Paris".into(), ..Default::default() }
    }

    #[test]
    fn a_day_begins_at_local_midnight_in_summer_and_winter() {
        let sites = Sites::new(&[site("a.example")]).unwrap();
        let site = sites.find("a.example").unwrap();
        let day = |text: &str| site.day(text.parse().unwrap()).0;
        assert_eq!(day("2026-03-28T22:59:59Z") + 1, day("2026-03-28T23:00:00Z"));
        assert_eq!(day("2026-03-29T21:59:59Z") + 1, day("2026-03-29T22:00:00Z"));
    }

    #[test]
    fn a_day_is_the_same_whatever_was_asked_before() {
        let sites = Sites::new(&[site("a.example")]).unwrap();
        let asked = sites.find("a.example").unwrap();
        let midnight: Timestamp = "2026-03-28T23:00:00Z".parse().unwrap();
        for second in [0, -1, 0, 0, 1, -1, -86_400, i64::from(u16::MAX), -86_401, 0, -1_774_738_800, 1 << 36, 0] {
            let at = Timestamp::from_second(midnight.as_second() + second).unwrap();
            let fresh = Sites::new(&[site("a.example")]).unwrap();
            assert_eq!(asked.day(at), fresh.find("a.example").unwrap().day(at), "{second}");
        }
    }

    #[test]
    fn a_site_is_found_by_its_address_and_nothing_longer() {
        let sites = Sites::new(&[site("a.example")]).unwrap();
        for id in ["https://a.example/", "http://www.a.example/shop?x#y", "HTTPS://A.EXAMPLE"] {
            assert!(sites.find_id(id).is_some(), "{id}");
        }
        for id in ["https://b.example/a.example", "://", "https://", "https:a.example", "https://a.example@b.example/"]
        {
            assert!(sites.find_id(id).is_none(), "{id}");
        }
    }

    #[test]
    fn a_host_with_www_is_the_host_without() {
        let sites = Sites::new(&[site("a.example")]).unwrap();
        assert!(sites.find("www.a.example").is_some());
        assert!(sites.find("b.example").is_none());
    }

    #[test]
    fn a_click_id_among_the_kept_names_is_refused() {
        let kept = config::SiteConfig { query_names_kept: vec!["GCLID".into()], ..site("a.example") };
        assert!(Sites::new(&[kept]).is_err());
    }

    #[test]
    fn a_campaign_parameter_as_search_parameter_is_refused() {
        let wrong = config::SiteConfig { search_parameter: "utm_term".into(), ..site("a.example") };
        assert!(Sites::new(&[wrong]).is_err());
    }

    #[test]
    fn a_host_of_two_sites_is_refused() {
        let two = config::SiteConfig { hosts: vec!["www.a.example".into()], ..site("b.example") };
        assert!(Sites::new(&[site("a.example"), two]).is_err());
    }

    #[test]
    fn a_name_with_a_meaning_elsewhere_is_refused() {
        for name in ["https://shop.example", "shop.example, b.example", "*", "a\"b", "<b>", "a\tb", "a\\b"] {
            assert!(Sites::new(&[site(name)]).is_err(), "{name}");
        }
        for name in
            ["shop.example", "L'Équipe & Co", "shop.example/blog", "localhost:3000", "[::1]", "bücher.example", "a_b-c"]
        {
            assert!(Sites::new(&[site(name)]).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_international_name_finds_its_site_in_every_spelling() {
        let listed = config::SiteConfig { hosts: vec!["müller.example".into()], ..site("b.example") };
        let sites = Sites::new(&[site("bücher.example"), listed]).unwrap();
        for name in ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example", "www.bücher.example"] {
            assert_eq!(&*sites.find(name).unwrap().name, "bücher.example", "{name}");
        }
        assert!(sites.find("xn--mller-kva.example").is_some_and(|site| site.serves("xn--mller-kva.example")));
    }

    #[test]
    fn a_subdomain_belongs_to_the_nearest_site_above_it() {
        let sites = Sites::new(&[site("root.example"), site("blog.root.example")]).unwrap();
        let name = |host: &str| sites.find(host).map(|site| site.name.to_string());
        assert_eq!(name("shop.root.example").as_deref(), Some("root.example"));
        assert_eq!(name("a.blog.root.example").as_deref(), Some("blog.root.example"));
        let root = sites.find("root.example").unwrap();
        assert!(root.serves("shop.root.example") && !root.serves("blog.root.example"));
    }

    #[test]
    fn another_tool_s_id_finds_its_site() {
        let named = config::SiteConfig { ids: vec!["7".into(), "A-UUID".into()], ..site("a.example") };
        let sites = Sites::new(std::slice::from_ref(&named)).unwrap();
        assert!(["7", "a-uuid", "a.example"].iter().all(|id| sites.find_id(id).is_some()));
        assert!(sites.find("7").is_none() && sites.find_id("8").is_none());
        assert!(Sites::new(&[named.clone(), config::SiteConfig { name: "b.example".into(), ..named }]).is_err());
    }

    #[test]
    fn a_zone_half_an_hour_off_has_hours_of_its_own() {
        let at = |zone: &str, text: &str| {
            let zoned = config::SiteConfig { timezone: zone.into(), ..site("a.example") };
            let sites = Sites::new(&[zoned]).unwrap();
            let moment = text.parse::<jiff::civil::DateTime>().unwrap().in_tz(zone).unwrap().timestamp();
            let hour = sites.find("a.example").unwrap().hour(moment);
            let begins = Timestamp::from_second(i64::from(hour.0) * 3_600).unwrap();
            begins.in_tz(zone).unwrap().hour()
        };
        for zone in ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Europe/Paris", "UTC"] {
            assert_eq!((at(zone, "2026-03-10T09:40:00"), at(zone, "2026-03-10T10:10:00")), (9, 10), "{zone}");
            assert_eq!((at(zone, "2026-03-10T00:05:00"), at(zone, "2026-03-10T23:59:00")), (0, 23), "{zone}");
        }
    }
}
