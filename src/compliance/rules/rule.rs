//! Structure of a rule; holds words only.

/// A text in both of the product's languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText {
    /// The English text, one line of plain words.
    pub en: &'static str,
    /// The French text, with the same statement.
    pub fr: &'static str,
}

/// A published text that a rule comes from.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// Letter of the source in the documentation.
    pub letter: char,
    /// Publisher, title and, where known, the article.
    pub name: RuleText,
    /// Date of the text as it was read; empty where it has none.
    pub date: RuleText,
}

/// A rule with its texts and sources.
#[derive(Debug)]
pub struct Rule {
    /// Number of the rule, written `R1` to `R23`.
    pub number: u8,
    /// Title of the rule, for a list.
    pub title: RuleText,
    /// Requirement of the rule.
    pub text: RuleText,
    /// Published texts that the rule comes from.
    pub sources: &'static [&'static RuleSource],
    /// How the product holds the rule as delivered.
    pub held: RuleText,
    /// The part of the rule that a person has to do, if any.
    pub person: Option<RuleText>,
}

/// Both texts, side by side.
pub(crate) const fn words(en: &'static str, fr: &'static str) -> RuleText {
    RuleText { en, fr }
}
