//! Judges the database: schema, contents, rights, age.

use jiff::{Span, Unit};

use crate::compliance::audit::database::StoredEvidence;
use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::observation::{Observation, listed};
use crate::compliance::audit::remedies::{delete_rows, restore};
use crate::compliance::bilingual::{Bilingual, plural, pluriel, text};
use crate::event::{Dimension, TimingMetric};
use crate::store::former::FORMER_TABLES;

/// Expired rows are deleted by the next merge of their part: within hours; an engine that was off catches up.
pub(super) const GRACE_DAYS: i64 = 7;
/// Longest retention that the criteria allow, in months.
const MONTHS_MAX: u32 = 25;

/// The stored contents; where they could not be read, a note says so.
fn stored<'e>(evidence: &'e Evidence, look: &mut Observation) -> Option<&'e StoredEvidence> {
    let stored = evidence.database.stored.as_ref();
    if stored.is_none() {
        look.person(text!(
            "The tables differ from schema/; fix the differences listed in R2, and run the audit again.",
            "Les tables diffèrent de schema/ ; corriger les différences de R2, et relancer l'audit."
        ));
    }
    stored
}

pub(super) fn audience_only(evidence: &Evidence, look: &mut Observation) {
    let database = &evidence.database;
    let name = &database.name;
    look.none(
        &database.elsewhere,
        text!(
            "objects outside the database read its figures",
            "des objets extérieurs à la base en lisent les chiffres"
        ),
        text!(
            "drop them, or note in the register why these figures are needed there and which people see them",
            "les supprimer, ou noter au registre pourquoi ces chiffres y sont nécessaires et qui les voit"
        ),
        text!("no object outside the database `{name}` reads it", "aucun objet extérieur à la base `{name}` ne la lit"),
    );
    match &database.others {
        Some(others) if others.is_empty() => look.fact(text!(
            "no other user of the server may read its tables",
            "aucun autre utilisateur du serveur ne peut lire ses tables"
        )),
        Some(others) => {
            let others = others.join(", ");
            look.person(text!(
                "Other users of this ClickHouse may read the tables ({others}): make sure that they belong to its \
                 operator and do not use the figures for other purposes.",
                "D'autres utilisateurs de ce ClickHouse peuvent lire les tables ({others}) : vérifier qu'ils relèvent de \
                 son exploitant et n'emploient pas les chiffres à d'autres fins."
            ));
        }
        None => look.person(text!(
            "Ask the ClickHouse administrator which users can read the tables; the program's user cannot list them.",
            "Demander à l'administrateur de ClickHouse quels utilisateurs peuvent lire les tables ; celui du programme ne \
             peut pas les lister."
        )),
    }
}

pub(super) fn anonymous_only(evidence: &Evidence, look: &mut Observation) {
    let database = &evidence.database;
    let declared = &database.declared;
    let known = |name: &String| {
        is_former(name)
            || declared.tables.iter().any(|table| table.name == *name)
            || declared.views.iter().any(|view| view.name == *name)
    };
    let more: Vec<String> =
        database.tables.iter().map(|table| table.name.clone()).filter(|name| !known(name)).collect();
    let (tables, views) = (declared.tables.len(), declared.views.len());
    look.none(
        &more,
        text!(
            "the database has tables or views that schema/ does not declare",
            "la base contient des tables ou des vues que schema/ ne déclare pas"
        ),
        restore(),
        text!("{tables} tables and {views} views, as declared", "{tables} tables et {views} vues, comme déclaré"),
    );
    for table in database.tables.iter().filter(|table| is_former(&table.name)) {
        if let Some((rows, oldest)) = table.oldest {
            let name = &table.name;
            look.fault(
                text!(
                    "{name} holds {rows} exact rows of an earlier release, since {oldest}",
                    "{name} contient {rows} lignes exactes d'une version antérieure, depuis le {oldest}"
                ),
                text!(
                    "run `sillage migrate`: it releases them and drops the table",
                    "lancer `sillage migrate`, qui les publie et supprime la table"
                ),
            );
        }
    }
    let names = declared.tables.iter().map(|table| &table.name).chain(declared.views.iter().map(|view| &view.name));
    let missing: Vec<String> = names.filter(|name| database.table(name).is_none()).cloned().collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        look.fault(
            text!("missing: {missing}", "manquent : {missing}"),
            text!("run `sillage migrate`", "lancer `sillage migrate`"),
        );
    }
    let mut columns = 0;
    for table in &declared.tables {
        let Some(live) = database.table(&table.name) else { continue };
        columns += table.columns.len();
        if live.columns != table.columns {
            let other = |(name, kind): &(String, String)| format!("{name} {kind}");
            let more = live.columns.iter().filter(|column| !table.columns.contains(column)).map(other);
            let less = table.columns.iter().filter(|column| !live.columns.contains(column)).map(other);
            look.fault(columns_differ(&table.name, &more.collect::<Vec<_>>(), &less.collect::<Vec<_>>()), restore());
        }
    }
    look.fact(text!(
        "{columns} columns with their declared types; none for a visitor, a visit or an address",
        "{columns} colonnes aux types déclarés ; aucune pour un visiteur, une visite ou une adresse"
    ));
    logs(evidence, look);
}

