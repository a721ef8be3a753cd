//! What notices and pages are made from: the parts of a running configuration that a visitor or an authority may ask
//! about. Must hold no path, no address and no token; and of sites only those that the reader may know.

use super::said::{Said, plain, said};
use crate::config::{Config, EngineMode, HashAddress, Marketing, Privacy};
use crate::sites::Site;

/// What is so, as configured.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `[privacy]`.
    pub privacy: Privacy,
    /// There are location files.
    pub location: bool,
    /// Tags and keys of the day may reach a disk (`runtime.allow_disk`).
    pub tags_on_disk: bool,
    /// The database is somebody else's affair.
    pub remote: bool,
    /// Seconds between flushes of the spool.
    pub flush_seconds: u64,
    /// Path of the tracker.
    pub tracker_path: String,
    /// The sites that the reader may know.
    pub sites: Vec<SiteFacts>,
}

/// What is so for one site.
#[derive(Debug, Clone, Default)]
pub struct SiteFacts {
    /// Its name.
    pub name: String,
    /// Its hosts, sorted.
    pub hosts: Vec<String>,
    /// The time zone that decides its days.
    pub timezone: String,
    /// Query parameters that are part of a page.
    pub query_names_kept: Vec<String>,
    /// Declared properties of actions, sorted.
    pub properties: Vec<String>,
    /// The query parameter that holds what people look for.
    pub search_parameter: String,
}

/// A point at which the configuration leaves the rules, and what would bring it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Numbers of the rules.
    pub rules: &'static [u8],
    /// What is otherwise.
    pub said: Said,
    /// What to do.
    pub remedy: Said,
}

impl Facts {
    /// What is so under `config`, for no site yet.
    pub fn new(config: &Config) -> Self {
        Self {
            privacy: config.privacy.clone(),
            location: !config.geo.databases.is_empty(),
            tags_on_disk: config.runtime.allow_disk,
            remote: config.clickhouse.mode == EngineMode::Remote,
            flush_seconds: config.spool.flush_seconds,
            tracker_path: config.collect.tracker_path.clone(),
            sites: Vec::new(),
        }
    }

    /// The same for these sites.
    pub fn of<'s>(&self, sites: impl IntoIterator<Item = &'s Site>) -> Self {
        Self { sites: sites.into_iter().map(SiteFacts::from).collect(), ..self.clone() }
    }

    /// The controller's name, where it is given.
    pub fn controller(&self) -> Option<String> {
        Some(plain(&self.privacy.controller.name)).filter(|name| !name.is_empty())
    }

    /// How to reach the controller, where it is given; a link if it is an address of mail or web.
    pub fn contact(&self) -> Option<String> {
        let contact = Some(plain(&self.privacy.controller.contact)).filter(|contact| !contact.is_empty())?;
        let one_word = !contact.contains([' ', '(', ')']);
        Some(if one_word && contact.starts_with("https://") {
            format!("[{contact}]({contact})")
        } else if one_word && contact.contains('@') {
            format!("[{contact}](mailto:{contact})")
        } else {
            contact
        })
    }

    /// The rules that this configuration leaves, in their order. None: it keeps to all that a configuration decides.
    pub fn departures(&self) -> Vec<Departure> {
        let privacy = &self.privacy;
        let mut departures = Vec::new();
        let mut leaves = |holds: bool, rules: &'static [u8], said: Said, remedy: Said| {
            if holds {
                departures.push(Departure { rules, said, remedy })
            }
        };
        leaves(
            self.tags_on_disk,
            &[5, 13],
            said!(
                "The tags and the keys of the day may be written to a disk, and so may outlive the day.",
                "Les marques et les clés du jour peuvent être écrites sur un disque, et donc survivre à la journée."
            ),
            said!(
                "Set `runtime.dir` to a folder in memory and `runtime.allow_disk = false`.",
                "Placer `runtime.dir` en mémoire et mettre `runtime.allow_disk = false`."
            ),
        );
        leaves(
            privacy.marketing == Marketing::Always,
            &[8, 9],
            said!(
                "Campaigns and acquisition channels are measured for every visit, without asking for consent.",
                "Les campagnes et les canaux d'acquisition sont mesurés à chaque visite, sans demander le consentement."
            ),
            said!("Set `privacy.marketing = \"never\"`.", "Mettre `privacy.marketing = \"never\"`."),
        );
        let rounding = privacy.rounding;
        leaves(
            rounding < 10,
            &[12],
            match rounding {
                1 => said!("Figures are not rounded.", "Les chiffres ne sont pas arrondis."),
                _ => said!(
                    "Figures are rounded to multiples of {rounding}, finer than the nearest ten.",
                    "Les chiffres sont arrondis à des multiples de {rounding}, plus finement qu'à la dizaine."
                ),
            },
            said!("Set `privacy.rounding = 10`.", "Mettre `privacy.rounding = 10`."),
        );
        for (honoured, signal, key) in
            [(privacy.honour_gpc, "Sec-GPC", "privacy.honour_gpc"), (privacy.honour_dnt, "DNT", "privacy.honour_dnt")]
        {
            leaves(
                !honoured,
                &[19],
                said!(
                    "The signal `{signal}: 1` of a browser is not taken as an objection.",
                    "Le signal `{signal}: 1` d'un navigateur n'est pas traité comme une opposition."
                ),
                said!("Set `{key} = true`.", "Mettre `{key} = true`."),
            );
        }
        departures
    }

    /// Whether campaigns are measured for some visits or all.
    pub fn measures_campaigns(&self) -> bool {
        self.privacy.marketing != Marketing::Never
    }

    /// The part of an address that goes into the tag.
    pub fn hashed_address(&self) -> Said {
        match self.privacy.hash_address {
            HashAddress::Full => said!(
                "the address (of an IPv6 address, its first 64 bits)",
                "l'adresse (pour une adresse IPv6, ses 64 premiers bits)"
            ),
            HashAddress::Truncated => said!(
                "the address cut short (24 bits of an IPv4 address, 48 of an IPv6 address)",
                "l'adresse raccourcie (24 bits d'une adresse IPv4, 48 d'une adresse IPv6)"
            ),
        }
    }
}

impl From<&Site> for SiteFacts {
    fn from(site: &Site) -> Self {
        let sorted = |names: &std::collections::HashSet<String>| {
            let mut names: Vec<String> = names.iter().cloned().collect();
            names.sort();
            names
        };
        Self {
            name: site.name.to_string(),
            hosts: sorted(&site.hosts),
            timezone: site.timezone.iana_name().unwrap_or("UTC").to_owned(),
            query_names_kept: site.query_names_kept.clone(),
            properties: sorted(&site.properties),
            search_parameter: site.search_parameter.clone(),
        }
    }
}
