//! Start of a connection before HTTP: a trusted proxy's PROXY header, then TLS. Must never trust a header of a peer
//! that is not trusted.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use metrics::Counter;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use crate::http::proxy_header;
use crate::http::stream::{AcceptedStream, HttpStream, is_tcp};

/// TLS and PROXY header of one listener's connections.
pub(crate) struct Handshake {
    /// Peers that begin with a PROXY header; empty: none does.
    pub(crate) proxies: Vec<IpNet>,
    /// TLS of connections over TCP; a Unix socket stays plain.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Longest time for all steps of a connection.
    pub(crate) wait: Duration,
    /// Connections that were closed during it.
    pub(crate) failed: Counter,
    /// Whether the missing header of a trusted proxy was logged.
    pub(crate) missing_header_told: AtomicBool,
}

impl Handshake {
    /// Plain HTTP from the first byte on.
    pub(crate) fn none() -> Self {
        Self {
            proxies: Vec::new(),
            tls: None,
            wait: Duration::ZERO,
            failed: Counter::noop(),
            missing_header_told: AtomicBool::new(false),
        }
    }

    /// Whether connections begin with anything but HTTP.
    pub(crate) fn is_needed(&self) -> bool {
        self.tls.is_some() || !self.proxies.is_empty()
    }

    /// Completes PROXY header and TLS; returns the connection and its client, or nothing if it failed and is closed.
    pub(crate) async fn complete(&self, stream: AcceptedStream, peer: SocketAddr) -> Option<(HttpStream, SocketAddr)> {
        let done = tokio::time::timeout(self.wait, self.steps(stream, peer)).await.ok().flatten();
        if done.is_none() {
            self.failed.increment(1);
        }
        done
    }

    /// The PROXY header of a trusted peer, then TLS.
    async fn steps(&self, mut stream: AcceptedStream, peer: SocketAddr) -> Option<(HttpStream, SocketAddr)> {
        let address = peer.ip().to_canonical();
        let mut client = peer;
        if self.proxies.iter().any(|network| network.contains(&address)) {
            match proxy_header::read(&mut stream).await {
                Ok(named) => client = named.unwrap_or(peer),
                Err(error) => {
                    self.tell_missing_header(&error);
                    return None;
                }
            }
        }
        match &self.tls {
            Some(tls) if is_tcp(&stream) => {
                let stream = tls.accept(stream).await.ok()?;
                Some((Either::Right(Box::new(stream)), client))
            }
            Some(_) | None => Some((Either::Left(stream), client)),
        }
    }

    /// Logs the missing header once, since such a proxy never sends it.
    fn tell_missing_header(&self, error: &std::io::Error) {
        let is_other = error.kind() == std::io::ErrorKind::InvalidData;
        if is_other && !self.missing_header_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "collect: PROXY v2 header missing from trusted proxy, connection closed; enable it in the proxy, or \
                 unset collect.proxy_protocol"
            );
        }
    }
}
