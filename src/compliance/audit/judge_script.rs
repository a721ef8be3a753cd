//! Judges the script: which data it could store on a device.

use crate::compliance::audit::evidence::Evidence;
use crate::compliance::audit::observation::Observation;
use crate::compliance::audit::remedies::as_delivered;
use crate::compliance::bilingual::text;

/// All interfaces that store data on a device, except the one name that keeps an objection.
const KEEPERS: [&str; 6] = ["cookie", "indexedDB", "sessionStorage", "caches.", "serviceWorker", "openDatabase"];
const OBJECTION: &str = "sillage_opt_out";

pub(super) fn nothing_on_the_device(evidence: &Evidence, look: &mut Observation) {
    let script = &evidence.script;
    let mut keepers: Vec<String> =
        KEEPERS.iter().filter(|keeper| script.contains(**keeper)).map(|keeper| (*keeper).to_owned()).collect();
    let keeps = script.contains("localStorage");
    if keeps_more_than_an_objection(script) {
        keepers.push("localStorage".to_owned());
    }
    let right = if keeps {
        text!("the script stores only an opt-out flag", "le script n'enregistre qu'une marque d'opposition")
    } else {
        text!("the script stores nothing", "le script n'enregistre rien")
    };
    let wrong =
        text!("the script could store data on a device", "le script pourrait enregistrer des données sur un appareil");
    look.none(&keepers, wrong, as_delivered(), right);
}

/// Whether local storage is used under any name but the one. Each built script is one line.
fn keeps_more_than_an_objection(script: &str) -> bool {
    script.lines().any(|line| {
        line.match_indices("localStorage").any(|(at, word)| {
            let (before, after) =
                (&line.get(..at).unwrap_or_default(), &line.get(at + word.len()..).unwrap_or_default());
            !is_indexed_by_the_objection(line, after) && !is_handed_to_a_function_of_the_objection(line, before)
        })
    })
}

/// `localStorage[NAME]`, with the name as a literal or in a variable of that value.
fn is_indexed_by_the_objection(line: &str, after: &str) -> bool {
    let name = after.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(name, _)| name);
    let in_variable = line.contains(&format!("{name}=\"{OBJECTION}\""));
    !name.is_empty() && (in_variable || name.trim_matches('"') == OBJECTION)
}

/// `use=f=>{try{return f(localStorage)}catch{}}`, where every call of `use` uses the one name only.
fn is_handed_to_a_function_of_the_objection(line: &str, before: &str) -> bool {
    let handed = before.strip_suffix('(').and_then(|rest| rest.rsplit_once("=>{try{return "));
    let Some((head, called)) = handed else { return false };
    let Some((head, argument)) = head.rsplit_once('=') else { return false };
    let name = head.rsplit(|c: char| !is_identifier(c)).next().unwrap_or_default();
    let call = format!("{name}(");
    let calls = line.match_indices(&call).filter(|(at, _)| {
        let before = line.get(..*at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| is_identifier(c) || c == '.')
    });
    let mut bodies = calls.map(|(at, call)| line.get(at + call.len()..).unwrap_or_default());
    !name.is_empty() && called == argument && bodies.all(touches_the_objection_alone)
}

fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// Whether the argument `x=>…` at the start of `text` uses `x` as `x.NAME` only.
fn touches_the_objection_alone(text: &str) -> bool {
    let Some((variable, body)) = text.split_once("=>") else { return false };
    let mut depth = 1_i32;
    let end = body.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    let Some(body) = end.and_then(|end| body.get(..end)) else { return false };
    let uses = body.match_indices(variable).filter(|(at, _)| {
        let around = |c: Option<char>| c.is_some_and(is_identifier);
        let before = body.get(..*at).and_then(|before| before.chars().next_back());
        !around(before)
            && before != Some('.')
            && !around(body.get(at + variable.len()..).and_then(|rest| rest.chars().next()))
    });
    let mut rests = uses.map(|(at, _)| body.get(at + variable.len()..).unwrap_or_default());
    variable.chars().all(is_identifier) && rests.all(|rest| rest.starts_with(&format!(".{OBJECTION}")))
}
