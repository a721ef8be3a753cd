//! A token that comes with SIGHUP on a remote database whose writing user may not make users: one line of the log says
//! so, and `sillage migrate` prints the statements. (The engine here has no store for users made by statements.)

use std::time::{Duration, Instant};

use rustix::process::Signal;
use sillage::store::scope::ReaderScope;

use crate::collector::Collector;
use crate::node::{ClusterNode, ClusterPlan};
use crate::nodes::sites;

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
    format!("{{ name = \"{name}\", sha256 = \"{}\", sites = [\"{site}\"] }}", "ab".repeat(32))
}

/// Runs it with a token of one site.
pub(crate) async fn walk() {
    let plan = ClusterPlan::new(&[&[1]]);
    let node = ClusterNode::start(&plan, 1).await;
    let first = sites()[0].clone();
    let collector = Collector::start_on_cluster(&plan, &sites()).await.end(Signal::TERM).await;
    collector.rewrite(|text| {
        let reader = "[clickhouse]\nreader = \"reader\"\nreader_password_file = ";
        let password = text.split("password_file = ").nth(1).unwrap().lines().next().unwrap().to_owned();
        text.replace("[clickhouse]", &format!("{reader}{password}"))
    });
    let collector = collector.resumed().await;

    let made = format!("CREATE USER OR REPLACE {}", ReaderScope::of([&first]).user());
    collector.rewrite(|text| text.replace("[console]", &format!("[console]\ntokens = [{}]", token("a", &first))));
    collector.signal(Signal::HUP);
    until("the log names the user", &collector, || collector.log().contains(&made)).await;
    assert_eq!(collector.log().matches("reading users not made").count(), 1, "{}", collector.log());
    let migrated = collector.command(&["migrate"]).output().await.unwrap();
    let printed = String::from_utf8(migrated.stdout).unwrap();
    let (_, by_hand) = printed.split_once("-- for the reading users, by an administrator:").expect("it prints them");
    assert!(by_hand.contains(&made), "{by_hand}");
    collector.end(Signal::TERM).await;
    drop(node);
}
