//! The data inventory: fields read for a moment, and counters that are kept. One entry per dimension and load time of
//! the program: a new one does not compile without its entry.

use crate::compliance::bilingual::{Bilingual, codes, text};
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
        InventoryEntry::new("address", text!("IP address", "Adresse IP"), address(facts)),
        InventoryEntry::new(
            "user_agent",
            text!("Description of the browser (User-Agent)", "Description du navigateur (User-Agent)"),
            text!(
                "Read in memory for the duration of the request, to derive the name and the major version of browser \
                 and system, the kind of device, and the visitor tag; never stored.",
                "Lue en mémoire le temps de la requête, pour déterminer le nom et la version majeure du navigateur et \
                 du système, le type d'appareil et l'identifiant journalier du visiteur ; jamais enregistrée."
            ),
        ),
        InventoryEntry::new(
            "url",
            text!("Address of the page, and of the previous page", "Adresse de la page, et de la page précédente"),
            page(facts),
        ),
        InventoryEntry::new(
            "language_and_width",
            text!("Preferred language, width of the window", "Langue préférée, largeur de la fenêtre"),
            text!(
                "Reduced immediately to a language without its region, and to one of seven width classes.",
                "Réduites immédiatement à une langue sans région et à l'une de sept classes de largeur."
            ),
        ),
        InventoryEntry::new("visitor_tag", text!("Visitor tag", "Identifiant journalier du visiteur"), tag(facts)),
    ]
}

fn address(facts: &ConfigFacts) -> Bilingual {
    let place = match facts.location {
        true => text!(
            "truncated (24 bits of IPv4, 48 of IPv6) and looked up in a file on the server for a place no finer than \
             the city, ",
            "tronquée (24 bits en IPv4, 48 en IPv6) et recherchée dans un fichier du serveur, pour un lieu qui n'est \
             pas plus précis que la ville, "
        ),
        false => Bilingual::same(""),
    };
    text!("Read in memory for the duration of the request, ", "Lue en mémoire le temps de la requête, ").then("", &place).then(
        "",
        &text!(
            "and used to compute the visitor tag; never stored: not in a file, a log or the database.",
            "et utilisée pour calculer l'identifiant journalier du visiteur ; jamais enregistrée, ni dans un fichier, \
             ni dans un journal, ni dans la base de données."
        ),
    )
}

fn page(facts: &ConfigFacts) -> Bilingual {
    let kept = codes(facts.sites.iter().flat_map(|site| &site.query_names_kept));
    let query = match kept.is_empty() {
        true => text!(
            "For a page of the site, the path is kept, without query string and fragment",
            "Pour une page du site, le chemin est conservé, sans chaîne de requête ni fragment"
        ),
        false => text!(
            "For a page of the site, the path is kept, and of its query string only {kept}",
            "Pour une page du site, le chemin est conservé, et de sa chaîne de requête seulement {kept}"
        ),
    };
    query.then(
        "",
        &text!(
            "; parts that look like personal data (mail address, number, long code) are replaced by a placeholder. For \
             other sites, only the host name is kept.",
            " ; les éléments qui semblent désigner une personne (adresse électronique, numéro, code long) sont \
             remplacés par un texte générique. Pour les autres sites, seul le nom d'hôte est conservé."
        ),
    )
}

fn tag(facts: &ConfigFacts) -> Bilingual {
    let (hashed, minutes) = (facts.hashed_address(), VISIT_GAP_SECONDS / 60);
    let (en, fr) = (&hashed.en, &hashed.fr);
    let made = Bilingual {
        en: format!(
            "A keyed hash of {en}, the browser's description and the site's name, used to count a person once a day. \
             Its key is random, belongs to one site and one day, and is destroyed {minutes} minutes after the end of \
             that day: from then on the tag cannot be recomputed."
        ),
        fr: format!(
            "Une empreinte à clé de {fr}, de la description du navigateur et du nom du site, qui sert à ne compter une \
             personne qu'une fois par jour. Sa clé est aléatoire, propre à un site et à un jour, et détruite {minutes} \
             minutes après la fin de ce jour : l'identifiant ne peut alors plus être recalculé."
        ),
    };
    made.then(
        " ",
        &match facts.tags_on_disk {
            false => text!(
                "Tag and key stay in memory and never reach a disk or the database.",
                "L'identifiant et sa clé restent en mémoire et ne sont jamais écrits sur un disque ni dans la base de \
                 données."
            ),
            true => text!(
                "In the current configuration, tags and keys of the day may be written to a disk of the server.",
                "Dans la configuration actuelle, les identifiants et les clés du jour peuvent être écrits sur un \
                 disque du serveur."
            ),
        },
    )
}

