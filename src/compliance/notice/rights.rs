//! Rights and facts for visitors: basis, retention, rounding, objection, rights. Must claim nothing that the
//! configuration does not hold.

use crate::compliance::bilingual::{Bilingual, said};
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
        said!("to know which contents are read, and how much", "savoir quels contenus sont consultés, et combien"),
        said!("to find problems of navigation", "déceler les problèmes de navigation"),
        said!("to measure and improve the site's performance", "mesurer et améliorer les performances du site"),
        said!("to improve its technique and ergonomics", "améliorer sa technique et son ergonomie"),
        said!("to estimate the capacity that the servers need", "évaluer la puissance des serveurs nécessaires"),
    ]
}

/// The legal basis of the statistics.
pub(super) fn basis() -> Bilingual {
    said!(
        "the publisher's legitimate interest in knowing the audience of the site (GDPR, article 6(1)(f)).",
        "l'intérêt légitime de l'éditeur à connaître l'audience de son site (RGPD, article 6, paragraphe 1, point f)."
    )
}

/// Position of this configuration towards article 82.
pub(super) fn standing(facts: &ConfigFacts) -> Bilingual {
    if !facts.departures().is_empty() {
        return said!(
            "As configured now, this measurement leaves the criteria published by the CNIL for audience measurement \
             without consent, on the points below. No exemption from consent is claimed for it (article 82 of the French \
             Data Protection Act).",
            "Telle qu'elle est configurée, cette mesure s'écarte des critères publiés par la CNIL pour la mesure \
             d'audience sans consentement, sur les points ci-dessous. Aucune dispense de consentement n'est donc \
             revendiquée (article 82 de la loi Informatique et Libertés)."
        );
    }
    Bilingual::from(SELF_ASSESSMENT).then(
        " ",
        &said!(
            "It is on this ground that it runs without asking for consent (article 82 of the French Data Protection \
             Act).",
            "C'est à ce titre qu'elle fonctionne sans demande de consentement (article 82 de la loi Informatique et \
             Libertés)."
        ),
    )
}

/// Measurement of campaigns, and its condition.
pub(super) fn marketing(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.marketing {
        MarketingPolicy::Never => said!(
            "Advertising campaigns and acquisition channels are not measured.",
            "Les campagnes publicitaires et les canaux d'acquisition ne sont pas mesurés."
        ),
        MarketingPolicy::WithConsent => said!(
            "Advertising campaigns and acquisition channels are measured for visitors who have consented to it, and for \
             nobody else. Their consent is the legal basis (GDPR, article 6(1)(a)); it can be withdrawn at any time, as \
             easily as it was given.",
            "Les campagnes publicitaires et les canaux d'acquisition sont mesurés pour les visiteurs qui y ont consenti, \
             et pour personne d'autre. Leur consentement en est la base légale (RGPD, article 6, paragraphe 1, \
             point a) ; il peut être retiré à tout moment, aussi simplement qu'il a été donné."
        ),
        MarketingPolicy::Always => said!(
            "Advertising campaigns and acquisition channels are measured for every visit.",
            "Les campagnes publicitaires et les canaux d'acquisition sont mesurés à chaque visite."
        ),
    }
}

/// Retention of the figures.
pub(super) fn retention(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.retention_months {
        1 => said!(
            "Counters are kept for 1 month, then deleted automatically.",
            "Les compteurs sont conservés 1 mois, puis supprimés automatiquement."
        ),
        months => said!(
            "Counters are kept for {months} months, then deleted automatically.",
            "Les compteurs sont conservés {months} mois, puis supprimés automatiquement."
        ),
    }
}

/// Day of the last review of the retention.
pub(super) fn review(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.last_review {
        Some(day) => said!("Last review of this duration: {day}.", "Dernier réexamen de cette durée : {day}."),
        None => said!(
            "This duration has no date of review yet (`privacy.last_review`).",
            "Cette durée n'a pas encore de date de réexamen (`privacy.last_review`)."
        ),
    }
}

