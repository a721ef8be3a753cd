//! Clients that ask for much and read nothing: what they may hold in memory, and that others are served beside them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::collector::{FIREFOX, pageview};
use crate::doors::{TlsFiles, secured_over};
use crate::process::{Home, Program};

const CONNECTIONS: usize = 40;
/// As many as a connection may have open at once.
const STREAMS: u32 = 128;

/// Memory that all unread answers together may take: 4 KiB of state for each stream, and not its 11 KiB page.
const GROWTH_MIB_MAX: f64 = 4.0 * (CONNECTIONS as f64) * (STREAMS as f64) / 1_024.0;

/// Longest wait until all connections without progress are closed: ten times the limit that the test sets.
const PATIENCE: Duration = Duration::from_secs(20);

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACKNOWLEDGED: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Asks by HTTP/2 with a window of 0 for `path` on every stream; returns once the server has read all of it.
async fn ask_without_reading<S: AsyncRead + AsyncWrite + Unpin>(mut connection: S, path: &str) -> S {
    let window: &[u8] = &[0, 4, 0, 0, 0, 0];
    // GET, http, path and authority as HPACK writes them without a table.
    let length = u8::try_from(path.len()).unwrap();
    let head = [&[0x82, 0x86, 0x04, length], path.as_bytes(), b"\x01\x09localhost"].concat();
    let mut asked = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    asked.extend(frame(SETTINGS, 0, 0, window));
    for stream in 0..STREAMS {
        // Ends the headers and the stream.
        asked.extend(frame(HEADERS, 5, 2 * stream + 1, &head));
    }
    asked.extend(frame(PING, 0, 0, b"all read"));
    connection.write_all(&asked).await.unwrap();
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        connection.read_exact(&mut payload).await.unwrap();
        if (head[3], head[4]) == (PING, ACKNOWLEDGED) {
            return connection;
        }
    }
}

fn resident_mib(program: &Program) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_never_read_hold_no_copy_of_the_page_and_hits_go_on() {
    let home = Home::new("");
    let program = home.serve(&[]).await;
    let ask = async || ask_without_reading(TcpStream::connect(program.collect).await.unwrap(), "/privacy").await;
    drop(ask().await);
    let before = resident_mib(&program);
    let mut unread = Vec::new();
    for _ in 0..CONNECTIONS {
        unread.push(ask().await);
    }
    let growth = resident_mib(&program) - before;
    assert!(growth < GROWTH_MIB_MAX, "{growth:.0} MiB for {CONNECTIONS} connections");
    let hit = Request::post(format!("http://{}/api/event", program.collect))
        .header("user-agent", FIREFOX)
        .body(Full::new(Bytes::from(pageview("shop.example", "/", None).to_string())));
    let client = Client::builder(TokioExecutor::new()).build_http();
    assert_eq!(client.request(hit.unwrap()).await.unwrap().status(), 202);
}

/// Reads until the server closes the connection.
async fn read_to_end(mut connection: impl AsyncRead + Unpin) {
    // A reset ends it too.
    drop(connection.read_to_end(&mut Vec::new()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_never_read_over_tls_are_bounded_and_their_connections_closed() {
    let (home, files) = (Home::new(""), TlsFiles::new("first"));
    let tls = files.setting();
    let variables = [
        ("SILLAGE_COLLECT__TLS", &*tls),
        ("SILLAGE_CONSOLE__TLS", &*tls),
        ("SILLAGE_COLLECT__IDLE_SECONDS", "2"),
        ("SILLAGE_COLLECT__REQUEST_SECONDS", "2"),
    ];
    let program = home.serve(&variables).await;
    for (listener, path) in [(program.collect, "/privacy"), (program.console, "/metrics")] {
        let ask = async || {
            let stream = TcpStream::connect(listener).await.unwrap();
            ask_without_reading(secured_over(stream, &[b"h2"]).await, path).await
        };
        drop(ask().await);
        let before = resident_mib(&program);
        let mut unread = Vec::new();
        for _ in 0..CONNECTIONS {
            unread.push(ask().await);
        }
        let growth = resident_mib(&program) - before;
        assert!(growth < GROWTH_MIB_MAX, "{path}: {growth:.0} MiB for {CONNECTIONS} connections");
        let ended: JoinSet<()> = unread.into_iter().map(read_to_end).collect();
        tokio::time::timeout(PATIENCE, ended.join_all()).await.unwrap_or_else(|_| panic!("{path}: still open"));
    }
}
