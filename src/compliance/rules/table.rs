//! The text of the rules. Must be true of the program as delivered, in our own words.

use crate::compliance::rules::rule::{Rule, words};
use crate::compliance::rules::sources::{
    ANONYMISATION, DEVELOPER_GUIDE, EDPB, GDPR_13, GDPR_28, GUIDELINES, QUESTIONS, RECOMMENDATION,
    SELF_ASSESSMENT_TOOL, SOLUTIONS,
};

/// All rules, in the order of their numbers.
pub static RULES: [Rule; 23] = [
    Rule {
        number: 1,
        title: words("Audience measurement only", "Mesure d'audience seulement"),
        text: words(
            "Figures serve the publisher alone, to measure performance, find problems of navigation, improve technique \
             and ergonomics, reckon capacity and know what is read. Nothing else is made of them.",
            "Les chiffres servent à l'éditeur seul : mesurer les performances, déceler les problèmes de navigation, \
             améliorer la technique et l'ergonomie, évaluer la capacité nécessaire et savoir ce qui est lu. Il n'en est \
             rien fait d'autre.",
        ),
        sources: &[&SOLUTIONS, &SELF_ASSESSMENT_TOOL, &GUIDELINES],
        held: words(
            "The program connects to nobody but its ClickHouse. It offers no export to advertisers, and nothing in the \
             database copies figures elsewhere.",
            "Le programme ne se connecte qu'à son ClickHouse. Il n'offre aucune exportation publicitaire, et rien dans \
             la base ne recopie les chiffres ailleurs.",
        ),
        person: Some(words(
            "Use the figures for these purposes only, and enter the measurement in the register of processing.",
            "N'utiliser les chiffres qu'à ces fins, et inscrire la mesure au registre des traitements.",
        )),
    },
    Rule {
        number: 2,
        title: words("Anonymous statistics only", "Statistiques anonymes seulement"),
        text: words(
            "What comes out is statistics about nobody in particular.",
            "Il n'en sort que des statistiques qui ne concernent personne en particulier.",
        ),
        sources: &[&SOLUTIONS, &GUIDELINES, &ANONYMISATION],
        held: words(
            "The database holds sums only. No table, view, page or export has a row for a visitor, a visit or a \
             pageview. How small sums are protected is rule 12.",
            "La base ne contient que des sommes. Aucune table, vue, page ni exportation n'a de ligne par visiteur, par \
             visite ou par page vue. La règle 12 dit comment les petites sommes sont protégées.",
        ),
        person: None,
    },
    Rule {
        number: 3,
        title: words("No cross-referencing", "Aucun recoupement"),
        text: words(
            "Data are neither combined with other files nor handed to third parties.",
            "Les données ne sont ni recoupées avec d'autres fichiers, ni transmises à des tiers.",
        ),
        sources: &[&SOLUTIONS],
        held: words(
            "No user id, customer id or free identifier is accepted. Fields that nobody declared are dropped before \
             anything is stored.",
            "Aucun identifiant d'utilisateur, de client ou libre n'est accepté. Les champs non déclarés sont écartés \
             avant tout enregistrement.",
        ),
        person: None,
    },
    Rule {
        number: 4,
        title: words("No identifier across sites", "Aucun identifiant commun à plusieurs sites"),
        text: words(
            "A person who visits two sites must not be recognisable from one to the other.",
            "Une personne qui visite deux sites ne doit pas être reconnaissable de l'un à l'autre.",
        ),
        sources: &[&SOLUTIONS],
        held: words(
            "Every site has a random key of its own. The same address and browser give unrelated tags on two sites.",
            "Chaque site a sa propre clé aléatoire. Une même adresse et un même navigateur donnent sur deux sites des \
             marques sans rapport.",
        ),
        person: None,
    },
    Rule {
        number: 5,
        title: words("Identifiers bound to site and day", "Identifiants liés au site et au jour"),
        text: words(
            "An identifier made from traits of the terminal must contain a part for the site and a part for the time.",
            "Un identifiant tiré des caractéristiques du terminal doit comporter une part propre au site et une part \
             temporelle.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "The key is 256 fresh random bits for each site and each of its days, destroyed half an hour after \
             midnight. Two days give unrelated tags; tags never leave memory.",
            "La clé est faite de 256 bits aléatoires neufs pour chaque site et chacun de ses jours, détruits une \
             demi-heure après minuit. Deux jours donnent des marques sans rapport ; elles ne quittent pas la mémoire.",
        ),
        person: None,
    },
    Rule {
        number: 6,
        title: words("Permitted measures, one at a time", "Mesures permises, une à la fois"),
        text: words(
            "Audience page by page, referrer, kind of terminal, browser, screen, time, bounces and scrolling, actions \
             and geographic origin: each by page, summed daily. Load times by page, summed hourly.",
            "Audience page par page, provenance, type de terminal, navigateur, écran, durée, rebonds et défilement, \
             actions et origine géographique : chacune par page, agrégée par jour. Temps de chargement par page, \
             agrégés par heure.",
        ),
        sources: &[&QUESTIONS],
        held: words(
            "Each dimension is stored by itself, beside the page and the day. No table crosses two dimensions.",
            "Chaque dimension est conservée seule, avec la page et le jour. Aucune table n'en croise deux.",
        ),
        person: None,
    },
    Rule {
        number: 7,
        title: words("Three kinds of event, coarse headers", "Trois sortes d'événements, en-têtes réduits"),
        text: words(
            "At most three kinds of event: presence on a page, use of a feature, and times of loading, reading and \
             scrolling. Browser headers are reduced to major versions.",
            "Au plus trois sortes d'événements : présence sur une page, usage d'une fonction, durées de chargement, de \
             lecture et de défilement. Les en-têtes du navigateur sont réduits aux versions majeures.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "The program knows no other kinds. The header itself is written nowhere; of browser and system, name and \
             major version are kept.",
            "Le programme n'en connaît pas d'autres. L'en-tête lui-même n'est écrit nulle part ; du navigateur et du \
             système ne restent que le nom et la version majeure.",
        ),
        person: None,
    },
    Rule {
        number: 8,
        title: words("No marketing measurement", "Pas de mesure marketing"),
        text: words(
            "Acquisition channels, campaigns and conversions are not measured unless the visitor consents.",
            "Canaux d'acquisition, campagnes et conversions ne sont pas mesurés, sauf consentement du visiteur.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "Off by default. With `marketing = \"with_consent\"`, hits that carry consent alone are measured that way.",
            "Désactivée par défaut. Avec `marketing = \"with_consent\"`, seules les visites qui portent un \
             consentement sont mesurées ainsi.",
        ),
        person: None,
    },
    Rule {
        number: 9,
        title: words("No identifiers from URLs", "Aucun identifiant tiré des URL"),
        text: words(
            "Customer numbers, UTM parameters and campaign ids in URLs are not taken up.",
            "Les numéros de client, paramètres UTM et identifiants de campagne présents dans les URL ne sont pas \
             repris.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "Query string and fragment are dropped, save parameters that the site's configuration names. Click ids can \
             never be named.",
            "La chaîne de requête et le fragment sont écartés, hors les paramètres que nomme la configuration du site. \
             Les identifiants de clic ne peuvent jamais l'être.",
        ),
        person: None,
    },
    Rule {
        number: 10,
        title: words("Referrer reduced to its host", "Provenance réduite à l'hôte"),
        text: words(
            "Of the page that a visitor comes from, the host alone is kept.",
            "De la page d'où vient un visiteur, seul l'hôte est conservé.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "`https://a.example/x?y` is stored as `a.example`. Within the site, its own path is kept.",
            "`https://a.example/x?y` est conservé comme `a.example`. À l'intérieur du site, c'est son propre chemin.",
        ),
        person: None,
    },
    Rule {
        number: 11,
        title: words("Location no finer than the city", "Localisation limitée à la ville"),
        text: words(
            "Location goes no further than the city, and the address loses its last byte at least.",
            "La localisation ne va pas au-delà de la ville, et l'adresse perd au moins son dernier octet.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "The place is looked up with a truncated address (IPv4 /24, IPv6 /48). No address, whole or truncated, is \
             on a disk, in logs or in metrics.",
            "Le lieu est cherché avec une adresse tronquée (IPv4 /24, IPv6 /48). Aucune adresse, entière ou tronquée, \
             ne figure sur un disque, dans les journaux ou dans les métriques.",
        ),
        person: None,
    },
    Rule {
        number: 12,
        title: words("Figures rounded to ten", "Chiffres arrondis à la dizaine"),
        text: words(
            "Figures are rounded to the nearest ten, or their anonymity is shown by analysis. No combination of filters \
             may isolate a person.",
            "Les chiffres sont arrondis à la dizaine, ou leur anonymat est démontré par une analyse. Aucune combinaison \
             de filtres ne doit isoler une personne.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL, &ANONYMISATION],
        held: words(
            "Each sum is drawn to tens once, when its period is over, with keys that are forgotten, and published if at \
             least 20 drawn visitors are in it; what is left waits for its week and month and is then deleted. The ground \
             is the analysis in docs/anonymity.md, whose attacks are tests.",
            "Chaque somme est tirée une seule fois à la dizaine, une fois sa période passée, avec des clés oubliées, et \
             publiée si au moins 20 visiteurs tirés s'y trouvent ; le reste attend sa semaine et son mois, puis est \
             supprimé. Le fondement est l'analyse de docs/anonymity.md, dont les attaques sont des tests.",
        ),
        person: None,
    },
    Rule {
        number: 13,
        title: words("Nobody can be followed", "Personne ne peut être suivi"),
        text: words(
            "Following one visitor's way must be impossible.",
            "Il doit être impossible de suivre le parcours d'un visiteur.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "There is no list of visits, no replay and no path of a visitor. What tells visitors apart lives in memory \
             for a day and never reaches a disk.",
            "Il n'y a ni liste de visites, ni rejeu, ni parcours par visiteur. Ce qui distingue les visiteurs vit un \
             jour en mémoire et n'atteint jamais un disque.",
        ),
        person: None,
    },
    Rule {
        number: 14,
        title: words("No A/B tests", "Pas de test A/B"),
        text: words(
            "No cohorts of visitors are shown different content.",
            "Aucune cohorte de visiteurs ne se voit présenter un contenu différent.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "Not offered: the program knows neither cohorts nor variants.",
            "Non proposé : le programme ne connaît ni cohortes ni variantes.",
        ),
        person: None,
    },
    Rule {
        number: 15,
        title: words("Nothing kept on the device", "Rien sur le terminal"),
        text: words(
            "Trackers live 13 months at the most, and a new visit does not prolong them.",
            "Les traceurs vivent 13 mois au plus, et une nouvelle visite ne les prolonge pas.",
        ),
        sources: &[&DEVELOPER_GUIDE, &RECOMMENDATION, &EDPB],
        held: words(
            "The script stores nothing on the visitor's device, except the sign of an objection that the visitor asked \
             for.",
            "Le script ne conserve rien sur le terminal du visiteur, hormis la marque d'une opposition qu'il a \
             demandée.",
        ),
        person: None,
    },
    Rule {
        number: 16,
        title: words("Kept 25 months at the most", "Conservation de 25 mois au plus"),
        text: words(
            "What was collected is kept 25 months at the most.",
            "Les informations recueillies sont conservées 25 mois au plus.",
        ),
        sources: &[&DEVELOPER_GUIDE, &RECOMMENDATION],
        held: words(
            "Every table forgets its rows by itself after the configured time. More than 25 months is refused at start.",
            "Chaque table oublie d'elle-même ses lignes au terme configuré. Au-delà de 25 mois, le démarrage est \
             refusé.",
        ),
        person: None,
    },
    Rule {
        number: 17,
        title: words("Retention reviewed every year", "Durées revues chaque année"),
        text: words(
            "The durations are looked at again from time to time.",
            "Les durées sont réexaminées périodiquement.",
        ),
        sources: &[&DEVELOPER_GUIDE, &RECOMMENDATION],
        held: words(
            "The configuration holds the date of the last review; the audit reminds when it is older than 12 months.",
            "La configuration porte la date du dernier réexamen ; l'audit rappelle quand il date de plus de 12 mois.",
        ),
        person: None,
    },
    Rule {
        number: 18,
        title: words("People are informed", "Les personnes sont informées"),
        text: words(
            "Visitors are told what is measured, why, for how long and by whom.",
            "Les visiteurs savent ce qui est mesuré, pourquoi, combien de temps et par qui.",
        ),
        sources: &[&DEVELOPER_GUIDE, &GDPR_13],
        held: words(
            "A page (`/privacy`), its machine-readable form and a notice (`sillage notice`) are made from the running \
             configuration, in French and English.",
            "Une page (`/privacy`), sa forme lisible par machine et une notice (`sillage notice`) sont tirées de la \
             configuration en cours, en français et en anglais.",
        ),
        person: Some(words(
            "Publish the notice in each site's privacy policy.",
            "Publier la notice dans la politique de confidentialité de chaque site.",
        )),
    },
    Rule {
        number: 19,
        title: words("People can object", "Les personnes peuvent s'opposer"),
        text: words("Objecting is easy and lasts.", "S'opposer est facile et l'opposition dure."),
        sources: &[&DEVELOPER_GUIDE, &SELF_ASSESSMENT_TOOL],
        held: words(
            "A switch for the site's own pages, remembered on the visitor's device; `Sec-GPC: 1` and `DNT: 1` honoured. \
             All of them act before anything is hashed.",
            "Un interrupteur pour les pages du site, mémorisé sur le terminal du visiteur ; `Sec-GPC: 1` et `DNT: 1` \
             respectés. Tous agissent avant tout hachage.",
        ),
        person: Some(words(
            "Offer the switch (`data-sillage-opt-out`) on each site's privacy page.",
            "Proposer l'interrupteur (`data-sillage-opt-out`) sur la page de confidentialité de chaque site.",
        )),
    },
    Rule {
        number: 20,
        title: words("Each publisher by itself", "Chaque éditeur séparément"),
        text: words(
            "The data of one publisher are independent of those of another.",
            "Les données d'un éditeur sont indépendantes de celles d'un autre.",
        ),
        sources: &[&DEVELOPER_GUIDE, &SELF_ASSESSMENT_TOOL],
        held: words(
            "Key, rows and access belong to one site; a console token sees its own sites only.",
            "Clé, lignes et accès sont propres à un site ; un jeton de console ne voit que les siens.",
        ),
        person: None,
    },
    Rule {
        number: 21,
        title: words("Transfers outside the EU minded", "Transferts hors de l'UE surveillés"),
        text: words(
            "Care is taken where data go outside the European Union.",
            "On veille aux transferts de données hors de l'Union européenne.",
        ),
        sources: &[&DEVELOPER_GUIDE],
        held: words(
            "Places are looked up in local files. Script and pages ask nothing of any other host: no shared library, \
             font or image.",
            "Les lieux sont cherchés dans des fichiers locaux. Script et pages ne demandent rien à un autre hôte : ni \
             bibliothèque, ni police, ni image.",
        ),
        person: Some(words(
            "Make sure that the machines and whoever runs them are where the data may be, and keep the contract.",
            "S'assurer que les machines et leur exploitant se trouvent là où les données peuvent être, et garder le \
             contrat.",
        )),
    },
    Rule {
        number: 22,
        title: words("Own assessment, nobody's seal", "Auto-évaluation, sceau de personne"),
        text: words(
            "The product speaks for itself by self-assessment and never claims an authority's blessing.",
            "Le produit se présente par auto-évaluation et ne se prévaut jamais de la caution d'une autorité.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "Generated texts use one permitted sentence. A test reads all texts for other words.",
            "Les textes produits emploient une seule phrase permise. Un test cherche d'autres mots dans tous les textes.",
        ),
        person: None,
    },
    Rule {
        number: 23,
        title: words("Processors under contract", "Sous-traitants sous contrat"),
        text: words(
            "A body that measures for other publishers does so under a contract (article 28), for each publisher alone: no \
             pooling and no reuse of data or figures. The publisher holds a document that says how the solution meets \
             the criteria.",
            "Qui mesure pour d'autres éditeurs le fait sous contrat (article 28), pour chaque éditeur seul : ni mise en \
             commun ni réutilisation des données ou des chiffres. L'éditeur détient un document qui dit comment la \
             solution remplit les critères.",
        ),
        sources: &[&GDPR_28, &SELF_ASSESSMENT_TOOL],
        held: words(
            "`sillage notice --for publishers` writes that document, with its version, and clauses for the contract. \
             Where `privacy.processor` is named, no token may read all sites.",
            "`sillage notice --for publishers` écrit ce document, avec sa version, et des clauses pour le contrat. Là où \
             `privacy.processor` est nommé, aucun jeton ne peut lire tous les sites.",
        ),
        person: Some(words(
            "Where another body runs the collector for the publisher, sign the contract and keep the document.",
            "Si un autre organisme exploite le collecteur pour l'éditeur, signer le contrat et garder le document.",
        )),
    },
];
