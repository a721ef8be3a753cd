//! Malformed input: for each kind of body and field, the answer is checked, and that nothing of the input was stored or
//! echoed. Errors around the body are in `bad_requests`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::collector::{Collector, FIREFOX};

/// A word in every request of the table; must be in no answer.
pub(crate) const CANARY: &str = "zq7canary";

pub(crate) const SITES: &str = r#"
    [[site]]
    name = "shop.example"
    hosts = ["shop.example", "bücher.example", "xn--bcher-kva.example"]
    properties = ["plan", "size"]
    query_names_kept = ["q"]
    [[site]]
    name = "blog.example"
    exclude_paths = ["/admin/*"]
    exclude_addresses = ["192.0.2.66"]
    "#;

/// One request with its expected answer.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
    /// Text of the error, or the reason in `x-sillage-dropped`.
    pub(crate) says: &'static str,
    /// Outcome that is counted; `None` if the request is not a hit.
    pub(crate) outcome: Option<&'static str>,
    pub(crate) hits: u64,
}

/// A complete request, with the canary in its headers.
pub(crate) fn request(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let agent = format!("User-Agent: {FIREFOX} {CANARY}\r\nCookie: id={CANARY}\r\nX-Forwarded-For: 192.0.2.7\r\n");
    let head = format!("{line} HTTP/1.1\r\nHost: collect.example\r\nConnection: close\r\n{agent}{headers}\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn post_with(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    request("POST /api/event", &format!("{headers}Content-Length: {}\r\n", body.len()), body)
}

pub(crate) fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    post_with("", body)
}

/// A pageview with these fields changed; `null` removes one.
pub(crate) fn with(changes: Value) -> Vec<u8> {
    let mut event = json!({ "n": "pageview", "u": format!("https://shop.example/{CANARY}"), "zz": CANARY });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            event.as_object_mut().unwrap().remove(name)
        } else {
            event.as_object_mut().unwrap().insert(name.clone(), value.clone())
        };
    }
    event.to_string().into_bytes()
}

pub(crate) fn malformed(name: &str, request: Vec<u8>, says: &'static str) -> Case {
    Case { name: name.into(), request, status: 400, says, outcome: Some("malformed"), hits: 1 }
}

fn field(name: &str, changes: Value, says: &'static str) -> Case {
    malformed(name, post(with(changes)), says)
}

const NO_OBJECT: &str = "the body is not a JSON object";
const WRONG_KIND: &str = "a field has the wrong type, or there twice";
pub(crate) const NO_URL: &str = "u: no http(s) URL of at most 2000 bytes";

