//! Interner of one site and day: pages, values, action names. Each text is stored once and has a number; the number of
//! texts is bounded, and later texts become `(other)`. Invented pages can thus grow neither memory nor the database.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::config::{LimitsConfig, Protection};
pub use crate::event::OTHER;
use crate::event::{DIMENSIONS, Dimension, DimensionValues, Term};

/// Number of [`OTHER`] among the texts of any kind.
pub(super) const OTHER_NUMBER: u32 = 0;

/// The same as stored in a visit: the number plus one, since 0 is "none".
pub(super) const OTHER_VALUE: u16 = 1;

/// Bounds of memory and tables.
#[derive(Debug, Clone, Copy)]
pub struct VisitBounds {
    /// Distinct pages per site and day.
    pub pages: u32,
    /// Distinct values per dimension, action names, and property values, each per site and day.
    pub values: u32,
    /// Rows of breakdowns, actions and timings per site and day.
    pub rows: u32,
    /// Tags over all sites and days.
    pub tags: usize,
    /// Visits in progress, over all sites and days.
    pub visits: usize,
    /// Number of sites that share tags and visits.
    pub sites: usize,
    /// Whether a visit weighs at most one step of a row.
    pub weighed: bool,
}

impl VisitBounds {
    /// The bounds shared by `sites`: half of the tags and visits is divided evenly between them, the other half is
    /// common.
    #[must_use]
    pub fn shared_by(self, sites: usize) -> Self {
        Self { sites: sites.max(1), ..self }
    }

    /// The same, with visits weighed as this protection wants.
    #[must_use]
    pub fn weighed_for(self, protection: Protection) -> Self {
        Self { weighed: protection == Protection::Tens, ..self }
    }
}

impl From<&LimitsConfig> for VisitBounds {
    fn from(limits: &LimitsConfig) -> Self {
        Self {
            pages: limits.pages_per_site_day,
            values: limits.values_per_dimension,
            rows: limits.rows_per_site_day,
            tags: limits.tags,
            visits: limits.visits,
            sites: 1,
            weighed: false,
        }
    }
}

/// Assigns term ids, unique in one process.
#[derive(Debug, Default)]
pub(super) struct TermIds(u32);

impl TermIds {
    pub(super) fn fresh(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

/// Longest texts in bytes: pages and property values; hosts; action names (120 characters); campaigns; all others.
const LONG: u64 = 500;
const HOST: u64 = 253;
const ACTION: u64 = 480;
const CAMPAIGN: u64 = 200;
const SHORT: u64 = 64;
/// Overhead of one allocation, in bytes.
const ALLOCATED: u64 = 16;

/// Number of texts and their bytes.
pub(super) struct TextTotals {
    pub(super) number: u64,
    pub(super) bytes: u64,
}

/// Texts of one site and day.
pub(super) struct Interner {
    pub(super) pages: BoundedTexts,
    pub(super) values: [BoundedTexts; DIMENSIONS],
    pub(super) actions: BoundedTexts,
    pub(super) properties: BoundedTexts,
}

impl Interner {
    pub(super) fn new(bounds: VisitBounds, ids: &mut TermIds) -> Self {
        Self {
            pages: BoundedTexts::new(bounds.pages, ids),
            values: std::array::from_fn(|_| BoundedTexts::new(bounds.values, ids)),
            actions: BoundedTexts::new(bounds.values, ids),
            properties: BoundedTexts::new(bounds.values, ids),
        }
    }

    /// Upper bound of a day's texts, and the overhead in bytes of each.
    pub(super) fn texts_max(bounds: VisitBounds) -> (TextTotals, u64) {
        let (pages, values) = (u64::from(bounds.pages), u64::from(bounds.values));
        let texts = TextTotals {
            number: pages + values * (DIMENSIONS as u64 + 2),
            // Previous page, referring host, hostname, source, action name, property value, five campaign texts; the
            // other eleven dimensions are short names of places, families and classes.
            bytes: pages * LONG + values * (LONG + 3 * HOST + ACTION + LONG + 5 * CAMPAIGN + 11 * SHORT),
        };
        // List and table may each have twice their needed capacity.
        (texts, 2 * size_of::<BoundedText>() as u64 + 3 * (size_of::<u32>() as u64 + 1) + ALLOCATED)
    }

    /// The texts of numbers that are stored plus one; 0 is none.
    pub(super) fn values(&self, numbers: &[u16; DIMENSIONS]) -> DimensionValues<'_> {
        let mut values = [const { None }; DIMENSIONS];
        for (at, value) in values.iter_mut().enumerate() {
            if let Some(number) = numbers.get(at).and_then(|number| number.checked_sub(1)) {
                *value = self.values.get(at).map(|words| words.term(number.into()));
            }
        }
        values
    }

    /// The text of one number that is stored plus one.
    pub(super) fn value(&self, dimension: Dimension, number: u16) -> Option<Term<'_>> {
        let index = number.checked_sub(1)?;
        self.values.get(dimension as usize).map(|words| words.term(index.into()))
    }

