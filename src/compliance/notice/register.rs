//! The entry for the register of processing activities (GDPR, article 30). Must mark as open the points that only the
//! controller knows.

use crate::clock::DAY_SECONDS;
use crate::compliance::bilingual::{Bilingual, codes, plain, said};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::Block;
use crate::compliance::notice::{inventory, page, rights};
use crate::spool::SET_ASIDE_SECONDS;

/// The blocks of the entry.
pub(super) fn blocks(facts: &ConfigFacts) -> Vec<Block> {
    let mut entry = vec![
        (
            said!("Processing", "Traitement"),
            said!("Audience measurement of web sites", "Mesure d'audience de sites web"),
        ),
        (said!("Sites", "Sites"), sites(facts)),
        (said!("Controller", "Responsable du traitement"), controller(facts)),
        (said!("Joint controller, representative", "Responsable conjoint, représentant"), to_complete()),
        (said!("Data protection officer", "Délégué à la protection des données"), dpo(facts)),
        (said!("Processors", "Sous-traitants"), processors(facts)),
        (said!("Purposes", "Finalités"), listed(&rights::purposes())),
        (said!("Legal basis", "Base légale"), rights::basis().then(" ", &rights::marketing(facts))),
        (said!("People concerned", "Personnes concernées"), said!("Visitors of the sites", "Visiteurs des sites")),
    ];
    entry.extend(inventory::read(facts).into_iter().map(|read| {
        let label = &read.label;
        let (en, fr) = (&label.en, &label.fr);
        (said!("Data read for a moment: {en}", "Donnée lue un instant : {fr}"), read.detail)
    }));
    entry.push((said!("Data kept", "Données conservées"), kept(facts)));
    entry.extend([
        (said!("Recipients", "Destinataires"), rights::recipients(facts)),
        (said!("Transfers outside the EU", "Transferts hors de l'UE"), transfers()),
        (said!("Time limits for erasure", "Délais d'effacement"), limits(facts)),
        (said!("Means of erasure", "Moyens d'effacement"), erasure()),
        (said!("Rounding", "Arrondi"), rights::rounding(facts)),
        (said!("Security measures", "Mesures de sécurité"), security()),
        (said!("Information and objection", "Information et opposition"), objection(facts)),
    ]);
    vec![
        Block::Section(said!(
            "2. Entry for the register of processing (GDPR, article 30)",
            "2. Fiche du registre des traitements (RGPD, article 30)"
        )),
        Block::Terms(entry.into_iter().map(|(name, said)| (name, vec![said])).collect()),
    ]
}

fn to_complete() -> Bilingual {
    said!("To be completed by the controller.", "À compléter par le responsable du traitement.")
}

fn sites(facts: &ConfigFacts) -> Bilingual {
    if facts.sites.is_empty() {
        return said!("None configured.", "Aucun site configuré.");
    }
    let line = |site: &crate::compliance::facts::SiteFacts| {
        let (name, zone, hosts) = (plain(&site.name), plain(&site.timezone), codes(&site.hosts));
        format!("{name} ({hosts}; {zone})")
    };
    Bilingual::same(facts.sites.iter().map(line).collect::<Vec<_>>().join(", "))
}

fn controller(facts: &ConfigFacts) -> Bilingual {
    match facts.controller() {
        Some(_) => rights::controller(facts),
        None => to_complete().then(
            " ",
            &said!(
                "(The configuration names none: `privacy.controller`.)",
                "(La configuration n'en nomme aucun : `privacy.controller`.)"
            ),
        ),
    }
}

fn dpo(facts: &ConfigFacts) -> Bilingual {
    match facts.dpo() {
        Some(contact) => said!("{contact}.", "{contact}."),
        None => to_complete().then(" ", &said!("(`privacy.dpo` is empty.)", "(`privacy.dpo` est vide.)")),
    }
}

fn erasure() -> Bilingual {
    said!(
        "Counters: by the database's time limits (TTL), whole months at a time. Events on their way: their file is deleted \
         after the insert. Keys: overwritten in memory. Backups have an end of their own: to be completed by the \
         controller.",
        "Compteurs : par les délais de la base (TTL), par mois entiers. Événements en route : leur fichier est supprimé \
         après l'insertion. Clés : écrasées en mémoire. Les sauvegardes ont leur propre terme : à compléter par le \
         responsable du traitement."
    )
}

