//! Several addresses of one database: when the one in use stops answering, shipping continues through the next.

use sillage::store::{Endpoint, Store, failover};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{self, eventually};

/// An address that leads to the shared engine for as long as the task runs.
async fn server() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let engine = support::endpoint().url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let task = tokio::spawn(async move {
        // The connections end with the task.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let engine = engine.clone();
            connections.spawn(async move {
                let mut server = TcpStream::connect(engine).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
            });
        }
    });
    (url, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_on_through_the_next_address_when_one_ends() {
    let config = support::database(&support::fresh_name());
    let ((first, one), (second, _two)) = (server().await, server().await);
    let urls = [first.clone(), second];
    // The check of the listening process does not apply to a proxy in front of the engine.
    let endpoint = Endpoint { url: first, process: None, ..support::endpoint().clone() };
    let store = failover::follow(&config, &endpoint, &urls);
    store.ping().await.unwrap();
    one.abort();
    eventually("the second address answers", async || store.ping().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_starts_while_its_first_address_is_away() {
    let config = support::database(&support::fresh_name());
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (second, _two) = server().await;
    let urls = [format!("http://{gone}"), second];
    let endpoint = Endpoint { url: urls[0].clone(), process: None, ..support::endpoint().clone() };
    let store: Store = failover::follow(&config, &endpoint, &urls);
    eventually("the second address answers", async || store.ping().await.is_ok()).await;
}
