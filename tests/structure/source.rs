//! Source files of the program, parsed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path within the crate, such as `["spool", "wake"]`; the crate's root is empty.
pub(crate) type ModulePath = Vec<String>;

/// Parsed files by their modules. Test files are left out.
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<ModulePath, syn::File>,
}

impl Tree {
    /// All of `src/` but `main.rs` and test files.
    pub(crate) fn src() -> Self {
        let mut modules = BTreeMap::new();
        for file in files("src", &["rs"]) {
            let path = file.with_extension("");
            let mut module: ModulePath = path.components().skip(1).map(|part| name(part.as_os_str())).collect();
            let last = module.last().cloned().unwrap_or_default();
            if last == "main" || module.iter().any(|part| part == "tests" || part.ends_with("_tests")) {
                continue;
            }
            if last == "mod" || last == "lib" {
                module.pop();
            }
            let text = text(&file);
            modules.insert(module, parse(&text, &file.display().to_string()));
        }
        let for_tests: Vec<ModulePath> = modules.iter().flat_map(|(module, file)| test_modules(module, file)).collect();
        modules.retain(|module, _| !for_tests.contains(module));
        Self { modules }
    }

    /// Made-up files of the crate's root, for tests of the checks themselves.
    pub(crate) fn of_texts(texts: &[(&str, &str)]) -> Self {
        let parsed = texts.iter().map(|(module, text)| (vec![(*module).to_owned()], parse(text, module)));
        Self { modules: parsed.collect() }
    }
}

/// Child files that `file` declares for tests only.
fn test_modules(module: &[String], file: &syn::File) -> Vec<ModulePath> {
    let declared = file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if item.content.is_none() && is_for_tests(&item.attrs) => Some(item.ident.to_string()),
        _ => None,
    });
    declared.map(|name| [module, &[name]].concat()).collect()
}

/// Whether an item is compiled for tests only.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The text of a file of the repository.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folder` with one of these endings, relative to the repository, sorted. Fetched and built files are left
/// out.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    const NOT_OURS: [&str; 4] = ["node_modules", "target", ".git", "corpus"];
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&name(&entry.file_name()).as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|ending| endings.contains(&name(ending).as_str())) {
                found.push(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path));
            }
        }
    }
    found.sort();
    found
}

fn name(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}

fn parse(text: &str, file: &str) -> syn::File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
