//! Errors around a body, and hits dropped on purpose: sites, signals, sizes, encodings, methods, paths, HTTP itself.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Version};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::bad_input::{CANARY, Case, NO_URL, SITES, check, malformed, parts, post, post_with, request, with};
use crate::collector::{Collector, FIREFOX};

const TOO_LONG: &str = "the body is longer than the limit of this collector";

fn dropped(name: &str, request: Vec<u8>, says: &'static str) -> Case {
    Case { name: name.into(), request, status: 202, says, outcome: Some(says), hits: 1 }
}

fn other(name: &str, request: Vec<u8>, status: u16, says: &'static str, outcome: Option<&'static str>) -> Case {
    Case { name: name.into(), request, status, says, outcome, hits: 1 }
}

fn drops() -> Vec<Case> {
    let event = |headers: &str, changes: Value| post_with(headers, with(changes));
    let mut cases = vec![
        dropped("a site that is not ours", event("", json!({ "d": CANARY })), "unknown_site"),
        dropped("a host that is not ours", event("", json!({ "u": "https://zq7canary.example/" })), "unknown_site"),
        dropped(
            "a host within another",
            event("", json!({ "u": "https://shop.example.zq7canary.example/" })),
            "unknown_site",
        ),
        dropped(
            "our host as user",
            event("", json!({ "u": "https://shop.example@zq7canary.example/" })),
            "unknown_site",
        ),
        dropped(
            "our host behind a backslash",
            event("", json!({ "u": "https://zq7canary.example\\@shop.example/" })),
            "unknown_site",
        ),
        Case {
            hits: 2,
            ..dropped("two sites that are not ours", event("", json!({ "d": "zq7canary,zq8canary" })), "unknown_site")
        },
        dropped("a problem", event("", json!({ "n": "problem" })), "not_measured"),
        dropped("an excluded path", event("", json!({ "u": "https://blog.example/admin/zq7canary" })), "excluded"),
        dropped(
            "an excluded path in disguise",
            event("", json!({ "u": "https://blog.example//x/../%61dmin//zq7canary?a" })),
            "excluded",
        ),
        dropped(
            "an excluded address",
            event("X-Forwarded-For: 192.0.2.66\r\n", json!({ "u": "https://blog.example/" })),
            "excluded",
        ),
        dropped("a robot", event("User-Agent: zq7canary-bot/1.0\r\n", json!({})), "bot"),
    ];
    for header in ["Sec-GPC: 1", "DNT: 1"] {
        cases.push(dropped(header, event(&format!("{header}\r\n"), json!({})), "opted_out"));
    }
    for header in ["Sec-Purpose: prefetch", "Sec-Purpose: prefetch;prerender", "Purpose: prefetch", "X-Moz: prefetch"] {
        cases.push(dropped(header, event(&format!("{header}\r\n"), json!({})), "prefetch"));
    }
    // Of two agent lines the first counts, and it is a browser's: the robot's request must have only its own.
    for case in cases.iter_mut().filter(|case| case.name == "a robot") {
        let text = String::from_utf8(std::mem::take(&mut case.request)).unwrap();
        case.request = text.replacen(FIREFOX, "curl/8.5.0", 1).into_bytes();
    }
    cases
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn envelopes() -> Vec<Case> {
    let event = with(json!({}));
    let padded = |bytes: usize| {
        format!("{}{}", String::from_utf8(with(json!({}))).unwrap(), " ".repeat(bytes - with(json!({})).len()))
    };
    let chunk = |bytes: usize| format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes));
    let chunked = |chunks: String| request("POST /api/event", "Transfer-Encoding: chunked\r\n", chunks.as_bytes());
    const ENCODED: &str = "send the body without a content encoding";
    const NOTHING: &str = "not found";
    const METHOD: &str = "method not allowed";
    let mut cases = vec![
        other("8 193 bytes", post(padded(8_193)), 413, TOO_LONG, Some("too_large")),
        other(
            "8 193 bytes announced",
            request("POST /api/event", "Content-Length: 8193\r\n", b""),
            413,
            TOO_LONG,
            Some("too_large"),
        ),
        other(
            "8 193 bytes announced, not sent",
            request("POST /api/event", "Expect: 100-continue\r\nContent-Length: 8193\r\n", b""),
            413,
            TOO_LONG,
            Some("too_large"),
        ),
        other(
            "an absurd length",
            request("POST /api/event", "Content-Length: 18446744073709551615\r\n", b""),
            431,
            "",
            None,
        ),
        other("one chunk too long", chunked(format!("{}0\r\n\r\n", chunk(8_193))), 413, TOO_LONG, Some("too_large")),
        other(
            "chunks that add up",
            chunked(format!("{}0\r\n\r\n", chunk(100).repeat(82))),
            413,
            TOO_LONG,
            Some("too_large"),
        ),
        other("gzip", post_with("Content-Encoding: gzip\r\n", &event), 415, ENCODED, Some("unsupported")),
        other("br", post_with("Content-Encoding: br\r\n", &event), 415, ENCODED, Some("unsupported")),
        other(
            "identity and gzip",
            post_with("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", &event),
            415,
            ENCODED,
            Some("unsupported"),
        ),
        malformed("a chunk that is none", chunked("zq7canary\r\n\r\n".into()), ""),
        malformed(
            "pixel without a page",
            request("GET /pixel.gif?d=shop.example&r=zq7canary", "", b""),
            "u: 1 to 2000 bytes",
        ),
        malformed("pixel on a relative page", request("GET /pixel.gif?u=/zq7canary", "", b""), NO_URL),
        malformed(
            "pixel, blank site",
            request("GET /pixel.gif?d=&u=https://shop.example/zq7canary", "", b""),
            "d: blank",
        ),
        malformed("pixel, data URL", request("GET /pixel.gif?u=data:zq7canary", "", b""), NO_URL),
        dropped(
            "pixel of another site",
            request("GET /pixel.gif?u=https://zq7canary.example/", "", b""),
            "unknown_site",
        ),
        dropped("pixel, objection", request("GET /pixel.gif?u=https://shop.example/", "DNT: 1\r\n", b""), "opted_out"),
        other(
            "an agent of 17 000 bytes",
            post_with(&format!("X-Long: {CANARY}{}\r\n", "a".repeat(17_000)), &event),
            431,
            "",
            None,
        ),
        other(
            "a URL of 17 000 bytes",
            request(&format!("GET /pixel.gif?u={CANARY}{}", "a".repeat(17_000)), "", b""),
            431,
            "",
            None,
        ),
        other("200 headers", post_with(&format!("X-A: {CANARY}\r\n").repeat(200), &event), 431, "", None),
        other("no HTTP", format!("{CANARY}\r\n\r\n").into_bytes(), 400, "", None),
        other("a NUL in a header", post_with("X-A: zq7\0canary\r\n", &event), 400, "", None),
        other("a negative length", request("POST /api/event", "Content-Length: -5\r\n", &event), 400, "", None),
        other(
            "two lengths",
            request("POST /api/event", "Content-Length: 5\r\nContent-Length: 6\r\n", &event),
            400,
            "",
            None,
        ),
        other("another version", b"GET / HTTP/3.0\r\n\r\n".to_vec(), 400, "", None),
    ];
    for path in [
        "/",
        "/zq7canary",
        "/API/event",
        "/api//event",
        "/api/%65vent",
        "/api/event%00",
        "/../api/event",
        "/metrics",
        "/api/v2/query",
        "/demo/",
    ] {
        cases.push(other(
            &format!("POST {path}"),
            request(&format!("POST {path}"), &format!("Content-Length: {}\r\n", event.len()), &event),
            404,
            NOTHING,
            None,
        ));
        cases.push(other(
            &format!("GET {path}"),
            request(&format!("GET {path}"), "", b""),
            if path == "/api/event" { 405 } else { 404 },
            NOTHING,
            None,
        ));
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "ZQ7CANARY"] {
        let says = if method == "HEAD" { "" } else { METHOD };
        cases.push(other(method, request(&format!("{method} /api/event"), "", b""), 405, says, None));
    }
    for method in ["POST", "PUT", "DELETE", "ZQ7CANARY"] {
        cases.push(other(
            &format!("{method} pixel"),
            request(&format!("{method} /pixel.gif?u=https://shop.example/"), "", b""),
            405,
            METHOD,
            None,
        ));
        cases.push(other(
            &format!("{method} script"),
            request(&format!("{method} /js/sillage.js"), "", b""),
            405,
            METHOD,
            None,
        ));
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_that_must_not_count_is_dropped_with_its_reason() {
    check(&drops()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_wrong_around_its_body_is_refused_with_the_right_status() {
    check(&envelopes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_other_sites_may_send_hits_and_read_nothing_else() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    for (line, status, open, allow) in [
        ("POST /api/event", 400, true, ""),
        ("OPTIONS /api/event", 204, true, ""),
        ("GET /pixel.gif", 400, true, ""),
        ("OPTIONS /pixel.gif", 204, true, ""),
        ("GET /js/sillage.js", 200, true, ""),
        ("GET /api/event", 405, false, "post, options"),
        ("POST /pixel.gif", 405, false, "get, head, options"),
        ("OPTIONS /js/sillage.js", 405, false, "get, head"),
        ("GET /", 404, false, ""),
        ("OPTIONS /", 404, false, ""),
        ("OPTIONS /zq7canary", 404, false, ""),
    ] {
        let asks = "Origin: https://zq7canary.example\r\nAccess-Control-Request-Headers: x-zq7canary\r\n";
        let (got, head, _) = parts(&collector.raw(&request(line, asks, b"")).await);
        assert_eq!(got, status, "{line}");
        assert_eq!(head.contains("\r\naccess-control-allow-origin: *\r\n"), open, "{line}: {head}");
        assert!(!head.contains("credentials") && !head.contains(CANARY), "{line}: {head}");
        let allowed = head.lines().find_map(|header| header.strip_prefix("allow: ")).unwrap_or_default();
        assert_eq!(allowed, allow, "{line}");
        if status == 204 {
            assert!(head.contains("\r\naccess-control-allow-headers: content-type\r\n"), "{line}: {head}");
            assert!(head.contains("\r\naccess-control-allow-methods: "), "{line}: {head}");
        }
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_right_requests_are_counted() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    let event = with(json!({}));
    let length = format!("Content-Length: {}\r\n", event.len());
    let agent = format!("User-Agent: {FIREFOX}\r\n");
    let whole = |head: String| [format!("{head}\r\n").as_bytes(), event.as_slice()].concat();
    let chunks = event.chunks(7).map(|part| format!("{:x}\r\n{}\r\n", part.len(), str::from_utf8(part).unwrap()));
    let chunked = format!("{}0\r\n\r\n", chunks.collect::<String>());
    let spaces = " ".repeat(8_192 - event.len());
    let requests = [
        whole(format!("POST /api/event HTTP/1.0\r\n{agent}{length}")),
        whole(format!("POST /api/event HTTP/1.1\r\nHost: [zq7\r\nConnection: close\r\n{agent}{length}")),
        whole(format!(
            "POST http://zq7canary.example/api/event HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{agent}{length}"
        )),
        request("POST /api/event?zq7canary", &length, &event),
        request("POST /api/event", "Transfer-Encoding: chunked\r\n", chunked.as_bytes()),
        request("POST /api/event", &format!("Expect: 100-continue\r\n{length}"), &event),
        post_with("Content-Encoding: identity\r\nContent-Type: text/plain\r\n", &event),
        post_with("Content-Type: zq7canary/\u{e9}\r\nX-Forwarded-For: zq7canary\r\n", &event),
        post([event.as_slice(), spaces.as_bytes()].concat()),
        request("GET /pixel.gif?u=https%3A%2F%2Fshop.example%2Fzq7canary&d=shop.example", "", b""),
        request("GET /pixel.gif", "Referer: https://shop.example/zq7canary?a=b\r\n", b""),
    ];
    for request in &requests {
        let answer = collector.raw(request).await;
        let (status, head, body) = parts(&answer);
        let asked = String::from_utf8_lossy(request);
        assert_eq!(status, 202, "{asked}: {head}{body}");
        assert!(
            !head.contains("\r\nx-sillage-dropped") && !String::from_utf8_lossy(&answer).contains(CANARY),
            "{asked}"
        );
        if asked.starts_with("GET /pixel") {
            assert!(answer.ends_with(b"\0\x3b") && head.contains("\r\ncontent-type: image/gif\r\n"), "{head}");
            assert!(head.contains("\r\ncontent-length: 43\r\n"), "{head}");
        }
    }
    let requests = u64::try_from(requests.len()).unwrap();
    assert_eq!(collector.outcomes().await, ([("counted".to_owned(), requests)].into(), requests));
    collector.app.flush().await.unwrap();
    let pages = collector
        .texts("SELECT format('{} {}', page, toString(sum(pageviews))) FROM {db}.page_days GROUP BY page")
        .await;
    assert_eq!(pages, [format!("/{CANARY} {requests}")]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_http_2_at_once_is_understood() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let send = async |body: Vec<u8>, header: &str| {
        let request = Request::post(format!("http://{}/api/event", collector.app.collect_address))
            .header("user-agent", FIREFOX)
            .header("x-a", header)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        client.request(request).await.unwrap()
    };
    let answer = send(with(json!({})), "").await;
    assert_eq!((answer.status().as_u16(), answer.version()), (202, Version::HTTP_2));
    assert_eq!(send(vec![b' '; 8_193], "").await.status(), 413);
    assert_eq!(send(with(json!({})), &"a".repeat(17_000)).await.status(), 431);
    assert_eq!(send(b"zq7canary".to_vec(), "").await.status(), 400);
    let outcomes = [("counted", 1), ("malformed", 1), ("too_large", 1)].map(|(name, hits)| (name.to_owned(), hits));
    assert_eq!(collector.outcomes().await, (outcomes.into(), 3));
    collector.app.stop().await;
}
