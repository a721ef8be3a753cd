//! The words that this folder's lists look for in an agent, found in one pass over it: a search for each word of the
//! lists was the greatest part of a long agent's cost. Knows words of the lists only, never the agent's own.

use aho_corasick::AhoCorasick;

/// A set of listed words, as the bits of their numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct WordSet(u128);

impl WordSet {
    pub(super) fn has_any(self, words: Self) -> bool {
        self.0 & words.0 != 0
    }

    pub(super) fn has_all(self, words: Self) -> bool {
        self.0 & words.0 == words.0
    }

    fn with(self, number: usize) -> Self {
        Self(self.0 | 1 << number)
    }
}

/// Numbers of the words, while the lists are compiled.
#[derive(Default)]
pub(super) struct WordNumbers(Vec<&'static str>);

impl WordNumbers {
    /// The set of these words; each gets a number on first use.
    pub(super) fn set(&mut self, words: &[&'static str]) -> WordSet {
        words.iter().fold(WordSet::default(), |set, word| set.with(self.number(word)))
    }

    fn number(&mut self, word: &'static str) -> usize {
        self.0.iter().position(|known| *known == word).unwrap_or_else(|| {
            self.0.push(word);
            self.0.len() - 1
        })
    }

    /// The automaton that finds all words so far.
    ///
    /// # Panics
    /// With more words than a set has bits, as this folder's tests would show.
    pub(super) fn finder(&self) -> WordFinder {
        assert!(self.0.len() <= 128, "because the lists of the program have fewer words");
        WordFinder(AhoCorasick::new(&self.0).expect("because the lists of the program are short"))
    }
}

/// Finds listed words in one pass.
pub(super) struct WordFinder(AhoCorasick);

impl WordFinder {
    /// The listed words that the text contains, overlapping ones too.
    pub(super) fn words_of(&self, text: &str) -> WordSet {
        let found = self.0.find_overlapping_iter(text);
        found.fold(WordSet::default(), |set, word| set.with(word.pattern().as_usize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_within_and_across_one_another_are_all_found() {
        let mut numbers = WordNumbers::default();
        let [tv, tablet, mobile] = [&["DTV", "Apple TV"][..], &["SM-T"], &["Mobi"]].map(|words| numbers.set(words));
        let all = numbers.set(&["DTV", "Apple TV", "SM-T"]);
        let finder = numbers.finder();
        let found = finder.words_of("SM-TDTVApple TVé");
        assert!(found.has_all(all) && found.has_all(tv) && found.has_any(tablet) && !found.has_any(mobile));
        assert!(!finder.words_of("Apple TV").has_all(tv) && finder.words_of("Apple TV").has_any(tv));
        assert_eq!(finder.words_of(""), WordSet::default());
    }
}
