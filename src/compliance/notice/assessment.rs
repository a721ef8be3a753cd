//! The self-assessment: every rule of the table, in the order of the CNIL's questions, with how it is held and the
//! effect of this configuration. Must never speak for an authority.

use crate::compliance::bilingual::{Bilingual, said};
use crate::compliance::deviations::Deviation;
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::Block;
use crate::compliance::notice::{inventory, page, rights};
use crate::compliance::rules::{RULES, Rule, RuleSource, SOURCES};
use crate::config::MarketingPolicy;

/// The questions in their order, each with the last rule that it covers.
fn questions() -> [(u8, Bilingual); 8] {
    [
        (1, said!("Purpose", "Finalité")),
        (
            5,
            said!(
                "Anonymous statistics, no cross-referencing, identifiers",
                "Statistiques anonymes, absence de recoupement, identifiants"
            ),
        ),
        (7, said!("What is measured", "Ce qui est mesuré")),
        (11, said!("What is read of marketing, addresses and places", "Marketing, URL, provenance et lieux")),
        (14, said!("What comes out", "Ce qui en sort")),
        (17, said!("Durations", "Durées")),
        (19, said!("Information and objection", "Information et opposition")),
        (
            23,
            said!(
                "Publishers, transfers, presentation, processors",
                "Éditeurs, transferts, présentation, sous-traitants"
            ),
        ),
    ]
}

/// The blocks of the self-assessment.
pub(super) fn blocks(facts: &ConfigFacts) -> Vec<Block> {
    let (departures, open) = (facts.departures(), open(facts));
    let mut blocks = vec![Block::Section(said!("3. Self-assessment", "3. Auto-évaluation"))];
    page::standing(facts, &mut blocks);
    blocks.push(Block::Heading(said!("Assessed configuration", "Configuration évaluée")));
    blocks.push(Block::List(configured(facts)));
    let mut rules = RULES.iter().peekable();
    for (last, question) in questions() {
        blocks.push(Block::Heading(question));
        let mut terms = Vec::new();
        while let Some(rule) = rules.next_if(|rule| rule.number <= last) {
            terms.push(assessed(rule, facts, &departures, &open));
        }
        blocks.push(Block::Terms(terms));
    }
    let remedies = departures.iter().map(|departure| departure.remedy.clone());
    let persons = RULES.iter().filter_map(|rule| rule.person).map(Bilingual::from);
    let to_do = remedies.chain(open.into_iter().map(|(_, todo)| todo)).chain(persons);
    blocks.push(Block::Heading(said!("What remains for a person to do", "Ce qui reste à faire par une personne")));
    blocks.push(Block::List(to_do.collect()));
    blocks.push(Block::Heading(said!("Balance of interests", "Mise en balance des intérêts")));
    blocks.push(Block::Paragraph(balance()));
    blocks.push(Block::Heading(said!("Impact assessment", "Analyse d'impact")));
    blocks.push(Block::Paragraph(impact_assessment()));
    blocks.push(Block::Heading(said!("What a breach would expose", "Ce qu'une violation exposerait")));
    blocks.push(Block::Paragraph(breach()));
    blocks.push(Block::Heading(said!("Sources", "Sources")));
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
            true => said!(
                "Places are looked up in local files, no finer than the city.",
                "Les lieux sont cherchés dans des fichiers locaux, au plus fin la ville."
            ),
            false => said!(
                "No location file is configured: no place is looked up.",
                "Aucun fichier de lieux n'est configuré : aucun lieu n'est cherché."
            ),
        },
    ];
    let hashed = facts.hashed_address();
    let (en, fr) = (&hashed.en, &hashed.fr);
    configured.push(said!("The visitor tag is made from {en}.", "La marque de visiteur est formée avec {fr}."));
    configured.push(page::signals(facts));
    configured
}

/// One rule: its text, how the program holds it or the configuration deviates, and the part left to a person.
fn assessed(
    rule: &Rule,
    facts: &ConfigFacts,
    departures: &[Deviation],
    open: &[(u8, Bilingual)],
) -> (Bilingual, Vec<Bilingual>) {
    let number = rule.number;
    let title = Bilingual::same(format!("R{number} · ")).then("", &Bilingual::from(rule.title));
    let letters: Vec<String> = rule.sources.iter().map(|source| source.letter.to_string()).collect();
    let asked = Bilingual::from(rule.text).then(" ", &Bilingual::same(format!("({})", letters.join(", "))));
    let left: Vec<&Deviation> = departures.iter().filter(|departure| departure.rules.contains(&number)).collect();
    let held = match left.as_slice() {
        [] => said!("**Held.**", "**Respectée.**").then(" ", &Bilingual::from(rule.held)),
        left => left.iter().fold(said!("**Not held.**", "**Non respectée.**"), |said, one| said.then(" ", &one.said)),
    };
    let held = if number == 9 { held.then(" ", &kept_names(facts)) } else { held };
    let open = open.iter().filter(|(of, _)| *of == number).map(|(_, todo)| todo.clone());
    let to_do = open.chain(rule.person.map(Bilingual::from));
    let to_do =
        to_do.map(|todo| said!("**To be done by a person.**", "**À faire par une personne.**").then(" ", &todo));
    (title, [asked, held].into_iter().chain(to_do).collect())
}

