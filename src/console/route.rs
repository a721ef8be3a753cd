//! Routes of the console and their access checks. A site that a token may not read looks like a nonexistent one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, FORWARDED};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::json;

use crate::config::Protection;
use crate::console::access::{bearer, no_such_site, readable, readable_figures, token_digest, with_token};
use crate::console::query;
use crate::console::query::QueryError;
use crate::console::query::export::ExportDraft;
use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::console::state::ConsoleState;
use crate::console::tokens::{AccessToken, TokenDigest, digest};
use crate::console::{
    annotations, assets, desk, download, grafana, hosts, lists, openapi, session, share, stats_api, unsubscribe, view,
};
use crate::health::PROBE_ANSWER_WAIT;

/// Largest body, in bytes: a query with every list full fits.
const BODY_BYTES_MAX: usize = 65_536;

/// Longest wait for a body; a normal one comes in one packet.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// The answer to one request.
pub(super) async fn answer(console: &ConsoleState, peer: SocketAddr, request: Request<Incoming>) -> ConsoleResponse {
    let (head, body) = request.into_parts();
    reply::guarded(admitted(console, peer, &head, body).await)
}

/// Whether a path is for monitoring: such requests are answered even when the console is full.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/metrics" | "/health/live" | "/health/ready")
}

/// Answers requests that name this console; a query holds its permit until its answer is sent.
async fn admitted(console: &ConsoleState, peer: SocketAddr, head: &Parts, body: Incoming) -> ConsoleResponse {
    if !hosts::is_ours(head, &console.config.console.hosts) {
        let sentence = "unknown host of the console; add it to console.hosts";
        return reply::error(StatusCode::MISDIRECTED_REQUEST, sentence);
    }
    let permit = match asking_token(console, head) {
        Some(token) => match console.admission.enter(token).await {
            Some(permit) => Some(permit),
            None => return reply::too_many_queries(),
        },
        None => None,
    };
    let mut reply = route(console, peer, head, body).await;
    permit.map(|permit| reply.extensions_mut().insert(permit));
    reply
}

/// The token of a query to the database; `None` for other requests.
fn asking_token(console: &ConsoleState, head: &Parts) -> Option<TokenDigest> {
    let access = console.access.load();
    let path = head.uri.path();
    match path {
        "/clickhouse" => grafana::token(&access, &head.headers).map(|token| token.digest),
        "/api/v2/query" | "/api/view" | "/api/export" | "/api/annotations" | "/api/conformity" | "/api/releases" => {
            with_token(console, &access, &head.headers, |token| token.digest)
        }
        // Open to all: all visitors of counters share one permit set.
        _ if path.starts_with("/counter/") => Some([0; 32]),
        _ if path.starts_with("/api/v1/") => with_token(console, &access, &head.headers, |token| token.digest),
        _ => None,
    }
}

/// Records the query of a token, from the API or a page.
fn note(console: &ConsoleState, head: &Parts, query: &[u8]) {
    let noted = |token: &AccessToken| console.note_query(token, head.uri.path(), query);
    with_token(console, &console.access.load(), &head.headers, noted);
}

