//! The self-assessment: every rule of the table, in the order of the CNIL's questions, with how it is held and the
//! effect of this configuration. Must never speak for an authority.

use crate::compliance::bilingual::{Bilingual, text};
use crate::compliance::deviations::Deviation;
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::Block;
use crate::compliance::notice::{inventory, page, rights};
use crate::compliance::rules::{RULES, Rule, RuleSource, SOURCES};
use crate::config::MarketingPolicy;

/// The questions in their order, each with the last rule that it covers.
fn questions() -> [(u8, Bilingual); 8] {
    [
        (1, text!("Purpose", "Finalité")),
        (
            5,
            text!(
                "Anonymous statistics, no cross-referencing, identifiers",
                "Statistiques anonymes, absence de recoupement, identifiants"
            ),
        ),
        (7, text!("Measured data", "Données mesurées")),
        (11, text!("Marketing, URLs, referrers and places", "Marketing, URL, provenance et lieux")),
        (14, text!("Published figures", "Chiffres publiés")),
        (17, text!("Retention", "Durées de conservation")),
        (19, text!("Information and objection", "Information et opposition")),
        (
            23,
            text!(
                "Publishers, transfers, presentation, processors",
                "Éditeurs, transferts, présentation, sous-traitants"
            ),
        ),
    ]
}

/// The blocks of the self-assessment.
pub(super) fn blocks(facts: &ConfigFacts) -> Vec<Block> {
    let (deviations, open) = (facts.deviations(), open(facts));
    let mut blocks = vec![Block::Section(text!("3. Self-assessment", "3. Auto-évaluation"))];
    page::standing(facts, &mut blocks);
    blocks.push(Block::Heading(text!("Assessed configuration", "Configuration évaluée")));
    blocks.push(Block::List(configured(facts)));
    let mut rules = RULES.iter().peekable();
    for (last, question) in questions() {
        blocks.push(Block::Heading(question));
        let mut terms = Vec::new();
        while let Some(rule) = rules.next_if(|rule| rule.number <= last) {
            terms.push(assessed(rule, facts, &deviations, &open));
        }
        blocks.push(Block::Terms(terms));
    }
    let remedies = deviations.iter().map(|deviation| deviation.remedy.clone());
    let persons = RULES.iter().filter_map(|rule| rule.person).map(Bilingual::from);
    let to_do = remedies.chain(open.into_iter().map(|(_, todo)| todo)).chain(persons);
    blocks.push(Block::Heading(text!("Remaining tasks for a person", "Ce qui reste à la charge d'une personne")));
    blocks.push(Block::List(to_do.collect()));
    blocks.push(Block::Heading(text!("Balance of interests", "Mise en balance des intérêts")));
    blocks.push(Block::Paragraph(balance()));
    blocks.push(Block::Heading(text!("Impact assessment", "Analyse d'impact")));
    blocks.push(Block::Paragraph(impact_assessment()));
    blocks.push(Block::Heading(text!("Exposure in case of a breach", "Données exposées en cas de violation")));
    blocks.push(Block::Paragraph(breach()));
    blocks.push(Block::Heading(text!("Sources", "Sources")));
    blocks.push(Block::List(SOURCES.iter().copied().map(source).collect()));
    blocks
}

fn configured(facts: &ConfigFacts) -> Vec<Bilingual> {
    let mut configured = vec![
        rights::rounding(facts),
        rights::retention(facts),
        rights::review(facts),
        rights::marketing(facts),
        match facts.location {
            true => text!(
                "Places are looked up in local files and are no finer than the city.",
                "Les lieux sont recherchés dans des fichiers locaux et ne sont pas plus précis que la ville."
            ),
            false => text!(
                "No location file is configured; no place is looked up.",
                "Aucun fichier de géolocalisation n'est configuré ; aucun lieu n'est recherché."
            ),
        },
    ];
    let hashed = facts.hashed_address();
    let (en, fr) = (&hashed.en, &hashed.fr);
    configured.push(text!(
        "The visitor tag is computed from {en}.",
        "L'identifiant journalier du visiteur est calculé \
                                                                     à partir de {fr}."
    ));
    configured.push(page::signals(facts));
    configured
}

