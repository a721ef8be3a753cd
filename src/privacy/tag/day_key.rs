//! Keys of the visitor tags: 256 random bits from the operating system, fresh per site and site-local day, stored in
//! memory only and wiped on destruction. A day's key outlives its midnight by half an hour, so that a visit in progress
//! continues into the new day; after that its tags cannot be recomputed.
//!
//! Each key has its own page of memory, which the system neither swaps out nor dumps nor passes to a child, as far as
//! the system supports that.

use std::sync::{Arc, Mutex, Once};

use hashbrown::HashMap;
use jiff::Timestamp;
use memmap2::MmapMut;
use zeroize::Zeroize;

use crate::event::Day;
use crate::lock::lock;
use crate::sites::Site;
use crate::system_calls;

/// Longest gap within a visit; a key outlives its midnight by as long.
pub const VISIT_GAP_SECONDS: i64 = 1_800;

/// Bytes of a key, and of the key derived from it for page and action tags.
const KEY_BYTES: usize = 32;
const DERIVED_BYTES: usize = 16;

/// One site's key of one day, followed by its derived key, in a page of its own.
pub struct DayKey(MmapMut);

impl DayKey {
    fn random() -> Result<Self, KeyError> {
        let mut key = Self::empty()?;
        getrandom::fill(key.halves().0).map_err(|_| KeyError)?;
        key.derive();
        Ok(key)
    }

    pub(in crate::privacy) fn recalled(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut key = Self::empty()?;
        if bytes.len() != KEY_BYTES {
            return Err(KeyError);
        }
        key.halves().0.copy_from_slice(bytes);
        key.derive();
        Ok(key)
    }

    fn halves(&mut self) -> (&mut [u8], &mut [u8]) {
        self.0.split_at_mut(KEY_BYTES)
    }

    /// Computes the derived key without leaving a copy of either on the stack.
    fn derive(&mut self) {
        let mut hasher = blake3::Hasher::new_keyed(self.bytes());
        hasher.update(b"tags of tags");
        let mut reader = hasher.finalize_xof();
        reader.fill(self.halves().1);
        reader.zeroize();
        hasher.zeroize();
    }

    /// Room for a key. The page is locked before it holds one.
    fn empty() -> Result<Self, KeyError> {
        static TOLD: Once = Once::new();
        let page = MmapMut::map_anon(KEY_BYTES + DERIVED_BYTES).map_err(|_| KeyError)?;
        let guarded = page.lock().and_then(|()| system_calls::hide_page(&page));
        if guarded.is_err() {
            TOLD.call_once(|| {
                tracing::warn!("privacy: memory of day keys not locked; raise `ulimit -l` or disable swap");
            });
        }
        Ok(Self(page))
    }

    pub(in crate::privacy) fn bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.first_chunk().expect("because `empty` maps as many bytes")
    }

    /// The derived key, for tags of a visitor's page or action.
    pub(in crate::privacy) fn derived(&self) -> [u64; 2] {
        let (_, derived) = self.0.split_at(KEY_BYTES);
        let (pair, _) = derived.as_chunks();
        let mut words = pair.iter().copied().map(u64::from_le_bytes);
        [words.next().unwrap_or(0), words.next().unwrap_or(0)]
    }

    /// The key's bytes, for the journal in memory only.
    pub(crate) fn for_journal(&self) -> &[u8; KEY_BYTES] {
        self.bytes()
    }
}

impl Drop for DayKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The operating system provides no random bytes or no page of memory; without a key, visitors are not tagged.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes or no memory for a key from the operating system")]
pub struct KeyError;

/// The keys for one point in time.
pub(in crate::privacy) struct MomentKeys {
    pub(in crate::privacy) today: Arc<DayKey>,
    /// Key of the previous day, within half an hour past midnight, if that day had visitors.
    pub(in crate::privacy) yesterday: Option<Arc<DayKey>>,
}

