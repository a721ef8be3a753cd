//! The bytes of one connection, over whichever way it came: TCP, a Unix socket, either within TLS. Must cost a plain
//! TCP connection no more than a look at its kind.

use std::io;

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// A connection as it was accepted: from the listener's address, or from its Unix socket.
pub(crate) type AcceptedStream = Either<TcpStream, UnixStream>;

/// A connection whose next bytes are HTTP: plain, or within TLS.
pub(crate) type HttpStream = Either<AcceptedStream, Box<TlsStream<AcceptedStream>>>;

/// An accepted connection on its way to the runtime of another thread.
pub(crate) enum UnboundStream {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl UnboundStream {
    /// Takes a connection out of this thread's runtime.
    pub(crate) fn of(stream: AcceptedStream) -> io::Result<Self> {
        match stream {
            Either::Left(stream) => stream.into_std().map(Self::Tcp),
            Either::Right(stream) => stream.into_std().map(Self::Unix),
        }
    }

    /// Brings it into this thread's runtime.
    pub(crate) fn bound(self) -> io::Result<AcceptedStream> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Either::Left),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Either::Right),
        }
    }
}

/// Whether a connection came to the listener's address.
pub(crate) fn is_tcp(stream: &AcceptedStream) -> bool {
    matches!(stream, Either::Left(_))
}

/// Whether a connection is within TLS.
pub(crate) fn is_tls(stream: &HttpStream) -> bool {
    matches!(stream, Either::Right(_))
}
