//! A token that comes with SIGHUP on a remote database whose writing user may not make users: one line of the log says
//! so, and `sillage migrate` prints the statements. Once an administrator has made the user, the token reads its site.
//! (The engine here has no store for users made by statements: the administrator's way is `users.xml`.)

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use sillage::store::scope::ReaderScope;

use crate::balancer::free_port;
use crate::collector::Collector;
use crate::node::{ClusterNode, ClusterPlan, PASSWORD};
use crate::nodes::{counted, sites};
use crate::visitors;

/// The token's secret.
const SECRET: &str = "token-of-a-test";

/// Waits until `holds`.
async fn until(what: &str, collector: &Collector, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: {}", collector.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A token of one site, as text of the configuration.
fn token(name: &str, site: &str) -> String {
    format!("{{ name = \"{name}\", sha256 = \"{}\", sites = [\"{site}\"] }}", sha256(SECRET))
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The user of a scope as the statements of `sillage migrate` make it, in `users.xml`.
fn made_by_hand(scope: &ReaderScope, printed: &str) -> String {
    let (user, filter) = (scope.user(), scope.filter().unwrap());
    let grants = printed.lines().filter(|line| line.starts_with("GRANT ") && line.contains(&user));
    let grants: String = grants.map(|line| format!("<query>{}</query>", line.split(" TO ").next().unwrap())).collect();
    let tables = printed.lines().filter(|line| line.contains(&format!("POLICY OR REPLACE {user} ON sillage.")));
    let tables = tables.map(|line| line.split(" ON sillage.").nth(1).unwrap().split(' ').next().unwrap());
    let filters: String = tables.map(|table| format!("<{table}><filter>{filter}</filter></{table}>")).collect();
    format!(
        "<{user}><password_sha256_hex>{}</password_sha256_hex><networks><ip>127.0.0.0/8</ip></networks>\
         <profile>careful</profile><quota>default</quota><grants>{grants}</grants>\
         <databases><sillage>{filters}</sillage></databases></{user}>",
        sha256(&scope.password(PASSWORD))
    )
}

/// Answer of the console to a query in SQL by the token.
async fn asked(console: u16, sql: &str) -> (u16, String) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(format!("http://127.0.0.1:{console}/clickhouse?default_format=JSONEachRow"))
        .header("authorization", format!("Bearer {SECRET}"))
        .body(Full::new(Bytes::from(sql.to_owned())))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Runs it with a token of one site.
pub(crate) async fn walk() {
    let mut plan = ClusterPlan::new(&[&[1]]);
    let mut node = ClusterNode::start(&plan, 1).await;
    let (first, console) = (sites()[0].clone(), free_port());
    let collector = Collector::start_on_cluster(&plan, &sites()).await.end(Signal::TERM).await;
    collector.rewrite(|text| {
        let reader = "[clickhouse]\nreader = \"reader\"\nreader_password_file = ";
        let password = text.split("password_file = ").nth(1).unwrap().lines().next().unwrap().to_owned();
        let listen = format!("[console]\nlisten = \"127.0.0.1:{console}\"");
        let text = text.replace("[console]\n            listen = \"127.0.0.1:0\"", &listen);
        text.replace("[clickhouse]", &format!("{reader}{password}"))
    });
    let collector = collector.resumed().await;
    let sent = visitors::send_to_sites(collector.address, sites().len(), &sites()).await;
    counted(&plan, "hits before the token comes", sent).await;

    let scope = ReaderScope::of([&first]);
    let made = format!("CREATE USER OR REPLACE {}", scope.user());
    collector.rewrite(|text| text.replace("[console]", &format!("[console]\ntokens = [{}]", token("a", &first))));
    collector.signal(Signal::HUP);
    until("the log names the user", &collector, || collector.log().contains(&made)).await;
    assert_eq!(collector.log().matches("reading users not made").count(), 1, "{}", collector.log());
    let migrated = collector.command(&["migrate"]).output().await.unwrap();
    let printed = String::from_utf8(migrated.stdout).unwrap();
    let (_, by_hand) = printed.split_once("-- for the reading users, by an administrator:").expect("it prints them");
    assert!(by_hand.contains(&made), "{by_hand}");
    let sql = "SELECT site, sum(pageviews) FROM site_days GROUP BY site";
    assert!(asked(console, sql).await.0 >= 400, "there is no such user yet");

    node.kill();
    plan.users = made_by_hand(&scope, by_hand);
    node.start_again(&plan).await;
    collector.signal(Signal::HUP);
    until("the log says that the token reads", &collector, || {
        collector.log().contains("reading users of tokens ready")
    })
    .await;
    let (status, rows) = asked(console, sql).await;
    assert_eq!((status, rows.lines().count()), (200, 1), "its own site, and no other: {rows}");
    assert!(rows.contains(&first) && rows.contains('4'), "{rows}");
    println!("| a token's user is made by an administrator: the token reads its site | 4 | of {sent} | – |");
    collector.end(Signal::TERM).await;
    drop(node);
}
