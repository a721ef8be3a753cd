//! A log in a custom format, described by the format string of nginx (`$remote_addr - [$time_local] "$request" …`) or
//! Apache (`%h %l %u %t "%r" %>s %b "%{Referer}i"`).

use std::borrow::Cow;
use std::collections::HashSet;

use ipnet::IpNet;

use crate::import::escapes::unescaped;
use crate::import::formats::named::{self, NamedFields};
use crate::import::log_line::{LineFault, LineReading};

/// A parsed format string.
#[derive(Debug)]
pub struct CustomFormat(Vec<FormatPart>);

#[derive(Debug, PartialEq)]
enum FormatPart {
    /// Text that every line contains.
    Literal(String),
    /// A field, by nginx's name for it.
    Field(String),
}

/// Why a format string cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It has neither nginx's variables nor Apache's.
    #[error("no variables in the format; write it in the syntax of nginx ($remote_addr …) or Apache (%h …)")]
    NoVariables,
    /// It lacks a field that a pageview needs.
    #[error("the format lacks {0}; a pageview needs a client address, a time, a request and a status")]
    Missing(&'static str),
    /// Two fields without anything between them.
    #[error("format: two adjacent fields without a separator; add one between them")]
    SideBySide,
}

impl CustomFormat {
    /// Parses a format string.
    ///
    /// # Errors
    /// The part that is missing or ambiguous.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let parts = if text.contains('$') { nginx(text) } else { apache(&text.replace("\\\"", "\"")) };
        let fields: HashSet<&str> = parts
            .iter()
            .filter_map(|part| match part {
                FormatPart::Field(name) => Some(name.as_str()),
                FormatPart::Literal(_) => None,
            })
            .collect();
        if fields.is_empty() {
            return Err(FormatError::NoVariables);
        }
        let needed: [(&str, &[&str]); 4] = [
            (
                "client address",
                &["remote_addr", "client_ip", "http_x_forwarded_for", "http_cf_connecting_ip", "http_x_real_ip"],
            ),
            ("time", &["time_local", "time_iso8601", "msec", "time"]),
            ("request", &["request", "request_uri", "uri"]),
            ("status", &["status"]),
        ];
        if let Some((what, _)) = needed.iter().find(|(_, names)| !names.iter().any(|name| fields.contains(name))) {
            return Err(FormatError::Missing(what));
        }
        let side_by_side = |pair: &[FormatPart]| matches!(pair, [FormatPart::Field(_), FormatPart::Field(_)]);
        if parts.windows(2).any(side_by_side) {
            return Err(FormatError::SideBySide);
        }
        Ok(Self(parts))
    }

    /// Reads one line of this format.
    pub(super) fn read<'l>(&self, line: &str, trusted: &[IpNet]) -> LineReading<'l> {
        match self.fields(line) {
            Some(fields) => named::read(&fields, None, trusted),
            None => LineReading::NotUnderstood(LineFault::Shape),
        }
    }

    fn fields<'f>(&'f self, line: &str) -> Option<CustomFields<'f>> {
        let (mut rest, mut values) = (line, Vec::with_capacity(self.0.len()));
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                FormatPart::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
                FormatPart::Field(name) => {
                    let end = match parts.peek() {
                        Some(FormatPart::Literal(text)) => end_of_field(rest, text)?,
                        Some(FormatPart::Field(_)) | None => rest.len(),
                    };
                    let (value, after) = rest.split_at_checked(end)?;
                    values.push((name.as_str(), unescaped(value)));
                    rest = after;
                }
            }
        }
        Some(CustomFields(values))
    }
}

/// End of a field that `literal` follows; a quote after a backslash belongs to the field.
fn end_of_field(rest: &str, literal: &str) -> Option<usize> {
    let ends = rest.match_indices(literal).map(|(at, _)| at);
    ends.into_iter()
        .find(|at| !literal.starts_with('"') || !rest.get(..*at).is_some_and(|before| before.ends_with('\\')))
}

struct CustomFields<'f>(Vec<(&'f str, String)>);

impl NamedFields for CustomFields<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(value.as_str()))
    }

    fn header(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn never_has(&self, name: &str) -> bool {
        self.0.iter().all(|(known, _)| *known != name)
    }
}

fn nginx(text: &str) -> Vec<FormatPart> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        literal(&mut parts, before);
        let after = after.strip_prefix('{').unwrap_or(after);
        let length = after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, after) = after.split_at(length);
        parts.push(FormatPart::Field(name.to_owned()));
        rest = after.strip_prefix('}').unwrap_or(after);
    }
    literal(&mut parts, rest);
    parts
}

fn apache(text: &str) -> Vec<FormatPart> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        literal(&mut parts, before);
        let after =
            after.trim_start_matches(|character: char| character.is_ascii_digit() || "<>!,".contains(character));
        let (argument, after) = match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            Some((argument, after)) => (Some(argument), after),
            None => (None, after),
        };
        let after = after.trim_start_matches(['<', '>']);
        let Some(directive) = after.chars().next() else { break };
        rest = after.get(directive.len_utf8()..).unwrap_or_default();
        match apache_name(directive, argument) {
            Some(name) if directive == 't' && argument.is_none() => {
                literal(&mut parts, "[");
                parts.push(FormatPart::Field(name));
                literal(&mut parts, "]");
            }
            // `%U%q`: path and query side by side form the target.
            Some(_) if directive == 'q' && parts.last() == Some(&FormatPart::Field("uri".into())) => {
                parts.pop();
                parts.push(FormatPart::Field("request_uri".into()));
            }
            Some(name) => parts.push(FormatPart::Field(name)),
            None => literal(&mut parts, "%"),
        }
    }
    literal(&mut parts, rest);
    parts
}

/// nginx's name for a directive of Apache.
fn apache_name(directive: char, argument: Option<&str>) -> Option<String> {
    let header = |argument: &str| format!("http_{}", argument.to_ascii_lowercase().replace('-', "_"));
    Some(match (directive, argument) {
        ('%', _) => return None,
        ('h', _) => "remote_addr".into(),
        ('a', _) => "client_ip".into(),
        ('t', _) => "time".into(),
        ('r', _) => "request".into(),
        ('m', _) => "method".into(),
        ('U', _) => "uri".into(),
        ('q', _) => "query".into(),
        ('s', _) => "status".into(),
        ('v' | 'V', _) => "vhost".into(),
        ('i', Some(argument)) => header(argument),
        (other, _) => format!("apache_{other}"),
    })
}

/// Appends to the previous literal, so that no two are adjacent.
fn literal(parts: &mut Vec<FormatPart>, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(FormatPart::Literal(known)) => known.push_str(text),
        Some(FormatPart::Field(_)) | None => parts.push(FormatPart::Literal(text.to_owned())),
    }
}
