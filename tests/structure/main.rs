//! Structure rules of the project, checked on its text: imports, names, rooms, documents. Only reads files.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and most of a syntax tree does not matter to it"
)]

mod claims;
mod documents;
mod imports;
mod names;
mod rooms;
mod source;

use std::collections::BTreeSet;

use crate::source::Tree;

/// Names that several scopes may declare: local names of functions that are built alike.
const NAMES_SHARED: [&str; 1] = ["Key"];

/// Most lines of `main.rs`.
const MAIN_LINES_MAX: usize = 80;

/// Most lines of any other file (STYLE.md).
const FILE_LINES_MAX: usize = 450;

#[test]
fn no_two_files_of_src_import_each_other_over_any_way() {
    let circles = imports::circles(&Tree::src());
    assert!(circles.is_empty(), "import circles:\n{}", circles.join("\n"));
}

#[test]
fn an_import_circle_over_three_files_is_found() {
    let tree = Tree::of_texts(&[
        ("a", "use crate::b::Bee; pub struct Ant;"),
        ("b", "pub struct Bee; pub fn f() { crate::c::f() }"),
        ("c", "use super::a::Ant; pub fn f() {}"),
        ("d", "use crate::a::Ant; #[cfg(test)] mod tests { use crate::d::f; }"),
    ]);
    assert_eq!(imports::circles(&tree), ["a -> b -> c -> a"]);
}

#[test]
fn no_type_name_is_declared_twice_in_src() {
    let declared = names::declared(&Tree::src());
    let repeated: Vec<_> = declared
        .iter()
        .filter(|(name, places)| places.len() > 1 && !NAMES_SHARED.contains(&name.as_str()))
        .map(|(name, places)| format!("{name}: {}", places.join(", ")))
        .collect();
    assert!(repeated.is_empty(), "type names declared twice:\n{}", repeated.join("\n"));
}

#[test]
fn no_type_shadows_a_name_of_the_prelude() {
    const PRELUDE: [&str; 12] =
        ["From", "Into", "Option", "Some", "None", "Result", "Ok", "Err", "Vec", "String", "Box", "Iterator"];
    let declared: BTreeSet<String> = names::declared(&Tree::src()).into_keys().collect();
    let shadowing: Vec<_> = PRELUDE.iter().filter(|name| declared.contains(**name)).collect();
    assert!(shadowing.is_empty(), "{shadowing:?}");
}

#[test]
fn lower_rooms_take_nothing_of_privacy_that_carries_identity() {
    let crossings = rooms::crossings(&Tree::src());
    assert!(crossings.is_empty(), "{}", crossings.join("\n"));
}

#[test]
fn the_program_s_door_is_short() {
    let lines = source::text("src/main.rs").lines().count();
    assert!(lines < MAIN_LINES_MAX, "src/main.rs has {lines} lines");
}

#[test]
fn no_file_is_longer_than_450_lines() {
    let code = ["src", "tests", "benches", "fuzz", "tracker", "dashboards", "demo"];
    let files = code.iter().flat_map(|folder| source::files(folder, &["rs", "mjs", "js", "go", "py", "css"]));
    let made = |file: &std::path::Path| file.components().any(|part| part.as_os_str() == "dist");
    let long: Vec<_> = files
        .filter(|file| !made(file))
        .map(|file| (source::text(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, file)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "files longer than {FILE_LINES_MAX} lines:\n{}", long.join("\n"));
}

#[test]
fn files_and_tests_that_documents_name_exist() {
    let missing = documents::missing_names();
    assert!(missing.is_empty(), "documents name what is not there:\n{}", missing.join("\n"));
}

#[test]
fn no_text_claims_more_than_a_test_shows() {
    let found = claims::too_much();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_claim_is_found_over_the_end_of_a_line_and_in_both_languages() {
    assert_eq!(claims::claims("//! It works without\n//! a banner. Il fonctionne **sans bandeau**.").len(), 2);
    assert_eq!(claims::claims("Measured without consent in the default profile.").len(), 0);
}

#[test]
fn relative_links_of_documents_lead_to_a_file_and_a_heading() {
    let broken = documents::broken_links();
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn comments_and_documents_keep_to_their_width() {
    let wide = documents::wide_lines();
    assert!(wide.is_empty(), "lines wider than {} characters:\n{}", documents::WIDTH_MAX, wide.join("\n"));
}