/// One rule: its text, how the program holds it or the configuration deviates, and the part left to a person.
fn assessed(
    rule: &Rule,
    facts: &ConfigFacts,
    deviations: &[Deviation],
    open: &[(u8, Bilingual)],
) -> (Bilingual, Vec<Bilingual>) {
    let number = rule.number;
    let title = Bilingual::same(format!("R{number} · ")).then("", &Bilingual::from(rule.title));
    let letters: Vec<String> = rule.sources.iter().map(|source| source.letter.to_string()).collect();
    let asked = Bilingual::from(rule.text).then(" ", &Bilingual::same(format!("({})", letters.join(", "))));
    let broken: Vec<&Deviation> = deviations.iter().filter(|deviation| deviation.rules.contains(&number)).collect();
    let held = match broken.as_slice() {
        [] => text!("**Held.**", "**Respectée.**").then(" ", &Bilingual::from(rule.held)),
        some => some.iter().fold(text!("**Not held.**", "**Non respectée.**"), |text, one| text.then(" ", &one.text)),
    };
    let held = if number == 9 { held.then(" ", &kept_names(facts)) } else { held };
    let open = open.iter().filter(|(of, _)| *of == number).map(|(_, todo)| todo.clone());
    let to_do = open.chain(rule.person.map(Bilingual::from));
    let to_do = to_do.map(|todo| text!("**Task for a person.**", "**À la charge d'une personne.**").then(" ", &todo));
    (title, [asked, held].into_iter().chain(to_do).collect())
}

/// Query parameters that the sites' configuration keeps.
fn kept_names(facts: &ConfigFacts) -> Bilingual {
    let kept = crate::compliance::bilingual::codes(facts.sites.iter().flat_map(|site| &site.query_names_kept));
    let named = match kept.is_empty() {
        true => text!("Parameters named here: none.", "Paramètres nommés ici : aucun."),
        false => text!("Parameters named here: {kept}.", "Paramètres nommés ici : {kept}."),
    };
    match facts.privacy.marketing {
        MarketingPolicy::WithConsent => named.then(
            " ",
            &text!(
                "With the visitor's consent, the parameters of campaigns are read (R8).",
                "Avec le consentement du visiteur, les paramètres de campagne sont lus (R8)."
            ),
        ),
        MarketingPolicy::Never | MarketingPolicy::Always => named,
    }
}

/// The test of legitimate interest (GDPR, article 6(1)(f)).
fn balance() -> Bilingual {
    text!(
        "The publisher's interest in knowing the audience is usual and lawful, and needs counters. Visitors expect a \
         site to count its visits. The impact on them is small: address and browser's description are read in memory \
         for the duration of a request, visits of two days or two sites are not linked, and an objection applies \
         before anything is hashed. Whether this holds for the site's public (children, patients, members): to be \
         completed by the controller.",
        "L'intérêt de l'éditeur à connaître son audience est courant et licite, et nécessite des compteurs. Un \
         visiteur s'attend à ce qu'un site compte ses visites. L'atteinte est faible : l'adresse et la description du \
         navigateur sont lues en mémoire le temps d'une requête, les visites de deux jours ou de deux sites ne sont \
         pas rapprochées, et une opposition s'applique avant tout hachage. Appréciation pour le public du site \
         (enfants, patients, adhérents) : à compléter par le responsable du traitement."
    )
}

fn impact_assessment() -> Bilingual {
    text!(
        "Audience measurement of this kind is not, as such, on the CNIL's list of processing that requires an impact \
         assessment (GDPR, article 35). Whether the site's own public or contents require one: to be completed by the \
         controller.",
        "Une mesure d'audience de ce type ne figure pas, en tant que telle, sur la liste de la CNIL des traitements \
         qui exigent une analyse d'impact (RGPD, article 35). Nécessité d'une analyse au regard du public ou des \
         contenus du site : à compléter par le responsable du traitement."
    )
}

fn breach() -> Bilingual {
    text!(
        "A stolen disk, database or backup holds counters and, until the next flush, events without identity. The \
         memory of the running process holds the keys and tags of the day, which are personal data. The supervisory \
         authority is notified within 72 hours unless a risk is unlikely (article 33), the persons if the risk is high \
         (article 34).",
        "Un disque, une base de données ou une sauvegarde volés contiennent des compteurs et, jusqu'à l'envoi suivant, \
         des événements sans identité. La mémoire du processus contient les clés et les identifiants du jour, qui sont \
         des données personnelles. La violation est notifiée à l'autorité de contrôle dans les 72 heures, sauf si elle \
         n'est pas susceptible d'engendrer un risque (article 33), et communiquée aux personnes si le risque est élevé \
         (article 34)."
    )
}

/// Points that the configuration leaves open, by rule.
fn open(facts: &ConfigFacts) -> Vec<(u8, Bilingual)> {
    let mut open = Vec::new();
    if facts.measures_campaigns() {
        let (added, model) = (inventory::campaigns(), inventory::device_model());
        let (en, fr, model_en, model_fr) = (&added.en, &added.fr, &model.en, &model.fr);
        open.push((
            8,
            text!(
                "Ask for consent before this is measured, and keep the proof of it: {en}; {model_en}.",
                "Recueillir le consentement avant de mesurer ces données, et en conserver la preuve : {fr} ; {model_fr}."
            ),
        ));
    }
    open
}

fn source(source: &RuleSource) -> Bilingual {
    let letter = source.letter;
    let text = Bilingual::same(format!("{letter} – ")).then("", &Bilingual::from(source.name));
    if source.date.en.is_empty() { text } else { text.then(", ", &Bilingual::from(source.date)) }
}
