//! Clients that ask for much and read nothing: what they may hold in memory, and that others are served beside them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::collector::{FIREFOX, pageview};
use crate::process::{Home, Program};

const CONNECTIONS: usize = 40;
/// As many as a connection may have open at once.
const STREAMS: u32 = 128;

/// Memory that all unread answers together may take: 4 KiB of state for each stream, and not its 11 KiB page.
const GROWTH_MIB_MAX: f64 = 4.0 * (CONNECTIONS as f64) * (STREAMS as f64) / 1_024.0;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACKNOWLEDGED: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A connection by HTTP/2 with a window of 0 that asks for the privacy page on every stream; returns once the server
/// has read all of it.
async fn ask_without_reading(program: &Program) -> TcpStream {
    let window: &[u8] = &[0, 4, 0, 0, 0, 0];
    // GET, http, path and authority as HPACK writes them without a table.
    let head = [&b"\x82\x86\x04\x08/privacy"[..], b"\x01\x09localhost"].concat();
    let mut asked = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    asked.extend(frame(SETTINGS, 0, 0, window));
    for stream in 0..STREAMS {
        // Ends the headers and the stream.
        asked.extend(frame(HEADERS, 5, 2 * stream + 1, &head));
    }
    asked.extend(frame(PING, 0, 0, b"all read"));
    let mut connection = TcpStream::connect(program.collect).await.unwrap();
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
    drop(ask_without_reading(&program).await);
    let before = resident_mib(&program);
    let mut unread = Vec::new();
    for _ in 0..CONNECTIONS {
        unread.push(ask_without_reading(&program).await);
    }
    let growth = resident_mib(&program) - before;
    assert!(growth < GROWTH_MIB_MAX, "{growth:.0} MiB for {CONNECTIONS} connections");
    let hit = Request::post(format!("http://{}/api/event", program.collect))
        .header("user-agent", FIREFOX)
        .body(Full::new(Bytes::from(pageview("shop.example", "/", None).to_string())));
    let client = Client::builder(TokioExecutor::new()).build_http();
    assert_eq!(client.request(hit.unwrap()).await.unwrap().status(), 202);
}
