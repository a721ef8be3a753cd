//! Texts of a batch's rows as numbers that sort as the texts do. Rows of a batch share their texts: a million rows hash
//! and compare numbers, and each text is compared once.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashMap;

/// A text with its rank among the texts of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct RankedText<'r> {
    rank: u32,
    pub(super) text: &'r Arc<str>,
}

/// Ranks by the address of a text, which is its own as long as rows hold it.
pub(super) struct TextRanks<'r>(HashMap<usize, RankedText<'r>>);

impl<'r> TextRanks<'r> {
    /// Ranks of these texts; equal texts have equal ranks.
    pub(super) fn of(texts: impl Iterator<Item = &'r Arc<str>>) -> Self {
        let mut by_address = HashMap::new();
        for text in texts {
            by_address.entry(address(text)).or_insert(RankedText { rank: 0, text });
        }
        let mut sorted: Vec<&mut RankedText<'r>> = by_address.values_mut().collect();
        sorted.sort_unstable_by(|a, b| a.text.cmp(b.text));
        let (mut rank, mut before): (u32, Option<&Arc<str>>) = (0, None);
        for ranked in sorted {
            rank += u32::from(before.is_some_and(|before| before != ranked.text));
            before = Some(ranked.text);
            ranked.rank = rank;
        }
        Self(by_address)
    }

    /// The text with its rank.
    pub(super) fn rank(&self, text: &'r Arc<str>) -> RankedText<'r> {
        self.0.get(&address(text)).copied().unwrap_or(RankedText { rank: u32::MAX, text })
    }
}

fn address(text: &Arc<str>) -> usize {
    text.as_ptr().addr()
}

impl PartialEq for RankedText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for RankedText<'_> {}

impl Hash for RankedText<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank.hash(state);
    }
}

impl PartialOrd for RankedText<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RankedText<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_sort_as_their_texts_and_equal_texts_at_two_places_have_one() {
        let texts: Vec<Arc<str>> = ["b", "", "a", "b", "ab"].map(Arc::from).into();
        let ranks = TextRanks::of(texts.iter());
        let ranked: Vec<u32> = texts.iter().map(|text| ranks.rank(text).rank).collect();
        assert_eq!(ranked, [3, 0, 1, 3, 2]);
    }
}
