//! Observations of one check: facts, faults with their remedies, and tasks for a person, each in both languages.

use crate::compliance::bilingual::{Bilingual, text};

/// Most names that a sentence lists.
const LISTED_MAX: usize = 30;

/// Observations of a check. The report keeps the order of the calls.
#[derive(Debug, Default)]
pub(super) struct Observation {
    pub(super) facts: Vec<Bilingual>,
    pub(super) faults: Vec<(Bilingual, Bilingual)>,
    pub(super) open: Vec<Bilingual>,
}

impl Observation {
    /// Adds a fact that is as required, or good to know.
    pub(super) fn fact(&mut self, fact: Bilingual) {
        self.facts.push(fact);
    }

    /// Whether no fault was added so far.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Adds a fault and its remedy.
    pub(super) fn fault(&mut self, found: Bilingual, to_do: Bilingual) {
        self.faults.push((found, to_do));
    }

    /// Adds a task that only a person can do.
    pub(super) fn person(&mut self, to_do: Bilingual) {
        self.open.push(to_do);
    }

    /// Adds a fault for each of `found`; without any, a fact.
    pub(super) fn none(&mut self, found: &[String], wrong: Bilingual, to_do: Bilingual, right: Bilingual) {
        if found.is_empty() {
            self.fact(right);
        } else {
            self.fault(wrong.then("", &text!(": ", " : ")).then("", &listed(found)), to_do);
        }
    }
}

/// A bounded list for a sentence: people read the report.
pub(super) fn listed(names: &[impl ToString]) -> Bilingual {
    if names.is_empty() {
        return text!("none", "néant");
    }
    let mut text = names.iter().take(LISTED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_MAX {
        text.push_str(", …");
    }
    Bilingual::same(text)
}
