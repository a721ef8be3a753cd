//! Names of types, and their declarations. Associated types are named by their traits and left out.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use crate::source::{Tree, is_for_tests};

/// Every type name of the program's own code with the modules that declare it.
pub(crate) fn declared(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, file) in &tree.modules {
        let mut collector = NameCollector::default();
        collector.visit_file(file);
        for name in collector.0 {
            names.entry(name).or_default().push(module.join("::"));
        }
    }
    names
}

#[derive(Default)]
struct NameCollector(Vec<String>);

impl<'a> Visit<'a> for NameCollector {
    fn visit_item(&mut self, item: &'a syn::Item) {
        let (attributes, name) = match item {
            syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Union(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
            syn::Item::Mod(item) => (&item.attrs, None),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        self.0.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }
}
