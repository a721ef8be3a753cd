//! `POST /clickhouse`: the published tables for Grafana's ClickHouse data source, and other clients of ClickHouse's
//! HTTP protocol. A console token is the password and decides the sites. Must pass on only the answer's rows: the
//! engine's own headers and errors tell how much is stored.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response, StatusCode};

use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::console::sql_guard;
use crate::console::sql_guard::SqlRefusal;
use crate::console::state::{AccessRules, ConsoleState};
use crate::console::tokens::{AccessToken, digest};
use crate::store::reports::ReportError;

/// Formats that hold rows and nothing else; JSON's also count the rows read, unless the engine is told not to.
const FORMATS: [&str; 7] = [
    "Native",
    "RowBinaryWithNamesAndTypes",
    "TabSeparated",
    "TabSeparatedWithNames",
    "TabSeparatedWithNamesAndTypes",
    "JSONEachRow",
    "JSONCompactEachRowWithNamesAndTypes",
];

/// Whether this request carries a token of ours.
pub(super) fn knows(access: &AccessRules, headers: &HeaderMap) -> bool {
    token(access, headers).is_some()
}

/// Answers the query in `body`.
pub(super) async fn answer(console: &ConsoleState, access: &AccessRules, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let Some(token) = token(access, &head.headers) else { return reply::unknown_token() };
    console.note_query(token, head.uri.path(), body);
    let Ok(text) = std::str::from_utf8(body) else {
        return reply::error(StatusCode::BAD_REQUEST, "the query is not valid UTF-8");
    };
    if let Err(SqlRefusal(why)) = sql_guard::check(text) {
        return reply::error(StatusCode::BAD_REQUEST, why);
    }
    let option = |wanted: &str| {
        let pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).next()
    };
    let format = option("default_format").unwrap_or_else(|| "TabSeparated".into());
    if !FORMATS.contains(&format.as_str()) {
        return reply::error(StatusCode::BAD_REQUEST, "unknown format; expected `Native` or `JSONEachRow`");
    }
    let revision = option("client_protocol_version").and_then(|version| version.parse::<u32>().ok());
    let Some(reports) = console.reports.bound(&token.scope()) else {
        let sentence = "database user of this token not created yet; try again in a moment";
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, sentence);
    };
    match reports.select(text, &format, revision).await {
        Ok(rows) => {
            let mut reply = Response::new(reply::whole(rows));
            let format = HeaderValue::from_str(&format).unwrap_or_else(|_| HeaderValue::from_static(""));
            reply.headers_mut().insert("x-clickhouse-format", format);
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            reply
        }
        Err(ReportError::Refused(failure)) => {
            reply::error(StatusCode::BAD_REQUEST, &format!("database rejected the query: {failure}"))
        }
        Err(error @ ReportError::Pattern) => reply::error(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(ReportError::Unavailable) => reply::no_database(),
    }
}

/// The token: a password, in any of the places where these clients send one. A session's cookie does not count.
pub(super) fn token<'a>(access: &'a AccessRules, headers: &HeaderMap) -> Option<&'a AccessToken> {
    let text = |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let secret = match text(headers.get("x-clickhouse-key")) {
        Some(key) => key,
        None => {
            let written = text(headers.get(AUTHORIZATION))?;
            let (scheme, secret) = written.split_once(' ')?;
            match scheme.to_ascii_lowercase().as_str() {
                "bearer" => secret.trim().to_owned(),
                "basic" => password(secret.trim())?,
                _ => return None,
            }
        }
    };
    access.tokens.find(&digest(&secret))
}

fn password(basic: &str) -> Option<String> {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD.decode(basic).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}
