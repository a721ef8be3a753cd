//! A request from named fields, whatever the format that names them: JSON, W3C, a format string. The lists hold the
//! spellings in use; the first one with a value counts. The requested target takes precedence over the server's
//! rewritten one.

use std::borrow::Cow;

use ipnet::IpNet;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::import::client_list;
use crate::import::escapes::decoded_address;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, given, host_of, is_given, request_line};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// An entry whose fields have names.
pub(super) trait NamedFields {
    /// The text of a field; `None` where no field has this name.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;
    /// The text of a request header, where headers are kept apart.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
    /// Whether every entry has the same fields, and this one is not among them.
    fn never_has(&self, name: &str) -> bool;
}

/// The client as a proxy or a network in front determined it: not a header that any client may send.
const CLIENT: &[&str] = &[
    "client_ip",
    "http_cf_connecting_ip",
    "http_true_client_ip",
    "ClientIP",
    "ClientHost",
    "remote_ip",
    "remote_addr",
    "remoteAddr",
    "clientip",
    "client_addr",
    "clientIp",
    "clientIP",
    "c-ip",
    "c_ip",
    "remoteIP",
    "RemoteIP",
    "source.ip",
    "client.ip",
    "source.address",
    "client.address",
    "nginx.access.remote_ip",
    "nginx.access.remote_ip_list",
    "httpRequest.remoteIp",
    "real_ip",
    "http_x_real_ip",
    "user_ip",
    "remote_address",
    "remote_host",
    "ClientAddr",
    "client",
    "ip",
    "remote",
    "cliIP",
    "network.client.ip",
    "client_address",
    "ip_address",
    "source_ip",
    "sourceIp",
    "remote-addr",
    "downstream_remote_address",
    "remoteAddress",
    "req.remoteAddress",
    "remote-address",
    "IPAddress",
];

/// The client in a header that any client may send.
const FORWARDED: &[&str] = &[
    "http_x_forwarded_for",
    "x_forwarded_for",
    "xff",
    "X-Forwarded-For",
    "request_X-Forwarded-For",
    "forwarded_for",
    "proxy_add_x_forwarded_for",
    "x-forwarded-for",
    "http_x_real_ip",
    "realip",
    "cs(X-Forwarded-For)",
    "fwd",
    "forwardedfor",
    "s-xff",
];

const METHOD: &[&str] = &[
    "method",
    "request_method",
    "verb",
    "RequestMethod",
    "http.request.method",
    "ClientRequestMethod",
    "requestMethod",
    "httpRequest.requestMethod",
    "httpMethod",
    "http_method",
    "cs-method",
    "cs_method",
    "nginx.access.method",
    "httpRequest.httpMethod",
    "Method",
    "reqMethod",
    ":method",
    "req.method",
    "Request.Method",
];

/// The whole request line.
const REQUEST: &[&str] = &["request", "request_line", "requestLine", "http_request", "req"];

/// The requested target first, then the server's rewritten one.
const TARGET: &[&str] = &[
    "request_uri",
    "url.original",
    "ClientRequestURI",
    "RequestPath",
    "requestUri",
    "requestURI",
    "httpRequest.requestUrl",
    "http.request.uri",
    "uri",
    "url.full",
    "url",
    "Url",
    "request_path",
    "url.path",
    "nginx.access.url",
    "path",
    "Path",
    "cs-uri-stem",
    "cs_uri_stem",
    "cs-uri",
    "request_url",
    "httpRequest.uri",
    "PathAndQuery",
    "ClientRequestPath",
    "document_uri",
    "request",
    "reqPath",
    ":path",
    "cs_uri",
    "requestPath",
    "req.url",
    "Request.URL",
    "resourcePath",
];

const QUERY: &[&str] =
    &["args", "query_string", "query", "url.query", "cs-uri-query", "cs_uri_query", "ClientRequestQuery"];

/// Spellings of the status.
pub(super) const STATUS: &[&str] = &[
    "status",
    "DownstreamStatus",
    "response",
    "http.response.status_code",
    "EdgeResponseStatus",
    "status_code",
    "statusCode",
    "httpRequest.status",
    "code",
    "sc-status",
    "sc_status",
    "response_code",
    "response_status",
    "nginx.access.response_code",
    "OriginStatus",
    "StatusCode",
    "Status",
    "response.status",
    "res.statusCode",
    "httpStatusCode",
    "rspStatus",
    "Response.Status",
    "ResponseCode",
    "httpStatus",
];

const TIME: &[&str] = &[
    "time_iso8601",
    "@timestamp",
    "StartUTC",
    "ts",
    "timestamp",
    "EdgeStartTimestamp",
    "time",
    "time_local",
    "msec",
    "Timestamp",
    "datetime",
    "date",
    "start_time",
    "eventTime",
    "request_time_iso8601",
    "nginx.access.time",
    "nginx_time",
    "asctime",
    "requestTime",
    "request_timestamp",
    "started_at",
    "reqTimeSec",
    "time_micros",
    "eventTimestamp",
    "EventTimestampMs",
    "TimeStamp",
    "timeStamp",
];

