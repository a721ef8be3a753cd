//! The ways to the public listener beside plain HTTP/1.1: a Unix socket, the PROXY protocol, HTTP/2, TLS. Processor
//! time of the collector for each hit, all ways in turns; a ratio is the median of the turns' ratios to plain HTTP.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::Extent;
use crate::program::{Home, Program, Setup};
use crate::results::{Figure, Results, median};
use crate::traffic::{Plan, SentNumbers, Traffic};
use crate::wire::{connected, on_a_runtime, one};

/// The bytes of a connection, over whichever way.
trait Bytes: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Bytes for S {}

/// A PROXY header of version 2: TCP over IPv4, from an address that is trusted as a proxy, so that the traffic's own
/// addresses count.
const PROXY_HEADER: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x09\x7f\0\0\x01\x9c\x40\x1f\x90";

/// Which of the running programs, and what comes before HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Tcp,
    Unix,
    Proxy,
    Tls,
}

/// One row of the table.
struct Door {
    name: &'static str,
    way: Way,
    /// Requests in progress on each connection of HTTP/2; 0 is HTTP/1.1.
    streams: usize,
    /// Each hit on a connection of its own.
    fresh: bool,
}

const DOORS: [Door; 9] = [
    Door { name: "HTTP/1.1", way: Way::Tcp, streams: 0, fresh: false },
    Door { name: "HTTP/1.1, Unix socket", way: Way::Unix, streams: 0, fresh: false },
    Door { name: "HTTP/1.1, PROXY v2", way: Way::Proxy, streams: 0, fresh: false },
    Door { name: "HTTP/1.1, TLS 1.3", way: Way::Tls, streams: 0, fresh: false },
    Door { name: "HTTP/2", way: Way::Tcp, streams: 8, fresh: false },
    Door { name: "HTTP/2, TLS 1.3", way: Way::Tls, streams: 8, fresh: false },
    Door { name: "HTTP/1.1, a connection each", way: Way::Tcp, streams: 0, fresh: true },
    Door { name: "HTTP/1.1, PROXY v2, a connection each", way: Way::Proxy, streams: 0, fresh: true },
    Door { name: "HTTP/1.1, TLS 1.3, a full handshake each", way: Way::Tls, streams: 0, fresh: true },
];

/// The programs and their traffic.
struct Doors {
    plain: Program,
    proxied: Program,
    secured: Program,
    socket: PathBuf,
    /// TLS for HTTP/1.1 and for HTTP/2.
    tls: [TlsConnector; 2],
    traffic: Arc<Traffic>,
    sent: Arc<SentNumbers>,
}

/// Measures every way in turns, and adds the medians.
pub(crate) fn run(extent: &Extent, results: &mut Results) {
    let folder = tempfile::tempdir().unwrap();
    let doors = Doors::start(extent, folder.path());
    for door in &DOORS {
        doors.cost(door, extent, extent.seconds / 4);
    }
    let mut costs: Vec<Vec<f64>> = Vec::new();
    for turn in 1..=extent.pairs {
        results.say(format!("ways to the listener: turn {turn} of {}", extent.pairs));
        costs.push(DOORS.iter().map(|door| doors.cost(door, extent, extent.seconds)).collect());
    }
    for (number, door) in DOORS.iter().enumerate() {
        let measured = median(costs.iter().map(|turn| turn[number]));
        let (plain, ratio) =
            (median(costs.iter().map(|turn| turn[0])), costs.iter().map(|turn| turn[number] / turn[0]));
        results.add(Figure::new(door.name, "µs", measured).beside(plain, median(ratio)));
    }
}

impl Doors {
    fn start(extent: &Extent, folder: &Path) -> Self {
        let traffic = Arc::new(Traffic::new(Plan { people: extent.people, ..Plan::PAGEVIEWS }));
        let start = |collect: String| {
            let sites = traffic.sites();
            Home::new(&Setup {
                sites,
                collect,
                engine: false,
                spool: "flush_seconds = 3600".into(),
                ..Setup::default()
            })
            .start()
        };
        let socket = folder.join("hits.socket");
        let fixture = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
        let (certificate, key) = (fixture("first.pem"), fixture("first.key.pem"));
        Self {
            plain: start(format!("unix_socket = {socket:?}")),
            proxied: start("proxy_protocol = true".into()),
            secured: start(format!("tls = {{ certificate = {certificate:?}, key = {key:?} }}")),
            socket,
            tls: [&b"http/1.1"[..], b"h2"].map(|protocol| connector(&fixture("authority.pem"), protocol)),
            traffic,
            sent: Arc::default(),
        }
    }

