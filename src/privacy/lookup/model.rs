//! Model family of a device, for hits that carry consent. Families come from the closed list `agents/models.tsv`; any
//! other model becomes `(other)`. Must never return a text of the visitor.
//!
//! A model is read from the client hint (`Sec-CH-UA-Model`, or the same from the tracker), else from the agent:
//! Android names it behind its version, Apple's telephones and tablets name themselves. Chrome's reduced agent
//! (`Android 10; K`) and Firefox's name none, and computers have none.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::event::OTHER;

/// One family per line, then the prefixes of its model names, separated by tabs.
const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/agents/models.tsv"));

/// Bytes of a model name that are compared; no listed prefix is longer.
const NAME_BYTES_MAX: usize = 32;

/// Family by prefix, in lower case.
static FAMILIES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut families = HashMap::new();
    for line in LIST.lines() {
        let mut columns = line.split('\t');
        let family = columns.next().unwrap_or_default();
        families.extend(columns.map(|prefix| (prefix.to_ascii_lowercase(), family)));
    }
    families
});

/// Makers that some agents put before the model.
const MAKERS: [&str; 3] = ["samsung ", "huawei ", "xiaomi "];

/// The family of a client hint, else of the agent; `None` without a model.
pub(in crate::privacy) fn model_family(hint: Option<&str>, agent: &str) -> Option<&'static str> {
    let hinted = hint.map(|hint| hint.trim().trim_matches('"').trim()).filter(|model| !model.is_empty());
    hinted.or_else(|| model_in(agent)).map(|model| listed_family(model).unwrap_or(OTHER))
}

/// The model that an agent names in its first parentheses.
fn model_in(agent: &str) -> Option<&str> {
    let (_, rest) = agent.split_once('(')?;
    let system = rest.split_once(')').map_or(rest, |(system, _)| system);
    let mut parts = system.split(';').map(str::trim);
    if !system.contains("Android") {
        return parts.next().filter(|part| ["iPhone", "iPad", "iPod", "iPod touch"].contains(part));
    }
    let model = parts.skip_while(|part| !part.starts_with("Android")).skip(1).find(|part| !is_no_model(part))?;
    let model = model.split_once("Build/").map_or(model, |(model, _)| model).trim();
    (!model.is_empty()).then_some(model)
}

/// Whether a part of an Android agent is another word than a model: a language, a form factor, the reduced agent's `K`.
fn is_no_model(part: &str) -> bool {
    let is_language = || {
        let (language, region) = part.split_once(['-', '_']).unwrap_or((part, ""));
        language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_lowercase()) && region.len() <= 2
    };
    matches!(part, "" | "K" | "U" | "wv" | "Mobile" | "Tablet" | "Linux") || part.starts_with("rv:") || is_language()
}

/// The family with the longest prefix of this model.
fn listed_family(model: &str) -> Option<&'static str> {
    let name = model.get(..model.floor_char_boundary(NAME_BYTES_MAX))?.to_ascii_lowercase();
    let name = MAKERS.iter().find_map(|maker| name.strip_prefix(maker)).unwrap_or(&name);
    (1..=name.len()).rev().find_map(|end| {
        let (prefix, rest) = name.split_at_checked(end)?;
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        // `Pixel 8` is not the beginning of `Pixel 80`.
        let cuts_number =
            prefix.contains(' ') && is_digit(prefix.as_bytes().last()) && is_digit(rest.as_bytes().first());
        FAMILIES.get(prefix).copied().filter(|_| !cuts_number)
    })
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
