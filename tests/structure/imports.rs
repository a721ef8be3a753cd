//! Uses between files: by `use`, and by paths that begin with `crate`, `super`, `self` or a child module. A `mod`
//! declaration is not a use; a `pub use` is one where the file itself uses the name.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use crate::source::{ModulePath, Tree, is_for_tests};

/// Edges between files: each with the files that it uses.
pub(crate) type Graph = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

/// One circle of each group of files that use each other, as `a -> b -> a`, sorted.
pub(crate) fn circles(tree: &Tree) -> Vec<String> {
    let graph = graph(tree);
    let mut found = BTreeSet::new();
    let mut covered = BTreeSet::new();
    for start in graph.keys() {
        if covered.contains(start) {
            continue;
        }
        if let Some(way) = way_back(&graph, start) {
            covered.extend(way.iter().cloned());
            let names: Vec<String> = way.iter().map(|module| module.join("::")).collect();
            found.insert(names.join(" -> "));
        }
    }
    found.into_iter().collect()
}

/// Every module with the modules that it uses.
pub(crate) fn graph(tree: &Tree) -> Graph {
    tree.modules.iter().map(|(module, file)| (module.clone(), uses(tree, module, file))).collect()
}

/// The shortest path from `start` to itself.
fn way_back(graph: &Graph, start: &ModulePath) -> Option<Vec<ModulePath>> {
    let mut from: BTreeMap<&ModulePath, &ModulePath> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for next in graph.get(module).into_iter().flatten() {
            if next == start {
                let mut way = vec![start.clone()];
                let mut step = module;
                while step != start {
                    way.push(step.clone());
                    step = from[step];
                }
                way.push(start.clone());
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(next) {
                from.insert(next, module);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The modules that `file` uses.
fn uses(tree: &Tree, module: &ModulePath, file: &syn::File) -> BTreeSet<ModulePath> {
    let mut collector = PathCollector::default();
    collector.visit_file(file);
    let PathCollector { imported, exported, mentioned } = collector;
    let first_names: BTreeSet<&String> = mentioned.iter().filter_map(|path| path.first()).collect();
    let used_exports = exported.iter().filter(|path| path.last().is_some_and(|name| first_names.contains(name)));
    let paths = imported.iter().chain(used_exports).chain(mentioned.iter().filter(|path| path.len() > 1));
    paths.filter_map(|path| resolve(tree, module, path)).filter(|used| used != module).collect()
}

/// The file that a path leads to.
fn resolve(tree: &Tree, module: &ModulePath, path: &[String]) -> Option<ModulePath> {
    let mut base = module.clone();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        first => {
            base.push(first.to_owned());
            if !tree.modules.contains_key(&base) {
                return None;
            }
            base.pop();
        }
    }
    let mut found = base;
    for part in rest {
        found.push(part.clone());
        if !tree.modules.contains_key(&found) {
            found.pop();
            break;
        }
    }
    // The crate's root declares modules and holds nothing.
    (!found.is_empty()).then_some(found)
}

/// Paths of a file, as lists of names.
#[derive(Default)]
struct PathCollector {
    imported: Vec<Vec<String>>,
    exported: Vec<Vec<String>>,
    mentioned: Vec<Vec<String>>,
}

impl<'a> Visit<'a> for PathCollector {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if is_for_tests(&item.attrs) {
            return;
        }
        let mut paths = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut paths);
        match item.vis {
            syn::Visibility::Inherited => self.imported.extend(paths),
            _ => self.exported.extend(paths),
        }
    }

    fn visit_visibility(&mut self, _: &'a syn::Visibility) {
        // `pub(in crate::visits)` names a module and does not use it.
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.mentioned.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// The paths of a `use`, without their new names.
fn flatten(tree: &syn::UseTree, before: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, paths);
            before.pop();
        }
        syn::UseTree::Name(name) => paths.push([before.clone(), vec![name.ident.to_string()]].concat()),
        syn::UseTree::Rename(name) => paths.push([before.clone(), vec![name.ident.to_string()]].concat()),
        syn::UseTree::Glob(_) => paths.push(before.clone()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|item| flatten(item, before, paths)),
    }
}