    fn program(&self, way: Way) -> &Program {
        match way {
            Way::Tcp | Way::Unix => &self.plain,
            Way::Proxy => &self.proxied,
            Way::Tls => &self.secured,
        }
    }

    /// Microseconds of the collector's processor time for each accepted hit.
    fn cost(&self, door: &Door, extent: &Extent, time: Duration) -> f64 {
        let process = self.program(door.way).process;
        let before = process.cpu();
        let accepted = self.load(door, extent.connections[0], time);
        (process.cpu() - before).as_secs_f64() * 1e6 / accepted.max(1) as f64
    }

    /// Sends over one way for `time`; returns the number of hits, all of which must be accepted.
    fn load(&self, door: &Door, connections: usize, time: Duration) -> u64 {
        let (began, accepted) = (Instant::now(), Rc::new(Cell::new(0_u64)));
        on_a_runtime(async {
            let set = LocalSet::new();
            let connections = if door.streams > 0 { connections.div_ceil(door.streams) } else { connections };
            for _ in 0..connections {
                if door.streams > 0 {
                    let io = TokioIo::new(self.target(door).open(door.way).await);
                    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
                    set.spawn_local(async move { drop(connection.await) });
                    for _ in 0..door.streams {
                        set.spawn_local(self.stream(sender.clone(), (began, time), accepted.clone()));
                    }
                } else {
                    set.spawn_local(self.connection(door, (began, time), accepted.clone()));
                }
            }
            set.await;
        });
        accepted.get()
    }

    /// Hits one after the other over HTTP/1.1.
    fn connection(
        &self,
        door: &Door,
        (began, time): (Instant, Duration),
        accepted: Rc<Cell<u64>>,
    ) -> impl Future<Output = ()> + use<> {
        let (way, fresh, target) = (door.way, door.fresh, self.target(door));
        let (traffic, sent) = (self.traffic.clone(), self.sent.clone());
        async move {
            let (mut open, mut read, mut request) = (None, Vec::new(), Vec::new());
            while began.elapsed() < time {
                request.clear();
                traffic.write(sent.next(), &mut request);
                let mut stream = match open.take() {
                    Some(stream) => stream,
                    None => target.open(way).await,
                };
                assert_eq!(one(&mut stream, &mut read, &request).await.unwrap().status, 202);
                accepted.set(accepted.get() + 1);
                open = (!fresh).then_some(stream);
            }
        }
    }

    /// Hits one after the other in one stream's place of HTTP/2.
    fn stream(
        &self,
        mut sender: http2::SendRequest<http_body_util::Full<bytes::Bytes>>,
        (began, time): (Instant, Duration),
        accepted: Rc<Cell<u64>>,
    ) -> impl Future<Output = ()> + use<> {
        let (traffic, sent) = (self.traffic.clone(), self.sent.clone());
        async move {
            while began.elapsed() < time {
                sender.ready().await.unwrap();
                let answer = sender.send_request(traffic.hyper(sent.next())).await.unwrap();
                assert_eq!(answer.status(), 202);
                answer.into_body().collect().await.unwrap();
                accepted.set(accepted.get() + 1);
            }
        }
    }

    fn target(&self, door: &Door) -> Target {
        let tls = self.tls[usize::from(door.streams > 0)].clone();
        Target { address: self.program(door.way).collect, socket: self.socket.clone(), tls }
    }
}

/// Where a way leads.
struct Target {
    address: SocketAddr,
    socket: PathBuf,
    tls: TlsConnector,
}

impl Target {
    async fn open(&self, way: Way) -> Box<dyn Bytes + Send> {
        match way {
            Way::Tcp => Box::new(connected(self.address).await),
            Way::Unix => Box::new(UnixStream::connect(&self.socket).await.unwrap()),
            Way::Proxy => {
                let mut stream = connected(self.address).await;
                stream.write_all(PROXY_HEADER).await.unwrap();
                Box::new(stream)
            }
            Way::Tls => {
                let name = ServerName::try_from("localhost").unwrap();
                Box::new(self.tls.connect(name, connected(self.address).await).await.unwrap())
            }
        }
    }
}

/// TLS that trusts this authority alone, without resumption: every connection is a full handshake.
fn connector(authority: &Path, protocol: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}
