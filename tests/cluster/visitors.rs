//! Visitors through the balancer: four views each, spread over the run, from an address and with an agent of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::collector::SITE;

const VIEWS: usize = 4;
/// Number of concurrent requests.
const SENDERS: usize = 32;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Sends all views of all visitors in turns; returns the number of `202` answers.
pub(crate) fn send(balancer: SocketAddr, people: usize) -> impl Future<Output = u64> + Send + use<> {
    send_to_sites(balancer, people, &[SITE.to_owned()])
}

/// The same, with each visitor on one of these sites.
pub(crate) fn send_to_sites(
    balancer: SocketAddr,
    people: usize,
    sites: &[String],
) -> impl Future<Output = u64> + Send + use<> {
    sent(balancer, people, sites.into())
}

async fn sent(balancer: SocketAddr, people: usize, sites: Arc<[String]>) -> u64 {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (next, accepted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..SENDERS {
        let (client, next, accepted, sites) = (client.clone(), next.clone(), accepted.clone(), sites.clone());
        senders.spawn(async move {
            loop {
                let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                if number >= people * VIEWS {
                    return;
                }
                let (view, person) = (number / people, number % people);
                if view_page(&client, balancer, (person, view), &sites[person % sites.len()]).await {
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    senders.join_all().await;
    accepted.load(Ordering::Relaxed)
}

/// The address of a visitor: each in a network of its own.
fn address(person: usize) -> Ipv4Addr {
    let [.., high, low] = u32::try_from(person).unwrap().to_be_bytes();
    Ipv4Addr::new(81, high, low, 7)
}

/// Sends one view; true once it is answered `202`. A `503` is retried, as its `Retry-After` asks.
async fn view_page(
    client: &Client<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
    (person, view): (usize, usize),
    site: &str,
) -> bool {
    let body = format!(r#"{{"n":"pageview","u":"https://{site}/page-{view}","d":"{site}"}}"#);
    loop {
        let request = Request::post(format!("http://{to}/api/event"))
            .header("x-forwarded-for", address(person).to_string())
            .header("user-agent", AGENT)
            .body(Full::new(Bytes::from(body.clone())))
            .unwrap();
        let Ok(response) = client.request(request).await else { return false };
        let (status, dropped) = (response.status(), response.headers().contains_key("x-sillage-dropped"));
        let repeat = response.headers().contains_key("retry-after");
        response.into_body().collect().await.ok();
        if status != 503 || !repeat {
            return status == 202 && !dropped;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
