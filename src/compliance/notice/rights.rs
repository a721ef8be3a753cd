//! Rights and facts for visitors: basis, retention, rounding, objection, rights. Must claim nothing that the
//! configuration does not hold.

use crate::compliance::bilingual::{Bilingual, text};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::rules::SELF_ASSESSMENT;
use crate::config::MarketingPolicy;
use crate::release::rules::{EXACT_DAYS_MAX, GATE, STEP};

/// The answer to one of the rights under the GDPR.
pub(super) struct DataRight {
    /// Numbers of the GDPR's articles.
    pub(super) articles: &'static [u8],
    pub(super) label: Bilingual,
    pub(super) answer: Bilingual,
}

/// Purposes of the figures.
pub(super) fn purposes() -> Vec<Bilingual> {
    vec![
        text!(
            "to learn which contents are read, and how often",
            "savoir quels contenus sont consultés, et à quelle \
                                                                  fréquence"
        ),
        text!("to find navigation problems", "détecter les problèmes de navigation"),
        text!("to measure and improve the site's performance", "mesurer et améliorer les performances du site"),
        text!("to improve its technique and ergonomics", "améliorer sa technique et son ergonomie"),
        text!("to estimate the capacity that the servers need", "estimer la puissance nécessaire des serveurs"),
    ]
}

/// The legal basis of the statistics.
pub(super) fn basis() -> Bilingual {
    text!(
        "the publisher's legitimate interest in knowing the audience of the site (GDPR, article 6(1)(f)).",
        "l'intérêt légitime de l'éditeur à connaître l'audience de son site (RGPD, article 6, paragraphe 1, point f)."
    )
}

/// Position of this configuration towards article 82.
pub(super) fn standing(facts: &ConfigFacts) -> Bilingual {
    if !facts.deviations().is_empty() {
        return text!(
            "As configured now, this measurement deviates from the criteria published by the CNIL for audience \
             measurement without consent, on the points below. No exemption from consent is claimed for it (article 82 \
             of the French Data Protection Act).",
            "Telle qu'elle est configurée, cette mesure s'écarte des critères publiés par la CNIL pour la mesure \
             d'audience sans consentement, sur les points ci-dessous. Aucune dispense de consentement n'est donc \
             revendiquée (article 82 de la loi Informatique et Libertés)."
        );
    }
    Bilingual::from(SELF_ASSESSMENT).then(
        " ",
        &text!(
            "On this ground it runs without asking for consent (article 82 of the French Data Protection Act).",
            "C'est à ce titre qu'elle fonctionne sans demande de consentement (article 82 de la loi Informatique et \
             Libertés)."
        ),
    )
}

/// Measurement of campaigns, and its condition.
pub(super) fn marketing(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.marketing {
        MarketingPolicy::Never => text!(
            "The model of the device, advertising campaigns and acquisition channels are not measured.",
            "Le modèle de l'appareil, les campagnes publicitaires et les canaux d'acquisition ne sont pas mesurés."
        ),
        MarketingPolicy::WithConsent => text!(
            "Advertising campaigns and acquisition channels are measured only for visitors who have consented to it, as \
             is the model of the device. Their consent is the legal basis (GDPR, article 6(1)(a)); it can be withdrawn at \
             any time, as easily as it was given.",
            "Les campagnes publicitaires et les canaux d'acquisition sont mesurés pour les seuls visiteurs qui y ont \
             consenti, comme le modèle de l'appareil. Leur consentement en est la base légale (RGPD, article 6, \
             paragraphe 1, point a) ; il peut être retiré à tout moment, aussi simplement qu'il a été donné."
        ),
        MarketingPolicy::Always => text!(
            "Advertising campaigns and acquisition channels are measured for every visit; the model of the device only \
             for visitors who have consented to it.",
            "Les campagnes publicitaires et les canaux d'acquisition sont mesurés à chaque visite ; le modèle de l'appareil \
             pour les seuls visiteurs qui y ont consenti."
        ),
    }
}

/// Retention of the figures.
pub(super) fn retention(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.retention_months {
        1 => text!(
            "Counters are kept for 1 month, then deleted automatically.",
            "Les compteurs sont conservés 1 mois, puis supprimés automatiquement."
        ),
        months => text!(
            "Counters are kept for {months} months, then deleted automatically.",
            "Les compteurs sont conservés {months} mois, puis supprimés automatiquement."
        ),
    }
}

