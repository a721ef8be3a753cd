//! Responses: JSON, texts, redirects, and the headers of every response. Must never contain the database's own text.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::http::OWN_FILES_ONLY;
use crate::store::StoreError;

/// An HTTP response of the console.
pub(super) type ConsoleResponse = Response<ReplyBody>;

/// Body of a response: complete in most, streamed from the database for a file.
pub(super) type ReplyBody = UnsyncBoxBody<Bytes, StoreError>;

/// The policy of a page that these origins may embed.
pub(super) fn policy(ancestors: &str) -> String {
    OWN_FILES_ONLY.replace("frame-ancestors 'none'", &format!("frame-ancestors {ancestors}"))
}

/// A body that is complete at once.
pub(super) fn whole(bytes: impl Into<Bytes>) -> ReplyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A response with a JSON body.
pub(super) fn json(status: StatusCode, value: &Value) -> ConsoleResponse {
    let mut reply = Response::new(whole(value.to_string()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// An error response, `{"error": …}`.
pub(super) fn error(status: StatusCode, sentence: &str) -> ConsoleResponse {
    json(status, &json!({ "error": sentence }))
}

/// `401` for a missing or unknown token.
pub(super) fn unknown_token() -> ConsoleResponse {
    let mut reply = error(StatusCode::UNAUTHORIZED, "token missing; send `Authorization: Bearer …`");
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

/// `405` with the allowed methods.
pub(super) fn wrong_method(allowed: &'static str) -> ConsoleResponse {
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed on this path");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// `503` for a database that is away.
pub(super) fn no_database() -> ConsoleResponse {
    let sentence = "database unavailable; hits wait in the spool and are not lost; retry later";
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, sentence);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// `429` for a token with more waiting queries than any page asks.
pub(super) fn too_many_queries() -> ConsoleResponse {
    let sentence = "too many pending queries for this token; retry when some have finished";
    let mut reply = error(StatusCode::TOO_MANY_REQUESTS, sentence);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// `503` for requests other than probes while every connection permit is taken.
pub(super) fn no_seat() -> ConsoleResponse {
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, "all connections of the console are in use; retry later");
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// The metrics in Prometheus' text format.
pub(super) fn metrics(text: String) -> ConsoleResponse {
    let mut reply = Response::new(whole(text));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    reply
}

/// `303` to another page, with a cookie if one changes.
pub(super) fn see_other(place: &'static str, cookie: Option<&str>) -> ConsoleResponse {
    let mut reply = Response::new(whole(Bytes::new()));
    *reply.status_mut() = StatusCode::SEE_OTHER;
    reply.headers_mut().insert(LOCATION, HeaderValue::from_static(place));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
    reply
}

/// Adds the headers that every response carries.
pub(super) fn guarded(mut reply: ConsoleResponse) -> ConsoleResponse {
    let headers = reply.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // A shared page has its own policy, which lists the pages that may embed it.
    let policy = headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(OWN_FILES_ONLY));
    if policy == OWN_FILES_ONLY {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