/// Data that waits on its way to the counters.
pub(super) fn on_the_way(facts: &ConfigFacts) -> Bilingual {
    let seconds = facts.flush_seconds;
    said!(
        "On their way to the counters, events without identity wait on the server's disk, as a rule for {seconds} seconds; \
         when the database is away they are added up to counters first.",
        "En route vers les compteurs, des événements sans identité attendent sur le disque du serveur, en règle générale \
         {seconds} secondes ; si la base est absente, ils sont d'abord additionnés en compteurs."
    )
}

/// Rounding of published figures.
pub(super) fn rounding(facts: &ConfigFacts) -> Bilingual {
    match facts.privacy.protection.step() {
        1 => said!(
            "The figures that the publisher reads are exact: rounding is off.",
            "Les chiffres que lit l'éditeur sont exacts : l'arrondi est désactivé."
        ),
        _ => said!(
            "Figures are published in tens: when an hour, day, week or month is over, each is drawn once, by chance, to a \
             multiple of {STEP}; rows in which fewer than {GATE} visitors were drawn are not shown. Exact figures cannot \
             be read and are deleted {EXACT_DAYS_MAX} days after their day at the latest.",
            "Les chiffres sont publiés par dizaines : une fois l'heure, le jour, la semaine ou le mois passé, chacun est \
             tiré une fois, au hasard, à un multiple de {STEP} ; les lignes où moins de {GATE} visiteurs ont été tirés ne \
             sont pas montrées. Les chiffres exacts ne peuvent être lus et sont supprimés au plus tard {EXACT_DAYS_MAX} \
             jours après leur jour."
        ),
    }
}

/// Recipients of the data, and their place.
pub(super) fn recipients(facts: &ConfigFacts) -> Bilingual {
    let kept = match facts.remote {
        false => {
            said!("They are kept on the machine that counts them.", "Ils sont conservés sur la machine qui les compte.")
        }
        true => said!(
            "They are kept in a database that the controller has chosen.",
            "Ils sont conservés dans une base de données choisie par le responsable du traitement."
        ),
    };
    let sent = match facts.mailed {
        false => said!("The program sends nothing to third parties", "Le programme n'envoie rien à des tiers"),
        true => said!(
            "Published figures are sent to people whom the publisher names, by mail or to an address of the publisher's; \
             they are not data about individual visitors. The program sends nothing else to third parties",
            "Les chiffres publiés sont envoyés à des personnes désignées par l'éditeur, par mail ou à une adresse de \
             l'éditeur ; ce ne sont pas des données sur des visiteurs. Le programme n'envoie rien d'autre à des tiers"
        ),
    };
    let (en, fr) = (&sent.en, &sent.fr);
    said!(
        "The counters are for the publisher of the site alone.",
        "Les compteurs sont destinés au seul éditeur du site."
    )
    .then(" ", &kept)
    .then(
        " ",
        &said!(
            "{en}, makes no transfer outside the European Union by itself, and its script and pages load nothing from \
             another host.",
            "{fr}, n'opère de lui-même aucun transfert hors de l'Union européenne, et son script et ses pages ne chargent \
             rien d'un autre hôte."
        ),
    )
}