async fn route(console: &ConsoleState, peer: SocketAddr, head: &Parts, body: Incoming) -> ConsoleResponse {
    let path = head.uri.path();
    let allowed = match path {
        "/api/v2/query" | "/api/view" | "/api/share" | "/clickhouse" | "/sign-out" => "POST",
        "/api/annotations" => "GET, HEAD, POST",
        "/api/arrivals" | "/api/conformity" | "/api/releases" | "/lists" => "GET, HEAD",
        "/sign-in" | unsubscribe::PATH => "GET, HEAD, POST",
        "/api/export" | "/api/export/dictionary" => "GET",
        "/metrics" | "/health/live" | "/health/ready" | "/api/health" | "/api/sites" | "/openapi.json" => "GET, HEAD",
        _ if stats_api::serves(path) => "GET",
        _ if assets::has(path) || path.starts_with("/share/") || path.starts_with("/counter/") => "GET, HEAD",
        _ => return reply::error(StatusCode::NOT_FOUND, "not found"),
    };
    if !allowed.split(", ").any(|method| method == head.method.as_str()) {
        return reply::wrong_method(allowed);
    }
    let posted = head.method == Method::POST;
    // Mail programs post from anywhere; the link's key says what may end.
    if (posted && path != unsubscribe::PATH || path.starts_with("/api/export") || stats_api::serves(path))
        && bearer(&head.headers).is_none()
        && session::is_foreign(&head.headers, &head.uri)
    {
        return reply::error(StatusCode::FORBIDDEN, "cross-site request rejected");
    }
    match path {
        "/api/v2/query" => statistics(console, head, body).await,
        "/api/view" | "/api/share" => asked(console, head, body).await,
        "/api/annotations" if posted => asked(console, head, body).await,
        "/api/annotations" => annotations::list(console, head).await,
        "/api/arrivals" => desk::arrivals(console, head),
        "/api/releases" => desk::releases(console, head).await,
        "/lists" => lists::page(console, head).await,
        "/api/conformity" => desk::conformity(console, head).await,
        "/clickhouse" => clickhouse(console, head, body).await,
        "/api/export" => export(console, head).await,
        "/api/export/dictionary" => dictionary(console, head),
        "/openapi.json" => openapi::answer(),
        "/api/health" => {
            reply::json(StatusCode::OK, &json!({ "clickhouse": "ok", "postgres": "ok", "sites_cache": "ok" }))
        }
        _ if stats_api::serves(path) => stats_api::answer(console, head).await,
        "/api/sites" => sites(console, &head.headers),
        "/sign-in" if posted => sign_in_by_form(console, &head.headers, body).await,
        "/sign-in" => sign_in_by_link(console, head),
        unsubscribe::PATH => unsubscribe::answer(console, head),
        "/sign-out" => reply::see_other("/sign-in", Some(&console.sessions.close(&head.headers))),
        "/" if with_token(console, &console.access.load(), &head.headers, |_| ()).is_none() => {
            reply::see_other("/sign-in", None)
        }
        "/metrics" | "/health/live" | "/health/ready" => machine(console, peer, head).await,
        _ if path.starts_with("/share/") => share::page(console, head),
        _ if path.starts_with("/counter/") => share::counter(console, head).await,
        _ => assets::answer(path, &head.headers).unwrap_or_else(|| reply::error(StatusCode::NOT_FOUND, "not found")),
    }
}

async fn statistics(console: &ConsoleState, head: &Parts, body: Incoming) -> ConsoleResponse {
    let access = console.access.load_full();
    if with_token(console, &access, &head.headers, |_| ()).is_none() {
        return reply::unknown_token();
    }
    if !has_type(&head.headers, "application/json") {
        return reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "write `Content-Type: application/json`");
    }
    let body = match collected(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    note(console, head, &body);
    let (body, name) = match query::QueryDraft::read(&body) {
        Ok(read) => read,
        Err(bad) => return reply::error(StatusCode::BAD_REQUEST, &bad.0),
    };
    let Some((site, reports)) = readable_figures(console, &access, &head.headers, &name.to_ascii_lowercase()) else {
        return no_such_site();
    };
    match query::answer(&body, &site, console.clock.now(), &reports, console.kept).await {
        Ok(answer) => reply::json(StatusCode::OK, &answer),
        Err(QueryError::Bad(bad)) => reply::error(StatusCode::BAD_REQUEST, &bad.0),
        Err(QueryError::Unavailable) => reply::no_database(),
    }
}

/// Requests that the console's own pages post, all as JSON.
async fn asked(console: &ConsoleState, head: &Parts, body: Incoming) -> ConsoleResponse {
    if with_token(console, &console.access.load(), &head.headers, |_| ()).is_none() {
        return reply::unknown_token();
    }
    if !has_type(&head.headers, "application/json") {
        return reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "write `Content-Type: application/json`");
    }
    let body = match collected(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    note(console, head, &body);
    match head.uri.path() {
        "/api/view" => view::answer(console, head, &body).await,
        // A shared page only reads: it makes no link and stores no note.
        _ if token_digest(console, &head.headers).is_none() => reply::unknown_token(),
        "/api/share" => share::make(console, head, &body),
        _ => annotations::post(console, head, &body).await,
    }
}

async fn export(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    if with_token(console, &access, &head.headers, |_| ()).is_none() {
        return reply::unknown_token();
    }
    let query = head.uri.query().unwrap_or_default();
    note(console, head, query.as_bytes());
    let request = match ExportDraft::read(url::form_urlencoded::parse(query.as_bytes())) {
        Ok(request) => request,
        Err(bad) => return reply::error(StatusCode::BAD_REQUEST, &bad.0),
    };
    match readable_figures(console, &access, &head.headers, &request.site()) {
        Some((site, reports)) => download::answer(console, &reports, (&request, query), &site).await,
        None => no_such_site(),
    }
}

fn dictionary(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    if with_token(console, &access, &head.headers, |_| ()).is_none() {
        return reply::unknown_token();
    }
    let pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let request = match ExportDraft::read(pairs) {
        Ok(request) => request,
        Err(bad) => return reply::error(StatusCode::BAD_REQUEST, &bad.0),
    };
    let Some(site) = readable(console, &access, &head.headers, &request.site()) else { return no_such_site() };
    match request.export(&site, console.clock.now(), console.kept) {
        Ok(plan) => reply::json(StatusCode::OK, &plan.dictionary()),
        Err(bad) => reply::error(StatusCode::BAD_REQUEST, &bad.0),
    }
}

