//! The texts of one site and day: pages, values, names of actions. Each text is kept once and known by a number; the
//! number of texts is bounded, and what comes after the bound is `(other)`. So no visitor can make memory or the
//! database grow by inventing pages.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::privacy::event::{DIMENSIONS, Dimension, Term, Values};

/// What stands for every text beyond a bound.
pub const OTHER: &str = "(other)";

/// Bounds of one site and day.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Distinct pages.
    pub pages: u32,
    /// Distinct values a dimension, names of actions, and values of their properties.
    pub values: u32,
}

/// Gives numbers to texts, never the same twice in one process.
#[derive(Debug, Default)]
pub(super) struct TermIds(u32);

impl TermIds {
    pub(super) fn fresh(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

/// All texts of one site and day.
pub(super) struct Lexicon {
    pub(super) pages: Words,
    pub(super) values: [Words; DIMENSIONS],
    pub(super) actions: Words,
    pub(super) properties: Words,
}

impl Lexicon {
    pub(super) fn new(bounds: Bounds, ids: &mut TermIds) -> Self {
        Self {
            pages: Words::new(bounds.pages, ids),
            values: std::array::from_fn(|_| Words::new(bounds.values, ids)),
            actions: Words::new(bounds.values, ids),
            properties: Words::new(bounds.values, ids),
        }
    }

    /// The texts of numbers that are kept plus one, so that 0 is none.
    pub(super) fn values(&self, numbers: &[u16; DIMENSIONS]) -> Values<'_> {
        let mut values = Values::default();
        for ((value, words), number) in values.iter_mut().zip(&self.values).zip(numbers) {
            *value = number.checked_sub(1).map(|index| words.term(u32::from(index)));
        }
        values
    }

    pub(super) fn dimension(&mut self, dimension: Dimension) -> &mut Words {
        let [
            referrer,
            previous,
            country,
            region,
            city,
            device,
            browser,
            browser_version,
            system,
            system_version,
            screen,
            language,
            hostname,
            source,
            channel,
            utm_source,
            utm_medium,
            utm_campaign,
            utm_term,
            utm_content,
        ] = &mut self.values;
        match dimension {
            Dimension::Referrer => referrer,
            Dimension::PreviousPage => previous,
            Dimension::Country => country,
            Dimension::Region => region,
            Dimension::City => city,
            Dimension::Device => device,
            Dimension::Browser => browser,
            Dimension::BrowserVersion => browser_version,
            Dimension::System => system,
            Dimension::SystemVersion => system_version,
            Dimension::Screen => screen,
            Dimension::Language => language,
            Dimension::Hostname => hostname,
            Dimension::Source => source,
            Dimension::Channel => channel,
            Dimension::UtmSource => utm_source,
            Dimension::UtmMedium => utm_medium,
            Dimension::UtmCampaign => utm_campaign,
            Dimension::UtmTerm => utm_term,
            Dimension::UtmContent => utm_content,
        }
    }
}

/// A bounded set of texts; number 0 is [`OTHER`].
pub(super) struct Words {
    bound: u32,
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    words: Vec<Word>,
}

struct Word {
    id: u32,
    text: Box<str>,
}

impl Words {
    fn new(bound: u32, ids: &mut TermIds) -> Self {
        let other = Word { id: ids.fresh(), text: OTHER.into() };
        Self { bound, hasher: DefaultHashBuilder::default(), table: HashTable::new(), words: vec![other] }
    }

    /// The number of `text`, or of [`OTHER`] when there is no room for another text.
    pub(super) fn intern(&mut self, text: &str, ids: &mut TermIds) -> u32 {
        let room = self.words.len() <= self.bound as usize;
        self.place(text, ids, room)
    }

    /// The number of `text`, whatever the bound: for the few texts that were within another day's bound already.
    pub(super) fn carry(&mut self, text: &str, ids: &mut TermIds) -> u32 {
        self.place(text, ids, true)
    }

    fn place(&mut self, text: &str, ids: &mut TermIds, room: bool) -> u32 {
        if text == OTHER {
            return 0;
        }
        let hash = self.hasher.hash_one(text);
        let words = &self.words;
        let same = |index: &u32| words.get(*index as usize).is_some_and(|word| *word.text == *text);
        if let Some(index) = self.table.find(hash, same) {
            return *index;
        }
        let Ok(index) = u32::try_from(self.words.len()) else { return 0 };
        if !room {
            return 0;
        }
        self.words.push(Word { id: ids.fresh(), text: text.into() });
        let (words, hasher) = (&self.words, &self.hasher);
        self.table.insert_unique(hash, index, |index| {
            words.get(*index as usize).map_or(0, |word| hasher.hash_one(&*word.text))
        });
        index
    }

    /// All texts but [`OTHER`], in the order of their numbers.
    pub(super) fn texts(&self) -> Vec<String> {
        self.words.iter().skip(1).map(|word| word.text.to_string()).collect()
    }

    /// Takes texts in under the numbers that they had.
    pub(super) fn recall(&mut self, texts: &[String], ids: &mut TermIds) {
        for text in texts {
            self.carry(text, ids);
        }
    }

    /// The text of a number.
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
        let mut words = Words::new(2, &mut ids);
        let (a, b) = (words.intern("a", &mut ids), words.intern("b", &mut ids));
        let c = words.intern("c", &mut ids);
        assert_eq!((words.term(a).text, words.term(b).text, words.term(c).text), ("a", "b", OTHER));
        assert_eq!(words.intern("a", &mut ids), a);
        let carried = words.carry("d", &mut ids);
        assert_eq!(words.term(carried).text, "d");
    }

    #[test]
    fn equal_ids_mean_equal_texts() {
        let mut ids = TermIds::default();
        let mut words = Words::new(1_000, &mut ids);
        let texts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        let first: Vec<u32> = texts.iter().map(|text| words.intern(text, &mut ids)).collect();
        let again: Vec<u32> = texts.iter().map(|text| words.intern(text, &mut ids)).collect();
        assert_eq!(first, again);
        let distinct: std::collections::HashSet<u32> = first.iter().map(|index| words.term(*index).id).collect();
        assert_eq!(distinct.len(), 500);
    }
}
