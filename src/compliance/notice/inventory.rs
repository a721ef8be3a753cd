//! The data inventory: fields read for a moment, and counters that are kept. One entry per dimension and load time of
//! the program: a new one does not compile without its entry.

use crate::compliance::bilingual::{Bilingual, codes, said};
use crate::compliance::facts::ConfigFacts;
use crate::event::{Dimension, TimingMetric};
use crate::privacy::tag::day_key::VISIT_GAP_SECONDS;

/// A measured field: its name in the data, its name for people, and its exact meaning.
pub(super) struct InventoryEntry {
    pub(super) name: &'static str,
    pub(super) label: Bilingual,
    pub(super) detail: Bilingual,
}

impl InventoryEntry {
    fn new(name: &'static str, label: Bilingual, detail: Bilingual) -> Self {
        Self { name, label, detail }
    }

    pub(super) fn term(self) -> (Bilingual, Vec<Bilingual>) {
        (self.label, vec![self.detail])
    }
}

/// Fields of a hit, and their fate.
pub(super) fn read(facts: &ConfigFacts) -> Vec<InventoryEntry> {
    vec![
        InventoryEntry::new("address", said!("IP address", "Adresse IP"), address(facts)),
        InventoryEntry::new(
            "user_agent",
            said!("Description of the browser (User-Agent)", "Description du navigateur (User-Agent)"),
            said!(
                "Read in memory while the request lasts, for the name and the major version of browser and system and \
                 the kind of device, and to make the visitor tag; written nowhere.",
                "Lue en mémoire le temps de la requête, pour le nom et la version majeure du navigateur et du système et \
                 le type d'appareil, et pour former la marque de visiteur ; écrite nulle part."
            ),
        ),
        InventoryEntry::new(
            "url",
            said!("Address of the page, and of the page before", "Adresse de la page, et de la page précédente"),
            page(facts),
        ),
        InventoryEntry::new(
            "language_and_width",
            said!("Preferred language, width of the window", "Langue préférée, largeur de la fenêtre"),
            said!(
                "Reduced at once to a language without its region, and to one of seven classes of width.",
                "Réduites aussitôt à une langue sans sa région, et à l'une de sept classes de largeur."
            ),
        ),
        InventoryEntry::new("visitor_tag", said!("Visitor tag", "Marque de visiteur"), tag(facts)),
    ]
}

fn address(facts: &ConfigFacts) -> Bilingual {
    let place = match facts.location {
        true => said!(
            "looked up, cut short (24 bits of IPv4, 48 of IPv6), in a file on the server for a place no finer than the \
             city, ",
            "cherchée, raccourcie (24 bits en IPv4, 48 en IPv6), dans un fichier du serveur pour un lieu au plus fin la \
             ville, "
        ),
        false => Bilingual::same(""),
    };
    said!("Read in memory while the request lasts, ", "Lue en mémoire le temps de la requête, ").then("", &place).then(
        "",
        &said!(
            "and used to make the visitor tag; written nowhere: not in a file, not in a log, not in the database.",
            "et utilisée pour former la marque de visiteur ; écrite nulle part : ni fichier, ni journal, ni base de \
             données."
        ),
    )
}

fn page(facts: &ConfigFacts) -> Bilingual {
    let kept = codes(facts.sites.iter().flat_map(|site| &site.query_names_kept));
    let query = match kept.is_empty() {
        true => said!(
            "Of a page of the site, its path is kept, without query string and fragment",
            "D'une page du site, le chemin est gardé, sans chaîne de requête ni fragment"
        ),
        false => said!(
            "Of a page of the site, its path is kept, and of its query string only {kept}",
            "D'une page du site, le chemin est gardé, et de sa chaîne de requête seulement {kept}"
        ),
    };
    query.then(
        "",
        &said!(
            "; what looks like a person's (mail address, number, long code) is replaced by a placeholder. Of another \
             site, only the name of its host is kept.",
            " ; ce qui semble désigner une personne (adresse électronique, numéro, code long) est remplacé par un \
             signe neutre. D'un autre site, seul le nom d'hôte est gardé."
        ),
    )
}

fn tag(facts: &ConfigFacts) -> Bilingual {
    let (hashed, minutes) = (facts.hashed_address(), VISIT_GAP_SECONDS / 60);
    let (en, fr) = (&hashed.en, &hashed.fr);
    let made = Bilingual {
        en: format!(
            "A keyed hash of {en}, the browser's description and the site's name, made to count a person once a day. \
             Its key is random, belongs to one site and one day, and is destroyed {minutes} minutes after the end of \
             that day: from then on the tag cannot be recomputed."
        ),
        fr: format!(
            "Une empreinte à clé de {fr}, de la description du navigateur et du nom du site, formée pour compter une \
             personne une fois par jour. Sa clé est aléatoire, propre à un site et à un jour, et détruite {minutes} \
             minutes après la fin de ce jour : dès lors, plus personne ne peut reformer la marque."
        ),
    };
    made.then(
        " ",
        &match facts.tags_on_disk {
            false => said!(
                "Tag and key stay in memory and never reach a disk or the database.",
                "Marque et clé restent en mémoire et n'atteignent jamais un disque ni la base de données."
            ),
            true => said!(
                "As configured here, tags and keys of the day may be written to a disk of the server.",
                "Telle que la mesure est configurée ici, marques et clés du jour peuvent être écrites sur un disque du \
             serveur."
            ),
        },
    )
}

