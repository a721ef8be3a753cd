//! The W3C extended format, whose `#Fields` line names the columns: IIS, CloudFront, NetScaler.
//!
//! ```text
//! #Fields: date time cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) cs(Referer) sc-status
//! 2026-11-10 13:55:36 GET /a - 192.0.2.1 Mozilla/5.0+(X11;+Linux) https://news.example/ 200
//! ```
//! Values in quotes may hold spaces. A first line of quoted names makes a file of comma-separated values, as Google's
//! Cloud Storage writes it. IIS writes `+` for a space in an agent, CloudFront `%20`, and `%2520` where it has escaped
//! twice. Times are UTC.

use std::borrow::Cow;

use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use crate::import::formats::named::{self, NamedFields};
use crate::import::log_line::{LineFault, LineReading};

/// Names of the columns, in order.
pub(super) struct FieldNames {
    names: Vec<String>,
    separator: Separator,
}

/// Separator between two values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// A tab where the line has one, else spaces.
    Blank,
    Comma,
}

/// A header line: the column names, or another comment. `None` for any other line.
pub(super) fn header(line: &str) -> Option<Option<FieldNames>> {
    let Some(comment) = line.strip_prefix('#') else { return comma_separated(line).map(Some) };
    let Some(names) = comment.strip_prefix("Fields:") else { return Some(None) };
    let names = names.split_whitespace().map(str::to_owned).collect();
    Some(Some(FieldNames { names, separator: Separator::Blank }))
}

/// The names of a first line `"time_micros","c_ip",…`.
fn comma_separated(line: &str) -> Option<FieldNames> {
    // Asked of every line: nearly all end here.
    let might_be = line.starts_with('"') && line.contains("\",\"") && !line.bytes().any(|byte| byte.is_ascii_digit());
    if !might_be {
        return None;
    }
    let names = values(line, b',').filter(|names| names.len() > 3)?;
    let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-().".contains(&byte));
    let has = |name: &str| names.iter().any(|known| known == name);
    let is_header = names.iter().all(is_name) && named::STATUS.iter().any(|name| has(name));
    is_header.then_some(FieldNames { names, separator: Separator::Comma })
}

/// The values of a line in which quotes may surround a value.
fn values(line: &str, separator: u8) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(separator).from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

impl FieldNames {
    /// Reads a line with these columns.
    pub(super) fn read<'l>(&self, line: &str, trusted: &[IpNet]) -> LineReading<'l> {
        let tabs = line.contains('\t');
        let unquoted = match (self.separator, tabs) {
            (Separator::Comma, _) => values(line, b','),
            (Separator::Blank, false) if line.starts_with('"') => values(line, b' '),
            (Separator::Blank, _) => None,
        };
        let (values, encoding): (Vec<&str>, _) = match &unquoted {
            Some(values) => (values.iter().map(String::as_str).collect(), HeaderEncoding::Plain),
            None if tabs => (line.split('\t').collect(), HeaderEncoding::Percent),
            None => (line.split_whitespace().collect(), HeaderEncoding::Plus),
        };
        if values.len() != self.names.len() {
            return LineReading::NotUnderstood(LineFault::Shape);
        }
        named::read(&Columns { names: &self.names, values, encoding }, None, trusted)
    }
}

struct Columns<'l> {
    names: &'l [String],
    values: Vec<&'l str>,
    encoding: HeaderEncoding,
}

/// How the server wrote the headers of a request: paths and queries stay as sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderEncoding {
    Plain,
    /// `+` for a space.
    Plus,
    /// Percent-encoded, once or twice.
    Percent,
}

impl NamedFields for Columns<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let at = self.names.iter().position(|known| known == name)?;
        let value = *self.values.get(at)?;
        if !name.starts_with("cs(") || self.encoding == HeaderEncoding::Plain {
            return Some(Cow::Borrowed(value));
        }
        if self.encoding == HeaderEncoding::Plus {
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