/// Figures that are kept, by page.
pub(super) fn figures() -> Vec<Bilingual> {
    vec![
        text!("pageviews, and visitors of the day", "pages vues, et visiteurs du jour"),
        text!("visits, entries, exits, bounces and duration", "visites, entrées, sorties, rebonds et durée"),
        text!(
            "reading time and scroll depth, as sums",
            "temps de lecture et profondeur de défilement, sous forme de sommes"
        ),
        text!("pages not found", "pages introuvables"),
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
    let (label, detail) = dimension_texts(dimension);
    InventoryEntry::new(dimension.name(), label, detail)
}

/// Labels of these dimensions, for a sentence.
pub(super) fn labels(facts: &ConfigFacts) -> Bilingual {
    let joined = |pick: fn(&Bilingual) -> &str| {
        dimensions(facts).iter().map(|dimension| pick(&dimension.label).to_lowercase()).collect::<Vec<_>>().join(", ")
    };
    Bilingual { en: joined(|text| &text.en), fr: joined(|text| &text.fr) }
}

fn dimension_texts(dimension: Dimension) -> (Bilingual, Bilingual) {
    match dimension {
        Dimension::Referrer => (
            text!("Referring site", "Site de provenance"),
            text!("the host name, or its absence", "le nom d'hôte, ou l'absence de provenance"),
        ),
        Dimension::PreviousPage => {
            (text!("Previous page", "Page précédente"), text!("of the same site", "du même site"))
        }
        Dimension::Country => (text!("Country", "Pays"), text!("two letters", "deux lettres")),
        Dimension::Region => (
            text!("Region", "Région"),
            text!(
                "if the location file contains it",
                "si le fichier de géolocalisation \
                                                                                   l'indique"
            ),
        ),
        Dimension::City => (
            text!("City", "Ville"),
            text!(
                "if the location file contains it",
                "si le fichier de géolocalisation \
                                                                                l'indique"
            ),
        ),
        Dimension::Device => (
            text!("Kind of device", "Type d'appareil"),
            text!("computer, phone, tablet, television, other", "ordinateur, téléphone, tablette, téléviseur, autre"),
        ),
        Dimension::Browser => (text!("Browser", "Navigateur"), text!("its name", "son nom")),
        Dimension::BrowserVersion => (
            text!("Version of the browser", "Version du navigateur"),
            text!("the major number only", "le numéro majeur uniquement"),
        ),
        Dimension::System => (text!("Operating system", "Système d'exploitation"), text!("its name", "son nom")),
        Dimension::SystemVersion => (
            text!("Version of the system", "Version du système"),
            text!("the major number only", "le numéro majeur uniquement"),
        ),
        Dimension::Screen => (
            text!("Width of the window", "Largeur de la fenêtre"),
            text!("one of seven classes", "l'une de sept classes"),
        ),
        Dimension::Language => {
            (text!("Preferred language", "Langue préférée"), text!("without its region", "sans sa région"))
        }
        Dimension::Hostname => (
            text!("Host of the page", "Hôte de la page"),
            text!("the host name under which the site was visited", "le nom d'hôte sous lequel le site a été consulté"),
        ),
        Dimension::Source => (
            text!("Source", "Source"),
            text!("its name or its host name, or its absence", "son nom ou son nom d'hôte, ou l'absence de provenance"),
        ),
        Dimension::Channel => (
            text!("Channel", "Canal"),
            text!("one of sixteen, such as search or mail", "l'un de seize, comme la recherche ou le courriel"),
        ),
        Dimension::UtmSource => (text!("Source of a campaign", "Source d'une campagne"), campaign_tag_text()),
        Dimension::UtmMedium => (text!("Medium of a campaign", "Support d'une campagne"), campaign_tag_text()),
        Dimension::UtmCampaign => (text!("Name of a campaign", "Nom d'une campagne"), campaign_tag_text()),
        Dimension::UtmTerm => (text!("Term of a campaign", "Terme d'une campagne"), campaign_tag_text()),
        Dimension::UtmContent => (text!("Content of a campaign", "Contenu d'une campagne"), campaign_tag_text()),
        Dimension::DeviceModel => device_model_texts(),
    }
}

fn device_model_texts() -> (Bilingual, Bilingual) {
    (
        text!("Model of the device", "Modèle de l'appareil"),
        text!(
            "its family, such as Google Pixel 8, from a fixed list; any other model counts as one value",
            "sa famille, comme Google Pixel 8, parmi une liste fixe ; tout autre modèle compte sous une seule valeur"
        ),
    )
}

fn campaign_tag_text() -> Bilingual {
    text!(
        "as in the link; parts that look like personal data are replaced by a placeholder",
        "tel qu'il figure dans le lien ; les éléments qui semblent désigner une personne sont remplacés par un texte \
         générique"
    )
}

/// Counts of the use of features.
pub(super) fn actions(facts: &ConfigFacts) -> Bilingual {
    let counted = text!(
        "Use of features (a click, a download, a form, a vote…), under a name chosen by the site: the number of uses, \
         and of visitors per day.",
        "L'usage de fonctions (un clic, un téléchargement, un formulaire, un vote…), sous un nom choisi par le site : \
         le nombre d'utilisations et de visiteurs par jour."
    );
    let more = [Some(properties(facts)), searches(facts), problems(facts)];
    more.into_iter().flatten().fold(counted, |text, more| text.then(" ", &more))
}

fn properties(facts: &ConfigFacts) -> Bilingual {
    let properties = codes(facts.sites.iter().flat_map(|site| &site.properties));
    match (facts.sites.is_empty(), properties.is_empty()) {
        (true, _) => text!(
            "Of their properties, only those that the site declares are kept, each separately.",
            "Parmi leurs propriétés, seules celles que le site déclare sont conservées, chacune séparément."
        ),
        (false, true) => text!(
            "The site declares no properties for them; none is kept.",
            "Le site ne déclare aucune propriété pour celles-ci ; aucune n'est conservée."
        ),
        (false, false) => text!(
            "Of their properties, those that the site declares are kept, each separately: {properties}.",
            "Parmi leurs propriétés, celles que le site déclare sont conservées, chacune séparément : {properties}."
        ),
    }
}

/// Counts of searches on the site, if it counts them.
pub(super) fn searches(facts: &ConfigFacts) -> Option<Bilingual> {
    let searched = codes(facts.sites.iter().map(|site| &site.search_parameter).filter(|name| !name.is_empty()));
    (!searched.is_empty()).then(|| {
        text!(
            "Search terms of the site's own search ({searched}) are also counted, truncated, with placeholders for \
             mail addresses and long numbers.",
            "Les termes recherchés dans le moteur du site ({searched}) sont également comptés, tronqués, un texte \
             générique remplaçant les adresses électroniques et les longs numéros."
        )
    })
}

/// Counts of script errors, if the site counts them.
pub(super) fn problems(facts: &ConfigFacts) -> Option<Bilingual> {
    facts.sites.iter().any(|site| site.problems).then(|| {
        text!(
            "Errors of the site's scripts are counted, by kind only.",
            "Les erreurs des scripts du site sont comptées, par type uniquement."
        )
    })
}

/// Load times that are measured.
pub(super) fn timings() -> Vec<InventoryEntry> {
    let text = |metric: TimingMetric| match metric {
        TimingMetric::Ttfb => text!("first byte", "premier octet"),
        TimingMetric::Fcp => text!("first contentful paint", "affichage du premier contenu"),
        TimingMetric::Lcp => text!("largest contentful paint", "affichage du plus grand contenu"),
        TimingMetric::Inp => text!("response to input", "réactivité aux actions du visiteur"),
        TimingMetric::Cls => text!("layout shift", "instabilité de la mise en page"),
        TimingMetric::Dom => text!("document ready", "document prêt"),
        TimingMetric::Load => text!("page loaded", "page chargée"),
    };
    let detail =
        || text!("as counts per range of values, by page and hour", "en décomptes par tranches, par page et par heure");
    TimingMetric::ALL.into_iter().map(|metric| InventoryEntry::new(metric.name(), text(metric), detail())).collect()
}

/// Data that consent adds, if campaigns are measured.
pub(super) fn campaigns() -> Bilingual {
    text!(
        "source, channel and campaign (`utm_source`, `utm_medium`, `utm_campaign`, `utm_content`, `utm_term`); never \
         identifiers of a click",
        "la source, le canal et la campagne (`utm_source`, `utm_medium`, `utm_campaign`, `utm_content`, `utm_term`) ; jamais les \
         identifiants d'un clic"
    )
}

/// The model of the device, which consent adds where campaigns are measured.
pub(super) fn device_model() -> Bilingual {
    text!(
        "the model of the device, as one of a fixed list of families",
        "le modèle de l'appareil, parmi une liste fixe de familles"
    )
}
