//! The built-in pages: files that are part of the program, and the sign-in form. They hold no figure; a strict policy
//! lets them load nothing from elsewhere.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, Response, StatusCode};

use crate::console::reply;
use crate::console::reply::ConsoleResponse;

/// One file of the dashboard.
pub(super) struct DashboardAsset {
    path: &'static str,
    content_type: &'static str,
    content: &'static [u8],
    etag: HeaderValue,
}

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

static ASSETS: LazyLock<[DashboardAsset; 17]> = LazyLock::new(|| {
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

fn asset(path: &'static str, content_type: &'static str, content: &'static [u8]) -> DashboardAsset {
    let hash = blake3::hash(content).to_hex();
    let etag = format!("\"{}\"", hash.get(..32).unwrap_or_default());
    let etag = HeaderValue::from_str(&etag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
    DashboardAsset { path, content_type, content, etag }
}

/// The file behind a path.
pub(super) fn find(path: &str) -> Option<&'static DashboardAsset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl DashboardAsset {
    /// The file, or `304` for whoever has it.
    pub(super) fn answer(&self, headers: &HeaderMap) -> ConsoleResponse {
        let has = headers.get_all(IF_NONE_MATCH).iter().any(|known| names(known, &self.etag));
        let content = if has { Bytes::new() } else { Bytes::from_static(self.content) };
        let mut response = Response::new(reply::whole(content));
        if has {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, self.etag.clone());
        response
    }
}

/// Whether an `If-None-Match` lists this tag, also where a proxy made it weak.
fn names(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(known), Ok(etag)) = (known.to_str(), etag.to_str()) else { return false };
    known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

/// The form that asks for a token.
pub(super) fn sign_in(status: StatusCode) -> ConsoleResponse {
    let mut response = Response::new(reply::whole(SIGN_IN));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
