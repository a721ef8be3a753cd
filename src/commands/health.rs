//! `sillage health`: asks whether the running collector takes hits.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::config::CollectConfig;
use crate::http::pinned;
use crate::http::proxy_header::LOCAL_HEADER;

/// Longest wait for the collector's answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Check that the running collector accepts hits; exits 2 if it does not. For health checks of containers.
#[derive(Debug, clap::Args)]
pub struct HealthCommand {
    #[command(flatten)]
    config: ConfigFile,
}

impl HealthCommand {
    /// Asks `GET /health/ready` of the public listener: over its Unix socket where it has one, else at its address.
    ///
    /// # Errors
    /// When nothing answers, or the answer is not 200.
    pub fn run(&self) -> Result<(), CommandError> {
        let collect = self.config.load()?.collect;
        let (place, answer) = if collect.unix_socket.as_os_str().is_empty() {
            let address = own(collect.listen);
            (address.to_string(), over_tcp(&collect, address))
        } else {
            (collect.unix_socket.display().to_string(), over_unix(&collect))
        };
        let answer = answer.map_err(|error| format!("collector at {place}: {error}"))?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        match status {
            "200" => print("ready"),
            _ => Err(format!("collector at {place}: not ready (status {status})").into()),
        }
    }
}

/// The address under which this machine reaches a listener on `address`.
fn own(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

fn over_unix(collect: &CollectConfig) -> Result<String, CommandError> {
    let mut stream = UnixStream::connect(&collect.unix_socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    introduce(&mut stream, collect, Ipv4Addr::LOCALHOST.into())?;
    ask(stream)
}

fn over_tcp(collect: &CollectConfig, address: SocketAddr) -> Result<String, CommandError> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    // The collector sees the address that this connection comes from.
    let from = stream.local_addr()?.ip();
    introduce(&mut stream, collect, from)?;
    if !collect.tls.is_set() {
        return ask(stream);
    }
    let client = pinned::client(&collect.tls.certificate)?;
    let connection = ClientConnection::new(Arc::new(client), ServerName::IpAddress(address.ip().into()))?;
    ask(StreamOwned::new(connection, stream))
}

/// Where the collector waits for a PROXY header from `from`, sends that of a proxy's own check.
fn introduce(stream: &mut impl Write, collect: &CollectConfig, from: IpAddr) -> std::io::Result<()> {
    let from = from.to_canonical();
    match collect.proxy_protocol && collect.trusted_proxies.iter().any(|network| network.contains(&from)) {
        true => stream.write_all(&LOCAL_HEADER),
        false => Ok(()),
    }
}

fn ask(mut stream: impl Read + Write) -> Result<String, CommandError> {
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
