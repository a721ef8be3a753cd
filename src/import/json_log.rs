//! Access logs of one JSON object a line, as Caddy, nginx and Apache are commonly told to write them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use crate::import::log_line::{LogLine, is_given, log_time, method_and_target, path_of};

/// An object whose fields have one of the usual names.
pub(super) fn line(line: &str) -> Option<LogLine<'static>> {
    let whole: Value = serde_json::from_str(line).ok()?;
    // Caddy keeps the request's part in an object of its own.
    let request = whole.get("request").filter(|part| part.is_object()).unwrap_or(&whole);
    let first =
        |names: &[&str]| names.iter().find_map(|name| request.get(name).or_else(|| whole.get(name))).and_then(as_text);
    let header = |name: &str| {
        let headers = request.get("headers")?.as_object()?;
        let (_, values) = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        as_text(values.get(0).unwrap_or(values))
    };
    let request_line = first(&["request"]).filter(|text| text.contains(' '));
    let (method, target) = match &request_line {
        Some(text) => method_and_target(text).map(|(method, target)| (method.to_owned(), target.to_owned()))?,
        None => {
            let target = first(&["uri", "request_uri", "url", "path", "RequestPath", "request"])?;
            let query = first(&["query", "args", "query_string"]).filter(|query| is_given(query));
            let target = match query {
                Some(query) if !target.contains('?') => format!("{target}?{}", query.trim_start_matches('?')),
                Some(_) | None => target,
            };
            (first(&["method", "request_method", "verb", "RequestMethod"])?, path_of(&target).to_owned())
        }
    };
    let address =
        first(&["client_ip", "remote_ip", "remote_addr", "clientip", "remoteIP", "ip", "ClientHost", "host"])?;
    let referrer = first(&["http_referer", "referer", "referrer"]).or_else(|| header("referer"));
    let agent =
        first(&["http_user_agent", "user_agent", "userAgent", "user-agent", "agent"]).or_else(|| header("user-agent"));
    Some(LogLine {
        address: address.parse().ok()?,
        time: json_time(&first(&["ts", "time_iso8601", "@timestamp", "timestamp", "time", "time_local", "msec"])?)?,
        method: method.into(),
        target: target.into(),
        status: first(&["status", "DownstreamStatus", "response"])?.parse().ok()?,
        referrer: referrer.filter(|text| is_given(text)).map(Cow::Owned),
        agent: agent.filter(|text| is_given(text)).map(Cow::Owned),
    })
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// RFC 3339, seconds since 1970 (with or without a fraction), or the time of the common format.
fn json_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Some((seconds, _)) = text.split_once('.').or(Some((text, ""))).filter(|(whole, _)| !whole.is_empty())
        && let Ok(seconds) = seconds.parse::<i64>()
    {
        return Timestamp::from_second(seconds).ok();
    }
    log_time(text.trim_start_matches('[').trim_end_matches(']'))
}