/// All live keys by site and day.
#[derive(Default)]
pub struct KeyRing {
    sites: Mutex<HashMap<Arc<str>, SiteKeys>>,
}

/// A site's live keys: today's and, for half an hour, yesterday's.
type SiteKeys = Vec<(Day, Arc<DayKey>)>;

impl KeyRing {
    /// The keys for a hit on `site` at `at`, generated if missing.
    pub(in crate::privacy) fn moment(&self, site: &Site, at: Timestamp, day: Day) -> Result<MomentKeys, KeyError> {
        let mut sites = lock(&self.sites);
        let days = sites.entry(site.name.clone()).or_default();
        let today = match days.iter().find(|(of, _)| *of == day) {
            Some((_, key)) => key.clone(),
            None => {
                let key = Arc::new(DayKey::random()?);
                days.push((day, key.clone()));
                key
            }
        };
        // For most of the day, today's key is the only one, and the calendar is not consulted.
        let others = days.iter().filter(|(of, _)| *of != day).count();
        let before = if others == 0 { day } else { day_before_gap(site, at) };
        let yesterday = days.iter().find(|(of, _)| *of == before && before != day);
        Ok(MomentKeys { today, yesterday: yesterday.map(|(_, key)| key.clone()) })
    }

    /// Restores a key from the journal. A live key takes precedence.
    pub(crate) fn recall(&self, site: &Site, day: Day, key: &[u8]) {
        let mut sites = lock(&self.sites);
        let days = sites.entry(site.name.clone()).or_default();
        if !days.iter().any(|(of, _)| *of == day)
            && let Ok(key) = DayKey::recalled(key)
        {
            days.push((day, Arc::new(key)));
        }
    }

    /// The live key of a day.
    pub(crate) fn of(&self, site: &Site, day: Day) -> Option<Arc<DayKey>> {
        let sites = lock(&self.sites);
        sites.get(&site.name)?.iter().find(|(of, _)| *of == day).map(|(_, key)| key.clone())
    }

    /// Destroys `site`'s keys of days that ended more than half an hour before `now`.
    pub fn destroy_past(&self, site: &Site, now: Timestamp) {
        let keep_from = day_before_gap(site, now);
        let mut sites = lock(&self.sites);
        if let Some(days) = sites.get_mut(&site.name) {
            days.retain(|(day, _)| *day >= keep_from);
        }
    }

    /// Number of live keys.
    pub fn count(&self) -> usize {
        lock(&self.sites).values().map(Vec::len).sum()
    }
}

/// The site-local day half an hour before `at`.
fn day_before_gap(site: &Site, at: Timestamp) -> Day {
    let earlier = Timestamp::from_second(at.as_second().saturating_sub(VISIT_GAP_SECONDS)).unwrap_or(at);
    site.day(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::sites::Sites;

    fn paris() -> Arc<Site> {
        let site =
            config::SiteConfig { name: "a.example".into(), timezone: "Europe/Paris".into(), ..Default::default() };
        Sites::new(&[site]).unwrap().find("a.example").unwrap().clone()
    }

    #[test]
    fn a_key_lives_half_an_hour_past_midnight_and_is_destroyed_then() {
        let (site, keys) = (paris(), KeyRing::default());
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let moment = |text: &str| keys.moment(&site, at(text), site.day(at(text))).unwrap();
        let evening = moment("2026-03-10T22:59:59Z").today;
        let night = moment("2026-03-10T23:29:59Z");
        assert!(Arc::ptr_eq(&evening, &night.yesterday.unwrap()));
        assert!(evening.bytes() != night.today.bytes());
        keys.destroy_past(&site, at("2026-03-10T23:29:59Z"));
        assert_eq!(keys.count(), 2);
        assert!(moment("2026-03-10T23:30:00Z").yesterday.is_none());
        keys.destroy_past(&site, at("2026-03-10T23:30:00Z"));
        assert_eq!(keys.count(), 1);
    }
}
