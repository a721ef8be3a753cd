//! The reference: a server of the same crates that reads the body and answers `202`, and does nothing else. Like the
//! collector it has one runtime per core, and one listening socket that they share. It runs as its own process.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use socket2::{Domain, Socket, Type};

use crate::process::Process;

/// A running reference server.
pub(crate) struct Bare {
    child: Child,
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("bare")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Self { process: Process(child.id()), child, address: address.trim().parse().unwrap() }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Serves until its standard input is closed, which also happens when its parent ends.
pub(crate) fn serve() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(4_096).unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket: std::net::TcpListener = socket.into();
    println!("{}", socket.local_addr().unwrap());
    for _ in 0..std::thread::available_parallelism().unwrap().get() {
        let socket = socket.try_clone().unwrap();
        std::thread::spawn(move || crate::wire::on_a_runtime(accept(socket)));
    }
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Accepts connections until the process ends.
pub(crate) async fn accept(socket: std::net::TcpListener) {
    let listener = tokio::net::TcpListener::from_std(socket).unwrap();
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().half_close(true).header_read_timeout(None);
    server.http2().max_concurrent_streams(128);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).ok();
        let connection = server.serve_connection(TokioIo::new(stream), service_fn(answer)).into_owned();
        tokio::spawn(async move { connection.await.ok() });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        drop(frame);
    }
    let mut answer = Response::new(Full::new(Bytes::from_static(b"ok")));
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}
