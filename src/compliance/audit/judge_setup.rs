//! Judges the configuration and the machine.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::observation::{Observation, listed};
use crate::compliance::audit::remedies::{defective, delete_rows};
use crate::compliance::bilingual::text;
use crate::config::{MarketingPolicy, Protection};
use crate::release::rules::GATE;
use crate::sites::is_never_kept;

/// Parts of names that point to a person. A name is compared without case, hyphens and the like.
const PERSONS: [&str; 14] = [
    "userid",
    "customer",
    "clientid",
    "visitorid",
    "sessionid",
    "accountid",
    "memberid",
    "deviceid",
    "email",
    "phone",
    "lastname",
    "surname",
    "password",
    "fingerprint",
];
/// The same as whole names: as parts they would match harmless names.
const PERSONS_WHOLE: [&str; 10] =
    ["user", "uid", "name", "login", "account", "member", "mail", "ip", "address", "session"];
/// Parts of names that point to a campaign or a click.
const CAMPAIGNS: [&str; 8] = ["utm", "campaign", "affiliate", "clickid", "gclid", "fbclid", "mtm", "gad"];
/// Parts of names that point to an experiment.
const EXPERIMENTS: [&str; 6] = ["experiment", "abtest", "splittest", "cohort", "testgroup", "treatment"];
/// The same for names with other possible meanings.
const PERHAPS_EXPERIMENTS: [&str; 2] = ["variant", "variation"];

/// Widest networks that may be trusted: whole continents are not proxies.
const WIDEST_IPV4: u8 = 8;
const WIDEST_IPV6: u8 = 16;

/// Letters and digits of a name, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn points_at(name: &str, parts: &[&str]) -> bool {
    let name = plain(name);
    parts.iter().any(|part| name.contains(part))
}

fn points_at_a_person(name: &str) -> bool {
    points_at(name, &PERSONS) || PERSONS_WHOLE.contains(&plain(name).as_str())
}