/// Figures that are kept, by page.
pub(super) fn figures() -> Vec<Bilingual> {
    vec![
        said!("pageviews, and visitors of the day", "pages vues, et visiteurs du jour"),
        said!("visits, entries, exits, bounces and duration", "visites, entrées, sorties, rebonds et durée"),
        said!(
            "time of reading and depth of scrolling, as sums",
            "temps de lecture et profondeur de défilement, en sommes"
        ),
        said!("pages that were not found", "pages introuvables"),
    ]
}

/// Dimensions of the figures that this configuration can fill for all visitors.
pub(super) fn dimensions(facts: &ConfigFacts) -> Vec<InventoryEntry> {
    let placed = |dimension: &Dimension| {
        facts.location || !matches!(dimension, Dimension::Country | Dimension::Region | Dimension::City)
    };
    Dimension::ALL.into_iter().filter(|dimension| !dimension.is_marketing()).filter(placed).map(entry).collect()
}

/// Dimensions of channels and campaigns, if measured.
pub(super) fn campaign_dimensions(facts: &ConfigFacts) -> Vec<InventoryEntry> {
    let measured = |dimension: &Dimension| dimension.is_marketing() && facts.measures_campaigns();
    Dimension::ALL.into_iter().filter(measured).map(entry).collect()
}

fn entry(dimension: Dimension) -> InventoryEntry {
    let (label, detail) = dimension_said(dimension);
    InventoryEntry::new(dimension.name(), label, detail)
}

/// Labels of these dimensions, for a sentence.
pub(super) fn labels(facts: &ConfigFacts) -> Bilingual {
    let joined = |pick: fn(&Bilingual) -> &str| {
        dimensions(facts).iter().map(|dimension| pick(&dimension.label).to_lowercase()).collect::<Vec<_>>().join(", ")
    };
    Bilingual { en: joined(|said| &said.en), fr: joined(|said| &said.fr) }
}

fn dimension_said(dimension: Dimension) -> (Bilingual, Bilingual) {
    match dimension {
        Dimension::Referrer => (
            said!("Site that a visit comes from", "Site de provenance"),
            said!("the name of its host, or that there is none", "le nom de son hôte, ou l'absence de provenance"),
        ),
        Dimension::PreviousPage => (said!("Page before", "Page précédente"), said!("of the same site", "du même site")),
        Dimension::Country => (said!("Country", "Pays"), said!("two letters", "deux lettres")),
        Dimension::Region => {
            (said!("Region", "Région"), said!("where the location file has it", "si le fichier de lieux l'indique"))
        }
        Dimension::City => {
            (said!("City", "Ville"), said!("where the location file has it", "si le fichier de lieux l'indique"))
        }
        Dimension::Device => (
            said!("Kind of device", "Type d'appareil"),
            said!(
                "computer, telephone, tablet, television, other",
                "ordinateur, téléphone, tablette, télévision, autre"
            ),
        ),
        Dimension::Browser => (said!("Browser", "Navigateur"), said!("its name", "son nom")),
        Dimension::BrowserVersion => (
            said!("Version of the browser", "Version du navigateur"),
            said!("the major number alone", "le numéro majeur seul"),
        ),
        Dimension::System => (said!("Operating system", "Système d'exploitation"), said!("its name", "son nom")),
        Dimension::SystemVersion => (
            said!("Version of the system", "Version du système"),
            said!("the major number alone", "le numéro majeur seul"),
        ),
        Dimension::Screen => (
            said!("Width of the window", "Largeur de la fenêtre"),
            said!("one of seven classes", "l'une de sept classes"),
        ),
        Dimension::Language => {
            (said!("Preferred language", "Langue préférée"), said!("without its region", "sans sa région"))
        }
        Dimension::Hostname => (
            said!("Host of the page", "Hôte de la page"),
            said!("under which of its names the site was read", "sous lequel de ses noms le site a été lu"),
        ),
        Dimension::Source => (
            said!("Source", "Source"),
            said!(
                "its name or the name of its host, or that there is none",
                "son nom ou celui de son hôte, ou l'absence de provenance"
            ),
        ),
        Dimension::Channel => (
            said!("Channel", "Canal"),
            said!("one of sixteen, such as search or mail", "l'un de seize, comme la recherche ou le courriel"),
        ),
        Dimension::UtmSource => (said!("Source of a campaign", "Source d'une campagne"), tag_said()),
        Dimension::UtmMedium => (said!("Medium of a campaign", "Support d'une campagne"), tag_said()),
        Dimension::UtmCampaign => (said!("Name of a campaign", "Nom d'une campagne"), tag_said()),
        Dimension::UtmTerm => (said!("Term of a campaign", "Terme d'une campagne"), tag_said()),
        Dimension::UtmContent => (said!("Content of a campaign", "Contenu d'une campagne"), tag_said()),
    }
}

