//! Access logs of JSON objects: Caddy, nginx and Apache with their common log formats, Traefik, Cloudflare, ECS,
//! Logstash, Fluentd, Vector, load balancers and hosting services; and objects that wrap another line as a text, as
//! containers write them.
//!
//! ```text
//! {"ts":1646861401.5,"request":{"client_ip":"192.0.2.1","method":"GET","uri":"/a","headers":{…}},"status":200}
//! {"time_iso8601":"2025-10-10T13:55:36+00:00","remote_addr":"192.0.2.1","request":"GET /a HTTP/2.0","status":"200"}
//! {"log":"192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 5\n","stream":"stdout","time":"…"}
//! ```

use std::borrow::Cow;

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::import::escapes::proper_json;
use crate::import::formats::named::{self, NamedFields};
use crate::import::log_line::{LineFault, LineReading};

/// Meaning of an object.
pub(super) enum JsonReading<'l> {
    /// A request, or a line without one.
    Line(LineReading<'l>),
    /// Another line, wrapped as a text.
    Wraps(String),
}

/// Fields that wrap a line as a text.
const WRAPPERS: [&str; 8] =
    ["log", "message", "MESSAGE", "msg", "event.original", "textPayload", "line", "log.original"];

/// Fields that nest the entry as an object.
const NESTED: [&str; 12] = [
    "jsonPayload",
    "json",
    "access",
    "log",
    "message",
    "data",
    "proxy",
    "properties",
    "attributes",
    "fields",
    "event",
    "Event",
];

/// Starts of Caddy's names where a pipeline has flattened its objects.
const FLAT_REQUEST: &[&str] = &["request>", "request."];

/// Reads an object; also an element of an array, with a trailing comma.
pub(super) fn read<'l>(line: &str, time: Option<Timestamp>, trusted: &[IpNet]) -> JsonReading<'l> {
    let text = line.trim().trim_start_matches('[').trim_end_matches(',');
    let text =
        text.strip_suffix(']').filter(|_| line.trim_start().starts_with('[') || !text.ends_with('}')).unwrap_or(text);
    let Some(Value::Object(mut whole)) = parse(text.trim().trim_end_matches(',')) else {
        return JsonReading::Line(LineReading::NotUnderstood(LineFault::Shape));
    };
    if whole.contains_key("short_message") {
        // GELF: `_` precedes the name of each additional field.
        whole = whole.into_iter().map(|(name, value)| (name.trim_start_matches('_').to_owned(), value)).collect();
    }
    if whole.contains_key("logicalUserName")
        && let Some(host) = whole.remove("host")
    {
        // Tomcat: `host` is the client.
        whole.insert("remote_host".to_owned(), host);
    }
    if !whole.contains_key("request")
        && whole.keys().any(|name| FLAT_REQUEST.iter().any(|start| name.starts_with(start)))
    {
        whole = unflattened(whole);
    }
    let fields = JsonFields(&whole);
    let reading = named::read(&fields, time, trusted);
    if !matches!(reading, LineReading::NotUnderstood(LineFault::Shape)) {
        return JsonReading::Line(reading);
    }
    let nested = NESTED.iter().filter_map(|name| whole.get(*name)?.as_object());
    let outer_time = named::time(&fields).or(time);
    for object in nested {
        let reading = named::read(&JsonFields(object), outer_time, trusted);
        if !matches!(reading, LineReading::NotUnderstood(LineFault::Shape)) {
            return JsonReading::Line(reading);
        }
    }
    match WRAPPERS.iter().find_map(|name| fields.value(name)?.as_str().filter(|text| text.len() > 20)) {
        Some(inner) => JsonReading::Wraps(inner.to_owned()),
        None => JsonReading::Line(reading),
    }
}

/// The entry with `request>headers>User-Agent` as an object within objects again.
fn unflattened(flat: Map<String, Value>) -> Map<String, Value> {
    let (mut whole, mut request, mut headers) = (Map::new(), Map::new(), Map::new());
    for (name, value) in flat {
        let Some(inner) = FLAT_REQUEST.iter().find_map(|start| name.strip_prefix(start)) else {
            whole.insert(name, value);
            continue;
        };
        match inner.strip_prefix("headers").and_then(|header| header.get(1..)) {
            // `User-Agent>[0]`, `User-Agent.0`: the first of several values.
            Some(header) => {
                let header = header.trim_end_matches(['>', '.', '[', ']', '0']);
                headers.entry(header.to_owned()).or_insert(value);
            }
            None => {
                request.insert(inner.to_owned(), value);
            }
        }
    }
    request.insert("headers".to_owned(), Value::Object(headers));
    whole.insert("request".to_owned(), Value::Object(request));
    whole
}

/// Whether `text` is a complete object, not the start of one.
pub(super) fn is_whole(text: &str) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_i32, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => depth -= 1,
            _ => {}
        }
    }
    depth <= 0 && !in_text
}

fn parse(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) if text.contains("\\x") => serde_json::from_str(&proper_json(text)).ok(),
        Err(_) => None,
    }
}

struct JsonFields<'v>(&'v Map<String, Value>);

impl<'v> JsonFields<'v> {
    /// The field with this name, with this path, or with this name within Caddy's `request`.
    fn value(&self, name: &str) -> Option<&'v Value> {
        if let Some(value) = self.0.get(name).filter(|value| !value.is_null()) {
            return Some(value);
        }
        let nested = || {
            let mut parts = name.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        };
        let found = if name.contains('.') { nested() } else { None };
        found.or_else(|| self.0.get("request")?.get(name)).filter(|value| !value.is_null())
    }
}

impl NamedFields for JsonFields<'_> {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        // The request's own object takes precedence: a proxy's `host` is not the requested host.
        let inner = self.0.get("request").and_then(|request| request.get(name)).and_then(as_text);
        inner.or_else(|| self.value(name).and_then(as_text))
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let request = self.0.get("request").or_else(|| self.0.get("req")).or_else(|| self.0.get("httpRequest"));
        let own = ["headers", "requestHeaders"].map(|name| self.0.get(name));
        let headers = [request.and_then(|request| request.get("headers"))].into_iter().chain(own);
        let headers = headers.flatten().filter_map(Value::as_object);
        let mut found =
            headers.filter_map(|headers| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.next().and_then(|(_, value)| as_text(value))
    }

    fn never_has(&self, _: &str) -> bool {
        false
    }
}

fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Array(values) => values.first().and_then(as_text),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}
