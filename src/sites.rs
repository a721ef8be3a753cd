//! The sites that are measured: their hosts, days and rules, compiled once from the configuration.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::{DAY_SECONDS, HOUR_SECONDS};
use crate::config::{self, ConfigError};
use crate::event::{Day, Hour};

/// Names that point at one click or one campaign: never part of a page, whatever a configuration says.
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

/// One measured site.
#[derive(Debug)]
pub struct Site {
    /// The name that figures are kept under.
    pub name: Arc<str>,
    /// Lower-case hosts without `www.`.
    pub hosts: HashSet<String>,
    /// The host that its pages are named with where none is given.
    pub primary_host: String,
    /// Decides the day.
    pub timezone: TimeZone,
    /// Query parameters that are part of a page, in this order.
    pub query_names_kept: Vec<String>,
    /// Property names that actions may carry.
    pub properties: HashSet<String>,
    /// Query parameter that holds what people look for; empty counts none.
    pub search_parameter: String,
    /// Script errors are counted.
    pub problems: bool,
    /// What the console shows beside its figures, and who may see them.
    pub shown: SiteView,
    exclude_paths: Vec<String>,
    exclude_addresses: Vec<IpNet>,
    /// The last answer of [`Site::day`]: a second, and its day in the lower sixteen bits.
    told: AtomicI64,
}

/// What the console shows of a site beside its figures, as configured.
#[derive(Debug, Default)]
pub struct SiteView {
    /// Everybody may read the figures.
    pub public: bool,
    /// Origins whose pages may embed them.
    pub embed_on: Vec<String>,
    /// Actions and pages whose share of visitors is shown.
    pub goals: Vec<config::GoalConfig>,
    /// Pages that are shown as one.
    pub groups: Vec<config::GroupConfig>,
    /// Notes on its days.
    pub annotations: Vec<config::AnnotationConfig>,
}

/// All measured sites.
#[derive(Debug, Default)]
pub struct Sites {
    sites: Vec<Arc<Site>>,
    by_name: HashMap<String, Arc<Site>>,
}

impl Sites {
    /// Compiles the configured sites.
    ///
    /// # Errors
    /// An unknown time zone, a name or host used twice, a click id among the kept names, an address that is none.
    pub fn new(configured: &[config::SiteConfig]) -> Result<Self, ConfigError> {
        let mut sites = Self::default();
        for written in configured {
            let site = Arc::new(Site::new(written)?);
            let mut names: Vec<String> = site.hosts.iter().cloned().collect();
            let name = written.name.to_ascii_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
            for name in names {
                if sites.by_name.insert(name.clone(), site.clone()).is_some() {
                    return Err(wrong("site.hosts", format!("`{name}` belongs to two sites")));
                }
            }
            sites.sites.push(site);
        }
        Ok(sites)
    }

    /// The site of this configured name or host (lower case; a leading `www.` does not matter).
    pub fn find(&self, name_or_host: &str) -> Option<&Arc<Site>> {
        self.by_name.get(name_or_host).or_else(|| self.by_name.get(without_www(name_or_host)))
    }

    /// All, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.iter()
    }
}

