//! R22: nothing here claims an authority's seal, and nothing so much as mentions one. Every text that people read is
//! searched: documents, pages, notices under every profile, comments in the code.

use std::path::{Path, PathBuf};

use super::tests::{facts, texts};
use super::{Lang, html, notice};

/// Stems that have no place beside an authority's name; nor elsewhere, with the exceptions below.
const CLAIMS: &[&str] = &[
    "certified",
    "certifié",
    "certifie ",
    "homologu",
    "labellis",
    "agréé",
    "approved by",
    "approuvé",
    "validated by",
    "validé par",
    "endorsed",
    "accredited",
    "accrédité",
    "cnil-compliant",
    "cnil compliant",
    "cnil-approved",
    "conforme cnil",
    "conforme à la cnil",
    "gdpr-compliant",
    "gdpr compliant",
    "conforme au rgpd",
    "guaranteed anonymous",
];

/// The claims in a text.
fn claims(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase().replace(['\n', '\u{a0}'], " ");
    CLAIMS.iter().copied().filter(|claim| text.contains(claim)).collect()
}

/// Files under `path` that people read as text.
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
        "src/notice/people.rs",
        "dashboards/console/index.html",
        "src/privacy/rules/table.rs",
    ] {
        assert!(files.iter().any(|file| file.ends_with(part)), "{part} is not searched");
    }
    for file in files.iter().filter(|file| !file.ends_with("src/notice/wording.rs")) {
        let text = std::fs::read(file).unwrap();
        assert_eq!(claims(&String::from_utf8_lossy(&text)), [""; 0], "{}", file.display());
    }
}

#[test]
fn no_page_and_no_notice_claims_a_seal_under_any_profile() {
    let profiles = [
        "",
        "rounding = 1",
        "marketing = \"with_consent\"",
        "marketing = \"always\"",
        "honour_gpc = false\nhonour_dnt = false",
    ];
    for profile in profiles {
        let facts = facts(&format!("[privacy]\n{profile}\n[[site]]\nname = \"shop.example\""));
        for lang in Lang::ALL {
            for (name, text) in texts(&facts, lang) {
                assert_eq!(claims(&text), [""; 0], "{name} in {lang:?} with {profile}");
            }
            let notice = notice(&facts, jiff::civil::date(2026, 11, 22));
            assert_eq!(claims(&html::page(&notice, lang, &html::Frame::default())), [""; 0]);
        }
    }
}

#[test]
fn a_claim_is_found_across_lines_and_spaces() {
    assert_eq!(claims("Sillage is GDPR\ncompliant"), ["gdpr compliant"]);
    assert_eq!(claims("Un outil Validé\u{a0}par la CNIL"), ["validé par"]);
}
