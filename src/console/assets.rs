//! The built-in pages: files compiled into the program, and the sign-in form. They hold no figure; a strict policy lets
//! them load only their own files.

use std::sync::LazyLock;

use http_body_util::BodyExt as _;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::http::asset::{Asset, CachePolicy};

/// `file!("x.js")`: the bytes of a file of `dashboards/console/`.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards/console/", $name))
    };
}

/// `script!("x.js")`: a module of the pages, below `/assets/`.
macro_rules! script {
    ($name:literal) => {
        asset(concat!("/assets/", $name), "text/javascript; charset=utf-8", file!($name))
    };
}

static ASSETS: LazyLock<[(&str, Asset); 17]> = LazyLock::new(|| {
    [
        asset("/", "text/html; charset=utf-8", file!("index.html")),
        asset("/assets/console.css", "text/css; charset=utf-8", file!("console.css")),
        script!("ask.js"),
        script!("board.js"),
        script!("chart.js"),
        script!("desk.js"),
        script!("format.js"),
        script!("lists.js"),
        script!("main.js"),
        script!("map.js"),
        script!("page.js"),
        script!("panels.js"),
        script!("ranges.js"),
        script!("state.js"),
        script!("words.js"),
        script!("vendor/uplot.js"),
        script!("vendor/world.js"),
    ]
});

const SIGN_IN: &str = include_str!("sign_in.html");

fn asset(path: &'static str, content_type: &'static str, content: &'static [u8]) -> (&'static str, Asset) {
    (path, Asset::new(content_type, content, CachePolicy::Own))
}

/// Whether a file of the console is served at `path`.
pub(super) fn has(path: &str) -> bool {
    ASSETS.iter().any(|(of_asset, _)| *of_asset == path)
}

/// The file at `path`, as a request with these headers gets it.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Option<ConsoleResponse> {
    let (_, asset) = ASSETS.iter().find(|(of_asset, _)| *of_asset == path)?;
    Some(asset.serve(headers).map(|body| body.map_err(|never| match never {}).boxed_unsync()))
}

/// The sign-in form, which asks for a token.
pub(super) fn sign_in(status: StatusCode) -> ConsoleResponse {
    let mut response = Response::new(reply::whole(SIGN_IN));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