impl Site {
    fn new(written: &config::SiteConfig) -> Result<Self, ConfigError> {
        if written.name.is_empty() || written.name.len() > 255 {
            return Err(wrong("site.name", "every site needs a name of 1 to 255 bytes".into()));
        }
        let zone = if written.timezone.is_empty() { "UTC" } else { &written.timezone };
        let timezone = TimeZone::get(zone)
            .map_err(|_| wrong("site.timezone", format!("`{zone}` is no IANA time zone, such as Europe/Paris")))?;
        if let Some(name) = written.query_names_kept.iter().find(|name| is_never_kept(name)) {
            return Err(wrong(
                "site.query_names_kept",
                format!("`{name}` points at a person, a click or a campaign and can never be kept"),
            ));
        }
        if is_never_kept(&written.search_parameter) {
            return Err(wrong(
                "site.search_parameter",
                format!("`{}` points at a person, a click or a campaign and is no search", written.search_parameter),
            ));
        }
        let hosts: &[String] =
            if written.hosts.is_empty() { std::slice::from_ref(&written.name) } else { &written.hosts };
        Ok(Self {
            name: written.name.as_str().into(),
            primary_host: hosts.first().unwrap_or(&written.name).to_ascii_lowercase(),
            hosts: hosts.iter().map(|host| without_www(&host.to_ascii_lowercase()).to_owned()).collect(),
            timezone,
            query_names_kept: written.query_names_kept.clone(),
            properties: written.properties.iter().cloned().collect(),
            search_parameter: written.search_parameter.clone(),
            problems: written.problems,
            shown: SiteView {
                public: written.public,
                embed_on: written.embed_on.clone(),
                goals: written.goal.clone(),
                groups: written.group.clone(),
                annotations: written.annotation.clone(),
            },
            exclude_paths: written.exclude_paths.clone(),
            exclude_addresses: written
                .exclude_addresses
                .iter()
                .map(|text| {
                    config::network(text).ok_or_else(|| {
                        let why = format!("`{text}` is no address or network, such as 10.0.0.0/8");
                        wrong("site.exclude_addresses", why)
                    })
                })
                .collect::<Result<_, _>>()?,
            told: AtomicI64::new(i64::MIN),
        })
    }

    /// Whether `host` (lower case) serves this site.
    pub fn serves(&self, host: &str) -> bool {
        self.hosts.contains(without_www(host))
    }

    /// Whether the configuration leaves this page out.
    pub fn excludes_path(&self, path: &str) -> bool {
        self.exclude_paths.iter().any(|pattern| glob(pattern, path))
    }

    /// Whether the configuration leaves this address out.
    pub fn excludes_address(&self, address: IpAddr) -> bool {
        self.exclude_addresses.iter().any(|network| network.contains(&address))
    }

    /// The site's own day at a moment. Days before 1970 count as its first, days after 2149 as its last.
    pub fn day(&self, at: Timestamp) -> Day {
        // Hits come by the thousand a second; what is remembered is one number, so that no two answers are mixed.
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

    /// The first day that is kept at `now` when figures are kept for `months`.
    pub fn retained_from(&self, now: Timestamp, months: u32) -> Day {
        let months = jiff::Span::new().months(i64::from(months));
        let earliest = now.to_zoned(self.timezone.clone()).checked_sub(months);
        earliest.map_or(Day(0), |earliest| self.day(earliest.timestamp()))
    }
}

/// The UTC hour of a moment.
pub fn hour(at: Timestamp) -> Hour {
    Hour(u32::try_from(at.as_second().div_euclid(HOUR_SECONDS).max(0)).unwrap_or(u32::MAX))
}

/// `host` without a leading `www.`.
pub fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

/// Whether this query parameter points at a click or a campaign, and so may never be kept.
pub(crate) fn is_never_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("utm_") || NEVER_KEPT.contains(&name.as_str())
}

fn wrong(key: &str, why: String) -> ConfigError {
    ConfigError::Value { key: key.into(), why }
}

/// Whether `text` matches `pattern`, where `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
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
    fn a_campaign_is_no_search() {
        let wrong = config::SiteConfig { search_parameter: "utm_term".into(), ..site("a.example") };
        assert!(Sites::new(&[wrong]).is_err());
    }

    #[test]
    fn a_host_of_two_sites_is_refused() {
        let two = config::SiteConfig { hosts: vec!["www.a.example".into()], ..site("b.example") };
        assert!(Sites::new(&[site("a.example"), two]).is_err());
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(glob("/admin/*", "/admin/x") && glob("*", "/") && glob("/a*c*e", "/abcde") && glob("/a", "/a"));
        assert!(!glob("/admin/*", "/adm") && !glob("/a", "/ab") && !glob("/a*e", "/ab"));
    }
}
