//! What a rule consists of. Words only.

/// A text in both languages that the product speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText {
    /// English.
    pub en: &'static str,
    /// French.
    pub fr: &'static str,
}

/// A published text that a rule comes from.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// Its letter in the documentation.
    pub letter: char,
    /// Who published it, its title and, where known, the article.
    pub name: RuleText,
    /// Date of the text as it was read; empty where it bears none.
    pub date: RuleText,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its number: `R` and this.
    pub number: u8,
    /// The rule in a few words, for a list.
    pub title: RuleText,
    /// What it asks.
    pub text: RuleText,
    /// Where it comes from.
    pub sources: &'static [&'static RuleSource],
    /// What the product does about it as it is delivered.
    pub held: RuleText,
    /// What no machine can tell and somebody has to do, where that is part of the rule.
    pub person: Option<RuleText>,
}

pub(super) const fn words(en: &'static str, fr: &'static str) -> RuleText {
    RuleText { en, fr }
}
