//! Decides which paths are pages: files, feeds and interfaces of programs are not.

/// Suffixes of paths that are assets, files or feeds, not pages.
#[rustfmt::skip]
const ASSETS: &[&str] = &[
    "7z", "aac", "apk", "appcache", "asc", "atom", "avi", "avif", "bin", "bmp", "br", "bz2", "cer", "class", "conf",
    "crl", "crt", "css", "csv", "cur", "dat", "deb", "dll", "dmg", "doc", "docx", "eot", "epub", "exe", "flac",
    "flv", "gif", "gz", "heic", "heif", "ico", "ics", "img", "ini", "ipa", "iso", "jar", "jpeg", "jpg", "js",
    "json", "jsonld", "jxl", "key", "less", "log", "lz", "m3u8", "m4a", "m4s", "m4v", "map", "md5", "mid", "mjs",
    "mkv", "mobi", "mov", "mp2", "mp3", "mp4", "mpd", "mpeg", "mpg", "msi", "odp", "ods", "odt", "ogg", "ogv",
    "opus", "otf", "patch", "pdf", "pem", "pkg", "png", "ppt", "pptx", "ps", "psd", "rar", "rdf", "rpm", "rss",
    "rtf", "sass", "scss", "sha1", "sha256", "sha512", "sig", "sql", "svg", "svgz", "swf", "tar", "tbz", "tbz2",
    "tgz", "tif", "tiff", "torrent", "ts", "ttc", "ttf", "txt", "txz", "vtt", "wasm", "wav", "webm", "webmanifest",
    "webp", "wma", "wmv", "woff", "woff2", "xls", "xlsx", "xml", "xpi", "xsl", "xslt", "xz", "yaml", "yml", "zip",
    "zst",
];

/// Length of the longest of these.
const ASSET_BYTES_MAX: usize = 11;

/// Prefixes of paths that programs request, not people.
const INTERFACES: &[&str] = &[
    "/wp-json",
    "/wp-admin/admin-ajax.php",
    "/xmlrpc.php",
    "/wp-cron.php",
    "/graphql",
    "/cdn-cgi",
    "/_next/image",
    "/_next/data",
    "/matomo.php",
    "/piwik.php",
    "/server-status",
    "/nginx_status",
    "/healthz",
];

/// Whether `target`, a path with its query, is a file, a feed or an interface: not a page.
pub(super) fn is_asset(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    has_asset_ending(name) || is_dot_file(path) || is_feed(path) || is_interface(path)
}

/// Whether a text is the ending of a file: of an asset, or of a page that a server makes.
pub(super) fn is_file_ending(ending: &str) -> bool {
    const OF_PAGES: [&str; 13] =
        ["action", "asp", "aspx", "cgi", "cfm", "do", "env", "htm", "html", "jsp", "php", "phtml", "shtml"];
    OF_PAGES.iter().any(|known| known.eq_ignore_ascii_case(ending)) || has_asset_ending(&format!(".{ending}"))
}

fn has_asset_ending(name: &str) -> bool {
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let mut lower = [0; ASSET_BYTES_MAX];
    let Some(lower) = lower.get_mut(..ending.len()) else { return false };
    lower.copy_from_slice(ending.as_bytes());
    lower.make_ascii_lowercase();
    ASSETS.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok()
}

/// `/.env`, `/.git/config`, `/.well-known/…`: sites do not link to them.
fn is_dot_file(path: &str) -> bool {
    path.contains("/.")
}

/// Whether a path is a feed, such as `/feed`, `/blog/feed/` or `/comments/feed/atom/`.
fn is_feed(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    if matches!(path, "/rss" | "/atom") {
        return true;
    }
    let path = ["/atom", "/rss", "/rss2", "/rdf"].iter().find_map(|kind| path.strip_suffix(kind)).unwrap_or(path);
    path.ends_with("/feed") || path.ends_with("/feeds")
}

fn is_interface(path: &str) -> bool {
    let rest = INTERFACES.iter().find_map(|interface| path.strip_prefix(interface));
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    // Documentation of an interface lies below `/api` too: its paths end in `/` or `.html`.
    let is_api = path.strip_prefix("/api").is_some_and(is_below) && !path.ends_with('/') && !path.ends_with(".html");
    is_api || rest.is_some_and(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_assets_is_sorted_as_the_search_needs_it() {
        assert!(ASSETS.is_sorted());
        assert_eq!(ASSETS.iter().map(|ending| ending.len()).max(), Some(ASSET_BYTES_MAX));
    }

    #[test]
    fn files_feeds_and_interfaces_are_not_pages() {
        for page in [
            "/",
            "/a.html",
            "/index.php?file=a.png",
            "/v1.2/",
            "/about.me",
            "/apiary",
            "/api/",
            "/api/v2/query.html",
            "/feedback",
            "/a%2e",
        ] {
            assert!(!is_asset(page), "{page}");
        }
        for asset in [
            "/a.css",
            "/A.PNG?v=1",
            "/feed.xml",
            "/favicon.ico",
            "/feed/",
            "/feed",
            "/blog/feed/atom/",
            "/wp-json",
            "/wp-json/wp/v2/posts",
            "/api/v1",
            "/wp-admin/admin-ajax.php",
            "/.env",
            "/.git/config",
            "/a.tar.asc",
            "/x.sha256",
            "/x.torrent",
            "/x.class",
            "/x.log",
            "/x.sql",
            "/x.jxl",
            "/x.heic",
            "/x.ttc",
            "/x.less",
        ] {
            assert!(is_asset(asset), "{asset}");
        }
    }
}
