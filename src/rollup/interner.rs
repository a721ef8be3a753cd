//! Interner of one rollup: each text has a number, in order of arrival, and at the end a rank among all texts. Texts
//! are compared when they are new and once at the end, never per row.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::event::Term;

/// Number of a text within one rollup: equal texts have equal numbers, even under different term ids.
pub(super) type TextId = u32;

/// Ids in a block of [`TextInterner::by_id`]; ids of one source are close together.
const BLOCK: usize = 1 << 10;

#[derive(Default)]
pub(super) struct TextInterner {
    /// Number plus one of each id's text, in blocks that are allocated on demand.
    by_id: Vec<Option<Box<[TextId; BLOCK]>>>,
    by_text: HashTable<TextId>,
    hasher: DefaultHashBuilder,
    texts: Vec<Arc<str>>,
}

impl TextInterner {
    /// The number of a term's text.
    pub(super) fn number(&mut self, term: Term<'_>) -> TextId {
        let id = term.id as usize;
        let block = self.by_id.get(id / BLOCK).and_then(Option::as_deref);
        match block.and_then(|block| block.get(id % BLOCK)) {
            Some(number) if *number > 0 => number - 1,
            Some(_) | None => self.meet(term),
        }
    }

    #[cold]
    fn meet(&mut self, term: Term<'_>) -> TextId {
        let number = self.of_text(term.text);
        let (block, place) = (term.id as usize / BLOCK, term.id as usize % BLOCK);
        if self.by_id.len() <= block {
            self.by_id.resize_with(block + 1, || None);
        }
        let block = self.by_id.get_mut(block).map(|block| block.get_or_insert_with(|| Box::new([0; BLOCK])));
        if let Some(known) = block.and_then(|block| block.get_mut(place)) {
            *known = number + 1;
        }
        number
    }

    fn of_text(&mut self, text: &str) -> TextId {
        let Self { by_text, hasher, texts, .. } = self;
        let text_of = |number: &TextId| texts.get(*number as usize).map_or("", |text| text);
        let hash = hasher.hash_one(text);
        if let Some(number) = by_text.find(hash, |number| text_of(number) == text) {
            return *number;
        }
        // A segment holds at most some millions of texts.
        let number = TextId::try_from(texts.len()).unwrap_or(TextId::MAX);
        by_text.insert_unique(hash, number, |number| hasher.hash_one(text_of(number)));
        texts.push(text.into());
        number
    }

    /// The text of this number.
    pub(super) fn of(&self, text: TextId) -> Arc<str> {
        self.texts.get(text as usize).cloned().unwrap_or_default()
    }

    /// Rank of each text among all of them.
    pub(super) fn ranks(&self) -> Vec<u32> {
        ranks(&self.texts)
    }
}

/// Rank of each text among all of them.
pub(super) fn ranks<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<u32> {
    let mut sorted: Vec<(TextId, T)> = (0..).zip(texts).collect();
    sorted.sort_unstable_by(|(_, a), (_, b)| a.as_ref().cmp(b.as_ref()));
    let mut ranks = vec![0; sorted.len()];
    for (rank, (text, _)) in (0..).zip(sorted) {
        if let Some(of_text) = ranks.get_mut(text as usize) {
            *of_text = rank;
        }
    }
    ranks
}
