//! `sillage health`.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};

/// How long the collector may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Ask the running collector whether it takes hits; exits 2 if it does not. For health checks of containers.
#[derive(Debug, clap::Args)]
pub struct HealthCommand {
    #[command(flatten)]
    config: ConfigFile,
}

impl HealthCommand {
    /// Asks `GET /health/ready` of the public listener.
    ///
    /// # Errors
    /// When nothing answers, or the answer is not 200.
    pub fn run(&self) -> Result<(), CommandError> {
        let address = own(self.config.load()?.collect.listen);
        let answer = ask(address).map_err(|error| format!("collector at {address}: {error}"))?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        match status {
            "200" => print("ready"),
            _ => Err(format!("collector at {address}: not ready (status {status})").into()),
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

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
