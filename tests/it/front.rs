//! A site's own server in front of a collector: it serves one page and hands all other paths on, as a proxy does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Content of the address header that a front hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressHeader {
    /// The client's address alone.
    Replaced,
    /// The client's address behind the header as it came.
    Appended,
    /// The header as it came.
    Untouched,
    /// No header.
    Removed,
    /// A text that is not an address.
    Text(&'static str),
}

/// A site's server.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) page: String,
    pub(crate) page_status: u16,
    pub(crate) page_headers: Vec<(&'static str, String)>,
    /// Headers that are added to what is handed on.
    pub(crate) sent_headers: Vec<(&'static str, &'static str)>,
    /// Headers that are added to the collector's answers.
    pub(crate) answer_headers: Vec<(&'static str, &'static str)>,
    pub(crate) address: AddressHeader,
    /// A path that is answered by another server than the collector: status, type and body.
    pub(crate) own: Option<(&'static str, u16, &'static str, &'static str)>,
    /// Certificate of tests/fixtures/tls, by its name.
    pub(crate) certificate: Option<&'static str>,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            page: r#"<!doctype html><script defer src="/js/sillage.js" data-site="127.0.0.1"></script>"#.into(),
            page_status: 200,
            page_headers: vec![("content-type", "text/html; charset=utf-8".into())],
            sent_headers: Vec::new(),
            answer_headers: Vec::new(),
            address: AddressHeader::Appended,
            own: None,
            certificate: None,
        }
    }
}

/// A file of tests/fixtures/tls.
pub(crate) fn certificate_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// TLS with a certificate of the fixtures.
pub(crate) fn tls(name: &str) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(certificate_file(name)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate_file("client.key.pem")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

impl Front {
    /// Starts it before `collector`; ends with the test's runtime.
    pub(crate) async fn start(self, collector: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = self.certificate.map(tls);
        let front = Arc::new(self);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (front, acceptor) = (front.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let front = front.clone();
                        async move { Ok::<_, Infallible>(front.answer(request, peer, collector).await) }
                    });
                    // A client that refuses the certificate ends the connection.
                    match acceptor {
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
                        }
                        None => {
                            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
                        }
                    }
                });
            }
        });
        address
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        collector: SocketAddr,
    ) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if let Some((_, status, kind, body)) = self.own.filter(|(own, ..)| *own == path) {
            return Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap();
        }
        match path.as_str() {
            "/" => {
                let mut answer = Response::builder().status(self.page_status);
                for (name, value) in &self.page_headers {
                    answer = answer.header(*name, value);
                }
                answer.body(self.page.clone().into()).unwrap()
            }
            "/moved" => Response::builder().status(302).header("location", "/").body(Full::default()).unwrap(),
            "/round" => Response::builder().status(302).header("location", "/again").body(Full::default()).unwrap(),
            "/again" => Response::builder().status(302).header("location", "/round").body(Full::default()).unwrap(),
            _ => self.handed_on(request, peer, collector).await,
        }
    }

    async fn handed_on(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        collector: SocketAddr,
    ) -> Response<Full<Bytes>> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("http://{collector}{path}").parse::<Uri>().unwrap();
        let (name, client) = ("x-forwarded-for", HeaderValue::from_str(&peer.ip().to_string()).unwrap());
        match self.address {
            AddressHeader::Replaced => drop(head.headers.insert(name, client)),
            AddressHeader::Appended => drop(head.headers.append(name, client)),
            AddressHeader::Untouched => {}
            AddressHeader::Removed => drop(head.headers.remove(name)),
            AddressHeader::Text(text) => drop(head.headers.insert(name, HeaderValue::from_static(text))),
        }
        for (name, value) in &self.sent_headers {
            head.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(Request::from_parts(head, Full::new(body))).await.unwrap();
        let (mut head, body) = answer.into_parts();
        for (name, value) in &self.answer_headers {
            head.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Response::from_parts(head, Full::new(body.collect().await.unwrap().to_bytes()))
    }
}
