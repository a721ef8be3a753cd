//! The W3C extended format, whose `#Fields` line names the columns: IIS, CloudFront, NetScaler.
//!
//! ```text
//! #Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Referer) sc-status
//! 2026-11-10 13:55:36 GET /a - 192.0.2.1 Mozilla/5.0+(X11;+Linux) https://news.example/ 200
//! ```
//! IIS writes `+` for a space in an agent, CloudFront `%20`, and `%2520` where it has escaped twice. Times are UTC.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::import::formats::named::{self, NamedFields};
use crate::import::log_line::{LineFault, LineReading};

/// Names of the columns, in order.
pub(super) struct FieldNames(Vec<String>);

/// A header line: the column names, or another comment. `None` for any other line.
pub(super) fn header(line: &str) -> Option<Option<FieldNames>> {
    let comment = line.strip_prefix('#')?;
    let Some(names) = comment.strip_prefix("Fields:") else { return Some(None) };
    Some(Some(FieldNames(names.split_whitespace().map(str::to_owned).collect())))
}

impl FieldNames {
    /// Reads a line with these columns.
    pub(super) fn read<'l>(&self, line: &str) -> LineReading<'l> {
        let values: Vec<&str> =
            if line.contains('\t') { line.split('\t').collect() } else { line.split_whitespace().collect() };
        if values.len() != self.0.len() {
            return LineReading::NotUnderstood(LineFault::Shape);
        }
        named::read(&Columns { names: &self.0, values, tabs: line.contains('\t') }, None)
    }
}

struct Columns<'l> {
    names: &'l [String],
    values: Vec<&'l str>,
    tabs: bool,
}

impl NamedFields for Columns<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let at = self.names.iter().position(|known| known == name)?;
        let value = *self.values.get(at)?;
        if !name.starts_with("cs(") {
            return Some(Cow::Borrowed(value));
        }
        // Paths and queries stay as sent; only headers were escaped by the server.
        if !self.tabs {
            return Some(Cow::Owned(value.replace('+', " ")));
        }
        let once = percent_decode_str(value).decode_utf8_lossy();
        Some(Cow::Owned(if once.contains("%20") {
            percent_decode_str(&once).decode_utf8_lossy().into_owned()
        } else {
            once.into_owned()
        }))
    }

    fn header(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn never_has(&self, name: &str) -> bool {
        self.names.iter().all(|known| known != name)
    }
}
