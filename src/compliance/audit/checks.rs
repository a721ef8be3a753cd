//! One check per rule: a description of its subject and the function that judges it. Checks take [`Evidence`] and
//! nothing else.

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::finding::{Finding, Verdict};
use crate::compliance::audit::observation::Observation;
use crate::compliance::audit::{judge_data, judge_published, judge_script, judge_setup};
use crate::compliance::bilingual::{Bilingual, Lang};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::rules::rule;

/// The check of one rule.
pub struct Check {
    /// Number of the rule, 1 to 23.
    pub number: u8,
    /// Subject of the check, for the report.
    pub looks_at: &'static str,
    judge: fn(&Evidence, &mut Observation),
}

impl Check {
    /// The finding about the rule, judged by `evidence`.
    pub fn finding(&self, evidence: &Evidence) -> Option<Finding> {
        let rule = rule(self.number)?;
        let mut look = Observation::default();
        // The same deviations as in the notice and on the privacy page.
        for deviation in ConfigFacts::new(&evidence.config, evidence.at).deviations() {
            if deviation.rules.contains(&self.number) {
                let [found, to_do] = [&deviation.text, &deviation.remedy]
                    .map(|text| Bilingual { en: text.text(Lang::En), fr: text.text(Lang::Fr) });
                look.fault(found, to_do);
            }
        }
        (self.judge)(evidence, &mut look);
        let Observation { facts, faults, mut open } = look;
        open.extend(rule.person.map(Bilingual::from));
        let verdict = match (faults.is_empty(), open.is_empty()) {
            (false, _) => Verdict::NotHeld,
            (true, false) => Verdict::ForAPerson,
            (true, true) => Verdict::Held,
        };
        let (found, mut to_do): (Vec<_>, Vec<_>) = faults.into_iter().unzip();
        to_do.dedup();
        Some(Finding { rule, verdict, found, evidence: facts, to_do: to_do.into_iter().chain(open).collect() })
    }
}

const fn check(number: u8, looks_at: &'static str, judge: fn(&Evidence, &mut Observation)) -> Check {
    Check { number, looks_at, judge }
}

/// All checks, in the order of the rules.
pub static CHECKS: [Check; 23] = [
    check(
        1,
        "objects of other databases of the server that read this one, and other users with access",
        judge_data::audience_only,
    ),
    check(
        2,
        "every table, view and column of the database against schema/; the server's own logs",
        judge_data::anonymous_only,
    ),
    check(3, "the names of declared and stored properties", judge_setup::no_cross_reference),
    check(4, "the tags of one invented visitor on two sites", judge_setup::no_shared_identifier),
    check(5, "the tags of that visitor on two days, and whether the past key is gone", judge_setup::bound_to_day),
    check(
        6,
        "the names of stored dimensions and load times; the engine and settings of every table, which sum rows and \
         count a batch once",
        judge_data::one_dimension,
    ),
    check(7, "stored versions of browsers and systems", judge_data::coarse_headers),
    check(8, "privacy.marketing", judge_setup::no_marketing),
    check(9, "the names of query parameters that are kept, searched or stored", judge_setup::no_identifiers_from_urls),
    check(10, "stored referrers", judge_data::referrer_host),
    check(11, "stored places, and the location files with their age", judge_data::no_finer_than_city),
    check(
        12,
        "privacy.protection; the grants of the reading user, and its attempts to read every table",
        judge_published::rounded,
    ),
    check(
        13,
        "the location of the runtime folder; core dumps, readable memory, swap and locked memory; trusted proxies; \
         published rows with too few visitors",
        judge_setup::no_visitor_followed,
    ),
    check(14, "the names of declared and stored properties", judge_setup::no_experiments),
    check(15, "the script's ways to store data on a device", judge_script::nothing_on_the_device),
    check(16, "the TTL of every table of figures, and its oldest row", judge_data::kept_no_longer),
    check(17, "privacy.last_review", judge_setup::reviewed),
    check(18, "privacy.controller", judge_setup::informed),
    check(19, "privacy.honour_gpc, privacy.honour_dnt, and the script's own respect of both", judge_setup::objection),
    check(20, "the sorting of rows by site; tokens that read every site", judge_data::each_publisher),
    check(21, "the place of ClickHouse and of the location files; hosts that the script names", judge_setup::transfers),
    check(22, "every text that the program generates, and the controller's name in it", judge_setup::no_seal),
    check(23, "privacy.processor, and tokens that read every site", judge_setup::under_contract),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::rules::RULES;

    #[test]
    fn every_rule_has_its_check() {
        let numbers: Vec<u8> = CHECKS.iter().map(|check| check.number).collect();
        assert_eq!(numbers, RULES.iter().map(|rule| rule.number).collect::<Vec<_>>());
    }
}
