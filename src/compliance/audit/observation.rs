//! What one check saw: facts, faults with their remedies, and tasks for a person.

/// Names that a sentence lists.
const LISTED_MAX: usize = 30;

/// What a check saw. The order of the calls is the order in which it is read.
#[derive(Debug, Default)]
pub(super) struct Observation {
    pub(super) facts: Vec<String>,
    pub(super) faults: Vec<(String, String)>,
    pub(super) open: Vec<String>,
}

impl Observation {
    /// Something that is as it must be, or is good to know.
    pub(super) fn fact(&mut self, fact: impl Into<String>) {
        self.facts.push(fact.into());
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Something that leaves the rule, and what to do about it.
    pub(super) fn fault(&mut self, found: impl Into<String>, to_do: impl Into<String>) {
        self.faults.push((found.into(), to_do.into()));
    }

    /// Something that only a person can tell or do.
    pub(super) fn person(&mut self, to_do: impl Into<String>) {
        self.open.push(to_do.into());
    }

    /// A fault for each of `found`, or else a fact.
    pub(super) fn none(&mut self, found: &[String], wrong: &str, to_do: &str, right: impl Into<String>) {
        if found.is_empty() {
            self.fact(right);
        } else {
            self.fault(format!("{wrong}: {}", listed(found)), to_do);
        }
    }
}

/// A list for a sentence, bounded: a report is read by people.
pub(super) fn listed(names: &[impl ToString]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut text = names.iter().take(LISTED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_MAX {
        text.push_str(", …");
    }
    text
}
