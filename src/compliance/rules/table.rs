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
            "Figures serve the publisher alone: to measure performance, find navigation problems, improve technique \
             and ergonomics, estimate capacity and learn which contents are read. They have no other use.",
            "Les chiffres servent au seul éditeur : mesurer les performances, détecter les problèmes de navigation, \
             améliorer la technique et l'ergonomie, estimer la puissance des serveurs et connaître les contenus \
             consultés. Ils n'ont pas d'autre usage.",
        ),
        sources: &[&SOLUTIONS, &SELF_ASSESSMENT_TOOL, &GUIDELINES],
        held: words(
            "The program connects to its ClickHouse, and to the mail server and webhooks that the publisher \
             configures. It offers no export to advertisers, and no object of the database copies figures elsewhere.",
            "Le programme se connecte à son ClickHouse, ainsi qu'au serveur de messagerie et aux webhooks configurés \
             par l'éditeur. Il ne propose aucun export publicitaire, et aucun objet de la base ne recopie les chiffres \
             ailleurs.",
        ),
        person: Some(words(
            "Use the figures for these purposes only, and enter the measurement in the register of processing.",
            "N'utiliser les chiffres qu'à ces fins, et inscrire la mesure au registre des traitements.",
        )),
    },
    Rule {
        number: 2,
        title: words("Anonymous statistics only", "Statistiques anonymes seulement"),
        text: words("The output is anonymous statistics.", "Seules des statistiques anonymes sont produites."),
        sources: &[&SOLUTIONS, &GUIDELINES, &ANONYMISATION],
        held: words(
            "The database holds sums only. No table, view, page or export has a row for a visitor, a visit or a \
             pageview. Rule 12 covers the protection of small sums.",
            "La base ne contient que des sommes. Aucune table, vue, page ni aucun export ne comporte de ligne par \
             visiteur, par visite ou par page vue. La protection des petites sommes relève de la règle 12.",
        ),
        person: None,
    },
    Rule {
        number: 3,
        title: words("No cross-referencing", "Aucun recoupement"),
        text: words(
            "Data are neither combined with other files nor passed to third parties.",
            "Les données ne sont ni recoupées avec d'autres fichiers, ni transmises à des tiers.",
        ),
        sources: &[&SOLUTIONS],
        held: words(
            "No user id, customer id or free identifier is accepted. Undeclared fields are dropped before anything is \
             stored.",
            "Aucun identifiant d'utilisateur, de client ou libre n'est accepté. Les champs non déclarés sont supprimés \
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
             identifiants sans rapport.",
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
            "La clé se compose de 256 bits aléatoires, tirés pour chaque site et chaque jour, et détruits une \
             demi-heure après minuit. Deux jours donnent des identifiants sans rapport ; ceux-ci ne quittent pas la \
             mémoire.",
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
            "Each dimension is stored separately, by page and day. No table crosses two dimensions.",
            "Chaque dimension est conservée séparément, par page et par jour. Aucune table n'en croise deux.",
        ),
        person: None,
    },
    Rule {
        number: 7,
        title: words("Three kinds of event, coarse headers", "Trois types d'événements, en-têtes réduits"),
        text: words(
            "At most three kinds of event: presence on a page, use of a feature, and times of loading, reading and \
             scrolling. Browser headers are reduced to major versions.",
            "Au plus trois types d'événements : présence sur une page, usage d'une fonction, durées de chargement, de \
             lecture et de défilement. Les en-têtes du navigateur sont réduits aux versions majeures.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "The program has no other kinds of event. The header itself is never stored; of browser and system, the \
             name and the major version are kept.",
            "Le programme ne connaît aucun autre type d'événement. L'en-tête lui-même n'est jamais enregistré ; seuls \
             le nom et la version majeure du navigateur et du système sont conservés.",
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
            "Off by default. With `marketing = \"with_consent\"`, only hits that carry consent are measured this way.",
            "Désactivée par défaut. Avec `marketing = \"with_consent\"`, seules les requêtes assorties d'un \
             consentement sont mesurées ainsi.",
        ),
        person: None,
    },
    Rule {
        number: 9,
        title: words("No identifiers from URLs", "Aucun identifiant tiré des URL"),
        text: words(
            "Customer numbers, UTM parameters and campaign ids in URLs are not collected.",
            "Les numéros de client, paramètres UTM et identifiants de campagne présents dans les URL ne sont pas \
             collectés.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "Query string and fragment are dropped, except the parameters that the site's configuration names. Click \
             ids can never be named.",
            "La chaîne de requête et le fragment sont supprimés, sauf les paramètres nommés dans la configuration du \
             site. Un identifiant de clic ne peut jamais y figurer.",
        ),
        person: None,
    },
    Rule {
        number: 10,
        title: words("Referrer reduced to its host", "Provenance réduite à l'hôte"),
        text: words(
            "Only the host of the referring page is kept.",
            "De la page de provenance, seul le nom d'hôte est conservé.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "`https://a.example/x?y` is stored as `a.example`. For a page of the same site, the path is kept.",
            "`https://a.example/x?y` est conservé sous la forme `a.example`. Pour une page du même site, le chemin est \
             conservé.",
        ),
        person: None,
    },
    Rule {
        number: 11,
        title: words("Location no finer than the city", "Localisation limitée à la ville"),
        text: words(
            "Location is no finer than the city, and at least the last byte of the address is removed.",
            "La localisation n'est pas plus précise que la ville, et au moins le dernier octet de l'adresse est \
             supprimé.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "The place is looked up with a truncated address (IPv4 /24, IPv6 /48). No address, whole or truncated, \
             reaches a disk, a log or a metric.",
            "Le lieu est cherché avec une adresse tronquée (IPv4 /24, IPv6 /48). Aucune adresse, entière ou tronquée, \
             ne figure sur un disque, dans les journaux ou dans les métriques.",
        ),
        person: None,
    },
    Rule {
        number: 12,
        title: words("Figures rounded to ten", "Chiffres arrondis à la dizaine"),
        text: words(
            "Figures are rounded to the nearest ten, or an analysis shows their anonymity. No combination of filters \
             may isolate a person.",
            "Les chiffres sont arrondis à la dizaine, ou leur anonymat est démontré par une analyse. Aucune combinaison \
             de filtres ne doit isoler une personne.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL, &ANONYMISATION],
        held: words(
            "When its period is over, each sum is rounded to a multiple of ten, once and at random, with keys that are \
             then destroyed; it is published if at least 20 rounded visitors are in it. The rest waits for its week, \
             then its month, and is then deleted. The basis is the analysis in docs/anonymity.md; its attacks are \
             tests.",
            "Une fois sa période écoulée, chaque somme est arrondie à un multiple de dix, une seule fois et au hasard, \
             avec des clés ensuite détruites ; elle est publiée si elle compte au moins 20 visiteurs après arrondi. Le \
             reste attend la semaine, puis le mois, et est ensuite supprimé. Le fondement est l'analyse de \
             docs/anonymity.md, dont les attaques sont des tests.",
        ),
        person: None,
    },
    Rule {
        number: 13,
        title: words("Visitors cannot be followed", "Aucun suivi des visiteurs"),
        text: words(
            "It must be impossible to follow the path of a visitor.",
            "Il doit être impossible de suivre le parcours d'un visiteur.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "There is no list of visits, no replay and no path of a visitor. The tags that distinguish visitors stay \
             in memory for a day and never reach a disk.",
            "Il n'y a ni liste de visites, ni rejeu de session, ni parcours par visiteur. Les identifiants qui \
             distinguent les visiteurs restent un jour en mémoire et ne sont jamais écrits sur un disque.",
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
        title: words("Nothing stored on the device", "Aucun stockage sur le terminal"),
        text: words(
            "Trackers last at most 13 months, and a new visit does not extend them.",
            "La durée de vie des traceurs est de 13 mois au plus, et une nouvelle visite ne la prolonge pas.",
        ),
        sources: &[&DEVELOPER_GUIDE, &RECOMMENDATION, &EDPB],
        held: words(
            "The script stores nothing on the visitor's device, except an opt-out flag that the visitor asked for.",
            "Le script n'enregistre rien sur le terminal du visiteur, hormis l'indicateur d'une opposition qu'il a \
             demandée.",
        ),
        person: None,
    },
    Rule {
        number: 16,
        title: words("Retention of at most 25 months", "Conservation de 25 mois au plus"),
        text: words(
            "Collected information is kept for at most 25 months.",
            "Les informations recueillies sont conservées 25 mois au plus.",
        ),
        sources: &[&DEVELOPER_GUIDE, &RECOMMENDATION],
        held: words(
            "Every table deletes its rows after the configured time. A configuration of more than 25 months is \
             rejected at start.",
            "Chaque table supprime ses lignes au terme configuré. Une configuration de plus de 25 mois est refusée au \
             démarrage.",
        ),
        person: None,
    },
    Rule {
        number: 17,
        title: words("Retention reviewed every year", "Durées revues chaque année"),
        text: words("The durations are reviewed periodically.", "Les durées sont réexaminées périodiquement."),
        sources: &[&DEVELOPER_GUIDE, &RECOMMENDATION],
        held: words(
            "The configuration holds the date of the last review; the audit reports a review older than 12 months.",
            "La configuration contient la date du dernier réexamen ; l'audit signale un réexamen de plus de 12 mois.",
        ),
        person: None,
    },
    Rule {
        number: 18,
        title: words("People are informed", "Les personnes sont informées"),
        text: words(
            "Visitors are told what is measured, why, for how long and by whom.",
            "Les visiteurs sont informés de ce qui est mesuré, pourquoi, pour combien de temps et par qui.",
        ),
        sources: &[&DEVELOPER_GUIDE, &GDPR_13],
        held: words(
            "A page (`/privacy`), its machine-readable form and a notice (`sillage notice`) are generated from the \
             running configuration, in French and English.",
            "Une page (`/privacy`), sa version lisible par machine et une notice (`sillage notice`) sont produites à \
             partir de la configuration en vigueur, en français et en anglais.",
        ),
        person: Some(words(
            "Publish the notice in each site's privacy policy.",
            "Publier la notice dans la politique de confidentialité de chaque site.",
        )),
    },
    Rule {
        number: 19,
        title: words("People can object", "Les personnes peuvent s'opposer"),
        text: words("Objecting is simple, and the objection lasts.", "L'opposition est simple et durable."),
        sources: &[&DEVELOPER_GUIDE, &SELF_ASSESSMENT_TOOL],
        held: words(
            "A switch for the site's own pages, remembered on the visitor's device; `Sec-GPC: 1` and `DNT: 1` are \
             honoured. All of them apply before anything is hashed.",
            "Un interrupteur pour les pages du site, mémorisé sur le terminal du visiteur ; `Sec-GPC: 1` et `DNT: 1` \
             sont respectés. Tous s'appliquent avant tout hachage.",
        ),
        person: Some(words(
            "Offer the switch (`data-sillage-opt-out`) on each site's privacy page.",
            "Proposer l'interrupteur (`data-sillage-opt-out`) sur la page de confidentialité de chaque site.",
        )),
    },
    Rule {
        number: 20,
        title: words("Separate publishers", "Éditeurs séparés"),
        text: words(
            "The data of one publisher are independent of those of another.",
            "Les données d'un éditeur sont indépendantes de celles d'un autre.",
        ),
        sources: &[&DEVELOPER_GUIDE, &SELF_ASSESSMENT_TOOL],
        held: words(
            "Keys, rows and access belong to one site; a console token reads only its own sites.",
            "Clés, lignes et accès sont propres à un site ; un jeton de console ne lit que les sites qui lui sont \
             attribués.",
        ),
        person: None,
    },
    Rule {
        number: 21,
        title: words("Transfers outside the EU", "Transferts hors de l'UE"),
        text: words(
            "Transfers of data outside the European Union need particular care.",
            "Les transferts de données hors de l'Union européenne appellent une vigilance particulière.",
        ),
        sources: &[&DEVELOPER_GUIDE],
        held: words(
            "Places are looked up in local files. Script and pages load nothing from another host: no shared library, \
             font or image.",
            "Les lieux sont recherchés dans des fichiers locaux. Le script et les pages ne chargent rien depuis un \
             autre hôte : ni bibliothèque, ni police, ni image.",
        ),
        person: Some(words(
            "Make sure that the machines and their operator are in a country where the data may be processed, and keep \
             the contract.",
            "S'assurer que les machines et leur exploitant se trouvent dans un pays où les données peuvent être \
             traitées, et conserver le contrat.",
        )),
    },
    Rule {
        number: 22,
        title: words("Self-assessment without a seal", "Auto-évaluation, sans caution"),
        text: words(
            "The product is presented by self-assessment and never claims an authority's endorsement.",
            "Le produit se présente par auto-évaluation et ne se prévaut jamais de la caution d'une autorité.",
        ),
        sources: &[&SELF_ASSESSMENT_TOOL],
        held: words(
            "Generated texts use one permitted sentence. A test searches all texts for other claims.",
            "Les textes produits emploient une seule phrase autorisée. Un test recherche toute autre affirmation dans \
             l'ensemble des textes.",
        ),
        person: None,
    },
    Rule {
        number: 23,
        title: words("Processors under contract", "Sous-traitants sous contrat"),
        text: words(
            "An operator that measures for other publishers does so under a contract (article 28), for each publisher \
             separately: data and figures are neither pooled nor reused. The publisher holds a document that explains \
             how the solution meets the criteria.",
            "Un exploitant qui mesure pour d'autres éditeurs le fait sous contrat (article 28), séparément pour chaque \
             éditeur : sans mise en commun ni réutilisation des données ou des chiffres. L'éditeur détient un document \
             qui explique comment la solution satisfait aux critères.",
        ),
        sources: &[&GDPR_28, &SELF_ASSESSMENT_TOOL],
        held: words(
            "`sillage notice --for publishers` writes this document, with the version, and clauses for the contract. \
             Where `privacy.processor` is set, no token may read all sites.",
            "`sillage notice --for publishers` produit ce document, avec la version, et des clauses pour le contrat. \
             Lorsque `privacy.processor` est renseigné, aucun jeton ne peut lire tous les sites.",
        ),
        person: Some(words(
            "If another organisation runs the collector for the publisher, sign the contract and keep the document.",
            "Si un autre organisme exploite le collecteur pour l'éditeur, signer le contrat et conserver le document.",
        )),
    },
];