fn columns_differ(table: &str, more: &[String], less: &[String]) -> Bilingual {
    let named = |columns: &[String], none: &str| match columns {
        [] => none.to_owned(),
        columns => columns.join(", "),
    };
    let [more_en, less_en] = [more, less].map(|columns| named(columns, "none"));
    let [more_fr, less_fr] = [more, less].map(|columns| named(columns, "aucune"));
    text!(
        "the columns of {table} differ from the declared ones (extra: {more_en}; missing: {less_en})",
        "les colonnes de {table} diffèrent de celles qui sont déclarées (en plus : {more_fr} ; en moins : {less_fr})"
    )
}

/// Whether earlier releases kept exact rows under this name; `sillage migrate` drops an empty one.
fn is_former(name: &str) -> bool {
    FORMER_TABLES.contains(&name.trim_end_matches("_local"))
}

/// With the times of inserts, the rows of small sites can be turned back into events.
fn logs(evidence: &Evidence, look: &mut Observation) {
    let database = &evidence.database;
    if !database.keeps_logs(&evidence.config) {
        return look.fact(text!(
            "the server has no log of queries or parts",
            "le serveur n'a aucun journal des requêtes ou des parties"
        ));
    }
    let names: Vec<&str> = database.logs.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(", ");
    let found = text!("the server writes logs of its own ({names})", "le serveur écrit ses propres journaux ({names})");
    if evidence.config.clickhouse.is_embedded() {
        look.fault(
            found,
            text!(
                "remove the logs from the engine's configuration, and drop system.*_log",
                "retirer les journaux de la configuration du moteur, et supprimer system.*_log"
            ),
        );
    } else {
        look.fact(found);
        look.person(text!(
            "Set log_queries = 0 for the program's users, and a TTL of hours on part_log: the time of each insert \
             reveals single hits of small sites.",
            "Régler log_queries = 0 pour les utilisateurs du programme, et une durée de quelques heures pour part_log : \
             l'heure de chaque insertion révèle les mesures isolées des petits sites."
        ));
    }
}

pub(super) fn one_dimension(evidence: &Evidence, look: &mut Observation) {
    let Some(stored) = stored(evidence, look) else { return };
    let known = |name: &String| Dimension::ALL.iter().any(|dimension| dimension.name() == name);
    let unknown: Vec<String> = stored.dimensions.iter().filter(|name| !known(name)).cloned().collect();
    look.none(
        &unknown,
        text!(
            "there are rows of dimensions that the program does not know",
            "il y a des lignes de dimensions que le programme ne connaît pas"
        ),
        delete_rows(),
        text!("dimensions stored, each separately: ", "dimensions enregistrées, chacune à part : ")
            .then("", &listed(&stored.dimensions)),
    );
    let known = |name: &String| TimingMetric::ALL.iter().any(|metric| metric.name() == name);
    let unknown: Vec<String> = stored.metrics.iter().filter(|name| !known(name)).cloned().collect();
    look.none(
        &unknown,
        text!(
            "timings has rows of times that the program does not know",
            "timings a des lignes de temps que le programme ne connaît pas"
        ),
        delete_rows(),
        text!(
            "load times by page and hour, as buckets of a histogram",
            "temps de chargement par page et par heure, en classes d'un histogramme"
        ),
    );
    for table in &evidence.database.declared.tables {
        let Some(live) = evidence.database.table(&table.name) else { continue };
        if live.engine != table.engine {
            let (name, is, wanted) = (&table.name, &live.engine, &table.engine);
            let found = text!(
                "{name} does not sum rows: its engine is {is}, not {wanted}",
                "{name} n'additionne pas ses lignes : son moteur est {is}, non {wanted}"
            );
            look.fault(found, restore());
        }
        // These settings make a batch count once, and merge the rows of different flushes.
        for set in table.settings.iter().filter(|set| !is_set(&live.engine_full, set)) {
            let name = &table.name;
            look.fault(
                text!("{name} lacks the declared setting {set}", "il manque à {name} le réglage déclaré {set}"),
                Bilingual::same(format!("ALTER TABLE {}.{name} MODIFY SETTING {set}", evidence.database.name)),
            );
        }
    }
    if look.is_clean() {
        look.fact(text!(
            "the tables sum rows and have the declared settings: a batch that is sent twice counts once",
            "les tables additionnent leurs lignes et ont les réglages déclarés : un lot envoyé deux fois compte une fois"
        ));
    }
}

