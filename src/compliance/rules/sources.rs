//! The published texts that rules come from. Must date each as it was read, and name no article that was not read.

use crate::compliance::rules::rule::{RuleSource, words};

/// CNIL, solutions for audience measurement.
pub static SOLUTIONS: RuleSource = RuleSource {
    letter: 'A',
    name: words(
        "CNIL, “Cookies : solutions pour les outils de mesure d'audience”",
        "CNIL, « Cookies : solutions pour les outils de mesure d'audience »",
    ),
    date: words("4 July 2025", "4 juillet 2025"),
};

/// CNIL, developer guide.
pub static DEVELOPER_GUIDE: RuleSource = RuleSource {
    letter: 'B',
    name: words(
        "CNIL, GDPR guide for developers, sheet “Mesurer la fréquentation”",
        "CNIL, guide RGPD de l'équipe de développement, fiche « Mesurer la fréquentation »",
    ),
    date: words("", ""),
};

/// CNIL, self-assessment for audience measurement.
pub static SELF_ASSESSMENT_TOOL: RuleSource = RuleSource {
    letter: 'C',
    name: words(
        "CNIL, “Outil d'auto-évaluation – mesure d'audience” (read through quotations)",
        "CNIL, « Outil d'auto-évaluation – mesure d'audience » (lu à travers des citations)",
    ),
    date: words("July 2025", "juillet 2025"),
};

/// CNIL, guidelines on trackers.
pub static GUIDELINES: RuleSource = RuleSource {
    letter: 'D',
    name: words(
        "CNIL, délibération n° 2020-091 (guidelines on trackers), article 5, paragraphs 50 to 52",
        "CNIL, délibération n° 2020-091 (lignes directrices sur les traceurs), article 5, paragraphes 50 à 52",
    ),
    date: words("17 September 2020", "17 septembre 2020"),
};

/// CNIL, recommendation on trackers.
pub static RECOMMENDATION: RuleSource = RuleSource {
    letter: 'E',
    name: words(
        "CNIL, délibération n° 2020-092 (recommendation on trackers), consolidated",
        "CNIL, délibération n° 2020-092 (recommandation sur les traceurs), version consolidée",
    ),
    date: words("January 2026", "janvier 2026"),
};

/// CNIL, questions and answers.
pub static QUESTIONS: RuleSource = RuleSource {
    letter: 'F',
    name: words(
        "CNIL, questions and answers on trackers: strictly necessary measures",
        "CNIL, questions-réponses sur les traceurs : mesures strictement nécessaires",
    ),
    date: words("", ""),
};

/// EDPB, technical scope of article 5(3).
pub static EDPB: RuleSource = RuleSource {
    letter: 'G',
    name: words(
        "EDPB, guidelines 2/2023 on the technical scope of article 5(3) of the ePrivacy directive, version 2",
        "CEPD, lignes directrices 2/2023 sur le champ technique de l'article 5(3) de la directive « vie privée et \
         communications électroniques », version 2",
    ),
    date: words("October 2024", "octobre 2024"),
};

/// Working party 29, anonymisation.
pub static ANONYMISATION: RuleSource = RuleSource {
    letter: 'W',
    name: words(
        "Article 29 working party, opinion 05/2014 on anonymisation techniques",
        "Groupe de travail « Article 29 », avis 05/2014 sur les techniques d'anonymisation",
    ),
    date: words("10 April 2014", "10 avril 2014"),
};

/// GDPR, article 13.
pub static GDPR_13: RuleSource = RuleSource {
    letter: 'H',
    name: words("Regulation (EU) 2016/679 (GDPR), article 13", "Règlement (UE) 2016/679 (RGPD), article 13"),
    date: words("27 April 2016", "27 avril 2016"),
};

/// GDPR, article 28.
pub static GDPR_28: RuleSource = RuleSource {
    letter: 'I',
    name: words("Regulation (EU) 2016/679 (GDPR), article 28", "Règlement (UE) 2016/679 (RGPD), article 28"),
    date: words("27 April 2016", "27 avril 2016"),
};

/// All sources, in the order of their letters.
pub static SOURCES: [&RuleSource; 10] = [
    &SOLUTIONS,
    &DEVELOPER_GUIDE,
    &SELF_ASSESSMENT_TOOL,
    &GUIDELINES,
    &RECOMMENDATION,
    &QUESTIONS,
    &EDPB,
    &GDPR_13,
    &GDPR_28,
    &ANONYMISATION,
];
