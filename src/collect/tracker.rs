//! Serves the tracker and its extensions. The scripts are built in advance (`tracker/build.mjs`) and embedded, so that
//! no request reads a file. They are the same for all visitors: they must never contain data of a request.

use std::sync::LazyLock;

use crate::http::asset::{Asset, CachePolicy};

/// The tracker without extensions.
pub const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.js"));

/// The tracker with its standard extensions, as sites load it.
pub const TEXT: &str = concat!(
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.core.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.full.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.extra.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.consent.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.actions.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.watch.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.timing.js")),
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage.compat.js")),
);

macro_rules! scripts {
    ($($ending:literal)*) => {
        [$(($ending, Asset::new(
            "text/javascript; charset=utf-8",
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tracker/dist/sillage", $ending)),
            CachePolicy::Shared,
        )),)*]
    };
}

/// Scripts by the suffix of their names; the tracker itself comes first.
static SCRIPTS: LazyLock<[(&str, Asset); 9]> = LazyLock::new(
    || scripts!(".js" ".core.js" ".full.js" ".extra.js" ".consent.js" ".actions.js" ".watch.js" ".timing.js" ".compat.js"),
);

/// File names of other tools' trackers, without extension: the tracker answers there in the form that reads their tags.
/// The script itself interprets name parts such as `.outbound-links` or `pa-`.
const FOREIGN_STEMS: [&str; 8] =
    ["/js/script", "/js/plausible", "/js/pa-", "/script", "/count", "/matomo", "/piwik", "/tracker"];

/// The script for another tool's path, or for a file that it loads.
fn foreign(path: &str) -> Option<&'static str> {
    let rest = FOREIGN_STEMS.iter().find_map(|stem| path.strip_prefix(stem))?;
    let is_name = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    match () {
        () if !is_name || !rest.ends_with(".js") => None,
        () if rest.ends_with(".extra.js") => Some(".extra.js"),
        () if rest.ends_with(".watch.js") => Some(".watch.js"),
        () => Some(".compat.js"),
    }
}

/// The script at `path`, if the tracker is at `tracker_path`: extensions share its name, so that `/js/shop.js` has
/// `/js/shop.consent.js`.
pub(crate) fn find(path: &str, tracker_path: &str) -> Option<&'static Asset> {
    let stem = tracker_path.strip_suffix(".js").unwrap_or(tracker_path);
    let ending = if path == tracker_path { ".js" } else { path.strip_prefix(stem).unwrap_or("") };
    let script = |ending: &str| SCRIPTS.iter().find(|(known, _)| *known == ending).map(|(_, asset)| asset);
    script(ending).or_else(|| script(foreign(path)?))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::StatusCode;
    use hyper::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn any_site_may_load_them_and_keep_them_for_a_day() {
        for (_, script) in SCRIPTS.iter() {
            let response = script.serve(&HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK);
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
            assert_eq!(header(CONTENT_TYPE.as_str()), "text/javascript; charset=utf-8");
            assert_eq!(header("access-control-allow-origin"), "*");
            assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header(CACHE_CONTROL.as_str()), "public, max-age=86400, stale-while-revalidate=604800");
            assert!(header(ETAG.as_str()).starts_with('"'), "a strong validator");
        }
    }

    #[test]
    fn extensions_stand_beside_the_tracker_under_its_name() {
        let found = |path, tracker| find(path, tracker).map(std::ptr::from_ref);
        let [tracker, consent] = ["/js/sillage.js", "/js/sillage.consent.js"].map(|path| found(path, "/js/sillage.js"));
        assert!(tracker.is_some() && consent.is_some() && tracker != consent);
        for (path, tracker_path, expected) in [
            ("/js/shop.js", "/js/shop.js", tracker),
            ("/js/shop.consent.js", "/js/shop.js", consent),
            ("/shop", "/shop", tracker),
            ("/shop.consent.js", "/shop", consent),
            ("/js/sillage.js", "/js/shop.js", None),
            ("/js/sillage.other.js", "/js/sillage.js", None),
            ("/js/sillage", "/js/sillage.js", None),
            ("/", "/js/sillage.js", None),
        ] {
            assert_eq!(found(path, tracker_path), expected, "{path} beside {tracker_path}");
        }
    }

    #[test]
    fn another_tools_path_serves_the_script_that_reads_its_tag() {
        let found = |path| find(path, "/js/sillage.js").map(std::ptr::from_ref);
        let [compat, extra] = ["/js/sillage.compat.js", "/js/sillage.extra.js"].map(found);
        for path in [
            "/js/script.js",
            "/js/script.hash.outbound-links.js",
            "/js/pa-AbC_1.js",
            "/script.js",
            "/count.js",
            "/matomo.js",
        ] {
            assert_eq!(found(path), compat, "{path}");
        }
        assert_eq!(found("/js/script.hash.extra.js"), extra);
        for path in ["/js/script", "/js/script/a.js", "/scripts/a.js", "/countess", "/count.js/x"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[tokio::test]
    async fn they_travel_in_no_more_than_the_build_allows() {
        for ((_, script), bytes_max) in SCRIPTS.iter().zip([1_970, 1_500, 2_600, 950, 750, 1_100, 1_100, 3_500, 4_200])
        {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
            let response = script.serve(&headers);
            assert_eq!(response.headers().get(CONTENT_ENCODING).unwrap(), "gzip");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(body.len() <= bytes_max, "{} bytes", body.len());
        }
    }
}