/// Day of the last review of the retention.
pub(super) fn review(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.last_review {
        Some(day) => text!("Last review of this duration: {day}.", "Dernier réexamen de cette durée : {day}."),
        None => text!(
            "This duration has not been reviewed yet (`privacy.last_review`).",
            "Cette durée n'a pas encore été réexaminée (`privacy.last_review`)."
        ),
    }
}

/// Data that waits on its way to the counters.
pub(super) fn on_the_way(facts: &ConfigFacts) -> Bilingual {
    let seconds = facts.flush_seconds;
    text!(
        "Before they are counted, events without identity are buffered on the server's disk, usually for {seconds} \
         seconds; if the database is unavailable, they are first aggregated.",
        "Avant d'être comptés, les événements, sans identité, sont mis en attente sur le disque du serveur, en général \
         {seconds} secondes ; si la base de données est indisponible, ils sont d'abord agrégés en compteurs."
    )
}

/// Rounding of published figures.
pub(super) fn rounding(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.protection.step() {
        1 => text!(
            "The figures that the publisher reads are exact: rounding is off.",
            "Les chiffres que lit l'éditeur sont exacts : l'arrondi est désactivé."
        ),
        _ => text!(
            "Figures are published in tens: at the end of an hour, day, week or month, each is rounded once and at \
             random to a multiple of {STEP}; rows with fewer than {GATE} visitors after rounding are not shown. Exact \
             figures cannot be read and are deleted at most {EXACT_DAYS_MAX} days after their day.",
            "Les chiffres sont publiés par dizaines : à la fin de l'heure, du jour, de la semaine ou du mois, chacun \
             est arrondi une seule fois, de façon aléatoire, à un multiple de {STEP} ; les lignes qui comptent moins \
             de {GATE} visiteurs après arrondi ne sont pas affichées. Les chiffres exacts ne peuvent être consultés et \
             sont supprimés au plus tard {EXACT_DAYS_MAX} jours après la date concernée."
        ),
    }
}

/// Recipients of the data, and their place.
pub(super) fn recipients(facts: &ConfigFacts) -> Bilingual {
    let kept = match facts.remote {
        false => {
            text!("They are kept on the machine that counts them.", "Ils sont conservés sur la machine qui les compte.")
        }
        true => text!(
            "They are kept in a database that the controller has chosen.",
            "Ils sont conservés dans une base de données choisie par le responsable du traitement."
        ),
    };
    let sent = match facts.mailed {
        false => text!("The program sends nothing to third parties", "Le programme n'envoie rien à des tiers"),
        true => text!(
            "Published figures are sent to people whom the publisher names, by mail or to a web address of the \
             publisher; they are not data about individual visitors. The program sends nothing else to third parties",
            "Les chiffres publiés sont envoyés à des personnes désignées par l'éditeur, par courriel ou à une adresse \
             web de l'éditeur ; ils ne contiennent aucune donnée sur un visiteur en particulier. Le programme n'envoie \
             rien d'autre à des tiers"
        ),
    };
    let (en, fr) = (&sent.en, &sent.fr);
    text!(
        "The counters are for the publisher of the site alone.",
        "Les compteurs sont destinés au seul éditeur du site."
    )
    .then(" ", &kept)
    .then(
        " ",
        &text!(
            "{en}, makes no transfer outside the European Union by itself, and its script and pages load nothing from \
             another host.",
            "{fr}, n'effectue de lui-même aucun transfert hors de l'Union européenne, et son script et ses pages ne \
             chargent rien depuis un autre hôte."
        ),
    )
}

/// The configured ways to object; each takes effect before anything is hashed.
pub(super) fn objections(facts: &ConfigFacts) -> Vec<Bilingual> {
    let mut ways = vec![text!(
        "the switch “Do not count my visits”, on the site's privacy page: the choice is stored in your browser, under \
         the name `sillage_opt_out`, until you revoke it; the script then sends nothing",
        "l'interrupteur « Ne pas compter mes visites », sur la page de confidentialité du site : le choix est \
         enregistré dans votre navigateur, sous le nom `sillage_opt_out`, jusqu'à ce que vous l'annuliez ; le script \
         n'envoie alors plus rien"
    )];
    ways.push(text!(
        "the cookie of the same name, without an identifier, which the collector's page `/opt-out` sets at your \
         request; it lasts 13 months",
        "le cookie du même nom, sans identifiant, que la page `/opt-out` du collecteur dépose à votre demande ; il est \
         conservé 13 mois"
    ));
    if facts.privacy.honour_gpc {
        ways.push(text!(
            "the signal “Global Privacy Control” of your browser (`Sec-GPC: 1`)",
            "le signal « Global Privacy Control » de votre navigateur (`Sec-GPC: 1`)"
        ));
    }
    if facts.privacy.honour_dnt {
        ways.push(text!("its signal “Do Not Track” (`DNT: 1`)", "son signal « Do Not Track » (`DNT: 1`)"));
    }
    ways
}

