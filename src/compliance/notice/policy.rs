//! The paragraph for the privacy policy of a site, to be copied. Must be complete: its readers may never see the
//! collector's own pages.

use crate::compliance::bilingual::{Bilingual, plain, text};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::Block;
use crate::compliance::notice::{inventory, page, rights};

/// The paragraph, with instructions for the publisher.
pub(super) fn blocks(facts: &ConfigFacts) -> Vec<Block> {
    let mut blocks = vec![
        Block::Section(text!("1. For the site's privacy policy", "1. Pour la politique de confidentialité du site")),
        Block::Heading(text!("Audience measurement", "Mesure d'audience")),
        Block::Paragraph(what(facts)),
        Block::Paragraph(how(facts)),
        Block::Paragraph(kept(facts)),
    ];
    page::standing(facts, &mut blocks);
    blocks.extend([
        Block::Paragraph(rights(facts)),
        Block::List(rights::objections(facts)),
        Block::Code(button()),
        Block::Heading(text!("For the publisher (not part of the text)", "Pour l'éditeur (hors du texte)")),
        Block::Paragraph(place_of_the_switch(facts)),
        Block::Paragraph(other_logs()),
    ]);
    blocks
}

fn what(facts: &ConfigFacts) -> Bilingual {
    let controller = match facts.controller() {
        Some(_) => rights::controller(facts),
        None => text!("**to be completed** (`privacy.controller`).", "**à compléter** (`privacy.controller`)."),
    };
    let (en, fr) = (&controller.en, &controller.fr);
    text!(
        "We count visits to this site to learn which contents are read, to find navigation problems, and to improve \
         its performance and ergonomics. The controller is: {en} The legal basis is our legitimate interest in knowing \
         the audience of the site (GDPR, article 6(1)(f)).",
        "Nous comptons les visites de ce site pour savoir quels contenus sont consultés, détecter les problèmes de \
         navigation et améliorer ses performances et son ergonomie. Le responsable du traitement est : {fr} La base \
         légale est notre intérêt légitime à connaître l'audience du site (RGPD, article 6, paragraphe 1, point f)."
    )
    .then(" ", &rights::marketing(facts))
}

fn how(facts: &ConfigFacts) -> Bilingual {
    let hashed = facts.hashed_address();
    let (en, fr) = (&hashed.en, &hashed.fr);
    let text = text!(
        "No cookie is set and nothing is stored on your device, except an objection that you ask for. Your IP address \
         and the description of your browser are read in memory for the duration of a request and never stored. A \
         keyed hash of {en}, the browser's description and the site's name indicates whether a visit is the first of \
         the day; its key is random, belongs to one site and one day, and is destroyed half an hour after the end of \
         that day.",
        "Aucun cookie n'est déposé et rien n'est enregistré sur votre appareil, hormis une opposition que vous \
         demandez. Votre adresse IP et la description de votre navigateur sont lues en mémoire le temps d'une requête \
         et ne sont jamais enregistrées. Une empreinte à clé de {fr}, de la description du navigateur et du nom du \
         site indique si une visite est la première du jour ; sa clé est aléatoire, propre à un site et à un jour, et \
         détruite une demi-heure après la fin de ce jour."
    );
    match facts.tags_on_disk {
        false => text,
        true => text.then(
            " ",
            &text!(
                "Until then, hash and key may be written to a disk of the server.",
                "D'ici là, l'empreinte et la clé peuvent être écrites sur un disque du serveur."
            ),
        ),
    }
}

fn kept(facts: &ConfigFacts) -> Bilingual {
    let Bilingual { en, fr } = inventory::labels(facts);
    let counters = text!(
        "Only counters are kept, by page and by one property at a time: {en}; also uses of features, reading time, \
         scrolling and load times.",
        "Seuls des compteurs sont conservés, par page et selon une seule propriété à la fois : {fr} ; s'y ajoutent les \
         usages de fonctions, les temps de lecture, le défilement et les temps de chargement."
    );
    let campaigns = facts.measures_campaigns().then(|| page::campaigns(facts));
    let more = [campaigns, inventory::searches(facts), inventory::problems(facts)].into_iter().flatten();
    let around = [rights::rounding(facts), rights::retention(facts), rights::recipients(facts)];
    more.chain(around).fold(counters, |text, more| text.then(" ", &more))
}

fn rights(facts: &ConfigFacts) -> Bilingual {
    let contact = match facts.contact() {
        Some(contact) => text!("For any question: {contact}.", "Pour toute question : {contact}."),
        None => text!(
            "For any question, write to the address in the legal notice.",
            "Pour toute question, écrivez à l'adresse indiquée dans les mentions légales."
        ),
    };
    text!(
        "These counters have no row per person, and your visits cannot be distinguished from others in them. The \
         rights of access, rectification, erasure, restriction and portability (GDPR, articles 15 to 20) and \
         directives on data after death (article 85 of the French Data Protection Act) therefore have no data to apply \
         to. No decision is automated (article 22).",
        "Ces compteurs ne comportent aucune ligne par personne, et vos visites ne peuvent y être distinguées des \
         autres. Les droits d'accès, de rectification, d'effacement, de limitation et de portabilité (RGPD, articles \
         15 à 20) et les directives sur le sort des données après le décès (article 85 de la loi Informatique et \
         Libertés) ne peuvent donc s'appliquer à aucune donnée. Aucune décision n'est automatisée (article 22)."
    )
    .then(" ", &contact)
    .then(
        " ",
        &text!(
            "You may also lodge a complaint with the [CNIL](https://www.cnil.fr/fr/plaintes). To object (article 21), \
             each of these ways is sufficient:",
            "Vous pouvez aussi adresser une réclamation à la [CNIL](https://www.cnil.fr/fr/plaintes). Pour vous opposer \
             (article 21), chacun de ces moyens suffit :"
        ),
    )
}

fn button() -> Bilingual {
    Bilingual {
        en: "<button type=\"button\" data-sillage-opt-out>Do not count my visits</button>".into(),
        fr: "<button type=\"button\" data-sillage-opt-out>Ne pas compter mes visites</button>".into(),
    }
}

fn place_of_the_switch(facts: &ConfigFacts) -> Bilingual {
    let tracker = plain(&facts.tracker_path);
    text!(
        "Put this button into the privacy policy of each site, on a page with the script (`{tracker}`), which turns it \
         into a switch. It has to be on the site's own pages: a browser keeps the choice for the address of the page \
         where it was made, so that the collector's page `/opt-out` applies to the site only if it is served under the \
         site's own host. You may also link to `/privacy?site=` followed by the site's name.",
        "Placez ce bouton dans la politique de confidentialité de chaque site, sur une page qui contient le script \
         (`{tracker}`), lequel en fait un interrupteur. Il doit se trouver sur les pages du site lui-même : un \
         navigateur conserve le choix pour l'adresse de la page où il a été fait, si bien que la page `/opt-out` du \
         collecteur ne vaut pour le site que si elle est servie sous le nom d'hôte de ce site. Vous pouvez aussi \
         renvoyer à `/privacy?site=` suivi du nom du site."
    )
}

fn other_logs() -> Bilingual {
    text!(
        "The text covers this measurement only. A web server, a proxy or a hosting provider in front of it may write \
         logs with addresses: that is separate processing, with notices of its own.",
        "Le texte ne couvre que cette mesure. Un serveur web, un serveur mandataire ou un hébergeur placé en amont \
         peut tenir des journaux contenant des adresses : c'est un traitement distinct, avec ses propres mentions."
    )
}
