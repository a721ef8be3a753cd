//! Sites whose rows a reader may see: all or some. Each list of sites has a database user of its own: the database
//! separates them, not the parsing of SQL.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::config;

/// Name of the user that reads every site.
pub const ALL_SITES: &str = "sillage_reader";

/// The sites that a token may read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReaderScope {
    /// Every site of the database.
    All,
    /// These sites, by lower-case name.
    Sites(BTreeSet<String>),
}

impl ReaderScope {
    /// The scope of a token's list, in which `*` stands for every site.
    pub fn of<S: AsRef<str>>(sites: impl IntoIterator<Item = S>) -> Self {
        let sites: BTreeSet<String> = sites.into_iter().map(|site| site.as_ref().to_ascii_lowercase()).collect();
        if sites.contains("*") { Self::All } else { Self::Sites(sites) }
    }

    /// The distinct scopes of a configuration's tokens.
    pub fn of_tokens(tokens: &[config::TokenConfig]) -> BTreeSet<Self> {
        tokens.iter().map(|token| Self::of(&token.sites)).filter(|scope| *scope != Self::All).collect()
    }

    /// Name of the database user: a hash of its sites, so that every collector derives the same name.
    pub fn user(&self) -> String {
        match self {
            Self::All => ALL_SITES.into(),
            Self::Sites(sites) => {
                let mut hash = Sha256::new();
                for site in sites {
                    hash.update(site.len().to_le_bytes());
                    hash.update(site);
                }
                let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                format!("{ALL_SITES}_{hash}")
            }
        }
    }

    /// The row filter of its user; `None` for every site.
    pub fn filter(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Sites(sites) if sites.is_empty() => Some("0".into()),
            Self::Sites(sites) => {
                let names: Vec<String> = sites.iter().map(|site| quoted(site)).collect();
                Some(format!("site IN ({})", names.join(", ")))
            }
        }
    }

    /// Password of its user on a remote server, derived from the password of the reading user: the same in every
    /// collector.
    pub fn password(&self, of_reader: &str) -> String {
        let key = blake3::derive_key("sillage 2026 reading user of some sites", of_reader.as_bytes());
        blake3::keyed_hash(&key, self.user().as_bytes()).to_hex().to_string()
    }
}

/// Tables and users of the readers in our own engine.
#[derive(Debug, Clone, Default)]
pub struct ReaderAccess {
    /// Tables, as `database.table`; they need not exist yet.
    pub tables: Vec<String>,
    /// Scopes that each get a user for their sites alone.
    pub scopes: BTreeSet<ReaderScope>,
}

/// A text quoted as an SQL literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> ReaderScope {
        ReaderScope::of(["Shop.example", "a.example"])
    }

    #[test]
    fn a_scope_is_the_same_user_in_whatever_order_its_sites_are_written() {
        assert_eq!(shop().user(), ReaderScope::of(["a.example", "shop.example"]).user());
        assert!(shop().user() != ReaderScope::of(["a.example"]).user());
        assert_eq!(ReaderScope::of(["a.example", "*"]), ReaderScope::All);
        assert_eq!(ReaderScope::All.user(), "sillage_reader");
    }

    #[test]
    fn a_filter_names_the_sites_and_nothing_of_a_name_leaves_its_quotes() {
        assert_eq!(shop().filter().unwrap(), "site IN ('a.example', 'shop.example')");
        assert_eq!(ReaderScope::of(["a') OR ('1"]).filter().unwrap(), "site IN ('a\\') or (\\'1')");
        assert_eq!(ReaderScope::of([""; 0]).filter().unwrap(), "0");
        assert_eq!(ReaderScope::All.filter(), None);
    }
}