    pub(super) fn dimension(&mut self, dimension: Dimension) -> &mut BoundedTexts {
        dimension.of_mut(&mut self.values)
    }
}

/// A bounded set of texts; number 0 is [`OTHER`].
pub(super) struct BoundedTexts {
    bound: u32,
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    words: Vec<BoundedText>,
}

struct BoundedText {
    id: u32,
    text: Box<str>,
}

impl BoundedTexts {
    fn new(bound: u32, ids: &mut TermIds) -> Self {
        let other = BoundedText { id: ids.fresh(), text: OTHER.into() };
        Self { bound, hasher: DefaultHashBuilder::default(), table: HashTable::new(), words: vec![other] }
    }

    /// The number of `text`, which is added if new; `None` without room.
    pub(super) fn intern(&mut self, text: &str, ids: &mut TermIds) -> Option<u32> {
        let room = self.words.len() <= self.bound as usize;
        self.place(text, ids, room)
    }

    /// The number of `text` regardless of the bound: for the few texts admitted on the previous day.
    pub(super) fn carry(&mut self, text: &str, ids: &mut TermIds) -> u32 {
        self.place(text, ids, true).unwrap_or(0)
    }

    fn place(&mut self, text: &str, ids: &mut TermIds, room: bool) -> Option<u32> {
        if text == OTHER {
            return Some(0);
        }
        let hash = self.hasher.hash_one(text);
        let words = &self.words;
        let same = |index: &u32| words.get(*index as usize).is_some_and(|word| *word.text == *text);
        if let Some(index) = self.table.find(hash, same) {
            return Some(*index);
        }
        let index = u32::try_from(self.words.len()).ok().filter(|_| room)?;
        self.words.push(BoundedText { id: ids.fresh(), text: text.into() });
        let (words, hasher) = (&self.words, &self.hasher);
        self.table.insert_unique(hash, index, |index| {
            words.get(*index as usize).map_or(0, |word| hasher.hash_one(&*word.text))
        });
        Some(index)
    }

    /// Whether the text is interned.
    pub(super) fn contains(&self, text: &str) -> bool {
        let same = |index: &u32| self.words.get(*index as usize).is_some_and(|word| *word.text == *text);
        text == OTHER || self.table.find(self.hasher.hash_one(text), same).is_some()
    }

    /// Number of texts besides [`OTHER`].
    pub(super) fn number(&self) -> u32 {
        u32::try_from(self.words.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Largest number of texts.
    pub(super) fn bound(&self) -> u32 {
        self.bound
    }

    /// All texts except [`OTHER`], in the order of their numbers.
    pub(super) fn texts(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.words.iter().skip(1).map(|word| &*word.text)
    }

    /// Restores texts under their previous numbers.
    pub(super) fn recall(&mut self, texts: &[String], ids: &mut TermIds) {
        for text in texts {
            self.carry(text, ids);
        }
    }

    /// The term of a number.
    pub(super) fn term(&self, index: u32) -> Term<'_> {
        match self.words.get(index as usize).or(self.words.first()) {
            Some(word) => Term { id: word.id, text: &word.text },
            None => Term { id: 0, text: OTHER },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_beyond_the_bound_are_other_and_known_ones_stay() {
        let mut ids = TermIds::default();
        let mut words = BoundedTexts::new(2, &mut ids);
        let (a, b) = (words.intern("a", &mut ids).unwrap(), words.intern("b", &mut ids).unwrap());
        assert_eq!(words.intern("c", &mut ids), None);
        assert_eq!((words.term(a).text, words.term(b).text, words.term(0).text), ("a", "b", OTHER));
        assert_eq!(words.intern("a", &mut ids), Some(a));
        let carried = words.carry("d", &mut ids);
        assert_eq!(words.term(carried).text, "d");
    }

    #[test]
    fn equal_ids_mean_equal_texts() {
        let mut ids = TermIds::default();
        let mut words = BoundedTexts::new(1_000, &mut ids);
        let texts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        let first: Vec<u32> = texts.iter().map(|text| words.intern(text, &mut ids).unwrap()).collect();
        let again: Vec<u32> = texts.iter().map(|text| words.intern(text, &mut ids).unwrap()).collect();
        assert_eq!(first, again);
        let distinct: std::collections::HashSet<u32> = first.iter().map(|index| words.term(*index).id).collect();
        assert_eq!(distinct.len(), 500);
    }
}
