//! Whether the rules are held: evidence is gathered from the configuration, the live database and the machine, each rule
//! is judged by it, and a report is written. Must change nothing anywhere, and put nothing into a report that a visitor
//! sent: names of ours, numbers, dates.

pub mod checks;
pub mod database;
pub mod evidence;
pub(crate) mod judge_data;
pub(crate) mod judge_setup;
pub mod machine;
pub mod page;
pub mod report;
pub(crate) mod wording;

pub use crate::compliance::audit::evidence::{Evidence, gather};
pub(crate) use crate::compliance::audit::machine::in_memory;
pub use crate::compliance::audit::wording::claims_a_seal;

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

/// All rules, judged.
#[derive(Debug)]
pub struct Audit {
    /// In the order of the rules.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Judges every rule by `evidence`.
    pub fn of(evidence: &Evidence) -> Self {
        Self { findings: checks::CHECKS.iter().filter_map(|check| check.finding(evidence)).collect() }
    }

    /// Numbers of the rules that are left.
    pub fn left(&self) -> Vec<u8> {
        let left = self.findings.iter().filter(|finding| finding.verdict == Verdict::NotHeld);
        left.map(|finding| finding.rule.number).collect()
    }

    /// How many rules have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}
