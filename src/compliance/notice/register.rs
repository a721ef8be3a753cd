//! The entry for the register of processing activities (GDPR, article 30). Must mark as open the points that only the
//! controller knows.

use crate::clock::DAY_SECONDS;
use crate::compliance::bilingual::{Bilingual, codes, plain, text};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::Block;
use crate::compliance::notice::{inventory, page, rights};
use crate::spool::SET_ASIDE_SECONDS;

/// The blocks of the entry.
pub(super) fn blocks(facts: &ConfigFacts) -> Vec<Block> {
    let mut entry = vec![
        (
            text!("Processing", "Traitement"),
            text!("Audience measurement of web sites", "Mesure d'audience de sites web"),
        ),
        (text!("Sites", "Sites"), sites(facts)),
        (text!("Controller", "Responsable du traitement"), controller(facts)),
        (text!("Joint controller, representative", "Responsable conjoint, représentant"), to_complete()),
        (text!("Data protection officer", "Délégué à la protection des données"), dpo(facts)),
        (text!("Processors", "Sous-traitants"), processors(facts)),
        (text!("Purposes", "Finalités"), listed(&rights::purposes())),
        (text!("Legal basis", "Base légale"), rights::basis().then(" ", &rights::marketing(facts))),
        (text!("People concerned", "Personnes concernées"), text!("Visitors of the sites", "Visiteurs des sites")),
    ];
    entry.extend(inventory::read(facts).into_iter().map(|read| {
        let label = &read.label;
        let (en, fr) = (&label.en, &label.fr);
        (text!("Data read in memory: {en}", "Donnée lue en mémoire : {fr}"), read.detail)
    }));
    entry.push((text!("Data kept", "Données conservées"), kept(facts)));
    entry.extend([
        (text!("Recipients", "Destinataires"), rights::recipients(facts)),
        (text!("Transfers outside the EU", "Transferts hors de l'UE"), transfers()),
        (text!("Time limits for erasure", "Délais d'effacement"), limits(facts)),
        (text!("Means of erasure", "Moyens d'effacement"), erasure()),
        (text!("Rounding", "Arrondi"), rights::rounding(facts)),
        (text!("Security measures", "Mesures de sécurité"), security()),
        (text!("Information and objection", "Information et opposition"), objection(facts)),
    ]);
    vec![
        Block::Section(text!(
            "2. Entry for the register of processing (GDPR, article 30)",
            "2. Fiche du registre des traitements (RGPD, article 30)"
        )),
        Block::Terms(entry.into_iter().map(|(name, text)| (name, vec![text])).collect()),
    ]
}

fn to_complete() -> Bilingual {
    text!("To be completed by the controller.", "À compléter par le responsable du traitement.")
}

fn sites(facts: &ConfigFacts) -> Bilingual {
    if facts.sites.is_empty() {
        return text!("None configured.", "Aucun site configuré.");
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
            &text!(
                "(The configuration names none: `privacy.controller`.)",
                "(La configuration n'en nomme aucun : `privacy.controller`.)"
            ),
        ),
    }
}

fn dpo(facts: &ConfigFacts) -> Bilingual {
    match facts.dpo() {
        Some(contact) => text!("{contact}.", "{contact}."),
        None => to_complete().then(" ", &text!("(`privacy.dpo` is empty.)", "(`privacy.dpo` est vide.)")),
    }
}

fn erasure() -> Bilingual {
    text!(
        "Counters: by the time limits (TTL) of the database, in whole months. Buffered events: their file is deleted \
         after the insert. Keys: overwritten in memory. Retention of backups: to be completed by the controller.",
        "Compteurs : par les délais de la base de données (TTL), par mois entiers. Événements en attente : leur \
         fichier est supprimé après l'insertion. Clés : écrasées en mémoire. Durée de conservation des sauvegardes : à \
         compléter par le responsable du traitement."
    )
}

fn processors(facts: &ConfigFacts) -> Bilingual {
    let mailed = text!(
        "The operator of the mail server, which receives published figures and the addresses of their recipients: to \
         be completed.",
        "L'exploitant du serveur de messagerie, qui reçoit des chiffres publiés et les adresses de leurs destinataires : \
         à compléter."
    );
    let named = if facts.processor().is_some() { rights::processor(facts) } else { hosts(facts) };
    if facts.mailed { named.then(" ", &mailed) } else { named }
}

