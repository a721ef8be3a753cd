//! Judges the published figures: their steps, the release, and the rights of the user who reads them.

use jiff::Span;

use crate::compliance::audit::database::{DatabaseEvidence, ReaderEvidence};
use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::judge_data::GRACE_DAYS;
use crate::compliance::audit::observation::Observation;
use crate::compliance::audit::remedies::migrate_or_restart;
use crate::compliance::bilingual::text;
use crate::release::rules::{EXACT_DAYS_MAX, GATE, STEP};
use crate::store::published;

/// Smallest rounding that the criteria allow.
const ROUNDING_MIN: u32 = 10;

pub(super) fn rounded(evidence: &Evidence, look: &mut Observation) {
    let (database, rounding) = (&evidence.database, evidence.config.privacy.protection.step());
    if rounding >= ROUNDING_MIN {
        look.fact(text!(
            "published figures are multiples of {STEP}, drawn at random; rows with fewer than {GATE} drawn visitors \
             are withheld",
            "les chiffres publiés sont des multiples de {STEP}, tirés au hasard ; les lignes de moins de {GATE} visiteurs \
             tirés sont retenues"
        ));
        waiting_too_long(evidence, look);
    }
    match &database.reader {
        Some(reader) => reads_published_tables_only(reader, database, rounding, look),
        None => {
            let tables = published::TABLES.map(|table| table.name).join(", ");
            look.person(text!(
                "This ClickHouse is not run by the program: give Grafana and people a user with SELECT on {tables} only.",
                "Ce ClickHouse n'est pas exploité par le programme : donner à Grafana et aux personnes un utilisateur avec \
                 SELECT sur {tables} seulement."
            ));
        }
    }
}

/// Exact sums whose release never happens would be kept as exact sums.
fn waiting_too_long(evidence: &Evidence, look: &mut Observation) {
    let today = evidence.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let limit = today.saturating_sub(Span::new().days(EXACT_DAYS_MAX + GRACE_DAYS));
    let waits = |name: &str| name.starts_with("waiting_") || name.starts_with("staged_");
    for table in evidence.database.tables.iter().filter(|table| waits(&table.name)) {
        if let Some((_, oldest)) = table.oldest.filter(|(_, oldest)| *oldest < limit) {
            let name = &table.name;
            look.fault(
                text!(
                    "{name} holds exact sums since {oldest} that have not been released",
                    "{name} contient depuis le {oldest} des sommes exactes qui n'ont pas été publiées"
                ),
                text!(
                    "start `sillage serve`, and read in its log why releases fail",
                    "démarrer `sillage serve`, et lire dans son journal pourquoi les publications échouent"
                ),
            );
        }
    }
}

fn reads_published_tables_only(
    reader: &ReaderEvidence,
    database: &DatabaseEvidence,
    rounding: u32,
    look: &mut Observation,
) {
    let wanted = |grant: &&String| {
        let table = |name: &str| **grant == format!("GRANT SELECT ON {}.{name} TO {}", database.name, reader.user);
        !published::TABLES.iter().any(|published| table(published.name))
    };
    let more: Vec<String> = reader.grants.iter().filter(wanted).cloned().collect();
    let (user, granted, refused) = (&reader.user, reader.grants.len(), reader.refused);
    look.none(
        &more,
        text!("{user} has grants beyond the published tables", "{user} a des droits au-delà des tables publiées"),
        text!("revoke it", "les révoquer"),
        text!(
            "{user} has grants on the {granted} published tables only",
            "{user} n'a de droits que sur les {granted} tables publiées"
        ),
    );
    look.none(
        &reader.opened,
        text!("{user} could read", "{user} a pu lire"),
        text!(
            "revoke the grant; only published tables may be granted",
            "révoquer ce droit ; seules les tables publiées peuvent être accordées"
        ),
        text!("tried as {user}: {refused} tables refused", "essayé en tant que {user} : {refused} tables refusées"),
    );
    if !reader.silent.is_empty() {
        let tables = reader.silent.join(", ");
        look.fault(text!("{user} cannot read {tables}", "{user} ne peut pas lire {tables}"), migrate_or_restart());
    }
    match reader.counts {
        (counts, 0) => look.fact(text!(
            "tried as {user}: {counts} figures read, all multiples of their step ({rounding} of a count)",
            "essayé en tant que {user} : {counts} chiffres lus, tous multiples de leur pas ({rounding} pour un compte)"
        )),
        (counts, exact) => look.fault(
            text!(
                "{user} read {counts} figures; {exact} are not a multiple of their step",
                "{user} a lu {counts} chiffres ; {exact} ne sont pas un multiple de leur pas"
            ),
            migrate_or_restart(),
        ),
    }
}
