//! Demonstration site under `/demo/`: a bookshop whose pages carry the tracker, for `serve --demo`. Its files are
//! embedded in the program. It reads no figures and must only be served with `--demo`.

use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use crate::http::asset::{Asset, CachePolicy};

const HTML: &str = "text/html; charset=utf-8";
const SVG: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($path:literal: $kind:ident $file:literal,)*) => {
        [$(($path, Asset::new($kind, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/", $file)), CachePolicy::Own)),)*]
    };
}

static FILES: LazyLock<[(&str, Asset); 23]> = LazyLock::new(|| {
    const CSS: &str = "text/css; charset=utf-8";
    const TEXT: &str = "text/plain; charset=utf-8";
    files! {
        "": HTML "home.html",
        "books": HTML "books.html",
        "books/salt-road": HTML "book-salt-road.html",
        "books/small-hours": HTML "book-small-hours.html",
        "books/tidewater": HTML "book-tidewater.html",
        "books/field-notes": HTML "book-field-notes.html",
        "books/the-weavers": HTML "book-the-weavers.html",
        "books/blue-hour": HTML "book-blue-hour.html",
        "journal": HTML "journal.html",
        "app": HTML "app.html",
        "about": HTML "about.html",
        "contact": HTML "contact.html",
        "demo.css": CSS "demo.css",
        "demo.js": SCRIPT "demo.js",
        "app.js": SCRIPT "app.js",
        "sample.txt": TEXT "sample.txt",
        "icon.svg": SVG "icon.svg",
        "covers/salt-road.svg": SVG "covers/salt-road.svg",
        "covers/small-hours.svg": SVG "covers/small-hours.svg",
        "covers/tidewater.svg": SVG "covers/tidewater.svg",
        "covers/field-notes.svg": SVG "covers/field-notes.svg",
        "covers/the-weavers.svg": SVG "covers/the-weavers.svg",
        "covers/blue-hour.svg": SVG "covers/blue-hour.svg",
    }
});

static NOT_FOUND: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(HTML, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/not-found.html")), CachePolicy::Own)
});

/// The response for `path` (without query) below `/demo`; unknown paths get the shop's own 404 page.
pub fn serve(path: &str, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
    let below = path.strip_prefix("/demo")?;
    if below.is_empty() {
        return Some(moved_to_the_slash());
    }
    let name = below.strip_prefix('/')?;
    // The single-page application answers at each address that its script creates.
    let name = if matches!(name, "app/mood" | "app/time" | "app/place") { "app" } else { name };
    if let Some((_, asset)) = FILES.iter().find(|(known, _)| *known == name) {
        return Some(asset.serve(headers));
    }
    let mut response = NOT_FOUND.serve(&HeaderMap::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    Some(response)
}

fn moved_to_the_slash() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/demo/"));
    response
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http_body_util::BodyExt as _;
    use hyper::header::CONTENT_TYPE;

    use super::*;

    fn get(path: &str) -> Option<Response<Full<Bytes>>> {
        serve(path, &HeaderMap::new())
    }

    async fn text(path: &str) -> String {
        let body = get(path).unwrap().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn pages() -> impl Iterator<Item = String> {
        FILES.iter().filter(|(name, _)| !name.contains('.')).map(|(name, _)| format!("/demo/{name}"))
    }

    #[test]
    fn only_paths_below_demo_are_answered() {
        for path in ["/", "/demonstration", "/js/sillage.js", "demo/", "/x/demo/"] {
            assert!(get(path).is_none(), "{path}");
        }
        assert_eq!(get("/demo").unwrap().headers().get(LOCATION).unwrap(), "/demo/");
        assert_eq!(get("/demo/").unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn an_unknown_path_gets_the_shop_s_not_found_page() {
        for path in ["/demo/gone", "/demo//", "/demo/../Cargo.toml", "/demo/app/other"] {
            assert_eq!(get(path).unwrap().status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert!(text("/demo/gone").await.contains("data-not-found"));
    }

    #[tokio::test]
    async fn every_page_carries_the_tracker_of_the_site_named_demo() {
        let mut count = 0;
        for page in pages() {
            let html = text(&page).await;
            assert!(html.contains(r#"src="/js/sillage.js" data-site="demo""#), "{page}");
            count += 1;
        }
        assert_eq!(count, 12);
    }

    #[tokio::test]
    async fn every_link_and_file_of_every_page_is_there_but_the_broken_one() {
        let mut broken = HashSet::new();
        for page in pages() {
            let html = text(&page).await;
            for part in html.split(['"', '\'']).filter(|part| part.starts_with("/demo")) {
                if get(part).unwrap().status() != StatusCode::OK {
                    broken.insert(part.to_owned());
                }
            }
        }
        assert_eq!(broken, HashSet::from(["/demo/a-page-that-is-not-there".to_owned()]));
    }

    #[tokio::test]
    async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in pages() {
            let html = text(&page).await;
            assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("<script>"), "{page}");
            let outside: Vec<&str> = html.split('"').filter(|part| part.starts_with("http")).collect();
            assert_eq!(outside, ["http://127.0.0.1:8081/"], "{page}: the console, and nothing else");
        }
    }

    #[test]
    fn the_single_page_corner_answers_at_its_own_addresses() {
        for path in ["/demo/app", "/demo/app/mood", "/demo/app/time", "/demo/app/place"] {
            let response = get(path).unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), HTML);
        }
    }
}
