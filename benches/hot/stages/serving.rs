//! A whole request, from readable to written, through real sockets: the cost of HTTP and of everything around the
//! counting, beside the bare server. One connection, one request at a time; the kernel's part is not counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use sillage::clock::Clock;
use sillage::collect::hits::HitPipeline;
use sillage::collect::pages::PublicPages;
use sillage::collect::{CollectState, acceptors};
use sillage::config::Config;
use sillage::ledger::Ledger;
use sillage::observe::Meters;
use sillage::privacy::Anonymiser;
use sillage::sites::Sites;
use tokio_util::sync::CancellationToken;

use crate::bare;
use crate::traffic::Traffic;
use crate::wire::on_a_runtime;

/// The collector's listener over these parts.
pub(super) fn collect(config: &Config, parts: (Arc<Anonymiser>, Ledger, Arc<dyn Clock>)) -> Arc<CollectState> {
    let (anonymiser, ledger, clock) = parts;
    let meters = Meters::new(&Sites::new(&config.site).unwrap()).hits;
    let pages = PublicPages::new(config, anonymiser.clone(), clock.clone());
    let hits = HitPipeline::new(anonymiser, Arc::new(ledger), clock, meters, &config.collect).unwrap();
    Arc::new(CollectState::new(hits, pages, config.collect.clone(), false, Arc::default()))
}

/// A server that can be told to end.
pub(super) enum Server {
    Bare,
    Collector(Arc<CollectState>),
}

#[inline(never)]
fn bare(socket: TcpListener, over: CancellationToken) {
    on_a_runtime(over.run_until_cancelled(bare::accept(socket)));
}

#[inline(never)]
fn request(collect: Arc<CollectState>, socket: TcpListener, over: CancellationToken) {
    let seat = acceptors(1, |_| metrics::Gauge::noop()).remove(0);
    on_a_runtime(async { collect.serve(tokio::net::TcpListener::from_std(socket).unwrap(), seat, over).await });
}

impl Server {
    fn run(&self, socket: TcpListener, over: CancellationToken) {
        match self {
            Self::Bare => bare(socket, over),
            Self::Collector(collect) => request(collect.clone(), socket, over),
        }
    }

    /// The calls that callgrind measures.
    #[inline(never)]
    fn measured_server(&self, socket: TcpListener, over: CancellationToken) {
        self.run(socket, over);
    }

    /// Sends twice `pageviews` requests; the second half is measured.
    pub(super) fn go(&self, traffic: &Traffic, pageviews: u64) {
        for (measured, numbers) in [(false, 0..pageviews), (true, pageviews..2 * pageviews)] {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let (address, over) = (socket.local_addr().unwrap(), CancellationToken::new());
            std::thread::scope(|scope| {
                let end = over.clone();
                scope.spawn(move || if measured { self.measured_server(socket, end) } else { self.run(socket, end) });
                ask(address, numbers.map(|number| request_of(traffic, number)));
                over.cancel();
            });
        }
    }
}

fn request_of(traffic: &Traffic, number: u64) -> Vec<u8> {
    let mut request = Vec::new();
    traffic.write(number, &mut request);
    request
}

fn ask(server: SocketAddr, requests: impl Iterator<Item = Vec<u8>>) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answer = [0; 4_096];
    for request in requests {
        stream.write_all(&request).unwrap();
        let read = stream.read(&mut answer).unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 202 ") && answer[..read].ends_with(b"ok"));
    }
}
