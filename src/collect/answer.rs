//! Responses to senders. Only a [`Durable`] makes a counted `202`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::outcome::{Dropped, Rejection};
use crate::spool::Durable;

/// A response with its complete body.
pub type CollectResponse = Response<Full<Bytes>>;

/// Header with the reason why a hit was deliberately not counted.
pub const DROPPED: HeaderName = HeaderName::from_static("x-sillage-dropped");

/// Content type of [`PIXEL`].
const GIF: &str = "image/gif";

/// A transparent GIF of one pixel.
const PIXEL: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Sentence of the response to a long body.
const TOO_LARGE: &str = "the body is longer than the limit of this collector";

/// Body of [`error`] for a full spool, prepared because it is frequent under load.
const UNAVAILABLE: &str = r#"{"error":"hit not stored; retry later"}"#;

/// Body of an accepted hit's response, by format.
#[derive(Clone, Copy)]
pub enum AnswerFormat {
    /// Text `ok`, with `202`.
    Native,
    /// A one-pixel GIF, with `202`.
    Pixel,
    /// A one-pixel GIF with `200`, as of GoatCounter, Matomo and Fathom.
    Gif,
    /// Empty body with `204`: Matomo's `send_image=0`.
    Silent,
    /// Umami's object, with constant ids.
    Umami,
    /// Umami's summary with the number of events.
    UmamiBatch(usize),
    /// Matomo's summary with the number of requests.
    MatomoBulk(usize),
    /// GoatCounter's answer to a server.
    GoatCounterApi,
}

/// Data that Umami's clients store and send back: the same for all visitors.
const UMAMI: &str = r#"{"cache":"","sessionId":"00000000-0000-0000-0000-000000000000","visitId":"00000000-0000-0000-0000-000000000000"}"#;

/// Umami's response to a robot.
const UMAMI_ROBOT: &str = r#"{"beep":"boop"}"#;

/// Response to a durable hit.
pub fn counted(_proof: Durable, format: AnswerFormat) -> CollectResponse {
    accepted(format)
}

/// Response to a hit that is deliberately not counted.
pub fn dropped(reason: Dropped, format: AnswerFormat) -> CollectResponse {
    let mut answer = match (format, reason) {
        (
            AnswerFormat::Umami | AnswerFormat::Silent | AnswerFormat::MatomoBulk(_) | AnswerFormat::GoatCounterApi,
            Dropped::UnknownSite,
        ) => error(StatusCode::BAD_REQUEST, "the site is not known here"),
        (AnswerFormat::Umami, Dropped::Bot) => json(StatusCode::OK, Bytes::from_static(UMAMI_ROBOT.as_bytes())),
        _ => accepted(format),
    };
    allow_any_origin(&mut answer);
    answer.headers_mut().insert(DROPPED, HeaderValue::from_static(reason.label()));
    let shown = HeaderValue::from_static("x-sillage-dropped");
    answer.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    answer
}

/// Response to a rejected hit; `why` explains a malformed one.
pub fn refused(refused: Rejection, why: &'static str) -> CollectResponse {
    let mut answer = match refused {
        Rejection::Malformed => error(StatusCode::BAD_REQUEST, why),
        Rejection::TooLarge => error(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
        Rejection::Unsupported => error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body without a content encoding"),
        Rejection::TimedOut => error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        Rejection::Unavailable => json(StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(UNAVAILABLE.as_bytes())),
    };
    allow_any_origin(&mut answer);
    if refused == Rejection::Unavailable {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if matches!(refused, Rejection::TooLarge | Rejection::TimedOut) {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// GoatCounter's answer to a server some of whose hits are wrong, by their places; the others were taken.
pub(super) fn wrong_hits(wrong: &BTreeMap<usize, &'static str>) -> CollectResponse {
    json(StatusCode::BAD_REQUEST, Bytes::from(serde_json::json!({ "errors": wrong }).to_string()))
}

/// `{"error": …}` without CORS headers: scripts of other sites may read only the responses to hits.
pub fn error(status: StatusCode, text: &'static str) -> CollectResponse {
    json(status, Bytes::from(serde_json::json!({ "error": text }).to_string()))
}

fn json(status: StatusCode, body: Bytes) -> CollectResponse {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Response to a probe: 200 if `holds`, else 503.
pub fn health(holds: bool) -> CollectResponse {
    let status = if holds { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let text = if holds { "{\"ok\":true}" } else { "{\"ok\":false}" };
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Response for an unknown path.
pub fn not_found() -> CollectResponse {
    error(StatusCode::NOT_FOUND, "not found")
}

/// Response for a known path with another method.
pub fn method_not_allowed(allow: &'static str) -> CollectResponse {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    answer
}

/// Response to a CORS preflight: the permitted methods and headers.
pub fn preflight(allow: &'static str, accepted_headers: &'static str) -> CollectResponse {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    allow_any_origin(&mut answer);
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(accepted_headers));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

fn accepted(format: AnswerFormat) -> CollectResponse {
    const JSON: &str = "application/json";
    let summary = |summary: serde_json::Value| (StatusCode::OK, Bytes::from(summary.to_string()), JSON);
    let (status, body, kind) = match format {
        AnswerFormat::Native => (StatusCode::ACCEPTED, Bytes::from_static(b"ok"), "text/plain"),
        AnswerFormat::Pixel => (StatusCode::ACCEPTED, Bytes::from_static(PIXEL), GIF),
        AnswerFormat::Gif => (StatusCode::OK, Bytes::from_static(PIXEL), GIF),
        AnswerFormat::Silent => (StatusCode::NO_CONTENT, Bytes::new(), GIF),
        AnswerFormat::Umami => (StatusCode::OK, Bytes::from_static(UMAMI.as_bytes()), JSON),
        AnswerFormat::UmamiBatch(events) => {
            summary(serde_json::json!({ "size": events, "processed": events, "errors": 0, "details": [], "cache": "" }))
        }
        AnswerFormat::MatomoBulk(requests) => {
            summary(serde_json::json!({ "status": "success", "tracked": requests, "invalid": 0 }))
        }
        AnswerFormat::GoatCounterApi => (StatusCode::ACCEPTED, Bytes::from_static(b"{\"status\":\"ok\"}"), JSON),
    };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Browsers and proxies do not cache the response to a POST anyway.
    if kind == GIF {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    allow_any_origin(&mut answer);
    answer
}

/// Allows the sending origin by its name, with credentials, in an answer that allows any: to a page that sent with
/// credentials, a browser shows no answer that allows any origin.
pub(super) fn allow_origin(answer: &mut CollectResponse, origin: &HeaderValue) {
    let headers = answer.headers_mut();
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
}

fn allow_any_origin(answer: &mut CollectResponse) {
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