const REFERRER: &[&str] = &[
    "http_referer",
    "http_referrer",
    "referer",
    "referrer",
    "Referer",
    "request_Referer",
    "http.request.referrer",
    "ClientRequestReferer",
    "cs(Referer)",
    "cs(Referrer)",
    "cs_referer",
    "httpRequest.referer",
    "request_referer",
    "http_request_referer",
    "httpReferer",
    "nginx.access.referrer",
    "Referrer",
];

const AGENT: &[&str] = &[
    "http_user_agent",
    "user_agent",
    "user_agent.original",
    "userAgent",
    "user-agent",
    "User-Agent",
    "agent",
    "request_User-Agent",
    "ClientRequestUserAgent",
    "cs(User-Agent)",
    "cs_user_agent",
    "useragent",
    "UserAgent",
    "http_useragent",
    "httpRequest.userAgent",
    "request_user_agent",
    "httpUserAgent",
    "nginx.access.agent",
    "ua",
    "nginx.access.user_agent.original",
    "UA",
    "user_agent_original",
];

/// Names of the field with the requested host.
const HOST: &[&str] = &[
    "http_host",
    "x-host-header",
    "vhost",
    "virtual_host",
    "RequestHost",
    "ClientRequestHost",
    "url.domain",
    "host_header",
    "cs(Host)",
    "cs-host",
    "cs_host",
    "Host",
    "request_host",
    "request_Host",
    "request.host",
    "reqHost",
    "authority",
    ":authority",
    "hostName",
    "http.host",
];

/// The requested host, or the server's own name or address.
const SERVER: &[&str] = &["server_name", "domain", "host", "hostname", "server.address"];

const LANGUAGE: &[&str] =
    &["http_accept_language", "accept_language", "request_Accept-Language", "cs(Accept-Language)", "Accept-Language"];
const GPC: &[&str] = &["http_sec_gpc", "sec_gpc", "request_Sec-Gpc", "request_Sec-GPC", "cs(Sec-GPC)", "Sec-GPC"];
const DNT: &[&str] = &["http_dnt", "dnt", "request_Dnt", "request_DNT", "cs(DNT)", "DNT"];
const PURPOSE: &[&str] = &[
    "http_sec_purpose",
    "sec_purpose",
    "request_Sec-Purpose",
    "cs(Sec-Purpose)",
    "Sec-Purpose",
    "http_purpose",
    "http_x_purpose",
    "http_x_moz",
];

/// Reads one entry. `time` comes from a prefix, if there was one.
pub(super) fn read<'l>(fields: &impl NamedFields, time: Option<Timestamp>, trusted: &[IpNet]) -> LineReading<'l> {
    let Some((method, target)) = method_and_target(fields) else {
        return LineReading::NotUnderstood(LineFault::Shape);
    };
    let Some(status) = first(fields, STATUS).and_then(|status| status_of(&status)) else {
        return LineReading::NotUnderstood(LineFault::Shape);
    };
    if target.is_empty() {
        return LineReading::NoPage;
    }
    let Some(time) = self::time(fields).or(time) else {
        return LineReading::NotUnderstood(LineFault::Time);
    };
    let told_client = first(fields, FORWARDED).or_else(|| header(fields, "x-forwarded-for"));
    let peer = CLIENT.iter().filter_map(|name| told(fields, name)).find_map(|text| client_list::client(&text));
    let network = || header(fields, "cf-connecting-ip").and_then(|text| client_list::client(&text));
    let Some(address) = peer
        .or_else(network)
        .map(|peer| client_list::behind_proxy(peer, told_client.as_deref(), trusted))
        .or_else(|| told_client.as_deref().and_then(client_list::client))
    else {
        return LineReading::NotUnderstood(LineFault::Address);
    };
    let (absolute, target) = split_target(Cow::Owned(target));
    LineReading::Request(LogLine {
        address,
        time,
        method: Cow::Owned(method),
        target: Cow::Owned(target.into_owned()),
        host: absolute.map(Cow::into_owned).or_else(|| host(fields)).map(Cow::Owned),
        status,
        referrer: owned(first(fields, REFERRER).or_else(|| header(fields, "referer")).map(decoded_address)),
        agent: agent(fields),
        language: owned(first(fields, LANGUAGE).or_else(|| header(fields, "accept-language"))),
        signals: signals(fields),
    })
}

