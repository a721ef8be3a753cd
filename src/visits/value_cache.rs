//! Cache of the day's text numbers of known agents and places: eight of a pageview's values come from two interned
//! objects, and two record reads replace eight text look-ups. It stores only answers of the day's interner; values
//! without room there are not stored.

use crate::event::Dimension;

/// Dimensions of an agent, and of a place, in the order of their numbers.
pub(super) const OF_AGENT: [Dimension; 5] =
    [Dimension::Device, Dimension::Browser, Dimension::BrowserVersion, Dimension::System, Dimension::SystemVersion];
pub(super) const OF_PLACE: [Dimension; 3] = [Dimension::Country, Dimension::Region, Dimension::City];
/// Dimensions of the visitor beside agent and place; then those that are kept only as `privacy.marketing` allows.
pub(super) const OF_NEITHER: [Dimension; 3] = [Dimension::Screen, Dimension::Language, Dimension::Hostname];
pub(super) const OF_COMING: [Dimension; 8] = [
    Dimension::Source,
    Dimension::Channel,
    Dimension::UtmSource,
    Dimension::UtmMedium,
    Dimension::UtmCampaign,
    Dimension::UtmTerm,
    Dimension::UtmContent,
    Dimension::DeviceModel,
];

/// Slots for agents and for places, over all sites' days, indexed by number. Tests use so few that entries collide.
const AGENTS: usize = if cfg!(test) { 61 } else { 4_096 };
const PLACES: usize = if cfg!(test) { 7 } else { 8_192 };

/// Bytes of both caches.
pub(super) const CACHE_BYTES: u64 =
    (AGENTS * size_of::<CachedIds<{ OF_AGENT.len() }>>() + PLACES * size_of::<CachedIds<{ OF_PLACE.len() }>>()) as u64;

/// Text numbers of one object's values on one day.
#[derive(Clone, Copy)]
struct CachedIds<const VALUES: usize> {
    object: u64,
    day: u32,
    numbers: [u16; VALUES],
}

/// Cache of one kind of object; a collision replaces the older entry.
pub(super) struct ValueCache<const VALUES: usize, const PLACES: usize>(Vec<CachedIds<VALUES>>);

/// The caches of agents and places.
#[derive(Default)]
pub(super) struct ValueCaches {
    pub(super) agents: ValueCache<{ OF_AGENT.len() }, AGENTS>,
    pub(super) places: ValueCache<{ OF_PLACE.len() }, PLACES>,
}

impl<const VALUES: usize, const PLACES: usize> Default for ValueCache<VALUES, PLACES> {
    fn default() -> Self {
        // Numbers of objects and days are never 0.
        Self(vec![CachedIds { object: 0, day: 0, numbers: [0; VALUES] }; PLACES])
    }
}

impl<const VALUES: usize, const PLACES: usize> ValueCache<VALUES, PLACES> {
    /// The text numbers of the object's values on this day, if cached.
    pub(super) fn numbers(&self, day: u32, object: u64) -> Option<&[u16; VALUES]> {
        let known = self.0.get(place(day, object, PLACES))?;
        (known.object == object && known.day == day).then_some(&known.numbers)
    }

    pub(super) fn remember(&mut self, day: u32, object: u64, numbers: [u16; VALUES]) {
        if let Some(known) = self.0.get_mut(place(day, object, PLACES)) {
            *known = CachedIds { object, day, numbers };
        }
    }
}

#[cfg(test)]
impl ValueCaches {
    /// Empties the cache, for comparisons in tests.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Slot of an object: objects are numbered consecutively, so a day's are adjacent.
fn place(day: u32, object: u64, places: usize) -> usize {
    let spread = object.wrapping_add(u64::from(day).wrapping_mul(0x9e37_79b9));
    usize::try_from(spread % places as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_is_of_one_list_but_the_two_of_the_origin() {
        let mut listed = vec![Dimension::Referrer, Dimension::PreviousPage];
        listed.extend(OF_AGENT.into_iter().chain(OF_PLACE).chain(OF_NEITHER).chain(OF_COMING));
        listed.sort_unstable();
        assert_eq!(listed, Dimension::ALL);
        assert!(OF_COMING.into_iter().all(Dimension::is_marketing));
    }

    #[test]
    fn a_cached_entry_belongs_to_its_object_and_day_and_the_latest_replaces_others() {
        let mut memo = ValueCaches::default().places;
        for object in 1..=PLACES as u64 + 5 {
            memo.remember(3, object, [u16::try_from(object).unwrap(), 7, 0]);
        }
        assert_eq!(memo.numbers(3, 6), Some(&[6, 7, 0]));
        assert_eq!(memo.numbers(3, 5), None, "another one took its place");
        assert_eq!(memo.numbers(4, 6), None, "of that day nothing is known");
        assert_eq!(memo.numbers(3, 0), None);
    }
}
