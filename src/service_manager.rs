//! Notifications to the service manager: ready, stopping, alive (systemd's `sd_notify`). Must never say "alive" while a
//! collecting thread stands still.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::ServiceManager;
use crate::health::Health;

/// The way to the service manager; without one, nothing is told.
#[derive(Debug)]
pub(crate) struct ServiceNotifier(Option<UnixDatagram>);

impl ServiceNotifier {
    /// Connects to the socket that `manager` names.
    pub(crate) fn connect(manager: &ServiceManager) -> Arc<Self> {
        let connected = manager.notify_socket.as_deref().map(connected).transpose();
        Arc::new(Self(connected.unwrap_or_else(|error| {
            tracing::warn!(%error, "serve: service manager unreachable; ignoring NOTIFY_SOCKET");
            None
        })))
    }

    /// Hits are taken; figures may still wait for the database.
    pub(crate) fn ready(&self) {
        self.tell("READY=1\nSTATUS=accepting hits; waiting for ClickHouse");
    }

    /// The tables are in their form.
    pub(crate) fn formed(&self) {
        self.tell("STATUS=taking hits");
    }

    /// Tells the service manager that the program is stopping.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    /// Says that the program lives, twice in each period of `watchdog`, as long as every collecting thread goes on.
    pub(crate) async fn keep_alive(self: Arc<Self>, watchdog: Duration, health: Arc<Health>, end: CancellationToken) {
        while end.run_until_cancelled(tokio::time::sleep(watchdog / 2)).await.is_some() {
            if health.all_alive() {
                self.tell("WATCHDOG=1");
            } else {
                tracing::error!("serve: collecting thread stalled; watchdog not notified");
            }
        }
    }

    fn tell(&self, state: &str) {
        // A manager that does not listen loses nothing by it.
        self.0.as_ref().and_then(|socket| socket.send(state.as_bytes()).ok());
    }
}

fn connected(name: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not stop us.
    socket.set_nonblocking(true)?;
    match name.strip_prefix('@') {
        Some(name) => connect_abstract(&socket, name)?,
        None => socket.connect(name)?,
    }
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn connect_abstract(socket: &UnixDatagram, name: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;

    socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn connect_abstract(_: &UnixDatagram, _: &str) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "abstract sockets exist on Linux only"))
}