fn processors(facts: &ConfigFacts) -> Bilingual {
    let mailed = said!(
        "The operator of the mail server, who receives published figures and the addresses of their recipients: to be \
         completed.",
        "L'exploitant du serveur de messagerie, qui reçoit des chiffres publiés et les adresses de leurs destinataires : \
         à compléter."
    );
    let named = if facts.processor().is_some() { rights::processor(facts) } else { hosts(facts) };
    if facts.mailed { named.then(" ", &mailed) } else { named }
}

fn hosts(facts: &ConfigFacts) -> Bilingual {
    match facts.remote {
        true => said!(
            "Whoever runs the server and the ClickHouse database, if that is not the controller: to be completed, with the \
             contract (GDPR, article 28).",
            "L'exploitant du serveur et celui de la base ClickHouse, si ce n'est pas le responsable : à compléter, avec le \
             contrat (RGPD, article 28)."
        ),
        false => said!(
            "Whoever runs the server, if that is not the controller: to be completed, with the contract (GDPR, article 28).",
            "L'exploitant du serveur, si ce n'est pas le responsable : à compléter, avec le contrat (RGPD, article 28)."
        ),
    }
}

fn kept(facts: &ConfigFacts) -> Bilingual {
    let (figures, labels) = (listed(&inventory::figures()), inventory::labels(facts));
    let (en, fr) = (&figures.en, &figures.fr);
    let (by, selon) = (&labels.en, &labels.fr);
    let kept = said!(
        "Anonymous counters: {en} They are broken down by page and day, and by one of these properties at a time: {by}.",
        "Des compteurs anonymes : {fr} Ils sont ventilés par page et par jour, et selon une seule de ces propriétés à la \
         fois : {selon}."
    );
    let kept = if facts.measures_campaigns() { kept.then(" ", &page::campaigns(facts)) } else { kept };
    kept.then(" ", &inventory::actions(facts)).then(" ", &page::timings())
}

fn transfers() -> Bilingual {
    said!(
        "The program makes none by itself. Country of the server and of the database: to be completed by the controller.",
        "Le programme n'en opère aucun de lui-même. Pays du serveur et de la base : à compléter par le responsable du \
         traitement."
    )
}

fn limits(facts: &ConfigFacts) -> Bilingual {
    let days = SET_ASIDE_SECONDS / DAY_SECONDS.unsigned_abs();
    said!(
        "Address and browser's description: the end of the request. Key of the tags: half an hour after the end of the day.",
        "Adresse et description du navigateur : la fin de la requête. Clé des marques : une demi-heure après la fin du jour."
    )
    .then(" ", &rights::on_the_way(facts))
    .then(
        " ",
        &said!(
            "Events without identity that a fault of the disk made unreadable: {days} days.",
            "Événements sans identité rendus illisibles par un défaut du disque : {days} jours."
        ),
    )
    .then(" ", &rights::retention(facts))
    .then(" ", &rights::review(facts))
}

fn security() -> Bilingual {
    said!(
        "Anonymisation in memory before anything is stored; a random key for each site and day, wiped when it is destroyed; \
         no identity in files, logs or metrics; a public listener that cannot read a figure, and a private one with tokens \
         bound to sites; figures rounded inside the database and read through views alone. Encryption of the way (a proxy with \
         TLS), backups and access to the server: to be completed by the controller.",
        "Anonymisation en mémoire avant tout enregistrement ; une clé aléatoire par site et par jour, effacée à sa \
         destruction ; aucune identité dans les fichiers, les journaux ou les métriques ; un accès public qui ne peut lire \
         aucun chiffre, et un accès privé dont les jetons sont liés à des sites ; des chiffres lus à travers des vues de la \
         base, qui les arrondissent. Chiffrement du transport (un mandataire TLS), sauvegardes et accès au serveur : à \
         compléter par le responsable du traitement."
    )
}

fn objection(facts: &ConfigFacts) -> Bilingual {
    let ways = listed(&rights::objections(facts));
    let (en, fr) = (&ways.en, &ways.fr);
    said!(
        "The paragraph above in each site's privacy policy; the page `/privacy`. To object: {en}",
        "Le paragraphe ci-dessus dans la politique de confidentialité de chaque site ; la page `/privacy`. Pour s'opposer : \
         {fr}"
    )
}

/// A list as part of a sentence.
fn listed(items: &[Bilingual]) -> Bilingual {
    let joined = |pick: fn(&Bilingual) -> &str| items.iter().map(pick).collect::<Vec<_>>();
    Bilingual {
        en: format!("{}.", joined(|said| &said.en).join("; ")),
        fr: format!("{}.", joined(|said| &said.fr).join(" ; ")),
    }
}
