//! The finding about one rule.

use serde::Serialize;

use crate::compliance::bilingual::Bilingual;
use crate::compliance::rules::Rule;

/// Verdict on one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check of the rule passed.
    Held,
    /// At least one check of the rule failed.
    NotHeld,
    /// No check failed; a part of the rule is left to a person.
    ForAPerson,
}

/// One rule with its verdict, evidence and tasks.
#[derive(Debug)]
pub struct Finding {
    /// The rule that was judged.
    pub rule: &'static Rule,
    /// Verdict from the observations below.
    pub verdict: Verdict,
    /// Faults that were found.
    pub found: Vec<Bilingual>,
    /// Facts that hold, or are good to know.
    pub evidence: Vec<Bilingual>,
    /// Remedies and tasks, in order.
    pub to_do: Vec<Bilingual>,
}
