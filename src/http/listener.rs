//! The sockets of a listener: its address, its Unix socket, and those that the service manager opened for it. Must
//! never remove a socket file that a living process listens on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as TcpSocket};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener as UnixSocket, UnixStream as UnixProbe};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::either::Either;

use crate::config::PassedSocket;
#[cfg(target_os = "linux")]
use crate::ffi;
use crate::http::stream::AcceptedStream;

/// Connections that the system holds while all threads are busy: a burst of a second.
const BACKLOG: i32 = 4_096;

/// Most that waits unread in the system for a connection, each way (it doubles this for its own use). Left to itself it
/// would give megabytes to a client that never reads.
pub(crate) const BUFFER_BYTES: usize = 65_536;

/// A proxy of the same user or group may connect to a Unix socket.
const SOCKET_MODE: u32 = 0o660;

/// The address that stands for the peer of a Unix socket, which has none.
const UNIX_PEER: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// Sockets that listen, in no runtime yet.
#[derive(Debug, Default)]
pub(crate) struct BoundSockets {
    sockets: Vec<BoundSocket>,
    files: SocketFiles,
}

/// The files of Unix sockets that were made here; removed on drop.
#[derive(Debug, Default)]
pub(crate) struct SocketFiles(Vec<SocketFile>);

#[derive(Debug)]
enum BoundSocket {
    Tcp(TcpSocket),
    Unix(UnixSocket),
}

#[derive(Debug)]
struct SocketFile(PathBuf);

/// Sockets that listen, in the runtime of one thread.
pub struct Listeners(Vec<ListenSocket>);

enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl BoundSockets {
    /// Listens on `address`.
    ///
    /// # Errors
    /// When the address is taken or not of this machine.
    pub(crate) fn on_address(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        fit_buffers(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(Self { sockets: vec![BoundSocket::Tcp(socket.into())], files: SocketFiles::default() })
    }

    /// Listens on a Unix socket at `path` too. The file of a process that is gone gives way.
    ///
    /// # Errors
    /// When a living process listens there, or the file cannot be made.
    pub(crate) fn add_unix(&mut self, path: &Path) -> io::Result<()> {
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        if is_socket && UnixProbe::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            std::fs::remove_file(path)?;
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        fit_buffers(&socket)?;
        socket.bind(&SockAddr::unix(path)?)?;
        self.files.0.push(SocketFile(path.to_owned()));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        self.sockets.push(BoundSocket::Unix(socket.into()));
        Ok(())
    }

    /// Takes over a socket that the service manager opened.
    ///
    /// # Errors
    /// When the file is not a stream socket that listens.
    #[cfg(target_os = "linux")]
    pub(crate) fn add_passed(&mut self, passed: &PassedSocket) -> io::Result<()> {
        let other_kind = || io::Error::new(io::ErrorKind::InvalidInput, "not a stream socket that listens");
        let socket = ffi::take_passed_socket(passed.file)?;
        let is_stream = socket.r#type()? == Type::STREAM && socket.is_listener()?;
        if !is_stream {
            return Err(other_kind());
        }
        fit_buffers(&socket)?;
        socket.set_nonblocking(true)?;
        socket.set_cloexec(true)?;
        self.sockets.push(match socket.domain()? {
            Domain::IPV4 | Domain::IPV6 => BoundSocket::Tcp(socket.into()),
            Domain::UNIX => BoundSocket::Unix(socket.into()),
            _ => return Err(other_kind()),
        });
        Ok(())
    }

    /// Only Linux has a service manager that passes sockets.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn add_passed(&mut self, _passed: &PassedSocket) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes the files over. Sockets must not be kept beside those that accept: a connection to a socket from which
    /// nothing accepts any more would be reset with its hit.
    pub(crate) fn take_files(&mut self) -> SocketFiles {
        std::mem::take(&mut self.files)
    }

    /// Whether nothing listens yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Address of the first TCP socket; port 0 where there are Unix sockets alone.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        let mut tcp = self.sockets.iter().filter_map(|socket| match socket {
            BoundSocket::Tcp(socket) => Some(socket.local_addr()),
            BoundSocket::Unix(_) => None,
        });
        tcp.next().unwrap_or(Ok(UNIX_PEER))
    }

    /// Where it listens, as URLs: `scheme` is that of TCP sockets.
    pub(crate) fn urls(&self, scheme: &str) -> Vec<String> {
        let url = |socket: &BoundSocket| match socket {
            BoundSocket::Tcp(socket) => socket.local_addr().ok().map(|address| format!("{scheme}://{address}/")),
            BoundSocket::Unix(socket) => {
                let address = socket.local_addr().ok()?;
                address.as_pathname().map(|path| format!("unix:{}", path.display()))
            }
        };
        self.sockets.iter().filter_map(url).collect()
    }

    /// The sockets for one thread, in whose runtime this is called.
    ///
    /// # Errors
    /// When the system refuses a copy.
    pub(crate) fn listeners(&self) -> io::Result<Listeners> {
        let in_runtime = |socket: &BoundSocket| match socket {
            BoundSocket::Tcp(socket) => TcpListener::from_std(socket.try_clone()?).map(ListenSocket::Tcp),
            BoundSocket::Unix(socket) => UnixListener::from_std(socket.try_clone()?).map(ListenSocket::Unix),
        };
        self.sockets.iter().map(in_runtime).collect::<io::Result<_>>().map(Listeners)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that is already gone is not an error.
        std::fs::remove_file(&self.0).ok();
    }
}

impl Listeners {
    /// The next connection of any socket, and its peer.
    ///
    /// # Errors
    /// When the system gives no file for it.
    pub(crate) async fn accept(&self) -> io::Result<(AcceptedStream, SocketAddr)> {
        std::future::poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(AcceptedStream, SocketAddr)>> {
        for socket in &self.0 {
            let accepted = match socket {
                ListenSocket::Tcp(socket) => socket.poll_accept(context).map_ok(|(stream, peer)| {
                    // Without it an answer may wait for the client's delayed acknowledgement; the hit is safe.
                    stream.set_nodelay(true).ok();
                    (Either::Left(stream), peer)
                }),
                ListenSocket::Unix(socket) => {
                    socket.poll_accept(context).map_ok(|(stream, _)| (Either::Right(stream), UNIX_PEER))
                }
            };
            if accepted.is_ready() {
                return accepted;
            }
        }
        Poll::Pending
    }
}

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Self(vec![ListenSocket::Tcp(listener)])
    }
}

/// Accepted connections inherit the sizes.
fn fit_buffers<'s>(socket: impl Into<SockRef<'s>>) -> io::Result<()> {
    let socket = socket.into();
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    socket.set_send_buffer_size(BUFFER_BYTES)
}