/// The configured ways to object; each takes effect before anything is hashed.
pub(super) fn objections(facts: &ConfigFacts) -> Vec<Bilingual> {
    let mut ways = vec![said!(
        "the switch “Do not count my visits”, on the site's privacy page: the choice is kept in your browser, under the \
         name `sillage_opt_out`, until you take it back; the script then sends nothing",
        "l'interrupteur « Ne pas compter mes visites », sur la page de confidentialité du site : le choix est gardé dans \
         votre navigateur, sous le nom `sillage_opt_out`, jusqu'à ce que vous le retiriez ; le script n'envoie alors plus \
         rien"
    )];
    ways.push(said!(
        "the cookie of the same name, without identifier, which the page `/opt-out` of the collector sets at your request; \
         it lasts 13 months",
        "le cookie du même nom, sans identifiant, que la page `/opt-out` du collecteur dépose à votre demande ; il dure 13 \
         mois"
    ));
    if facts.privacy.honour_gpc {
        ways.push(said!(
            "the signal “Global Privacy Control” of your browser (`Sec-GPC: 1`)",
            "le signal « Global Privacy Control » de votre navigateur (`Sec-GPC: 1`)"
        ));
    }
    if facts.privacy.honour_dnt {
        ways.push(said!("its signal “Do Not Track” (`DNT: 1`)", "son signal « Do Not Track » (`DNT: 1`)"));
    }
    ways
}

/// The answer to each right.
pub(super) fn rights() -> Vec<DataRight> {
    let right = |articles, label, answer| DataRight { articles, label, answer };
    vec![
        right(
            &[15, 16, 17, 18, 19, 20],
            said!(
                "Access, rectification, erasure, restriction, portability",
                "Accès, rectification, effacement, limitation, portabilité"
            ),
            said!(
                "What is kept is sums of visits, without a row for each person: the controller cannot tell to which of them \
                 a person's visits belong, and so has nothing to show, correct, erase or hand over (GDPR, article 11). For \
                 the same reason, directives on data after a person's death (article 85 of the French Data Protection Act) \
                 have nothing to apply to.",
                "Ce qui est conservé, ce sont des sommes de visites, sans ligne par personne : le responsable ne peut dire \
                 auxquelles les visites d'une personne ont contribué, et n'a donc rien à montrer, à corriger, à effacer ni \
                 à remettre (RGPD, article 11). Pour la même raison, les directives sur le sort des données après la mort \
                 (article 85 de la loi Informatique et Libertés) n'ont rien sur quoi porter."
            ),
        ),
        right(
            &[21],
            said!("Objection", "Opposition"),
            said!(
                "At any time and without giving a reason, in the ways given on this page.",
                "À tout moment et sans motif, par les moyens indiqués sur cette page."
            ),
        ),
        right(
            &[22],
            said!("Automated decisions", "Décisions automatisées"),
            said!("There are none, and no profiles are built.", "Aucune n'est prise, et aucun profil n'est établi."),
        ),
        right(
            &[77],
            said!("Complaint", "Réclamation"),
            said!(
                "To a supervisory authority; in France the [CNIL](https://www.cnil.fr/fr/plaintes).",
                "Auprès d'une autorité de contrôle ; en France, la [CNIL](https://www.cnil.fr/fr/plaintes)."
            ),
        ),
    ]
}

/// The product, its version, and the publication of the criteria.
pub(super) fn solution(facts: &ConfigFacts) -> Bilingual {
    let (version, today, hash) = (env!("CARGO_PKG_VERSION"), facts.today, &facts.config_hash);
    said!(
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
        Some((name, Some(contact))) => said!("{name}. Contact: {contact}.", "{name}. Contact : {contact}."),
        Some((name, None)) => said!("{name}.", "{name}."),
        None => said!("To be completed (`privacy.processor`).", "À compléter (`privacy.processor`)."),
    }
}

/// The controller, and the contact of the data protection officer.
pub(super) fn controller(facts: &ConfigFacts) -> Bilingual {
    let Some(name) = facts.controller() else {
        return said!(
            "The publisher of the site, whose name and address are in its legal notice.",
            "L'éditeur du site, dont le nom et l'adresse figurent dans ses mentions légales."
        );
    };
    let named = match facts.contact() {
        Some(contact) => said!("{name}. Contact: {contact}.", "{name}. Contact : {contact}."),
        None => said!("{name}.", "{name}."),
    };
    match facts.dpo() {
        Some(dpo) => {
            named.then(" ", &said!("Data protection officer: {dpo}.", "Délégué à la protection des données : {dpo}."))
        }
        None => named,
    }
}
