//! One rule, judged.

use serde::Serialize;

use crate::compliance::rules::Rule;

/// What was found about one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was looked at is as it must be.
    Held,
    /// Something is not.
    NotHeld,
    /// Nothing is wrong, and something is left that no machine can tell.
    ForAPerson,
}

/// One rule, judged.
#[derive(Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What that comes to.
    pub verdict: Verdict,
    /// What is wrong.
    pub found: Vec<String>,
    /// What is as it must be, or good to know.
    pub evidence: Vec<String>,
    /// What to do.
    pub to_do: Vec<String>,
}