fn bodies() -> Vec<Case> {
    let nested = |depth: usize| format!("{}{}{}", "[".repeat(depth), CANARY.len(), "]".repeat(depth));
    let url = format!("https://shop.example/{CANARY}");
    let positional =
        json!(["pageview", url, null, null, null, null, null, null, null, null, null, null, null, null, null]);
    let whole = |text: String| malformed(&text.clone(), post(text), NO_OBJECT);
    let mut cases = vec![
        malformed("no body", post(""), NO_OBJECT),
        malformed("no length", request("POST /api/event", "", b""), NO_OBJECT),
        whole(" \r\n\t".into()),
        whole(CANARY.into()),
        whole(format!("n=pageview&u={url}")),
        whole(format!(r#"{{"n":"pageview","u":"{url}""#)),
        whole(format!(r#"{{"n":"pageview","u":"{url}"}} {CANARY}"#)),
        whole(format!(r#"{{"n":"pageview","u":"{url}",}}"#)),
        whole(format!(r#"{{'n':'pageview','u':'{url}'}}"#)),
        whole(format!(r#"{{"n":"pageview","u":"{url}\u0000"}}"#).replace("\\u0000", "\0")),
        whole(format!("\u{feff}{{\"n\":\"pageview\",\"u\":\"{url}\"}}")),
        whole(r#"{"n":"pageview","u":"https://shop.example/\ud800"}"#.into()),
        whole("null".into()),
        whole("true".into()),
        whole("17".into()),
        whole(format!("\"{CANARY}\"")),
        whole("[]".into()),
        whole(positional.to_string()),
        whole(json!([with(json!({})).len(), CANARY]).to_string()),
        malformed(
            "no UTF-8 in a field",
            post(
                br#"{"n":"pageview","u":"https://shop.example/~"}"#.map(|byte| if byte == b'~' { 0xff } else { byte }),
            ),
            NO_OBJECT,
        ),
        malformed("no UTF-8 at all", post([0x80, 0x81, 0x00, 0xff]), NO_OBJECT),
        malformed("a gzip stream", post([0x1f, 0x8b, 0x08, 0x00]), NO_OBJECT),
        malformed("deep", post(format!(r#"{{"n":"x","u":"{url}","p":{}}}"#, nested(2_000))), NO_OBJECT),
        malformed("a field twice", post(format!(r#"{{"n":"pageview","n":"{CANARY}","u":"{url}"}}"#)), WRONG_KIND),
        malformed(
            "a field under both names",
            post(format!(r#"{{"n":"pageview","name":"{CANARY}","u":"{url}"}}"#)),
            WRONG_KIND,
        ),
    ];
    for name in ["n", "u", "d", "r"] {
        for value in [json!(true), json!(1.5), json!([CANARY]), json!({ CANARY: 1 })] {
            cases.push(field(&format!("{name}: {value}"), json!({ name: value }), WRONG_KIND));
        }
    }
    for name in ["h", "i"] {
        for value in [json!(CANARY), json!([1]), json!({ CANARY: 1 })] {
            cases.push(field(&format!("{name}: {value}"), json!({ name: value }), WRONG_KIND));
        }
    }
    cases
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn fields() -> Vec<Case> {
    let long_url = format!("https://shop.example/{CANARY}{}", "a".repeat(2_001 - 21 - CANARY.len()));
    let list = |count: usize| vec![CANARY; count].join(",");
    let properties =
        |count: usize| (0..count).map(|n| (format!("{CANARY}{n}"), json!(n))).collect::<serde_json::Map<_, _>>();
    let mut cases = vec![
        field("no name", json!({ "n": null }), "n: missing"),
        field("an empty name", json!({ "n": "" }), "n: 1 to 120 characters"),
        field("a blank name", json!({ "n": " \u{2003}" }), "n: 1 to 120 characters"),
        field("a name of 121 characters", json!({ "n": "é".repeat(121) }), "n: 1 to 120 characters"),
        field("a NUL in the name", json!({ "n": format!("{CANARY}\0") }), "n: control characters"),
        field("a line break in the name", json!({ "n": format!("{CANARY}\n") }), "n: control characters"),
        field("no URL", json!({ "u": null }), "u: missing"),
        field("an empty URL", json!({ "u": "" }), "u: 1 to 2000 bytes"),
        field("a URL of 2 001 bytes", json!({ "u": long_url }), "u: 1 to 2000 bytes"),
        field("a blank site", json!({ "d": " " }), "d: blank"),
        field("an empty site", json!({ "d": "" }), "d: blank"),
        field("a blank site among others", json!({ "d": format!("shop.example,,{CANARY}") }), "d: blank"),
        field("nine sites", json!({ "d": list(9) }), "d: at most 8 sites"),
        field("31 properties", json!({ "n": "x", "p": properties(31) }), "p: at most 30 properties"),
        field(
            "31 properties in a text",
            json!({ "n": "x", "p": Value::from(properties(31)).to_string() }),
            "p: at most 30 properties",
        ),
    ];
    for url in [
        "data:text/html,zq7canary",
        "javascript:zq7canary",
        "about:blank",
        "file:///zq7canary",
        "ftp://shop.example/zq7canary",
        "mailto:zq7canary@shop.example",
        "/zq7canary",
        "//shop.example/zq7canary",
        "shop.example/zq7canary",
        "https://",
        "https:///",
        "https://?zq7canary",
        "https://#zq7canary",
        "https://shop.example:99999/zq7canary",
        "https://[::1/zq7canary",
        "https://%00.example/",
        "https://shop.example/zq7canary\0",
        "https://shop.example/\r\nzq7canary",
        "blob:https://shop.example/zq7canary",
        " ",
    ] {
        cases.push(field(&format!("u: {url:?}"), json!({ "u": url }), NO_URL));
    }
    const NEITHER: &str = "engagement: e or sd is required";
    for changes in [
        json!({}),
        json!({ "e": -1 }),
        json!({ "e": 2_592_000_000_u64 }),
        json!({ "e": CANARY }),
        json!({ "sd": CANARY }),
        json!({ "sd": -1 }),
        json!({ "e": true, "sd": [CANARY] }),
        json!({ "e": "NaN" }),
        json!({ "e": "inf" }),
    ] {
        let mut engagement = changes.clone();
        engagement["n"] = json!("engagement");
        cases.push(field(&format!("engagement {changes}"), engagement, NEITHER));
    }
    const NO_OBJECT_OF_TIMES: &str = "t: must be an object of metrics and milliseconds";
    for (times, says) in [
        (json!(null), NO_OBJECT_OF_TIMES),
        (json!([1]), NO_OBJECT_OF_TIMES),
        (json!(CANARY), NO_OBJECT_OF_TIMES),
        (json!({}), "t: no known metric"),
        (json!({ CANARY: 12 }), "t: no known metric"),
        (json!({ "lcp": "12", "ttfb": -1, "fcp": null, "inp": [3] }), "t: no known metric"),
    ] {
        cases.push(field(&format!("timing {times}"), json!({ "n": "timing", "t": times }), says));
    }
    cases
}

/// Splits an answer into status, head and body.
pub(crate) fn parts(answer: &[u8]) -> (u16, String, String) {
    let text = String::from_utf8_lossy(answer);
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// Sends every case and checks its answer; then the outcomes, and that the database is empty.
pub(crate) async fn check(cases: &[Case]) {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases {
        let answer = collector.raw(&case.request).await;
        let (status, head, body) = parts(&answer);
        let right = match (case.status, case.says) {
            (202, reason) => head.contains(&format!("\r\nx-sillage-dropped: {reason}")),
            (_, "") => true,
            (_, says) => json!({ "error": says }) == serde_json::from_str::<Value>(&body).unwrap_or_default(),
        };
        let echoed = String::from_utf8_lossy(&answer).to_ascii_lowercase().contains("canary");
        if status != case.status || !right || echoed {
            wrong.push(format!("{}: {head}\n{body}", case.name));
        }
        if let Some(outcome) = case.outcome {
            *expected.entry(outcome.into()).or_default() += case.hits;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let (outcomes, received) = collector.outcomes().await;
    assert_eq!(outcomes, expected);
    assert_eq!(received, expected.values().sum::<u64>());
    collector.app.flush().await.unwrap();
    assert_eq!(collector.rows().await, 0, "something was stored");
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_an_event_is_refused_not_stored_and_never_echoed() {
    check(&bodies()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_breaks_its_rule_is_refused_stored_nowhere_and_never_echoed() {
    check(&fields()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_and_properties_of_another_kind_are_dropped_and_the_event_is_counted() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    let odd = [
        json!({ "$": { "currency": CANARY, "amount": 1 } }),
        json!({ "revenue": CANARY }),
        json!({ "p": [CANARY] }),
        json!({ "m": 7 }),
        json!({ "meta": CANARY }),
        json!({ "props": json!([CANARY]).to_string() }),
        json!({ "p": "[".repeat(2_000) }),
    ];
    for changes in &odd {
        let mut event = changes.clone();
        event["n"] = json!("Signup");
        event["u"] = json!("https://shop.example/odd");
        let (status, head, _) = parts(&collector.raw(&post(event.to_string())).await);
        assert_eq!((status, head.contains("x-sillage-dropped")), (202, false), "{changes}");
    }
    collector.app.flush().await.unwrap();
    let sql = "SELECT DISTINCT format('{} {} {}', action, property, value) FROM {db}.action_value_days";
    let rows = collector.texts(sql).await;
    assert_eq!(rows, Vec::<String>::new());
    assert_eq!(collector.sum("action_days WHERE action = 'Signup'", "count").await, i64::try_from(odd.len()).unwrap());
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_is_cut_and_its_page_counted() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    let long = "z".repeat(2_000);
    for url in [format!("https://shop.example/long?q=a&b={long}"), format!("https://shop.example/long?b={long}&q=a")] {
        let reply = collector.event("192.0.2.7", FIREFOX, &json!({ "n": "pageview", "u": url })).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None), "{url}");
    }
    collector.app.flush().await.unwrap();
    let pages = collector.texts("SELECT page FROM {db}.page_days GROUP BY page ORDER BY page").await;
    assert_eq!(pages, ["/long", "/long?q=a"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_named_several_ways_in_one_request_counts_once() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    let names = "shop.example,SHOP.example,www.shop.example,shop.example";
    let event = json!({ "n": "pageview", "d": names, "u": "https://shop.example/" });
    assert_eq!(collector.event("192.0.2.7", FIREFOX, &event).await.status, 202);
    assert_eq!(collector.outcomes().await, ([("counted".to_owned(), 1)].into(), 1));
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tricks_in_a_url_end_on_the_page_that_they_mean() {
    let tricks = [
        ("https://user:zq7canary@shop.example:8443/plain?zq7canary#zq7canary", "/plain"),
        ("https://SHOP.example./Case/", "/Case"),
        ("https://www.shop.example//double///slash/", "/double/slash"),
        ("https://shop.example/a/../dots/./x", "/dots/x"),
        ("https://shop.example/%65ncoded%2Fslash", "/encoded%2Fslash"),
        ("https://shop.example/twice%2565", "/twice%2565"),
        ("https://shop.example/overlong%c0%ae%c0%ae", "/overlong%C0%AE%C0%AE"),
        ("https://shop.example/nul%00%0d%0a", "/nul%00%0D%0A"),
        ("https://bücher.example/idn", "/idn"),
        ("https://xn--bcher-kva.example/punycode", "/punycode"),
        ("https://shop.example\\back\\slash", "/back/slash"),
        ("HTTPS://shop.example/kept?q=a%26b&gclid=zq7canary&q=2", "/kept?q=a%26b"),
        ("https://shop.example/mail/jane.doe%40zq7canary.example", "/mail/:email"),
    ];
    let collector = Collector::start("2026-03-10T09:00:00Z", SITES).await;
    for (url, _) in tricks {
        let reply = collector.event("192.0.2.7", FIREFOX, &json!({ "n": "pageview", "u": url })).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None), "{url}");
    }
    collector.app.flush().await.unwrap();
    let pages = collector.texts("SELECT page FROM {db}.page_days GROUP BY page ORDER BY page").await;
    let mut expected = tricks.map(|(_, page)| page);
    expected.sort_unstable();
    assert_eq!(pages, expected);
    assert!(collector.rows().await > 0, "what the other tests find empty is full here");
    collector.app.stop().await;
}
