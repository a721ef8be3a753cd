//! The listeners of both sides as the configuration and the service manager say: their sockets, certificates and
//! handshakes. Must never open an address that the service manager has handed over.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ipnet::IpNet;
use metrics::Counter;

use crate::config::{Config, ConfigError, PassedSocket, TlsConfig};
use crate::http::handshake::Handshake;
use crate::http::listener::BoundSockets;
use crate::http::tls::ServerCertificate;

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address is taken or not ours.
    #[error("cannot listen on {address}: {error}; free that address, or set {key} to another")]
    Address {
        /// Key of the configuration.
        key: &'static str,
        /// Configured value of the key.
        address: String,
        /// Error of the operating system.
        error: io::Error,
    },
    /// A socket of the service manager cannot be used.
    #[error("socket {file} (`{name}`) of the service manager: {why}; set FileDescriptorName= to collect or console")]
    Passed {
        /// Number of its file.
        file: i32,
        /// Name of the socket, from `FileDescriptorName=`.
        name: String,
        /// Reason for the rejection.
        why: String,
    },
}

/// The certificates of both listeners, where they have any.
pub(crate) struct Certificates {
    collect: Option<Arc<ServerCertificate>>,
    console: Option<Arc<ServerCertificate>>,
}

impl Certificates {
    /// Reads the files that `config` names.
    ///
    /// # Errors
    /// Names the key and the file that cannot be used.
    pub(crate) fn read(config: &Config) -> Result<Self, ConfigError> {
        let collect = ServerCertificate::read("collect", &config.collect.tls)?;
        let console = ServerCertificate::read("console", &config.console.tls)?;
        Ok(Self { collect, console })
    }

    /// Takes over those of `fresh`. A listener begins or ends to speak TLS at a restart alone.
    pub(crate) fn replace(&self, fresh: &Self) {
        for (running, fresh) in [(&self.collect, &fresh.collect), (&self.console, &fresh.console)] {
            if let (Some(running), Some(fresh)) = (running, fresh) {
                running.replace(fresh);
            }
        }
    }

    /// TLS and the PROXY header of the public listener's connections; `failed` counts those that are closed during it.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn collect_handshake(&self, config: &Config, failed: Counter) -> io::Result<Handshake> {
        let collect = &config.collect;
        let proxies = if collect.proxy_protocol { collect.trusted_proxies.clone() } else { Vec::new() };
        handshake(self.collect.as_ref(), proxies, config, failed)
    }

    /// The same of the console.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn console_handshake(&self, config: &Config, failed: Counter) -> io::Result<Handshake> {
        handshake(self.console.as_ref(), Vec::new(), config, failed)
    }
}

fn handshake(
    certificate: Option<&Arc<ServerCertificate>>,
    proxies: Vec<IpNet>,
    config: &Config,
    failed: Counter,
) -> io::Result<Handshake> {
    let tls = certificate.map(ServerCertificate::acceptor).transpose().map_err(io::Error::other)?;
    let wait = Duration::from_secs(config.collect.request_seconds);
    Ok(Handshake { proxies, tls, wait, failed, missing_header_told: AtomicBool::new(false) })
}

/// Opens the sockets of both listeners, the public one's first. Those of the service manager take the place of
/// `listen`; a Unix socket of the configuration is opened beside them.
///
/// # Errors
/// Names the address or the socket that cannot be used.
pub(crate) fn open(config: &Config, passed: &[PassedSocket]) -> Result<(BoundSockets, BoundSockets), ListenError> {
    let (mut public, mut private) = (BoundSockets::default(), BoundSockets::default());
    let is_named = passed.iter().any(|socket| is_ours(&socket.name));
    for (place, socket) in passed.iter().enumerate() {
        let wrong = |why: String| ListenError::Passed { file: socket.file, name: socket.name.clone(), why };
        // Sockets without names come in the order of the two sections.
        let sockets = match (&*socket.name, place) {
            ("collect", _) => &mut public,
            ("console", _) => &mut private,
            (_, 0) if !is_named => &mut public,
            (_, 1) if !is_named => &mut private,
            _ => return Err(wrong("belongs to neither listener".into())),
        };
        sockets.add_passed(socket).map_err(|error| wrong(error.to_string()))?;
    }
    let (collect, console) = (&config.collect, &config.console);
    let (public_unix, private_unix) =
        (("collect.unix_socket", &*collect.unix_socket), ("console.unix_socket", &*console.unix_socket));
    let public = complete(public, ("collect.listen", collect.listen), public_unix)?;
    let private = complete(private, ("console.listen", console.listen), private_unix)?;
    Ok((public, private))
}

fn is_ours(name: &str) -> bool {
    name == "collect" || name == "console"
}

/// Adds the configured sockets to those that the service manager opened.
fn complete(
    mut sockets: BoundSockets,
    (key, address): (&'static str, std::net::SocketAddr),
    (unix_key, path): (&'static str, &Path),
) -> Result<BoundSockets, ListenError> {
    if sockets.is_empty() {
        sockets = BoundSockets::on_address(address).map_err(|error| ListenError::Address {
            key,
            address: address.to_string(),
            error,
        })?;
    }
    if !path.as_os_str().is_empty() {
        sockets.add_unix(path).map_err(|error| ListenError::Address {
            key: unix_key,
            address: path.display().to_string(),
            error,
        })?;
    }
    Ok(sockets)
}

/// The scheme of a listener's URLs.
fn scheme(tls: &TlsConfig) -> &'static str {
    if tls.is_set() { "https" } else { "http" }
}
/// Where both listen: addresses first, as long as there are any.
pub(crate) fn doors(config: &Config, public: &BoundSockets, private: &BoundSockets) -> Vec<String> {
    let lines = |name: &str, sockets: &BoundSockets, tls| {
        let line = |url: String| format!("{name}  {url}");
        sockets.urls(scheme(tls)).into_iter().map(line).collect::<Vec<_>>()
    };
    let mut lines =
        [lines("collect", public, &config.collect.tls), lines("console", private, &config.console.tls)].concat();
    lines.sort_by_key(|line| line.contains("  unix:"));
    lines
}
