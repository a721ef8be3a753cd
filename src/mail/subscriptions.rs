//! Recipients: who gets what, and who has unsubscribed. Addresses come from the configuration alone. A recipient who
//! has unsubscribed is remembered by a keyed hash; its key and the list are two small files in the data folder.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use subtle::ConstantTimeEq as _;

use crate::config::{Config, MailConfig, MailLanguage};
use crate::hex::{from_hex, hex};
use crate::lock::lock;
use crate::mail::deliveries::write_whole;

/// Folder below the spool's.
const FOLDER: &str = "mail";

/// Purposes of derived keys, so that a hash of one purpose is of no use for another.
const LINK: &str = "sillage mail unsubscribe link 1";
const REMEMBERED: &str = "sillage mail unsubscribed 1";
const DELIVERY: &str = "sillage mail delivery 1";

/// A subscription: reports or alerts of one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailList {
    /// Weekly and monthly reports.
    Reports,
    /// Alerts of a site, all kinds.
    Alerts,
}

/// One site's reports or alerts to one recipient. Names a person: derives no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Kind of the mails.
    pub list: MailList,
    /// Name of the site.
    pub site: String,
    /// Mail address, as configured.
    pub recipient: String,
    /// Language of the mails.
    pub language: MailLanguage,
}

/// All subscriptions of a configuration.
pub struct Subscriptions {
    folder: PathBuf,
    key: [u8; 32],
    all: Vec<Subscription>,
    /// Held while the list of unsubscriptions is rewritten.
    writing: Mutex<()>,
}

impl MailList {
    /// Its word in hashes and lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reports => "reports",
            Self::Alerts => "alerts",
        }
    }
}

impl Subscriptions {
    /// Those of `config`; makes folder and key where there are none.
    ///
    /// # Errors
    /// When the folder cannot be used, or the key in it is not one.
    pub fn open(config: &Config) -> io::Result<Self> {
        let folder = config.spool.dir.join(FOLDER);
        fs_err::create_dir_all(&folder)?;
        let key = key_in(&folder.join("key"))?;
        Ok(Self { folder, key, all: listed(config), writing: Mutex::new(()) })
    }

    /// The folder `mail` in `spool.dir`.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every subscription, also those that were ended.
    pub fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.all.iter()
    }

    /// Name of deliveries of `matter` to `recipient` about `site`, without either's words.
    pub(super) fn delivery_name(&self, matter: &str, site: &str, recipient: &str) -> String {
        self.hash(DELIVERY, &[matter, site, &recipient.to_lowercase()])
    }

    /// The part of an unsubscribe link that stands for a subscription. It holds no address.
    pub fn link_key(&self, subscription: &Subscription) -> String {
        self.hash_of(LINK, subscription)
    }

    /// The subscription of a link; none for a link that is not ours or whose recipient is gone.
    pub fn find(&self, link_key: &str) -> Option<&Subscription> {
        let written = link_key.as_bytes();
        self.all.iter().find(|known| bool::from(self.link_key(known).as_bytes().ct_eq(written)))
    }

    /// Whether mails may go there.
    ///
    /// # Errors
    /// When the list cannot be read: then nothing may be sent.
    pub fn is_active(&self, subscription: &Subscription) -> io::Result<bool> {
        Ok(!self.ended()?.contains(&self.hash_of(REMEMBERED, subscription)))
    }

    /// Ends a subscription, for good.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn end(&self, subscription: &Subscription) -> io::Result<()> {
        let hash = self.hash_of(REMEMBERED, subscription);
        self.rewrite(|ended| {
            ended.insert(hash);
        })
    }

    /// Takes back every end of this recipient's subscriptions; how many there were.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn resume(&self, recipient: &str) -> io::Result<usize> {
        let theirs = self.all.iter().filter(|known| known.recipient.eq_ignore_ascii_case(recipient));
        let hashes: Vec<String> = theirs.map(|known| self.hash_of(REMEMBERED, known)).collect();
        let mut resumed = 0;
        self.rewrite(|ended| resumed = hashes.iter().filter(|hash| ended.remove(*hash)).count())?;
        Ok(resumed)
    }

    fn ended(&self) -> io::Result<BTreeSet<String>> {
        match std::fs::read_to_string(self.file()) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    fn rewrite(&self, change: impl FnOnce(&mut BTreeSet<String>)) -> io::Result<()> {
        let _alone = lock(&self.writing);
        let mut ended = self.ended()?;
        change(&mut ended);
        let lines: String = ended.iter().map(|hash| format!("{hash}\n")).collect();
        write_whole(&self.file(), lines.as_bytes())
    }

    fn file(&self) -> PathBuf {
        self.folder.join("unsubscribed")
    }

    fn hash_of(&self, purpose: &str, of: &Subscription) -> String {
        self.hash(purpose, &[of.list.word(), &of.site, &of.recipient.to_lowercase()])
    }

    fn hash(&self, purpose: &str, parts: &[&str]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key(purpose, &self.key));
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        hex(hasher.finalize().as_bytes().get(..16).unwrap_or_default())
    }
}

