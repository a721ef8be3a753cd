//! Checks whether the rules are held: evidence is gathered from the configuration, the live database and the machine,
//! each rule is judged by it, and a report is written. Must change nothing anywhere, and put nothing into a report that
//! a visitor sent: only our own names, numbers and dates.

pub mod checks;
pub mod database;
pub mod evidence;
mod finding;
pub(crate) mod judge_data;
mod judge_duties;
mod judge_published;
mod judge_script;
pub(crate) mod judge_setup;
pub mod machine;
mod observation;
pub mod page;
mod remedies;
pub mod report;
pub(crate) mod wording;

pub use crate::compliance::audit::evidence::{Evidence, gather};
pub use crate::compliance::audit::finding::{Finding, Verdict};
pub use crate::compliance::audit::wording::claims_a_seal;

/// The findings of all rules.
#[derive(Debug)]
pub struct Audit {
    /// One finding per rule, in the order of the rules.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Judges every rule by `evidence`.
    pub fn of(evidence: &Evidence) -> Self {
        Self { findings: checks::CHECKS.iter().filter_map(|check| check.finding(evidence)).collect() }
    }

    /// Numbers of the rules that are not held.
    pub fn not_held(&self) -> Vec<u8> {
        let not_held = self.findings.iter().filter(|finding| finding.verdict == Verdict::NotHeld);
        not_held.map(|finding| finding.rule.number).collect()
    }

    /// Number of rules with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }
}