fn is_set(engine: &str, set: &str) -> bool {
    let settings = engine.split_once(" SETTINGS ").map_or("", |(_, settings)| settings);
    settings.split(", ").any(|found| found == set)
}

pub(super) fn coarse_headers(evidence: &Evidence, look: &mut Observation) {
    let Some(stored) = stored(evidence, look) else { return };
    if stored.fine_versions > 0 {
        let rows = stored.fine_versions;
        let found = text!(
            "rows ({rows}) with more than the major number of a version",
            "lignes ({rows}) avec plus que le numéro majeur d'une version"
        );
        look.fault(found, delete_rows());
    } else {
        look.fact(text!(
            "every stored version of a browser or system is a major one",
            "toute version enregistrée d'un navigateur ou d'un système est un numéro majeur"
        ));
    }
    look.fact(text!(
        "kinds of event: presence (pageview), use of a feature (action), times (engagement, timing)",
        "sortes d'évènement : présence (pageview), emploi d'une fonction (action), temps (engagement, timing)"
    ));
}

pub(super) fn referrer_host(evidence: &Evidence, look: &mut Observation) {
    let Some(stored) = stored(evidence, look) else { return };
    if stored.long_referrers > 0 {
        let rows = stored.long_referrers;
        let found = text!(
            "rows ({rows}) with more than the host of a referrer",
            "lignes ({rows}) avec plus que l'hôte d'un site référent"
        );
        look.fault(found, delete_rows());
    } else {
        look.fact(text!("every stored referrer is a host", "tout site référent enregistré est un hôte"));
    }
}

pub(super) fn no_finer_than_city(evidence: &Evidence, look: &mut Observation) {
    if let Some(stored) = stored(evidence, look) {
        if stored.fine_places > 0 {
            let rows = stored.fine_places;
            let found = text!(
                "rows ({rows}) with a place that is not a country, region or city",
                "lignes ({rows}) avec un lieu qui n'est ni un pays, ni une région, ni une ville"
            );
            look.fault(found, delete_rows());
        } else {
            look.fact(text!(
                "stored places are countries, regions and cities",
                "les lieux enregistrés sont des pays, des régions et des villes"
            ));
        }
    }
    look.fact(text!("looked up with IPv4 /24 and IPv6 /48", "recherchés avec l'IPv4 /24 et l'IPv6 /48"));
    let Ok(editions) = &evidence.places else { return };
    for edition in editions {
        let days = evidence.at.duration_since(edition.built).as_hours() / 24;
        let file = edition.file.file_name().unwrap_or_default().to_string_lossy();
        let (kind, built) = (&edition.kind, edition.built.strftime("%Y-%m-%d"));
        let (unit, jours) = (plural(days, ["day", "days"]), pluriel(days, ["jour", "jours"]));
        look.fact(text!(
            "{file}: {kind}, built {built}, {days} {unit} old",
            "{file} : {kind}, produit le {built}, il y a {days} {jours}"
        ));
    }
    if editions.is_empty() {
        look.fact(text!(
            "no location file; places are unknown",
            "aucun fichier de localisation ; les lieux sont inconnus"
        ));
    }
}

/// The word for this number of rows, English and French.
fn line_words(rows: u64) -> [&'static str; 2] {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    [plural(rows, ["row", "rows"]), pluriel(rows, ["ligne", "lignes"])]
}

