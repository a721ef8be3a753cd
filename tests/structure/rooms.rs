//! Dependencies between folders: those behind the anonymiser see nothing that carries identity, and the pages for
//! visitors do not depend on the audit.

use crate::imports::graph;
use crate::source::Tree;

/// Folders that handle events or counters; they may use nothing of `privacy`.
const BEHIND_PRIVACY: [&str; 4] = ["spool", "rollup", "store", "ship"];

/// Forbidden uses between folders, as sentences.
pub(crate) fn crossings(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (module, used) in graph(tree) {
        for other in used {
            let behind = BEHIND_PRIVACY.iter().any(|room| module.first().is_some_and(|first| first == room));
            let public_page = module.starts_with(&["collect".into()]) || is_notice(&module);
            let forbidden = (behind && other.first().is_some_and(|room| room == "privacy"))
                || (public_page && other.starts_with(&["compliance".into(), "audit".into()]))
                || (module.starts_with(&["collect".into()]) && other.first().is_some_and(|room| room == "ship"))
                || (module.starts_with(&["ship".into()]) && other.first().is_some_and(|room| room == "collect"));
            if forbidden {
                found.push(format!("{} uses {}", module.join("::"), other.join("::")));
            }
        }
    }
    found
}

/// Whether the public pages are made from this module of `compliance`.
fn is_notice(module: &[String]) -> bool {
    module.first().is_some_and(|room| room == "compliance") && module.get(1).is_some_and(|room| room != "audit")
}
