//! Judges the controller's duties: review, notice, objection, transfers, contract; and that no text claims a seal.

use jiff::Span;

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::observation::Observation;
use crate::compliance::audit::remedies::as_delivered;
use crate::compliance::audit::wording::claims_a_seal;
use crate::compliance::bilingual::{plural, text};

pub(super) fn reviewed(evidence: &Evidence, look: &mut Observation) {
    let today = evidence.at.to_zoned(jiff::tz::TimeZone::UTC).date();
    match evidence.config.privacy.last_review {
        // The notices state this deviation.
        None => {}
        // A site east of Greenwich may have reviewed tomorrow.
        Some(day) if day > today.saturating_add(Span::new().days(1)) => {
            look.fault(
                text!("privacy.last_review is {day}, in the future", "privacy.last_review vaut {day}, dans le futur"),
                text!("write the day of the last review", "inscrire le jour du dernier réexamen"),
            );
        }
        Some(day) if day < today.saturating_sub(Span::new().months(12)) => {}
        Some(day) => {
            let (months, next) = (evidence.config.privacy.retention_months, day.saturating_add(Span::new().months(12)));
            let unit = plural(i64::from(months), ["month", "months"]);
            look.fact(text!(
                "reviewed on {day}: {months} {unit}; next review until {next}",
                "réexaminé le {day} : {months} mois ; prochain réexamen avant le {next}"
            ));
        }
    }
}

pub(super) fn informed(evidence: &Evidence, look: &mut Observation) {
    let controller = &evidence.config.privacy.controller;
    let [name, contact] = [&controller.name, &controller.contact].map(|text| text.trim());
    if !name.is_empty() && !contact.is_empty() {
        look.fact(text!("the notice names {name} ({contact})", "la notice nomme {name} ({contact})"));
    }
}

pub(super) fn objection(evidence: &Evidence, look: &mut Observation) {
    let privacy = &evidence.config.privacy;
    for (honoured, header) in [(privacy.honour_gpc, "Sec-GPC: 1"), (privacy.honour_dnt, "DNT: 1")] {
        if honoured {
            look.fact(text!("`{header}` is honoured", "`{header}` est respecté"));
        }
    }
    let signs = ["globalPrivacyControl", "doNotTrack"];
    let missing: Vec<String> =
        signs.iter().filter(|sign| !evidence.script.contains(**sign)).map(|sign| (*sign).to_owned()).collect();
    look.none(
        &missing,
        text!("the script does not read the signals", "le script ne lit pas les signaux"),
        as_delivered(),
        text!("the script sends nothing if a signal is set", "le script n'envoie rien si un signal est présent"),
    );
}

pub(super) fn transfers(evidence: &Evidence, look: &mut Observation) {
    let far: Vec<String> = evidence
        .config
        .geo
        .databases
        .iter()
        .map(|file| file.display().to_string())
        .filter(|file| file.contains("://"))
        .collect();
    look.none(
        &far,
        text!("location files on other hosts", "fichiers de localisation sur d'autres hôtes"),
        text!("download them, and set the local path", "les télécharger, et inscrire le chemin local"),
        text!("location files are local", "les fichiers de localisation sont locaux"),
    );
    if let Err(file) = &evidence.places {
        look.fact(text!("{file} cannot be used", "{file} est inutilisable"));
    }
    let hosts: Vec<String> = ["https://", "http://", "\"//", "'//"]
        .iter()
        .filter(|start| evidence.script.contains(**start))
        .map(|start| (*start).to_owned())
        .collect();
    let wrong = text!("the script names other hosts", "le script nomme d'autres hôtes");
    let right = text!("the script names no other host", "le script ne nomme aucun autre hôte");
    look.none(&hosts, wrong, as_delivered(), right);
    if evidence.config.clickhouse.is_embedded() {
        look.fact(text!("ClickHouse runs on this machine", "ClickHouse tourne sur cette machine"));
    } else {
        let host = url::Url::parse(&evidence.config.clickhouse.url).ok();
        let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        look.fact(text!("ClickHouse is at {host}", "ClickHouse est sur {host}"));
    }
}

pub(super) fn no_seal(evidence: &Evidence, look: &mut Observation) {
    let claims = evidence.texts.iter().filter(|(_, text)| claims_a_seal(text).is_some());
    let claims: Vec<String> = claims.map(|(name, _)| (*name).to_owned()).collect();
    let read = evidence.texts.len();
    look.none(
        &claims,
        text!("texts that claim an authority's seal", "textes qui se réclament du label d'une autorité"),
        text!("write the controller's name only", "n'y inscrire que le nom du responsable de traitement"),
        text!("{read} texts read, none claims a seal", "{read} textes lus, aucun ne se réclame d'un label"),
    );
}

pub(super) fn under_contract(evidence: &Evidence, look: &mut Observation) {
    match evidence.config.privacy.processor.name.trim() {
        "" => look.fact(text!(
            "no processor is named: the controller runs the collector itself",
            "aucun sous-traitant n'est nommé : le responsable de traitement exploite lui-même le collecteur"
        )),
        name => look.fact(text!("{name} measures for other publishers", "{name} mesure pour d'autres éditeurs")),
    }
}
