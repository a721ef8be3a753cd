//! Connects to our own engine. Before anything is sent, the listening socket is proved to be the child's: another user
//! of the machine who took the port gets no password and no row.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

/// Connector to a port of this machine that a given process must hold.
#[derive(Clone)]
pub(super) struct EngineConnector {
    process: u32,
}

impl EngineConnector {
    /// For the engine that runs as process `process`.
    pub(super) fn new(process: u32) -> Self {
        Self { process }
    }
}

impl Service<Uri> for EngineConnector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let process = self.process;
        Box::pin(async move {
            let port = to.port_u16().ok_or(io::ErrorKind::InvalidInput)?;
            let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
            stream.set_nodelay(true)?;
            // Checked after connecting: a listener that is the child's now was the child's when the connection was
            // made, for the child listens once and exits if it cannot.
            if !listens(process, port)? {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the port is not the engine's"));
            }
            Ok(TokioIo::new(stream))
        })
    }
}

/// Whether every socket that listens on `port` of 127.0.0.1 belongs to `process`, and there is one.
#[cfg(target_os = "linux")]
fn listens(process: u32, port: u16) -> io::Result<bool> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let listening = listening_inodes(&table, port);
    let mut held = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{process}/fd"))? {
        // A descriptor closed meanwhile has no target.
        let Ok(target) = std::fs::read_link(entry?.path()) else { continue };
        let target = target.to_string_lossy();
        held.extend(target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
    }
    Ok(!listening.is_empty() && listening.iter().all(|inode| held.contains(*inode)))
}

/// Systems other than Linux have no such table.
#[cfg(not(target_os = "linux"))]
fn listens(_process: u32, _port: u16) -> io::Result<bool> {
    Ok(true)
}

/// Inodes of the sockets that listen on `port` of any IPv4 address, from the kernel's table.
#[cfg(target_os = "linux")]
fn listening_inodes(table: &str, port: u16) -> Vec<&str> {
    // A line: `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 26443 1 …`.
    let port = format!(":{port:04X}");
    let listens = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port)) && fields.nth(1) == Some("0A")
    };
    table.lines().skip(1).filter(listens).filter_map(|line| line.split_whitespace().nth(9)).collect()
}