/// Every site and recipient of a configuration, once a list.
fn listed(config: &Config) -> Vec<Subscription> {
    let mut all: Vec<Subscription> = Vec::new();
    let mut add = |list, names: &[String], recipients: &[String], language| {
        for site in MailConfig::sites_of(names, &config.site) {
            for recipient in recipients {
                let known = |one: &Subscription| {
                    one.list == list && one.site == site && one.recipient.eq_ignore_ascii_case(recipient)
                };
                if !all.iter().any(known) {
                    all.push(Subscription { list, site: site.to_owned(), recipient: recipient.clone(), language });
                }
            }
        }
    };
    for report in &config.mail.report {
        add(MailList::Reports, &report.sites, &report.recipients, report.language);
    }
    for alert in &config.mail.alert {
        add(MailList::Alerts, &alert.sites, &alert.recipients, alert.language);
    }
    all
}

/// The key in `file`, which is made where there is none. It lasts as long as the data folder, like the links.
fn key_in(file: &Path) -> io::Result<[u8; 32]> {
    match std::fs::read_to_string(file) {
        Ok(text) => from_hex(text.trim()).ok_or_else(|| {
            io::Error::other("not a key; remove it to create another, which invalidates the links in sent mails")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            write_whole(file, hex(&key).as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        let text = format!(
            "site = [{{ name = \"a.example\" }}, {{ name = \"b.example\" }}]\nspool = {{ dir = {folder:?} }}\n[mail]\n\
             host = \"mail.example\"\nfrom = \"stats@example.org\"\nconsole_url = \"https://stats.example.org\"\n\
             [[mail.report]]\nsites = [\"*\"]\nrecipients = [\"Anna@example.org\", \"ben@example.org\"]\n\
             schedule = [\"weekly\"]\n[[mail.alert]]\nsites = [\"a.example\"]\nrecipients = [\"anna@example.org\"]\n"
        );
        Config::from_toml(&text).unwrap()
    }

    #[test]
    fn each_site_and_recipient_ends_by_itself_and_stays_ended_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let subscriptions = Subscriptions::open(&config).unwrap();
        assert_eq!(subscriptions.iter().count(), 5);
        let first = subscriptions.iter().next().unwrap();
        let link = subscriptions.link_key(first);
        subscriptions.end(subscriptions.find(&link).unwrap()).unwrap();
        let again = Subscriptions::open(&config).unwrap();
        let active: Vec<bool> = again.iter().map(|one| again.is_active(one).unwrap()).collect();
        assert_eq!(active, [false, true, true, true, true]);
        assert_eq!(again.link_key(first), link);
        assert_eq!(again.resume("anna@example.org").unwrap(), 1);
        assert!(again.is_active(first).unwrap());
    }

    #[test]
    fn no_file_holds_an_address_and_no_other_key_opens_a_link() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let subscriptions = Subscriptions::open(&config(folder.path())).unwrap();
        for one in subscriptions.iter() {
            subscriptions.end(one).unwrap();
        }
        for file in std::fs::read_dir(folder.path().join(FOLDER)).unwrap().flatten() {
            let text = std::fs::read_to_string(file.path()).unwrap().to_lowercase();
            assert!(!text.contains("anna") && !text.contains("example.org"), "{:?}", file.path());
        }
        let stranger = Subscriptions::open(&config(other.path())).unwrap();
        let link = stranger.link_key(stranger.iter().next().unwrap());
        assert!(subscriptions.find(&link).is_none() && subscriptions.find("").is_none());
    }
}
