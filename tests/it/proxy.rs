//! A proxy to the shared engine that can be made to fail: each insert meets the next fault of a list, then a lasting
//! one or none. Queries and statements meet only the lasting one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sillage::store::Endpoint;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support;

/// Fault of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The engine gets it and its answer comes back.
    None,
    /// The connection is closed; the engine receives nothing.
    Away,
    /// The engine receives nothing, and this status is the answer.
    Answers(u16),
    /// The engine gets half of the body, then both connections are closed.
    CutsMidway,
    /// The engine executes it, and its answer is lost.
    LosesAnswer,
    /// The connection is closed, and the engine gets it after [`Proxy::let_go`], when its sender has given up.
    ArrivesLate,
    /// The engine gets it after [`Proxy::let_go`], and its answer comes back.
    Hangs,
}

/// A running proxy. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Proxy {
    state: Arc<Mutex<State>>,
    go: Arc<watch::Sender<bool>>,
    engine: Client<HttpConnector, Full<Bytes>>,
    address: std::net::SocketAddr,
}

struct State {
    script: VecDeque<Fault>,
    lasting: Fault,
    inserts: usize,
    late: Vec<tokio::task::JoinHandle<()>>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { script: VecDeque::new(), lasting: Fault::None, inserts: 0, late: Vec::new() };
        let proxy = Self {
            state: Arc::new(Mutex::new(state)),
            go: Arc::new(watch::Sender::new(false)),
            engine: Client::builder(TokioExecutor::new()).build_http(),
            address: listener.local_addr().unwrap(),
        };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let proxy = accepting.clone();
                let answer = service_fn(move |request| proxy.clone().answer(request));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
            }
        });
        proxy
    }

    /// Endpoint of the shared engine through the proxy.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { url: format!("http://{}", self.address), process: None, ..support::endpoint().clone() }
    }

    /// Sets the faults of the next inserts.
    pub(crate) fn script(&self, faults: &[Fault]) {
        self.state.lock().unwrap().script = faults.iter().copied().collect();
    }

    /// Sets the fault of all requests without one in the list.
    pub(crate) fn lasting(&self, fault: Fault) {
        self.state.lock().unwrap().lasting = fault;
    }

    /// Number of attempted inserts.
    pub(crate) fn inserts(&self) -> usize {
        self.state.lock().unwrap().inserts
    }

    /// Forwards held requests; returns once the engine has received the late ones.
    pub(crate) async fn let_go(&self) {
        self.go.send_replace(true);
        let late = std::mem::take(&mut self.state.lock().unwrap().late);
        for request in late {
            request.await.unwrap();
        }
    }

    fn fault(&self, request: &Request<Incoming>) -> Fault {
        let mut state = self.state.lock().unwrap();
        if !request.uri().query().unwrap_or_default().contains("INSERT") {
            return state.lasting;
        }
        state.inserts += 1;
        state.script.pop_front().unwrap_or(state.lasting)
    }

    /// The error closes the connection.
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let cut = || Err(std::io::Error::other("on order"));
        let fault = self.fault(&request);
        if fault == Fault::Away {
            return cut();
        }
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let path = head.uri.path_and_query().unwrap().as_str().to_owned();
        head.uri = format!("{}{path}", support::endpoint().url).parse().unwrap();
        head.headers.remove("transfer-encoding");
        let request = Request::from_parts(head, Full::new(body));
        match fault {
            Fault::None => Ok(self.hand_on(request).await),
            Fault::Answers(status) => Ok(Response::builder()
                .status(StatusCode::from_u16(status).unwrap())
                .body(Full::new(Bytes::from_static(b"not the engine")))
                .unwrap()),
            Fault::CutsMidway => {
                hand_on_half(request).await;
                cut()
            }
            Fault::LosesAnswer => {
                assert_eq!(self.hand_on(request).await.status(), StatusCode::OK);
                cut()
            }
            Fault::ArrivesLate => {
                let late = tokio::spawn(self.clone().hand_on_later(request));
                self.state.lock().unwrap().late.push(late);
                cut()
            }
            Fault::Hangs => {
                self.go.subscribe().wait_for(|go| *go).await.unwrap();
                Ok(self.hand_on(request).await)
            }
            Fault::Away => cut(),
        }
    }

    async fn hand_on(&self, request: Request<Full<Bytes>>) -> Response<Full<Bytes>> {
        let (head, body) = self.engine.request(request).await.unwrap().into_parts();
        Response::from_parts(head, Full::new(body.collect().await.unwrap().to_bytes()))
    }

    async fn hand_on_later(self, request: Request<Full<Bytes>>) {
        self.go.subscribe().wait_for(|go| *go).await.unwrap();
        assert_eq!(self.hand_on(request).await.status(), StatusCode::OK);
    }
}

async fn hand_on_half(request: Request<Full<Bytes>>) {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_or_else(|never: Infallible| match never {}, |body| body.to_bytes());
    let mut engine = TcpStream::connect(head.uri.authority().unwrap().as_str()).await.unwrap();
    let mut bytes = format!("POST {} HTTP/1.1\r\n", head.uri.path_and_query().unwrap()).into_bytes();
    for (name, value) in &head.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    bytes.extend(&body[..body.len() / 2]);
    engine.write_all(&bytes).await.unwrap();
    engine.shutdown().await.unwrap();
}