/// Query parameters that the sites' configuration keeps.
fn kept_names(facts: &ConfigFacts) -> Bilingual {
    let kept = crate::compliance::bilingual::codes(facts.sites.iter().flat_map(|site| &site.query_names_kept));
    let named = match kept.is_empty() {
        true => said!("Named here: none.", "Nommés ici : aucun."),
        false => said!("Named here: {kept}.", "Nommés ici : {kept}."),
    };
    match facts.privacy.marketing {
        MarketingPolicy::WithConsent => named.then(
            " ",
            &said!(
                "With the visitor's consent, the parameters of campaigns are read (R8).",
                "Avec le consentement du visiteur, les paramètres de campagne sont lus (R8)."
            ),
        ),
        MarketingPolicy::Never | MarketingPolicy::Always => named,
    }
}

/// The test of legitimate interest (GDPR, article 6(1)(f)).
fn balance() -> Bilingual {
    said!(
        "The publisher's interest in knowing the audience is usual and lawful, and counters are needed for it. Visitors \
         expect a site to count its visits. What touches them is small: address and browser's description are read in \
         memory while a request lasts, visits of two days or two sites are not joined, and an objection acts before \
         anything is hashed. Whether this holds for the site's public (children, patients, members): to be completed by \
         the controller.",
        "L'intérêt de l'éditeur à connaître son audience est courant et licite, et des compteurs y sont nécessaires. Un \
         visiteur s'attend à ce qu'un site compte ses visites. L'atteinte est faible : adresse et description du \
         navigateur sont lues en mémoire le temps d'une requête, les visites de deux jours ou de deux sites ne sont pas \
         rapprochées, et une opposition agit avant tout hachage. Si cela vaut pour le public du site (enfants, patients, \
         adhérents) : à compléter par le responsable du traitement."
    )
}

fn impact_assessment() -> Bilingual {
    said!(
        "Audience measurement of this kind is not, as such, on the CNIL's list of processing that requires an impact \
         assessment (GDPR, article 35). Whether the site's own public or contents require one: to be completed by the \
         controller.",
        "Une mesure d'audience de cette sorte ne figure pas, en tant que telle, sur la liste de la CNIL des traitements \
         qui exigent une analyse d'impact (RGPD, article 35). Si le public ou les contenus du site en exigent une : à \
         compléter par le responsable du traitement."
    )
}

fn breach() -> Bilingual {
    said!(
        "A stolen disk, database or backup holds counters, and for the time of a flush events without identity. The memory \
         of the running process holds the keys and tags of the day, which are personal data. The supervisory authority is \
         notified within 72 hours unless a risk is unlikely (article 33), the persons if the risk is high (article 34).",
        "Un disque, une base ou une sauvegarde volés contiennent des compteurs et, le temps d'une vidange, des événements \
         sans identité. La mémoire du processus contient les clés et les marques du jour, qui sont des données \
         personnelles. L'autorité de contrôle est avertie dans les 72 heures, à moins qu'un risque soit peu probable \
         (article 33), les personnes si le risque est élevé (article 34)."
    )
}

/// Points that the configuration leaves open, by rule.
fn open(facts: &ConfigFacts) -> Vec<(u8, Bilingual)> {
    let mut open = Vec::new();
    if facts.measures_campaigns() {
        let added = inventory::campaigns();
        let (en, fr) = (&added.en, &added.fr);
        open.push((
            8,
            said!(
                "Ask for consent before this is measured, and keep the proof of it: {en}.",
                "Recueillir le consentement avant de mesurer ceci, et en garder la preuve : {fr}."
            ),
        ));
    }
    open
}

fn source(source: &RuleSource) -> Bilingual {
    let letter = source.letter;
    let said = Bilingual::same(format!("{letter} – ")).then("", &Bilingual::from(source.name));
    if source.date.en.is_empty() { said } else { said.then(", ", &Bilingual::from(source.date)) }
}