pub(super) fn kept_no_longer(evidence: &Evidence, look: &mut Observation) {
    let months = evidence.config.privacy.retention_months;
    if months > MONTHS_MAX {
        look.fault(
            text!("privacy.retention_months is {months}", "privacy.retention_months vaut {months}"),
            text!("set it to {MONTHS_MAX} or less", "le régler à {MONTHS_MAX} au plus"),
        );
    }
    let unit = plural(i64::from(months), ["month", "months"]);
    let wanted = format!("TTL day + toIntervalMonth({months})");
    let today = evidence.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let limit =
        today.saturating_sub(Span::new().months(i64::from(months))).saturating_sub(Span::new().days(GRACE_DAYS));
    for table in evidence.database.declared.tables.iter().filter(|table| table.forgets) {
        let Some(live) = evidence.database.table(&table.name) else { continue };
        let name = &table.name;
        if !live.engine_full.contains(&wanted) {
            look.fault(
                text!(
                    "{name} does not delete rows after the configured {months} {unit}",
                    "{name} ne supprime pas ses lignes après les {months} mois configurés"
                ),
                text!(
                    "run `sillage migrate`, or restart `sillage serve`: both alter the table",
                    "lancer `sillage migrate`, ou redémarrer `sillage serve` : les deux modifient la table"
                ),
            );
        }
        match live.oldest {
            Some((rows, day)) if day < limit => {
                let database = &evidence.database.name;
                let [line, ligne] = line_words(rows);
                look.fault(
                    text!(
                        "{name}: {rows} {line}, the oldest of {day}, past the {months} {unit}",
                        "{name} : {rows} {ligne}, la plus ancienne du {day}, au-delà des {months} mois"
                    ),
                    text!(
                        "let the engine run for a day, or OPTIMIZE TABLE {database}.{name} FINAL",
                        "laisser tourner le moteur un jour, ou OPTIMIZE TABLE {database}.{name} FINAL"
                    ),
                );
            }
            Some((rows, day)) => {
                let age = (today - day).round(jiff::SpanRound::new().largest(Unit::Month).relative(today));
                let age = age.map_or(0, |age| age.get_months());
                let aged = plural(i64::from(age), ["month", "months"]);
                let [line, ligne] = line_words(rows);
                look.fact(text!(
                    "{name}: deletes rows after {months} {unit}; {rows} {line}, oldest {day} ({age} {aged})",
                    "{name} : supprime ses lignes après {months} mois ; {rows} {ligne}, la plus ancienne du {day} ({age} mois)"
                ));
            }
            None => look.fact(text!(
                "{name}: deletes rows after {months} {unit}; empty",
                "{name} : supprime ses lignes après {months} mois ; vide"
            )),
        }
    }
}

pub(super) fn each_publisher(evidence: &Evidence, look: &mut Observation) {
    let (database, config) = (&evidence.database, &evidence.config);
    let mixed = database
        .declared
        .tables
        .iter()
        .filter(|table| table.forgets)
        .filter(|table| database.table(&table.name).is_some_and(|live| live.sorting_key != table.sorting_key));
    let mixed: Vec<String> = mixed.map(|table| table.name.clone()).collect();
    look.none(
        &mixed,
        text!(
            "tables whose rows are not sorted by site as declared",
            "tables dont les lignes ne sont pas triées par site comme déclaré"
        ),
        text!("rebuild these tables as schema/ has them", "reconstruire ces tables comme dans schema/"),
        text!("every table sorts its rows by site first", "chaque table trie ses lignes par site d'abord"),
    );
    let reading_all: Vec<&str> = config
        .console
        .tokens
        .iter()
        .filter(|token| token.sites.iter().any(|site| site == "*"))
        .map(|token| token.name.as_str())
        .collect();
    if !reading_all.is_empty() && config.site.len() > 1 {
        let (sites, tokens) = (config.site.len(), reading_all.join(", "));
        look.person(text!(
            "Tokens that read all {sites} sites ({tokens}): keep them only if one publisher is the controller of all.",
            "Jetons qui lisent les {sites} sites ({tokens}) : ne les conserver que si un seul éditeur est responsable de \
             tous."
        ));
    } else {
        let (sites, tokens) = (config.site.len(), config.console.tokens.len());
        look.fact(text!(
            "sites: {sites}, tokens: {tokens}, each for sites of its own",
            "sites : {sites}, jetons : {tokens}, chacun pour ses propres sites"
        ));
    }
    let stored_sites = database.stored.iter().flat_map(|stored| &stored.sites);
    let unconfigured = stored_sites.filter(|name| !config.site.iter().any(|site| site.name == **name)).count();
    if unconfigured > 0 {
        look.fact(text!(
            "sites that are no longer configured but still have rows: {unconfigured}",
            "sites qui ne sont plus configurés mais ont encore des lignes : {unconfigured}"
        ));
    }
}
