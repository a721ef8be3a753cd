//! Path patterns of the configuration: `*` stands for any run of characters. Patterns are compared with cleaned pages,
//! and cleaned in the same way.

use crate::privacy::url::path::cleaned_segments;

/// A pattern in cleaned form.
#[derive(Debug, PartialEq, Eq)]
pub struct PathPattern(String);

impl PathPattern {
    /// Cleans a pattern: `/admin/`, `/admin//` and `/caf%C3%A9` are the pages `/admin` and `/café`; `/admin/*` is
    /// `/admin` and all below it.
    pub(super) fn new(written: &str) -> Self {
        // A star is not part of a token, so that a pattern is never redacted.
        let cleaned: Vec<String> = written.split('/').map(segment_form).collect();
        let path: Vec<&str> = cleaned.iter().map(String::as_str).filter(|segment| !segment.is_empty()).collect();
        let slash = if written.starts_with('*') { "" } else { "/" };
        Self(format!("{slash}{}", path.join("/")))
    }

    /// Whether the pattern covers a cleaned page.
    pub fn covers(&self, page: &str) -> bool {
        let folder = self.0.strip_suffix("/*").filter(|folder| !folder.is_empty());
        matches(&self.0, page) || folder.is_some_and(|folder| matches(folder, page))
    }

    /// The covered paths as text, for `sillage check`.
    pub fn shown(&self) -> String {
        match self.0.strip_suffix("/*") {
            Some(folder) if !folder.is_empty() => format!("{folder} and all pages below it"),
            _ if self.0.contains('*') => format!("pages that match {}", self.0),
            _ => format!("the page {}", self.0),
        }
    }
}

fn segment_form(segment: &str) -> String {
    let parts = segment.split('*').map(|part| {
        let cleaned = cleaned_segments(part);
        cleaned.strip_prefix('/').unwrap_or(&cleaned).to_owned()
    });
    parts.collect::<Vec<_>>().join("*")
}

/// Whether `text` matches `pattern`, where `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let covers = |pattern: &str, page: &str| PathPattern::new(pattern).covers(page);
        assert!(covers("/admin/*", "/admin/x") && covers("*", "/") && covers("/a*c*e", "/abcde") && covers("/a", "/a"));
        assert!(!covers("/admin/*", "/adm") && !covers("/a", "/ab") && !covers("/a*e", "/ab"));
        assert!(covers("*/print", "/a/print") && covers("/", "/") && covers("/*", "/") && covers("/*", "/a"));
    }

    #[test]
    fn patterns_are_cleaned_as_pages_are() {
        for (pattern, page) in [
            ("/admin/*", "/admin"),
            ("/private/", "/private"),
            ("//private//x/", "/private/x"),
            ("/caf%C3%A9", "/café"),
            ("/cafe\u{301}", "/café"),
            ("/users/12345678", "/users/:id"),
            ("/users/12345678/*", "/users/:id/orders"),
            ("private", "/private"),
        ] {
            assert!(PathPattern::new(pattern).covers(page), "{pattern} covers {page}");
        }
        assert!(!PathPattern::new("/admin/*").covers("/administration"));
    }
}
