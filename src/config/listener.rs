//! Options of a listener beyond its address: TLS, a Unix socket, and sockets of the service manager. Must
//! never hold a key, only the name of the file that does.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `tls` of a listener: both files, or none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file: the certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file: the certificate's private key.
    pub key: PathBuf,
}

impl TlsConfig {
    /// Whether the listener speaks TLS.
    pub fn is_set(&self) -> bool {
        !self.certificate.as_os_str().is_empty() || !self.key.as_os_str().is_empty()
    }
}

/// A listening socket that the service manager opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassedSocket {
    /// Number of its file.
    pub(crate) file: i32,
    /// `FileDescriptorName=` of its unit; empty where none was told.
    pub(crate) name: String,
}

/// First file that a service manager hands over.
const FIRST_PASSED_FILE: i32 = 3;

/// Most files that are taken: two listeners, each with some addresses.
const PASSED_FILES_MAX: i32 = 16;

/// Settings that systemd passed to this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServiceManager {
    /// Datagram socket for notifications of the service; a name that begins with `@` is an abstract one.
    pub(crate) notify_socket: Option<String>,
    /// The manager restarts the service after so long without a sign of life.
    pub(crate) watchdog: Option<Duration>,
    /// Sockets that the service manager opened for this process.
    pub(crate) sockets: Vec<PassedSocket>,
}

impl ServiceManager {
    /// From the environment of this process.
    #[allow(clippy::disallowed_methods, reason = "this folder is the home of the environment")]
    pub(crate) fn of_environment() -> Self {
        Self::read(|name| std::env::var(name).ok(), &std::process::id().to_string())
    }

    fn read(variable: impl Fn(&str) -> Option<String>, process: &str) -> Self {
        // A child inherits its parent's environment, with settings that are not for it.
        let is_ours = |name| variable(name).is_some_and(|number| number == process);
        let microseconds = || variable("WATCHDOG_USEC")?.parse::<u64>().ok().filter(|time| *time > 0);
        let watchdog = (variable("WATCHDOG_PID").is_none() || is_ours("WATCHDOG_PID")).then(microseconds).flatten();
        let files = if is_ours("LISTEN_PID") { variable("LISTEN_FDS") } else { None };
        let files = files.and_then(|files| files.parse::<i32>().ok()).unwrap_or_default().clamp(0, PASSED_FILES_MAX);
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.split(':').map(str::to_owned).chain(std::iter::repeat(String::new()));
        let sockets =
            (FIRST_PASSED_FILE..FIRST_PASSED_FILE + files).zip(names).map(|(file, name)| PassedSocket { file, name });
        Self {
            notify_socket: variable("NOTIFY_SOCKET").filter(|name| !name.is_empty()),
            watchdog: watchdog.map(Duration::from_micros),
            sockets: sockets.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> ServiceManager {
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        ServiceManager::read(variable, "77")
    }

    #[test]
    fn sockets_and_watchdog_of_the_parent_are_not_taken() {
        let parent = told(&[("LISTEN_PID", "76"), ("LISTEN_FDS", "2"), ("WATCHDOG_PID", "76"), ("WATCHDOG_USEC", "9")]);
        assert_eq!(parent, ServiceManager::default());
        assert_eq!(told(&[]), ServiceManager::default());
        assert_eq!(told(&[("WATCHDOG_USEC", "0"), ("NOTIFY_SOCKET", "")]), ServiceManager::default());
    }

    #[test]
    fn sockets_carry_the_names_of_their_units_in_order() {
        let ours = told(&[
            ("LISTEN_PID", "77"),
            ("LISTEN_FDS", "3"),
            ("LISTEN_FDNAMES", "collect:console"),
            ("WATCHDOG_USEC", "30000000"),
            ("NOTIFY_SOCKET", "/run/notify"),
        ]);
        let sockets: Vec<_> = ours.sockets.iter().map(|socket| (socket.file, &*socket.name)).collect();
        assert_eq!(sockets, [(3, "collect"), (4, "console"), (5, "")]);
        assert_eq!(ours.watchdog, Some(Duration::from_secs(30)));
        assert_eq!(ours.notify_socket.as_deref(), Some("/run/notify"));
    }
}
