//! The document of an operator who measures for other publishers: the solution and its version, how each criterion is
//! met, and the clauses of article 28 to copy into the contract. Must never speak for an authority.

use crate::compliance::bilingual::{Bilingual, text};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::{Block, Document};
use crate::compliance::notice::{page, rights};
use crate::compliance::rules::RULES;

/// The document with all its blocks.
pub(super) fn document(facts: &ConfigFacts) -> Document {
    let mut blocks = vec![
        Block::Paragraph(rights::solution(facts)),
        Block::Section(text!("1. Parties", "1. Parties")),
        Block::Terms(vec![
            (text!("Processor", "Sous-traitant"), vec![rights::processor(facts)]),
            (
                text!("Controller", "Responsable du traitement"),
                vec![text!("The publisher of the site.", "L'éditeur du site.")],
            ),
        ]),
        Block::Section(text!("2. How each criterion is met", "2. Comment chaque critère est satisfait")),
    ];
    page::standing(facts, &mut blocks);
    let criteria = RULES.iter().map(|rule| {
        let title = Bilingual::same(format!("R{} · ", rule.number)).then("", &Bilingual::from(rule.title));
        (title, vec![Bilingual::from(rule.text), Bilingual::from(rule.held)])
    });
    blocks.push(Block::Terms(criteria.collect()));
    blocks.push(Block::Section(text!(
        "3. Clauses for the contract (GDPR, article 28)",
        "3. Clauses pour le contrat (RGPD, article 28)"
    )));
    blocks.push(Block::List(clauses(facts)));
    blocks.push(Block::Section(text!("4. Uses that the publisher must avoid", "4. Usages interdits à l'éditeur")));
    blocks.push(Block::List(uses_excluded()));
    Document { title: text!("Audience measurement: for publishers", "Mesure d'audience : pour les éditeurs"), blocks }
}

fn clauses(facts: &ConfigFacts) -> Vec<Bilingual> {
    let mut clauses = vec![
        text!(
            "Object, duration, nature, purpose: the processor counts visits to the publisher's sites, for the duration of \
             the contract, to produce statistics for the publisher alone. Data: address and browser's description, read \
             in memory during a request. Persons concerned: visitors of the sites.",
            "Objet, durée, nature, finalité : le sous-traitant compte les visites des sites de l'éditeur, pendant la durée \
             du contrat, pour produire des statistiques destinées au seul éditeur. Données : adresse et description du \
             navigateur, lues en mémoire pendant une requête. Personnes concernées : les visiteurs des sites."
        ),
        text!(
            "The processor acts on the publisher's documented instructions only, and informs the publisher if an \
             instruction seems unlawful.",
            "Le sous-traitant n'agit que sur instruction documentée de l'éditeur, et le signale si une instruction lui \
             paraît illicite."
        ),
        text!(
            "The processor uses neither data nor figures for purposes of its own, and combines them neither with those of \
             other publishers nor with any other source.",
            "Le sous-traitant n'utilise ni les données ni les chiffres à ses propres fins, et ne les combine ni avec ceux \
             d'autres éditeurs ni avec aucune autre source."
        ),
        text!(
            "Persons who may read figures are bound to confidentiality; each console token reads the sites of one \
             publisher.",
            "Les personnes qui peuvent lire les chiffres sont tenues à la confidentialité ; chaque jeton de console lit les \
             sites d'un seul éditeur."
        ),
        text!(
            "The processor takes the security measures of article 32: those of the entry in the record of processing, \
             TLS, encrypted backups and restricted access to the server.",
            "Le sous-traitant prend les mesures de sécurité de l'article 32 : celles de la fiche du registre, TLS, \
             sauvegardes chiffrées et accès restreint au serveur."
        ),
        text!(
            "No other processor without the publisher's prior written authorisation, under the same obligations. The host \
             of the server is one: to be completed.",
            "Aucun autre sous-traitant sans autorisation écrite préalable de l'éditeur, avec les mêmes obligations. \
             L'hébergeur du serveur en est un : à compléter."
        ),
        text!(
            "The processor helps the publisher to answer requests of persons, to notify breaches (without undue delay, at \
             most 48 hours after becoming aware) and to assess risks (articles 32 to 36).",
            "Le sous-traitant aide l'éditeur à répondre aux demandes des personnes, à notifier les violations (dans les \
             meilleurs délais, 48 heures au plus après en avoir eu connaissance) et à évaluer les risques (articles 32 \
             à 36)."
        ),
    ];
    clauses.push(
        text!(
            "At the end of the contract the processor returns or deletes the site's counters, at the publisher's choice, \
             backups included.",
            "À la fin du contrat, le sous-traitant restitue ou supprime les compteurs du site, au choix de l'éditeur, \
             sauvegardes comprises."
        )
        .then(" ", &rights::retention(facts)),
    );
    clauses.push(text!(
        "The processor gives the publisher the report of `sillage audit` on request and allows audits.",
        "Le sous-traitant remet à l'éditeur, sur demande, le rapport de `sillage audit` et permet des audits."
    ));
    clauses
}

fn uses_excluded() -> Vec<Bilingual> {
    vec![
        text!("tailor contents to a visitor", "adapter les contenus à un visiteur"),
        text!(
            "use the figures for advertising, or sell them",
            "utiliser les chiffres à des fins publicitaires, ou les \
                                                                vendre"
        ),
        text!(
            "recognise a visitor on another site, on another device or on another day",
            "reconnaître un visiteur sur un autre site, un autre appareil ou un autre jour"
        ),
        text!("put the pixel into e-mails", "placer le pixel dans des courriels"),
    ]
}
