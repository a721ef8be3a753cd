//! `GET /openapi.json`: the description of the console's API. Must hold no figure and no name of a site.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::console::reply;
use crate::console::reply::ConsoleResponse;

const DOCUMENT: &[u8] = include_bytes!("openapi.json");

/// Answers `GET /openapi.json` with the OpenAPI document.
pub(super) fn answer() -> ConsoleResponse {
    let mut answer = Response::new(reply::whole(Bytes::from_static(DOCUMENT)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