async fn clickhouse(console: &ConsoleState, head: &Parts, body: Incoming) -> ConsoleResponse {
    let access = console.access.load_full();
    if !grafana::knows(&access, &head.headers) {
        return reply::unknown_token();
    }
    match collected(body).await {
        Ok(body) => grafana::answer(console, &access, head, &body).await,
        Err(refusal) => refusal,
    }
}

fn sites(console: &ConsoleState, headers: &HeaderMap) -> ConsoleResponse {
    let access = console.access.load();
    let listed = with_token(console, &access, headers, |token| {
        let readable = access.sites.iter().filter(|site| token.reads(&site.name));
        readable.map(|site| desk::site_facts(site)).collect::<Vec<_>>()
    });
    listed.map_or_else(reply::unknown_token, |sites| {
        let shared = token_digest(console, headers).is_none();
        let (marketing, filling) = (console.kept.marketing, console.health.filling());
        let protection = if console.kept.protection == Protection::Tens { "tens" } else { "exact" };
        let answer = json!({
            "sites": sites, "marketing": marketing, "protection": protection, "shared": shared, "filling": filling,
        });
        reply::json(StatusCode::OK, &answer)
    })
}

fn sign_in_by_link(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let query = head.uri.query().unwrap_or_default();
    let Some((_, token)) = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token") else {
        return assets::sign_in(StatusCode::OK);
    };
    if session::is_foreign(&head.headers, &head.uri) {
        return reply::error(StatusCode::FORBIDDEN, "cross-site request rejected");
    }
    opened(console, &head.headers, &token)
}

async fn sign_in_by_form(console: &ConsoleState, headers: &HeaderMap, body: Incoming) -> ConsoleResponse {
    if !has_type(headers, "application/x-www-form-urlencoded") {
        return reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the form of GET /sign-in");
    }
    match collected(body).await {
        Ok(body) => {
            let token = url::form_urlencoded::parse(&body).find(|(name, _)| name == "token");
            token.map_or_else(
                || assets::sign_in(StatusCode::UNAUTHORIZED),
                |(_, token)| opened(console, headers, &token),
            )
        }
        Err(refusal) => refusal,
    }
}

fn opened(console: &ConsoleState, headers: &HeaderMap, token: &str) -> ConsoleResponse {
    let digest = digest(token.trim());
    if console.access.load().tokens.find(&digest).is_none() {
        return assets::sign_in(StatusCode::UNAUTHORIZED);
    }
    match console.sessions.open(digest, headers, console.clock.now()) {
        Ok(cookie) => reply::see_other("/", Some(&cookie)),
        Err(_) => reply::error(StatusCode::SERVICE_UNAVAILABLE, "no random bytes from the operating system"),
    }
}

/// Probes and metrics: open to the machine itself. A proxy on the machine does not count, since it speaks for others.
async fn machine(console: &ConsoleState, peer: SocketAddr, head: &Parts) -> ConsoleResponse {
    let proxied = head.headers.contains_key(FORWARDED) || head.headers.contains_key("x-forwarded-for");
    let local = peer.ip().to_canonical().is_loopback() && !proxied;
    if !local {
        match with_token(console, &console.access.load(), &head.headers, AccessToken::reads_all) {
            None => return reply::unknown_token(),
            Some(false) if head.uri.path() == "/metrics" => {
                let sentence = "metrics cover all sites; use a token for `*`";
                return reply::error(StatusCode::FORBIDDEN, sentence);
            }
            Some(_) => {}
        }
    }
    match head.uri.path() {
        "/metrics" => reply::metrics(console.meters.written()),
        "/health/live" => reply::json(StatusCode::OK, &json!({ "live": true })),
        _ => {
            let answers = tokio::time::timeout(PROBE_ANSWER_WAIT, console.store.answers_readers());
            let engine = console.health.is_formed() && answers.await == Ok(true);
            let spool = (console.spool_accepts)();
            let ready = engine && spool && !console.health.is_draining();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            reply::json(status, &json!({ "ready": ready, "engine": engine, "spool": spool }))
        }
    }
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let written = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    written.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

async fn collected(body: Incoming) -> Result<Bytes, ConsoleResponse> {
    match tokio::time::timeout(BODY_WAIT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(reply::error(StatusCode::PAYLOAD_TOO_LARGE, "the body exceeds 65536 bytes"))
        }
        Ok(Err(_)) => Err(reply::error(StatusCode::BAD_REQUEST, "the body was cut off")),
        Err(_) => Err(reply::error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}
