//! Static files of the program, hashed and compressed once at their first use. A response depends on the file and on
//! two request headers only: `Accept-Encoding` and `If-None-Match`.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{Response, StatusCode};

use crate::http::OWN_FILES_ONLY;

/// Allowed origins and cache lifetime of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// Loadable by any site. Fresh for a day, and for a week while a new copy is fetched: a changed script reaches all
    /// browsers within a day, without a wait.
    Shared,
    /// For our own pages only: no resources from elsewhere, revalidated at each use.
    Own,
}

/// A file in two encodings, each with its own `ETag`.
#[derive(Debug)]
pub(crate) struct Asset {
    content_type: &'static str,
    policy: CachePolicy,
    plain: EncodedBody,
    gzip: Option<EncodedBody>,
}

#[derive(Debug)]
struct EncodedBody {
    body: Bytes,
    tag: HeaderValue,
}

impl Asset {
    /// Hashes and compresses `body`; a body that compression does not shrink is sent as it is.
    pub(crate) fn new(content_type: &'static str, body: &'static [u8], policy: CachePolicy) -> Self {
        let hash = blake3::hash(body).to_hex();
        let tag = |encoding: &str| {
            let name = format!("\"{}{encoding}\"", hash.get(..16).unwrap_or_default());
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("\"\""))
        };
        let gzip = compressed(body)
            .filter(|smaller| smaller.len() < body.len())
            .map(|smaller| EncodedBody { body: smaller.into(), tag: tag("-gzip") });
        Self { content_type, policy, plain: EncodedBody { body: Bytes::from_static(body), tag: tag("") }, gzip }
    }

    /// Content of the file, not compressed.
    pub(crate) fn content(&self) -> &[u8] {
        &self.plain.body
    }

    /// Response to a request with these headers.
    pub(crate) fn serve(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let encoded = self.gzip.as_ref().filter(|_| accepts_gzip(headers)).unwrap_or(&self.plain);
        let known = knows(headers, &encoded.tag);
        let mut response = Response::new(Full::new(if known { Bytes::new() } else { encoded.body.clone() }));
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let answer = response.headers_mut();
        answer.insert(ETAG, encoded.tag.clone());
        answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if !std::ptr::eq(encoded, &raw const self.plain) {
            answer.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for &(name, value) in self.policy.headers() {
            answer.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

impl CachePolicy {
    fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            CachePolicy::Shared => &[
                ("cache-control", "public, max-age=86400, stale-while-revalidate=604800"),
                ("access-control-allow-origin", "*"),
                ("cross-origin-resource-policy", "cross-origin"),
                ("x-content-type-options", "nosniff"),
            ],
            CachePolicy::Own => &[
                ("cache-control", "no-cache"),
                ("content-security-policy", OWN_FILES_ONLY),
                ("cross-origin-resource-policy", "same-origin"),
                ("referrer-policy", "strict-origin-when-cross-origin"),
                ("x-content-type-options", "nosniff"),
            ],
        }
    }
}

fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// Whether `Accept-Encoding` names `gzip` (or `*`) and does not exclude it by `q=0`.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
            matches!(coding.trim(), "gzip" | "*") && !refused
        })
}

/// Whether `If-None-Match` names the tag. A proxy may have weakened it.
pub(crate) fn knows(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let item = item.trim();
            item == "*" || item.strip_prefix("W/").unwrap_or(item).as_bytes() == tag.as_bytes()
        })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use http_body_util::BodyExt as _;
    use hyper::header::CONTENT_SECURITY_POLICY;

    use super::*;

    const TEXT: &[u8] = &[b'a'; 1000];

    fn asked(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn asset() -> Asset {
        Asset::new("text/plain", TEXT, CachePolicy::Own)
    }

    #[tokio::test]
    async fn compressed_and_plain_hold_the_same_under_different_tags() {
        let plain = asset().serve(&HeaderMap::new());
        let gzip = asset().serve(&asked(&[(ACCEPT_ENCODING, "br, gzip;q=0.5")]));
        assert_ne!(plain.headers().get(ETAG), gzip.headers().get(ETAG));
        assert_eq!(plain.headers().get(CONTENT_ENCODING), None);
        assert_eq!(gzip.headers().get(CONTENT_ENCODING).unwrap(), "gzip");
        let body = gzip.into_body().collect().await.unwrap().to_bytes();
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(body.as_ref()).read_to_end(&mut text).unwrap();
        assert_eq!(text, TEXT);
        assert_eq!(plain.into_body().collect().await.unwrap().to_bytes(), TEXT);
    }

    #[test]
    fn gzip_is_sent_only_where_it_is_accepted() {
        for (accepted, value) in [
            (true, "gzip"),
            (true, "br , gzip"),
            (true, "*"),
            (false, "br"),
            (false, "gzip;q=0"),
            (false, "gzip; q=0.0, br"),
            (false, "xgzip"),
            (false, ""),
        ] {
            assert_eq!(accepts_gzip(&asked(&[(ACCEPT_ENCODING, value)])), accepted, "{value}");
        }
    }

    #[tokio::test]
    async fn a_browser_that_has_it_gets_no_body() {
        let asset = asset();
        let tag = asset.plain.tag.to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            let response = asset.serve(&asked(&[(IF_NONE_MATCH, &known)]));
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(response.headers().get(ETAG), Some(&asset.plain.tag));
            assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
        assert_eq!(asset.serve(&asked(&[(IF_NONE_MATCH, "\"other\"")])).status(), StatusCode::OK);
        let other_encoding = asset.serve(&asked(&[(IF_NONE_MATCH, &tag), (ACCEPT_ENCODING, "gzip")]));
        assert_eq!(other_encoding.status(), StatusCode::OK);
    }

    #[test]
    fn a_body_that_compression_cannot_shrink_is_sent_as_it_is() {
        assert!(Asset::new("text/plain", b"a", CachePolicy::Own).gzip.is_none());
    }

    #[test]
    fn a_page_of_ours_takes_nothing_from_elsewhere() {
        let response = asset().serve(&HeaderMap::new());
        let policy = response.headers().get(CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(!policy.contains("unsafe") && !policy.contains("http"));
    }
}
