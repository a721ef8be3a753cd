//! The real program, killed while it takes lists of events: after a restart all events of an acknowledged list count,
//! and no event counts twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::collector::FIREFOX;
use crate::process::{Home, Program};
use crate::support::eventually;

const ROUNDS: usize = 5;
const SENDERS: usize = 4;
const EVENTS: usize = 6;

/// Pages of lists that were answered with 202, and of those that were sent.
#[derive(Default)]
struct SentLists {
    acknowledged: Mutex<Vec<String>>,
    answers: AtomicUsize,
}

/// Sends lists until the program is gone.
async fn send(program: std::net::SocketAddr, round: usize, sender: usize, sent: Arc<SentLists>) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    for number in 0_usize.. {
        let pages: Vec<String> = (0..EVENTS).map(|event| format!("/{round}/{sender}/{number}/{event}")).collect();
        let list: Vec<_> = pages
            .iter()
            .map(|page| json!({ "n": "pageview", "u": format!("https://shop.example{page}"), "d": "shop.example" }))
            .collect();
        let request = Request::post(format!("http://{program}/api/event"))
            .header("user-agent", FIREFOX)
            .header("x-forwarded-for", format!("90.{}.{}.{sender}", number / 200, number % 200))
            .body(Full::new(Bytes::from(json!(list).to_string())));
        let Ok(answer) = client.request(request.unwrap()).await else { return };
        assert_eq!((answer.status().as_u16(), answer.headers().get("x-sillage-dropped")), (202, None));
        sent.acknowledged.lock().unwrap().extend(pages);
        sent.answers.fetch_add(1, Ordering::SeqCst);
    }
}

/// Pageviews of each page.
async fn counted(program: &Program) -> BTreeMap<String, i64> {
    let sql = "SELECT page, toInt64(sum(pageviews)) FROM sillage.page_days GROUP BY page";
    program.store.ask_as_owner(sql).rows::<(String, i64)>().await.unwrap().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_lists_loses_no_event_of_an_acknowledged_one_and_counts_none_twice() {
    let home = Home::new("");
    let sent = Arc::new(SentLists::default());
    for round in 0..ROUNDS {
        let program = home.serve(&[]).await;
        let before = sent.answers.load(Ordering::SeqCst);
        let senders: JoinSet<()> =
            (0..SENDERS).map(|sender| send(program.collect, round, sender, sent.clone())).collect();
        eventually("some lists are acknowledged", async || {
            sent.answers.load(Ordering::SeqCst) > before + 3 + 11 * round
        })
        .await;
        program.end(Signal::KILL).await;
        senders.join_all().await;
    }
    let program = home.serve(&[]).await;
    let acknowledged = sent.acknowledged.lock().unwrap().clone();
    eventually("all acknowledged events are counted", async || {
        let counted = counted(&program).await;
        acknowledged.iter().all(|page| counted.contains_key(page))
    })
    .await;
    let twice: Vec<(String, i64)> = counted(&program).await.into_iter().filter(|(_, views)| *views != 1).collect();
    assert!(twice.is_empty(), "counted more than once: {twice:?}");
    assert!(program.end(Signal::TERM).await.success());
}
