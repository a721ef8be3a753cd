//! The script as it is served: type, encoding, content, integrity, and no cookie on the way.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::collect::tracker;
use crate::doctor::finding::DoctorFinding;
use crate::http::client::WholeAnswer;

/// Largest decompressed body, in bytes.
const DECODED_BYTES_MAX: u64 = 16 << 20;

/// Words of file names that public lists of content blockers hold.
const BLOCKED_WORDS: [&str; 12] = [
    "analytics",
    "beacon",
    "fathom",
    "goatcounter",
    "matomo",
    "metrics",
    "piwik",
    "pixel",
    "plausible",
    "stats",
    "track",
    "umami",
];

/// Text of a header; empty where the answer has none.
pub(super) fn header<'a>(answer: &'a WholeAnswer, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The body as a browser reads it; `None` for an encoding that is not supported, or a malformed body.
pub(super) fn decoded(answer: &WholeAnswer) -> Option<Bytes> {
    match header(answer, "content-encoding").to_ascii_lowercase().as_str() {
        "" | "identity" => Some(answer.body.clone()),
        "gzip" => {
            let mut body = Vec::new();
            MultiGzDecoder::new(answer.body.as_ref()).take(DECODED_BYTES_MAX).read_to_end(&mut body).ok()?;
            Some(body.into())
        }
        _ => None,
    }
}

/// The script that this version serves at `path`.
pub(super) fn content(path: &str, tracker_path: &str) -> Option<&'static [u8]> {
    tracker::find(path, tracker_path).map(|asset| asset.content())
}

/// Judges the answer for the script at `path`; `integrity` is that of its tag, `expected` its content.
pub(super) fn judge(answer: &WholeAnswer, path: &str, integrity: &str, expected: Option<&[u8]>) -> Vec<DoctorFinding> {
    let problem = |text: String| vec![DoctorFinding::problem(text)];
    let kind = header(answer, "content-type");
    if answer.status.is_redirection() {
        let target = header(answer, "location");
        return problem(format!("script: answered {} to {target}; name that address in the tag", answer.status));
    }
    if !answer.status.is_success() {
        return problem(format!("script: answered {}; forward collect.tracker_path in the proxy", answer.status));
    }
    if !kind.contains("javascript") {
        return problem(format!(
            "script: answered as `{kind}`, which browsers do not run; forward collect.tracker_path in the proxy, and let \
             it keep the Content-Type"
        ));
    }
    let Some(body) = decoded(answer).filter(|body| !body.starts_with(&[0x1f, 0x8b])) else {
        return problem(
            "script: compressed twice, or without a Content-Encoding that says so; compress in the proxy or let the \
             collector's answer pass as it is"
                .into(),
        );
    };
    let mut findings = Vec::new();
    if !integrity.is_empty() && !is_intact(&body, integrity) {
        findings.push(DoctorFinding::problem(
            "script: the tag's integrity is that of another version, so browsers do not run it; write the snippet anew \
             with `sillage snippet`",
        ));
    }
    if expected.is_some_and(|expected| expected != body.as_ref()) {
        findings.push(DoctorFinding::problem(
            "script: not the one of this version; a cache holds an old copy, or a proxy changes it: purge the cache, \
             and exclude the path from minifying and rewriting",
        ));
    }
    findings.extend(cookie(answer, "script"));
    if findings.is_empty() {
        findings.push(DoctorFinding::ok("script: served"));
    }
    findings.extend(name(path));
    findings
}

/// A cookie that a server on the way sets: an identifier that the collector does not know of.
pub(super) fn cookie(answer: &WholeAnswer, subject: &str) -> Option<DoctorFinding> {
    answer.headers.contains_key("set-cookie").then(|| {
        DoctorFinding::problem(format!(
            "{subject}: a server on the way sets a cookie (balancer, firewall); switch it off for the collector's paths"
        ))
    })
}

fn name(path: &str) -> Option<DoctorFinding> {
    let path = path.to_ascii_lowercase();
    let word = BLOCKED_WORDS.iter().find(|word| path.contains(**word))?;
    Some(DoctorFinding::note(format!(
        "script: content blockers may block a name with `{word}`; collect.tracker_path can name another"
    )))
}

/// Whether the strongest hashes of `integrity` hold, as browsers check it.
fn is_intact(body: &[u8], integrity: &str) -> bool {
    type Hash = fn(&[u8]) -> Vec<u8>;
    let hashes: [(&str, Hash); 3] = [
        ("sha512-", |body| Sha512::digest(body).to_vec()),
        ("sha384-", |body| Sha384::digest(body).to_vec()),
        ("sha256-", |body| Sha256::digest(body).to_vec()),
    ];
    for (prefix, hash) in hashes {
        let mut written = integrity.split_ascii_whitespace().filter_map(|word| word.strip_prefix(prefix)).peekable();
        if written.peek().is_some() {
            let actual = STANDARD.encode(hash(body));
            return written.any(|hash| hash.split('?').next() == Some(actual.as_str()));
        }
    }
    // A browser ignores hashes that it does not know.
    true
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use hyper::header::HeaderName;

    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> WholeAnswer {
        let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        WholeAnswer { status, headers: headers.iter().map(pair).collect(), body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn each_way_to_serve_the_script_wrongly_is_told_with_its_remedy() {
        const KIND: (&str, &str) = ("content-type", "text/javascript");
        let gzip = {
            use std::io::Write as _;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(b"let s").unwrap();
            encoder.finish().unwrap()
        };
        for (status, headers, body, says) in [
            (200, vec![KIND], &b"let s"[..], ""),
            (200, vec![KIND, ("content-encoding", "gzip")], &gzip, ""),
            (301, vec![("location", "https://www.shop.example/s.js")], b"", "301 Moved Permanently to https://www."),
            (404, vec![], b"", "404 Not Found; forward collect.tracker_path"),
            (200, vec![("content-type", "text/html")], b"<p>", "answered as `text/html`"),
            (200, vec![KIND], &gzip, "without a Content-Encoding"),
            (200, vec![KIND, ("content-encoding", "gzip")], b"let s", "compressed twice"),
            (200, vec![KIND], b"let t", "not the one of this version"),
            (200, vec![KIND, ("set-cookie", "lb=1")], b"let s", "sets a cookie"),
        ] {
            let findings = judge(&answered(status, &headers, body), "/js/s.js", "", Some(b"let s"));
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].is_problem(), !says.is_empty(), "{findings:?}");
            assert!(findings[0].text.contains(says), "{findings:?}");
        }
    }

    #[test]
    fn the_strongest_hash_of_the_tag_decides_as_in_a_browser() {
        let hash = |body: &[u8]| STANDARD.encode(Sha384::digest(body));
        for (integrity, holds) in [
            (format!("sha384-{}", hash(b"let s")), true),
            (format!("sha384-{}", hash(b"let t")), false),
            (format!("sha256-AAAA sha384-{}", hash(b"let s")), true),
            ("md5-AAAA".to_owned(), true),
        ] {
            let findings =
                judge(&answered(200, &[("content-type", "text/javascript")], b"let s"), "/s.js", &integrity, None);
            assert_eq!(!findings[0].is_problem(), holds, "{integrity}: {findings:?}");
        }
    }

    #[test]
    fn a_name_on_the_lists_of_blockers_is_noted() {
        let named =
            |path| judge(&answered(200, &[("content-type", "text/javascript")], b""), path, "", None).len() == 2;
        assert!(named("/js/analytics.js") && named("/Matomo.js") && !named("/js/sillage.js") && !named("/js/shop.js"));
    }
}