/// The method, and the target with its query; the target is empty where nothing is requested.
fn method_and_target(fields: &impl NamedFields) -> Option<(String, String)> {
    let line = REQUEST.iter().filter_map(|name| fields.text(name)).find(|text| !text.starts_with('/'));
    if let Some(line) = &line
        && let Some((method, target)) = request_line(line)
    {
        return Some((method.to_owned(), target.to_owned()));
    }
    let method = first(fields, METHOD);
    let target = first(fields, TARGET).filter(|target| line.as_ref() != Some(target));
    match (method, target) {
        (Some(method), Some(target)) => {
            let query = first(fields, QUERY).filter(|_| !target.contains('?'));
            let target = match query {
                Some(query) => format!("{target}?{}", query.trim_start_matches('?')),
                None => target.into_owned(),
            };
            // Akamai writes a path without its first slash.
            let is_bare = !target.starts_with('/') && !target.contains("://");
            // Imperva writes `shop.example/a`.
            let has_host = target.split('/').next().is_some_and(|host| host.contains('.'));
            let target = match is_bare {
                true if told(fields, "reqPath").is_some() => format!("/{target}"),
                true if has_host && told(fields, "cs-uri").is_some() => format!("https://{target}"),
                _ => target,
            };
            Some((method.into_owned(), target))
        }
        // A request line that is not a request: a handshake, a probe.
        _ if line.is_some() => Some((String::new(), String::new())),
        // Access logs of pages may omit the method.
        (None, Some(target)) if target.starts_with('/') => Some(("GET".to_owned(), target.into_owned())),
        _ => None,
    }
}

/// The time of an entry, if it has one.
pub(super) fn time(fields: &impl NamedFields) -> Option<Timestamp> {
    let split = || {
        let (date, time) = (told(fields, "date")?, told(fields, "time")?);
        log_time::any(&format!("{date}T{time}"))
    };
    split().or_else(|| TIME.iter().filter_map(|name| told(fields, name)).find_map(|text| log_time::any(&text)))
}

fn status_of(text: &str) -> Option<u16> {
    let integer = text.split('.').next().unwrap_or(text);
    integer.trim().parse().ok().filter(|status| (100..1_000).contains(status))
}

/// The requested host. A value that may be the server's own counts when it is a name with a dot.
fn host(fields: &impl NamedFields) -> Option<String> {
    let hosts = HOST.iter().filter_map(|name| told(fields, name)).chain(header(fields, "host"));
    let hosts = hosts.into_iter().find_map(|text| host_of(&text).map(str::to_owned));
    let is_name = |host: &&str| host.contains('.') && client_list::address(host).is_none();
    hosts.or_else(|| {
        let servers = SERVER.iter().filter_map(|name| told(fields, name));
        servers.into_iter().find_map(|text| host_of(&text).filter(is_name).map(str::to_owned))
    })
}

fn agent<'l>(fields: &impl NamedFields) -> LoggedAgent<'l> {
    match first(fields, AGENT).or_else(|| header(fields, "user-agent")) {
        // Akamai encodes an agent; no agent holds an encoded space of itself.
        Some(agent) if agent.contains("%20") => {
            LoggedAgent::Sent(Cow::Owned(percent_decode_str(&agent).decode_utf8_lossy().into_owned()))
        }
        Some(agent) => LoggedAgent::Sent(Cow::Owned(agent.into_owned())),
        None if AGENT.iter().all(|name| fields.never_has(name)) => LoggedAgent::NotLogged,
        // Traefik drops headers unless its configuration keeps them.
        None if told(fields, "DownstreamStatus").is_some() && fields.text("request_User-Agent").is_none() => {
            LoggedAgent::NotLogged
        }
        None => LoggedAgent::Missing,
    }
}

fn signals(fields: &impl NamedFields) -> ObjectionSignals {
    let is_set = |names: &[&str], name: &str| {
        first(fields, names).or_else(|| header(fields, name)).is_some_and(|text| text.trim() == "1")
    };
    let purposes = [first(fields, PURPOSE), header(fields, "sec-purpose"), header(fields, "purpose")];
    let prefetch = |text: &Cow<'_, str>| text.starts_with("prefetch") || text.starts_with("preview");
    ObjectionSignals {
        gpc: is_set(GPC, "sec-gpc"),
        dnt: is_set(DNT, "dnt"),
        prefetch: purposes.iter().flatten().any(prefetch),
    }
}

fn first<'f>(fields: &'f impl NamedFields, names: &[&str]) -> Option<Cow<'f, str>> {
    names.iter().find_map(|name| told(fields, name))
}

fn told<'f>(fields: &'f impl NamedFields, name: &str) -> Option<Cow<'f, str>> {
    fields.text(name).and_then(given)
}

fn header<'f>(fields: &'f impl NamedFields, name: &str) -> Option<Cow<'f, str>> {
    fields.header(name).filter(|text| is_given(text)).and_then(given)
}

fn owned<'l>(text: Option<Cow<'_, str>>) -> Option<Cow<'l, str>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}
