//! Connections are shared among the collecting threads, and closed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::collector::Collector;
use crate::support::eventually;

const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;
const TRACKER: &[u8] = b"GET /js/sillage.js HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[tokio::test]
async fn connections_that_come_at_once_are_served_by_all_threads_alike() {
    let collector = Collector::start("2026-03-10T10:00:00Z", SITE).await;
    let mut open = Vec::new();
    for _ in 0..101 {
        open.push(TcpStream::connect(collector.app.collect_address).await.unwrap());
    }
    for stream in &mut open {
        stream.write_all(TRACKER).await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
    }
    let (one, other) = (connections(&collector, 0).await, connections(&collector, 1).await);
    assert_eq!(one + other, 101);
    assert!(one.abs_diff(other) <= 5, "{one} and {other}");
    drop(open);
    eventually("all are gone", async || collector.counter("sillage_connections", "").await == 0).await;
    collector.app.stop().await;
}

async fn connections(collector: &Collector, thread: usize) -> u64 {
    collector.counter("sillage_connections", &format!("thread=\"{thread}\"")).await
}