/// The answer to each right.
pub(super) fn rights() -> Vec<DataRight> {
    let right = |articles, label, answer| DataRight { articles, label, answer };
    vec![
        right(
            &[15, 16, 17, 18, 19, 20],
            text!(
                "Access, rectification, erasure, restriction, portability",
                "Accès, rectification, effacement, limitation, portabilité"
            ),
            text!(
                "Only sums of visits are kept, without a row per person: the controller cannot identify a person's \
                 visits in them, and so has no data to show, correct, erase or transfer (GDPR, article 11). For the \
                 same reason, directives on data after a person's death (article 85 of the French Data Protection Act) \
                 have no data to apply to.",
                "Seules des sommes de visites sont conservées, sans ligne par personne : le responsable du traitement \
                 ne peut y identifier les visites d'une personne, et n'a donc aucune donnée à communiquer, à corriger, \
                 à effacer ni à transmettre (RGPD, article 11). Pour la même raison, les directives sur le sort des \
                 données après le décès (article 85 de la loi Informatique et Libertés) ne peuvent s'appliquer à \
                 aucune donnée."
            ),
        ),
        right(
            &[21],
            text!("Objection", "Opposition"),
            text!(
                "At any time and without giving a reason, in the ways listed on this page.",
                "À tout moment et sans justification, par les moyens indiqués sur cette page."
            ),
        ),
        right(
            &[22],
            text!("Automated decisions", "Décisions automatisées"),
            text!("There are none, and no profiles are built.", "Aucune n'est prise, et aucun profil n'est établi."),
        ),
        right(
            &[77],
            text!("Complaint", "Réclamation"),
            text!(
                "To a supervisory authority; in France the [CNIL](https://www.cnil.fr/fr/plaintes).",
                "Auprès d'une autorité de contrôle ; en France, la [CNIL](https://www.cnil.fr/fr/plaintes)."
            ),
        ),
    ]
}

/// The product, its version, and the publication of the criteria.
pub(super) fn solution(facts: &ConfigFacts) -> Bilingual {
    let (version, today, hash) = (env!("CARGO_PKG_VERSION"), facts.today, &facts.config_hash);
    text!(
        "Solution: Sillage, version {version}. Written on {today}; the configuration has the hash `{hash}`. The criteria \
         are published by the [CNIL]({CRITERIA}).",
        "Solution : Sillage, version {version}. Écrit le {today} ; la configuration a l'empreinte `{hash}`. Les critères \
         sont publiés par la [CNIL]({CRITERIA})."
    )
}

/// The CNIL's page on solutions for audience measurement.
const CRITERIA: &str = "https://www.cnil.fr/fr/cookies-solutions-pour-les-outils-de-mesure-daudience";

/// The operator, if the collector measures for other publishers.
pub(super) fn processor(facts: &ConfigFacts) -> Bilingual {
    match facts.processor() {
        Some((name, Some(contact))) => text!("{name}. Contact: {contact}.", "{name}. Contact : {contact}."),
        Some((name, None)) => text!("{name}.", "{name}."),
        None => text!("To be completed (`privacy.processor`).", "À compléter (`privacy.processor`)."),
    }
}

/// The controller, and the contact of the data protection officer.
pub(super) fn controller(facts: &ConfigFacts) -> Bilingual {
    let Some(name) = facts.controller() else {
        return text!(
            "The publisher of the site, whose name and address are in its legal notice.",
            "L'éditeur du site, dont le nom et l'adresse figurent dans ses mentions légales."
        );
    };
    let named = match facts.contact() {
        Some(contact) => text!("{name}. Contact: {contact}.", "{name}. Contact : {contact}."),
        None => text!("{name}.", "{name}."),
    };
    match facts.dpo() {
        Some(dpo) => {
            named.then(" ", &text!("Data protection officer: {dpo}.", "Délégué à la protection des données : {dpo}."))
        }
        None => named,
    }
}
