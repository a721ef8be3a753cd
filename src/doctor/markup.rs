//! The tags of a page that a browser would act on: scripts, policies and the base address. Comments, templates and the
//! content of other scripts are skipped; elements that a script inserts are not seen.

/// Elements whose content holds no tags, or tags that a browser with scripts ignores.
const OPAQUE: [&str; 8] = ["script", "style", "template", "noscript", "textarea", "title", "iframe", "svg"];

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageTag {
    /// Name of the element, in lower case.
    name: String,
    /// Names in lower case, and values.
    attributes: Vec<(String, String)>,
}

impl PageTag {
    /// Value of an attribute; empty where it has none.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is of the element `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

/// The start tags of `html`, in order.
pub(super) fn tags(html: &str) -> Vec<PageTag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if !after.starts_with(|first: char| first.is_ascii_alphabetic()) {
            continue;
        }
        let (tag, after) = tag(after);
        rest = if OPAQUE.contains(&tag.name.as_str()) { behind(after, &tag.name) } else { after };
        found.push(tag);
    }
    found
}

/// The text behind the end tag of `name`.
fn behind<'h>(html: &'h str, name: &str) -> &'h str {
    let ends = |at: &usize| {
        let after = html.get(at.saturating_add(2)..).unwrap_or_default();
        after.get(..name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    let at = html.match_indices("</").map(|(at, _)| at).find(ends);
    at.and_then(|at| html.get(at..)).unwrap_or_default()
}

/// Reads a start tag from its name on; gives the text behind it.
fn tag(html: &str) -> (PageTag, &str) {
    let ends = |letter: char| letter.is_ascii_whitespace() || letter == '>' || letter == '/';
    let (name, mut rest) = html.split_at(html.find(ends).unwrap_or(html.len()));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix('>') {
            rest = after;
            break;
        }
        let at = rest.find(|letter: char| ends(letter) || letter == '=').unwrap_or(rest.len());
        // A stray `=` begins a name.
        let at = if at == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { at };
        let (attribute, after) = rest.split_at(at);
        let (value, after) = match after.trim_ascii_start().strip_prefix('=') {
            Some(after) => value(after.trim_ascii_start()),
            None => ("", after),
        };
        attributes.push((attribute.to_ascii_lowercase(), value.replace("&quot;", "\"").replace("&amp;", "&")));
        rest = after;
    }
    (PageTag { name: name.to_ascii_lowercase(), attributes }, rest)
}

/// An attribute's value, quoted or not, and the text behind it.
fn value(html: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = html.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    html.split_at(html.find(|letter: char| letter.is_ascii_whitespace() || letter == '>').unwrap_or(html.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(html: &str) -> Vec<String> {
        let scripts = tags(html).into_iter().filter(|tag| tag.is("script"));
        scripts.map(|tag| tag.attribute("src").unwrap_or("(inline)").to_owned()).collect()
    }

    #[test]
    fn scripts_that_run_are_read_in_any_spelling() {
        for html in [
            r#"<script defer src="/js/s.js" data-site="a"></script>"#,
            "<SCRIPT DEFER SRC='/js/s.js'></SCRIPT>",
            "<script\n\tsrc = /js/s.js defer>",
            "<p>a < b</p><script async=\"\" src=/js/s.js></script>",
            "<script/src=\"/js/s.js\"/>",
        ] {
            assert_eq!(sources(html), ["/js/s.js"], "{html}");
        }
    }

    #[test]
    fn scripts_that_do_not_run_are_not_seen() {
        for html in [
            r#"<!-- <script src="/js/s.js"></script> -->"#,
            r#"<noscript><script src="/js/s.js"></script></noscript>"#,
            r#"<template><script src="/js/s.js"></script></template>"#,
            r#"<textarea><script src="/js/s.js"></script></textarea>"#,
            r#"<!-- <script src="/js/s.js">"#,
            "",
            "<",
        ] {
            assert!(sources(html).is_empty(), "{html}");
        }
        assert_eq!(sources(r#"<script>'<script src="/js/s.js">'</script>"#), ["(inline)"]);
    }
}
