//! Answers: JSON, texts, redirects, and the headers that every answer carries. Never a word of the database's own.

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

/// An answer.
pub(super) type ConsoleResponse = Response<ReplyBody>;

/// Most bodies are there at once; a file comes as the database gives it.
pub(super) type ReplyBody = UnsyncBoxBody<Bytes, StoreError>;

/// The policy of a page that these origins may embed.
pub(super) fn policy(ancestors: &str) -> String {
    OWN_FILES_ONLY.replace("frame-ancestors 'none'", &format!("frame-ancestors {ancestors}"))
}

/// A body that is there.
pub(super) fn whole(bytes: impl Into<Bytes>) -> ReplyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &Value) -> ConsoleResponse {
    let mut reply = Response::new(whole(value.to_string()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// `{"error": …}`.
pub(super) fn error(status: StatusCode, sentence: &str) -> ConsoleResponse {
    json(status, &json!({ "error": sentence }))
}

/// `401`.
pub(super) fn unknown_token() -> ConsoleResponse {
    let mut reply = error(StatusCode::UNAUTHORIZED, "write a token: `Authorization: Bearer …`");
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    reply
}

/// `405`.
pub(super) fn wrong_method(allowed: &'static str) -> ConsoleResponse {
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, "this path does not answer this method");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// `503` for a database that is away.
pub(super) fn no_database() -> ConsoleResponse {
    let sentence = "the database does not answer; nothing is lost, hits wait in the spool: try again in a moment";
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, sentence);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// `429` for a token that has more questions waiting than any page asks.
pub(super) fn too_many_questions() -> ConsoleResponse {
    let sentence = "too many questions of this token are waiting: ask again when some have been answered";
    let mut reply = error(StatusCode::TOO_MANY_REQUESTS, sentence);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// `503` for what is not a probe while every seat of the console is taken.
pub(super) fn no_seat() -> ConsoleResponse {
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, "all connections of the console are in use: try again");
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// The metrics.
pub(super) fn metrics(text: String) -> ConsoleResponse {
    let mut reply = Response::new(whole(text));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    reply
}

/// `303`, with a cookie where one changes.
pub(super) fn see_other(place: &'static str, cookie: Option<&str>) -> ConsoleResponse {
    let mut reply = Response::new(whole(Bytes::new()));
    *reply.status_mut() = StatusCode::SEE_OTHER;
    reply.headers_mut().insert(LOCATION, HeaderValue::from_static(place));
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
    reply
}

/// Adds what every answer carries.
pub(super) fn guarded(mut reply: ConsoleResponse) -> ConsoleResponse {
    let headers = reply.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // A shared page brings its own policy, which says where it may be embedded.
    let policy = headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(OWN_FILES_ONLY));
    if policy == OWN_FILES_ONLY {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply
}
