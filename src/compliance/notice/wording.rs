//! R22: no text claims an authority's seal, or even mentions one. All texts that people read are searched: documents,
//! pages, notices under every profile, comments in the code.

use std::path::{Path, PathBuf};

use crate::compliance::audit::claims_a_seal;
use crate::compliance::notice::tests::{facts, texts};
use crate::compliance::notice::{Lang, html, notice};

/// Promises that no tool can make, with or without an authority named beside them.
const CLAIMS: [&str; 7] = [
    "cnil-compliant",
    "cnil compliant",
    "gdpr-compliant",
    "gdpr compliant",
    "conforme cnil",
    "conforme à la cnil",
    "conforme au rgpd",
];

/// The first claim in a text.
fn claim(text: &str) -> Option<String> {
    // Readers do not see a key of the data.
    let text = text.to_lowercase().replace("\"label\"", "").replace(['\n', '\u{a0}', '\u{202f}'], " ");
    let claim = CLAIMS.iter().find(|claim| text.contains(*claim));
    claim.map(|claim| (*claim).to_owned()).or_else(|| claims_a_seal(&text).map(str::to_owned))
}

/// Text files under `path` that people read.
fn read_by_people(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let skipped =
            name.starts_with('.') || ["target", "node_modules", "agents", "fuzz", "dist"].contains(&name.as_str());
        let kinds = ["md", "html", "css", "js", "mjs", "rs", "toml", "sql", "json", "yml", "yaml", "xml"];
        if entry.file_type().unwrap().is_dir() && !skipped {
            read_by_people(&path, found);
        } else if !skipped && path.extension().is_some_and(|kind| kinds.iter().any(|known| kind == *known)) {
            found.push(path);
        }
    }
}

#[test]
fn no_file_of_the_project_claims_a_seal() {
    let mut files = Vec::new();
    read_by_people(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    for part in [
        "README.md",
        "ARCHITECTURE.md",
        "src/compliance/notice/rights.rs",
        "dashboards/console/index.html",
        "src/compliance/rules/table.rs",
    ] {
        assert!(files.iter().any(|file| file.ends_with(part)), "{part} is not searched");
    }
    for file in files.iter().filter(|file| !file.ends_with("wording.rs")) {
        let text = std::fs::read(file).unwrap();
        assert_eq!(claim(&String::from_utf8_lossy(&text)), None, "{}", file.display());
    }
}

#[test]
fn no_page_and_no_notice_claims_a_seal_under_any_profile() {
    let profiles = [
        "",
        "protection = \"exact\"",
        "marketing = \"with_consent\"",
        "marketing = \"always\"",
        "honour_gpc = false\nhonour_dnt = false",
    ];
    for profile in profiles {
        let facts = facts(&format!("[privacy]\n{profile}\n[[site]]\nname = \"shop.example\""));
        for lang in Lang::ALL {
            for (name, text) in texts(&facts, lang) {
                assert_eq!(claim(&text), None, "{name} in {lang:?} with {profile}");
            }
            assert_eq!(claim(&html::page(&notice(&facts), lang, &html::PageFrame::default())), None);
        }
    }
}

#[test]
fn a_claim_is_found_across_lines_and_spaces() {
    assert_eq!(claim("Sillage is GDPR\ncompliant").as_deref(), Some("gdpr compliant"));
    let seal = claim("Bien. Un outil Validé\u{a0}par\nla CNIL.");
    assert_eq!(seal.as_deref(), Some(" un outil validé par la cnil."));
}
