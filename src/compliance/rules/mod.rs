//! The rules that the product keeps, as one table: audit, notice, privacy page and documentation are made from it, so
//! that they cannot disagree. Must hold words only: `audit` checks the rules, and nothing here may ask a database, a
//! file or a configuration.

mod rule;
pub(crate) mod sources;
pub(crate) mod table;

pub(crate) use crate::compliance::rules::rule::words;
pub use crate::compliance::rules::rule::{Rule, RuleSource, RuleText};
pub use crate::compliance::rules::sources::{
    ANONYMISATION, DEVELOPER_GUIDE, EDPB, GDPR_13, GDPR_28, GUIDELINES, QUESTIONS, RECOMMENDATION,
    SELF_ASSESSMENT_TOOL, SOLUTIONS, SOURCES,
};
pub use crate::compliance::rules::table::RULES;

/// The sentence with which the product may be presented, followed by the configuration that it refers to.
pub const SELF_ASSESSMENT: RuleText = words(
    "According to our self-assessment, this measurement meets the criteria published by the CNIL for audience \
     measurement without consent when configured as described here.",
    "Selon notre auto-évaluation, cette mesure répond aux critères publiés par la CNIL pour la mesure d'audience sans \
     consentement, lorsqu'elle est configurée comme décrit ici.",
);

/// The rule with this number, 1 to 23.
pub fn rule(number: u8) -> Option<&'static Rule> {
    RULES.get(usize::from(number).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_numbered_in_order_and_found_by_their_number() {
        for (number, written) in (1..).zip(&RULES) {
            assert_eq!(written.number, number);
            assert_eq!(rule(number).map(|found| found.title), Some(written.title));
        }
        assert!(rule(0).is_none() && rule(24).is_none());
    }

    #[test]
    fn every_rule_is_whole_in_both_languages_and_names_a_source() {
        for rule in &RULES {
            for words in [rule.title, rule.text, rule.held].into_iter().chain(rule.person) {
                assert!(!words.en.is_empty() && !words.fr.is_empty() && words.en != words.fr, "R{}", rule.number);
            }
            assert!(!rule.sources.is_empty(), "R{}", rule.number);
            assert!(rule.sources.iter().all(|source| SOURCES.contains(source)), "R{}", rule.number);
        }
    }
}
