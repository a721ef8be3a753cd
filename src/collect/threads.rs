//! The threads of the public listener, from start to stop. Must never outlive the value that stands for them.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use socket2::{Domain, Socket, Type};
use tokio_util::sync::CancellationToken;

use crate::collect::{Acceptor, BUFFER_BYTES, CollectState};

/// Connections that the system holds while all threads are busy: a burst of a second.
const BACKLOG: i32 = 4_096;

/// Binds an address, with bounds on what waits unread for a connection.
///
/// # Errors
/// When the address is taken or is not ours.
pub(crate) fn listen(address: SocketAddr) -> std::io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    // Accepted connections inherit them.
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    socket.set_send_buffer_size(BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The collecting threads: one a core, each with a runtime of its own; they share one socket, and what connects to it.
/// Whenever this goes, with the program or with a start that comes to nothing, they let open requests end and are
/// waited for.
pub(crate) struct CollectThreads {
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl CollectThreads {
    /// Serves `socket` on a thread for each of `seats`; gives the address too.
    ///
    /// # Errors
    /// When the system refuses a thread or a copy of the socket.
    pub(crate) fn start(
        collect: &Arc<CollectState>,
        socket: StdListener,
        seats: Vec<Acceptor>,
    ) -> std::io::Result<(SocketAddr, Self)> {
        let address = socket.local_addr()?;
        let mut collecting = Self { stop: CancellationToken::new(), threads: Vec::with_capacity(seats.len()) };
        for (number, seat) in seats.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (socket, collect, stop) = (socket.try_clone()?, collect.clone(), collecting.stop.clone());
            let thread = std::thread::Builder::new().name(format!("collect-{number}"));
            collecting.threads.push(thread.spawn(move || {
                runtime.block_on(async {
                    match tokio::net::TcpListener::from_std(socket) {
                        Ok(listener) => collect.serve(listener, seat, stop).await,
                        Err(error) => tracing::error!(%error, "collect: thread without a socket"),
                    }
                });
            })?);
        }
        Ok((address, collecting))
    }
}

impl Drop for CollectThreads {
    fn drop(&mut self) {
        self.stop.cancel();
        if self.threads.drain(..).map(JoinHandle::join).filter(Result::is_err).count() > 0 {
            tracing::error!("collect: thread panicked");
        }
    }
}
