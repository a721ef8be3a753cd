//! The cluster without Keeper: shards of twins, one collector before them. Whatever happens to a node, all that was
//! answered `202` counts once and twins are equal.

use std::time::{Duration, Instant};

use clickhouse::{RowOwned, RowRead};
use rustix::process::Signal;
use sillage::store::StoreError;

use crate::collector::{Collector, SITE};
use crate::node::{ClusterNode, ClusterPlan};
use crate::visitors;

/// Longest time for a query's answer, attempts of an audit, and the pause between two.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(200);

/// Pageviews of each node's own table.
async fn own(plan: &ClusterPlan, number: u8) -> u64 {
    sum(plan, number, "site_days_local").await
}

async fn sum(plan: &ClusterPlan, number: u8, table: &str) -> u64 {
    let sql = format!("SELECT toUInt64(sum(pageviews)) FROM sillage.{table}");
    answered::<u64>(plan, number, &sql).await[0]
}

/// Rows of `sql` at one node; a node that has just started, or on a busy machine, may end a query early.
pub(crate) async fn answered<T: RowOwned + RowRead>(plan: &ClusterPlan, number: u8, sql: &str) -> Vec<T> {
    let began = Instant::now();
    loop {
        match plan.store(number).ask_as_owner(sql).rows::<T>().await {
            Ok(rows) => return rows,
            Err(error @ StoreError::Retryable(_)) => assert!(began.elapsed() < ANSWER_MAX, "node {number}: {error}"),
            Err(error) => panic!("node {number}: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Pageviews of a shard, once its replicas have the same: an insert may have reached one of them alone so far.
async fn of_twins(plan: &ClusterPlan, nodes: &[u8], what: &str) -> u64 {
    let began = Instant::now();
    loop {
        let mut twins = Vec::new();
        for number in nodes {
            twins.push(own(plan, *number).await);
        }
        if twins.windows(2).all(|pair| pair[0] == pair[1]) {
            return twins[0];
        }
        assert!(began.elapsed() < ANSWER_MAX, "{what}: twins differ: {twins:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until the entry counts `pageviews`, then compares twins and the sum of the shards.
pub(crate) async fn counted(plan: &ClusterPlan, what: &str, pageviews: u64) {
    let (entry, began) = (plan.shards[0][0], Instant::now());
    while sum(plan, entry, "site_days").await != pageviews {
        let found = sum(plan, entry, "site_days").await;
        assert!(began.elapsed() < Duration::from_secs(240), "{what}: {found} of {pageviews} pageviews are counted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut shards = Vec::new();
    for nodes in &plan.shards {
        shards.push(of_twins(plan, nodes, what).await);
    }
    assert_eq!(shards.iter().sum::<u64>(), pageviews, "{what}");
    println!(
        "| {what} | {pageviews} | {} | equal |",
        shards.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ")
    );
}

/// Runs all steps, with this number of visitors each.
pub(crate) async fn walk(people: usize) {
    println!("\n| cluster without Keeper | answered 202 = counted | on each shard | twins |");
    println!("|---|---|---|---|");
    let mut plan = ClusterPlan::new(&[&[1, 2]]);
    let mut nodes = vec![ClusterNode::start(&plan, 1).await, ClusterNode::start(&plan, 2).await];
    let sites = sites();
    let mut collector = Collector::start_on_cluster(&plan, &sites).await;
    let migrated = collector.command(&["migrate", "--dry-run"]).output().await.unwrap();
    let said = String::from_utf8(migrated.stdout).unwrap();
    for number in plan.numbers() {
        assert!(said.contains(&format!("{}: 0 statement(s) to run", plan.url(number))), "{said}");
    }
    let mut total = visitors::send_to_sites(collector.address, people, &sites).await;
    counted(&plan, "1 shard × 2 replicas, load", total).await;

    // A replica dies under load: nothing ships, hits wait in the spool, and are counted once when it is back.
    let sending = tokio::spawn(visitors::send_to_sites(collector.address, people, &sites));
    tokio::time::sleep(Duration::from_millis(people as u64 / 3)).await;
    nodes[1].kill();
    total += sending.await.unwrap();
    nodes[1].start_again(&plan).await;
    counted(&plan, "a replica is killed under load and starts again", total).await;

    // The collector starts while the first of its nodes is away: hits count when that node is back.
    collector = collector.end(Signal::TERM).await;
    nodes[0].kill();
    collector = collector.start_again_on_cluster(&plan, &sites).await;
    total += visitors::send_to_sites(collector.address, people, &sites).await;
    nodes[0].start_again(&plan).await;
    counted(&plan, "the collector starts while a replica is away", total).await;

    // A disk is lost: the twin rests while its folder is copied, tokens included.
    let sending = tokio::spawn(visitors::send_to_sites(collector.address, people, &sites));
    tokio::time::sleep(Duration::from_millis(people as u64 / 3)).await;
    nodes[1].kill();
    total += sending.await.unwrap();
    nodes[0].stop();
    nodes[1].copy_disk(&nodes[0]);
    nodes[0].start_again(&plan).await;
    nodes[1].start_again(&plan).await;
    counted(&plan, "a disk is lost and copied from the stopped twin", total).await;

    // A second shard: the nodes learn of it, then the collector makes its tables.
    plan.shards.push(vec![3, 4]);
    for number in [3, 4] {
        nodes.push(ClusterNode::start(&plan, number).await);
    }
    collector = collector.end(Signal::TERM).await;
    for node in &mut nodes[..2] {
        node.stop();
        node.start_again(&plan).await;
    }
    collector = collector.start_again_on_cluster(&plan, &sites).await;
    total += visitors::send_to_sites(collector.address, people, &sites).await;
    counted(&plan, "grown to 2 shards × 2 replicas", total).await;
    assert!(own(&plan, 3).await > 0, "sites of the second shard are counted there");
    let sending = tokio::spawn(visitors::send_to_sites(collector.address, people, &sites));
    tokio::time::sleep(Duration::from_millis(people as u64 / 3)).await;
    nodes[3].kill();
    nodes[3].start_again(&plan).await;
    total += sending.await.unwrap();
    counted(&plan, "a replica of the second shard is killed under load", total).await;

    // The audit looks at every node: a table that only one of them has is found there.
    plan.store(4).statement("CREATE TABLE sillage.leak (address String) ENGINE = Memory").await.unwrap();
    let audited = audit(&collector).await;
    let (said, error) = (String::from_utf8(audited.stdout).unwrap(), String::from_utf8_lossy(&audited.stderr));
    let fourth = said.split_once(&format!("node {}", plan.url(4))).map(|(_, report)| report);
    let fourth = fourth.unwrap_or_else(|| panic!("the fourth node is not audited: {error}"));
    assert!(fourth.contains("leak"), "{fourth}");
    assert!(plan.numbers().iter().all(|number| said.contains(&format!("node {}", plan.url(*number)))));
    assert_eq!(audited.status.code(), Some(1));
    collector.end(Signal::TERM).await;
}

/// Output of an audit that all nodes answered: on a busy machine one may not, and then there is no report.
async fn audit(collector: &Collector) -> std::process::Output {
    let mut audited = collector.command(&["audit"]).output().await.unwrap();
    for _ in 0..ATTEMPTS {
        if audited.status.code() != Some(2) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        audited = collector.command(&["audit"]).output().await.unwrap();
    }
    audited
}

/// Enough sites that each shard has some.
pub(crate) fn sites() -> Vec<String> {
    (0..8).map(|number| format!("{number}.{SITE}")).collect()
}