/// Names of properties, as the sites declare them and as they are stored.
fn properties(evidence: &Evidence) -> Vec<String> {
    let declared = evidence.config.site.iter().flat_map(|site| &site.properties);
    let stored = evidence.database.stored.iter().flat_map(|stored| &stored.properties);
    let mut names: Vec<String> = declared.chain(stored).filter(|name| !name.is_empty()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn no_cross_reference(evidence: &Evidence, look: &mut Observation) {
    let names = properties(evidence);
    let persons: Vec<String> = names.iter().filter(|name| points_at_a_person(name)).cloned().collect();
    look.none(
        &persons,
        text!("properties named after a person", "propriétés qui portent le nom d'une donnée personnelle"),
        text!(
            "remove them from the sites' properties; delete stored rows with DELETE FROM action_value_days WHERE property = …",
            "les retirer des propriétés des sites ; supprimer les lignes par DELETE FROM action_value_days WHERE property = …"
        ),
        text!(
            "properties declared or stored, none named after a person: ",
            "propriétés déclarées ou enregistrées, aucune ne porte le nom d'une donnée personnelle : "
        )
        .then("", &listed(&names)),
    );
}

pub(super) fn no_shared_identifier(evidence: &Evidence, look: &mut Observation) {
    if evidence.tags.links_sites {
        look.fault(
            text!("one visitor had the same tag on two sites", "un visiteur avait la même étiquette sur deux sites"),
            defective(),
        );
    } else {
        look.fact(text!(
            "tried: one visitor has unrelated tags on two sites",
            "essayé : un visiteur a des étiquettes sans rapport sur deux sites"
        ));
    }
}

pub(super) fn bound_to_day(evidence: &Evidence, look: &mut Observation) {
    let tags = &evidence.tags;
    if tags.links_days {
        look.fault(
            text!(
                "one visitor had the same tag on two days",
                "un visiteur avait la même étiquette deux jours de suite"
            ),
            defective(),
        );
    } else {
        look.fact(text!(
            "tried: one visitor has unrelated tags on two days",
            "essayé : un visiteur a des étiquettes sans rapport deux jours de suite"
        ));
    }
    if tags.keeps_past_key {
        look.fault(text!("the key of a past day still existed", "la clé d'un jour passé existait encore"), defective());
    } else {
        look.fact(text!("tried: the key of a past day is destroyed", "essayé : la clé d'un jour passé est détruite"));
    }
    if !tags.knows_a_return {
        look.fact(text!(
            "a second visit on the same day was not recognised: visitors are counted too often",
            "une seconde visite du même jour n'a pas été reconnue : les visiteurs sont comptés trop souvent"
        ));
    }
}

pub(super) fn no_marketing(evidence: &Evidence, look: &mut Observation) {
    match evidence.config.privacy.marketing {
        MarketingPolicy::Never => {
            look.fact(text!(
                "privacy.marketing = \"never\": campaigns, channels and device models are not measured",
                "privacy.marketing = \"never\" : campagnes, canaux et modèles d'appareil ne sont pas mesurés"
            ));
        }
        MarketingPolicy::WithConsent => {
            look.fact(text!(
                "privacy.marketing = \"with_consent\": campaigns, channels and device models of hits that carry consent only",
                "privacy.marketing = \"with_consent\" : campagnes, canaux et modèles d'appareil des seules mesures qui \
                 portent un consentement"
            ));
            look.person(text!(
                "Keep the proof of consent on every site that marks hits with it.",
                "Conserver la preuve du consentement sur chaque site qui le transmet avec ses mesures."
            ));
        }
        MarketingPolicy::Always => {}
    }
}

pub(super) fn no_identifiers_from_urls(evidence: &Evidence, look: &mut Observation) {
    let wrong = |name: &str| is_never_kept(name) || points_at(name, &CAMPAIGNS) || points_at_a_person(name);
    for site in &evidence.config.site {
        let names: Vec<&str> = site.query_names_kept.iter().map(String::as_str).filter(|name| wrong(name)).collect();
        let name = &site.name;
        let kept = text!(
            "{name}: query parameters kept as part of pages: ",
            "{name} : paramètres conservés dans l'adresse des pages : "
        );
        look.fact(kept.then("", &listed(&site.query_names_kept)));
        if !names.is_empty() {
            let names = names.join(", ");
            let found = text!(
                "{name} keeps query parameters named after a person or a campaign: {names}",
                "{name} conserve des paramètres qui portent le nom d'une personne ou d'une campagne : {names}"
            );
            look.fault(found, text!("remove them from query_names_kept", "les retirer de query_names_kept"));
        }
        let searched = site.search_parameter.as_str();
        if wrong(searched) {
            look.fault(
                text!(
                    "{name}: search_parameter `{searched}` is named after a person or a campaign",
                    "{name} : search_parameter `{searched}` porte le nom d'une personne ou d'une campagne"
                ),
                text!(
                    "set search_parameter to the parameter with the search terms",
                    "donner à search_parameter le paramètre qui contient les termes de recherche"
                ),
            );
        } else if !searched.is_empty() {
            look.fact(text!(
                "{name}: searches of the site are counted (`{searched}`)",
                "{name} : les recherches du site sont comptées (`{searched}`)"
            ));
        }
    }
    let stored = evidence.database.stored.iter().flat_map(|stored| &stored.query_names);
    let stored: Vec<String> = stored.filter(|name| wrong(name)).cloned().collect();
    look.none(
        &stored,
        text!(
            "stored pages have query parameters named after a person or a campaign",
            "des pages enregistrées ont des paramètres qui portent le nom d'une personne ou d'une campagne"
        ),
        delete_rows(),
        text!(
            "no stored page has a parameter named after a person or a campaign",
            "aucune page enregistrée n'a de paramètre qui porte le nom d'une personne ou d'une campagne"
        ),
    );
}

pub(super) fn no_visitor_followed(evidence: &Evidence, look: &mut Observation) {
    let (machine, runtime) = (&evidence.machine, &evidence.config.runtime);
    let folder = runtime.dir.display();
    match machine.runtime_in_memory {
        Some(true) => look.fact(text!("runtime.dir {folder} is in memory", "runtime.dir {folder} est en mémoire")),
        Some(false) => look.fault(
            text!(
                "runtime.dir {folder} is on a disk, where tags and keys must never be",
                "runtime.dir {folder} est sur un disque, où étiquettes et clés ne doivent jamais se trouver"
            ),
            text!(
                "set it to a folder of a tmpfs, such as /dev/shm/sillage",
                "choisir un dossier d'un tmpfs, comme /dev/shm/sillage"
            ),
        ),
        None => look.person(text!(
            "Create {folder} on a tmpfs; it does not exist.",
            "Créer {folder} sur un tmpfs ; ce dossier n'existe pas."
        )),
    }
    look.fact(match machine.collector {
        Some(number) => text!(
            "checked: the running collector, process {number}",
            "vérifié : le collecteur en marche, processus {number}"
        ),
        None => text!(
            "checked: this process, which sets the same protection; no collector runs",
            "vérifié : ce processus, qui se protège de même ; aucun collecteur n'est en marche"
        ),
    });
    match machine.core_bytes {
        Some(0) => look.fact(text!(
            "no core dump can be written (RLIMIT_CORE 0)",
            "aucune image de la mémoire ne peut être écrite (RLIMIT_CORE 0)"
        )),
        Some(_) | None => look.fault(
            text!("a crash may write memory to a disk", "un arrêt brutal peut écrire la mémoire sur un disque"),
            text!("start the collector with `ulimit -c 0`", "démarrer le collecteur avec `ulimit -c 0`"),
        ),
    }
    match machine.dumpable {
        Some(true) => look.fault(
            text!(
                "other processes of its user can read its memory",
                "d'autres processus de son utilisateur peuvent lire sa mémoire"
            ),
            text!("start the collector as delivered", "démarrer le collecteur tel que livré"),
        ),
        Some(false) => look.fact(text!(
            "other processes of its user cannot read its memory (PR_SET_DUMPABLE 0)",
            "d'autres processus de son utilisateur ne peuvent pas lire sa mémoire (PR_SET_DUMPABLE 0)"
        )),
        None => look.fact(text!(
            "unknown whether other processes of its user can read its memory: root cannot see it",
            "on ignore si d'autres processus de son utilisateur peuvent lire sa mémoire : root ne le voit pas"
        )),
    }
    swap(evidence, look);
    proxies(evidence, look);
    rows_of_few(evidence, look);
}

/// The attack that a release is to fail: a row that too few people stand behind tells of them.
fn rows_of_few(evidence: &Evidence, look: &mut Observation) {
    let tens = evidence.config.privacy.protection == Protection::Tens;
    let Some(reader) = evidence.database.reader.as_ref().filter(|_| tens) else { return };
    let user = &reader.user;
    look.none(
        &reader.lonely,
        text!(
            "published rows of a day or hour with fewer than {GATE} drawn visitors",
            "lignes publiées d'un jour ou d'une heure avec moins de {GATE} visiteurs tirés"
        ),
        text!(
            "delete these rows and find the program that wrote them: a release does not publish such rows",
            "supprimer ces lignes et trouver le programme qui les a écrites : une publication n'en contient pas"
        ),
        text!(
            "tried as {user}: no published row of a day or hour has fewer than {GATE} drawn visitors",
            "essayé en tant que {user} : aucune ligne publiée d'un jour ou d'une heure n'a moins de {GATE} visiteurs tirés"
        ),
    );
}

fn swap(evidence: &Evidence, look: &mut Observation) {
    let machine = &evidence.machine;
    let locked = machine.locked_kib;
    look.fact(match machine.lockable_bytes.map(|bytes| bytes / 1024) {
        Some(able) => text!(
            "{locked} KiB of its memory are locked; it may lock {able} KiB (RLIMIT_MEMLOCK)",
            "{locked} Kio de sa mémoire sont verrouillés ; il peut en verrouiller {able} Kio (RLIMIT_MEMLOCK)"
        ),
        None => text!(
            "{locked} KiB of its memory are locked; it may lock any amount (RLIMIT_MEMLOCK)",
            "{locked} Kio de sa mémoire sont verrouillés ; il peut en verrouiller sans limite (RLIMIT_MEMLOCK)"
        ),
    });
    let swap = machine.swap_kib / 1024;
    if machine.swap_kib == 0 {
        return look
            .fact(text!("the machine has no swap on a disk", "la machine n'a pas de fichier d'échange sur un disque"));
    }
    look.fact(text!(
        "the machine has {swap} MiB of swap on a disk",
        "la machine a {swap} Mio de fichier d'échange sur un disque"
    ));
    look.person(text!(
        "Turn swap off, or encrypt it with a new key at each boot: a folder in memory may be swapped out.",
        "Désactiver le fichier d'échange, ou le chiffrer avec une nouvelle clé à chaque démarrage : un dossier en mémoire \
         peut y être écrit."
    ));
}

/// A client that may name any address can ask whether that address came today: it then does not count as a new visitor.
fn proxies(evidence: &Evidence, look: &mut Observation) {
    let collect = &evidence.config.collect;
    let wide: Vec<String> = collect.trusted_proxies.iter().filter(|net| is_wide(net)).map(IpNet::to_string).collect();
    look.none(
        &wide,
        text!(
            "collect.trusted_proxies trusts too wide a network",
            "collect.trusted_proxies fait confiance à un réseau trop large"
        ),
        text!(
            "list your own proxies only: a trusted peer can claim any address, and so probe for known visitors",
            "n'y inscrire que vos propres serveurs mandataires : un pair de confiance peut prétendre à toute adresse, et \
             chercher ainsi des visiteurs connus"
        ),
        text!("trusted proxies: ", "serveurs mandataires de confiance : ").then("", &listed(&collect.trusted_proxies)),
    );
    if collect.trusted_proxies.is_empty() && collect.listen.ip().is_loopback() {
        look.fact(text!(
            "note: no proxy is trusted and the listener is on loopback: behind a proxy, all visitors would count as \
             one",
            "note : aucun serveur mandataire n'est de confiance et l'écoute est locale : derrière un mandataire, tous les \
             visiteurs compteraient pour un"
        ));
    }
}

fn is_wide(network: &IpNet) -> bool {
    let private = match network.network() {
        IpAddr::V4(_) => false,
        IpAddr::V6(six) => six.is_unique_local() && network.prefix_len() >= 7,
    };
    let widest = if network.addr().is_ipv4() { WIDEST_IPV4 } else { WIDEST_IPV6 };
    network.prefix_len() < widest && !private
}

pub(super) fn no_experiments(evidence: &Evidence, look: &mut Observation) {
    let names = properties(evidence);
    let found: Vec<String> = names.iter().filter(|name| points_at(name, &EXPERIMENTS)).cloned().collect();
    look.none(
        &found,
        text!("properties named after an experiment", "propriétés qui portent le nom d'une expérience"),
        text!(
            "remove them from the sites' properties: tests on cohorts need consent",
            "les retirer des propriétés des sites : des tests sur des cohortes demandent un consentement"
        ),
        text!("no property is named after an experiment", "aucune propriété ne porte le nom d'une expérience"),
    );
    let perhaps: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| points_at(name, &PERHAPS_EXPERIMENTS)).collect();
    if !perhaps.is_empty() {
        let names = perhaps.join(", ");
        look.person(text!(
            "Make sure that these properties describe goods, not visitors: {names}.",
            "Vérifier que ces propriétés décrivent des biens, non des visiteurs : {names}."
        ));
    }
}
