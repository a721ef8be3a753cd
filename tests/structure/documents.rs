//! Documents: every named file and test exists, links resolve, and lines stay readable.

use crate::source::{files, root, text};

/// Widest line of a comment or a document, in characters: the same as `rustfmt` for code.
pub(crate) const WIDTH_MAX: usize = 120;

/// Extensions by which a name in a document is recognised as a file's.
const FILE_ENDINGS: [&str; 14] =
    ["rs", "sql", "toml", "md", "mjs", "js", "css", "html", "json", "yml", "yaml", "csv", "svg", "go"];

/// Folders of the repository whose files documents name.
const FOLDERS: [&str; 14] = [
    "src",
    "tests",
    "docs",
    "benches",
    "schema",
    "tracker",
    "demo",
    "dashboards",
    "fuzz",
    "agents",
    "sources",
    "deploy",
    "packages",
    ".ci",
];

/// Hand-written documents, with their texts.
fn documents() -> Vec<(String, String)> {
    files(".", &["md"]).into_iter().map(|path| (path.display().to_string(), text(&path))).collect()
}

/// Files and tests that a document names in backticks and that do not exist.
pub(crate) fn missing_names() -> Vec<String> {
    let code = code_texts();
    let sources = source_names();
    let mut missing = Vec::new();
    for (document, text) in documents() {
        // A changelog and a decision describe the past.
        if document == "CHANGELOG.md" || document.starts_with("docs/decisions/") {
            continue;
        }
        for name in in_backticks(&text) {
            let file_missing = (is_file_name(name) && !root().join(name.trim_end_matches('/')).exists())
                || (is_source_name(name) && !sources.iter().any(|path| path.ends_with(&format!("/{name}"))));
            let test_missing = is_test_name(name) && !code.iter().any(|text| text.contains(name));
            if file_missing || test_missing {
                missing.push(format!("{document}: `{name}`"));
            }
        }
    }
    missing
}

/// A path from the repository's root, without wildcards.
fn is_file_name(name: &str) -> bool {
    let Some((folder, rest)) = name.split_once('/') else { return false };
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let ending = rest.rsplit('.').next().unwrap_or_default();
    plain && FOLDERS.contains(&folder) && (rest.ends_with('/') || FILE_ENDINGS.contains(&ending))
}

/// A Rust file by the end of its path, such as `spool/wake.rs`.
fn is_source_name(name: &str) -> bool {
    name.ends_with(".rs") && name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
}

/// Rust files of the repository, each with a slash before its path.
fn source_names() -> Vec<String> {
    let folders = ["src", "tests", "benches", "fuzz"];
    let paths = folders.iter().flat_map(|folder| files(folder, &["rs"]));
    paths.map(|path| format!("/{}", path.display())).collect()
}

/// Test names are claims of several words; most other identifiers are shorter, and exist anyway.
fn is_test_name(name: &str) -> bool {
    let words = name.split('_').count();
    words >= 6 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Texts of all files that declare tests, settings and columns.
fn code_texts() -> Vec<String> {
    let folders = ["src", "tests", "benches", "schema"];
    folders.iter().flat_map(|folder| files(folder, &["rs", "sql", "mjs"])).map(text).collect()
}

/// Texts between single backticks, outside of code blocks.
fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|(_, line)| line.split('`').skip(1).step_by(2))
}

/// Lines outside of code blocks with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// Relative links without a file, or without their heading in it.
pub(crate) fn broken_links() -> Vec<String> {
    let mut broken = Vec::new();
    for (document, text) in documents() {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for (number, line) in prose(&text) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                let (path, heading) = link.split_once('#').unwrap_or((link, ""));
                let file = if path.is_empty() { root().join(&document) } else { folder.join(path) };
                let has_heading = || {
                    let text = std::fs::read_to_string(&file).unwrap_or_default();
                    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading)
                };
                if !file.exists() || (!heading.is_empty() && !has_heading()) {
                    broken.push(format!("{document}:{number}: {link}"));
                }
            }
        }
    }
    broken
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Lines that are too wide: comments of Rust files; prose of documents, except tables, links and code.
pub(crate) fn wide_lines() -> Vec<String> {
    let mut wide = Vec::new();
    let is_wide = |line: &str| line.chars().count() > WIDTH_MAX;
    for folder in ["src", "tests", "benches", "fuzz"] {
        for file in files(folder, &["rs"]) {
            let text = text(&file);
            let comments = (1..).zip(text.lines()).filter(|(_, line)| line.trim_start().starts_with("//"));
            let too_wide = comments.filter(|(_, line)| is_wide(line) && !line.contains("://") && !line.contains('|'));
            wide.extend(too_wide.map(|(number, _)| format!("{}:{number}", file.display())));
        }
    }
    for (document, text) in documents() {
        // Written by the program, one paragraph per line.
        if document == "docs/rules.md" {
            continue;
        }
        let too_wide = prose(&text).filter(|(_, line)| is_wide(line) && !line.starts_with('|') && !line.contains("]("));
        wide.extend(too_wide.map(|(number, _)| format!("{document}:{number}")));
    }
    wide
}
