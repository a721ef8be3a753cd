//! Every hit ends in exactly one outcome, and the number of received hits is their sum.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bad_input::{SITES, parts, post, post_with, request, with};
use crate::collector::{Collector, FIREFOX, Reply, pageview, raw};
use crate::support::eventually;

const NOON: &str = "2026-03-10T12:00:00Z";

fn tally<const N: usize>(outcomes: [(&str, u64); N]) -> (BTreeMap<String, u64>, u64) {
    (outcomes.map(|(name, hits)| (name.to_owned(), hits)).into(), outcomes.iter().map(|(_, hits)| hits).sum())
}

/// Status and reason: the parts of an outcome that a sender sees.
fn seen(reply: &Reply) -> (u16, Option<&str>) {
    (reply.status.as_u16(), reply.dropped())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_of_hits_ends_each_in_its_outcome_and_adds_up() {
    let collector = Collector::start_with(NOON, SITES, |config| config.collect.request_seconds = 1).await;
    let send = async |headers: &str, changes: Value| {
        let (status, head, _) = parts(&collector.raw(&post_with(headers, with(changes))).await);
        let reason = head.lines().find_map(|line| line.strip_prefix("x-sillage-dropped: ")).unwrap_or_default();
        (status, reason.to_owned())
    };
    let is = |reason: &str| (202, reason.to_owned());
    assert_eq!(send("", json!({})).await, is(""));
    assert_eq!(send("", json!({ "n": "Signup", "p": { "plan": "a" } })).await, is(""));
    assert_eq!(send("", json!({ "n": "engagement", "sd": 10 })).await, is(""));
    assert_eq!(send("", json!({ "n": "timing", "t": { "lcp": 1 } })).await, is(""));
    assert_eq!(send("", json!({ "d": "unknown.example" })).await, is("unknown_site"));
    assert_eq!(send("", json!({ "n": "problem" })).await, is("not_measured"));
    assert_eq!(send("DNT: 1\r\n", json!({})).await, is("opted_out"));
    assert_eq!(send("Sec-Purpose: prefetch\r\n", json!({})).await, is("prefetch"));
    assert_eq!(send("X-Forwarded-For: 192.0.2.66\r\n", json!({ "u": "https://blog.example/" })).await, is("excluded"));
    assert_eq!(
        seen(&collector.event("192.0.2.1", "curl/8.5.0", &pageview("shop.example", "/", None)).await),
        (202, Some("bot"))
    );
    for (body, status) in [("no JSON".to_owned(), 400), (" ".repeat(8_193), 413)] {
        assert_eq!(parts(&collector.raw(&post(body)).await).0, status);
    }
    assert_eq!(parts(&collector.raw(&post_with("Content-Encoding: gzip\r\n", "")).await).0, 415);
    let (status, head, body) = parts(&collector.raw(&request("POST /api/event", "Content-Length: 9\r\n", b"{")).await);
    assert_eq!((status, body.as_str()), (408, r#"{"error":"the body did not arrive in time"}"#), "{head}");
    let expected = tally([
        ("counted", 4),
        ("unknown_site", 1),
        ("not_measured", 1),
        ("opted_out", 1),
        ("prefetch", 1),
        ("excluded", 1),
        ("bot", 1),
        ("malformed", 1),
        ("too_large", 1),
        ("unsupported", 1),
        ("timed_out", 1),
    ]);
    assert_eq!(collector.outcomes().await, expected);
    assert_eq!(collector.counter("sillage_hits_total", "shop.example").await, 8);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_the_pixel_s_head_counts_nothing() {
    let collector = Collector::start(NOON, SITES).await;
    let pixel = |method: &str| {
        let from = format!("User-Agent: {FIREFOX}\r\nX-Forwarded-For: 90.0.0.1\r\n");
        request(&format!("{method} /pixel.gif?u=https%3A%2F%2Fshop.example%2F"), &from, b"")
    };
    let (status, head, body) = parts(&collector.raw(&pixel("HEAD")).await);
    assert_eq!((status, body.len()), (202, 0), "{head}");
    assert!(head.contains("x-sillage-dropped: not_measured") && head.contains("content-type: image/gif"), "{head}");
    assert_eq!(collector.outcomes().await, tally([("not_measured", 1)]));
    let got = collector.raw(&pixel("GET")).await;
    assert!(got.starts_with(b"HTTP/1.1 202 ") && got.windows(6).any(|six| six == b"GIF89a"));
    assert_eq!(collector.outcomes().await, tally([("not_measured", 1), ("counted", 1)]));
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_closed_in_the_time_of_a_request() {
    let collector = Collector::start_with(NOON, SITES, |config| {
        config.collect.request_seconds = 1;
        config.collect.idle_seconds = 3_600;
    })
    .await;
    let to = collector.app.collect_address;
    let silent = TcpStream::connect(to).await.unwrap();
    let half = b"POST /api/event HTTP/1.1\r\nHost: shop.exa";
    let closed = tokio::time::timeout(std::time::Duration::from_secs(30), raw(to, half)).await;
    assert_eq!(closed.expect("it is closed"), b"");
    // The HTTP/2 client has sent its preface, and the silent one nothing.
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut preface = TcpStream::connect(to).await.unwrap();
    preface.write_all(http2).await.unwrap();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(30), raw(to, half)).await;
    assert_eq!(closed.expect("it is closed"), b"");
    let mut read = [0; 512];
    assert!(preface.read(&mut read).await.unwrap() > 9, "its settings");
    assert!(matches!(preface.try_read(&mut read), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
    assert!(matches!(silent.try_read(&mut read), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
    collector.app.stop().await;
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_http_2_has_its_streams_and_their_unread_bytes_bounded() {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    let collector = Collector::start_with(NOON, SITES, |config| config.collect.request_seconds = 60).await;
    let mut stream = TcpStream::connect(collector.app.collect_address).await.unwrap();
    // POST /api/event, by the numbers of the static table; every body is still to come.
    let head = [&[0x83, 0x86, 0x04, 10][..], b"/api/event", &[0x01, 12], b"shop.example"].concat();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    (0..130).for_each(|number| sent.extend(frame(HEADERS, 4, 2 * number + 1, &head)));
    stream.write_all(&sent).await.unwrap();
    let (mut bytes, mut settings, mut refused) = (Vec::new(), BTreeMap::new(), Vec::new());
    let reading = async {
        while refused.len() < 2 {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "it stays open");
            while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
                let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
                let Some(payload) = rest.get(..length) else { break };
                match head[3] {
                    SETTINGS => settings.extend(
                        payload
                            .chunks_exact(6)
                            .map(|one| (one[1], u32::from_be_bytes([one[2], one[3], one[4], one[5]]))),
                    ),
                    RST_STREAM => refused.push(u32::from_be_bytes([head[5], head[6], head[7], head[8]])),
                    _ => {}
                }
                bytes.drain(..9 + length);
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), reading).await.expect("two too many are refused");
    assert_eq!(refused, [257, 259], "the streams behind the first 128");
    // MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE.
    assert_eq!([3, 4, 6].map(|name| settings.get(&name).copied()), [Some(128), Some(32_768), Some(16_384)]);
    drop(stream);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_two_sites_is_two_hits_and_its_answer_tells_the_better_one() {
    let collector = Collector::start_with(NOON, SITES, |config| {
        config.site[1].foreign_hosts = vec!["shop.example".into()];
    })
    .await;
    let send = async |sites: &str, url: &str| {
        let event = json!({ "n": "pageview", "d": sites, "u": url });
        let reply = collector.event("192.0.2.1", FIREFOX, &event).await;
        (reply.status.as_u16(), reply.dropped().map(str::to_owned))
    };
    assert_eq!(send("shop.example, blog.example", "https://shop.example/both").await, (202, None));
    assert_eq!(send("shop.example,nobody.example", "https://shop.example/one").await, (202, None));
    assert_eq!(send("nobody.example,shop.example", "https://shop.example/one").await, (202, None));
    let excluded = (202, Some("excluded".to_owned()));
    assert_eq!(send("blog.example,nobody.example", "https://shop.example/admin/x").await, excluded);
    let expected = tally([("counted", 4), ("unknown_site", 3), ("excluded", 1)]);
    assert_eq!(collector.outcomes().await, expected);
    collector.app.flush().await.unwrap();
    let sql = "SELECT format('{} {} {}', site, page, toString(sum(pageviews))) FROM {db}.page_days GROUP BY site, page ORDER BY 1";
    assert_eq!(collector.texts(sql).await, ["blog.example /both 1", "shop.example /both 1", "shop.example /one 2"]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_answers_503_for_all_sites_of_a_request_and_takes_hits_again_once_it_is_shipped() {
    let collector = Collector::start_with(NOON, SITES, |config| {
        config.spool.max_bytes = 4_096;
        config.site[1].foreign_hosts = vec!["shop.example".into()];
    })
    .await;
    let event = json!({ "n": "pageview", "d": "shop.example,blog.example", "u": "https://shop.example/" });
    let mut counted = 0;
    let refused = loop {
        let reply = collector.event("192.0.2.1", FIREFOX, &event).await;
        if reply.status != 202 {
            break reply;
        }
        counted += 1;
        assert!(counted < 1_000, "the spool never fills");
    };
    assert_eq!((refused.status.as_u16(), &refused.headers["retry-after"]), (503, &"5".parse().unwrap()));
    assert_eq!(refused.json(), json!({ "error": "hit not stored; retry later" }));
    collector.app.flush().await.unwrap();
    assert_eq!(seen(&collector.event("192.0.2.1", FIREFOX, &event).await), (202, None));
    collector.app.flush().await.unwrap();
    counted += 1;
    assert_eq!(collector.outcomes().await, tally([("counted", 2 * counted), ("unavailable", 2)]));
    let sql = "SELECT format('{} {} {} {}', site, toString(sum(pageviews)), toString(sum(visits)), toString(sum(visitors))) \
               FROM {db}.site_days GROUP BY site ORDER BY 1";
    let of = |site: &str| format!("{site} {counted} 1 1");
    assert_eq!(collector.texts(sql).await, [of("blog.example"), of("shop.example")]);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_closes_its_side_after_a_whole_hit_is_counted() {
    const SENDERS: u64 = 100;
    let collector = Collector::start(NOON, SITES).await;
    let event = post(with(json!({})));
    for _ in 0..SENDERS {
        let mut stream = TcpStream::connect(collector.app.collect_address).await.unwrap();
        stream.write_all(&event).await.unwrap();
    }
    let expected = tally([("counted", SENDERS)]);
    eventually("every hit is counted", async || collector.outcomes().await == expected).await;
    collector.app.flush().await.unwrap();
    assert_eq!(collector.sum("page_days", "pageviews").await, i64::try_from(SENDERS).unwrap());
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_breaks_off_before_the_answer_leaves_no_hit_without_outcome() {
    let collector = Collector::start(NOON, SITES).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    eventually("a hit is taken whose sender is gone", async || {
        for patience in 1..100 {
            let request = Request::post(format!("http://{}/api/event", collector.app.collect_address))
                .header("user-agent", FIREFOX)
                .body(Full::new(Bytes::from(with(json!({})))))
                .unwrap();
            let impatient = async {
                for _ in 0..patience {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                _answered = client.request(request) => {}
                () = impatient => {}
            }
        }
        collector.outcomes().await.0.contains_key("unanswered")
    })
    .await;
    // The last of them may still be on their way.
    eventually("received is the sum of outcomes, and what was taken is counted", async || {
        collector.app.flush().await.unwrap();
        let (outcomes, received) = collector.outcomes().await;
        // Others were aborted within their body and are malformed.
        let taken = outcomes["unanswered"] + outcomes.get("counted").unwrap_or(&0);
        let counted = u64::try_from(collector.sum("page_days", "pageviews").await);
        received == outcomes.values().sum::<u64>() && counted == Ok(taken)
    })
    .await;
    collector.app.stop().await;
}
