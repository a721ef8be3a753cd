//! The proxy to the database, with its faults. It forwards bytes as they come, or not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Fault on the way to the database.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Open,
    /// Connections are closed as they come.
    Away,
    /// Every piece is delayed by this time.
    Slow(Duration),
    /// Every request is answered 500.
    Broken,
    /// This percentage of the next piece passes, then the connection is cut.
    Cut(u64),
    /// Requests pass; the connection is cut instead of an answer.
    Deaf,
}

/// A running proxy; ends on drop.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    way: watch::Sender<Way>,
    database: watch::Sender<SocketAddr>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// Notified when a piece of a request passes.
    request: Notify,
    /// Number of faults applied to connections.
    bites: AtomicU64,
    bitten: Notify,
    /// Statement of a release at which the connection hangs, and whether before it reaches the database.
    strike: Mutex<Option<(u64, bool)>>,
    struck: watch::Sender<bool>,
}

/// Parts of every statement of a release that writes.
const OF_RELEASE: [&[u8]; 3] = [b"staged_cells", b"DROP PARTITION", b"releases (site"];

const FAILURE: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

impl Proxy {
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, ways) = watch::channel(Way::Open);
        let shared = Arc::new(Shared {
            request: Notify::new(),
            bites: AtomicU64::new(0),
            bitten: Notify::new(),
            strike: Mutex::default(),
            struck: watch::Sender::new(false),
        });
        let (database, databases) = watch::channel(to);
        let task = tokio::spawn(accept(listener, databases, ways, shared.clone()));
        Self { address, way, database, shared, task }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Lets the connection hang at the statement of a release with this number: before it reaches the database, or
    /// after the database has run it.
    pub(crate) fn strike_at(&self, statement: u64, before: bool) {
        self.shared.struck.send_replace(false);
        *self.shared.strike.lock().unwrap() = Some((statement, before));
    }

    pub(crate) fn strike_never(&self) {
        *self.shared.strike.lock().unwrap() = None;
    }

    /// Waits until that statement came, at most `longest`; whether it did.
    pub(crate) async fn struck(&self, longest: Duration) -> bool {
        let mut struck = self.shared.struck.subscribe();
        tokio::time::timeout(longest, struck.wait_for(|struck| *struck)).await.is_ok()
    }

    /// Address of the database.
    pub(crate) fn leads_to(&self) -> SocketAddr {
        *self.database.borrow()
    }

    /// Sets the database's address, from the next connection on.
    pub(crate) fn lead_to(&self, to: SocketAddr) {
        self.database.send_replace(to);
    }

    /// Number of connections that were cut, failed or delayed.
    pub(crate) fn bites(&self) -> u64 {
        self.shared.bites.load(Ordering::SeqCst)
    }

    /// Waits for a request on its way to the database, at most `longest`.
    pub(crate) async fn request(&self, longest: Duration) {
        tokio::time::timeout(longest, self.shared.request.notified()).await.ok();
    }

    /// Waits until a fault was applied to a connection, at most `longest`.
    pub(crate) async fn bitten(&self, longest: Duration) {
        tokio::time::timeout(longest, self.shared.bitten.notified()).await.ok();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    databases: watch::Receiver<SocketAddr>,
    ways: watch::Receiver<Way>,
    shared: Arc<Shared>,
) {
    // Connections end with this set when the proxy does.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if *ways.borrow() == Way::Away {
            shared.bite();
            continue;
        }
        let (ways, shared, to) = (ways.clone(), shared.clone(), *databases.borrow());
        connections.spawn(async move {
            if let Ok(server) = TcpStream::connect(to).await {
                // Either side may close at any moment, as intended.
                carry(client, server, ways, &shared).await.ok();
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    ways: watch::Receiver<Way>,
    shared: &Shared,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    loop {
        tokio::select! {
            read = from_client.read(&mut up) => {
                let piece = up.get(..read?).filter(|piece| !piece.is_empty()).ok_or(std::io::ErrorKind::UnexpectedEof)?;
                shared.request.notify_waiters();
                if let Some(before) = shared.strikes(piece) {
                    if !before {
                        to_server.write_all(piece).await?;
                        // Any part of an answer comes after the statement; it is lost.
                        let _lost = from_server.read(&mut down).await?;
                    }
                    shared.struck.send_replace(true);
                    return std::future::pending().await;
                }
                let way = *ways.borrow();
                shared.note(way != Way::Open && way != Way::Deaf);
                match way {
                    Way::Open | Way::Deaf => to_server.write_all(piece).await?,
                    Way::Away => return Ok(()),
                    Way::Broken => return to_client.write_all(FAILURE).await,
                    Way::Cut(percent) => {
                        let length = piece.len() * usize::try_from(percent).unwrap_or(0) / 100;
                        return to_server.write_all(piece.get(..length).unwrap_or_default()).await;
                    }
                    Way::Slow(pause) => {
                        tokio::time::sleep(pause).await;
                        to_server.write_all(piece).await?;
                    }
                }
            }
            read = from_server.read(&mut down) => {
                let piece = down.get(..read?).filter(|piece| !piece.is_empty()).ok_or(std::io::ErrorKind::UnexpectedEof)?;
                let way = *ways.borrow();
                match way {
                    Way::Deaf | Way::Away => {
                        shared.bite();
                        return Ok(());
                    }
                    Way::Slow(pause) => {
                        tokio::time::sleep(pause).await;
                        to_client.write_all(piece).await?;
                    }
                    Way::Open | Way::Broken | Way::Cut(_) => to_client.write_all(piece).await?,
                }
            }
        }
    }
}

impl Shared {
    /// Whether the connection hangs at this piece of a request: before the database has it, or after.
    fn strikes(&self, piece: &[u8]) -> Option<bool> {
        let mut strike = self.strike.lock().unwrap();
        let (left, before) = (*strike)?;
        if !OF_RELEASE.iter().any(|part| piece.windows(part.len()).any(|window| window == *part)) {
            return None;
        }
        *strike = left.checked_sub(1).map(|left| (left, before));
        strike.is_none().then_some(before)
    }

    fn note(&self, bite: bool) {
        if bite {
            self.bite();
        }
    }

    fn bite(&self) {
        self.bites.fetch_add(1, Ordering::SeqCst);
        self.bitten.notify_waiters();
    }
}
