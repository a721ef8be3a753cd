//! One line of the doctor's report.

use std::fmt;

/// Weight of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FindingLevel {
    /// The check holds.
    Ok,
    /// The check could not be made, or its subject may be meant.
    Note,
    /// Hits are lost or counted wrongly.
    Problem,
}

/// Result of one check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DoctorFinding {
    pub(crate) level: FindingLevel,
    /// Subject, state and remedy.
    pub(crate) text: String,
}

impl DoctorFinding {
    /// The check holds.
    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self { level: FindingLevel::Ok, text: text.into() }
    }

    /// The check could not be made, or its subject may be meant.
    pub(super) fn note(text: impl Into<String>) -> Self {
        Self { level: FindingLevel::Note, text: text.into() }
    }

    /// Hits are lost or counted wrongly.
    pub(super) fn problem(text: impl Into<String>) -> Self {
        Self { level: FindingLevel::Problem, text: text.into() }
    }

    /// Whether the finding is a problem.
    pub(crate) fn is_problem(&self) -> bool {
        self.level == FindingLevel::Problem
    }
}

impl fmt::Display for DoctorFinding {
    fn fmt(&self, line: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            FindingLevel::Ok => "ok     ",
            FindingLevel::Note => "note   ",
            FindingLevel::Problem => "problem",
        };
        write!(line, "{level} {}", self.text)
    }
}
