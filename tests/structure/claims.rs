//! Words that claim more than a test shows, in English and French: no text that people read may hold them.

use crate::source::{files, text};

/// The claim, and its words in lower case. A sentence is read across the ends of its lines.
const TOO_MUCH: [(&str, &[&str]); 6] = [
    (
        "dimensions that no reader can cross: published sums can be subtracted from each other",
        &[
            "no two properties can be crossed",
            "never crossed",
            "jamais croisé",
            "ne peuvent être croisé",
            "ne sont pas croisé",
        ],
    ),
    (
        "a number of persons below which nothing leaves: the gate is drawn",
        &[
            "fewer than five made",
            "fewer than five visitors",
            "fewer than five people",
            "fewer than five persons",
            "moins de cinq visiteurs",
            "moins de cinq personnes",
        ],
    ),
    (
        "that figures identify nobody: who knows all others sees a daily visitor",
        &[
            "identify nobody",
            "identifies nobody",
            "identify no one",
            "n'identifie personne",
            "n’identifie personne",
            "n'identifient personne",
            "n’identifient personne",
        ],
    ),
    (
        "that nobody can be found again",
        &[
            "nothing allows to find a person again",
            "allows finding a person again",
            "find a person again",
            "retrouver une personne",
            "retrouver quelqu",
        ],
    ),
    (
        "that no banner is needed anywhere: it depends on the country",
        &[
            "works without a banner",
            "without a cookie banner",
            "no banner is needed",
            "no banner needed",
            "no cookie banner",
            "sans bandeau",
            "aucun bandeau",
            "pas besoin de bandeau",
        ],
    ),
    (
        "that no combination isolates: the analysis says what is left",
        &["no combination can isolate", "aucune combinaison ne permet"],
    ),
];

/// Folders and files with texts for people, by their endings.
const READ: [(&str, &[&str]); 8] = [
    (".", &["md"]),
    ("src", &["rs", "html", "js", "css"]),
    ("dashboards", &["mjs", "json"]),
    ("demo", &["html", "js", "mjs"]),
    ("tracker", &["js", "mjs", "ts", "md"]),
    ("packages", &["md", "json", "php", "js", "mjs", "txt"]),
    ("deploy", &["md", "toml", "txt", "yml"]),
    ("schema", &["sql"]),
];

/// Texts that claim too much, as sentences.
pub(crate) fn too_much() -> Vec<String> {
    let mut found = Vec::new();
    for (folder, endings) in READ {
        for file in files(folder, endings) {
            let name = file.display().to_string();
            // A changelog and a decision describe the past.
            if name == "CHANGELOG.md" || name.starts_with("docs/decisions/") || name.contains("node_modules") {
                continue;
            }
            found.extend(claims(&text(&file)).into_iter().map(|claim| format!("{name}: {claim}")));
        }
    }
    found
}

/// Claims of a text that no test shows.
pub(crate) fn claims(text: &str) -> Vec<String> {
    // Comments and strings go on over lines.
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!', '#', '*']).trim_end_matches('\\'));
    let text = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ").to_lowercase();
    let held = |words: &&&str| text.contains(**words);
    let claim = |(what, words): &(&str, &[&str])| {
        words.iter().filter(held).map(|words| format!("“{words}” claims {what}")).collect::<Vec<_>>()
    };
    TOO_MUCH.iter().flat_map(claim).collect()
}
