//! Load by one holder of a token, one silent client, or a page of another site takes only its own share of the console.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sillage::console::{CONNECTIONS_MAX, PROBE_CONNECTIONS};
use sillage::store::{Endpoint, Login, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::console::{absent_database, serve};
use crate::support::{self, eventually, fresh_store};

/// Longest wait of a well-behaved client.
const PATIENCE: Duration = Duration::from_secs(10);

const QUERY: &str = r#"{"site_id":"shop.example","date_range":"7d","metrics":["visitors"]}"#;

#[tokio::test]
async fn a_thousand_sign_ins_of_one_token_sign_out_no_other_token() {
    let served = serve(absent_database(), 10).await;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let signed = served.send("POST /sign-in", &form, &format!("token={}", served.everything)).await;
    let cookie = signed.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = ("Cookie", cookie.split(';').next().unwrap());
    for _ in 0..1_000 {
        assert_eq!(served.send("POST /sign-in", &form, &format!("token={}", served.shop)).await.status, 303);
    }
    assert_eq!(served.send("GET /api/sites", &[cookie], "").await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn silent_connections_on_every_seat_leave_probes_and_soon_all_others_an_answer() {
    let served = serve(absent_database(), 10).await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    // Permits of their own, which silent connections release after two seconds.
    let probed = timeout(PATIENCE, served.send("GET /health/live", &[], "")).await.unwrap();
    assert_eq!(probed.status, 200);
    for _ in 0..PROBE_CONNECTIONS {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let probed = timeout(PATIENCE, served.send("GET /health/live", &[], "")).await.unwrap();
    assert_eq!(probed.status, 200);
    eventually("the console answers", async || served.send("GET /sign-in", &[], "").await.status == 200).await;
    drop(silent);
    served.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_the_console_s_reads_no_metrics_and_no_page() {
    let served = serve(absent_database(), 10).await;
    for path in ["/metrics", "/health/ready", "/sign-in", "/"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 421 ") && reply.contains("console.hosts"), "{path}: {reply}");
        assert!(!reply.contains("sillage_"), "{path}: {reply}");
    }
    assert!(served.send("GET /metrics", &[], "").await.body.to_string().contains("sillage_build_info"));
    served.stop().await;
}

/// A store whose database accepts every query and answers none.
async fn stuck() -> (Store, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let writer = Login { user: "sillage".into(), password: String::new() };
    let endpoint = Endpoint { url, writer, reader: None, process: None, scoped_readers: Vec::new() };
    let open = Arc::new(AtomicUsize::new(0));
    let count = open.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut read = [0; 4_096];
                while matches!(stream.read(&mut read).await, Ok(1..)) {}
                count.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (Store::connect(&support::database("never"), &endpoint), open)
}

#[tokio::test]
async fn seventy_queries_of_one_token_take_four_places_and_end_with_their_askers() {
    let (store, open) = stuck().await;
    let served = Arc::new(serve(store, 10).await);
    let asked: Vec<_> = (0..70)
        .map(|_| {
            let served = served.clone();
            tokio::spawn(async move { served.ask_as(&served.shop, QUERY).await.status })
        })
        .collect();
    eventually("four run", async || open.load(Ordering::SeqCst) == 4).await;
    let other = tokio::spawn({
        let served = served.clone();
        async move { served.ask_as(&served.everything, QUERY).await.status }
    });
    eventually("another token's query runs beside them", async || open.load(Ordering::SeqCst) == 5).await;
    let refused = async || asked.iter().filter(|asked| asked.is_finished()).count();
    eventually("what is more than any page asks is refused", async || refused().await >= 6).await;
    // Waiting and running clients disconnect; none of their queries runs on.
    other.abort();
    asked.iter().for_each(tokio::task::JoinHandle::abort);
    eventually("the queries have ended", async || open.load(Ordering::SeqCst) == 0).await;
    assert_eq!(served.ask_as("sillage_wrong", QUERY).await.status, 401);
}

#[tokio::test]
async fn a_query_whose_asker_has_gone_ends_in_the_engine() {
    let store = fresh_store().await;
    let marker = store.database().to_owned();
    let heavy = format!(
        "SELECT count(), '{marker}' FROM (SELECT arrayJoin(range(1000000)) AS a) AS x \
         CROSS JOIN (SELECT arrayJoin(range(1000000)) AS b) AS y WHERE cityHash64(a, b) = 0"
    );
    let running = {
        let sql = format!(
            "SELECT toUInt8(count()) FROM system.processes WHERE user = 'sillage_reader' AND query LIKE '%{marker}%'"
        );
        let store = store.clone();
        async move || store.ask_as_owner(&sql).rows::<u8>().await.unwrap()[0]
    };
    let asking = tokio::spawn({
        let store = store.clone();
        async move { store.ask(&heavy).json().await.map(drop) }
    });
    eventually("it runs", async || running().await == 1).await;
    asking.abort();
    // Its own time limit would end it after twenty seconds.
    timeout(PATIENCE, eventually("it has ended", async || running().await == 0)).await.unwrap();
}
