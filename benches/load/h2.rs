//! A closed loop over HTTP/2 (prior knowledge, no TLS), like that of a proxy: a few connections with many requests in
//! progress on each. The client is hyper's, and costs more than the bare one: compare the servers' processor time.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::LocalSet;

use crate::traffic::{SentNumbers, Traffic};
use crate::wire::{Answer, connected, on_a_runtime};

/// Sends for `time`, and passes every answer to `note` with its number and wait.
pub(crate) fn closed(
    to: SocketAddr,
    (connections, streams): (usize, usize),
    time: Duration,
    (traffic, sent): (Arc<Traffic>, Arc<SentNumbers>),
    note: impl FnMut(u64, Duration, &Answer) + 'static,
) {
    let note = Rc::new(RefCell::new(note));
    on_a_runtime(async {
        let (set, began) = (LocalSet::new(), Instant::now());
        for _ in 0..connections {
            let io = TokioIo::new(connected(to).await);
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(async move { connection.await.ok() });
            for _ in 0..streams {
                let (mut sender, traffic, sent, note) = (sender.clone(), traffic.clone(), sent.clone(), note.clone());
                set.spawn_local(async move {
                    while began.elapsed() < time {
                        let number = sent.next();
                        let asked = Instant::now();
                        sender.ready().await.unwrap();
                        let answer = sender.send_request(traffic.hyper(number)).await.unwrap();
                        let headers = answer.headers();
                        let found = Answer {
                            status: answer.status().as_u16(),
                            retry_after: headers.contains_key("retry-after"),
                            dropped: headers.contains_key("x-sillage-dropped"),
                        };
                        answer.into_body().collect().await.unwrap();
                        note.borrow_mut()(number, asked.elapsed(), &found);
                    }
                });
            }
        }
        set.await;
    });
}
