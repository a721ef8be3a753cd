//! One check per rule: a description of its subject and the function that judges it. Checks take [`Evidence`] and
//! nothing else.

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::finding::{Finding, Verdict};
use crate::compliance::audit::observation::Observation;
use crate::compliance::audit::{judge_data, judge_duties, judge_published, judge_script, judge_setup};
use crate::compliance::bilingual::{Bilingual, Lang};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::rules::{RuleText, rule, words};

/// The check of one rule.
pub struct Check {
    /// Number of the rule, 1 to 23.
    pub number: u8,
    /// Subject of the check, for the documentation.
    pub subject: RuleText,
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

const fn check(number: u8, judge: fn(&Evidence, &mut Observation), subject: RuleText) -> Check {
    Check { number, subject, judge }
}

/// All checks, in the order of the rules.
pub static CHECKS: [Check; 23] = [
    check(
        1,
        judge_data::audience_only,
        words(
            "objects of other databases of the server that read this one, and other users with access",
            "les objets d'autres bases du serveur qui lisent celle-ci, et les autres utilisateurs qui y ont accès",
        ),
    ),
    check(
        2,
        judge_data::anonymous_only,
        words(
            "every table, view and column of the database against schema/; the server's own logs",
            "chaque table, vue et colonne de la base, comparée à schema/ ; les journaux propres au serveur",
        ),
    ),
    check(
        3,
        judge_setup::no_cross_reference,
        words("the names of declared and stored properties", "les noms des propriétés déclarées et enregistrées"),
    ),
    check(
        4,
        judge_setup::no_shared_identifier,
        words("the tags of one invented visitor on two sites", "les étiquettes d'un visiteur inventé sur deux sites"),
    ),
    check(
        5,
        judge_setup::bound_to_day,
        words(
            "the tags of that visitor on two days, and whether the past key is gone",
            "les étiquettes de ce visiteur à deux jours, et la destruction de la clé passée",
        ),
    ),
    check(
        6,
        judge_data::one_dimension,
        words(
            "the names of stored dimensions and load times; the engine and settings of every table, which sum \
             rows and count a batch once",
            "les noms des dimensions et des temps enregistrés ; le moteur et les réglages de chaque table, qui \
             additionnent les lignes et comptent un lot une seule fois",
        ),
    ),
    check(
        7,
        judge_data::coarse_headers,
        words("stored versions of browsers and systems", "les versions enregistrées des navigateurs et des systèmes"),
    ),
    check(8, judge_setup::no_marketing, words("privacy.marketing", "privacy.marketing")),
    check(
        9,
        judge_setup::no_identifiers_from_urls,
        words(
            "the names of query parameters that are kept, searched or stored",
            "les noms des paramètres d'adresse conservés, recherchés ou enregistrés",
        ),
    ),
    check(10, judge_data::referrer_host, words("stored referrers", "les sites référents enregistrés")),
    check(
        11,
        judge_data::no_finer_than_city,
        words(
            "stored places, and the location files with their age",
            "les lieux enregistrés, et les fichiers de localisation avec leur âge",
        ),
    ),
    check(
        12,
        judge_published::rounded,
        words(
            "privacy.protection; the grants of the reading user, and its attempts to read every table",
            "privacy.protection ; les droits de l'utilisateur de lecture, et ses essais de lire chaque table",
        ),
    ),
    check(
        13,
        judge_setup::no_visitor_followed,
        words(
            "the location of the runtime folder; core dumps, readable memory, swap and locked memory; trusted \
             proxies; published rows with too few visitors",
            "l'emplacement du dossier d'exécution ; images de la mémoire, mémoire lisible, fichier d'échange \
             et mémoire verrouillée ; serveurs mandataires de confiance ; lignes publiées avec trop peu de visiteurs",
        ),
    ),
    check(
        14,
        judge_setup::no_experiments,
        words("the names of declared and stored properties", "les noms des propriétés déclarées et enregistrées"),
    ),
    check(
        15,
        judge_script::nothing_on_the_device,
        words(
            "the script's ways to store data on a device",
            "les moyens du script d'enregistrer des données sur un appareil",
        ),
    ),
    check(
        16,
        judge_data::kept_no_longer,
        words(
            "the TTL of every table of figures, and its oldest row",
            "la durée de conservation de chaque table de chiffres, et sa ligne la plus ancienne",
        ),
    ),
    check(17, judge_duties::reviewed, words("privacy.last_review", "privacy.last_review")),
    check(18, judge_duties::informed, words("privacy.controller", "privacy.controller")),
    check(
        19,
        judge_duties::objection,
        words(
            "privacy.honour_gpc, privacy.honour_dnt, and the script's own respect of both",
            "privacy.honour_gpc, privacy.honour_dnt, et le respect des deux par le script",
        ),
    ),
    check(
        20,
        judge_data::each_publisher,
        words(
            "the sorting of rows by site; tokens that read every site",
            "le tri des lignes par site ; les jetons qui lisent tous les sites",
        ),
    ),
    check(
        21,
        judge_duties::transfers,
        words(
            "the place of ClickHouse and of the location files; hosts that the script names",
            "l'emplacement de ClickHouse et des fichiers de localisation ; les hôtes que nomme le script",
        ),
    ),
    check(
        22,
        judge_duties::no_seal,
        words(
            "every text that the program generates, and the controller's name in it",
            "chaque texte que produit le programme, et le nom du responsable de traitement qui y figure",
        ),
    ),
    check(
        23,
        judge_duties::under_contract,
        words(
            "privacy.processor, and tokens that read every site",
            "privacy.processor, et les jetons qui lisent tous les sites",
        ),
    ),
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
