//! The ways to the listeners beside plain TCP: TLS with HTTP/2, the PROXY protocol, a Unix socket, sockets and signs of
//! life of the service manager. The program runs as its own process.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::collector::{FIREFOX, pageview};
use crate::process::{Home, Program};
use crate::support::eventually;

const SHOP: &str = "shop.example";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A folder with a certificate that may be replaced, and the variables that name it.
pub(crate) struct TlsFiles(tempfile::TempDir);

impl TlsFiles {
    pub(crate) fn new(name: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.show(name);
        files
    }

    fn show(&self, name: &str) {
        std::fs::copy(fixture(&format!("{name}.pem")), self.path("certificate.pem")).unwrap();
        std::fs::copy(fixture(&format!("{name}.key.pem")), self.path("key.pem")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn setting(&self) -> String {
        format!("{{ certificate = {:?}, key = {:?} }}", self.path("certificate.pem"), self.path("key.pem"))
    }
}

async fn secured(program: &Program, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    secured_over(TcpStream::connect(program.collect).await.unwrap(), protocols).await
}

/// TLS that believes the fixtures' authority alone and offers `protocols`.
pub(crate) async fn secured_over(stream: TcpStream, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).unwrap()
}

/// A pageview as bytes; `from` is the forwarded address.
fn hit(page: &str, from: Option<&str>) -> String {
    let body = pageview(SHOP, page, None).to_string();
    let forwarded = from.map(|from| format!("X-Forwarded-For: {from}\r\n")).unwrap_or_default();
    format!(
        "POST /api/event HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {FIREFOX}\r\n{forwarded}Connection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends `bytes`; the first line that comes back, empty when the connection was closed.
async fn asked(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is closed with bytes unread ends in a reset.
    drop(tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap());
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

/// A connection to `listener` from this address of loopback.
async fn connected_from(listener: SocketAddr, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(listener).await.unwrap()
}

/// A PROXY header of version 2 that names this client.
fn proxy_header(client: [u8; 4]) -> Vec<u8> {
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &client, &[127, 0, 0, 1, 0x9c, 0x40, 0x1f, 0x90]].concat()
}

/// Waits for these visitors and pageviews of the shop.
async fn counted(program: &Program, wanted: (u32, u32)) {
    let sql = "SELECT toUInt32(sum(visitors)), toUInt32(sum(pageviews)) FROM sillage.site_days";
    eventually(&format!("{wanted:?} visitors and pageviews"), async || {
        program.store.ask_as_owner(sql).rows::<(u32, u32)>().await.unwrap()[0] == wanted
    })
    .await;
}

#[tokio::test]
async fn a_hit_over_tls_is_counted_by_http_1_and_by_http_2_and_the_certificate_is_replaced_by_sighup() {
    let (home, files) = (Home::new(""), TlsFiles::new("first"));
    let tls = files.setting();
    let program = home.serve(&[("SILLAGE_COLLECT__TLS", &tls)]).await;

    let stream = secured(&program, &[b"h2", b"http/1.1"]).await;
    assert_eq!((stream.get_ref().1.alpn_protocol(), shown(&stream)), (Some(&b"h2"[..]), certificate("first.pem")));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let running = tokio::spawn(connection);
    for page in ["/one", "/two"] {
        let event = Full::new(Bytes::from(pageview(SHOP, page, None).to_string()));
        let request = Request::post("https://localhost/api/event").header("user-agent", FIREFOX).body(event).unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (202, hyper::Version::HTTP_2));
    }
    drop(client);
    running.await.unwrap().unwrap();
    let stream = secured(&program, &[b"http/1.1"]).await;
    assert_eq!(asked(stream, hit("/three", None).as_bytes()).await, "HTTP/1.1 202 Accepted");
    // Plain HTTP at the same address is closed without an answer that a hit could be taken for.
    let plain = connected_from(program.collect, "127.0.0.1").await;
    assert!(!asked(plain, hit("/four", None).as_bytes()).await.contains("202"));
    counted(&program, (1, 3)).await;
    let failed = r#"sillage_handshakes_failed_total{listener="collect"} 1"#;
    assert!(program.metrics().await.lines().any(|line| line == failed));
    assert!(
        home.command(&["health"])
            .env("SILLAGE_COLLECT__TLS", &tls)
            .env("SILLAGE_COLLECT__LISTEN", program.collect.to_string())
            .status()
            .await
            .unwrap()
            .success()
    );

    std::fs::write(files.path("key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    program.signal(Signal::HUP);
    eventually("the broken key is rejected", async || home.log().contains("keeping the previous one")).await;
    assert!(home.log().contains("collect.tls.key"), "{}", home.log());
    assert_eq!(shown(&secured(&program, &[]).await), certificate("first.pem"));
    files.show("second");
    program.signal(Signal::HUP);
    eventually("the second certificate is shown", async || {
        shown(&secured(&program, &[]).await) == certificate("second.pem")
    })
    .await;
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn the_proxy_header_names_the_client_of_trusted_proxies_alone() {
    let home = Home::new("");
    let variables =
        [("SILLAGE_COLLECT__PROXY_PROTOCOL", "true"), ("SILLAGE_COLLECT__TRUSTED_PROXIES", r#"["127.0.0.7"]"#)];
    let program = home.serve(&variables).await;
    for client in [[203, 0, 113, 1], [203, 0, 113, 2], [203, 0, 113, 1]] {
        let request = [proxy_header(client), hit("/", None).into_bytes()].concat();
        let proxy = connected_from(program.collect, "127.0.0.7").await;
        assert_eq!(asked(proxy, &request).await, "HTTP/1.1 202 Accepted");
    }
    counted(&program, (2, 3)).await;
    // Other peers may not name a client; a peer without the header is served as itself.
    let forged = [proxy_header([203, 0, 113, 3]), hit("/", None).into_bytes()].concat();
    assert!(!asked(connected_from(program.collect, "127.0.0.2").await, &forged).await.contains("202"));
    let own = connected_from(program.collect, "127.0.0.2").await;
    assert_eq!(asked(own, hit("/", None).as_bytes()).await, "HTTP/1.1 202 Accepted");
    // A trusted proxy that sends none is closed: its own address is not the visitor's.
    let silent = connected_from(program.collect, "127.0.0.7").await;
    assert_eq!(asked(silent, hit("/", Some("203.0.113.4")).as_bytes()).await, "");
    assert!(home.log().contains("PROXY v2 header missing"), "{}", home.log());
    counted(&program, (3, 4)).await;
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn haproxy_with_send_proxy_v2_passes_visitors_on_over_tls() {
    let Some(haproxy) = ["/usr/sbin/haproxy", "/usr/bin/haproxy"].map(Path::new).into_iter().find(|path| path.exists())
    else {
        return;
    };
    let (home, files) = (Home::new(""), TlsFiles::new("first"));
    let tls = files.setting();
    let program = home.serve(&[("SILLAGE_COLLECT__TLS", &*tls), ("SILLAGE_COLLECT__PROXY_PROTOCOL", "true")]).await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = format!(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 9s\n  timeout server 9s\nlisten tcp\n  bind \
         {address}\n  server one {} send-proxy-v2\n",
        program.collect
    );
    std::fs::write(home.path().join("haproxy.cfg"), config).unwrap();
    let mut balancer = tokio::process::Command::new(haproxy)
        .args(["-db", "-f"])
        .arg(home.path().join("haproxy.cfg"))
        .kill_on_drop(true)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("haproxy listens", async || TcpStream::connect(address).await.is_ok()).await;
    for visitor in ["127.0.0.31", "127.0.0.32", "127.0.0.31"] {
        let socket = connected_from(address, visitor).await;
        let stream = secured_over(socket, &[b"http/1.1"]).await;
        // Addresses of loopback are trusted here: the header inside names the visitor behind them.
        let answer = asked(stream, hit("/", None).as_bytes()).await;
        assert_eq!(answer, "HTTP/1.1 202 Accepted");
    }
    counted(&program, (2, 3)).await;
    balancer.kill().await.unwrap();
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn a_unix_socket_takes_hits_of_a_proxy_and_survives_a_kill() {
    let home = Home::new("");
    let path = home.path().join("collect.sock");
    let setting = path.display().to_string();
    let variables = [("SILLAGE_COLLECT__UNIX_SOCKET", &*setting)];
    let program = home.serve(&variables).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    for visitor in ["203.0.113.1", "203.0.113.2", "203.0.113.1"] {
        let stream = UnixStream::connect(&path).await.unwrap();
        assert_eq!(asked(stream, hit("/", Some(visitor)).as_bytes()).await, "HTTP/1.1 202 Accepted");
    }
    counted(&program, (2, 3)).await;
    let other = home.command(&["serve"]).envs(variables).env("SILLAGE_SPOOL__DIR", home.path().join("other")).output();
    let stderr = String::from_utf8(other.await.unwrap().stderr).unwrap();
    assert!(stderr.contains(&setting) && stderr.contains("collect.unix_socket"), "{stderr}");
    program.end(Signal::KILL).await;
    assert!(path.exists(), "a killed process leaves its file");
    let program = home.serve(&variables).await;
    assert!(home.command(&["health"]).envs(variables).status().await.unwrap().success());
    assert!(program.end(Signal::TERM).await.success());
    assert!(!path.exists(), "it was not removed");
}

#[tokio::test]
async fn a_socket_of_the_service_manager_keeps_what_comes_before_the_start() {
    let home = Home::new("");
    let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = passed.local_addr().unwrap();
    // The hit waits in the socket's queue for a process that has not begun.
    let early = TcpStream::connect(address).await.unwrap();
    let waiting = tokio::spawn(async move { asked(early, hit("/", None).as_bytes()).await });
    let shell = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=collect;";
    let program = home.serve_with(shell, &[], Stdio::from(OwnedFd::from(passed.try_clone().unwrap()))).await;
    assert_eq!(program.collect, address, "`collect.listen` is not opened");
    assert_eq!(waiting.await.unwrap(), "HTTP/1.1 202 Accepted");
    assert!(program.end(Signal::TERM).await.success());

    let shell = "exec 3<&0 4<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=collect:web";
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &format!("{shell} exec \"$0\" serve --config \"$1\""), env!("CARGO_BIN_EXE_sillage")]);
    let command = command.arg(home.path().join("sillage.toml")).stdin(Stdio::from(OwnedFd::from(passed)));
    let answer = tokio::time::timeout(Duration::from_secs(60), command.kill_on_drop(true).output()).await;
    let stderr = String::from_utf8(answer.unwrap().unwrap().stderr).unwrap();
    assert!(stderr.contains("(`web`)") && stderr.contains("FileDescriptorName="), "{stderr}");
}

#[tokio::test]
async fn systemd_is_told_when_the_program_is_ready_alive_and_stopping() {
    let home = Home::new("");
    let path = home.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let hear = move |wanted: &str| {
        let mut seen = String::new();
        while !seen.lines().any(|line| line == wanted) {
            let mut buffer = [0; 256];
            let length =
                manager.recv(&mut buffer).unwrap_or_else(|error| panic!("{wanted} not heard: {error}; {seen}"));
            seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            seen.push('\n');
        }
        seen
    };
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "600000")];
    let program = home.serve(&variables).await;
    assert!(hear("READY=1").starts_with("READY=1"), "ready comes first");
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    program.signal(Signal::TERM);
    hear("STOPPING=1");
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn settings_of_the_listeners_that_cannot_be_used_are_named_by_check() {
    let (home, files) = (Home::new(""), TlsFiles::new("first"));
    std::fs::copy(fixture("second.key.pem"), files.path("other.pem")).unwrap();
    std::fs::write(files.path("empty.pem"), "").unwrap();
    let tls = |certificate: &str, key: &str| {
        format!("{{ certificate = {:?}, key = {:?} }}", files.path(certificate), files.path(key))
    };
    let cases = [
        ("COLLECT__TLS", "{ certificate = \"/a.pem\" }".to_owned(), "collect.tls.key: missing"),
        ("CONSOLE__TLS", "{ key = \"/a.pem\" }".to_owned(), "console.tls.certificate: missing"),
        ("COLLECT__TLS", tls("gone.pem", "key.pem"), "gone.pem: No such file"),
        ("COLLECT__TLS", tls("empty.pem", "key.pem"), "empty.pem: holds no certificate"),
        ("COLLECT__TLS", tls("key.pem", "key.pem"), "collect.tls.certificate"),
        ("COLLECT__TLS", tls("certificate.pem", "certificate.pem"), "holds no private key"),
        ("COLLECT__TLS", tls("certificate.pem", "other.pem"), "not the key of the certificate"),
        ("COLLECT__UNIX_SOCKET", "\"collect.sock\"".to_owned(), "write an absolute path"),
        ("CONSOLE__UNIX_SOCKET", format!("\"/{}\"", "x".repeat(108)), "107 bytes at most"),
    ];
    for (key, value, says) in cases {
        let answer = home.command(&["check"]).env(format!("SILLAGE_{key}"), &value).output().await.unwrap();
        let stderr = String::from_utf8_lossy(&answer.stderr);
        assert_eq!(answer.status.code(), Some(2), "{key}={value}: {stderr}");
        assert!(stderr.contains(says), "{key}={value}: {stderr}");
    }
    let untrusted = [("SILLAGE_COLLECT__PROXY_PROTOCOL", "true"), ("SILLAGE_COLLECT__TRUSTED_PROXIES", "[]")];
    let answer = home.command(&["check"]).envs(untrusted).output().await.unwrap();
    assert!(String::from_utf8_lossy(&answer.stderr).contains("collect.proxy_protocol: no proxy is trusted"));
    assert!(home.command(&["check"]).env("SILLAGE_COLLECT__TLS", files.setting()).status().await.unwrap().success());
}

#[tokio::test]
async fn a_listener_that_stops_refuses_connections_while_its_last_request_ends() {
    let home = Home::new("");
    let program = home.serve(&[]).await;
    let request = hit("/", None);
    let (head, body) = request.split_at(request.find("\r\n\r\n").unwrap() + 4);
    let mut slow = TcpStream::connect(program.collect).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    program.signal(Signal::TERM);
    // A balancer then tries another time; a connection that is never accepted would be reset with its hit.
    eventually("connections are refused", async || TcpStream::connect(program.collect).await.is_err()).await;
    assert_eq!(asked(slow, body.as_bytes()).await, "HTTP/1.1 202 Accepted");
    assert!(program.end(Signal::TERM).await.success());
}