fn tag_said() -> Bilingual {
    said!(
        "as the link has it; what looks like a person's is replaced by a placeholder",
        "tel que le lien le donne ; ce qui semble désigner une personne est remplacé par un signe neutre"
    )
}

/// Counts of the use of features.
pub(super) fn actions(facts: &ConfigFacts) -> Bilingual {
    let counted = said!(
        "Use of features (a click, a download, a form, a vote…), under a name that the site gives: how many times, and by \
         how many visitors of the day.",
        "L'usage de fonctions (un clic, un téléchargement, un formulaire, un vote…), sous un nom que le site donne : \
         combien de fois, et par combien de visiteurs du jour."
    );
    let more = [Some(properties(facts)), searches(facts), problems(facts)];
    more.into_iter().flatten().fold(counted, |said, more| said.then(" ", &more))
}

fn properties(facts: &ConfigFacts) -> Bilingual {
    let properties = codes(facts.sites.iter().flat_map(|site| &site.properties));
    match (facts.sites.is_empty(), properties.is_empty()) {
        (true, _) => said!(
            "Of their properties, only those that the site declares are kept, each by itself.",
            "De leurs propriétés, seules celles que le site déclare sont gardées, chacune seule."
        ),
        (false, true) => said!(
            "The site declares no properties for them: none is kept.",
            "Le site ne leur déclare aucune propriété : aucune n'est gardée."
        ),
        (false, false) => said!(
            "Of their properties, those that the site declares are kept, each by itself: {properties}.",
            "De leurs propriétés sont gardées celles que le site déclare, chacune seule : {properties}."
        ),
    }
}

/// Counts of searches on the site, if it counts them.
pub(super) fn searches(facts: &ConfigFacts) -> Option<Bilingual> {
    let searched = codes(facts.sites.iter().map(|site| &site.search_parameter).filter(|name| !name.is_empty()));
    (!searched.is_empty()).then(|| {
        said!(
            "What is looked for in the site's own search ({searched}) is counted too, cut short, with placeholders for mail \
             addresses and long numbers.",
            "Ce qui est cherché dans le moteur du site ({searched}) est compté aussi, raccourci, des signes neutres \
             remplaçant adresses électroniques et longs numéros."
        )
    })
}

/// Counts of script errors, if the site counts them.
pub(super) fn problems(facts: &ConfigFacts) -> Option<Bilingual> {
    facts.sites.iter().any(|site| site.problems).then(|| {
        said!(
            "Errors of the site's scripts are counted, by their kind alone.",
            "Les erreurs des scripts du site sont comptées, par leur seule nature."
        )
    })
}

/// Load times that are measured.
pub(super) fn timings() -> Vec<InventoryEntry> {
    let said = |metric: TimingMetric| match metric {
        TimingMetric::Ttfb => said!("first byte", "premier octet"),
        TimingMetric::Fcp => said!("first content painted", "premier contenu affiché"),
        TimingMetric::Lcp => said!("largest content painted", "plus grand contenu affiché"),
        TimingMetric::Inp => said!("answer to the reader's input", "réponse aux gestes du lecteur"),
        TimingMetric::Cls => said!("shifting of the layout", "instabilité de la mise en page"),
        TimingMetric::Dom => said!("document ready", "document prêt"),
        TimingMetric::Load => said!("page loaded", "page chargée"),
    };
    let detail =
        || said!("as a count of coarse steps, by page and hour", "en décompte par paliers, par page et par heure");
    TimingMetric::ALL.into_iter().map(|metric| InventoryEntry::new(metric.name(), said(metric), detail())).collect()
}

/// Data that consent adds, if campaigns are measured.
pub(super) fn campaigns() -> Bilingual {
    said!(
        "source, channel and campaign (`utm_source`, `utm_medium`, `utm_campaign`, `utm_content`, `utm_term`); identifiers of one \
         click never",
        "la source, le canal et la campagne (`utm_source`, `utm_medium`, `utm_campaign`, `utm_content`, `utm_term`) ; jamais les \
         identifiants d'un clic"
    )
}