fn hosts(facts: &ConfigFacts) -> Bilingual {
    match facts.remote {
        true => text!(
            "The operators of the server and of the ClickHouse database, if other than the controller: to be \
             completed, with the contract (GDPR, article 28).",
            "L'exploitant du serveur et celui de la base ClickHouse, si ce n'est pas le responsable : à compléter, avec le \
             contrat (RGPD, article 28)."
        ),
        false => text!(
            "The operator of the server, if other than the controller: to be completed, with the contract (GDPR, \
             article 28).",
            "L'exploitant du serveur, si ce n'est pas le responsable : à compléter, avec le contrat (RGPD, article 28)."
        ),
    }
}

fn kept(facts: &ConfigFacts) -> Bilingual {
    let (figures, labels) = (listed(&inventory::figures()), inventory::labels(facts));
    let (en, fr) = (&figures.en, &figures.fr);
    let (by, selon) = (&labels.en, &labels.fr);
    let kept = text!(
        "Anonymous counters: {en} They are broken down by page and day, and by one of these properties at a time: {by}.",
        "Des compteurs anonymes : {fr} Ils sont ventilés par page et par jour, et selon une seule de ces propriétés à la \
         fois : {selon}."
    );
    let kept = if facts.measures_campaigns() { kept.then(" ", &page::campaigns(facts)) } else { kept };
    kept.then(" ", &inventory::actions(facts)).then(" ", &page::timings())
}

fn transfers() -> Bilingual {
    text!(
        "None by the program itself. Country of the server and of the database: to be completed by the controller.",
        "Aucun du fait du programme lui-même. Pays du serveur et de la base de données : à compléter par le \
         responsable du traitement."
    )
}

fn limits(facts: &ConfigFacts) -> Bilingual {
    let days = SET_ASIDE_SECONDS / DAY_SECONDS.unsigned_abs();
    text!(
        "Address and browser's description: the end of the request. Key of the tags: half an hour after the end of the day.",
        "Adresse et description du navigateur : fin de la requête. Clé des identifiants : une demi-heure après la fin \
         du jour."
    )
    .then(" ", &rights::on_the_way(facts))
    .then(
        " ",
        &text!(
            "Events without identity that a disk fault made unreadable: {days} days.",
            "Événements sans identité rendus illisibles par une défaillance du disque : {days} jours."
        ),
    )
    .then(" ", &rights::retention(facts))
    .then(" ", &rights::review(facts))
}

fn security() -> Bilingual {
    text!(
        "Anonymisation in memory before anything is stored; a random key for each site and day, wiped when it is \
         destroyed; no identity in files, logs or metrics; a public listener that cannot read a figure, and a private \
         one with tokens bound to sites; readers query the published tables of their sites only, each as a database \
         user of its own. Encryption in transit (TLS), backups and access to the server: to be completed by the \
         controller.",
        "Anonymisation en mémoire avant tout enregistrement ; une clé aléatoire par site et par jour, effacée à sa \
         destruction ; aucune identité dans les fichiers, les journaux ou les métriques ; un accès public qui ne peut \
         lire aucun chiffre, et un accès privé dont les jetons sont liés à des sites ; des lectures limitées aux \
         tables publiées des sites autorisés, avec un utilisateur de base de données distinct. Chiffrement des \
         échanges (TLS), sauvegardes et accès au serveur : à compléter par le responsable du traitement."
    )
}

fn objection(facts: &ConfigFacts) -> Bilingual {
    let ways = listed(&rights::objections(facts));
    let (en, fr) = (&ways.en, &ways.fr);
    text!(
        "The paragraph above in each site's privacy policy; the page `/privacy`. To object: {en}",
        "Le paragraphe ci-dessus dans la politique de confidentialité de chaque site ; la page `/privacy`. Pour s'opposer : \
         {fr}"
    )
}

/// A list as part of a sentence.
fn listed(items: &[Bilingual]) -> Bilingual {
    let joined = |pick: fn(&Bilingual) -> &str| items.iter().map(pick).collect::<Vec<_>>();
    Bilingual {
        en: format!("{}.", joined(|text| &text.en).join("; ")),
        fr: format!("{}.", joined(|text| &text.fr).join(" ; ")),
    }
}
