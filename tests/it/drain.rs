//! Notice to connections before the public listener closes: a balancer must not send a hit on a connection that
//! ends at that moment.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::collector::{Collector, FIREFOX, pageview};

const SHOP: &str = r#"site = [{ name = "shop.example" }]"#;

/// Sends a hit over an open connection and reads its answer; the lines of its head.
async fn hit(connection: &mut BufReader<TcpStream>, path: &str) -> Vec<String> {
    let body = pageview("shop.example", path, None).to_string();
    let request = format!(
        "POST /api/event HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {FIREFOX}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    connection.read_exact(&mut vec![0; length]).await.unwrap();
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_notice_on_each_answer_ends_its_connection_and_hits_still_count() {
    let collector = Collector::start("2026-03-10T09:00:00Z", SHOP).await;
    let address = collector.app.collect_address;
    let mut open = BufReader::new(TcpStream::connect(address).await.unwrap());
    let before = hit(&mut open, "/before").await;
    assert!(before[0].starts_with("http/1.1 202") && !before.contains(&"connection: close".to_owned()), "{before:?}");
    collector.app.health().drain();
    let last = hit(&mut open, "/last").await;
    assert!(last[0].starts_with("http/1.1 202") && last.contains(&"connection: close".to_owned()), "{last:?}");
    assert_eq!(open.read(&mut [0; 1]).await.unwrap(), 0, "the connection is closed after its answer");
    let fresh = hit(&mut BufReader::new(TcpStream::connect(address).await.unwrap()), "/fresh").await;
    assert!(fresh[0].starts_with("http/1.1 202"), "the listener still accepts: {fresh:?}");
    // HTTP/2 has no such header: a GOAWAY ends its connections when the listener closes.
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::post(format!("http://{address}/api/event"))
        .header("user-agent", FIREFOX)
        .body(Full::new(Bytes::from(pageview("shop.example", "/second", None).to_string())));
    assert_eq!(client.request(request.unwrap()).await.unwrap().status(), 202);
    drop(client);
    assert_eq!(collector.outcomes().await.0.get("counted"), Some(&4));
    collector.app.stop().await;
}
