//! Requests with credentials: pages of the sites get their own origin and the permission, all others `*`, to which
//! browsers show no answer that came with credentials.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::json;

use crate::collector::{Collector, FIREFOX, pageview};

const SHOP: &str = "shop.example";
const SITES: &str = r#"site = [
    { name = "shop.example", foreign_hosts = ["partner.example"] },
    { name = "blog", hosts = ["blog.example", "other.example"], ids = ["5a1e2f60-0000-4000-8000-000000000001"] },
    { name = "open.example", foreign_hosts = ["*"] },
]"#;

async fn asked(shop: &Collector, method: Method, path: &str, origin: &str, body: String) -> (StatusCode, HeaderMap) {
    sent_as("application/json", shop, method, path, (origin, body)).await
}

async fn sent_as(
    content_type: &str,
    shop: &Collector,
    method: Method,
    path: &str,
    (origin, body): (&str, String),
) -> (StatusCode, HeaderMap) {
    let request = Request::builder()
        .method(method)
        .header("content-type", content_type)
        .uri(path)
        .header("x-forwarded-for", "90.0.0.1")
        .header("user-agent", FIREFOX)
        .header("origin", origin)
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let reply = shop.collect(request).await;
    (reply.status, reply.headers)
}

fn cors(headers: &HeaderMap) -> [Option<&str>; 3] {
    ["access-control-allow-origin", "access-control-allow-credentials", "vary"]
        .map(|name| headers.get(name).map(|value| value.to_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_sites_may_send_with_credentials_and_others_get_a_star() {
    let shop = Collector::start_with("2026-03-10T09:00:00Z", SITES, |_| {}).await;
    for (origin, is_known) in [
        ("https://shop.example", true),
        ("http://shop.example:8080", true),
        ("https://www.shop.example", true),
        ("https://eu.shop.example", true),
        ("https://SHOP.example", true),
        ("https://partner.example", true),
        ("https://blog.example", true),
        ("https://eu.blog.example", false),
        ("https://blog", false),
        ("https://evilshop.example", false),
        ("https://shop.example.evil.example", false),
        ("https://shop.example@evil.example", false),
        ("https://elsewhere.example", false),
        ("null", false),
        ("", false),
    ] {
        let expected = if is_known { [Some(origin), Some("true"), Some("origin")] } else { [Some("*"), None, None] };
        for path in ["/api/event", "/api/send", "/api/batch", "/pixel.gif", "/count", "/matomo.php"] {
            let (status, headers) = asked(&shop, Method::OPTIONS, path, origin, String::new()).await;
            assert_eq!((status, cors(&headers)), (StatusCode::NO_CONTENT, expected), "{origin} {path}");
            let listed = headers["access-control-allow-headers"].to_str().unwrap();
            assert!(!listed.contains('*') && listed.contains("content-type"), "with credentials a star is a name");
        }
        let event = pageview(SHOP, "/", None).to_string();
        let (status, headers) = asked(&shop, Method::POST, "/api/event", origin, event).await;
        assert_eq!((status, cors(&headers)), (StatusCode::ACCEPTED, expected), "{origin}");
        let event = pageview(SHOP, "/", None).to_string();
        let plain = "text/plain;charset=UTF-8";
        let (status, headers) = sent_as(plain, &shop, Method::POST, "/api/event", (origin, event)).await;
        assert_eq!((status, cors(&headers)), (StatusCode::ACCEPTED, [Some("*"), None, None]), "{origin}: a tracker's");
        let (status, headers) = asked(&shop, Method::POST, "/api/event", origin, "{".into()).await;
        assert_eq!((status, cors(&headers)), (StatusCode::BAD_REQUEST, expected), "{origin}: also of a rejected hit");
        let umami = json!({ "type": "event", "payload": {
            "website": "5a1e2f60-0000-4000-8000-000000000001", "hostname": "blog.example", "url": "/", "screen": "1280x800"
        } });
        let (status, headers) = asked(&shop, Method::POST, "/api/send", origin, umami.to_string()).await;
        assert_eq!((status, cors(&headers)), (StatusCode::OK, expected), "{origin}");
    }
    let (_, headers) = asked(&shop, Method::GET, "/health/live", "https://shop.example", String::new()).await;
    assert_eq!(cors(&headers), [None, None, None], "answers to hits alone");
    shop.app.stop().await;
}
