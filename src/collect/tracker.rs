//! Serves the tracker. The script is built ahead (`tracker/build.mjs`) and part of the program, so that no request
//! reads a file. It is the same for everybody: nothing of the request may ever flow into it.

use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::HeaderMap;

use super::asset::{Asset, Policy};

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("text/javascript; charset=utf-8", include_bytes!("../../tracker/dist/sillage.js"), Policy::Shared)
});

/// The tracker: compressed where that is understood, `304` where the browser has it already.
pub fn serve(headers: &HeaderMap) -> Response<Full<Bytes>> {
    SCRIPT.serve(headers)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::StatusCode;
    use hyper::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue};

    use super::*;

    #[test]
    fn any_site_may_load_it_and_keep_it_for_a_day() {
        let response = serve(&HeaderMap::new());
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        assert_eq!(header(CONTENT_TYPE.as_str()), "text/javascript; charset=utf-8");
        assert_eq!(header("access-control-allow-origin"), "*");
        assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header(CACHE_CONTROL.as_str()), "public, max-age=86400, stale-while-revalidate=604800");
        assert!(header(ETAG.as_str()).starts_with('"'), "a strong validator");
    }

    #[tokio::test]
    async fn it_travels_in_at_most_1700_bytes() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
        let response = serve(&headers);
        assert_eq!(response.headers().get(CONTENT_ENCODING).unwrap(), "gzip");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.len() <= 1700, "{} bytes", body.len());
    }
}
